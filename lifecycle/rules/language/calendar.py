"""Our working time: steps in a zone, on working days, within working hours. Pure arithmetic over tables.

Days and longer keep the clock time in the zone over summer time: a clock time that is skipped becomes the next
one that exists, one that comes twice is the first. Hours are elapsed hours.

Business time begins at the next working moment, whichever way it counts: within working hours, their end included, that
is now, else when work begins next. From there business days are the same clock time on the n-th working day after (or
before), and business hours run only while we work. None of either is the next working moment itself.
The zones are the machine's or tzdata's (IANA), the holidays those of the library `holidays`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from lifecycle.rules.language.policy import Calendar
from lifecycle.rules.language.schedule import Duration, plus_months

DAY = timedelta(days=1)
KEPT_YEARS = 256
"""Years of working days that are kept once they were worked out."""

_WEEK_DAYS = 5


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """Return the zone of a name that was checked before."""
    return ZoneInfo(name)


@lru_cache(maxsize=64)
def holidays_of(country: str) -> Container[date]:
    """Return the public holidays of a country; an empty set for one that the library does not know."""
    # Loaded only for policies that name holidays: it is large.
    from holidays import country_holidays, list_supported_countries

    return country_holidays(country) if country in list_supported_countries() else frozenset()


def knows_holidays(country: str) -> bool:
    """Tell whether the holidays of a country are known."""
    from holidays import list_supported_countries

    return country in list_supported_countries()


def at_clock(local: datetime, zone: ZoneInfo) -> datetime:
    """Return in UTC when a clock in the zone shows this (naive): skipped, the next that exists; doubled, the first."""
    early = local.replace(tzinfo=zone, fold=0)
    at = early.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == local:
        return at
    # Inside a gap: somewhere between the two readings the clock jumps; the first instant after it is meant.
    low, high = sorted((at, local.replace(tzinfo=zone, fold=1).astimezone(UTC)))
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class _Year:
    """The days of a year on which we work, in order: from when to when, and how much was worked before each.

    `before` has one more: all that is worked in the year.
    """

    days: tuple[date, ...]
    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]
    before: tuple[timedelta, ...]


class WorkingTime:
    """A calendar that can count. All times in and out are aware UTC."""

    def __init__(self, calendar: Calendar) -> None:
        self._zone = zone_of(calendar.zone)
        self._is_utc = calendar.zone == "UTC"
        self._holidays = frozenset[date]() if calendar.holidays is None else holidays_of(calendar.holidays)
        self._opens = calendar.opens
        self._closes = calendar.closes
        self._year = lru_cache(maxsize=KEPT_YEARS)(self._year_of)

    @property
    def zone(self) -> ZoneInfo:
        """Our zone."""
        return self._zone

    @property
    def hours(self) -> tuple[time, time]:
        """From when to when we work, by the clock of the zone."""
        return self._opens, self._closes

    def after(self, duration: Duration, at: datetime) -> datetime:
        """Return the time this long after `at`."""
        return self._step(duration, at, 1)

    def before(self, duration: Duration, at: datetime) -> datetime:
        """Return the time this long before `at`."""
        return self._step(duration, at, -1)

    def next_beat(self, period: Duration, anchor: datetime, last: datetime) -> datetime:
        """Return the first moment after `last` that is a whole number of periods after the anchor, at least one.

        Each is counted from the anchor: monthly from 31 January is 28 February, then 31 March.
        """

        def beat(number: int) -> datetime:
            return self._step(Duration(number * period.number, period.unit), anchor, 1)

        low, high = 0, 1
        while beat(high) <= last:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if beat(middle) <= last else (low, middle)
        return beat(high)

    def day_of(self, at: datetime) -> date:
        """Return the day that a moment lies in here."""
        return at.date() if self._is_utc else at.astimezone(self._zone).date()

    def start_of_day(self, day: date) -> datetime:
        """Return when a date begins here: what `at` means by a date."""
        return at_clock(datetime.combine(day, time()), self._zone)

    def end_of_work(self, day: date) -> datetime:
        """Return the end of the working hours of a date: what `due` means by a date."""
        return at_clock(datetime.combine(day, self._closes), self._zone)

    def is_working(self, day: date) -> bool:
        """Tell whether we work on a day: Monday to Friday, and no holiday."""
        return day.weekday() < _WEEK_DAYS and day not in self._holidays

    def next_working(self, at: datetime) -> datetime:
        """Return `at` where we work then, the end of working hours included, else when work begins next."""
        day = self.day_of(at)
        number = day.year
        year = self._year(number)
        place = bisect_left(year.days, day)
        while place == len(year.days) or year.closes[place] < at:
            place += 1
            if place >= len(year.days):
                number, place = number + 1, 0
                year = self._year(number)
        return max(at, year.opens[place])

    def _step(self, duration: Duration, at: datetime, sign: int) -> datetime:
        if duration.unit == "hour":
            return at + sign * timedelta(hours=duration.number)
        if duration.unit == "business hour":
            return self._business_hours(timedelta(hours=duration.number), self.next_working(at), sign)
        if duration.unit == "business day":
            return self._business_days(sign * duration.number, self.next_working(at))
        if self._is_utc:
            return duration.after(at) if sign > 0 else duration.before(at)
        if duration.number == 0:
            return at
        local = at.astimezone(self._zone).replace(tzinfo=None)
        if duration.unit in ("month", "year"):
            local = plus_months(local, sign * duration.number * (12 if duration.unit == "year" else 1))
        else:
            local += sign * duration.number * (7 * DAY if duration.unit == "week" else DAY)
        return at_clock(local, self._zone)

    def _business_days(self, number: int, begin: datetime) -> datetime:
        """Return the same clock time so many working days after (before, if negative) a working moment."""
        if number == 0:
            return begin
        local = begin.astimezone(self._zone).replace(tzinfo=None)
        year_number = local.year
        days = self._year(year_number).days
        place = bisect_left(days, local.date()) + number
        while not 0 <= place < len(days):
            if place < 0:
                year_number -= 1
                days = self._year(year_number).days
                place += len(days)
            else:
                place -= len(days)
                year_number += 1
                days = self._year(year_number).days
        return at_clock(datetime.combine(days[place], local.time()), self._zone)

    def _business_hours(self, wait: timedelta, begin: datetime, sign: int) -> datetime:
        """Return the moment so much working time after (or before) a working moment."""
        if not wait:
            return begin
        day = self.day_of(begin)
        number, year = day.year, self._year(day.year)
        place = bisect_left(year.days, day)
        worked = year.before[place] + (begin - year.opens[place]) + sign * wait
        while worked < timedelta(0):
            number -= 1
            year = self._year(number)
            worked += year.before[-1]
        while worked > year.before[-1]:
            worked -= year.before[-1]
            number += 1
            year = self._year(number)
        # Forwards a day is worked to its end, backwards to its beginning.
        place = (bisect_left(year.before, worked) if sign > 0 else bisect_right(year.before, worked)) - 1
        place = min(max(place, 0), len(year.days) - 1)
        return year.opens[place] + (worked - year.before[place])

    def _year_of(self, number: int) -> _Year:
        found, worked = [], [timedelta(0)]
        day = date(number, 1, 1)
        while day.year == number:
            if self.is_working(day):
                opens, closes = (
                    at_clock(datetime.combine(day, clock), self._zone) for clock in (self._opens, self._closes)
                )
                # Hours that the clock jumps over leave nothing to work in.
                if opens < closes:
                    found.append((day, opens, closes))
                    worked.append(worked[-1] + (closes - opens))
            day += DAY
        days, opening, closing = zip(*found, strict=True)
        return _Year(days, opening, closing, tuple(worked))


class Quiet:
    """When a person is not to be reached: from and to by the clock where they are, and on holidays there."""

    def __init__(self, begins: time, ends: time) -> None:
        self._begins = begins
        self._ends = ends

    def until(self, at: datetime, zone: ZoneInfo, holidays: Container[date]) -> datetime | None:
        """Return when quiet ends for somebody in that zone, or None where it is not quiet at `at`."""
        ends = at
        for _ in range(_MOST_QUIET_DAYS):
            local = ends.astimezone(zone).replace(tzinfo=None)
            following = self._end(local, local.date() in holidays)
            if following is None:
                return ends if ends > at else None
            ends = at_clock(following, zone)
        return ends

    def _end(self, local: datetime, is_holiday: bool) -> datetime | None:
        today, clock = local.date(), local.time()
        if is_holiday:
            return datetime.combine(today + DAY, time())
        if self._begins < self._ends:
            return datetime.combine(today, self._ends) if self._begins <= clock < self._ends else None
        if clock < self._ends:
            return datetime.combine(today, self._ends)
        return datetime.combine(today + DAY, self._ends) if clock >= self._begins else None


_MOST_QUIET_DAYS = 30
"""Longest row of holidays and nights that is looked through; then quiet is taken to end."""
