"""Values as the checker sees them: one stands for a whole class, and fits tests as it would at run time.

A class is shown by one of its values: a word, a number at or between the numbers named, a missing value, a set of
the named words, a time that lies within some of the named windows and not within others. Which classes there are
is the business of classes.py. Called by the checker's modules only. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from lifecycle.rules.language.policy import Given, Has, Money, OneOf, Range, Test, Within
from lifecycle.rules.language.schedule import Duration, parse_day, parse_time

OTHER = "\0"
"""Stands for any text that no line names."""


class TooComplex(Exception):
    """More combinations than are tried. Never leaves the checker: it becomes a finding."""


@dataclass(frozen=True, slots=True)
class When:
    """A time, and which of the named windows it lies within."""

    at: datetime
    within: frozenset[Duration]


Value = None | str | bool | int | Decimal | Money | When | frozenset[str]
"""A value that stands for its class; None: missing."""


@dataclass(frozen=True, slots=True)
class Left:
    """A left side. A sum of money has one for each currency, for the amounts are independent of each other."""

    space: str
    name: str
    currency: str = ""

    def __str__(self) -> str:
        return self.name if self.space == "field" else f"{self.space}.{self.name}"


def fits(test: Test, value: Value) -> bool:
    """Tell whether a value fits a test, as compiled/guards.py does at run time."""
    if isinstance(test, Given):
        return (value is not None and value != frozenset()) is test.given
    if isinstance(test, OneOf):
        if isinstance(value, frozenset):
            return not value.isdisjoint(each for each in test.values if isinstance(each, str))
        return value in test.values
    if isinstance(test, Has):
        return isinstance(value, frozenset) and value.issuperset(test.values)
    if isinstance(test, Within):
        return isinstance(value, When) and test.duration in value.within
    return _in_range(test, value)


def _in_range(test: Range, value: Value) -> bool:
    for bound, is_lower in ((test.at_least, True), (test.less_than, False)):
        if bound is None:
            continue
        left, right = _comparable(value), _comparable(bound)
        if left is None or right is None or type(left[0]) is not type(right[0]) or left[1] != right[1]:
            return False
        if (left[0] >= right[0]) is not is_lower:  # type: ignore[operator]  # of one type, as just seen
            return False
    return True


def _comparable(value: object) -> tuple[Decimal | datetime, str] | None:
    """Return what is compared, and its currency ("": none)."""
    if isinstance(value, Money):
        return value.amount, value.currency
    if isinstance(value, When):
        return value.at, ""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value), ""
    instant = instant_of(value)
    return None if instant is None else (instant, "")


def instant_of(text: object) -> datetime | None:
    day = parse_day(text)
    return parse_time(text) if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def in_words(left: Left, value: Value) -> str:
    """Return one value of a left side as a finding shows it."""
    if value is None:
        return f"{left} missing"
    if isinstance(value, frozenset):
        words = sorted(value - {OTHER}) + (["something else"] if OTHER in value else [])
        return f"{left} with {' and '.join(words)}" if words else f"{left} empty"
    if isinstance(value, When):
        shortest = min(value.within, key=lambda each: each.shortest, default=None)
        return f"{left} = {value.at:%Y-%m-%d}" if shortest is None else f"{left} within {shortest}"
    if isinstance(value, bool):
        return f"{left} = {str(value).lower()}"
    if isinstance(value, Money) and value.currency == OTHER:
        return f"{left} in another currency"
    return f"{left} = {'something else' if value == OTHER else value}"
