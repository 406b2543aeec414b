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

from lifecycle import ids
from lifecycle.rules.early import is_kept, keep
from lifecycle.rules.endings import has_forgotten, remember, state_of
from lifecycle.rules.openings import pass_over
from lifecycle.rules.snapshot import ClosedTask, KeptOutcome, OpenTask, Origin, WaitingTask
from lifecycle.rules.working import Working
from lifecycle.task import TaskState
from lifecycle.touchpoint import Touchpoint, key_of


def take_outcome(work: Working, touchpoint: Touchpoint, by: Origin) -> None:
    """Close what this outcome is about, or keep it, or count it as unmatched."""
    task_id = touchpoint.data.get("task")
    if task_id is None:
        work.unmatched.append(key_of(touchpoint))
        return
    outcome: TaskState = "completed" if touchpoint.type == "task.completed" else "declined"
    state, at = work.state, touchpoint.occurred_at
    if task_id in state.tasks:
        work.close(task_id, outcome, at, by=by)
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
        work.close(same[0], outcome, at, by=by)
    if keep(state, KeptOutcome(task_id, outcome, at, used=bool(same))):
        work.unmatched.append(key_of(touchpoint))


def _end_late(work: Working, task_id: str, outcome: TaskState, by: Origin) -> None:
    """End a task that had expired or was withdrawn, and take back what its expiry led to."""
    state, at = work.state, by.occurred_at
    ended = ClosedTask(task_id, outcome, "", at)
    remember(state, ended)
    rule = work.rule_of_slot(ids.slot_of_task(task_id)) if outcome == "completed" and work.machine.most else None
    if rule is not None and work.reaches(rule):
        work.count_done(at)
    before = next((each for each in reversed(work.closings) if each.closed.id == task_id), None)
    if before is not None:
        work.closings.append(before._replace(closed=ended))
    for each in sorted(each for each, task in state.tasks.items() if _follows(work, task, task_id)):
        work.close(each, "withdrawn", at, reason="completed_late", by=by)
    for each in sorted(each for each, task in state.waiting.items() if _follows(work, task, task_id)):
        waiting = state.waiting.pop(each)
        pass_over(work, each, waiting, work.rule_of(waiting), at, by=by, detail="done")
    work.note(at, outcome, "", "", "late", task_id=task_id, by=by, detail="completed_late")


def _follows(work: Working, task: OpenTask | WaitingTask, task_id: str) -> bool:
    """Tell whether the expiry of a task led, directly or in steps, to this one."""
    if not task.root:
        return False
    table = work.machine.tracks[task.track]
    rules = table.stages[task.stage].rules
    above = task.root
    names = task.rule.split("/")
    for length in range(2, len(names) + 1):
        if above == task_id:
            return True
        rule = rules["/".join(names[:length])]
        slot = ids.slot_of(work.person, table.slot_name, task.key, rule.slot_name)
        above = ids.task_id(slot, ids.cause_of_timer(above.partition("-")[2], rule.slot_name, 1))
    return False
