"""What a touchpoint and a person take on the disk, and what it costs to go through all people.

What it measures: bytes of tables and indexes of a real PostgreSQL after an embedded run of the history, vacuumed; the
CPU of this process to fold everybody again by another policy and to list everybody; and to look at everybody because
time has come, when nothing but their next date is due.

What it does not: the server's CPU, Kafka, dead rows between two vacuums, the write-ahead log.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta

import psycopg

from benchmarks._figures import positive, print_table, report, spread
from benchmarks._history import history
from lifecycle.api import open_questions
from lifecycle.databases import one_database
from lifecycle.embedded import run
from lifecycle.engine.engine import Engine
from lifecycle.person import DUE_AT_ONCE
from lifecycle.policies import shipped_policy
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT
from lifecycle.store.store import Store, open_store
from tests.servers import PostgresServer

AT = datetime(2030, 1, 1, tzinfo=UTC)
TABLES = ("touchpoints", "people", "tasks", "outbox", "checkpoints")


def measure_disk(url: str, touchpoints: int, people: int) -> dict[str, dict[str, float]]:
    """Return the bytes of each table with its indexes, for each touchpoint and each person."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM FULL")
        size = "SELECT pg_total_relation_size(%s::regclass)"
        sizes = {table: connection.execute(size, [table]).fetchone() for table in TABLES}
    return {
        table: {"touchpoint": row[0] / touchpoints, "person": row[0] / people} for table, row in sizes.items() if row
    }


def passes(store: Store, url: str) -> dict[str, Callable[[], int]]:
    """Return what goes through all people, each as something to do that returns how many it met."""
    text = shipped_policy().replace("Somebody asked and got no answer.", "They wait.")
    policy = load_policy(text)

    def again() -> int:
        active = policy.hash, policy.text
        store.activate_policy(*active, snapshot_format=SNAPSHOT_FORMAT, at=AT, due=DUE_AT_ONCE)
        engine, moved = Engine(store, policy, opened_at=AT), 0
        reached = store.state().reached_at
        assert reached is not None
        while some := engine.advance(reached, at=AT):
            moved += some
        return moved

    def listed() -> int:
        _, questions = open_questions(one_database(url))
        return sum(1 for _ in questions.people())

    def on() -> int:
        engine, moved = Engine(store, policy, opened_at=AT), 0
        reached = store.state().reached_at
        assert reached is not None
        while some := engine.advance(reached + timedelta(days=7), at=AT):
            moved += some
        return moved

    return {"folded again by another policy": again, "listed": listed, "a week later, whoever is due": on}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what people and touchpoints take on the disk, and to go through")
    parser.add_argument("--touchpoints", type=positive, default=1_000_000)
    given = parser.parse_args()
    with ExitStack() as stack:
        lines = stack.enter_context(history()).head(given.touchpoints)
        url = stack.enter_context(PostgresServer(durable=True)).url.replace("+psycopg", "")
        people = run([lines.path], store=url, policy=shipped_policy(), until="end").census.people
        bytes_ = lines.path.stat().st_size / lines.lines
        taken = measure_disk(url, lines.lines, people)
        on = f"{lines.name}; {lines.lines:,} touchpoints of {people:,} people; a line has {bytes_:.0f} bytes"
        store = stack.enter_context(closing(open_store(url)))
        rows = {}
        for name, do in passes(store, url).items():
            begun, spent = time.perf_counter(), time.process_time()
            met = do()
            cpu, wall = time.process_time() - spent, time.perf_counter() - begun
            found = {"people": met, "CPU us": cpu / met * 1e6, "clock us": wall / met * 1e6}
            rows[name] = {column: spread([value]) for column, value in found.items()}
    disk = [[table, f"{row['touchpoint']:,.0f}", f"{row['person']:,.0f}"] for table, row in taken.items()]
    print_table("bytes on the disk, with indexes", ["", "a touchpoint", "a person"], disk)
    forms = {"people": ",.0f", "CPU us": ",.0f", "clock us": ",.0f"}
    report("scale", "going through all people, PostgreSQL, for each person", on, forms, rows)


if __name__ == "__main__":
    main()
