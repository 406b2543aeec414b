"""Durations, and dates and times as text: pure arithmetic on aware UTC times.

A duration alone steps in UTC. What a policy waits for steps in the zone and the working time of its calendar
(calendar.py), and what it looks back on counts the days of that zone (windows.py). Months and years keep the day of the
month and fall back to its last day (31 January + 1 month = 28 February).
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, TypeVar

from lifecycle.moment import parse_time as parse_time

Unit = Literal["hour", "day", "week", "month", "year", "business hour", "business day"]
MAX_YEARS = 100
"""Longest duration a policy may name."""

MAX_BUSINESS = 10_000
"""Most business hours or days a duration may name: they are counted one by one."""

_PATTERN = re.compile(r"([0-9]{1,6}) (business hour|business day|hour|day|week|month|year)s?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTHS = {"month": 1, "year": 12}
_ELAPSED = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    # At least so long; calendar.py counts them by the working time of a policy.
    "business hour": timedelta(hours=1),
    "business day": timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Duration:
    """A number of units, such as 14 days. Never negative. `after` and `before` step in UTC."""

    number: int
    unit: Unit

    @property
    def is_business(self) -> bool:
        """Whether it counts working time only."""
        return self.unit.startswith("business")

    def __str__(self) -> str:
        return f"{self.number} {self.unit}{'' if self.number == 1 else 's'}"

    def after(self, at: datetime) -> datetime:
        """Return the time this long after `at`."""
        if self.unit in _MONTHS:
            return plus_months(at, self.number * _MONTHS[self.unit])
        return at + self.number * _ELAPSED[self.unit]

    def before(self, at: datetime) -> datetime:
        """Return the time this long before `at`."""
        if self.unit in _MONTHS:
            return plus_months(at, -self.number * _MONTHS[self.unit])
        return at - self.number * _ELAPSED[self.unit]

    @property
    def shortest(self) -> timedelta:
        """An elapsed time that this duration is never shorter than."""
        if self.unit in _MONTHS:
            months = self.number * _MONTHS[self.unit]
            return timedelta(days=28 * months if months < 12 else 365 * (months // 12) + 28 * (months % 12))
        return self.number * _ELAPSED[self.unit]


Day = TypeVar("Day", bound=date)


def plus_months(at: Day, months: int) -> Day:
    """Return the same day of the month so many months after (before, if negative), or the last one there is."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))


def parse_duration(text: str) -> Duration | None:
    """Return the duration that a text such as `14 days` names, or None where it names none (or one too long)."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    duration = Duration(int(match[1]), match[2])  # type: ignore[arg-type]  # the pattern allows units only
    if duration.is_business and duration.number > MAX_BUSINESS:
        return None
    return duration if duration.shortest <= timedelta(days=365 * MAX_YEARS) else None


def parse_day(text: object) -> date | None:
    """Return the date that a text such as `2026-03-02` names, or None."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
