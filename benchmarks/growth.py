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

from benchmarks._figures import positive, report, spread
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


def measure(engine: Engine, people: int, known: int, batches: int) -> tuple[list[float], list[float]]:
    """Let there be so many people; return microseconds a touchpoint of each batch, CPU and clock."""
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
    return cpu, wall


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what a touchpoint costs as the people grow")
    parser.add_argument("--people", type=positive, action="append", help="may be repeated (10000, 100000)")
    parser.add_argument("--batches", type=positive, default=40)
    given = parser.parse_args()
    sizes, rows = sorted(given.people or [10_000, 100_000]), {}
    with ExitStack() as stack:
        url = stack.enter_context(PostgresServer(durable=True)).url.replace("+psycopg", "")
        store = stack.enter_context(closing(open_store(url, create=True)))
        engine, known = Engine(store, load_policy(shipped_policy()), opened_at=NOW), 0
        for people in sizes:
            cpu, wall = measure(engine, people, known, given.batches)
            known = people
            rows[f"{people:,} people"] = {"CPU us": spread(cpu), "clock us": spread(wall)}
    least, most = rows[f"{sizes[0]:,} people"], rows[f"{sizes[-1]:,} people"]
    ratios = {
        f"{sizes[-1]:,} / {sizes[0]:,} people, {name}": spread([most[name].median / least[name].median])
        for name in ("CPU us", "clock us")
    }
    on = f"{given.batches} batches of {BATCH} touchpoints at each size"
    report("growth", "a touchpoint as people grow, PostgreSQL", on, {"CPU us": ".0f", "clock us": ".0f"}, rows, ratios)


if __name__ == "__main__":
    main()
