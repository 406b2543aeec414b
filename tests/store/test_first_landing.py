"""A database that the first landing of this program filled is upgraded, and stands where a fresh run would.

first_landing.db.gz was made by the code of commit 28d8338 (`git archive 28d8338`): `open_engine` on a SQLite file took in
the first half of the lines of `write_sample(path, people=12)`, moved time to 2025-07-01, handed the messages over, took in
the second half and moved time to 2026-01-01; then VACUUM, and gzip. Its 22 messages of the second half were never sent.
"""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import MetaData, text

from lifecycle.engine.engine import Engine
from lifecycle.engine.opening import raise_format
from lifecycle.errors import SchemaMismatch
from lifecycle.policies import active_policy
from lifecycle.record import Batch, Place, Record
from lifecycle.rules.language.policy import Policy
from lifecycle.store import Store, open_store
from lifecycle.store.database import Database
from lifecycle.store.migrating import configuration
from lifecycle.touchpoint import Touchpoint

KEPT = Path(__file__).parent / "first_landing.db.gz"
REACHED = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE, TOUCHPOINTS, UNSENT, REFUSED = 12, 79, 22, 7


@pytest.fixture
def first_landing(store_url: str, tmp_path: Path) -> str:
    """URL of a database as the first landing left it: its file itself, or its rows in PostgreSQL."""
    path = tmp_path / "lifecycle.db"
    path.write_bytes(gzip.decompress(KEPT.read_bytes()))
    if not store_url.startswith("sqlite"):
        with closing(sqlite3.connect(path)) as kept:
            copy(kept, store_url)
    return store_url


def copy(kept: sqlite3.Connection, url: str) -> None:
    """Put the rows into the first tables in PostgreSQL; ids go on behind those that were given."""
    database, tables = Database(url), MetaData()
    with database.writing() as connection:
        command.upgrade(configuration(connection), "0001")
        tables.reflect(connection)
        connection.execute(tables.tables["database_state"].delete())
        for name, table in tables.tables.items():
            cursor = kept.execute(f"SELECT * FROM {name}")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
            if rows and name != "alembic_version":
                connection.execute(table.insert(), rows)
        connection.execute(text("SELECT setval(pg_get_serial_sequence('outbox', 'id'), max(id)) FROM outbox"))
    database.close()


@pytest.fixture
def upgraded(first_landing: str) -> Iterator[Store]:
    with closing(open_store(first_landing, create=True)) as store:
        yield store


def policy_of(store: Store) -> Policy:
    return active_policy(store.state().policy_text)


def moved(store: Store) -> Store:
    """Move everybody to where time stood, as `lifecycle run --until` does."""
    engine = Engine(store, policy_of(store), opened_at=REACHED)
    while engine.advance(REACHED, at=REACHED):
        pass
    return store


def log_of(store: Store) -> list[Touchpoint]:
    """All that was received: what counts, and the variants beside it."""
    return [*store.iterate_log(limit=1_000), *(each for _, each in store.iterate_conflicts(limit=1_000))]


def people_of(store: Store) -> list[Any]:
    """Where people stand. How often a row was written is left out; so is the older snapshot, which the way leaves behind."""
    return [
        (row.person, row.lane, row.begun_at, row.next_due_at, row.waiting_at, row.stopped, row.snapshot)
        for row in store.iterate_people()
    ]


def open_tasks_of(store: Store) -> dict[str, str]:
    """What consumers were told last of each task that is open: id -> hash of what it says."""
    people = [row.person for row in store.iterate_people()]
    told = [each for tasks in store.publications(people).values() for each in tasks.values()]
    return {each.task_id: each.content for each in told if each.state == "open"}


def test_it_must_be_upgraded_before_it_is_opened(first_landing: str) -> None:
    """Opening changes nothing, and names the command; its tables alone are not enough, its snapshots are older too."""
    with pytest.raises(SchemaMismatch, match=r"has revision 0001, .* Run `lifecycle db upgrade`"):
        open_store(first_landing)
    with closing(open_store(first_landing, create=True)) as store:
        with pytest.raises(SchemaMismatch, match=r"snapshots .* have format 2, .* Run `lifecycle db upgrade`"):
            Engine(store, policy_of(store), opened_at=REACHED)
        assert raise_format(store)


def test_everybody_stands_where_a_fresh_run_puts_them(upgraded: Store, tmp_path: Path) -> None:
    """Upgraded and folded again, people, lanes, due times and open tasks are those of the same touchpoints, taken in anew."""
    assert raise_format(upgraded)
    moved(upgraded)
    with closing(open_store(f"sqlite:///{tmp_path / 'fresh.db'}", create=True)) as fresh:
        log = log_of(upgraded)
        records = tuple(Record(Place("file:log", 0, number), b"{}", each) for number, each in enumerate(log))
        Engine(fresh, policy_of(upgraded), opened_at=REACHED).ingest(
            Batch(records), received_at=REACHED, ceiling=REACHED
        )
        moved(fresh)
        assert len(log) == TOUCHPOINTS + 1
        assert len(people_of(upgraded)) == PEOPLE
        assert people_of(upgraded) == people_of(fresh)
        assert open_tasks_of(upgraded) == open_tasks_of(fresh)
        assert open_tasks_of(fresh)


def test_what_was_counted_refused_and_not_yet_sent_is_still_there(upgraded: Store) -> None:
    """Messages that wait go first, under their ids; new ones come behind them."""
    before = upgraded.outbox(None)
    assert len(before) == UNSENT
    raise_format(upgraded)
    moved(upgraded)
    assert upgraded.outbox(None)[:UNSENT] == before
    counted = upgraded.counts().accounting
    assert (counted.received, counted.folded, counted.dead_lettered) == (89, 78, REFUSED)
    assert len(upgraded.dead_letters()) == REFUSED
    assert upgraded.state().reached_at == REACHED
