"""Windows age: the moments at which time alone changes a lane, or whether a kind of contact is stopped.

A lane or a `stops` that looks at a window or at `within` can change without news, when something slides out of the
window, or when a time that was given ahead is reached. Such a moment is a timer of the fold, so that whoever reads the
state finds it as of the moment that time has reached. Which moments can matter is known from the facts; judging.py
looks among them for the first at which something really changes. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import nsmallest

from lifecycle.instant import Instant
from lifecycle.rules.compiled.guards import ReadMoment, View
from lifecycle.rules.compiled.machine import Slide
from lifecycle.rules.language.calendar_steps import CalendarSteps
from lifecycle.rules.language.policy import Compare, Fact, Guard, Policy, Within
from lifecycle.rules.language.windows import Window

MAX_SLIDES = 32
"""Moments that are looked through for one that changes something."""


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
