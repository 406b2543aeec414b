"""Log first: whoever can wait is folded once, when time moves, and ends in the same bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle.engine import keeping
from lifecycle.engine.engine import Engine
from lifecycle.engine.waiting import UNFOLDED
from lifecycle.record import Accounting, Batch
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.state.snapshot import decode
from lifecycle.store.store import Store, open_store
from lifecycle.touchpoint import Touchpoint
from tests.engine.random_histories import batches_of, variant_of
from tests.engine.test_engine import NOW, advance, batch_of, engine_on, ingest, messages, stage
from tests.engine.test_laws import POLICY, SINCE, UNTIL, history_of
from tests.rules.histories import at, touchpoint
from tests.seeds import seeds

STATED = touchpoint("1", "need.stated", 0, need="a")
OFFER = touchpoint("2", "offer.made", 5, need="a")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = open_store(store_url, create=True)
    yield store
    store.close()


@pytest.fixture
def engine(store: Store) -> Engine:
    return engine_on(store)


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many touchpoints each fold went over, in order."""
    found: list[int] = []
    fold = keeping.fold

    def counted(
        machine: Any, person: str, state: Any, touchpoints: Sequence[Touchpoint], *rest: Any, **more: Any
    ) -> Any:
        found.append(len(touchpoints))
        return fold(machine, person, state, touchpoints, *rest, **more)

    monkeypatch.setattr(keeping, "fold", counted)
    return found


def test_nobody_is_folded_before_time_moves_and_then_each_once(engine: Engine, folds: list[int]) -> None:
    """In whatever order their touchpoints come."""
    for each in (OFFER, STATED, touchpoint("3", "reply.sent", 2, need="a")):
        ingest(engine, each, publish=False, log_first=True)
    row = engine.store.load_people(["anna"])["anna"]
    assert (folds, row.snapshot, row.waiting_at) == ([], UNFOLDED, at(0))
    advance(engine, at(6))
    assert folds == [3]
    assert engine.store.load_people(["anna"])["anna"].waiting_at is None


def test_what_comes_later_than_all_that_was_folded_waits_too(engine: Engine, folds: list[int]) -> None:
    """A second run adds to the first one's people."""
    ingest(engine, STATED, publish=False, log_first=True)
    advance(engine, at(1))
    ingest(engine, OFFER, publish=False, log_first=True)
    assert (folds, stage(engine.store)) == ([1], "stated")
    advance(engine, at(6))
    assert (folds, stage(engine.store)) == ([1, 1], "weighing")


def test_what_comes_before_something_folded_is_folded_at_once_with_what_waits(engine: Engine, folds: list[int]) -> None:
    """Its row cannot say that it waits: time is beyond it."""
    ingest(engine, OFFER, publish=False, log_first=True)
    advance(engine, at(6))
    ingest(engine, touchpoint("4", "reply.sent", 7, need="a"), publish=False, log_first=True)
    accounting = ingest(engine, STATED, publish=False, log_first=True)
    assert (accounting.late, folds) == (1, [1, 3])
    assert engine.store.load_people(["anna"])["anna"].waiting_at is None


def test_what_occurs_after_the_ceiling_waits_on(engine: Engine) -> None:
    """Time moves to the ceiling, and the person is due when the rest occurs."""
    engine.ingest(batch_of(STATED, OFFER), received_at=NOW, ceiling=at(2), publish=False, log_first=True)
    advance(engine, at(2))
    assert stage(engine.store) == "stated"
    row = engine.store.load_people(["anna"])["anna"]
    assert row.waiting_at == at(5)
    advance(engine, at(6))
    assert stage(engine.store) == "weighing"


def test_what_waits_is_folded_up_to_the_ceiling_where_that_is_beyond_the_moment_of_time(engine: Engine) -> None:
    """A live worker's grace holds back time, and no news: timers fire up to the one, touchpoints count up to the other."""
    engine.ingest(batch_of(STATED, OFFER), received_at=NOW, ceiling=at(6), publish=False, log_first=True)
    advance(engine, at(2), ceiling=at(6))
    assert stage(engine.store) == "weighing"
    assert engine.store.load_people(["anna"])["anna"].waiting_at is None


def test_whoever_has_recent_news_is_folded_at_once_and_told(engine: Engine, folds: list[int]) -> None:
    """Among history that waits, with what of their own history came in the batch."""
    old = touchpoint("7", "need.stated", 0, need="z")._replace(person="ben")
    ingest(engine, STATED, old, touchpoint("3", "need.stated", 4, need="b"), log_first=True, recent=at(4))
    rows = engine.store.load_people(["anna", "ben"])
    assert (folds, rows["anna"].waits, rows["ben"].waits) == ([2], False, True)
    assert {json.loads(row.body)["subject"] for row in engine.store.outbox(None, 10)} == {"anna"}


def test_a_batch_that_is_folded_on_arrival_takes_along_what_waited_with_its_labels(
    engine: Engine, folds: list[int]
) -> None:
    """Once a live worker has caught up."""
    ingest(engine, STATED, touchpoint("3", "reply.sent", 1, need="b"), publish=False, log_first=True)
    ingest(engine, OFFER, touchpoint("4", "reply.sent", 6, need="c"))
    assert (folds, stage(engine.store)) == ([4], "weighing")
    assert engine.store.counts().accounting.unreached == 2
    ingest(engine, touchpoint("5", "reply.sent", 7, need="a"))
    assert engine.store.counts().accounting.unreached == 2


