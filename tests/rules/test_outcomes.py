"""Outcomes of tasks: early, late, repeated, for another id of the same question."""

from __future__ import annotations

from lifecycle import ids
from lifecycle.rules.fold import Folded
from lifecycle.rules.machine import Machine
from lifecycle.rules.working import MAX_CLOSED, MAX_KEPT
from tests.rules.histories import DAY, endings, folded, machine_of, open_tasks, touchpoint

TRACK = """
  need:
    per: need
    start: stated
    begins: [need.stated]
    upon: {need.stated: stated}
    stages:
      stated:
        means: I said it.
        tasks: {answer: {ask: Answer, due: 1 day, expires: 1 day, or_else: {ask: Call, due: 4 hours, or_else: {ask: Run}}}}
        later: [{after: 90 days, to: over}]
      over: {means: Over., review: {every: 1 year}}
"""
STATED = touchpoint("1", "need.stated", 0, need="a")


def answer_id(machine: Machine, name: str = "1") -> str:
    """Return the id of the task that the touchpoint of this name asks for."""
    result = folded(machine, [touchpoint(name, "need.stated", 0, need="a")])
    (task_id,) = result.state.tasks
    return task_id


def outcome(name: str, hours: float, task_id: str, kind: str = "task.completed"):  # type: ignore[no-untyped-def]
    """Return an outcome of a task."""
    return touchpoint(name, kind, hours, task=task_id)


def test_an_outcome_closes_the_task_with_its_id() -> None:
    """Done is done."""
    machine = machine_of(TRACK)
    result = folded(machine, [STATED, outcome("2", 5, answer_id(machine))])
    assert endings(result) == [("answer", "completed", "")]


def test_an_id_names_its_question_and_its_cause() -> None:
    """Slot and cause can be read from the id: the same question for another cause shares the slot only."""
    machine = machine_of(TRACK)
    first, second = answer_id(machine, "1"), answer_id(machine, "2")
    assert first.partition("-")[0] == second.partition("-")[0] == ids.slot_of("anna", "need", "a", "stated.answer")
    assert first.partition("-")[2] == ids.cause_of_touchpoint("s", "1")
    assert second.partition("-")[2] == ids.cause_of_touchpoint("s", "2")


def test_an_outcome_that_comes_before_its_task_opens_closes_it_on_opening() -> None:
    """The clock of the task tool is slow: nobody is asked for what is done."""
    machine = machine_of(TRACK)
    result = folded(machine, [outcome("0", -1, answer_id(machine)), STATED], 1)
    assert endings(result) == [("answer", "completed", "")]
    assert result.state.kept == []


def test_an_id_that_never_opened_closes_the_open_task_of_its_slot() -> None:
    """Late truth changed the cause; the work was done all the same."""
    machine = machine_of(TRACK)
    result = folded(machine, [STATED, outcome("2", 5, answer_id(machine, "other"))])
    assert endings(result) == [("answer", "completed", "")]


def test_an_id_that_never_opened_closes_the_next_task_of_its_slot_once() -> None:
    """Only the next one: the question after that is asked again."""
    machine = machine_of(TRACK)
    again = touchpoint("3", "need.stated", 10, need="a")
    result = folded(machine, [outcome("0", -1, answer_id(machine, "other")), STATED, again], 11)
    assert endings(result) == [("answer", "completed", "")]
    assert open_tasks(result) == ["need[a].answer"]


def test_an_outcome_after_expiry_counts_as_late_and_withdraws_what_expiry_opened() -> None:
    """The whole chain of escalation falls away."""
    machine = machine_of(TRACK)
    hours = 49 + 4 + 30 * DAY
    result = folded(machine, [STATED, outcome("2", hours, answer_id(machine))], hours)
    assert endings(result) == [
        ("answer", "expired", "expired"),
        ("answer/or_else", "expired", "expired"),
        ("answer", "completed", ""),
        ("answer/or_else/or_else", "withdrawn", "completed_late"),
    ]


def test_an_outcome_of_a_withdrawn_task_is_unmatched_and_no_error() -> None:
    """Somebody did what was not asked any more: counted."""
    machine = machine_of(TRACK)
    again = touchpoint("2", "need.stated", 2, need="a")
    result = folded(machine, [STATED, again, outcome("3", 5, answer_id(machine))])
    assert result.unmatched == (("anna", "s", "3"),)
    assert open_tasks(result) == ["need[a].answer"]


def test_a_second_outcome_of_a_completed_task_closes_nothing_else() -> None:
    """A completed task is a fact and is never asked again, nor does it answer the next question."""
    machine = machine_of(TRACK)
    task_id = answer_id(machine)
    again = touchpoint("3", "need.stated", 6, need="a")
    result = folded(machine, [STATED, outcome("2", 5, task_id), again, outcome("4", 7, task_id)])
    assert open_tasks(result) == ["need[a].answer"]


def test_what_is_kept_and_remembered_is_bounded() -> None:
    """Outcomes nobody asked for cannot fill the memory; those given up are counted as unmatched."""
    machine = machine_of(TRACK)
    strays = [outcome(f"x{number:03}", 1 + number / 100, f"stray-{number}") for number in range(MAX_KEPT + 3)]
    again = [touchpoint(f"y{number:03}", "need.stated", 5 + number, need="a") for number in range(MAX_CLOSED + 3)]
    result: Folded = folded(machine, [STATED, *strays, *again])
    assert len(result.state.kept) == MAX_KEPT
    assert len(result.state.closed) == MAX_CLOSED
    assert len(result.unmatched) == 3
