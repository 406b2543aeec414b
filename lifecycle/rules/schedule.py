"""Durations and when things are due: pure arithmetic on aware UTC times.

Also the reading of dates and times as text, in one strict form, so that every part reads them alike.

Days and longer are calendar steps in the calendar's zone (UTC until a policy can name another); months and
years keep the day of the month and fall back to its last day (31 January + 1 month = 28 February). Hours
are elapsed hours.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args

Unit = Literal["hour", "day", "week", "month", "year"]
UNITS: tuple[str, ...] = get_args(Unit)
MAX_YEARS = 100
"""Longest duration a policy may name."""

END_OF_WORK = time(17, 0, tzinfo=UTC)
"""A task due on a date is due at the end of its working hours."""

_PATTERN = re.compile(r"([0-9]{1,6}) (hour|day|week|month|year)s?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_MONTHS = {"month": 1, "year": 12}
_ELAPSED = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Duration:
    """A number of units, such as 14 days. Never negative."""

    number: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.number} {self.unit}{'' if self.number == 1 else 's'}"

    def after(self, at: datetime) -> datetime:
        """Return the time this long after `at`."""
        if self.unit in _MONTHS:
            return _plus_months(at, self.number * _MONTHS[self.unit])
        return at + self.number * _ELAPSED[self.unit]

    def before(self, at: datetime) -> datetime:
        """Return the time this long before `at`."""
        if self.unit in _MONTHS:
            return _plus_months(at, -self.number * _MONTHS[self.unit])
        return at - self.number * _ELAPSED[self.unit]

    @property
    def shortest(self) -> timedelta:
        """An elapsed time that this duration is never shorter than."""
        if self.unit in _MONTHS:
            months = self.number * _MONTHS[self.unit]
            return timedelta(days=28 * months if months < 12 else 365 * (months // 12) + 28 * (months % 12))
        return self.number * _ELAPSED[self.unit]


def _plus_months(at: datetime, months: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))


def parse_duration(text: str) -> Duration | None:
    """Return the duration that a text such as `14 days` names, or None where it names none (or one too long)."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    duration = Duration(int(match[1]), match[2])  # type: ignore[arg-type]  # the pattern allows units only
    return duration if duration.shortest <= timedelta(days=365 * MAX_YEARS) else None


def parse_day(text: object) -> date | None:
    """Return the date that a text such as `2026-03-02` names, or None."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_time(text: object) -> datetime | None:
    """Return the time that a text such as `2026-03-02T10:00:00Z` (RFC 3339, with a zone) names, in UTC, or None."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def start_of_day(day: date) -> datetime:
    """Return when a date begins: what `at` means by a date."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def end_of_work(day: date) -> datetime:
    """Return the end of the working hours of a date: what `due` means by a date."""
    return datetime.combine(day, END_OF_WORK)
