"""Entering stages, and when the rules of a stage are due: every change of what is pending is made here.

Called by steps.py, timers.py and what stands beside them. Pure.
"""

from __future__ import annotations

from heapq import heappush

from lifecycle.instant import NEVER, Instant
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Rule, StageTable, TrackTable
from lifecycle.rules.fold.working import Where, Working
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
    if not stage.enter(work, instance, key, at):
        watch(work, table, key, instance, stage)


def schedule(work: Working, where: Where, instance: Instance, rule: Rule, view: View) -> None:
    """Note when a rule is due next, as things stand; a moment that lies behind is now (= view.at)."""
    name, pending = rule.name, instance.pending
    due = rule.due_of(view, instance)
    if due is not None:
        pending[name] = due = _not_before(instance, due, view.at)
        if due < work.due:
            work.due = due
    elif name in pending:
        del pending[name]
    work.dues[where] = min(pending.values()) if pending else NEVER


def _not_before(instance: Instance, due: Instant, at: Instant) -> Instant:
    """Return when a rule of an instance is due: not behind us, and not before what was put off goes on."""
    if instance.held_until is not None and instance.held_until > at:
        at = instance.held_until
    return due if due > at else at


def restart(work: Working, where: Where, instance: Instance, rule: Rule, view: View) -> None:
    """Begin the rhythm of a rule anew: its last task was closed now."""
    instance.anchors[rule.name] = view.at
    instance.came.pop(rule.name, None)
    schedule(work, where, instance, rule, view)


def go_on(work: Working, where: Where, instance: Instance, rule: Rule, view: View) -> None:
    """Go on with the rhythm of a rule: one came now and was not asked, or is a review."""
    instance.came[rule.name] = view.at
    schedule(work, where, instance, rule, view)


def watch(work: Working, table: TrackTable, key: str, instance: Instance, stage: StageTable) -> None:
    """Keep an instance among those that time or facts can move, or take it out."""
    pending = instance.pending
    if pending or stage.follow is not None:
        work.dues[table.name, key] = due = min(pending.values()) if pending else NEVER
        if due < work.due:
            work.due = due
    else:
        unwatch(work, table.name, key)
        if work.finished is not None and is_finished(work, table.name, key, instance):
            heappush(work.finished, (instance.since, table.name, key))


def unwatch(work: Working, track: str, key: str) -> None:
    """Take an instance out of those that time or facts can move."""
    work.dues.pop((track, key), None)


def is_finished(work: Working, track: str, key: str, instance: Instance) -> bool:
    """Tell whether nothing but news can move a keyed instance, and another track watches the person."""
    table = work.machine.tracks[track]
    is_watched = table.stages[instance.stage].stage.watched_by is not None
    return is_watched and table.field is not None and (track, key) not in work.dues
