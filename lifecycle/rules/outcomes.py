"""Outcomes of tasks: `task.completed` and `task.declined` close the task with their id.

One that comes before its task opens (a slow clock) is kept, bounded, and closes it on opening. An id that
was never opened closes the task of the same slot that is open now or opens next, so that late news does not
ask again for work that is done. After expiry an outcome counts as late, and withdraws what the expiry
opened. For an id that was opened and withdrawn it is unmatched: counted, never an error.
"""

from __future__ import annotations

from lifecycle import ids
from lifecycle.rules.snapshot import ClosedTask, KeptOutcome, Origin
from lifecycle.rules.working import MAX_KEPT, Closing, Working
from lifecycle.task import TaskState
from lifecycle.touchpoint import Touchpoint, key_of


def take_outcome(work: Working, touchpoint: Touchpoint, by: Origin) -> None:
    """Close what this outcome is about, or keep it, or count it as unmatched."""
    task_id = str(touchpoint.data["task"])
    outcome: TaskState = "completed" if touchpoint.type == "task.completed" else "declined"
    at = touchpoint.occurred_at
    if task_id in work.state.tasks:
        work.close(task_id, outcome, at, by=by)
        return
    known = next((closed for closed in reversed(work.state.closed) if closed.id == task_id), None)
    if known is not None:
        if known.state == "expired":
            _late(work, known, outcome, touchpoint, by)
        elif known.state == "withdrawn":
            work.unmatched.append(key_of(touchpoint))
        return
    slot = ids.slot_of_task(task_id)
    same = sorted(each for each in work.state.tasks if ids.slot_of_task(each) == slot)
    if same:
        work.close(same[0], outcome, at, by=by)
        return
    kept = [*work.state.kept, KeptOutcome(task_id, outcome)]
    if len(kept) > MAX_KEPT:
        kept = kept[1:]
        work.unmatched.append(key_of(touchpoint))
    work.state.kept = kept


def _late(work: Working, known: ClosedTask, outcome: TaskState, touchpoint: Touchpoint, by: Origin) -> None:
    at = touchpoint.occurred_at
    ended = ClosedTask(known.id, outcome, "", at)
    work.state.closed = [ended if closed is known else closed for closed in work.state.closed]
    expired = next((each for each in reversed(work.closings) if each.closed.id == known.id), None)
    if expired is not None:
        work.closings.append(Closing(expired.task, ended))
    for task_id in sorted(each for each, task in work.state.tasks.items() if task.root == known.id):
        work.close(task_id, "withdrawn", at, reason="completed_late", by=by)
    work.note(at, outcome, "", "", "late", task_id=known.id, by=by, detail="completed_late")
