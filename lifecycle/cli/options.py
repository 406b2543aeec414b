"""What several commands share: their options, and opening what those name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from lifecycle.api import open_questions
from lifecycle.ask_from import MAX_SPREAD_DAYS
from lifecycle.cli.exits import FAILED
from lifecycle.cli.output import plural
from lifecycle.cli.terminal import safe_lines
from lifecycle.cli.times import zone_named
from lifecycle.databases import Databases, Shard
from lifecycle.errors import LifecycleError, SettingsRefused
from lifecycle.moment import parse_time
from lifecycle.reading.questions import Questions
from lifecycle.settings import Settings
from lifecycle.store import Store, Stores, open_store, require_shard
from lifecycle.touchpoint import EARLIEST, LATEST

Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        show_default=False,
        help="The database: sqlite:///FILE or postgresql://USER@HOST/NAME. [LIFECYCLE_DATABASE]",
    ),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        show_default=False,
        help="The policy. Without it the one active in the database, else the default. [LIFECYCLE_POLICY]",
    ),
]
Broker = Annotated[
    str | None,
    typer.Option(
        "--broker",
        metavar="HOST:PORT",
        show_default=False,
        help="Kafka's bootstrap servers. [LIFECYCLE_BROKER]",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        show_default=False,
        help="Ask only from this moment on: what was due before it is not asked, and what is still owed (repeated "
        "tasks, reviews, what a loss asks for) comes anew then. Settled by the first run, and never moved.",
    ),
]
Spread = Annotated[
    int | None,
    typer.Option(
        "--spread",
        metavar="DAYS",
        show_default=False,
        min=1,
        max=MAX_SPREAD_DAYS,
        help="Days over which what is still owed at --from comes, each person on a day of their own.",
    ),
]
Csv = Annotated[
    bool,
    typer.Option("--csv", help="Comma-separated, with a first line of names, for a spreadsheet. Times are in UTC."),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One canonical JSON object a line, sorted: two runs compare by byte."),
]


def moment_of(text: str, *, option: str = "--until", words: str = "") -> datetime:
    """Return the moment that an option names, as aware UTC; `words` are what it may be instead, for the message.

    Read as every time is, and as people type it: seconds may be left out. Raises SettingsRefused for what is no time,
    or has no zone.
    """
    at = parse_time(text) or _typed(text)
    if at is None or not EARLIEST <= at < LATEST:
        other = f"{words} or " if words else ""
        raise SettingsRefused(f'{option} is {other}a time with a zone such as 2026-03-01T09:30:00Z, got "{text}".')
    return at


def _typed(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
        return None if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def until_of(text: str) -> datetime | Literal["now", "end"]:
    """Return what an --until means. Raises SettingsRefused."""
    if text in ("now", "end"):
        return "now" if text == "now" else "end"
    return moment_of(text, words="`now`, `end`")


@contextmanager
def asking(db: str | None, zone: str | None = None) -> Iterator[Questions]:
    """Open the databases for reading alone, by the policy that is active in them; `zone` is that of times in answers.

    None: the policy's. Raises SettingsRefused for a zone that is none.
    """
    with asking_with_store(db, zone) as (_, questions):
        yield questions


@contextmanager
def asking_with_store(db: str | None, zone: str | None = None) -> Iterator[tuple[Store | Stores, Questions]]:
    """The same, with the store, for what is read as it was received.

    Ends with a note where somebody who was shown stands by another policy yet.
    """
    told_in = None if zone is None else zone_named(zone)
    store, questions = open_questions(Settings.load(database=db).need_databases(), told_in=told_in)
    with closing_store(store):
        yield store, questions
        if questions.behind:
            policy = questions.machine.policy
            typer.echo(
                f"{plural(len(questions.behind), 'person', 'people')} here stood by another policy when last folded. "
                f"Shown is how they stand by the active one, {policy.name} ({policy.hash}); whoever does the tasks is "
                "told when a worker or the next run has folded them again.",
                err=True,
            )


def in_each(
    db: str | None,
    do: Callable[[Store], None],
    *,
    prepare: Callable[[Store, Databases, Shard], None] = require_shard,
    create: bool = False,
) -> None:
    """Do something in every database, one after the other.

    Of several one that fails does not keep the others from it: it is told which it was, and the command ends with 1. It
    may be run again. `prepare` is called first; as it is, it sees that the database holds what the map says.
    """
    databases, failed = Settings.load(database=db).need_databases(), []
    for shard, url in databases.urls.items():
        try:
            with closing_store(open_store(url, create=create)) as store:
                if not databases.is_one:
                    typer.echo(f"partitions {shard}, {store.where}:")
                    prepare(store, databases, shard)
                do(store)
        except LifecycleError as error:
            if databases.is_one:
                raise
            typer.echo(f"lifecycle: {safe_lines(str(error))}", err=True)
            failed.append(str(shard))
    if failed:
        typer.echo(
            f"Not done for the partitions {', '.join(failed)}, done for the others. Run the same command again: where "
            "it is done, nothing changes.",
            err=True,
        )
        raise typer.Exit(FAILED)


Closing = TypeVar("Closing", Store, Stores, Store | Stores)


@contextmanager
def closing_store(store: Closing) -> Iterator[Closing]:
    """Close a store when the command is over."""
    try:
        yield store
    finally:
        store.close()
