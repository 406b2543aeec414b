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

from lifecycle.instant import NEVER, Instant
from lifecycle.rules.compiled.machine import FOLLOWED
from lifecycle.rules.fold.scheduling import not_before
from lifecycle.rules.fold.working import NO_TRACKS, Working
from lifecycle.rules.state.snapshot import Instance, OpenTask


def follow(work: Working, at: Instant) -> None:
    """Work out anew, at this instant, when everything that follows a fact is due.

    Looked at are the instances whose own facts took something in (`work.changed`), and all of the tracks whose rules
    follow something else that changed (`work.followed`); both are emptied here.
    """
    followed, tracks = work.machine.followed, work.state.tracks
    if work.dirty & FOLLOWED:
        work.followed |= followed.by_stages
        work.dirty &= ~FOLLOWED
    names = sorted(work.followed) if len(work.followed) > 1 else work.followed
    reached = [*work.changed, *[(name, key) for name in names if name in tracks for key in tracks[name]]]
    work.followed, work.changed = NO_TRACKS, []
    for where in reached:
        if where in work.active:
            _follow_rules(work, *where, work.active[where], at)
    if followed.is_due or work.wanted_dues:
        tasks = work.state.tasks
        asked = [task_id for each in reached for task_id in work.asked.of(*each)]
        for task_id in asked:
            work.wanted_dues.pop(task_id, None)
            if task_id in tasks:
                _follow_due(work, tasks[task_id], at)


def _follow_rules(work: Working, track: str, key: str, instance: Instance, at: Instant) -> None:
    pending, first, view = instance.pending, NEVER, None
    for rule in work.machine.tracks[track].stages[instance.stage].following:
        name = rule.name
        if name not in pending and (not rule.is_of_fact or name in instance.spent or name in instance.counts):
            continue  # It is asked for now, or done.
        view = view or work.view_at(instance, key, at)
        due = rule.due_of(view, instance)
        if due is None:
            pending.pop(name, None)
            continue
        pending[name] = due = not_before(work, instance, due, at)
        first = min(first, due)
    if view is not None:
        work.dues[id(instance)] = min(pending.values()) if pending else NEVER
        work.note_due(first)


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
    """Return when time alone has something to do next, after what could be that was worked out; NEVER."""
    if work.changed:
        follow(work, work.reached_at)
    due = work.next_due()
    if work.followed and _may_be_later(work, due):
        follow(work, work.reached_at)
        due = work.next_due()
    return due


def _may_be_later(work: Working, due: Instant) -> bool:
    """Tell whether what is due first is a bound: of an instance whose track follows what has changed."""
    followed, dues = work.followed, work.dues
    return due in [dues[id(instance)] for (track, _), instance in work.active.items() if track in followed]
