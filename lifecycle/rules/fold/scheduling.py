"""Entering stages, and when the rules of a stage are due: every change of what is pending is made here.

Called by fold.py, timers.py and what stands beside them. Pure.
"""

from __future__ import annotations

from heapq import heappush

from lifecycle.instant import NEVER, Instant
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Rule, StageTable, TrackTable
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.snapshot import Instance, Origin


def enter(
    work: Working,
    table: TrackTable,
    key: str,
    instance: Instance,
    stage: StageTable,
    at: Instant,
    cause: str,
    origin: Origin,
) -> None:
    """Put an instance into a stage and schedule the stage's rules. Facts have taken in the touchpoint."""
    instance.stage, instance.since, instance.cause, instance.origin = stage.name, at, cause, origin
    if instance.spent:
        instance.spent = []
    if instance.counts:
        instance.counts, instance.anchors, instance.came = {}, {}, {}
    elif instance.anchors or instance.came:
        instance.anchors, instance.came = {}, {}
    if instance.held_until is not None:
        instance.held_until = None
    schedule_stage(work, table, key, instance, stage, at)


def schedule_stage(
    work: Working, table: TrackTable, key: str, instance: Instance, stage: StageTable, at: Instant
) -> None:
    """Schedule the rules of a stage that an instance stands in from now on."""
    work.dirty |= table.marks
    due = stage.enter(instance, at)
    if due == NEVER and not stage.following:
        watch(work, table, key, instance, stage)
        return
    work.active[table.name, key] = instance
    work.dues[id(instance)] = due
    if due < work.due:
        work.due = due
    if stage.entering:
        view = work.view_at(instance, key, at)
        for rule in stage.entering:
            schedule(work, instance, rule, view)


def schedule(work: Working, instance: Instance, rule: Rule, view: View) -> None:
    """Note when a rule is due next, as things stand; a moment that lies behind is now (= view.at)."""
    name, pending = rule.name, instance.pending
    due, before = rule.due_of(view, instance), pending.get(name)
    if due is not None:
        pending[name] = due = not_before(work, instance, due, view.at)
        if due < work.due:
            work.due = due
    elif before is not None:
        del pending[name]
    if due != before:
        work.dues[id(instance)] = min(pending.values()) if pending else NEVER


def not_before(work: Working, instance: Instance, due: Instant, at: Instant) -> Instant:
    """Return when a rule of an instance is due: not behind us, and not before what was put off goes on."""
    if instance.held_until is not None and instance.held_until > at:
        at = instance.held_until
    return due if due > at else at


def restart(work: Working, instance: Instance, rule: Rule, view: View) -> None:
    """Begin the rhythm of a rule anew: its last task was closed now."""
    instance.anchors[rule.name] = view.at
    instance.came.pop(rule.name, None)
    schedule(work, instance, rule, view)


def go_on(work: Working, instance: Instance, rule: Rule, view: View) -> None:
    """Go on with the rhythm of a rule: one came now and was not asked, or is a review."""
    instance.came[rule.name] = view.at
    schedule(work, instance, rule, view)


def watch(work: Working, table: TrackTable, key: str, instance: Instance, stage: StageTable) -> None:
    """Keep an instance among those that time or facts can move, or take it out."""
    pending = instance.pending
    if pending or stage.following:
        work.active[table.name, key] = instance
        work.dues[id(instance)] = due = min(pending.values()) if pending else NEVER
        if due < work.due:
            work.due = due
    else:
        unwatch(work, table.name, key, instance)
        if work.finished is not None and is_finished(work, table.name, key, instance):
            heappush(work.finished, (instance.since, table.name, key))


def unwatch(work: Working, track: str, key: str, instance: Instance) -> None:
    """Take an instance out of those that time or facts can move."""
    work.active.pop((track, key), None)
    work.dues.pop(id(instance), None)


def is_finished(work: Working, track: str, key: str, instance: Instance) -> bool:
    """Tell whether nothing but news can move a keyed instance, and another track watches the person."""
    table = work.machine.tracks[track]
    is_watched = table.stages[instance.stage].stage.watched_by is not None
    return is_watched and table.field is not None and (track, key) not in work.active
