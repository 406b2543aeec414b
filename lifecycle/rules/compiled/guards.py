"""Guards compiled to closures, and what a guard said in words.

A compiled guard takes a View (what it may look at) and answers True or False. A missing value fits no
comparison; so it fits `none_of`. A value of the wrong kind is as good as missing: never an error. Facts have
taken in the touchpoint; stages are as they were before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from lifecycle.instant import Instant
from lifecycle.rules.compiled.facts import Data, Raw, amount_in, as_instant
from lifecycle.rules.language.calendar_steps import CalendarSteps, number_of
from lifecycle.rules.language.policy import (
    AnyOf,
    Compare,
    Condition,
    Given,
    Guard,
    Has,
    Literal_,
    Money,
    NoneOf,
    OneOf,
    Range,
    Test,
    Within,
)
from lifecycle.rules.language.schedule import parse_day
from lifecycle.rules.language.windows import Window
from lifecycle.rules.state.snapshot import Instance

NOTHING: Data = {}
"""The data where there is no touchpoint: a timer."""


class View:
    """What guards and lanes look at: data of the touchpoint (NOTHING for a timer), facts, stages, the time.

    `stages` maps track -> key -> instance as before this instant; `own` are the facts of the instance at hand.
    """

    __slots__ = ("at", "data", "facts", "key", "own", "stages")

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        facts: dict[str, Raw],
        stages: Mapping[str, Mapping[str, Instance]],
        at: Instant,
    ) -> None:
        self.data: Data = NOTHING if data is None else data
        self.facts = facts
        self.stages = stages
        self.at = at
        self.own: dict[str, Raw] = {}
        self.key = ""

    def copy(self) -> View:
        """Return one that stays as it is."""
        copied = View(self.data, self.facts, self.stages, self.at)
        copied.own, copied.key = self.own, self.key
        return copied


Holds = Callable[[View], bool]
Read = Callable[[View], Any]
ReadMoment = Callable[[View], Instant | None]


class GuardCompiler:
    """Compiles guards. `fact_readers` give the value of a fact, `moments` the moment that it is, if it is one.

    Both are keyed by (track or "", fact name). `steps` says whose days a `within` counts, and on which day a time is.
    """

    def __init__(
        self,
        fact_readers: Mapping[tuple[str, str], Read],
        moments: Mapping[tuple[str, str], ReadMoment],
        per: Mapping[str, str],
        steps: CalendarSteps,
    ) -> None:
        self.fact_readers = fact_readers
        self.moments = moments
        self.per = per
        self.steps = steps

    def guard(self, guard: Guard | None, track: str) -> Holds:
        """Return the closure of a guard; None always holds."""
        if guard is None:
            return _always
        parts = [self.condition(condition, track) for condition in guard.conditions]
        if len(parts) == 1:
            return parts[0]
        if len(parts) == 2:
            one, two = parts
            return lambda view: one(view) and two(view)
        return lambda view: all(part(view) for part in parts)

    def condition(self, condition: Condition, track: str) -> Holds:
        if isinstance(condition, AnyOf):
            some = [self.guard(guard, track) for guard in condition.guards]
            return _any_of(some)
        if isinstance(condition, NoneOf):
            none = [self.guard(guard, track) for guard in condition.guards]
            one = _any_of(none)
            return lambda view: not one(view)
        if condition.space == "any":
            return self.any_stage(condition)
        return self.compare(condition, track)

    def compare(self, condition: Compare, track: str) -> Holds:
        """Return the closure of one line: what is read, held against the test, in the days of the calendar."""
        test, read = condition.test, self.left(condition, track)
        if isinstance(test, Within) or (isinstance(test, Range) and _is_of_times(test)):
            moment = self.moment(condition, track, read)
            if isinstance(test, Within):
                window = Window(test.duration, self.steps)
                return lambda view: (when := moment(view)) is not None and window.holds(when, view.at)
            return _in_times(read, moment, test, self.steps)
        return compare(read, test)

    def moment(self, condition: Compare, track: str, read: Read) -> ReadMoment:
        """Return how a left side is read as a moment."""
        if condition.space == "fact":
            return self.moments.get((track, condition.name)) or self.moments["", condition.name]
        return lambda view: as_instant(value) if isinstance(value := read(view), str) else None

    def left(self, condition: Compare, track: str) -> Read:
        """Return the reader of a left side."""
        name = condition.name
        if condition.space == "field":
            return lambda view: view.data.get(name)
        if condition.space == "fact":
            return self.fact_readers.get((track, name)) or self.fact_readers["", name]
        if self.per[name] == "person":
            return lambda view: _stage(view, name, "")
        return lambda view: _stage(view, name, view.key)

    def any_stage(self, condition: Compare) -> Holds:
        name, test = condition.name, condition.test
        if isinstance(test, Given):
            given = test.given
            return lambda view: bool(view.stages.get(name)) is given
        wanted = frozenset(test.values) if isinstance(test, OneOf) else frozenset()
        return lambda view: any(instance.stage in wanted for instance in view.stages.get(name, {}).values())


def _always(view: View) -> bool:
    return True


def _any_of(parts: Sequence[Holds]) -> Holds:
    if len(parts) == 1:
        return parts[0]

    def holds(view: View) -> bool:
        # A loop, as lanes are looked at after every touchpoint: `any` with a generator takes twice the time.
        for part in parts:  # noqa: SIM110
            if part(view):
                return True
        return False

    return holds


def _stage(view: View, track: str, key: str) -> str | None:
    instances = view.stages.get(track)
    instance = None if instances is None else instances.get(key)
    return None if instance is None else instance.stage


def compare(read: Read, test: Test) -> Holds:
    """Return what is read, held against a test that asks for no moment."""
    if isinstance(test, OneOf):
        return _one_of(read, test)
    if isinstance(test, Has):
        return _has(read, test)
    if isinstance(test, Given):
        given = test.given
        return lambda view: (read(view) not in (None, [])) is given
    assert isinstance(test, Range)
    return _in_range(read, test)


def _one_of(read: Read, test: OneOf) -> Holds:
    if any(isinstance(value, Money) for value in test.values):
        amounts = [value for value in test.values if isinstance(value, Money)]
        return lambda view: any(
            amount_in(value, each.currency) == each.amount for value in (read(view),) for each in amounts
        )
    if len(test.values) == 1:
        wanted = test.values[0]
        if isinstance(wanted, str | bool):
            return lambda view: read(view) == wanted
    values = test.values
    return lambda view: read(view) in values


def _has(read: Read, test: Has) -> Holds:
    wanted = frozenset(test.values)

    def holds(view: View) -> bool:
        words = read(view)
        return isinstance(words, list) and wanted.issubset(words)

    return holds


Comparable = Callable[[Any], Any]
"""What is read -> what can be compared with a bound, or None where it cannot."""


def _in_range(read: Read, test: Range) -> Holds:
    low, high = (None if bound is None else _bound(bound) for bound in (test.at_least, test.less_than))

    def holds(view: View) -> bool:
        value = read(view)
        if low is not None:
            left = low[0](value)
            if left is None or left < low[1]:
                return False
        if high is not None:
            left = high[0](value)
            if left is None or left >= high[1]:
                return False
        return True

    return holds


def _bound(bound: Literal_) -> tuple[Comparable, Any]:
    """Return how what is read becomes comparable with a bound, and the bound itself."""
    if isinstance(bound, Money):
        currency = bound.currency
        return (lambda value: amount_in(value, currency)), bound.amount
    return _as_number, bound


def _is_of_times(test: Range) -> bool:
    """Tell whether a bound is a date or a time."""
    return isinstance(test.at_least, str) or isinstance(test.less_than, str)


def _in_times(read: Read, moment: ReadMoment, test: Range, steps: CalendarSteps) -> Holds:
    """Return the closure of a range of days or moments."""

    def day(view: View) -> int | None:
        at = moment(view)
        found = parse_day(read(view)) if at is None else None
        return steps.day_of(at) if at is not None else None if found is None else number_of(found)

    low, high = (
        None
        if bound is None
        else ((moment, as_instant(bound)) if (named := parse_day(bound)) is None else (day, number_of(named)))
        for bound in (test.at_least, test.less_than)
    )

    def holds(view: View) -> bool:
        if low is not None:
            left = low[0](view)
            if left is None or low[1] is None or left < low[1]:
                return False
        if high is not None:
            left = high[0](view)
            if left is None or high[1] is None or left >= high[1]:
                return False
        return True

    return holds


def _as_number(value: Any) -> int | Decimal | None:
    return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
