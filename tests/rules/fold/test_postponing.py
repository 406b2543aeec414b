"""Putting a task off: its due time and expiry move, until the next outcome."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lifecycle.instant import from_microseconds
from lifecycle.rules.fold.fold import Folded
from lifecycle.rules.state.snapshot import OpenTask
from lifecycle.touchpoint import Touchpoint
from tests.rules.histories import DAY, HEAD, endings, folded, instant, machine_of, touchpoint

TRACK = """
  need:
    per: need
    start: stated
    begins: [need.stated]
    stages:
      stated:
        means: I said it.
        tasks: {answer: {ask: Answer, due: 1 day, expires: 2 days, or_else: {ask: Call}}}
        later: [{after: 900 days, to: over}]
      over: {means: Over., review: {every: 1 year}}
"""
MACHINE = machine_of(TRACK)
VIENNA = machine_of(TRACK, head=f"{HEAD}\ncalendar: {{zone: Europe/Vienna, hours: 09:00 to 17:00}}")
STATED = touchpoint("1", "need.stated", 0, need="a")
((TASK, ASKED),) = folded(MACHINE, [STATED]).state.tasks.items()


def postponed(name: str, hours: float, until: str, task: str = TASK) -> Touchpoint:
    return touchpoint(name, "task.postponed", hours, task=task, until=until)


def task_of(result: Folded) -> OpenTask:
    return result.state.tasks[TASK]


def test_due_and_expiry_move_to_the_time_named() -> None:
    """The expiry comes as long after the due time as before."""
    task = task_of(folded(MACHINE, [STATED, postponed("2", 5, "2026-03-20T09:00:00+01:00")]))
    assert from_microseconds(task.due_at) == datetime(2026, 3, 20, 8, tzinfo=UTC)
    assert task.expires_at - task.due_at == ASKED.expires_at - ASKED.due_at


def test_a_date_is_the_end_of_its_working_hours_on_our_clock() -> None:
    """As with a due date."""
    task = task_of(folded(VIENNA, [STATED, postponed("2", 5, "2026-03-20")]))
    assert from_microseconds(task.due_at) == datetime(2026, 3, 20, 16, tzinfo=UTC)


def test_it_expires_later_and_escalates_then() -> None:
    """Nobody is called for what was put off; and nobody forgets it."""
    history = [STATED, postponed("2", 5, "2026-03-20T10:00:00Z")]
    assert endings(folded(MACHINE, history, 19 * DAY)) == []
    assert endings(folded(MACHINE, history, 21 * DAY)) == [("answer", "expired", "expired")]


@pytest.mark.parametrize("until", ["2028-01-01", "2899-12-31T00:00:00Z"])
def test_it_is_due_366_days_after_it_was_asked_at_the_latest(until: str) -> None:
    """However often it is put off."""
    far = [postponed("2", 5, until), postponed("3", 300 * DAY, until)]
    assert task_of(folded(MACHINE, [STATED, *far])).due_at == instant(366 * DAY)


def test_the_last_word_in_order_counts() -> None:
    """It may be earlier than the one before; arrival does not matter."""
    later, sooner = postponed("2", 5, "2026-04-20"), postponed("3", 6, "2026-03-10T10:00:00Z")
    assert task_of(folded(MACHINE, [STATED, sooner, later])).due_at == instant(8 * DAY)


def test_the_next_outcome_ends_it() -> None:
    """Done before the day it was put off to."""
    done = touchpoint("3", "task.completed", 10, task=TASK)
    result = folded(MACHINE, [STATED, postponed("2", 5, "2026-03-20"), done], 30 * DAY)
    assert endings(result) == [("answer", "completed", "")]


def test_of_an_unknown_or_ended_task_it_is_unmatched_and_changes_nothing() -> None:
    """Never matched by slot, and never kept for a task that opens later."""
    other = f"{TASK.partition('-')[0]}-{'0' * 24}"
    for history in (
        [STATED, postponed("x", 5, "2026-03-20", other)],
        [postponed("x", -5, "2026-03-20"), STATED],
        [STATED, touchpoint("2", "task.completed", 1, task=TASK), postponed("x", 5, "2026-03-20")],
        [STATED, postponed("x", 90, "2026-03-20")],
    ):
        result = folded(MACHINE, history)
        assert result.unmatched == (("anna", "s", "x"),)
        assert all(not task.postponed for task in result.state.tasks.values())


def test_a_due_time_that_follows_a_fact_stays_where_it_was_put_off_to() -> None:
    """Until the next outcome: neither the fact as it is, nor another word about it, takes that back."""
    track = """
  promise:
    per: promise
    start: made
    begins: [promise.made]
    facts: {day: {last: promise.made.promised_for}}
    stages:
      made:
        means: You promised.
        upon: {promise.kept: kept}
        tasks: {keep: {ask: Keep it, due: day, expires: 2 days}}
        review: {every: 1 year}
      kept: {means: You did., review: {every: 1 year}}
"""
    machine = machine_of(track)
    made = touchpoint("1", "promise.made", 0, promise="p", promised_for="2026-03-10")
    ((task_id, _),) = folded(machine, [made]).state.tasks.items()
    put_off = postponed("2", 5, "2026-03-20T10:00:00Z", task_id)
    again = touchpoint("3", "promise.made", 6, promise="p", promised_for="2026-03-12")
    (task,) = folded(machine, [made, put_off, again], 7).state.tasks.values()
    assert (task.due_at, task.expires_at) == (instant(18 * DAY), instant(20 * DAY))
    (followed,) = folded(machine, [made, again], 7).state.tasks.values()
    assert from_microseconds(followed.due_at) == datetime(2026, 3, 12, 17, tzinfo=UTC)
