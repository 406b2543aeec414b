"""The calendar in whole microseconds, in constant time: what calendar.py says, remembered for whole days.

calendar.py is the truth and counts with datetimes, some microseconds a step. Here each step is asked of it a few times
for a day that is seen the first time. On a day without a change of the clock, here and where the step leads, the answer
is the same for the whole day (as many days later by the same clock), or is one moment before working hours, a shift
within them and one moment after them. A day with a change of the clock is asked of calendar.py each time. Days are
those of the zone's clock in winter, so that no zone has to be looked up; what is remembered of a day was looked at with
its true clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from lifecycle.instant import DAY, HOUR, Instant, from_microseconds, microseconds
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.schedule import Duration, parse_day

KEPT_DAYS = 16_384
"""Days that one step, or one zone, remembers before it begins anew: some 45 years."""

KEPT_STEPS = 1_024
"""Steps remembered one by one: on days with a change of the clock, and for rhythms."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_SAMPLES = range(0, 25, 3)

Shift = Callable[[Instant], Instant]
"""A moment -> the moment so long after it (or before it)."""

Kept = TypeVar("Kept")

_Entry = tuple[Instant, Instant, Instant, int, Instant]
"""Of a day: from, to, the answer before `from`, what is added from `from` to `to`, the answer after `to`."""


class Remembered(dict[int, Kept]):
    """What is remembered of days (or quarters of an hour), by number, each worked out when it is looked up first.

    KEPT_DAYS of them, then it begins anew.
    """

    def __init__(self, work_out: Callable[[int], Kept]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, day: int) -> Kept:
        found = self._work_out(day)
        if len(self) >= KEPT_DAYS:
            self.clear()
        self[day] = found
        return found


