"""`lifecycle run`: the main job without Kafka, on files and one database."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer

from lifecycle.cli.beginnings import asks_from
from lifecycle.cli.options import Database, From, PolicyFile, Spread, moment_of, until_of
from lifecycle.cli.output import number, plural
from lifecycle.cli.progress import shown_progress
from lifecycle.cli.times import Times
from lifecycle.embedded import RunResult, run as run_embedded
from lifecycle.errors import SettingsRefused
from lifecycle.files.event_lines import STANDARD_INPUT
from lifecycle.record import LABEL_NAMES, OUTCOME_NAMES
from lifecycle.settings import Settings
from lifecycle.wire import codec

COLLECT_EVERY = 100_000
"""New objects after which Python looks for circles of garbage; its default is 700."""


Events = Annotated[
    list[str],
    typer.Option(
        "--events",
        metavar="FILE",
        help="Touchpoints, one CloudEvent in JSON a line, plain or gzip; - is standard input. May be given again.",
    ),
]
TaskFile = Annotated[
    str | None,
    typer.Option(
        "--tasks",
        metavar="FILE",
        show_default=False,
        help="Where messages about tasks are appended, one a line; - is standard output. "
        "Without it they wait in the database.",
    ),
]
Until = Annotated[
    str,
    typer.Option(
        "--until",
        metavar="now|end|TIME",
        help="How far time moves: to the clock, to the latest touchpoint, or to a time such as "
        "2026-03-01T09:30:00Z. Later touchpoints wait in the database.",
    ),
]


def run(
    events: Events,
    db: Database = None,
    policy: PolicyFile = None,
    tasks: TaskFile = None,
    until: Until = "now",
    from_: From = None,
    spread: Spread = None,
) -> None:
    """Read touchpoints, move time, write the follow-up tasks. No Kafka is needed.

    It can be stopped at any point, also by kill -9, and started again: files are read again from their
    start, and what was taken in already counts as a repetition.

    \b
    Examples:
      lifecycle run --events touchpoints.jsonl --db sqlite:///lifecycle.db --tasks tasks.jsonl
      lifecycle run --events history.jsonl.gz --db sqlite:///lifecycle.db --tasks tasks.jsonl --until end
      lifecycle run --events history.jsonl --db sqlite:///lifecycle.db --from 2026-03-01T00:00:00Z --spread 14
      zcat *.gz | lifecycle run --events - --db sqlite:///lifecycle.db --tasks - --until end
    """
    settings = Settings.load(database=db, policy=policy)
    ask_from = _ask_from(from_, spread)
    if events.count(STANDARD_INPUT) > 1:
        raise SettingsRefused("--events - is given twice; standard input can be read once.")
    # A batch makes many objects and frees them by itself; looking for circles among them takes a tenth of the run.
    gc.set_threshold(COLLECT_EVERY)
    try:
        with shown_progress() as tell:
            result = run_embedded(
                events,
                store=settings.need_database(),
                policy=settings.policy,
                tasks=tasks,
                until=until_of(until),
                progress=None if tell is None else lambda each: tell(each.phase, each.done, each.total),
                limits=codec.Limits(settings.max_body_bytes),
                future=settings.future,
                ask_from=ask_from,
                spread_days=spread,
            )
    except BrokenPipeError:
        typer.echo(
            "lifecycle: whoever read the messages went away. Those not taken stay in the database; the next run with "
            "--tasks writes them.",
            err=True,
        )
        raise
    for line in summary(result, settings.need_database(), tasks):
        typer.echo(line, err=True)


def _ask_from(given: str | None, spread: int | None) -> datetime | None:
    if given is None and spread is not None:
        raise SettingsRefused("--spread says over how many days what is still owed at --from comes; give --from too.")
    return None if given is None else moment_of(given, option="--from")


def summary(result: RunResult, url: str, tasks: str | None) -> Iterator[str]:
    """Yield what a run came to, in a few lines, and where to look next."""
    counts = result.accounting.as_mapping()
    outcomes = [f"{number(counts[name])} {_words(name)}" for name in OUTCOME_NAMES if counts[name]]
    labels = [f"{number(counts[name])} {_words(name)}" for name in LABEL_NAMES if counts[name]]
    received = f"{plural(result.accounting.received, 'record')} received"
    among = f" (among them {', '.join(labels)})" if labels else ""
    yield f"{received}{' = ' + ' + '.join(outcomes) if outcomes else ''}{among}."
    census = result.census
    at = "nowhere yet" if result.reached_at is None else Times(result.zone)(result.reached_at)
    yield f"{plural(census.people, 'person', 'people')}; time has moved to {at}."
    by_lane = ", ".join(f"{lane} {number(count)}" for lane, count in census.tasks.items())
    open_tasks = sum(census.tasks.values())
    yield f"{plural(open_tasks, 'open task')}{': ' + by_lane if open_tasks else ''}."
    yield from asks_from(result.ask_from, census, result.reached_at, Times(result.zone))
    if result.belongs_to_workers:
        yield "This database belongs to workers: they move time and send the messages; this run only added to it."
    elif tasks is not None:
        where = "standard output" if tasks == "-" else tasks
        yield f"{plural(result.written, 'message')} written to {where}."
    elif result.waiting:
        yield f"{plural(result.waiting, 'message')} about tasks in the database; --tasks FILE writes what waits."
    if census.forgotten:
        yield f"{plural(census.forgotten, 'person', 'people')} without a next obligation: people count says who."
    # A URL of a server may hold a password, and this ends up in logs.
    option = f" --db {url}" if url.startswith("sqlite") else ""
    yield f"Look next: lifecycle people count{option}; lifecycle tasks list{option}"
    if result.dead_letters:
        yield f"{plural(result.dead_letters, 'record')} refused: lifecycle dead-letters list{option}"


def _words(name: str) -> str:
    return name.replace("_", "-" if name == "dead_lettered" else " ")
