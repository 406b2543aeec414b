"""What a touchpoint does: tasks with a `done_by` that names its type are completed by it.

It looks at nothing but the instances that the touchpoint can reach: in a keyed track the one with its key. A task that
waits to open, and one that is due at this very instant, is not asked any more: the news came first.
Called by fold.py. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.instant import Instant
from lifecycle.rules.compiled.guards import Holds
from lifecycle.rules.compiled.machine import Rule, TrackTable, TypeTable
from lifecycle.rules.fold.openings import pass_over
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.snapshot import Instance, Origin
from lifecycle.touchpoint import Touchpoint


def complete(work: Working, table: TypeTable, touchpoint: Touchpoint, origin: Origin) -> None:
    """Close the open tasks that this touchpoint does, and do not ask for what it does before it is asked."""
    reached = list(_reached(work, table, touchpoint))
    if not reached:
        return
    at, tasks, waiting = origin.occurred_at, work.state.tasks, work.state.waiting
    ids = sorted(task_id for track, key, _ in reached for task_id in work.asked.of(track.name, key))
    asked = [(task_id, tasks[task_id]) for task_id in ids if task_id in tasks]
    done = [task_id for task_id, task in asked if _does(work, touchpoint, at, task.track, task.key, work.rule_of(task))]
    for task_id in done:
        work.close(task_id, "completed", at, by=origin)
    for task_id in ids:
        task = waiting.get(task_id)
        if task is not None and _does(work, touchpoint, at, task.track, task.key, rule := work.rule_of(task)):
            pass_over(work, task_id, work.asked.release(task_id), rule, at, by=origin, detail="done")
    for track, key, instance in reached:
        _pass_over_due(work, track, key, instance, touchpoint, origin)


def _reached(work: Working, table: TypeTable, touchpoint: Touchpoint) -> Iterator[tuple[TrackTable, str, Instance]]:
    for track in table.does:
        key: str | None = "" if track.field is None else touchpoint.data.get(track.field)
        instance = None if key is None else work.state.tracks.get(track.name, {}).get(key)
        if key is not None and instance is not None:
            yield track, key, instance


def _pass_over_due(
    work: Working, track: TrackTable, key: str, instance: Instance, touchpoint: Touchpoint, origin: Origin
) -> None:
    """Ask for nothing that was due at this instant and is done."""
    at = origin.occurred_at
    rules = track.stages[instance.stage].rules
    for name, due in list(instance.pending.items()):
        rule = rules[name]
        if due > at or not _does(work, touchpoint, at, track.name, key, rule):
            continue
        del instance.pending[name]
        work.note(at, "not_opened", track.name, key, name, by=origin, detail="done")
        if rule.period is None:
            instance.spent = sorted([*instance.spent, name])
        else:
            instance.counts[name] = instance.counts.get(name, 0) + 1
            work.restart(instance, rule, work.view_of(track.name, key, at))


def _does(work: Working, touchpoint: Touchpoint, at: Instant, track: str, key: str, rule: Rule) -> bool:
    """Tell whether a touchpoint that reaches an instance does a task of a rule: its type does, and the guard holds."""
    if touchpoint.type not in rule.done_by:
        return False
    holds: Holds | None = rule.done_by[touchpoint.type]
    if holds is None:
        return True
    view = work.view(touchpoint.data, at)
    view.own, view.key = work.state.tracks[track][key].facts, key
    return holds(view)