class Offsets:
    """How far a zone is ahead of UTC, in microseconds, by day; `base` is how far in the winter of the north."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.base = _microseconds(datetime(2024, 1, 1, tzinfo=zone).utcoffset())
        self.of_day: Callable[[int], int | None] = Remembered(self._worked_out).__getitem__
        """UTC day, counted from 1970-01-01 -> the offset all through it; None where the clock changes on it."""

    def _worked_out(self, day: int) -> int | None:
        begin = from_microseconds(day * DAY)
        # No zone changes its clock there and back within three hours.
        seen = {(begin + timedelta(hours=hours)).astimezone(self._zone).utcoffset() for hours in _SAMPLES}
        offset = seen.pop() if len(seen) == 1 else None
        return None if offset is None else _microseconds(offset)

    def of_local_day(self, day: int) -> int | None:
        """Return the offset all through a local day; None where the clock may change on it."""
        offset = self.of_day(day)
        if offset is None or offset == 0:
            return offset
        return offset if self.of_day(day - 1 if offset > 0 else day + 1) == offset else None


class CalendarSteps:
    """A calendar that counts in whole microseconds."""

    def __init__(self, calendar: WorkingTime) -> None:
        self.calendar = calendar
        self._offsets = Offsets(calendar.zone)
        self.base = self._offsets.base
        self._opens, self._closes = map(clock_microseconds, calendar.hours)
        self._shifts: dict[tuple[Duration, int], Shift] = {}
        self._added: dict[Shift, Remembered[Instant | None]] = {}
        self._beat = lru_cache(maxsize=KEPT_STEPS)(self._counted_beat)
        self.start_of_day = lru_cache(maxsize=KEPT_STEPS)(self._start_of_day)
        self.end_of_work = lru_cache(maxsize=KEPT_STEPS)(self._end_of_work)

    def after(self, duration: Duration) -> Shift:
        """Return the step so long forward."""
        return self._shift(duration, 1)

    def before(self, duration: Duration) -> Shift:
        """Return the step so long back."""
        return self._shift(duration, -1)

    def added_by_day(self, shift: Shift) -> Remembered[Instant | None] | None:
        """Return what a step of ours adds all through a day, by (moment + `base`) // DAY; None: it is no such step.

        A day on which it must be asked has None.
        """
        return self._added.get(shift)

    def next_beat(self, period: Duration) -> Callable[[Instant, Instant], Instant]:
        """Return (anchor, last) -> the first moment after `last` that is whole periods after the anchor."""
        after = self.after(period)

        def beat(anchor: Instant, last: Instant) -> Instant:
            first = after(anchor)
            return first if first > last else self._beat(period, anchor, last)

        return beat

    def day_of(self, at: Instant) -> int:
        """Return the local day of a moment, counted from 1970-01-01."""
        offset = self._offsets.of_day(at // DAY)
        if offset is None:
            return number_of(self.calendar.day_of(from_microseconds(at)))
        return (at + offset) // DAY

    def _start_of_day(self, day: str) -> Instant | None:
        """Return when a date as text begins; None where it is none."""
        found = parse_day(day)
        return None if found is None else microseconds(self.calendar.start_of_day(found))

    def _end_of_work(self, day: str) -> Instant | None:
        """Return when working hours end on a date as text; None where it is none."""
        found = parse_day(day)
        return None if found is None else microseconds(self.calendar.end_of_work(found))

    def _counted_beat(self, period: Duration, anchor: Instant, last: Instant) -> Instant:
        return microseconds(self.calendar.next_beat(period, from_microseconds(anchor), from_microseconds(last)))

    def _shift(self, duration: Duration, sign: int) -> Shift:
        found = self._shifts.get((duration, sign))
        if found is None:
            found = self._shifts[duration, sign] = self._made(duration, sign)
        return found

    def _made(self, duration: Duration, sign: int) -> Shift:
        if duration.unit == "hour":
            delta = sign * duration.number * HOUR
            return lambda at: at + delta
        count = self.calendar.after if sign > 0 else self.calendar.before
        asked = lru_cache(maxsize=KEPT_STEPS)(lambda at: microseconds(count(duration, from_microseconds(at))))
        if duration.number == 0 and not duration.is_business:
            return lambda at: at
        if duration.unit == "business hour" and 0 < duration.number <= _MOST_WALKED:
            return self._business_hours(duration.number * HOUR, sign, asked)
        return asked if duration.unit == "business hour" and duration.number else self._by_day(duration, asked)

    def _by_day(self, duration: Duration, asked: Shift) -> Shift:
        """Return a step that is remembered by day: of the clock that the zone has without summer time."""
        if not duration.is_business:
            return self._by_whole_day(asked)
        base, days = self.base, Remembered(lambda day: self._entry(day, asked))

        def shifted(at: Instant) -> Instant:
            entry = days[(at + base) // DAY]
            if entry is None:
                return asked(at)
            low, high, before, delta, after = entry
            if at < low:
                return before
            return at + delta if at <= high else after

        return shifted

    def _by_whole_day(self, asked: Shift) -> Shift:
        base, days = self.base, Remembered(lambda day: self._delta(day, asked))

        def shifted(at: Instant) -> Instant:
            added = days[(at + base) // DAY]
            return asked(at) if added is None else at + added

        self._added[shifted] = days
        return shifted

    def _delta(self, day: int, asked: Shift) -> Instant | None:
        """Return how far a step leads all through a day; None where it must be asked each time."""
        begin = day * DAY - self.base
        end, target = begin + DAY - 1, asked(begin)
        if self._offset_between(begin, end) is None or self._offset_between(target, target + DAY - 1) is None:
            return None
        return target - begin if asked(end) - target == end - begin else None

    def _entry(self, day: int, asked: Shift) -> _Entry | None:
        """Return what a step by working days does on a day; None where it must be asked each time."""
        begin = day * DAY - self.base
        end = begin + DAY - 1
        offset = self._offset_between(begin, end)
        if offset is None:
            return None
        local = (begin + offset) // DAY
        low, high = local * DAY + self._opens - offset, local * DAY + self._closes - offset
        if not self._is_working(local):
            low = high = end + 1
        before, after = asked(begin), asked(min(high + 1, end))
        if low > end:
            return (low, high, before, 0, 0) if before == asked(end) else None
        target = asked(low)
        if not begin <= low <= high or self._offset_between(target, asked(high)) is None:
            return None
        if before != asked(max(begin, low - 1)) or before != target or asked(high) - target != high - low:
            return None
        return (low, high, before, target - low, after) if high >= end or after == asked(end) else None

    def _offset_between(self, first: Instant, last: Instant) -> int | None:
        """Return the offset of the zone from one moment to another within a day; None where the clock changes."""
        offset = self._offsets.of_day(first // DAY)
        return offset if offset == self._offsets.of_day(last // DAY) else None

    def _is_working(self, day: int) -> bool:
        return self._opens < self._closes and self.calendar.is_working(date_of(day))

    def _business_hours(self, whole: int, sign: int, asked: Shift) -> Shift:
        """Return a step over working time: day by day, as far as it goes."""
        offsets, is_working = self._offsets, lru_cache(maxsize=KEPT_DAYS)(self._is_working)
        opening, closing = self._opens, self._closes

        def shifted(at: Instant) -> Instant:
            offset = offsets.of_day(at // DAY)
            if offset is None:
                return asked(at)
            day, left, begin = (at + offset) // DAY, whole, at
            has_begun = False
            while (offset := offsets.of_local_day(day)) is not None:
                opens, closes = day * DAY + opening - offset, day * DAY + closing - offset
                if is_working(day) and (has_begun or at <= closes):
                    if not has_begun:
                        begin, has_begun = max(at, opens), True
                    else:
                        begin = opens if sign > 0 else closes
                    room = closes - begin if sign > 0 else begin - opens
                    if room >= left:
                        return begin + sign * left
                    left -= room
                day += sign if has_begun else 1
            return asked(at)

        return shifted


_MOST_WALKED = 200
"""Most business hours that are walked day by day; more are asked of calendar.py."""


def _microseconds(offset: timedelta | None) -> int:
    return (offset or timedelta()) // timedelta(microseconds=1)


def number_of(day: date) -> int:
    """Return a date as the number of days since 1970-01-01."""
    return day.toordinal() - _EPOCH_DAY


def date_of(day: int) -> date:
    """Return the date of a number of days since 1970-01-01."""
    return date.fromordinal(day + _EPOCH_DAY)


def clock_microseconds(clock: time) -> int:
    """Return the time on a clock as microseconds since midnight."""
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000 + clock.microsecond
