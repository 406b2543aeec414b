"""The program `lifecycle`: all commands in one tree, and what becomes of errors and signals.

Each noun has a file of its own, which says what its commands do. A file is imported when one of its commands is
called: that it is not, for `lifecycle --help` and for the other nouns, is what keeps the start short. So the line
that help shows of each stands here, and a test holds it against the file.

Errors of ours, and what the system refuses, end a command with one message on standard error and an exit code
(exits.py); they never show a traceback. Any other exception is a fault of the program and does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lifecycle.cli.exits import FAILED, INTERRUPTED, READER_GONE, STOPPED, code_of
from lifecycle.errors import LifecycleError, reason_of


@dataclass(frozen=True)
class Entry:
    """Where a command or a noun is: `place` is a module of commands/ and a name in it."""

    place: str
    help: str

    def load(self, name: str) -> Any:
        """Import it and return it as a command called `name`."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(f"lifecycle.cli.commands.{module}"), attribute)
        if isinstance(found, typer.Typer):
            command: Any = typer.main.get_group(found)
        else:
            alone = typer.Typer(rich_markup_mode=None, add_completion=False)
            alone.command(name)(found)
            command = typer.main.get_command(alone)
        command.name = name
        return command


ENTRIES = {
    "run": Entry("runs:run", "Read touchpoints, move time, write the follow-up tasks."),
    "worker": Entry("workers:worker", "Fold touchpoints from Kafka and publish follow-up tasks."),
    "publish": Entry("publishing:publish", "Send every line of a file to the touchpoints topic."),
    "import": Entry("foreign_files:import_file", "Turn a foreign file into touchpoint lines."),
    "explain": Entry(
        "explanation:explain", "Tell why a task is asked, where a person stands, or why something is not so."
    ),
    "people": Entry("people:app", "Where people stand."),
    "tasks": Entry("tasks:app", "The follow-ups that are asked for."),
    "touchpoints": Entry("touchpoints:app", "What was received, of whom and of which types."),
    "dead-letters": Entry("dead_letters:app", "The records that were refused."),
    "policy": Entry("policy:app", "Which policy folds the database."),
    "db": Entry("database:app", "The tables in the database."),
    "topics": Entry("topics:app", "The topics in Kafka."),
}
"""Commands and nouns in the order of help."""


class Commands(Mapping[str, Any]):
    """The commands of the root by name, each loaded when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = ENTRIES[name].load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(ENTRIES)

    def __len__(self) -> int:
        return len(ENTRIES)


class Guarded(TyperGroup):
    """The root of the tree: turns what a command raises into a message and an exit code."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands: Any = Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, without loading anything (called by typer)."""
        return list(ENTRIES)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands in help, without loading anything (called by typer)."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in ENTRIES.items()])

    def invoke(self, ctx: Any) -> Any:
        """Run a command (called by typer)."""
        try:
            result = super().invoke(ctx)
            # Here and not at exit, where a reader that has gone would be a message nobody can act on.
            _flush()
        except LifecycleError as error:
            _say(str(error))
            raise typer.Exit(code_of(error)) from None
        except KeyboardInterrupt:
            _leave_output()
            typer.echo(STOPPED, err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough.
            _leave_output()
            raise typer.Exit(READER_GONE) from None
        except OSError as error:
            # Whatever the command was doing when the system said no: a full disk under our output, most often.
            _leave_output()
            where = error.filename if isinstance(error.filename, str) else "standard output"
            _say(f"{where}: {reason_of(error)}. Make room or mend it, and run the same command again.")
            raise typer.Exit(FAILED) from None
        return result


def _say(message: str) -> None:
    from lifecycle.cli.terminal import safe_lines

    _flush()
    typer.echo(f"lifecycle: {safe_lines(message)}", err=True)


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _leave_output() -> None:
    """Let go of standard output: what is still buffered has nowhere to go, and the end of the program would try."""
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError):
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _version(wanted: bool) -> None:
    if wanted:
        from lifecycle.version import program_version

        typer.echo(f"lifecycle {program_version()}")
        raise typer.Exit


app = typer.Typer(
    cls=Guarded,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Touchpoints in, follow-up tasks out: how far people have got with what they need.

\b
Try it without Kafka:
  lifecycle run --events touchpoints.jsonl --db sqlite:///lifecycle.db --tasks tasks.jsonl --until end
  lifecycle people count --db sqlite:///lifecycle.db
  lifecycle tasks list --db sqlite:///lifecycle.db

Every option --db can be left out where LIFECYCLE_DATABASE or the file lifecycle.toml names the database.
""",
)


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show it and exit.")
    ] = False,
) -> None:
    """Make the program a tree although no command is registered: `Guarded` finds them (called by typer)."""
