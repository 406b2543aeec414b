"""A touchpoint that was a mistake: as if it had never been, whatever comes first, on every store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import permutations
from pathlib import Path

import pytest

from lifecycle.engine.engine import Engine
from lifecycle.reading.questions import Questions
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import decode
from lifecycle.store.store import Store, open_store
from lifecycle.touchpoint import RETRACTED, Touchpoint
from tests.engine.test_engine import NOW, TEXT, advance, batch_of, ingest
from tests.rules.histories import DAY, at, touchpoint

POLICY = load_policy(TEXT, name="test.yaml")
STATED = touchpoint("1", "need.stated", 0, need="a")
OFFER = touchpoint("2", "offer.made", 5, need="a")
LOST = touchpoint("3", "decision.made", 6, need="a", outcome="elsewhere")
MISTAKE = touchpoint("x", RETRACTED, 7, source="s", id="3", reason="wrong need")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = open_store(store_url, create=True)
    yield store
    store.close()


@pytest.fixture
def engine(store: Store) -> Engine:
    return Engine(store, POLICY, opened_at=NOW)


def told(store: Store) -> list[tuple[str, str, str | None]]:
    """Return (message, kind, reason) of what lies in the outbox, in order."""
    events = [json.loads(row.body) for row in store.outbox(None, 1_000)]
    return [(event["type"], event["data"]["kind"], event["data"]["reason"]) for event in events]


def stands(store: Store) -> tuple[str, str | None, object]:
    row = store.load_people(["anna"])["anna"]
    return row.snapshot, None if row.older_snapshot is None else "older", row.next_due_at


def test_what_a_retracted_touchpoint_asked_for_is_withdrawn_as_retracted(engine: Engine) -> None:
    """The lost sale was entered for the wrong need: what it asked for says why it is not asked any more."""
    ingest(engine, STATED, OFFER)
    ingest(engine, LOST)
    assert ingest(engine, MISTAKE).folded == 1
    assert told(engine.store) == [("task.requested", "thank", None), ("task.withdrawn", "thank", "retracted")]
    assert decode(engine.store.load_people(["anna"])["anna"].snapshot).tracks["need"]["a"].stage == "weighing"


def test_also_what_came_of_it_later_is_withdrawn_as_retracted(engine: Engine) -> None:
    """Time went on from the retracted touchpoint: tasks that another one, or time alone, led to."""
    ingest(engine, STATED, OFFER, LOST)
    advance(engine, at(40 * DAY))
    ingest(engine, touchpoint("y", RETRACTED, 40 * DAY, source="s", id="3"), publish=False)
    advance(engine, at(40 * DAY))
    withdrawn = [(kind, reason) for message, kind, reason in told(engine.store) if message == "task.withdrawn"]
    assert ("taken_care_of", "retracted") in withdrawn


def test_the_log_keeps_both_and_the_snapshot_neither(engine: Engine) -> None:
    """As if neither had been sent: the bytes are those of somebody of whom nothing was retracted."""
    ingest(engine, STATED, OFFER)
    plain = stands(engine.store)
    ingest(engine, LOST)
    ingest(engine, MISTAKE)
    assert stands(engine.store) == plain
    assert len(engine.store.read_log({"anna": None})["anna"]) == 4


UNDONE = touchpoint("y", RETRACTED, 8, source="s", id="x")


@pytest.mark.parametrize("history", list(permutations((STATED, LOST, MISTAKE, UNDONE)))[::3])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_any_order_and_any_split_end_in_the_same_bytes(
    store: Store, tmp_path: Path, history: tuple[Touchpoint, ...], size: int
) -> None:
    """Retracted, and the retraction retracted: the lost sale counts, as where there was neither."""
    engine = Engine(store, POLICY, opened_at=NOW)
    for start in range(0, len(history), size):
        ingest(engine, *history[start : start + size])
    advance(engine, at(50 * DAY))
    with closing(open_store(f"sqlite:///{tmp_path / 'plain.db'}", create=True)) as plain:
        other = Engine(plain, POLICY, opened_at=NOW)
        ingest(other, STATED, LOST)
        advance(other, at(50 * DAY))
        assert stands(store) == stands(plain)


def test_a_retracted_outcome_opens_its_task_again(engine: Engine) -> None:
    """The wrong task was ticked: it is open again, and says so."""
    ingest(engine, STATED)
    (task_id,) = decode(engine.store.load_people(["anna"])["anna"].snapshot).tasks
    ingest(engine, touchpoint("d", "task.completed", 1, task=task_id))
    ingest(engine, touchpoint("x", RETRACTED, 2, source="s", id="d"))
    assert told(engine.store) == [
        ("task.requested", "acknowledge", None),
        ("task.changed", "acknowledge", None),
        ("task.changed", "acknowledge", "reopened"),
    ]
    assert list(decode(engine.store.load_people(["anna"])["anna"].snapshot).tasks) == [task_id]


def test_a_retraction_in_the_future_waits_and_then_holds(engine: Engine) -> None:
    """It holds from its own moment."""
    ingest(engine, STATED)
    later = touchpoint("x", RETRACTED, 20, source="s", id="1")
    engine.ingest(batch_of(later), received_at=NOW, ceiling=at(10))
    row = engine.store.load_people(["anna"])["anna"]
    assert (row.waiting_at, row.next_due_at) == (at(20), at(20))
    assert list(decode(row.snapshot).tracks) == ["in_touch", "need"]
    advance(engine, at(19))
    assert decode(engine.store.load_people(["anna"])["anna"].snapshot).tracks
    advance(engine, at(20))
    row = engine.store.load_people(["anna"])["anna"]
    assert (decode(row.snapshot).tracks, row.waiting_at, row.next_due_at) == ({}, None, None)
    assert told(engine.store) == [
        ("task.requested", "acknowledge", None),
        ("task.withdrawn", "acknowledge", "retracted"),
    ]


def test_a_retraction_that_counted_stays_whatever_moment_is_named(engine: Engine) -> None:
    """A bounded run folded it already; an earlier `until` does not bring back what it took out."""
    ingest(engine, STATED, touchpoint("x", RETRACTED, 20, source="s", id="1"))
    ingest(engine, OFFER)
    engine.ingest(batch_of(touchpoint("4", "reply.sent", 6)), received_at=NOW, ceiling=at(10))
    advance(engine, at(10))
    assert list(decode(engine.store.load_people(["anna"])["anna"].snapshot).tracks) == ["in_touch"]


def test_somebody_of_whom_everything_is_retracted_is_nobody(engine: Engine) -> None:
    """In no list, no count, and without a next obligation to miss."""
    ingest(engine, STATED)
    ingest(engine, touchpoint("x", RETRACTED, 20, source="s", id="1"))
    questions = Questions(engine.store, engine.machine)
    assert (list(questions.people()), questions.count().people) == ([], 0)


def test_a_retracted_touchpoint_that_had_not_come_yet_never_counts(engine: Engine) -> None:
    """The retraction overtook it."""
    ingest(engine, STATED, touchpoint("x", RETRACTED, 7, source="s", id="3"))
    before = stands(engine.store)
    assert ingest(engine, LOST).folded == 1
    assert stands(engine.store) == before


def test_it_is_about_the_same_person_and_source_alone(engine: Engine) -> None:
    """Another source's id of the same name, and another person's, are other touchpoints."""
    ingest(engine, STATED, STATED._replace(person="bert"))
    ingest(engine, MISTAKE._replace(id="y", data={"source": "other", "id": "1"}))
    ingest(engine, MISTAKE._replace(id="z", person="bert", data={"source": "other", "id": "1"}))
    for row in engine.store.load_people(["anna", "bert"]).values():
        assert list(decode(row.snapshot).tasks)


def test_a_variant_can_make_a_retraction_mean_something_else(engine: Engine) -> None:
    """The smaller variant counts: what it does not name any more is back, what it names is gone."""
    ingest(engine, STATED, OFFER, LOST)
    ingest(engine, touchpoint("x", RETRACTED, 9, source="s", id="3"))
    accounting = ingest(engine, touchpoint("x", RETRACTED, 8, source="s", id="2"))
    assert accounting.conflicting == 1
    state = decode(engine.store.load_people(["anna"])["anna"].snapshot)
    assert (state.tracks["need"]["a"].stage, state.touchpoints) == ("lost", 2)


def test_a_long_history_is_folded_from_before_what_is_retracted(engine: Engine) -> None:
    """Also where an older snapshot lies between: it holds what is taken out, so it does not serve."""
    many = [touchpoint(f"r{number:03}", "reply.sent", 20 + number) for number in range(150)]
    ingest(engine, STATED, LOST, *many)
    assert engine.store.load_people(["anna"])["anna"].older_snapshot is not None
    ingest(engine, touchpoint("x", RETRACTED, 300, source="s", id="3"))
    state = decode(engine.store.load_people(["anna"])["anna"].snapshot)
    assert (state.tracks["need"]["a"].stage, state.touchpoints) == ("stated", 151)
    ingest(engine, touchpoint("y", RETRACTED, 301, source="s", id="r149"))
    assert decode(engine.store.load_people(["anna"])["anna"].snapshot).touchpoints == 150


def test_a_retraction_must_name_a_source_and_an_id(engine: Engine) -> None:
    """Refused at the door, with the field."""
    assert ingest(engine, touchpoint("x", RETRACTED, 1, source="s")).dead_lettered == 1
    assert engine.store.dead_letters()[0].letter.field == "data.id"


def test_explanations_tell_what_was_retracted(engine: Engine) -> None:
    """Of the person, and of every task that is still asked."""
    ingest(engine, STATED, LOST, MISTAKE)
    questions = Questions(engine.store, engine.machine)
    line = (
        "2026-03-02 16:00 UTC: decision.made (source s, id 3) counts no more: touchpoint.retracted (source s, id x) "
        "retracted it on 2026-03-02 17:00 UTC."
    )
    assert line in questions.explain_person("anna").lines()
    (task_id,) = decode(engine.store.load_people(["anna"])["anna"].snapshot).tasks
    assert questions.explain(task_id)[-1] == line
    engine.store.reached([], at(7))
    assert line not in questions.explain_person("anna", at=at(6.5)).lines(), "it had not been retracted then"


def test_a_retraction_that_waits_is_not_taken_out_by_one_before_it(engine: Engine) -> None:
    """An earlier retraction of it counts for nothing, so its moment comes, and gives back what was taken."""
    first = touchpoint("x", RETRACTED, 2, source="s", id="3")
    before, waiting = (
        touchpoint("y", RETRACTED, 3, source="s", id="z"),
        touchpoint("z", RETRACTED, 9, source="s", id="x"),
    )
    batch = batch_of(STATED, LOST._replace(occurred_at=at(1)), first, before, waiting)
    engine.ingest(batch, received_at=NOW, ceiling=at(5))
    assert engine.store.load_people(["anna"])["anna"].waiting_at == at(9)
    advance(engine, at(9))
    assert decode(engine.store.load_people(["anna"])["anna"].snapshot).tracks["need"]["a"].stage == "lost"
