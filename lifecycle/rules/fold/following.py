"""What follows the facts: rules whose moment or length a fact decides, and due times that are a fact's.

The anchor of a wait stays (the entry into the stage, the moment of a fact, the closing of the last task of a rhythm);
how long it is, is what the facts say now. A moment that lies behind by then is now. Done ones stay done. So it is for
`after`, `at` and `every` alike, and for the due time of an open task that is a fact, with its expiry; a due time that
is a duration was read once, when the task opened, and one that was put off (`task.postponed`) stays. Called after every
touchpoint and every round of timers, because what decides may look at stages. Nothing that windows or `within` can
change decides here: the loader refuses it.

What only becomes later need not be worked out at once. A touchpoint that a rule counts from (`30 days after heard`)
moves it away from now, so the older moment is a bound that comes first; when time reaches it, or anybody looks,
`next_due` works out what is true; at the end of a fold everything is. A trail tells what was due, so with one nothing
is put off.
"""

from __future__ import annotations

from collections.abc import Collection

from lifecycle.instant import NEVER, Instant
from lifecycle.rules.compiled.machine import CHANGED, FOLLOWED
from lifecycle.rules.fold.start import start_due
from lifecycle.rules.fold.working import Where, Working
from lifecycle.rules.state.snapshot import OpenTask


def follow(work: Working, at: Instant) -> None:
    """Work out anew, at this instant, when everything that follows a fact is due.

    Looked at are the instances whose own facts took something in (`work.changed`), and all of the tracks whose rules
    follow something else that changed (`work.followed`); both are emptied here.
    """
    followed, state, bits, reached = work.machine.followed, work.state, work.followed, work.changed
    if work.dirty & FOLLOWED:
        bits |= followed.by_stages
    work.dirty &= ~(FOLLOWED | CHANGED)
    work.followed, work.changed = 0, []
    may_be_due = bool(reached) or bits & followed.by_due or work.wanted_dues
    tracks, dues = state.tracks, work.dues
    for name in followed.named(bits):
        if name in tracks:
            reached += [(name, key) for key in tracks[name]]
    for where in reached:
        if where in dues:
            name, key = where
            instance = tracks[name][key]
            follow_stage = work.machine.tracks[name].stages[instance.stage].follow
            if follow_stage is not None:
                dues[where] = due = follow_stage(work.seen, instance, key, at)
                if due < work.due:
                    work.due = due
    if may_be_due:
        _follow_dues(work, reached, at)


def _follow_dues(work: Working, reached: Collection[Where], at: Instant) -> None:
    """Work out anew when the tasks of these instances are due, where a fact says so."""
    for task_id in [task_id for where in reached for task_id in work.asked.of(*where)]:
        work.wanted_dues.pop(task_id, None)
        if task_id in work.state.tasks:
            _follow_due(work, work.state.tasks[task_id], at)


def _follow_due(work: Working, task: OpenTask, at: Instant) -> None:
    rule = work.rule_of(task)
    if rule.due_moment is None or task.postponed:
        return
    assert rule.expires is not None
    view = work.view_of(task.track, task.key, at)
    due_at = rule.due_moment(view)
    if due_at is not None and due_at != task.due_at:
        task.due_at = due_at
        task.expires_at = max(rule.expires(view, due_at), at)
        work.note_moved(task)


def next_due(work: Working) -> Instant:
    """Return when time alone has something to do next: a rule, an opening, an expiry, a slide, the start; NEVER.

    What could come first and follows what has changed is worked out before.
    """
    if work.changed:
        follow(work, work.reached_at)
    state, dues, followed = work.state, work.dues, work.followed
    due = min(dues.values()) if dues else NEVER
    for task in state.tasks.values():
        if task.expires_at < due:
            due = task.expires_at
    for waiting in state.waiting.values():
        if waiting.opens_at < due:
            due = waiting.opens_at
    if work.is_told:
        due = min(due, NEVER if state.slides_at is None else state.slides_at, start_due(work.machine, state))
    if followed:
        tables = work.machine.tracks
        for where, first in dues.items():
            if first <= due and tables[where[0]].bit & followed:
                # What is due first is a bound: of an instance whose track follows what has changed.
                follow(work, work.reached_at)
                return next_due(work)
    work.due = due
    return due
