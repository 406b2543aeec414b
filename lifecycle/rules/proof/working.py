"""How long working time can take at the worst: weekends, holidays and short days counted, for one calendar.

Working days are those of calendar.py: Monday to Friday but for the holidays of the policy's country, as the library
`holidays` has them for the years YEARS. A wait may begin at any moment, also while nobody works; then it counts from
the next working moment. Called by spans.py only. Pure.
"""

from __future__ import annotations

import warnings
from datetime import date, datetime, timedelta
from functools import lru_cache

from lifecycle.rules.language.calendar import holidays_of
from lifecycle.rules.language.policy import Calendar

YEARS = (2000, 2050)
"""First and last year whose holidays are looked through for the longest wait."""

_WEEK_DAYS = 5


def longest_working(number: int, unit: str, calendar: Calendar) -> timedelta:
    """Return an elapsed time that so many business hours or business days are never longer than."""
    if unit == "business hour":
        today = date.min
        open_for = datetime.combine(today, calendar.closes) - datetime.combine(today, calendar.opens)
        number = -(-number * timedelta(hours=1) // open_for)
    return timedelta(days=_most_days(number, calendar.holidays), hours=1)


@lru_cache(maxsize=1_024)
def _most_days(number: int, country: str | None) -> int:
    """Return the most days from the end of a working day to the same clock time so many working days after the next."""
    days = _working_days(country)
    steps = number + 1
    if steps > len(days) // 2:
        # Longer than is looked through: in parts, each as long as it can be.
        half = len(days) // 2 - 1
        return _most_days(half, country) + _most_days(number - half - 1, country)
    return max(later - earlier for earlier, later in zip(days, days[steps:], strict=False))


@lru_cache(maxsize=16)
def _working_days(country: str | None) -> tuple[int, ...]:
    """Return the days on which we work in YEARS, numbered as dates are."""
    holidays = frozenset[date]() if country is None else holidays_of(country)
    found = []
    with warnings.catch_warnings():
        # Some countries announce theirs year by year; the library then says that it knows no others.
        warnings.simplefilter("ignore")
        for number in range(date(YEARS[0], 1, 1).toordinal(), date(YEARS[1] + 1, 1, 1).toordinal()):
            day = date.fromordinal(number)
            if day.weekday() < _WEEK_DAYS and day not in holidays:
                found.append(number)
    return tuple(found)
