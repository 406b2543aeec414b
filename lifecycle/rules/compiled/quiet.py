"""Quiet hours in whole microseconds: what calendar.Quiet says, in constant time."""

from __future__ import annotations

from datetime import time
from functools import lru_cache

from lifecycle.instant import DAY, Instant, from_microseconds, microseconds
from lifecycle.rules.language.calendar import Quiet, holidays_of, zone_of
from lifecycle.rules.language.calendar_steps import Offsets, clock_microseconds, date_of

KEPT_ZONES = 600
"""Zones whose days are remembered: all that there are, today."""

KEPT_HOLIDAYS = 16_384
"""Days of countries of which it is remembered whether they are holidays."""


class QuietHours:
    """When people are not to be reached, by the clock where they are, and on holidays there."""

    def __init__(self, begins: time, ends: time) -> None:
        self._quiet = Quiet(begins, ends)
        self._begins, self._ends = clock_microseconds(begins), clock_microseconds(ends)
        self._offsets = lru_cache(maxsize=KEPT_ZONES)(lambda zone: Offsets(zone_of(zone)))
        self._is_holiday = lru_cache(maxsize=KEPT_HOLIDAYS)(lambda country, day: date_of(day) in holidays_of(country))

    def until(self, at: Instant, zone: str, country: str | None) -> Instant | None:
        """Return when quiet ends for somebody in a zone, with the holidays of a country; None where it is not quiet."""
        offsets = self._offsets(zone)
        offset = offsets.of_day(at // DAY)
        if offset is None:
            return self._asked(at, zone, country)
        day, clock = divmod(at + offset, DAY)
        if country is not None and self._is_holiday(country, day):
            return self._asked(at, zone, country)
        if self._begins < self._ends:
            if not self._begins <= clock < self._ends:
                return None
        elif clock >= self._begins:
            day += 1
        elif clock >= self._ends:
            return None
        there = offsets.of_local_day(day)
        if there is None or (country is not None and self._is_holiday(country, day)):
            return self._asked(at, zone, country)
        return day * DAY + self._ends - there

    def _asked(self, at: Instant, zone: str, country: str | None) -> Instant | None:
        holidays = frozenset() if country is None else holidays_of(country)
        until = self._quiet.until(from_microseconds(at), zone_of(zone), holidays)
        return None if until is None else microseconds(until)
