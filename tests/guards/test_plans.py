"""The plans of the hot queries: each walks its index, on both stores, whatever the statistics of the tables say.

Statistics are as old as the last time that the server counted. So each plan is looked at with tables that were empty
when they were counted and are full now, counted as they are, and never counted. Every statement of a call is looked
at, as it is sent, with its values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lifecycle.person import Checkpoint, Checkpoints
from lifecycle.store import Changes, Store, open_store
from tests.store.made import HOUR, NOON, message, on_statement, person, publication, touchpoint

PEOPLE, PARTITIONS = 5_000, 50
NAMES = [f"p{number:04}" for number in range(PEOPLE)]
SOME = NAMES[::50]


CALLS: dict[str, tuple[Callable[[Store], Any], int]] = {
    "due_people": (lambda store: store.due_people([3, 4], NOON, 10), 2),
    "due_people of all": (lambda store: store.due_people(None, NOON, 10), PARTITIONS),
    "outbox": (lambda store: store.outbox([3, 4], limit=10), 4),
    "delete_outbox": (lambda store: store.delete_outbox(store.outbox([7], limit=50)), 1),
    "load_people": (lambda store: store.load_people(SOME), 1),
    "find_touchpoints": (lambda store: store.find_touchpoints([(name, "crm", "1") for name in SOME]), 1),
    "find_conflicts": (lambda store: store.find_conflicts([(name, "crm", "1") for name in SOME]), 1),
    "read_log": (lambda store: store.read_log(dict.fromkeys(SOME, NOON)), 1),
    "publications": (lambda store: store.publications(SOME), 1),
    "checkpoint_before": (lambda store: store.checkpoint_before("p0001", NOON), 1),
    "log_between": (lambda store: store.log_between("p0001", None, NOON), 1),
    "commit": (lambda store: store.commit(later(store)), 1),
}
"""Each call, and how often at least an index is walked in it."""

BIG = "touchpoints|people|tasks|outbox|conflicts|checkpoints|retractions"
WHOLE = re.compile(rf"Seq Scan on ({BIG})\b|\bSCAN ({BIG})$")
WALK = re.compile(r"Index (?:Only )?Scan|SEARCH \w+ USING|SCAN \w+ USING (?:COVERING )?INDEX")


def later(store: Store) -> Changes:
    """Return a commit that changes people whose rows are there, with tasks and messages."""
    known = store.load_people(SOME)
    return Changes(
        people=tuple(person(name, revision=known[name].revision + 1, partition=1) for name in SOME),
        publications=tuple(publication(name, version=8) for name in SOME),
        messages=tuple(message(name, "again") for name in SOME),
    )


def fill(store: Store) -> None:
    store.commit(
        Changes(
            touchpoints=tuple(touchpoint(name, data={"text": "long" * 50}) for name in NAMES),
            conflicts=tuple(touchpoint(name, data={"text": "other" * 50}) for name in NAMES),
            people=tuple(
                person(name, partition=number % PARTITIONS, next_due_at=NOON, snapshot="long" * 200)
                for number, name in enumerate(NAMES)
            ),
            checkpoints=tuple(
                Checkpoints(name, None, None, (Checkpoint(name, NOON, 64, "long" * 50),)) for name in NAMES
            ),
            publications=tuple(publication(name, body="long" * 50) for name in NAMES),
            messages=tuple(message(name, name, number % PARTITIONS) for number, name in enumerate(NAMES)),
        )
    )


def count(store: Store) -> None:
    """Let the database count its rows, as it does by itself after a while."""
    with store._database.reading() as connection:
        connection.exec_driver_sql("ANALYZE")


def counted_empty(store: Store) -> None:
    count(store)
    fill(store)


def counted_full(store: Store) -> None:
    fill(store)
    count(store)


@pytest.fixture(params=[counted_empty, counted_full, fill], ids=["counted-empty", "counted-full", "never-counted"])
def full(request: pytest.FixtureRequest, store_url: str) -> Iterator[Store]:
    """A store with thousands of people, all due, and as many messages to be sent."""
    store = open_store(store_url, create=True)
    store.set_partitions(PARTITIONS)
    request.param(store)
    yield store
    store.close()


def plans_of(store: Store, call: Callable[[Store], Any]) -> str:
    """What the database says about how it runs the statements of a call."""
    sent: list[tuple[str, Any]] = []

    def note(sql: str, parameters: Any) -> None:
        if sql.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            sent.append((sql, parameters[0] if isinstance(parameters, list) else parameters))  # of many, the first

    with on_statement(store, note):
        call(store)
    prefix = "EXPLAIN QUERY PLAN " if store._database.is_sqlite else "EXPLAIN "
    with store._database.reading() as connection:
        plans = [connection.exec_driver_sql(prefix + sql, parameters).all() for sql, parameters in sent]
    return "\n".join(str(row[-1]) for plan in plans for row in plan)


def test_no_hot_query_reads_a_table_whole(full: Store) -> None:
    """Every one of them in each store: a table that has grown costs no more than a small one."""
    for name, (call, walks) in CALLS.items():
        plan = plans_of(full, call)
        assert not WHOLE.search(plan), f"{name}\n{plan}"
        assert len(WALK.findall(plan)) >= walks, f"{name}\n{plan}"


def test_who_is_due_is_found_without_sorting(full: Store) -> None:
    """However many are due, the first few are a walk along people_due: PostgreSQL merges partitions in its order."""
    for partitions in ([0], [0, 1], None):
        plan = plans_of(full, lambda store, wanted=partitions: store.due_people(wanted, NOON + HOUR, 10))
        assert plan.count("people_due") == len(partitions or range(PARTITIONS)), plan
        assert "Sort  (" not in plan, plan
