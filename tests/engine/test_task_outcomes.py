"""What consumers are told of tasks that ended: late, twice, by slot, and what is taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from lifecycle import ids
from lifecycle.engine.engine import Engine
from lifecycle.reading.questions import Questions
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import decode
from lifecycle.store.store import Store, open_store
from lifecycle.touchpoint import Touchpoint
from tests.engine.test_engine import NOW, advance, batch_of, ingest
from tests.rules.fold.test_outcomes import TRACK
from tests.rules.histories import HEAD, WATCH, at, touchpoint

POLICY = load_policy(f"{HEAD}\ntracks:{WATCH}{TRACK.replace('ask: Answer,', 'ask: Answer, done_by: reply.sent,')}")
STATED = touchpoint("1", "need.stated", 0, need="a")


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    store = open_store(store_url, create=True)
    yield Engine(store, POLICY, opened_at=NOW)
    store.close()


def task_of(cause: str, rule: str = "stated.answer") -> str:
    """Return the id of anna's question that the touchpoint of this name asks for."""
    return ids.task_id(ids.slot_of("anna", "need", "a", rule), ids.cause_of_touchpoint("s", cause))


def outcome(name: str, hours: float, task_id: str, kind: str = "task.completed") -> Touchpoint:
    return touchpoint(name, kind, hours, task=task_id)


def told(store: Store, task_id: str) -> list[tuple[str, str, str | None]]:
    """Return (message, state, reason) of every message about a task, in order."""
    events: list[Any] = [json.loads(row.body) for row in store.outbox(None, 1_000)]
    about = [each for each in events if each["data"]["id"] == task_id]
    return [(each["type"], each["data"]["state"], each["data"]["reason"]) for each in about]


REQUESTED = ("task.requested", "open", None)
EXPIRED = ("task.withdrawn", "expired", "expired")
COMPLETED = ("task.changed", "completed", None)
REOPENED = ("task.changed", "open", "reopened")


def test_a_completion_after_the_expiry_is_told(engine: Engine) -> None:
    """Expired, then done after all: consumers hear of both."""
    ingest(engine, STATED)
    advance(engine, at(50))
    ingest(engine, outcome("2", 60, task_of("1")))
    assert told(engine.store, task_of("1")) == [REQUESTED, EXPIRED, COMPLETED]


def test_a_completion_after_a_withdrawal_is_told(engine: Engine) -> None:
    """The stage was left, and whoever had been asked did it all the same."""
    ingest(engine, STATED)
    ingest(engine, touchpoint("2", "need.stated", 2, need="a"))
    ingest(engine, outcome("3", 3, task_of("1")))
    assert told(engine.store, task_of("1")) == [REQUESTED, ("task.withdrawn", "withdrawn", "left_stage"), COMPLETED]


def test_a_long_batch_with_the_expiry_and_the_completion_tells_the_completion(engine: Engine) -> None:
    """More than 64 touchpoints between: a fold in two halves ends in what a fold in one ends in."""
    ingest(engine, STATED)
    between = [touchpoint(f"r{number:03}", "reply.sent", 49 + number) for number in range(90)]
    ingest(engine, *between, outcome("2", 160, task_of("1")))
    assert told(engine.store, task_of("1")) == [REQUESTED, COMPLETED]


@pytest.mark.parametrize("split", [0, 1, 60, 100])
def test_a_completion_is_told_however_many_tasks_ended_since(engine: Engine, split: int) -> None:
    """Expired, told, done, and then a hundred others, not published in between: the log knows how it ended."""
    ingest(engine, STATED)
    advance(engine, at(50))
    others = [touchpoint(f"y{number:03}", "need.stated", 61 + number / 99, need="b") for number in range(100)]
    history = [outcome("2", 60, task_of("1")), *others]
    ingest(engine, *history[:split], publish=False)
    ingest(engine, *history[split:], publish=False)
    advance(engine, at(70))
    assert told(engine.store, task_of("1")) == [REQUESTED, EXPIRED, COMPLETED]


def test_an_outcome_of_its_own_id_is_not_taken_back_by_late_news(engine: Engine) -> None:
    """Late truth moves everything around it; what somebody did stays done."""
    ingest(engine, STATED)
    ingest(engine, outcome("2", 5, task_of("1")))
    ingest(engine, touchpoint("0", "need.stated", 3, need="a"))
    assert told(engine.store, task_of("1")) == [REQUESTED, COMPLETED]


