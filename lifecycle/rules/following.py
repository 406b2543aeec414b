"""What follows the facts: rules whose moment or length a fact decides, and due times that are a fact's.

The anchor of a wait stays (the entry into the stage, the moment of a fact, the closing of the last task of a rhythm);
how long it is, is what the facts say now. A moment that lies behind by then is now. Done ones stay done. So it is for
`after`, `at` and `every` alike, and for the due time of an open task that is a fact, with its expiry; a due time that
is a duration was read once, when the task opened. Called after every touchpoint and every round of timers, because
what decides may look at stages. Nothing that windows or `within` can change decides here: the loader refuses it.
"""

from __future__ import annotations

from datetime import datetime

from lifecycle.rules.guards import View
from lifecycle.rules.working import Working


def follow(work: Working, at: datetime) -> None:
    """Work out anew, at this instant, when everything that follows a fact is due."""
    view: View | None = None
    for (name, key), instance in work.active.items():
        stage = work.machine.tracks[name].stages[instance.stage]
        if not stage.following:
            continue
        view = view or work.view(None, at)
        view.own, view.key = instance.facts, key
        for rule in stage.following:
            is_ahead = rule.moment is not None and rule.name not in instance.spent and rule.name not in instance.counts
            if is_ahead or rule.name in instance.pending:
                work.schedule(instance, rule, view)
    if work.machine.due_follows:
        _follow_due(work, at)


def _follow_due(work: Working, at: datetime) -> None:
    for task in work.state.tasks.values():
        rule = work.rule_of(task)
        if rule.due_moment is None:
            continue
        assert rule.expires is not None
        view = work.view_of(task.track, task.key, at)
        due_at = rule.due_moment(view)
        if due_at is not None and due_at != task.due_at:
            task.due_at = due_at
            task.expires_at = max(rule.expires(view, due_at), at)
