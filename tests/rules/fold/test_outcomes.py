"""Outcomes of tasks: early, late, repeated, for another id of the same question."""

from __future__ import annotations

from lifecycle import ids
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import Folded
from lifecycle.rules.state.early import MAX_KEPT
from lifecycle.rules.state.endings import MAX_CLOSED, MAX_OF_SLOT, state_of
from lifecycle.touchpoint import Touchpoint
from tests.rules.histories import DAY, HEAD, endings, folded, machine_of, open_tasks, touchpoint

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


def test_an_outcome_ends_its_task_also_after_it_was_withdrawn() -> None:
    """Somebody did what was not asked any more: it is done, and answers no other question."""
    machine = machine_of(TRACK)
    again = touchpoint("2", "need.stated", 2, need="a")
    result = folded(machine, [STATED, again, outcome("3", 5, answer_id(machine))])
    assert result.unmatched == ()
    assert open_tasks(result) == ["need[a].answer"]
    assert endings(result) == [("answer", "withdrawn", "left_stage"), ("answer", "completed", "")]
    assert state_of(result.state, answer_id(machine)) == "completed"


def test_the_first_outcome_in_order_wins() -> None:
    """Declined, then completed: it stays declined; after expiry and withdrawal alike."""
    machine = machine_of(TRACK)
    again = touchpoint("2", "need.stated", 2, need="a")
    task_id = answer_id(machine)
    for history, hours in (([STATED], 5.0), ([STATED, again], 5.0), ([STATED], 60.0)):
        first, second = outcome("x", hours, task_id, "task.declined"), outcome("y", hours + 1, task_id)
        result = folded(machine, [*history, first, second])
        assert state_of(result.state, task_id) == "declined"
        assert result.unmatched == ()


def test_of_several_outcomes_before_the_task_the_first_counts_and_none_is_left_for_another() -> None:
    """Sent twice by a tool with a slow clock: one task is done, the next of the slot is asked."""
    machine = machine_of(TRACK)
    early = [outcome("w", -2, answer_id(machine), "task.declined"), outcome("x", -1, answer_id(machine))]
    result = folded(machine, [*early, STATED, touchpoint("3", "need.stated", 10, need="a")], 11)
    assert endings(result) == [("answer", "declined", "")]
    assert open_tasks(result) == ["need[a].answer"]
    assert result.state.kept == []


def test_an_outcome_by_slot_counts_only_for_a_task_that_opens_within_its_due_and_expiry() -> None:
    """A day and a day: an outcome of 48 hours before closes the task, one of an hour more does not."""
    machine = machine_of(TRACK)
    other = answer_id(machine, "other")
    near = folded(machine, [outcome("0", -48, other), STATED], 1)
    far = folded(machine, [outcome("0", -49, other), STATED], 1)
    assert (endings(near), open_tasks(far)) == ([("answer", "completed", "")], ["need[a].answer"])


def test_an_outcome_of_its_own_id_counts_however_early_it_came() -> None:
    """An id is no coincidence."""
    machine = machine_of(TRACK)
    assert open_tasks(folded(machine, [outcome("0", -900, answer_id(machine)), STATED], 1)) == []


def test_an_outcome_that_closed_another_task_of_its_slot_still_ends_its_own() -> None:
    """The clock of the tool was slow by a moment: the question before was still open when the next was answered."""
    machine = machine_of(TRACK)
    again = touchpoint("2", "need.stated", 10, need="a")
    result = folded(machine, [STATED, outcome("x", 9.9, answer_id(machine, "2")), again], 11)
    assert endings(result) == [("answer", "completed", ""), ("answer", "completed", "")]
    assert open_tasks(result) == []


def many(first: int, count: int, need: str = "a") -> list[Touchpoint]:
    """Return statements of one need, half a minute apart: each withdraws the task of the last."""
    return [touchpoint(f"y{each:03}", "need.stated", each / 120, need=need) for each in range(first, first + count)]


