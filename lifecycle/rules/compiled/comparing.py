"""Tests of guards that are more than an equality: a value, or a moment, held against bounds, amounts and words.

A missing value fits none of them, and one of the wrong kind is as good as missing. Called by what guards.py writes.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from lifecycle.instant import Instant
from lifecycle.rules.compiled.facts import amount_in, as_instant
from lifecycle.rules.language.calendar_steps import CalendarSteps, number_of
from lifecycle.rules.language.policy import Has, Literal_, Money, OneOf, Range, Test
from lifecycle.rules.language.schedule import parse_day
from lifecycle.rules.language.windows import Window

NOT_GIVEN: tuple[object, ...] = (None, [])
"""The values of what is not given: nothing, and an empty set."""


def holds_for(test: Test) -> Callable[[Any], bool]:
    """Return how a value is held against a test: amounts, words of a set, a range of numbers or amounts."""
    if isinstance(test, OneOf):
        return _one_of_amounts(test)
    if isinstance(test, Has):
        wanted = frozenset(test.values)
        return lambda words: isinstance(words, list) and wanted.issubset(words)
    assert isinstance(test, Range)
    return _in_range(test)


def within(window: Window) -> Callable[[Instant | None, Instant], bool]:
    """Return how a moment (None: there is none) is held against a window as of now."""
    return lambda when, at: when is not None and window.holds(when, at)


def text_as_instant(value: Any) -> Instant | None:
    """Return the moment that a text names; None: it is no text, or names none."""
    return as_instant(value) if isinstance(value, str) else None


def is_of_times(test: Range) -> bool:
    """Tell whether a bound is a date or a time."""
    return isinstance(test.at_least, str) or isinstance(test.less_than, str)


def in_times(test: Range, steps: CalendarSteps) -> Callable[[Instant | None, Any], bool]:
    """Return how a moment, or where it is None a date as text, is held against a range of dates or times."""
    low, high = (None if bound is None else _time_bound(bound) for bound in (test.at_least, test.less_than))

    def left(is_day: bool, moment: Instant | None, value: Any) -> int | None:
        if not is_day:
            return moment
        if moment is not None:
            return steps.day_of(moment)
        day = parse_day(value)
        return None if day is None else number_of(day)

    def holds(moment: Instant | None, value: Any) -> bool:
        if low is not None:
            found = left(low[0], moment, value)
            if found is None or found < low[1]:
                return False
        if high is not None:
            found = left(high[0], moment, value)
            if found is None or found >= high[1]:
                return False
        return True

    return holds


def _time_bound(bound: Literal_) -> tuple[bool, int]:
    """Return whether a bound is a day, and it as a number of days or as a moment. The loader knows it is one."""
    day = parse_day(bound)
    if day is not None:
        return True, number_of(day)
    at = as_instant(bound)
    assert at is not None
    return False, at


def _one_of_amounts(test: OneOf) -> Callable[[Any], bool]:
    amounts = [value for value in test.values if isinstance(value, Money)]
    return lambda value: any(amount_in(value, each.currency) == each.amount for each in amounts)


def _in_range(test: Range) -> Callable[[Any], bool]:
    low, high = (None if bound is None else _bound(bound) for bound in (test.at_least, test.less_than))

    def holds(value: Any) -> bool:
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


def _bound(bound: Literal_) -> tuple[Callable[[Any], Any], Any]:
    """Return how a value becomes comparable with a bound (None: it does not), and the bound itself."""
    if isinstance(bound, Money):
        currency = bound.currency
        return (lambda value: amount_in(value, currency)), bound.amount
    return _as_number, bound


def _as_number(value: Any) -> int | Decimal | None:
    return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
