"""The laws of the engine, on random histories: order, repetition, batches and late news make no difference."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from lifecycle.engine.engine import Engine
from lifecycle.reading.questions import Questions
from lifecycle.record import Batch
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.state.snapshot import decode
from lifecycle.store.store import open_store
from lifecycle.touchpoint import Touchpoint
from tests.engine.random_histories import (
    batches_of,
    random_touchpoint,
    variant_of,
    with_outcomes,
    with_retractions,
)
from tests.seeds import seeds

SINCE = datetime(2024, 1, 8, 9, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=900)
"""Later than every touchpoint: where time is moved at the end, and what is due by then is done in every order."""

NOW = datetime(2026, 11, 1, tzinfo=UTC)
POLICY = Path("lifecycle/policies/customer_first.yaml")

Run = Callable[[list[Batch], bool], dict[str, str]]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(POLICY.read_text(encoding="utf-8"), name=str(POLICY))


@pytest.fixture
def run(tmp_path: Path, policy: Policy) -> Run:
    """Run batches through an engine on a fresh database; return person -> snapshot."""
    number = 0

    def go(batches: list[Batch], publish: bool) -> dict[str, str]:
        nonlocal number
        number += 1
        store = open_store(f"sqlite:///{tmp_path / f'{number}.db'}", create=True)
        engine = Engine(store, policy, opened_at=NOW)
        for batch in batches:
            engine.ingest(batch, received_at=NOW, ceiling=None, publish=publish)
        while engine.advance(UNTIL, at=NOW):
            pass
        rows = store.iterate_people(limit=1_000)
        open_ids = {
            person: sorted(each) for person, each in _open_publications(engine, [row.person for row in rows]).items()
        }
        store.close()
        return {
            row.person: f"{row.snapshot} {row.lane} {row.next_due_at} {open_ids.get(row.person, [])}" for row in rows
        }

    return go


def _open_publications(engine: Engine, persons: list[str]) -> dict[str, list[str]]:
    published = engine.store.publications(persons)
    return {
        person: [task_id for task_id, publication in each.items() if publication.state == "open"]
        for person, each in published.items()
    }


def history_of(source: random.Random, policy: Policy, people: int, each: int) -> list[Touchpoint]:
    """Return what happened to people, what became of the tasks that it led to, and what was retracted of both."""
    plain = [
        random_touchpoint(source, policy, f"p{person}", number, SINCE)
        for person in range(people)
        for number in range(each)
    ]
    lived = with_outcomes(source, compile_policy(policy), plain, UNTIL)
    return with_retractions(source, lived, people * each // 8, UNTIL)


@pytest.mark.parametrize("seed", seeds(range(6)))
def test_any_order_with_any_repetition_ends_in_the_same_bytes(seed: int, run: Run, policy: Policy) -> None:
    """Permuted, repeated, with variants under one id, in other batches, publishing as it goes or at the end."""
    source = random.Random(seed)
    history = history_of(source, policy, 6, 40)
    early = [each for each in history if each.occurred_at < UNTIL - timedelta(days=3)]
    history += [variant_of(source, each) for each in source.sample(early, 20)]
    ordered = run(batches_of(source, sorted(history, key=lambda each: each.occurred_at)), False)
    for publish in (False, True):
        shuffled = [*history, *source.choices(history, k=60)]
        source.shuffle(shuffled)
        assert run(batches_of(source, shuffled), publish) == ordered


@pytest.mark.parametrize("seed", seeds(range(2)))
def test_a_long_history_with_late_news_ends_in_the_same_bytes(seed: int, run: Run, policy: Policy) -> None:
    """More than 64 touchpoints a person: the older snapshot is used, and makes no difference."""
    source = random.Random(100 + seed)
    history = sorted(history_of(source, policy, 1, 300), key=lambda each: each.occurred_at)
    whole = run([*batches_of(source, history)], False)
    late = [history.pop(source.randrange(len(history))) for _ in range(40)]
    assert run([*batches_of(source, history), *batches_of(source, late)], True) == whole


@pytest.mark.slow
@given(seed=st.integers(0, 2**32))
@settings(max_examples=15)
def test_time_moved_in_between_makes_no_difference(
    seed: int, policy: Policy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Live running with a clock that ticks between batches, and one leap at the end, agree."""
    source = random.Random(seed)
    history = sorted(history_of(source, policy, 3, 15), key=lambda each: each.occurred_at)
    results = []
    for ticks in (False, True):
        store = open_store(f"sqlite:///{tmp_path_factory.mktemp('law') / 'a.db'}", create=True)
        engine = Engine(store, policy, opened_at=NOW)
        for batch in batches_of(source, history):
            engine.ingest(batch, received_at=NOW, ceiling=None)
            newest = max(record.touchpoint.occurred_at for record in batch.records if record.touchpoint)
            tick = min(newest + timedelta(hours=source.randrange(48)), UNTIL)
            while ticks and engine.advance(tick, at=NOW):
                pass
        while engine.advance(UNTIL, at=NOW):
            pass
        results.append([row.snapshot for row in store.iterate_people(limit=100)])
        store.close()
    assert results[0] == results[1]


