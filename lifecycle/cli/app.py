"""The program `lifecycle`: all commands in one tree, and what becomes of errors and signals.

Each noun has a file of its own, which says what its commands do. Errors of ours end a command with one message on
standard error and an exit code: 1, or 2 where the command was used wrongly; they never show a traceback.
Any other exception is a fault of the program and does.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from lifecycle.cli import (
    database,
    dead_letters,
    explanation,
    foreign_files,
    people,
    policies,
    policy,
    publishing,
    runs,
    tasks,
    topics,
    workers,
)
from lifecycle.errors import LifecycleError, SettingsRefused

FAILED, MISUSED, INTERRUPTED, READER_GONE = 1, 2, 130, 141
"""Exit codes. The last two are what a shell reports of a program ended by SIGINT and by SIGPIPE."""


class Guarded(TyperGroup):
    """The root of the tree: turns what a command raises into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command (called by typer)."""
        try:
            result = super().invoke(ctx)
            # Here and not at exit, where a reader that has gone would be a message nobody can act on.
            sys.stdout.flush()
        except LifecycleError as error:
            sys.stdout.flush()
            typer.echo(f"lifecycle: {error}", err=True)
            raise typer.Exit(MISUSED if isinstance(error, SettingsRefused) else FAILED) from None
        except KeyboardInterrupt:
            typer.echo("lifecycle: stopped. What was committed stands; run the same command again.", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough. What is still buffered has nowhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(READER_GONE) from None
        return result


app = typer.Typer(
    cls=Guarded,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="""Touchpoints in, follow-up tasks out: how far people have got with what they need.

\b
Try it without Kafka:
  lifecycle run --events touchpoints.jsonl --db sqlite:///lifecycle.db --tasks tasks.jsonl --until end
  lifecycle people count --db sqlite:///lifecycle.db
  lifecycle tasks list --db sqlite:///lifecycle.db

Every option --db can be left out where LIFECYCLE_DATABASE or the file lifecycle.toml names the database.
""",
)
app.command("run")(runs.run)
app.command("worker")(workers.worker)
app.command("publish")(publishing.publish)
app.command("import")(foreign_files.import_file)
app.add_typer(people.app, name="people")
app.add_typer(tasks.app, name="tasks")
app.command("explain")(explanation.explain)
app.add_typer(dead_letters.app, name="dead-letters")
policies.register(policy.app)
app.add_typer(policy.app, name="policy")
app.add_typer(database.app, name="db")
app.add_typer(topics.app, name="topics")


def main() -> None:
    """Run the program: the entry point of `.venv/bin/lifecycle` and of `python -m lifecycle.cli`."""
    app(prog_name="lifecycle")
