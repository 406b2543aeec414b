"""The moment from which we ask: whether it has passed for a person, and whether there is something to do then.

It is a timer of the fold like any other, due where something is asked or waits that it may end (before_start.py does
that), so that live running, a replay, and news from before it that comes later agree. Before it has passed nobody is
told of what it is going to end. Called by working.py and tasks.py.
"""

from __future__ import annotations

from lifecycle import ids
from lifecycle.instant import NEVER, Instant
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.state.snapshot import OpenTask, PersonState

BEFORE_START = "before_start"
"""The reason of what was due before that moment."""

_AGAIN = "/again"
"""Names what comes anew in its id; no rule can be called so."""


def start_due(machine: Machine, state: PersonState) -> Instant:
    """Return the moment where it is still to come for a person and may have something to do; else NEVER."""
    ask_from = machine.ask_from
    if ask_from is None or _has_passed(ask_from.instant, state):
        return NEVER
    may_end = state.waiting or any(task.due_at < ask_from.instant for task in state.tasks.values())
    return ask_from.instant if may_end else NEVER


def is_to_end(machine: Machine, state: PersonState, task: OpenTask) -> bool:
    """Tell whether an open task will end at that moment, if nothing happens before: it is told to nobody."""
    ask_from = machine.ask_from
    return ask_from is not None and task.due_at < ask_from.instant and not _has_passed(ask_from.instant, state)


def again_id(task_id: str) -> str:
    """Return the id under which what is still owed comes anew."""
    slot, _, cause = task_id.partition("-")
    return ids.task_id(slot, ids.cause_of_timer(cause, _AGAIN, 1))


def _has_passed(moment: Instant, state: PersonState) -> bool:
    """Tell whether something happened after the moment, or time fired at it; touchpoints of its instant come before."""
    fired, last = state.last_fired_at, state.last_key
    return (fired is not None and fired >= moment) or (last is not None and last[0] > moment)
