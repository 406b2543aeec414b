"""Quiet hours in whole microseconds: what calendar.Quiet says, in constant time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from functools import lru_cache

from lifecycle.instant import DAY, Instant, from_microseconds, microseconds
from lifecycle.rules.language.calendar import Quiet, holidays_of, zone_of
from lifecycle.rules.language.calendar_steps import Offsets, Remembered, clock_microseconds, date_of

KEPT_ZONES = 600
"""Zones whose days are remembered: all that there are, today."""

KEPT_HOLIDAYS = 16_384
"""Days of countries of which it is remembered whether they are holidays."""


_Spans = tuple[Instant, Instant, Instant | None, Instant | None, Instant | None]
"""Of a day: when quiet begins or ends first, and next; what `until` says before the first, between, and after."""


class QuietHours:
    """When people are not to be reached, by the clock where they are, and on holidays there."""

    def __init__(self, begins: time, ends: time) -> None:
        self._quiet = Quiet(begins, ends)
        self._begins, self._ends = clock_microseconds(begins), clock_microseconds(ends)
        self._offsets = lru_cache(maxsize=KEPT_ZONES)(lambda zone: Offsets(zone_of(zone)))
        self._is_holiday = lru_cache(maxsize=KEPT_HOLIDAYS)(lambda country, day: date_of(day) in holidays_of(country))

    def until_at(self, zone: str) -> Callable[[Instant], Instant | None]:
        """Return the same as `until` of one zone without holidays, remembered by day."""
        base, days = self._offsets(zone).base, Remembered(lambda day: self._spans(day, zone))

        def until(at: Instant) -> Instant | None:
            spans = days[(at + base) // DAY]
            if spans is None:
                return self.until(at, zone, None)
            turn, next_turn, first, second, third = spans
            if at < turn:
                return first
            return second if at < next_turn else third

        return until

    def _spans(self, day: int, zone: str) -> _Spans | None:
        """Return when quiet begins and ends on a day of the zone's winter; None where the clock changes on it or after.

        Any 24 hours have either once, and in between `until` stays what it is.
        """
        offsets = self._offsets(zone)
        begin = day * DAY - offsets.base
        offset = offsets.of_day(begin // DAY)
        if offset is None or any(offsets.of_day(begin // DAY + later) != offset for later in (1, 2)):
            return None
        turn, next_turn = sorted(begin + (clock - begin - offset) % DAY for clock in (self._begins, self._ends))
        return turn, next_turn, *(self.until(at, zone, None) for at in (begin, turn, next_turn))  # type: ignore[return-value]

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
