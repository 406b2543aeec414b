"""The calendar in whole microseconds says what the readable calendar says, wherever the clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, strategies as st

from lifecycle.instant import DAY, from_microseconds, microseconds
from lifecycle.rules.language import calendar_steps
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.calendar_steps import CalendarSteps, number_of
from lifecycle.rules.language.policy import Calendar
from lifecycle.rules.language.schedule import Duration

ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca")
HOURS = ((time(9), time(17)), (time(0, 7), time(23, 59)), (time(2), time(3, 30)))
UNITS = ("hour", "day", "week", "month", "year", "business hour", "business day")


@pytest.fixture(scope="module")
def calendars() -> list[tuple[WorkingTime, CalendarSteps]]:
    """Both calendars, of every zone with every kind of hours: kept, so that what is remembered is asked again."""
    made = []
    for zone in ZONES:
        for opens, closes in HOURS:
            calendar = WorkingTime(Calendar(zone=zone, holidays="AT", opens=opens, closes=closes))
            made.append((calendar, CalendarSteps(calendar)))
    return made


YEARS = (1901, 1916, 1945, 1969, 1970, 1996, 2016, 2026, 2037, 2099)
"""Before any change of the clock, the first ones, those of wars, both sides of 1970, and the last that zones list: few,
for each year of holidays is worked out anew."""

MOMENTS = st.one_of(
    st.builds(
        lambda year, minutes: datetime(year, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes),
        st.sampled_from(YEARS),
        st.integers(0, 366 * 24 * 60),
    ),
    # Around the changes of the clock, and the day that Apia left out.
    st.builds(
        lambda day, minutes: day + timedelta(minutes=minutes),
        st.sampled_from(
            [datetime(2011, month, day, tzinfo=UTC) for month, day in ((3, 26), (10, 29), (12, 29), (4, 2))]
        ),
        st.integers(0, 5 * 24 * 60),
    ),
)
DURATIONS = st.builds(Duration, st.sampled_from((0, 1, 2, 3, 13, 40, 250)), st.sampled_from(UNITS))


@given(st.integers(0, len(ZONES) * len(HOURS) - 1), MOMENTS, DURATIONS, st.sampled_from((-1, 0, 1)))
def test_a_step_is_the_same_as_by_the_readable_calendar(
    calendars: list[tuple[WorkingTime, CalendarSteps]], number: int, at: datetime, duration: Duration, edge: int
) -> None:
    """Forward and back, at any moment and just around the moment at which work begins next."""
    readable, steps = calendars[number]
    for moment in (at, readable.next_working(at) + edge * timedelta(microseconds=1)):
        instant = microseconds(moment)
        assert steps.after(duration)(instant) == microseconds(readable.after(duration, moment))
        assert steps.before(duration)(instant) == microseconds(readable.before(duration, moment))
        assert steps.day_of(instant) == number_of(readable.day_of(moment))


@given(st.integers(0, len(ZONES) * len(HOURS) - 1), MOMENTS, DURATIONS, st.timedeltas(timedelta(0), timedelta(900)))
def test_a_beat_is_the_same_as_by_the_readable_calendar(
    calendars: list[tuple[WorkingTime, CalendarSteps]],
    number: int,
    anchor: datetime,
    period: Duration,
    ahead: timedelta,
) -> None:
    """The first moment after a last one that lies whole periods after the anchor."""
    readable, steps = calendars[number]
    if period.number == 0:
        return
    last = anchor + ahead
    beat = steps.next_beat(period)(microseconds(anchor), microseconds(last))
    assert from_microseconds(beat) == readable.next_beat(period, anchor, last)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step over more days than are kept goes on, and is right."""
    monkeypatch.setattr(calendar_steps, "KEPT_DAYS", 50)
    steps = CalendarSteps(WorkingTime(Calendar(zone="UTC", opens=time(9), closes=time(17))))
    after, kept = steps.after(Duration(1, "day")), []
    days = steps.added_by_day(after)
    assert days is not None
    for day in range(120):
        assert after(day * DAY) == (day + 1) * DAY
        kept.append(len(days))
    assert max(kept) == 50


def test_what_a_step_adds_by_day_is_the_step_itself() -> None:
    """Whoever looks it up need not ask the step, but on a day that has None: one with a change of the clock in it."""
    steps = CalendarSteps(WorkingTime(Calendar(zone="Europe/Vienna", opens=time(9), closes=time(17))))
    week = steps.after(Duration(1, "week"))
    days = steps.added_by_day(week)
    assert days is not None
    begin = microseconds(datetime(2026, 3, 1, tzinfo=UTC))
    for hour in range(60 * 24):
        at = begin + hour * DAY // 24
        added = days[(at + steps.base) // DAY]
        assert added is None or at + added == week(at)
    assert days[(microseconds(datetime(2026, 3, 29, 12, tzinfo=UTC)) + steps.base) // DAY] is None
    assert steps.added_by_day(steps.after(Duration(1, "business day"))) is None


@pytest.mark.parametrize("zone", ["Europe/Vienna", "Pacific/Auckland", "America/New_York", "Australia/Lord_Howe"])
def test_every_day_of_a_year_is_the_same_as_by_the_readable_calendar(zone: str) -> None:
    """At the edges of days and of working hours, into, over and out of each change of the clock."""
    readable = WorkingTime(Calendar(zone=zone, holidays="AT", opens=time(9), closes=time(17)))
    steps, microsecond = CalendarSteps(readable), timedelta(microseconds=1)
    durations = [Duration(number, unit) for unit in ("day", "business day") for number in (1, 2, 5)]
    for day in range(0, 366, 1):
        local = readable.start_of_day(date(2026, 1, 1) + timedelta(days=day))
        for hours in (0, 1, 2.5, 3, 9, 12, 17, 23):
            for edge in (-microsecond, timedelta(0), microsecond) if hours in (0, 9, 17) else (timedelta(0),):
                at = local + timedelta(hours=hours) + edge
                for duration in durations:
                    said = (steps.after(duration)(microseconds(at)), steps.before(duration)(microseconds(at)))
                    wanted = (microseconds(readable.after(duration, at)), microseconds(readable.before(duration, at)))
                    assert said == wanted, (at, duration)