def test_a_label_is_counted_once_when_what_it_is_of_is_folded(engine: Engine) -> None:
    """Of records whose key names nothing, and outcomes of no task; also by the store; and not again by a later fold."""
    lost = touchpoint("3", "reply.sent", 1, need="b")
    nobody = touchpoint("4", "task.completed", 2, task="0" * 20 + "-" + "0" * 24)
    told: list[Accounting] = []
    accounting = ingest(engine, STATED, lost, nobody, publish=False, log_first=True)
    assert (accounting.unreached, accounting.unmatched) == (0, 0)
    advance(engine, at(6), labelled=told.append)
    ingest(engine, touchpoint("0", "need.stated", 0.5, need="c"), publish=False, log_first=True)
    advance(engine, at(7), labelled=told.append)
    labels = (sum(each.unreached for each in told), sum(each.unmatched for each in told))
    assert labels == (1, 1)
    total = engine.store.counts().accounting
    assert (total.received, total.unreached, total.unmatched) == (4, 1, 1)


def test_a_retraction_of_what_waits_counts_and_one_of_what_was_folded_too(engine: Engine) -> None:
    """What is retracted is as if it had never been."""
    gone = touchpoint("9", "touchpoint.retracted", 6, source="s", id="2")
    ingest(engine, STATED, OFFER, gone, publish=False, log_first=True)
    advance(engine, at(7))
    assert stage(engine.store) == "stated"
    again = touchpoint("8", "touchpoint.retracted", 8, source="s", id="1")
    ingest(engine, again, publish=False, log_first=True)
    advance(engine, at(9))
    assert decode(engine.store.load_people(["anna"])["anna"].snapshot).tracks.get("need") is None


def test_tasks_are_asked_for_when_time_moves(engine: Engine) -> None:
    """Of what waits nobody is told before."""
    ingest(engine, STATED, publish=False, log_first=True)
    assert messages(engine.store) == []
    advance(engine, at(0))
    assert [kind for kind, _ in messages(engine.store)] == ["task.requested"]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(POLICY.read_text(encoding="utf-8"), name=str(POLICY))


def answers(
    path: Path, policy: Policy, runs: Sequence[tuple[list[Batch], datetime]], *, log_first: bool
) -> dict[str, str]:
    """Return person -> snapshot, due time and open tasks after some bounded runs one after the other."""
    store = open_store(f"sqlite:///{path}", create=True)
    engine = Engine(store, policy, opened_at=NOW)
    for batches, until in runs:
        for batch in batches:
            engine.ingest(batch, received_at=NOW, ceiling=until, publish=False, log_first=log_first)
        advance(engine, until)
    rows = store.iterate_people(limit=1_000)
    published = store.publications([row.person for row in rows])
    found = {
        row.person: f"{row.snapshot} {row.lane} {row.next_due_at} "
        f"{sorted(name for name, each in published.get(row.person, {}).items() if each.state == 'open')}"
        for row in rows
    }
    store.close()
    return found


@pytest.mark.parametrize("seed", seeds(range(8)))
def test_folding_once_at_the_end_ends_in_the_same_bytes(seed: int, tmp_path: Path, policy: Policy) -> None:
    """Any order, repetitions, variants and retractions, in two runs: the second brings late news of the first."""
    source = random.Random(200 + seed)
    history = history_of(source, policy, 6, 40)
    history += [variant_of(source, each) for each in source.sample(history, 15)]
    source.shuffle(history)
    middle = len(history) * 2 // 3
    until = SINCE + timedelta(days=source.randrange(1, 600))
    runs = [(batches_of(source, history[:middle]), until), (batches_of(source, history[middle:]), UNTIL)]
    at_once = answers(tmp_path / "at_once.db", policy, runs, log_first=False)
    assert answers(tmp_path / "log_first.db", policy, runs, log_first=True) == at_once


@pytest.mark.parametrize("seed", seeds(range(8)))
def test_a_worker_that_is_behind_now_and_then_ends_in_the_same_bytes(seed: int, tmp_path: Path, policy: Policy) -> None:
    """Live: batches that wait and batches that do not, time moving between them, the ceiling ahead of it."""
    source = random.Random(400 + seed)
    history = history_of(source, policy, 6, 40)
    source.shuffle(history)
    at_once = answers(tmp_path / "at_once.db", policy, [(batches_of(source, history), UNTIL)], log_first=False)
    store = open_store(f"sqlite:///{tmp_path / 'live.db'}", create=True)
    engine = Engine(store, policy, opened_at=NOW)
    batches = batches_of(source, history)
    moments = sorted(SINCE + (UNTIL - SINCE) * source.random() for _ in batches)
    for batch, moment in zip(batches, moments, strict=True):
        is_behind = source.random() < 0.6
        recent = moment - timedelta(days=source.randrange(400))
        engine.ingest(batch, received_at=NOW, ceiling=UNTIL, until=moment, log_first=is_behind, recent=recent)
        if source.random() < 0.4:
            engine.advance(moment, at=NOW, ceiling=UNTIL, most=source.randrange(1, 4))
    store.close()
    assert answers(tmp_path / "live.db", policy, [([], UNTIL)], log_first=False) == at_once
