"""What it takes to move time for very many people who are due at once, and what the intake feels of it.

What it measures: people/s and CPU seconds of one process, and of two that have half of the partitions each, that move
time until nobody is due (_sweep.py; a real PostgreSQL, fsync on). Then the time to task of touchpoints that come at a
steady rate into one live worker on a real Kafka, before its people are due and while it sweeps them. Each person's
need has waited 60 days: one timer fires, one task is asked for.

What it does not: sending what was asked for, in the first part; late news; people of whom more than time is due.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import psycopg

from benchmarks._figures import Spread, positive, ratio, report, run_module, spread
from benchmarks._history import History, environment
from benchmarks._site import PARTITIONS, Site, site
from benchmarks.latency import POLICY, WARM_UP_SECONDS, measure
from lifecycle.engine.engine import Engine
from lifecycle.record import Batch, Place, Record
from lifecycle.rules.language.load import load_policy
from lifecycle.settings import Settings
from lifecycle.store.store import open_store
from lifecycle.touchpoint import Touchpoint

WAITED = timedelta(days=60)
FILLED_PER_SECOND = 1_500
"""People put into the database in a second at the least: so long before they are due it is begun."""

PAGE = 1_000
SWEEP_FORMS = {"people/s": ",.0f", "CPU s per 100k": ".1f"}
INTAKE_FORMS = {"p50 ms": ".0f", "p90 ms": ".0f", "p99 ms": ".0f", "people/s swept": ",.0f"}


def fill(database: str, people: int, due_at: datetime) -> None:
    """Put people into a new database who are all due at one moment, a second after what time has reached."""
    stated_at, before = due_at - WAITED, due_at - timedelta(seconds=1)
    with closing(open_store(database, create=True)) as store:
        store.set_partitions(PARTITIONS)
        engine = Engine(store, load_policy(POLICY), opened_at=stated_at)
        for first in range(0, people, PAGE):
            stated = [
                Touchpoint(f"due-{number}", "urn:sweeps", "first", "need.stated", stated_at, None, {"need": "one"})
                for number in range(first, min(first + PAGE, people))
            ]
            records = (Record(Place("file:sweeps", 0, n), b"{}", each) for n, each in enumerate(stated))
            engine.ingest(Batch(tuple(records)), received_at=before, ceiling=before, until=before)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("TRUNCATE outbox")
        connection.execute("VACUUM ANALYZE")


def due(database: str, due_at: datetime) -> int:
    """Count who is due still."""
    microseconds = int(due_at.timestamp()) * 1_000_000
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM people WHERE next_due_at <= %s", [microseconds]).fetchone()
    assert row is not None
    return int(row[0])


def copy(here: Site, database: str) -> str:
    """Return a new database that holds what another one does."""
    name = here.name("copy")
    with psycopg.connect(here.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {database.rpartition('/')[2]}".encode())
        connection.execute("CHECKPOINT")
    return f"{here.url.rpartition('/')[0]}/{name}"


def sweep(here: Site, filled: str, policy: Path, due_at: datetime, people: int, processes: int) -> dict[str, float]:
    """Let so many processes move everybody, each those of its own partitions; return what was measured."""
    database = copy(here, filled)

    def run(number: int) -> Mapping[str, float]:
        mine = [str(each) for each in range(number, PARTITIONS, processes)]
        given = [database, str(policy), due_at.isoformat(), *mine]
        found: dict[str, float] = json.loads(run_module("benchmarks._sweep", given, folder=policy.parent).output)
        return found

    with ThreadPoolExecutor(processes) as threads:
        found = list(threads.map(run, range(processes)))
    moved = sum(each["people"] for each in found)
    # Nobody was moved by both, and nobody was passed over.
    assert moved == people, f"{people:,} people were due, {moved:,} were moved"
    assert due(database, due_at) == 0
    seconds = max(each["ended"] for each in found) - min(each["begun"] for each in found)
    cpu = sum(each["cpu"] for each in found)
    with psycopg.connect(here.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {database.rpartition('/')[2]}".encode())
    return {"people/s": people / seconds, "CPU s per 100k": cpu / people * 100_000}


def swept(here: Site, policy: Path, people: int, repetitions: int) -> tuple[dict[str, dict[str, Spread]], Spread]:
    """Sweep by one process and by two in turn; return the rows, and what two do of what one does."""
    due_at, filled = datetime(2026, 6, 1, 9, tzinfo=UTC), here.new_database()
    fill(filled, people, due_at)
    found: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    for _ in range(repetitions):
        for processes, figures in found.items():
            figures.append(sweep(here, filled, policy, due_at, people, processes))
    names = {1: "one process", 2: "two processes"}
    rows = {
        names[processes]: {column: spread(each[column] for each in figures) for column in SWEEP_FORMS}
        for processes, figures in found.items()
    }
    one, two = ([each["people/s"] for each in found[processes]] for processes in (1, 2))
    return rows, ratio(two, one)


def beside(
    here: Site, policy: Path, people: int, rate: int, seconds: int
) -> tuple[dict[str, dict[str, Spread]], float]:
    """Measure the time to task before people are due, and while a live worker sweeps them; and the ratio of p99."""
    database, tasks = here.new_database(), Settings.load(broker=here.broker).tasks
    wait = people / FILLED_PER_SECOND + seconds + 3 * WARM_UP_SECONDS + 20
    due_at = (datetime.now(UTC) + timedelta(seconds=wait)).replace(microsecond=0)
    fill(database, people, due_at)
    given = {**environment(), **here.settings(database), "LIFECYCLE_POLICY": str(policy)}
    command = [sys.executable, "-m", "lifecycle.cli", "worker"]
    with (Path(os.environ.get("TMPDIR", "/tmp")) / "lifecycle-sweeps.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=policy.parent, env=given, stdout=log, stderr=log)
        try:
            asyncio.run(measure(here, tasks, 50, 1, "first"))
            alone = asyncio.run(measure(here, tasks, rate, seconds, "alone"))
            left = (due_at - datetime.now(UTC)).total_seconds()
            if left < 0:
                raise SystemExit(f"people were due {-left:.0f} s too early: the machine is too slow for so many")
            time.sleep(left + 1)
            before, begun = due(database, due_at), time.perf_counter()
            together = asyncio.run(measure(here, tasks, rate, seconds, "beside"))
            after, spent = due(database, due_at), time.perf_counter() - begun
        finally:
            worker.terminate()
            worker.wait()
    if not after:
        print(f"(the sweep of {people:,} people was over before the intake beside it was measured: give more people)")
    cuts = {"alone": quantiles(alone, n=100), "beside a sweep": quantiles(together, n=100)}
    rows = {
        f"intake at {rate:,}/s, {name}": {
            column: spread([cut[index]]) for column, index in zip(INTAKE_FORMS, (49, 89, 98), strict=False)
        }
        for name, cut in cuts.items()
    }
    rows[f"intake at {rate:,}/s, beside a sweep"]["people/s swept"] = spread([(before - after) / spent])
    return rows, cuts["beside a sweep"][98] / cuts["alone"][98]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="many people due at once, and the intake meanwhile")
    parser.add_argument("--people", type=positive, default=100_000)
    parser.add_argument("--repetitions", type=positive, default=2)
    parser.add_argument("--rate", type=positive, default=500, help="touchpoints/s while the worker sweeps")
    parser.add_argument("--seconds", type=positive, default=15)
    given = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="lifecycle-benchmark-") as name:
        folder = Path(name)
        policy, empty = folder / "policy.yaml", folder / "none.jsonl"
        policy.write_text(POLICY, encoding="utf-8")
        empty.touch()
        with site(History("nothing", empty, folder, 0)) as here:
            rows, scaled = swept(here, policy, given.people, given.repetitions)
            waited, slower = beside(here, policy, given.people, given.rate, given.seconds)
    on = f"{given.people:,} people due at once, {given.repetitions} repetitions; the intake for {given.seconds} s each"
    ratios = {"two processes / one, people/s": scaled, "intake's p99, beside a sweep / alone": spread([slower])}
    report("sweeps", "people due at once, PostgreSQL", on, {**SWEEP_FORMS, **INTAKE_FORMS}, {**rows, **waited}, ratios)


if __name__ == "__main__":
    main()