@pytest.mark.slow
@given(seed=st.integers(0, 2**32))
@settings(max_examples=25)
def test_retractions_make_no_difference_to_order_and_split(
    seed: int, policy: Policy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Retracted touchpoints, outcomes and retractions, in any order, some of them waiting for time to get there."""
    source = random.Random(seed)
    plain = [random_touchpoint(source, policy, "anna", number, SINCE) for number in range(12)]
    lived = with_outcomes(source, compile_policy(policy), plain, UNTIL)
    history = with_retractions(source, lived, 10, UNTIL)
    results = []
    for shuffled in (False, True):
        delivered = source.sample(history, len(history)) if shuffled else history
        with closing(open_store(f"sqlite:///{tmp_path_factory.mktemp('law') / 'a.db'}", create=True)) as store:
            engine = Engine(store, policy, opened_at=NOW)
            reached = SINCE
            for batch in (
                batches_of(source, delivered)
                if shuffled
                else [Batch(sum((each.records for each in batches_of(source, delivered)), ()))]
            ):
                reached = min(reached + timedelta(days=source.randrange(200)), UNTIL)
                engine.ingest(batch, received_at=NOW, ceiling=reached if shuffled else None, publish=shuffled)
                while shuffled and engine.advance(reached, at=NOW):
                    pass
            while engine.advance(UNTIL, at=NOW):
                pass
            (row,) = store.iterate_people(limit=2)
            opened = [each.task_id for each in store.publications(["anna"]).get("anna", {}).values()]
            results.append((row.snapshot, row.lane, row.next_due_at, row.waiting_at))
            assert set(decode(row.snapshot).tasks) <= set(opened)
    assert results[0] == results[1]


def test_nobody_is_ever_without_a_next_obligation(policy: Policy, tmp_path: Path) -> None:
    """Whatever happened to them, time has something dated to do for every person; and not only at the end."""
    source = random.Random(7)
    with closing(open_store(f"sqlite:///{tmp_path / 'a.db'}", create=True)) as store:
        engine = Engine(store, policy, opened_at=NOW)
        for batch in batches_of(source, history_of(source, policy, 30, 25)):
            engine.ingest(batch, received_at=NOW, ceiling=None)
            people = [row for row in store.iterate_people(limit=1_000) if row.begun_at is not None]
            assert [row.person for row in people if row.next_due_at is None] == []
        while engine.advance(UNTIL, at=NOW):
            pass
        census = Questions(store, engine.machine).count()
        assert (census.forgotten, census.people) == (0, 30)


def test_both_stores_end_in_the_same_bytes(sqlite_url: str, database_url: str, policy: Policy) -> None:
    """With retractions, outcomes and late news: whatever is compared or ordered is compared alike."""
    source = random.Random(11)
    history = history_of(source, policy, 5, 30)
    source.shuffle(history)
    batches = batches_of(source, history)
    results = []
    for url in (sqlite_url, database_url):
        with closing(open_store(url, create=True)) as store:
            engine = Engine(store, policy, opened_at=NOW)
            for batch in batches:
                engine.ingest(batch, received_at=NOW, ceiling=None)
            while engine.advance(UNTIL, at=NOW):
                pass
            results.append(store.iterate_people(limit=100))
    assert results[0] == results[1]
