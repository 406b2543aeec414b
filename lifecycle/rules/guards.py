"""Guards compiled to closures, and what a guard said in words.

A compiled guard takes a View (what it may look at) and answers True or False. A missing value fits no
comparison; so it fits `none_of`. A value of the wrong kind is as good as missing: never an error. Facts have
taken in the touchpoint; stages are as they were before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lifecycle.rules.calendar import WorkingTime
from lifecycle.rules.facts import Raw, amount_in, as_time
from lifecycle.rules.policy import (
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
from lifecycle.rules.schedule import parse_day, parse_time
from lifecycle.rules.snapshot import Instance
from lifecycle.rules.windows import Window


class View:
    """What guards and lanes look at: data of the touchpoint (None for a timer), facts, stages, the time.

    `stages` maps track -> key -> instance as before this instant; `own` are the facts of the instance at hand.
    """

    __slots__ = ("at", "data", "facts", "key", "own", "stages")

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        facts: dict[str, Raw],
        stages: Mapping[str, Mapping[str, Instance]],
        at: datetime,
    ) -> None:
        self.data = data
        self.facts = facts
        self.stages = stages
        self.at = at
        self.own: dict[str, Raw] = {}
        self.key = ""


Holds = Callable[[View], bool]
Read = Callable[[View], Any]


class GuardCompiler:
    """Compiles guards. `fact_readers` give the value of a fact; keyed by (track or "", fact name).

    `time` says whose days a `within` counts, and on which day a time is.
    """

    def __init__(self, fact_readers: Mapping[tuple[str, str], Read], per: Mapping[str, str], time: WorkingTime) -> None:
        self.fact_readers = fact_readers
        self.per = per
        self.time = time

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
        return compare(self.left(condition, track), condition.test, self.time)

    def left(self, condition: Compare, track: str) -> Read:
        """Return the reader of a left side."""
        name = condition.name
        if condition.space == "field":
            return lambda view: None if view.data is None else view.data.get(name)
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


def compare(read: Read, test: Test, time: WorkingTime) -> Holds:
    """Return the closure of one line: what is read, held against the test, in the days of a calendar."""
    if isinstance(test, OneOf):
        return _one_of(read, test)
    if isinstance(test, Has):
        return _has(read, test)
    if isinstance(test, Given):
        given = test.given
        return lambda view: (read(view) not in (None, [])) is given
    if isinstance(test, Within):
        window = Window(test.duration, time)
        return lambda view: (when := _as_moment(read(view))) is not None and window.holds(when, view.at)
    return _in_range(read, test, time)


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


def _in_range(read: Read, test: Range, time: WorkingTime) -> Holds:
    bounds = [None if bound is None else _bound(bound, time) for bound in (test.at_least, test.less_than)]
    low, high = bounds

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


def _bound(bound: Literal_, time: WorkingTime) -> tuple[Comparable, Any]:
    """Return how what is read becomes comparable with a bound, and the bound itself."""
    if isinstance(bound, Money):
        currency = bound.currency
        return (lambda value: amount_in(value, currency)), bound.amount
    if isinstance(bound, str):
        day = parse_day(bound)
        return (lambda value: _as_day(value, time), day) if day is not None else (_as_moment, parse_time(bound))
    return _as_number, bound


def _as_number(value: Any) -> int | Decimal | None:
    return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _as_moment(value: Any) -> datetime | None:
    return as_time(value) if isinstance(value, datetime | str) else None


def _as_day(value: Any, time: WorkingTime) -> date | None:
    moment = _as_moment(value)
    return parse_day(value) if moment is None else time.day_of(moment)


def got_in_words(value: Any) -> str:
    """Return a value as it stands in an explanation."""
    if value is None or value == [] or value == {}:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{amount} {currency}" for currency, amount in sorted(value.items()))
    return value.isoformat() if isinstance(value, datetime) else str(value)


def wanted_in_words(test: Test) -> str:
    """Return a test in words: what was wanted of a left side."""
    if isinstance(test, OneOf):
        return "= " + " or ".join(got_in_words(value) for value in test.values)
    if isinstance(test, Has):
        return "has " + ", ".join(test.values)
    if isinstance(test, Given):
        return "is given" if test.given else "is not given"
    if isinstance(test, Within):
        return f"within {test.duration}"
    parts = [f"at least {test.at_least}" if test.at_least is not None else ""]
    parts.append(f"less than {test.less_than}" if test.less_than is not None else "")
    return " and ".join(part for part in parts if part)
