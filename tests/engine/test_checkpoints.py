"""People with long logs are folded from checkpoints, and nobody can tell."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lifecycle.engine import keeping
from lifecycle.engine.engine import Engine
from lifecycle.record import Batch
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.retractions import is_left_out, retracted
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT, PersonState, decode, encode
from lifecycle.store.store import Store, open_store
from lifecycle.touchpoint import RETRACTED, Touchpoint, order_key
from tests.engine.random_histories import batches_of, variant_of
from tests.engine.test_engine import NOW, TEXT, advance, engine_on, ingest
from tests.engine.test_laws import SINCE, UNTIL, history_of, policy  # noqa: F401  # a fixture
from tests.rules.histories import DAY, at, touchpoint
from tests.seeds import seeds


@pytest.fixture
def store(store_url: str) -> Iterable[Store]:
    with closing(open_store(store_url, create=True)) as store:
        yield store


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log is long from ten touchpoints on, and a checkpoint follows after four more."""
    monkeypatch.setattr(keeping, "LONG_LOG", 10)
    monkeypatch.setattr(keeping, "SPACING", 4)


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many touchpoints each fold went over, in order."""
    found: list[int] = []

    def counted(machine: Any, person: str, state: Any, ready: Sequence[Touchpoint], *rest: Any, **more: Any) -> Any:
        found.append(len(ready))
        return fold(machine, person, state, ready, *rest, **more)

    monkeypatch.setattr(keeping, "fold", counted)
    return found


def check(engine: Engine, person: str) -> int:
    """Hold each checkpoint of a person against a fold of the whole log up to it; return how many there are."""
    store = engine.store
    row = store.load_people([person])[person]
    log = store.read_log({person: None})[person]
    gone = retracted([each for each in log if each.type == RETRACTED and each.occurred_at <= _reached(row.snapshot)])
    ready = sorted(
        (each for each in log if each.type != RETRACTED and not is_left_out(each, frozenset(gone))), key=order_key
    )
    found, total = store.checkpoints_after(person, None, 10_000), 0
    for each in found:
        until = [touchpoint for touchpoint in ready if touchpoint.occurred_at <= each.reached_at]
        state = fold(engine.machine, person, PersonState(), until, each.reached_at).state
        total += each.touchpoints
        assert (state.touchpoints, encode(_uncounted(state))) == (total, each.snapshot)
    assert row.checkpointed == (total or None)
    assert all(one.reached_at < other.reached_at for one, other in pairwise(found))
    return len(found)


def _uncounted(state: PersonState) -> PersonState:
    uncounted = PersonState(**{name: getattr(state, name) for name in state.__struct_fields__})
    uncounted.touchpoints = 0
    return uncounted


def _reached(snapshot: str) -> datetime:
    return keeping.reached(decode(snapshot)) or SINCE


def lived(engine: Engine, batches: Sequence[Batch], source: random.Random) -> list[Any]:
    """Take batches in, with a clock that ticks now and then; return all that there is to see of it."""
    reached = SINCE
    for batch in batches:
        engine.ingest(batch, received_at=NOW, ceiling=max(reached, SINCE + timedelta(days=500)))
        if source.random() < 0.3:
            reached = min(reached + timedelta(days=source.randrange(60)), UNTIL)
            while engine.advance(reached, at=NOW):
                pass
    while engine.advance(UNTIL, at=NOW):
        pass
    store, persons = engine.store, [row.person for row in engine.store.iterate_people(limit=100)]
    rows = [row._replace(older_snapshot=None, checkpointed=None, revision=0) for row in store.iterate_people(limit=100)]
    told = [(row.person, row.message_id, row.body) for row in store.outbox(None, 100_000)]
    return [rows, store.publications(persons), told, store.counts().accounting]


@pytest.mark.parametrize("seed", seeds(range(12)))
def test_checkpoints_make_no_difference_to_anything(
    seed: int,
    policy: Policy,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In any order, with variants, retractions and outcomes: rows, tasks, messages and accounting; and all are true."""
    source = random.Random(seed)
    history = history_of(source, policy, 2, source.choice((30, 60)))
    early = [each for each in history if each.occurred_at < UNTIL - timedelta(days=3) and each.type != RETRACTED]
    history += [variant_of(source, each) for each in source.sample(early, 10)]
    if seed % 3:  # For the most part in order.
        history.sort(key=lambda each: each.occurred_at)
        for _ in range(20):
            history.append(history.pop(source.randrange(len(history))))
    else:
        source.shuffle(history)
    batches = batches_of(source, history)
    seen = []
    for long_log in (10, 1_000_000):
        monkeypatch.setattr(keeping, "LONG_LOG", long_log)
        monkeypatch.setattr(keeping, "SPACING", 1 + seed % 5)
        with closing(open_store(f"sqlite:///{tmp_path / f'{long_log}.db'}", create=True)) as store:
            engine = Engine(store, policy, opened_at=NOW)
            seen.append(lived(engine, batches, random.Random(seed)))
            people = [row.person for row in store.iterate_people(limit=100)]
            assert (sum(check(engine, person) for person in people) > 0) is (long_log == 10)
    assert seen[0] == seen[1]


