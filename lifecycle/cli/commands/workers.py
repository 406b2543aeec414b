"""`lifecycle worker`: the engine on Kafka. Loads faust only when it runs."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from lifecycle.cli.options import Broker, Database, PolicyFile, Spread, moment_of
from lifecycle.settings import Settings
from lifecycle.task import rfc3339


def worker(
    db: Database = None,
    policy: PolicyFile = None,
    broker: Broker = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="end|TIME",
            show_default=False,
            help="Read what the topics hold now, move time to the latest touchpoint or to a time such as "
            "2026-03-01T09:30:00Z, publish, and end. Without it: run until stopped.",
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="now|beginning|TIME",
            show_default=False,
            help="In an empty database, ask only from this moment on: what was due before it is not asked, and what is "
            "still owed comes anew then. Without it: from the first start on, or with --until from the beginning. "
            "Settled once, and never moved. [LIFECYCLE_ASK_FROM]",
        ),
    ] = None,
    spread: Spread = None,
) -> None:
    """Fold touchpoints from Kafka and publish follow-up tasks.

    It runs until it is stopped by SIGTERM or SIGINT, or with --until until it is done. Run as many as there
    are partitions. The database and the topics must be there: db upgrade, topics create. Everything else
    is a setting.

    \b
    Examples:
      lifecycle worker --broker localhost:9092 --db postgresql://lifecycle@localhost/lifecycle
      lifecycle worker --db postgresql://lifecycle@localhost/lifecycle --until end
    """
    from lifecycle.streams.worker import run_worker

    if from_ not in (None, "now", "beginning"):
        from_ = rfc3339(moment_of(str(from_), option="--from", words="`now`, `beginning`"))
    settings = Settings.load(database=db, policy=policy, broker=broker, ask_from=from_, spread_days=spread)
    bound: Literal["end"] | None = "end" if until == "end" else None
    moment = moment_of(until, words="`end`") if until is not None and bound is None else None
    raise typer.Exit(run_worker(settings, until=moment or bound))
