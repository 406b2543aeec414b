"""What "within 30 days" means, for facts and for guards alike, and when something leaves it. Pure arithmetic.

Hours elapse: within 48 hours is what is at most 48 hours ago, to the microsecond; so is 1 day, which is 24 hours. From
two days on, days are whole days of the calendar's zone, today included: within 2 days is today and yesterday, whatever
the clock shows. Months and years count back to the day after the same day of the month before.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from lifecycle.instant import HOUR, Instant, microseconds
from lifecycle.rules.language.calendar import DAY
from lifecycle.rules.language.calendar_steps import CalendarSteps, Remembered, date_of
from lifecycle.rules.language.schedule import Duration, plus_months

QUARTER = HOUR // 4


class Window:
    """One `within`, by a calendar. Days are ISO texts, as snapshots hold them."""

    def __init__(self, duration: Duration, steps: CalendarSteps) -> None:
        self._duration = duration
        self._steps = steps
        self.is_daily = is_daily(duration)
        self._elapsed = 0 if self.is_daily else duration.shortest // timedelta(microseconds=1)
        self._first_start = lru_cache(maxsize=1_024)(lambda day: self._start_of(self._first_of(date_of(day))))
        self._first_text = lru_cache(maxsize=1_024)(lambda day: self._first_of(date_of(day)).isoformat())
        self._day_text = lru_cache(maxsize=1_024)(lambda day: date_of(day).isoformat())
        self.by_quarter = Remembered(self._days_of_quarter)
        """QUARTER since 1970-01-01 -> what `days` says all through it; None where a day begins in it. As `days`."""
        self._leaves = lru_cache(maxsize=1_024)(self._day_leaves)

    def days(self, at: Instant) -> tuple[str, str]:
        """Return the day of a moment and the first that counts then, as text. For whole days only."""
        return self.by_quarter[at // QUARTER] or (self.day_of(at), self.first_day(at))

    def _days_of_quarter(self, quarter: int) -> tuple[str, str] | None:
        begin = quarter * QUARTER
        # No day begins within a quarter of an hour, today; long ago some did.
        is_one = self.day_of(begin) == self.day_of(begin + QUARTER - 1)
        return (self.day_of(begin), self.first_day(begin)) if is_one else None

    def since(self, at: Instant) -> Instant:
        """Return the earliest moment that counts at `at`: the start of a day, for whole days."""
        return self._first_start(self._steps.day_of(at)) if self.is_daily else at - self._elapsed

    def first_day(self, at: Instant) -> str:
        """Return the first day that counts at `at`, as text. For whole days only."""
        return self._first_text(self._steps.day_of(at))

    def day_of(self, at: Instant) -> str:
        """Return the day of a moment, as text."""
        return self._day_text(self._steps.day_of(at))

    def holds(self, when: Instant, at: Instant) -> bool:
        """Tell whether a moment is within this window at `at`: not later than it, and not before the window."""
        return self.since(at) <= when <= at

    def leaves_at(self, when: Instant) -> Instant:
        """Return the first moment at which something of the moment `when` counts no more."""
        return self._leaves(date_of(self._steps.day_of(when))) if self.is_daily else when + self._elapsed + 1

    def day_leaves_at(self, day: str) -> Instant:
        """Return the first moment at which a day, as text, counts no more. For whole days only."""
        return self._leaves(date.fromisoformat(day))

    def _start_of(self, day: date) -> Instant:
        return microseconds(self._steps.calendar.start_of_day(day))

    def _first_of(self, today: date) -> date:
        number, unit = self._duration.number, self._duration.unit
        if unit in ("month", "year"):
            return plus_months(today, -number * (12 if unit == "year" else 1)) + DAY
        return today - number * (7 if unit == "week" else 1) * DAY + DAY

    def _day_leaves(self, day: date) -> Instant:
        number, unit = self._duration.number, self._duration.unit
        if unit in ("month", "year"):
            leaves = plus_months(day, number * (12 if unit == "year" else 1))
            while self._first_of(leaves) <= day:
                # From 31 January one month on: the last of February still counts it, 1 March does not.
                leaves += DAY
        else:
            leaves = day + number * (7 if unit == "week" else 1) * DAY
        return self._start_of(leaves)


def is_daily(duration: Duration) -> bool:
    """Tell whether a window counts whole days: two days or longer, and not given in hours."""
    return duration.unit != "hour" and duration.shortest >= 2 * DAY
