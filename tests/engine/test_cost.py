"""What a touchpoint costs, in what does not depend on the machine: calls of Python's functions, and statements.

A limit of calls lies a tenth above what was counted when it was written, one of statements at it. Whoever goes beyond
one has either found out why that is worth it, and raises it in the same change, or has found what to mend.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from lifecycle.demo.sample import write_sample
from lifecycle.engine.engine import Engine
from lifecycle.policies import shipped_policy
from lifecycle.record import Batch, Place, Record
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.store.store import Store, open_store
from lifecycle.touchpoint import Touchpoint, order_key
from lifecycle.wire.codec import read_event
from tests.engine.test_engine import NOW
from tests.store.made import on_statement

PEOPLE = 60
POLICY = load_policy(shipped_policy())

CALLS_TO_FOLD = 66
CALLS_TO_READ = 18
STATEMENTS_OF_NEWCOMERS = 10
STATEMENTS_OF_KNOWN_PEOPLE = 11
CALLS_OF_A_BATCH_OF_ONE = 2_050


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The demo's sample, without what is refused."""
    path = tmp_path_factory.mktemp("cost") / "sample.jsonl"
    write_sample(path, people=PEOPLE)
    return [line for line in path.read_bytes().splitlines() if _reads(line)]


@pytest.fixture(scope="module")
def touchpoints(lines: list[bytes]) -> list[Touchpoint]:
    known = {(each.person, each.source, each.id): each for each in map(read_event, lines)}
    return sorted(known.values(), key=order_key)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with closing(open_store(store_url, create=True)) as store:
        yield store


def _reads(line: bytes) -> bool:
    try:
        read_event(line)
    except Exception:
        return False
    return True


def calls_of(work: Callable[[], Any]) -> int:
    """Count the functions of Python's that are called; those written in C are not."""
    count = 0

    def note(_frame: object, what: str, _argument: object) -> None:
        nonlocal count
        count += what == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@contextmanager
def statements_of(store: Store) -> Iterator[list[str]]:
    """Give the statements that go to the database meanwhile, but for those that begin and end transactions."""
    found: list[str] = []

    def note(statement: str, _parameters: Any) -> None:
        if not statement.startswith(("BEGIN", "SET ", "PRAGMA")):
            found.append(statement)

    with on_statement(store, note):
        yield found


def test_calls_to_fold_a_touchpoint(touchpoints: list[Touchpoint]) -> None:
    machine = compile_policy(POLICY)
    people: dict[str, list[Touchpoint]] = {}
    for each in touchpoints:
        people.setdefault(each.person, []).append(each)

    def all_of_them() -> None:
        for person, log in people.items():
            fold(machine, person, PersonState(), log, None)

    all_of_them()  # What is remembered of the calendar is worked out once.
    assert calls_of(all_of_them) / len(touchpoints) <= CALLS_TO_FOLD


def test_calls_to_read_an_event(lines: list[bytes]) -> None:
    def all_of_them() -> None:
        for line in lines:
            read_event(line)

    assert calls_of(all_of_them) / len(lines) <= CALLS_TO_READ


def batch(touchpoints: list[Touchpoint], first: int = 1) -> Batch:
    return Batch(tuple(Record(Place("file:t", 0, first + n), b"{}", each) for n, each in enumerate(touchpoints)))


def test_a_batch_costs_so_many_statements_however_large_it_is(store: Store, touchpoints: list[Touchpoint]) -> None:
    """Ten people or sixty; those of whom nobody heard before cost fewer."""
    engine = Engine(store, POLICY, opened_at=NOW)
    middle = len(touchpoints) // 2
    with statements_of(store) as first:
        engine.ingest(batch(touchpoints[:middle]), received_at=NOW, ceiling=NOW)
    with statements_of(store) as second:
        engine.ingest(batch(touchpoints[middle:]), received_at=NOW, ceiling=NOW)
    assert (len(first) <= STATEMENTS_OF_NEWCOMERS, len(second) <= STATEMENTS_OF_KNOWN_PEOPLE) == (True, True), (
        f"{len(first)} and {len(second)} statements: {[each[:60] for each in second]}"
    )


def test_calls_of_a_batch_of_one_touchpoint(store: Store, touchpoints: list[Touchpoint]) -> None:
    """What a batch costs whatever its size: the floor under the time from a touchpoint to its task."""
    engine = Engine(store, POLICY, opened_at=NOW)
    for place, each in enumerate(touchpoints[:20]):
        engine.ingest(batch([each], place), received_at=NOW, ceiling=NOW)
    ones = [batch([each], 100 + place) for place, each in enumerate(touchpoints[20:60])]

    def all_of_them() -> None:
        for one in ones:
            engine.ingest(one, received_at=NOW, ceiling=NOW)

    assert calls_of(all_of_them) / len(ones) <= CALLS_OF_A_BATCH_OF_ONE
