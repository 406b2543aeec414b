"""Leaving stages and closing tasks. Called by steps.py, timers.py and what stands beside them. Pure."""

from __future__ import annotations

from lifecycle.instant import Instant
from lifecycle.rules.compiled.machine import TrackTable
from lifecycle.rules.fold.scheduling import restart
from lifecycle.rules.fold.start import BEFORE_START
from lifecycle.rules.fold.trail import Closing
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.names import TOO_MANY
from lifecycle.rules.state.endings import remember
from lifecycle.rules.state.snapshot import ClosedTask, Instance, OpenTask, Origin, WaitingTask
from lifecycle.task import TaskState


def leave(work: Working, table: TrackTable, key: str, instance: Instance, at: Instant, by: Origin | None) -> None:
    """Withdraw the open tasks of a stage that is left, and forget the waiting ones, but for those that stay."""
    if work.trail is not None:
        for name, due in sorted(instance.pending.items()):
            work.note(at, "dropped", table.name, key, name, by=by, due=due)
    if (table.name, key) not in work.asked.ids:
        return
    tasks, waiting, asked = work.state.tasks, work.state.waiting, work.asked.of(table.name, key)
    for task_id in asked:
        if task_id in tasks and _is_left(work, tasks[task_id], instance):
            close(work, task_id, "withdrawn", at, reason="left_stage", by=by)
    for task_id in asked if waiting else ():
        if task_id not in waiting or not _is_left(work, waiting[task_id], instance):
            continue
        left = work.asked.release(task_id)
        work.note(at, "dropped", table.name, key, left.rule, task_id=task_id, by=by, due=left.opens_at)


def _is_left(work: Working, task: OpenTask | WaitingTask, instance: Instance) -> bool:
    """Tell whether a task of this instance ends with the stage that it stands in."""
    rule = work.rule_of(task).task
    return rule is not None and not rule.stays and task.entry == instance.entry()


def close(
    work: Working, task_id: str, state: TaskState, at: Instant, *, reason: str = "", by: Origin | None = None
) -> OpenTask:
    """Close an open task; a repeated one is scheduled again where its stage goes on."""
    task = work.asked.end(task_id)
    if task.track == TOO_MANY and state in ("completed", "declined"):
        work.state.told = sum(work.state.not_begun.values())
    closed = ClosedTask(task_id, state, reason, at)
    said = (work.said_before.get(task_id) or work.said(task)) if work.tells else None
    work.closings.append(Closing(task, closed, said))
    remember(work.state, closed)
    rule = work.rule_of(task)
    if state == "completed" and work.reaches(rule):
        work.count_done(at)
    if work.trail is not None:
        work.note(at, state, task.track, task.key, task.rule, task_id=task_id, by=by, detail=reason)
    if not rule.is_repeated:
        return task
    instance = work.state.tracks[task.track][task.key]
    if (
        not rule.task.is_review  # type: ignore[union-attr]  # open tasks have task rules
        and instance.stage == task.stage
        and instance.entry() == task.entry
        and reason not in ("left_stage", BEFORE_START)  # what is still owed comes anew (before_start.py)
    ):
        restart(work, (task.track, task.key), instance, rule, work.view_of(task.track, task.key, at))
    return task
