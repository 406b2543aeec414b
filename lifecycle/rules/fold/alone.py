"""One rule of one instance is due at an instant, and nothing else: nine instants in ten are so.

The same as a round of timers.py, without what a round does for several: it opens a task that comes once, and asks for
all about it by one written function (compiled/opening.py). Whatever is out of the ordinary (a guard that says no, a
repeated rule, something that waits, expires or was kept, a limit, a trail) is left to the round, before anything has
changed. Called by timers.py. Pure.
"""

from __future__ import annotations

from lifecycle import ids
from lifecycle.instant import NEVER, Instant
from lifecycle.rules.compiled.machine import LANE, STOPS, Rule, TrackTable
from lifecycle.rules.fold.places import may_be_beyond
from lifecycle.rules.fold.room import may_be_spent, opens_at
from lifecycle.rules.fold.scheduling import watch
from lifecycle.rules.fold.working import Where, Working
from lifecycle.rules.language.names import TOO_MANY
from lifecycle.rules.state.snapshot import Instance, OpenTask, WaitingTask


def fire_alone(work: Working, at: Instant) -> bool:
    """Open the one task that is due at an instant; False: that is not all that is to be done, and nothing was."""
    state = work.state
    if work.is_told or work.dirty & ~(LANE | STOPS) or state.waiting or state.kept or state.not_begun:
        return False
    where = _alone(work, at)
    if where is None:
        return False
    track, key = where
    instance, table = state.tracks[track][key], work.machine.tracks[track]
    pending, stage = instance.pending, table.stages[instance.stage]
    name = ""
    for each, first in pending.items():
        if first <= at:
            if name:
                return False
            name = each
    rule = stage.rules[name]
    found = None if rule.opening is None else rule.opening(work, instance, key, at)
    if found is None:
        return False
    del pending[name]
    instance.spent = sorted([*instance.spent, name]) if instance.spent else [name]
    if pending or stage.follow is not None:
        work.dues[where] = min(pending.values()) if pending else NEVER
    else:
        watch(work, table, key, instance, stage)
    _ask(work, table, key, instance, rule, at, *found)
    work.asked.is_stirred = False
    state.last_fired_at = at
    return True


def _alone(work: Working, at: Instant) -> Where | None:
    """Return the one instance of which rules are due; None: there are more, or something else is to be looked at."""
    where = None
    for each, first in work.dues.items():
        if first <= at:
            if where is not None:
                return None
            where = each
    if where is None or TOO_MANY in work.state.tracks or may_be_beyond(work, 1):
        return None
    for task in work.state.tasks.values():
        if task.expires_at <= at:
            return None
    return where


def _ask(
    work: Working,
    table: TrackTable,
    key: str,
    instance: Instance,
    rule: Rule,
    at: Instant,
    opens: Instant,
    due_at: Instant,
    expires_at: Instant,
) -> None:
    """Open the task of a rule, or let it wait for quiet hours or a budget to end."""
    entry = instance.entry()
    cause = ids.cause_of_timer(entry, rule.slot_name, 1) if rule.is_later else entry
    task_id = ids.task_id(ids.slot_of(work.person, table.slot_name, key, rule.slot_name), cause)
    if may_be_spent(work, rule.contact):
        opens = opens_at(work, rule.contact, at)
    if opens > at:
        waiting = WaitingTask(
            table.name, key, instance.stage, rule.name, entry, instance.since, instance.origin, opens, at
        )
        work.asked.hold(task_id, waiting)
        if opens < work.due:
            work.due = opens
        return
    opened = OpenTask(
        table.name, key, instance.stage, rule.name, entry, instance.since, instance.origin, at, due_at, expires_at
    )
    work.asked.open(task_id, opened)
    if expires_at < work.due:
        work.due = expires_at