def many(count: int, *, since: int = 0, every: float = 1.0) -> list[Touchpoint]:
    """Return purchases, some hours apart; a later one says all that an earlier one said."""
    return [
        touchpoint(f"p{since + number:04}", "purchase.completed", (since + number) * every, amount="5 EUR")
        for number in range(count)
    ]


@pytest.mark.usefixtures("few")
def test_a_short_log_has_none(store: Store) -> None:
    engine = engine_on(store)
    ingest(engine, *many(9))
    assert (check(engine, "anna"), store.load_people(["anna"])["anna"].checkpointed) == (0, None)


@pytest.mark.usefixtures("few")
def test_a_long_log_has_one_after_so_many_touchpoints(store: Store) -> None:
    """Whether it came in one batch or grew; an older snapshot is not kept beside them."""
    engine = engine_on(store)
    ingest(engine, *many(22))
    assert [each.touchpoints for each in store.checkpoints_after("anna", None, 100)] == [4, 4, 4, 4, 4]
    for number in range(22, 31):
        ingest(engine, *many(1, since=number))
    assert [each.touchpoints for each in store.checkpoints_after("anna", None, 100)] == [4] * 7
    assert check(engine, "anna") == 7
    row = store.load_people(["anna"])["anna"]
    assert (row.checkpointed, row.older_snapshot) == (28, None)


@pytest.mark.usefixtures("few")
def test_an_older_snapshot_goes_when_there_are_checkpoints(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "OLDER_AFTER", 3)
    engine = engine_on(store)
    older = []
    for number in range(0, 14, 2):
        ingest(engine, *many(2, since=number, every=48))
        older.append(store.load_people(["anna"])["anna"].older_snapshot is not None)
    assert older == [False, True, True, True, False, False, False]


@pytest.mark.usefixtures("few")
def test_none_is_taken_within_an_instant(store: Store) -> None:
    """What comes later for the same instant would be folded after the timers of it."""
    engine = engine_on(store)
    ingest(engine, *many(30, every=0), touchpoint("later", "purchase.completed", 1, amount="5 EUR"))
    assert [each.touchpoints for each in store.checkpoints_after("anna", None, 100)] == [30]


@pytest.mark.usefixtures("few")
def test_late_news_is_folded_as_far_as_it_changes_anything(store: Store, folds: list[int]) -> None:
    """From the checkpoint before it to the first one that holds the state that it leads to; the rest is not read."""
    engine = engine_on(store)
    ingest(engine, *many(40))
    before = store.checkpoints_after("anna", None, 100)
    folds.clear()
    ingest(engine, touchpoint("late", "reply.sent", 21.5, need="gone"))
    assert sum(folds) <= 2 * keeping.SPACING + 1
    after = store.checkpoints_after("anna", None, 100)
    assert [each.touchpoints for each in after] == [4, 4, 4, 4, 4, 5, 4, 4, 4]
    assert [each.snapshot for each in after] == [each.snapshot for each in before]
    assert check(engine, "anna") == 9