def test_of_each_slot_the_newest_closed_ids_are_remembered_besides_the_newest_of_all() -> None:
    """Seventy others ended since: the eight newest of this question are still known."""
    machine = machine_of(TRACK)
    others = many(100, MAX_CLOSED + 6, "b")
    history = [*many(0, MAX_OF_SLOT + 3), *others]
    ids_in_order = [answer_id(machine, f"y{each:03}") for each in range(MAX_OF_SLOT + 2)]
    for index, task_id in enumerate(ids_in_order):
        result = folded(machine, [*history, outcome("x", 3, task_id)])
        is_known = index >= 2
        assert (state_of(result.state, task_id) == "completed") is is_known, index
        assert (result.unmatched == ()) is is_known
        assert "need[a].answer" in open_tasks(result), "never matched by slot"


def test_an_id_of_a_slot_of_which_nothing_is_forgotten_is_known_to_be_new() -> None:
    """Many tasks ended, but of this question all are known: the outcome closes the open one."""
    machine = machine_of(TRACK)
    history = [*many(0, MAX_OF_SLOT + 1), *many(100, MAX_CLOSED + 6, "b")]
    result = folded(machine, [*history, outcome("x", 3, answer_id(machine, "never"))])
    assert (result.unmatched, open_tasks(result)) == ((), ["need[b].answer"])


def test_an_ending_that_changes_stays_one_of_the_newest() -> None:
    """An expired task that is done after all, long after, is known as done and as nothing else."""
    machine = machine_of(TRACK)
    history = [*many(0, 3), *many(100, MAX_CLOSED + 6, "b")]
    result = folded(machine, [*history, outcome("x", 3, answer_id(machine, "y000"))])
    assert result.state.closed[-1].state == "completed"
    slot = ids.slot_of("anna", "need", "a", "stated.answer")
    assert [how for _, how in result.state.ended[slot].ends] == ["withdrawn"]


def test_a_late_outcome_of_an_escalation_withdraws_what_followed_it_alone() -> None:
    """Whoever called at last need not run; the first question stays expired."""
    machine = machine_of(TRACK)
    hours = 49 + 4 + 30 * DAY
    before = folded(machine, [STATED], 50)
    (second,) = before.state.tasks
    result = folded(machine, [STATED, outcome("2", hours, second)], hours)
    assert endings(result)[2:] == [
        ("answer/or_else", "completed", ""),
        ("answer/or_else/or_else", "withdrawn", "completed_late"),
    ]
    assert state_of(result.state, answer_id(machine)) == "expired"


def test_a_late_outcome_takes_back_an_escalation_that_waits_for_quiet_hours() -> None:
    """Nobody is asked in the morning for what was done in the night."""
    kinds = "contact: {plain: {means: ., reaches: nobody}, call: {means: ., reaches: person, quiet: 00:00 to 20:00}}"
    track = TRACK.replace("or_else: {ask: Call,", "or_else: {contact: call, ask: Call,")
    machine = machine_of(track, head=HEAD.replace("touchpoints:", f"{kinds}\ntouchpoints:", 1))
    assert list(folded(machine, [STATED], 50).state.waiting), "the escalation waits"
    result = folded(machine, [STATED, outcome("2", 50, answer_id(machine))], 100)
    assert (open_tasks(result), result.state.waiting) == ([], {})


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
    strays = [
        outcome(f"x{number:03}", 1 + number / 100, f"{number:020x}-{number:024x}") for number in range(MAX_KEPT + 3)
    ]
    again = [touchpoint(f"y{number:03}", "need.stated", 5 + number, need="a") for number in range(MAX_CLOSED + 3)]
    result: Folded = folded(machine, [STATED, *strays, *again])
    assert len(result.state.kept) == MAX_KEPT
    assert len(result.state.closed) == MAX_CLOSED
    assert len(result.unmatched) == 3
