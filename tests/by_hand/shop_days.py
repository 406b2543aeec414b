"""The calendar of a shop in São Paulo, told in plain Python: working days, business hours, quiet nights, clock times."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Sao_Paulo")
EVERY_YEAR = {(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 25)}
GOOD_FRIDAYS = {date(2017, 4, 14), date(2018, 3, 30), date(2019, 4, 19)}
OPEN, CLOSE = time(8), time(18)


def instant(local: datetime) -> datetime:
    """Return when a clock time is: the next one that exists, the first of two."""
    at = local.replace(tzinfo=ZONE).astimezone(UTC)
    while at.astimezone(ZONE).replace(tzinfo=None) != local:
        local = (local + timedelta(minutes=1)).replace(second=0)
        at = local.replace(tzinfo=ZONE).astimezone(UTC)
    return at


def clock(at: datetime) -> datetime:
    return at.astimezone(ZONE).replace(tzinfo=None)


def days(at: datetime, number: int) -> datetime:
    return instant(clock(at) + timedelta(days=number))


def is_working(day: date) -> bool:
    return day.weekday() < 5 and (day.month, day.day) not in EVERY_YEAR and day not in GOOD_FRIDAYS


def working_day(day: date, step: int) -> date:
    """Return the next working day in a direction."""
    day += timedelta(days=step)
    return day if is_working(day) else working_day(day, step)


def working_moment(local: datetime) -> datetime:
    if is_working(local.date()) and local.time() <= CLOSE:
        return max(local, datetime.combine(local.date(), OPEN))
    return datetime.combine(working_day(local.date(), 1), OPEN)


def business_days(at: datetime, number: int) -> datetime:
    local = working_moment(clock(at))
    day = local.date()
    for _ in range(abs(number)):
        day = working_day(day, 1 if number > 0 else -1)
    return instant(datetime.combine(day, local.time()))


def business_hours(at: datetime, number: int) -> datetime:
    local = working_moment(clock(at)) + timedelta(hours=number)
    over = local - datetime.combine(local.date(), CLOSE)
    if over > timedelta(0):
        local = datetime.combine(working_day(local.date(), 1), OPEN) + over
    return instant(local)


def awake(at: datetime) -> datetime:
    """Return when the quiet hours end in which a time lies, or the time."""
    local = clock(at)
    if OPEN <= local.time() < time(20):
        return at
    return instant(datetime.combine(local.date() + timedelta(days=local.time() >= OPEN), OPEN))


def months(at: datetime, number: int) -> datetime:
    """Return the same day so many months on, or the last one of a shorter month."""
    local = clock(at)
    year, month = divmod(local.year * 12 + local.month - 1 + number, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return instant(local.replace(year=year, month=month + 1, day=min(local.day, last)))
