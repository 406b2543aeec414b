"""Late news of somebody with a long log: one touchpoint, taken in and committed, on each store.

What it measures: seconds on the clock of `Engine.ingest` for one touchpoint that occurred at a random time within the
log of a person with 10,000 touchpoints, or within the last 1,000 or 64 of them, by the default policy. The log is 8
years of a customer who is talked to and buys now and then, and has a new need every half year. SQLite, and a real
PostgreSQL of its own (fsync on both).

What it does not: Kafka, many people, messages that are sent.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks._figures import Spread, positive, report, spread
from lifecycle.engine.engine import Engine
from lifecycle.policies import shipped_policy
from lifecycle.record import Batch, Place, Record
from lifecycle.rules.language.load import load_policy
from lifecycle.store.store import open_store
from lifecycle.touchpoint import Touchpoint
from tests.servers import PostgresServer

BEGIN = datetime(2016, 1, 4, 9, tzinfo=UTC)
YEARS = timedelta(days=8 * 365)
NOW = BEGIN + YEARS + timedelta(days=1)

KINDS: Sequence[tuple[str, dict[str, Any]]] = (
    ("need.stated", {"need": ""}),
    ("reply.sent", {"need": ""}),
    ("reply.sent", {"need": ""}),
    ("conversation.held", {"need": "", "about": "other"}),
    ("conversation.held", {"need": "", "about": "other"}),
    ("offer.made", {"need": ""}),
    ("decision.made", {"need": "", "outcome": "with_us"}),
    ("purchase.completed", {"need": "", "amount": "10.00 EUR"}),
)


def touchpoint(source: random.Random, number: int, at: datetime) -> Touchpoint:
    """Return one touchpoint of the customer, about the need of that half year."""
    kind, data = source.choice(KINDS)
    need = f"need-{(at - BEGIN).days // 182}"
    return Touchpoint(
        "anna", "urn:late", f"t{number}", kind, at, None, {key: value or need for key, value in data.items()}
    )


def batch(touchpoints: Sequence[Touchpoint]) -> Batch:
    """Return touchpoints as records of a file."""
    return Batch(tuple(Record(Place("file:late", 0, n), b"{}", each) for n, each in enumerate(touchpoints)))


def measure(url: str, count: int, repetitions: int) -> Iterator[tuple[str, list[float]]]:
    """Yield how many milliseconds each late touchpoint took, by how far back it may lie."""
    source = random.Random(1)
    with closing(open_store(url, create=True)) as store:
        engine = Engine(store, load_policy(shipped_policy()), opened_at=NOW)
        times = sorted(BEGIN + YEARS * source.random() for _ in range(count))
        log = [touchpoint(source, number, at) for number, at in enumerate(times)]
        engine.ingest(batch(log), received_at=NOW, ceiling=NOW, until=NOW)
        number = count
        for back in (count, 1_000, 64):
            taken = []
            for _ in range(repetitions):
                number += 1
                at = times[-back] + (times[-1] - times[-back]) * source.random()
                late = batch([touchpoint(source, number, at)])
                begun = time.perf_counter()
                engine.ingest(late, received_at=NOW, ceiling=NOW, until=NOW)
                taken.append((time.perf_counter() - begun) * 1_000)
            yield f"within the last {back:,}" if back < count else "anywhere", taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="a late touchpoint of somebody with a long log")
    parser.add_argument("--touchpoints", type=positive, default=10_000)
    parser.add_argument("--repetitions", type=positive, default=100)
    given = parser.parse_args()
    rows: dict[str, dict[str, Spread]] = {}
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="lifecycle-benchmark-"))
        stores = {
            "SQLite": f"sqlite:///{Path(folder) / 'late.db'}",
            "PostgreSQL": stack.enter_context(PostgresServer(durable=True)).url.replace("+psycopg", ""),
        }
        for name, url in stores.items():
            for where, taken in measure(url, given.touchpoints, given.repetitions):
                ninth = sorted(taken)[int(len(taken) * 0.9)]
                rows[f"{name}, {where}"] = {"ms": spread(taken), "9 of 10": spread([ninth])}
    on = f"one person with {given.touchpoints:,} touchpoints; {given.repetitions} late ones each"
    report("late", "late news, to the commit", on, {"ms": ".1f", "9 of 10": ".1f"}, rows)


if __name__ == "__main__":
    main()
