"""One rule of one instance is due at an instant, and nothing else: nine instants in ten are so.

The same as a round of timers.py, without what a round does for several: it opens a task that comes once. Whatever is
out of the ordinary (a guard that says no, a repeated rule, something that waits, expires or was kept, a limit, a trail)
is left to the round, before anything has changed. Called by timers.py. Pure.
"""

from __future__ import annotations

from lifecycle import ids
from lifecycle.instant import NEVER, Instant
from lifecycle.rules.compiled.machine import STOPS, Rule, TrackTable
from lifecycle.rules.fold.places import may_be_beyond
from lifecycle.rules.fold.room import Room
from lifecycle.rules.fold.scheduling import watch
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.names import TOO_MANY
from lifecycle.rules.state.snapshot import Instance, OpenTask, WaitingTask


def fire_alone(work: Working, at: Instant) -> bool:
    """Open the one task that is due at an instant; False: that is not all that is to be done, and nothing was."""
    state = work.state
    if state.waiting or work.is_told or work.dirty & ~STOPS or state.kept or state.not_begun:
        return False
    found = _found(work, at)
    if found is None:
        return False
    table, key, instance, rule = found
    view = work.view_at(instance, key, at)
    if rule.task is None or rule.is_repeated or (rule.when is not None and not rule.when(view)):
        return False
    contact = rule.contact
    if contact is not None and contact.stops is not None and contact.stops(view):
        return False
    _spend(work, table, key, instance, rule)
    entry = instance.entry()
    cause = ids.cause_of_timer(entry, rule.slot_name, 1) if rule.is_later else entry
    task_id = ids.task_id(ids.slot_of(work.person, table.slot_name, key, rule.slot_name), cause)
    names = table.name, key, instance.stage, rule.name
    opens_at = at if contact is None else Room(work, at).opens_at(contact)
    if opens_at > at:
        work.asked.hold(task_id, WaitingTask(*names, entry, instance.since, instance.origin, opens_at, at))
        work.note_due(opens_at)
    else:
        assert rule.due is not None
        assert rule.expires is not None
        view = work.view_at(instance, key, at)
        due_at = rule.due(view, at)
        expires_at = rule.expires(view, due_at)
        if expires_at < at:
            expires_at = at
        opened = OpenTask(*names, entry, instance.since, instance.origin, at, due_at, expires_at)
        work.asked.open(task_id, opened)
        if expires_at < work.due:
            work.due = expires_at
    work.asked.is_stirred = False
    state.last_fired_at = at
    return True


def _found(work: Working, at: Instant) -> tuple[TrackTable, str, Instance, Rule] | None:
    """Return the one rule that is due, and whose it is; None: there is more, or something expires."""
    dues, found = work.dues, None
    for where, instance in work.active.items():
        if dues[id(instance)] <= at:
            if found is not None:
                return None
            found = where, instance
    if found is None or TOO_MANY in work.state.tracks or may_be_beyond(work, 1):
        return None
    for task in work.state.tasks.values():
        if task.expires_at <= at:
            return None
    (track, key), instance = found
    names = [name for name, due in instance.pending.items() if due <= at]
    if len(names) != 1:
        return None
    table = work.machine.tracks[track]
    return table, key, instance, table.stages[instance.stage].rules[names[0]]


def _spend(work: Working, table: TrackTable, key: str, instance: Instance, rule: Rule) -> None:
    """Take in that a rule that comes once is done for this entry."""
    pending = instance.pending
    del pending[rule.name]
    instance.spent = sorted([*instance.spent, rule.name]) if instance.spent else [rule.name]
    if pending:
        work.dues[id(instance)] = min(pending.values())
    elif table.stages[instance.stage].following:
        work.dues[id(instance)] = NEVER
    else:
        watch(work, table, key, instance, table.stages[instance.stage])
