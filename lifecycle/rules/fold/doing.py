"""What a touchpoint does: tasks with a `done_by` that names its type are completed by it.

It looks at nothing but the instances that the touchpoint can reach: in a keyed track the one with its key. A task that
waits to open, and one that is due at this very instant, is not asked any more: the news came first.
Called by the text of a type, as one of steps.py. Pure.
"""

from __future__ import annotations

from lifecycle.instant import NEVER, Instant
from lifecycle.rules.compiled.guards import Holds
from lifecycle.rules.compiled.machine import Rule, TrackTable, TypeTable
from lifecycle.rules.fold.closing import close
from lifecycle.rules.fold.openings import pass_over
from lifecycle.rules.fold.scheduling import restart
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.snapshot import Instance, OpenTask, WaitingTask
from lifecycle.touchpoint import Touchpoint


def complete(work: Working, table: TypeTable, touchpoint: Touchpoint, at: Instant) -> None:
    """Close the open tasks that this touchpoint does, and do not ask for what it does before it is asked."""
    tasks, waiting, done_by = work.state.tasks, work.state.waiting, table.done_by
    done = [
        task_id
        for task_id, task in tasks.items()
        if (task.track, task.stage, task.rule) in done_by and _does(work, touchpoint, at, task)
    ]
    for task_id in sorted(done) if len(done) > 1 else done:
        close(work, task_id, "completed", at, by=work.origin())
    if waiting:
        for task_id, task in sorted(waiting.items()):
            if (task.track, task.stage, task.rule) in done_by and _does(work, touchpoint, at, task):
                task = work.asked.release(task_id)
                pass_over(work, task_id, task, work.rule_of(task), at, by=work.origin(), detail="done")
    if work.due <= at:
        for track in table.does:
            key: str | None = "" if track.field is None else touchpoint.data.get(track.field)
            instance = None if key is None else work.state.tracks.get(track.name, {}).get(key)
            if key is not None and instance is not None:
                _pass_over_due(work, track, key, instance, touchpoint, at)


def _pass_over_due(
    work: Working, track: TrackTable, key: str, instance: Instance, touchpoint: Touchpoint, at: Instant
) -> None:
    """Ask for nothing that was due at this instant and is done."""
    rules = track.stages[instance.stage].rules
    for name, due in list(instance.pending.items()):
        rule = rules[name]
        if due > at or not _is_done(work, touchpoint, at, track.name, key, rule):
            continue
        del instance.pending[name]
        work.dues[track.name, key] = min(instance.pending.values(), default=NEVER)
        work.note(at, "not_opened", track.name, key, name, by=work.origin(), detail="done")
        if not rule.is_repeated:
            instance.spent = sorted([*instance.spent, name])
        else:
            instance.counts[name] = instance.counts.get(name, 0) + 1
            restart(work, (track.name, key), instance, rule, work.view_of(track.name, key, at))


def _does(work: Working, touchpoint: Touchpoint, at: Instant, task: OpenTask | WaitingTask) -> bool:
    rule = work.rule_of(task)
    field = work.machine.tracks[task.track].field
    if field is not None and touchpoint.data.get(field) != task.key:
        return False
    return _is_done(work, touchpoint, at, task.track, task.key, rule)


def _is_done(work: Working, touchpoint: Touchpoint, at: Instant, track: str, key: str, rule: Rule) -> bool:
    """Tell whether a touchpoint that reaches an instance does a task of a rule: its type does, and the guard holds."""
    if touchpoint.type not in rule.done_by:
        return False
    holds: Holds | None = rule.done_by[touchpoint.type]
    if holds is None:
        return True
    view = work.view(touchpoint.data, at)
    view.own, view.key = work.state.tracks[track][key].facts, key
    return holds(view)
