"""`lifecycle worker`: the engine on Kafka. Loads faust only when it runs."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from lifecycle.cli.options import Broker, Database, PolicyFile, Spread, moment_of
from lifecycle.errors import SettingsRefused
from lifecycle.settings import Settings
from lifecycle.task import rfc3339

GIVEN = ("database", "shard", "policy", "broker", "ask_from", "spread_days")
"""Settings that may stand on the command line."""

Processes = Annotated[
    int,
    typer.Option(
        "--processes",
        metavar="N",
        min=1,
        help="Run so many workers, each a process that reads its share of the partitions. Each serves its "
        "metrics on a port of its own, from web_port on.",
    ),
]


Shard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="FIRST-LAST",
        show_default=False,
        help="With several databases: the partitions of people whose database this worker serves. [LIFECYCLE_SHARD]",
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="end|TIME",
        show_default=False,
        help="Read what the topics hold now, move time to the latest touchpoint or to a time such as "
        "2026-03-01T09:30:00Z, publish, and end. Without it: run until stopped.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="now|beginning|TIME",
        show_default=False,
        help="In an empty database, ask only from this moment on: what was due before it is not asked, and what is "
        "still owed comes anew then. Without it: from the first start on, or with --until from the beginning. "
        "Settled once, and never moved. [LIFECYCLE_ASK_FROM]",
    ),
]


def worker(
    db: Database = None,
    shard: Shard = None,
    policy: PolicyFile = None,
    broker: Broker = None,
    until: Until = None,
    from_: From = None,
    spread: Spread = None,
    processes: Processes = 1,
) -> None:
    """Fold touchpoints from Kafka and publish follow-up tasks.

    It runs until it is stopped by SIGTERM or SIGINT, or with --until until it is done. Run as many as there
    are partitions, on one machine with --processes. The database and the topics must be there: db upgrade,
    topics create. Everything else is a setting.

    \b
    Examples:
      lifecycle worker --broker localhost:9092 --db postgresql://lifecycle@localhost/lifecycle
      lifecycle worker --db postgresql://lifecycle@localhost/lifecycle --until end
      lifecycle worker --db postgresql://lifecycle@localhost/lifecycle --processes 4
      lifecycle worker --shard 0-3
    """
    if from_ not in (None, "now", "beginning"):
        from_ = rfc3339(moment_of(str(from_), option="--from", words="`now`, `beginning`"))
    settings = Settings.load(database=db, shard=shard, policy=policy, broker=broker, ask_from=from_, spread_days=spread)
    bound: Literal["end"] | None = "end" if until == "end" else None
    moment = moment_of(until, words="`end`") if until is not None and bound is None else None
    if processes > 1:
        raise typer.Exit(_several(settings, processes, until))
    from lifecycle.streams.worker import run_worker

    raise typer.Exit(run_worker(settings, until=moment or bound))


def _several(settings: Settings, processes: int, until: str | None) -> int:
    """Run several workers with these settings; what was given on the command line goes to them as variables."""
    from lifecycle.streams.processes import run_processes

    if settings.need_databases().urls[settings.need_shard()].startswith("sqlite"):
        raise SettingsRefused(
            f"--processes {processes} on SQLite: it serves one process. Leave --processes away, or name a PostgreSQL "
            "database with --db or LIFECYCLE_DATABASE."
        )
    given = {name: getattr(settings, name) for name in GIVEN}
    names = {f"LIFECYCLE_{name.upper()}": str(value) for name, value in given.items() if value is not None}
    command = [sys.executable, "-m", "lifecycle.cli", "worker", *(["--until", until] if until else [])]
    own = []
    for place in range(processes):
        port = settings.web_port + place if settings.web_port else 0
        name = {} if settings.instance is None else {"LIFECYCLE_INSTANCE": f"{settings.instance}-{place}"}
        own.append({**names, **name, "LIFECYCLE_WEB_PORT": str(port)})
    return run_processes(command, own, ends=until is not None)
