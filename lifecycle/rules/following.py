"""What follows the facts: rules whose moment or length a fact decides, and due times that are a fact's.

The anchor of a wait stays (the entry into the stage, the moment of a fact, the closing of the last task of a rhythm);
how long it is, is what the facts say now. A moment that lies behind by then is now. Done ones stay done. So it is for
`after`, `at` and `every` alike, and for the due time of an open task that is a fact, with its expiry; a due time that
is a duration was read once, when the task opened, and one that was put off (`task.postponed`) stays. Called after every
touchpoint and every round of timers, because what decides may look at stages. Nothing that windows or `within` can
change decides here: the loader refuses it.
"""

from __future__ import annotations

from datetime import datetime

from lifecycle.rules.snapshot import OpenTask
from lifecycle.rules.working import Working


def follow(work: Working, at: datetime) -> None:
    """Work out anew, at this instant, when everything that follows a fact is due.

    Looked at are the instances whose own facts took something in (`work.changed`, emptied here), and all of a track
    where a fact of the person that its rules follow says something else than before.
    """
    followed, view, tracks = work.machine.followed, work.view(None, at), work.state.tracks
    values = followed.values(view)
    whole = sorted(followed.tracks(work.followed, values))
    reached = [*work.changed, *((name, key) for name in whole for key in tracks.get(name, ()))]
    work.followed, work.changed = values, []
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


def _follow_due(work: Working, task: OpenTask, at: datetime) -> None:
    rule = work.rule_of(task)
    if rule.due_moment is None or task.postponed:
        return
    assert rule.expires is not None
    view = work.view_of(task.track, task.key, at)
    due_at = rule.due_moment(view)
    if due_at is not None and due_at != task.due_at:
        task.due_at = due_at
        task.expires_at = max(rule.expires(view, due_at), at)
        work.asked.is_stirred = True  # Who waits for a place waits for an expiry.
