"""What follows the facts: rules whose moment or length a fact decides, and due times that are a fact's.

The anchor of a wait stays (the entry into the stage, the moment of a fact, the closing of the last task of a rhythm);
how long it is, is what the facts say now. A moment that lies behind by then is now. Done ones stay done. So it is for
`after`, `at` and `every` alike, and for the due time of an open task that is a fact, with its expiry; a due time that
is a duration was read once, when the task opened, and one that was put off (`task.postponed`) stays. Called after every
touchpoint and every round of timers, because what decides may look at stages. Nothing that windows or `within` can
change decides here: the loader refuses it.

What only becomes later need not be worked out at once. A touchpoint that a rule counts from (`30 days after heard`)
moves it away from now, so the older moment is a bound that comes first; when time reaches it, or anybody looks,
`next_due` works out what is true. A trail tells what was due, so with one nothing is put off.
"""

from __future__ import annotations

from lifecycle.instant import Instant
from lifecycle.rules.compiled.machine import FOLLOWED
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.snapshot import OpenTask


def follow(work: Working, at: Instant) -> None:
    """Work out anew, at this instant, when everything that follows a fact is due.

    Looked at are the instances whose own facts took something in (`work.changed`), and all of the tracks whose rules
    follow something else that changed (`work.followed`); both are emptied here.
    """
    followed, tracks = work.machine.followed, work.state.tracks
    if work.dirty & FOLLOWED:
        work.followed |= followed.by_stages
        work.dirty &= ~FOLLOWED
    reached = [*work.changed, *((name, key) for name in sorted(work.followed) for key in tracks.get(name, ()))]
    work.followed.clear()
    work.changed.clear()
    view = work.view(None, at)
    for name, key in reached:
        instance = work.active.get((name, key))
        following = () if instance is None else work.machine.tracks[name].stages[instance.stage].following
        for rule in following:
            assert instance is not None
            view.own, view.key = instance.facts, key
            is_ahead = rule.moment is not None and rule.name not in instance.spent and rule.name not in instance.counts
            if is_ahead or rule.name in instance.pending:
                work.schedule(instance, rule, view)
    if followed.is_due or work.wanted_dues:
        tasks = work.state.tasks
        asked = [task_id for each in reached for task_id in work.asked.of(*each)]
        for task_id in asked:
            work.wanted_dues.pop(task_id, None)
            if task_id in tasks:
                _follow_due(work, tasks[task_id], at)


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
    """Return when time alone has something to do next, after all that was put off was worked out; NEVER."""
    if work.followed or work.changed:
        follow(work, work.reached_at)
    return work.next_due()