@pytest.mark.usefixtures("few")
def test_a_checkpoint_stands_with_the_timers_that_fired_behind_its_last_touchpoint(
    store: Store, folds: list[int]
) -> None:
    engine = engine_on(store, TEXT.replace("1 year", "10 days"))
    for purchase in many(40, every=20 * DAY):
        ingest(engine, purchase)
        advance(engine, purchase.occurred_at + timedelta(days=15))
    folds.clear()
    ingest(engine, touchpoint("late", "reply.sent", 20.5 * 20 * DAY, need="gone"))
    assert sum(folds) <= 2 * keeping.SPACING + 1
    assert check(engine, "anna") == 8


@pytest.mark.usefixtures("few")
def test_late_news_that_changes_all_that_follows_is_folded_to_the_end(store: Store, folds: list[int]) -> None:
    """A need that was never known of stays with the person."""
    engine = engine_on(store)
    ingest(engine, *many(40))
    folds.clear()
    ingest(engine, touchpoint("late", "need.stated", 21.5, need="a"))
    assert sum(folds) == 40 - 20 + 1, "from the checkpoint of twenty on"
    assert check(engine, "anna") == 9


@pytest.mark.usefixtures("few")
def test_a_new_touchpoint_that_comes_with_late_news_is_folded_behind_the_rest(store: Store, folds: list[int]) -> None:
    engine = engine_on(store)
    ingest(engine, *many(40))
    folds.clear()
    ingest(engine, touchpoint("late", "reply.sent", 5.5, need="gone"), *many(1, since=40))
    assert sum(folds) <= 2 * keeping.SPACING + 2
    assert check(engine, "anna") == 10


@pytest.mark.usefixtures("few")
def test_much_late_news_in_one_place_gets_checkpoints_of_its_own(store: Store) -> None:
    engine = engine_on(store)
    ingest(engine, *many(20, since=1_000))
    ingest(engine, *many(20))
    assert max(each.touchpoints for each in store.checkpoints_after("anna", None, 100)) < 2 * keeping.SPACING
    assert check(engine, "anna") > 7


@pytest.mark.usefixtures("few")
def test_another_policy_has_checkpoints_of_its_own(store: Store) -> None:
    engine = engine_on(store)
    ingest(engine, *many(30))
    before = store.checkpoints_after("anna", None, 100)
    other = load_policy(TEXT.replace("means:", "means: Another.", 1), name="other.yaml")
    assert other.hash != engine.policy.hash
    store.activate_policy(other.hash, other.text, snapshot_format=SNAPSHOT_FORMAT, at=NOW, due=SINCE)
    engine = Engine(store, other, opened_at=NOW)
    ingest(engine, touchpoint("late", "reply.sent", 21.5, need="gone"))
    assert check(engine, "anna") == len(before)


@pytest.mark.usefixtures("few")
def test_a_checkpoint_that_cannot_be_read_stops_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is what it was made of: the person is folded from nothing, and all checkpoints are made anew."""
    engine = engine_on(store)
    ingest(engine, *many(40))
    found = store.checkpoint_before("anna", at(21.5))
    assert found is not None
    with monkeypatch.context() as patch:
        damaged = replace(found[0], snapshot="{damaged"), found[1]
        patch.setattr(Store, "checkpoint_before", lambda *_: damaged)
        ingest(engine, touchpoint("late", "reply.sent", 21.5, need="gone"))
    row = store.load_people(["anna"])["anna"]
    assert (row.stopped, check(engine, "anna")) == (None, 10)


@pytest.mark.usefixtures("few")
def test_whoever_is_folded_from_nothing_and_is_short_now_has_none_left(store: Store) -> None:
    """Most of what was known of them was retracted."""
    engine = engine_on(store)
    ingest(engine, *many(14))
    taken = [touchpoint(f"x{number}", RETRACTED, 20 + number, source="s", id=f"p{number:04}") for number in range(12)]
    ingest(engine, *taken)
    advance(engine, at(100 * DAY))
    check(engine, "anna")
    assert decode(store.load_people(["anna"])["anna"].snapshot).touchpoints == 2
