"""What "within 30 days" means, for facts and for guards alike, and when something leaves it. Pure arithmetic.

Hours elapse: within 48 hours is what is at most 48 hours ago, to the microsecond; so is 1 day, which is 24 hours. From
two days on, days are whole days of the calendar's zone, today included: within 2 days is today and yesterday, whatever
the clock shows. Months and years count back to the day after the same day of the month before.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

from lifecycle.rules.calendar import DAY, WorkingTime
from lifecycle.rules.schedule import Duration, plus_months

_MICROSECOND = timedelta(microseconds=1)


class Window:
    """One `within`, by a calendar. Times are aware UTC."""

    def __init__(self, duration: Duration, time: WorkingTime) -> None:
        self._duration = duration
        self._time = time
        self.is_daily = is_daily(duration)
        self._first = lru_cache(maxsize=64)(self._first_of)
        self._leaves = lru_cache(maxsize=1_024)(self._day_leaves)

    def since(self, at: datetime) -> datetime:
        """Return the earliest moment that counts at `at`: the start of a day, for whole days."""
        if self.is_daily:
            return self._time.start_of_day(self._first(self._time.day_of(at)))
        return self._duration.before(at)

    def first_day(self, at: datetime) -> str:
        """Return the first day that counts at `at`, as text. For whole days only."""
        return self._first(self._time.day_of(at)).isoformat()

    def day_of(self, at: datetime) -> str:
        """Return the day of a moment, as text."""
        return self._time.day_of(at).isoformat()

    def holds(self, when: datetime, at: datetime) -> bool:
        """Tell whether a moment is within this window at `at`: not later than it, and not before the window."""
        return when <= at and when >= self.since(at)

    def leaves_at(self, when: datetime) -> datetime:
        """Return the first moment at which something of the moment `when` counts no more."""
        if self.is_daily:
            return self._leaves(self._time.day_of(when))
        return self._duration.after(when) + _MICROSECOND

    def day_leaves_at(self, day: str) -> datetime:
        """Return the first moment at which a day, as text, counts no more. For whole days only."""
        return self._leaves(date.fromisoformat(day))

    def _first_of(self, today: date) -> date:
        number, unit = self._duration.number, self._duration.unit
        if unit in ("month", "year"):
            return plus_months(today, -number * (12 if unit == "year" else 1)) + DAY
        return today - number * (7 if unit == "week" else 1) * DAY + DAY

    def _day_leaves(self, day: date) -> datetime:
        number, unit = self._duration.number, self._duration.unit
        if unit in ("month", "year"):
            leaves = plus_months(day, number * (12 if unit == "year" else 1))
            while self._first(leaves) <= day:
                # From 31 January one month on: the last of February still counts it, 1 March does not.
                leaves += DAY
        else:
            leaves = day + number * (7 if unit == "week" else 1) * DAY
        return self._time.start_of_day(leaves)


def is_daily(duration: Duration) -> bool:
    """Tell whether a window counts whole days: two days or longer, and not given in hours."""
    return duration.unit != "hour" and duration.shortest >= 2 * DAY
