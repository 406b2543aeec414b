"""What a touchpoint costs when ten times as many people are there: taken in and committed, on PostgreSQL.

What it measures: CPU seconds of this process and seconds on the clock for batches of 500 touchpoints of people drawn at
random, by the default policy, in one database that grows from one size to the next. A real PostgreSQL of its own
(fsync on); the people are put in by `Engine.ingest` too.

What it does not: Kafka, due people, messages that are sent.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from statistics import median

from benchmarks._figures import positive, print_ratios, print_table
from lifecycle.engine.engine import Engine
from lifecycle.policies import shipped_policy
from lifecycle.record import Batch, Place, Record
from lifecycle.rules.language.load import load_policy
from lifecycle.store.store import open_store
from lifecycle.touchpoint import Touchpoint
from tests.servers import PostgresServer

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = BEGIN + timedelta(days=30)
BATCH = 500
KINDS = ("reply.sent", "conversation.held", "offer.made")


def batch(touchpoints: Sequence[Touchpoint]) -> Batch:
    """Return touchpoints as records of a file."""
    return Batch(tuple(Record(Place("file:growth", 0, n), b"{}", each) for n, each in enumerate(touchpoints)))


def measure(engine: Engine, people: int, known: int, batches: int) -> tuple[float, float]:
    """Let there be so many people; return microseconds a touchpoint, CPU of this process and on the clock."""
    source = random.Random(people)
    for first in range(known, people, BATCH):
        stated = [
            Touchpoint(f"p{number}", "urn:growth", "first", "need.stated", BEGIN, None, {"need": "n"})
            for number in range(first, min(first + BATCH, people))
        ]
        engine.ingest(batch(stated), received_at=NOW, ceiling=NOW, until=BEGIN, publish=False)
    cpu, wall = [], []
    for number in range(batches):
        at = BEGIN + timedelta(minutes=people % 997 + number)
        some = [
            Touchpoint(f"p{source.randrange(people)}", "urn:growth", f"{people}-{number}-{n}", kind, at, None, data)
            for n in range(BATCH)
            for kind in (source.choice(KINDS),)
            for data in ({"need": "n", "about": "other"} if kind == "conversation.held" else {"need": "n"},)
        ]
        begun, spent = time.perf_counter(), time.process_time()
        engine.ingest(batch(some), received_at=NOW, ceiling=NOW, until=at, publish=False)
        cpu.append((time.process_time() - spent) / BATCH * 1e6)
        wall.append((time.perf_counter() - begun) / BATCH * 1e6)
    return median(cpu), median(wall)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what a touchpoint costs as the people grow")
    parser.add_argument("--people", type=positive, action="append", help="may be repeated (10000, 100000)")
    parser.add_argument("--batches", type=positive, default=40)
    given = parser.parse_args()
    sizes, rows, figures = sorted(given.people or [10_000, 100_000]), [], []
    with ExitStack() as stack:
        url = stack.enter_context(PostgresServer(durable=True)).url.replace("+psycopg", "")
        store = stack.enter_context(closing(open_store(url, create=True)))
        engine, known = Engine(store, load_policy(shipped_policy()), opened_at=NOW), 0
        for people in sizes:
            figures.append(measure(engine, people, known, given.batches))
            known = people
            rows.append((f"{people:,}", *(f"{each:.0f}" for each in figures[-1])))
    print_table("growth, us a touchpoint, medians", ("people", "CPU", "clock"), rows)
    print_ratios({f"{sizes[-1]:,} / {sizes[0]:,} people, clock": figures[-1][1] / figures[0][1]})


if __name__ == "__main__":
    main()