def test_a_completion_by_slot_is_undone_when_its_own_task_comes_to_light(store_url: str) -> None:
    """It was taken for the answer of another question: that one is open again, and says so."""
    text = f"{HEAD}\ntracks:{WATCH}{TRACK.replace('ask: Answer,', 'ask: Answer, stays: true,')}"
    with closing(open_store(store_url, create=True)) as store:
        engine = Engine(store, load_policy(text), opened_at=NOW)
        ingest(engine, STATED)
        ingest(engine, outcome("3", 5, task_of("own")))
        assert told(store, task_of("1")) == [REQUESTED, COMPLETED]
        ingest(engine, touchpoint("own", "need.stated", 4, need="a"))
        assert told(store, task_of("1")) == [REQUESTED, COMPLETED, REOPENED]
        assert told(store, task_of("own")) == []


def test_a_completion_by_a_reply_of_which_an_earlier_variant_comes_is_undone(engine: Engine) -> None:
    """The reply was sent before the question, so it was none: `task.changed`, open, `reopened`."""
    ingest(engine, STATED, touchpoint("r", "reply.sent", 5, need="a"), publish=False)
    ingest(engine, STATED._replace(id="2", occurred_at=at(6)))
    ingest(engine, touchpoint("q", "reply.sent", 8, need="a"))
    assert told(engine.store, task_of("2")) == [REQUESTED, COMPLETED]
    ingest(engine, touchpoint("q", "reply.sent", 4, need="a"))
    assert told(engine.store, task_of("2")) == [REQUESTED, COMPLETED, REOPENED]
    assert list(decode(engine.store.load_people(["anna"])["anna"].snapshot).tasks) == [task_of("2")]


def test_a_task_that_is_put_off_is_told_with_its_new_day(engine: Engine) -> None:
    """`task.changed`, still open."""
    ingest(engine, STATED)
    ingest(engine, touchpoint("2", "task.postponed", 5, task=task_of("1"), until="2026-03-20T10:00:00Z"))
    assert told(engine.store, task_of("1")) == [REQUESTED, ("task.changed", "open", None)]
    last = json.loads(engine.store.outbox(None, 10)[-1].body)["data"]
    assert (last["due_at"], last["expires_at"]) == ("2026-03-20T10:00:00Z", "2026-03-21T10:00:00Z")


@pytest.mark.parametrize(
    "until",
    [None, 5, "soon", "2026-02-30", "2026-03-20T10:00:00", "2026-03-20 10:00", "2026-03-02T15:00:00Z", "2026-03-01"],
)
def test_an_until_that_is_no_day_to_come_is_refused_at_the_door(engine: Engine, until: object) -> None:
    """With the path of the field; nothing of it reaches the log."""
    data = {} if until is None else {"until": until}
    postponed = touchpoint("2", "task.postponed", 5, task=task_of("1"), **data)
    assert ingest(engine, STATED, postponed).dead_lettered == 1
    (letter,) = engine.store.dead_letters()
    assert (letter.letter.reason, letter.letter.field) == ("invalid_data", "data.until")


def test_the_day_of_the_touchpoint_itself_is_a_day_to_come(engine: Engine) -> None:
    """Somewhere it is still that day."""
    assert (
        ingest(engine, STATED, touchpoint("2", "task.postponed", 5, task=task_of("1"), until="2026-03-02")).folded == 2
    )


def test_an_explanation_tells_when_a_task_was_put_off(engine: Engine) -> None:
    """Its first due time, then the new one."""
    ingest(engine, STATED, touchpoint("2", "task.postponed", 5, task=task_of("1"), until="2026-03-20T10:00:00Z"))
    lines = Questions(engine.store, engine.machine).explain(task_of("1"))
    assert any(line.endswith("to be done by 2026-03-03 10:00 UTC.") for line in lines)
    assert (
        "2026-03-02 15:00 UTC: it was put off until 2026-03-20 10:00 UTC, on task.postponed (source s, id 2)." in lines
    )


def test_time_may_not_move_beyond_what_is_folded(engine: Engine) -> None:
    """A touchpoint between the two would be folded after timers of its instant."""
    with pytest.raises(ValueError, match=r"time was to move to 2026-03-02T13:00:00.*after 2026-03-02T12:00:00"):
        engine.ingest(batch_of(STATED), received_at=NOW, ceiling=at(2), until=at(3))
    assert engine.ingest(batch_of(STATED), received_at=NOW, ceiling=at(2), until=at(2)).folded == 1
