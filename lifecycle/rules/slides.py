"""Windows age: the moments at which time alone changes a lane, or whether a kind of contact is stopped.

A lane or a `stops` that looks at a window or at `within` can change without news, when something slides out of the
window, or when a time that was given ahead is reached. Such a moment is a timer of the fold, so that whoever reads the
state finds it as of the moment that time has reached. Which moments can matter is known from the facts; the first at
which something really changes is looked for among the next MAX_SLIDES. If there are more, and none of those changes
anything, the person is due at the last of them, and the search goes on from there.

`judge_anew` is called after every touchpoint and every round of timers. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import nsmallest

from lifecycle.instant import Instant
from lifecycle.rules.calendar_steps import CalendarSteps
from lifecycle.rules.guards import ReadMoment, View
from lifecycle.rules.machine import LANE, Machine, Slide
from lifecycle.rules.policy import Compare, Fact, Guard, Policy, Within
from lifecycle.rules.windows import Window
from lifecycle.rules.working import Working

MAX_SLIDES = 32
"""Moments that are looked through for one that changes something."""


def judge_anew(work: Working, at: Instant, ahead: Instant | None = None) -> None:
    """Set a person's lane as of `at`, and when time alone changes it, or a stop, next; where anything may have changed.

    `ahead` is when the next touchpoint comes that will be judged anew: later moments need not be looked at (None: all).
    """
    machine, state = work.machine, work.state
    if not work.dirty & LANE and not machine.slides:
        return
    work.dirty &= ~LANE
    view = work.view(None, at)
    state.lane = machine.lane_of(view)
    if machine.slides:
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


def slides_of(policy: Policy, moment: Callable[[str], ReadMoment], steps: CalendarSteps) -> tuple[Slide, ...]:
    """Return how the moments are found at which what lanes and stops look at slides. `moment` reads facts."""
    guards = [lane.when for lane in policy.lanes] + [kind.stops for kind in policy.contacts.values()]
    found: dict[tuple[str, str, bool], Slide] = {}
    seen: set[str] = set()
    while guards:
        for condition in _compared(guards.pop()):
            if condition.space != "fact":
                continue
            fact = policy.facts[condition.name]
            if isinstance(condition.test, Within):
                window = Window(condition.test.duration, steps)
                found[fact.name, str(condition.test.duration), False] = _of_time(moment(fact.name), window)
            if fact.within is not None:
                found[fact.name, str(fact.within), True] = _of_window(fact, Window(fact.within, steps))
            if fact.name not in seen:
                seen.add(fact.name)
                guards += [choice.when for choice in fact.choices]
    return tuple(found.values())


def _compared(guard: Guard | None) -> Iterator[Compare]:
    for condition in () if guard is None else guard.conditions:
        if isinstance(condition, Compare):
            yield condition
        else:
            for inner in condition.guards:
                yield from _compared(inner)


def _of_time(moment: ReadMoment, window: Window) -> Slide:
    def moments(view: View) -> Iterable[Instant]:
        when = moment(view)
        return () if when is None else (when, window.leaves_at(when))

    return moments


def _of_window(fact: Fact, window: Window) -> Slide:
    name = fact.name

    def days(view: View) -> Iterable[Instant]:
        # Days as text sort by time: of a year of days only the first that still count are worked out.
        first = window.first_day(view.at)
        counted = (day for day in view.facts.get(name) or () if day >= first)
        return map(window.day_leaves_at, nsmallest(MAX_SLIDES + 1, counted))

    def entries(view: View) -> Iterable[Instant]:
        return (window.leaves_at(when) for when, _ in view.facts.get(name) or ())

    return days if window.is_daily else entries
