"""Outcomes of tasks: `task.completed` and `task.declined` end the task with their id, `task.postponed` puts it off.

An outcome with the id of a task that this fold opened ends it, the first one in order, also when it had expired or was
withdrawn before: what somebody did is done. After expiry it withdraws what the expiry opened. Nothing takes it back
but a retraction of the outcome itself.

An id that never opened closes the task of the same slot that is open now or opens soon (early.py), so that late
truth, which gives a question another cause, does not ask again for work that is done. How tasks ended is remembered
bounded (endings.py); of a slot of which something is forgotten an unknown id may be one that was asked long ago, so it
is unmatched: counted, never an error, and never taken for another.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from lifecycle import ids
from lifecycle.instant import Instant
from lifecycle.rules.compiled.facts import as_instant
from lifecycle.rules.compiled.machine import Rule
from lifecycle.rules.fold.closing import close
from lifecycle.rules.fold.openings import pass_over
from lifecycle.rules.fold.start import again_id
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.calendar_steps import CalendarSteps
from lifecycle.rules.language.schedule import Duration, parse_day
from lifecycle.rules.state.early import is_kept, keep
from lifecycle.rules.state.endings import has_forgotten, remember, state_of
from lifecycle.rules.state.snapshot import ClosedTask, KeptOutcome, OpenTask, Origin, WaitingTask
from lifecycle.task import TaskState
from lifecycle.touchpoint import Touchpoint, key_of

MAX_POSTPONED = Duration(366, "day")
"""How long after its opening a task can be due by being put off."""


def take_outcome(work: Working, touchpoint: Touchpoint, by: Origin) -> None:
    """Close what this outcome is about, or keep it, or count it as unmatched."""
    task_id = touchpoint.data.get("task")
    if task_id is None:
        work.unmatched.append(key_of(touchpoint))
        return
    if touchpoint.type == "task.postponed":
        _postpone(work, task_id, touchpoint, by)
        return
    outcome: TaskState = "completed" if touchpoint.type == "task.completed" else "declined"
    state, at = work.state, by.occurred_at
    if task_id in state.tasks:
        close(work, task_id, outcome, at, by=by)
        return
    ended = state_of(state, task_id)
    if ended is not None:
        if ended in ("expired", "withdrawn"):
            _end_late(work, task_id, outcome, by)
        return
    slot = ids.slot_of_task(task_id)
    if has_forgotten(state, slot):
        work.unmatched.append(key_of(touchpoint))
        return
    if is_kept(state, task_id):
        return
    same = sorted(each for each in state.tasks if ids.slot_of_task(each) == slot)
    if same:
        close(work, same[0], outcome, at, by=by)
    if keep(state, KeptOutcome(task_id, outcome, at, used=bool(same))):
        work.unmatched.append(key_of(touchpoint))


def _postpone(work: Working, task_id: str, touchpoint: Touchpoint, by: Origin) -> None:
    """Put the due time of an open task off, and its expiry with it; the last word in order counts."""
    task, at = work.state.tasks.get(task_id), by.occurred_at
    due_at = None if task is None else _put_off(work.machine.steps, task, touchpoint.data.get("until"))
    if task is None or due_at is None:
        work.unmatched.append(key_of(touchpoint))
        return
    rule = work.rule_of(task)
    assert rule.expires is not None
    task.due_at = due_at
    task.expires_at = max(rule.expires(work.view_of(task.track, task.key, at), due_at), at)
    work.note_moved(task)
    task.postponed = True
    work.note(at, "postponed", task.track, task.key, task.rule, task_id=task_id, by=by, due=due_at)


def _put_off(steps: CalendarSteps, task: OpenTask, until: Any) -> Instant | None:
    """Return when a task is due that is put off `until` a time, or a date (the end of its working hours).

    At most MAX_POSTPONED after it opened, or when it is due already; None where `until` is neither.
    """
    if not isinstance(until, str):
        return None
    at = as_instant(until) if parse_day(until) is None else steps.end_of_work(until)
    return None if at is None else min(at, max(task.due_at, steps.after(MAX_POSTPONED)(task.opened_at)))


def _end_late(work: Working, task_id: str, outcome: TaskState, by: Origin) -> None:
    """End a task that had expired or was withdrawn, and take back what its expiry led to."""
    state, at = work.state, by.occurred_at
    ended = ClosedTask(task_id, outcome, "", at)
    remember(state, ended)
    rule = _rule_of_slot(work, ids.slot_of_task(task_id)) if outcome == "completed" and work.machine.most else None
    if rule is not None and work.reaches(rule):
        work.count_done(at)
    before = next((each for each in reversed(work.closings) if each.closed.id == task_id), None)
    if before is not None:
        work.closings.append(before._replace(closed=ended))
    same = {task_id, again_id(task_id)}  # the same question, where it was due before the start and is still owed
    for each in sorted(each for each, task in state.tasks.items() if each in same or _follows(work, task, same)):
        close(work, each, "withdrawn", at, reason="completed_late", by=by)
    for each in sorted(each for each, task in state.waiting.items() if each in same or _follows(work, task, same)):
        waiting = work.asked.release(each)
        pass_over(work, each, waiting, work.rule_of(waiting), at, by=by, detail="done")
    work.note(at, outcome, "", "", "late", task_id=task_id, by=by, detail="completed_late")


def _rule_of_slot(work: Working, slot: str) -> Rule | None:
    """Return the rule that a task id belongs to by its slot, None where no instance has it any more."""
    for name, instances in sorted(work.state.tracks.items()):
        table = work.machine.tracks[name]
        for rule in (rule for stage in table.stages.values() for rule in stage.rules.values() if rule.task):
            if any(ids.slot_of(work.person, table.slot_name, key, rule.slot_name) == slot for key in instances):
                return rule
    return None


def _follows(work: Working, task: OpenTask | WaitingTask, question: Set[str]) -> bool:
    """Tell whether the expiry of a question led, directly or in steps, to this task. `question` holds its ids.

    Each step may have come anew in between, under another id: those before and those after it are all looked at.
    """
    if not task.root:
        return False
    table = work.machine.tracks[task.track]
    rules = table.stages[task.stage].rules
    above = [task.root]
    names = task.rule.split("/")
    for length in range(2, len(names) + 1):
        above += [again_id(above[0])]  # At most one step came anew, so the first of them alone may still do so.
        if not question.isdisjoint(above):
            return True
        rule = rules["/".join(names[:length])]
        slot = ids.slot_of(work.person, table.slot_name, task.key, rule.slot_name)
        causes = [ids.cause_of_timer(each.partition("-")[2], rule.slot_name, 1) for each in above]
        above = [ids.task_id(slot, cause) for cause in causes]
    return False
