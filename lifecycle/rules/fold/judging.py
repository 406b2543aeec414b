"""Judging anew where windows age (slides.py): a person's lane, and when time alone changes it, or what is not wanted.

The first moment at which something really changes is looked for among the next
MAX_SLIDES. If there are more, and none of those changes anything, the person is due at the last of them, and the search
goes on from there. Called after every touchpoint and every round of timers of such
policies; of others the lane is judged at the end of a fold (fold.py). Pure.
"""

from __future__ import annotations

from heapq import nsmallest

from lifecycle.instant import Instant
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import LANE, Machine
from lifecycle.rules.compiled.slides import MAX_SLIDES
from lifecycle.rules.fold.working import Working


def judge_anew(work: Working, at: Instant, ahead: Instant | None = None) -> None:
    """Set a person's lane as of `at`, and when time alone changes it, or a stop, next.

    `ahead` is when the next touchpoint comes that will be judged anew: later moments need not be looked at (None: all).
    """
    machine, state = work.machine, work.state
    work.dirty &= ~LANE
    view = work.view(None, at)
    state.lane = machine.lane_of(view)
    state.slides_at = _next(machine, view, ahead)
    if state.slides_at is not None:
        work.note_due(state.slides_at)


def _next(machine: Machine, view: View, ahead: Instant | None) -> Instant | None:
    at = view.at
    found = nsmallest(MAX_SLIDES + 1, {moment for slide in machine.slides for moment in slide(view) if moment > at})
    before = _judged(machine, view)
    for moment in found[:MAX_SLIDES]:
        if ahead is not None and moment >= ahead:
            return None
        view.at = moment
        if _judged(machine, view) != before:
            return moment
    return found[MAX_SLIDES - 1] if len(found) > MAX_SLIDES else None


def _judged(machine: Machine, view: View) -> tuple[int | bool, ...]:
    stops = (contact.stops for contact in machine.contacts.values() if contact.stops is not None)
    return (machine.lane_of(view), *(holds(view) for holds in stops))
