"""Working time: zones over summer time, working days, business hours, quiet hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, strategies as st

from lifecycle.rules.language.calendar import Quiet, WorkingTime, holidays_of, zone_of
from lifecycle.rules.language.policy import Calendar
from lifecycle.rules.language.schedule import Duration, parse_duration

VIENNA = WorkingTime(Calendar(zone="Europe/Vienna", holidays="AT"))
ZONE = zone_of("Europe/Vienna")
NONE: frozenset[date] = frozenset()


def vienna(text: str, fold: int = 0) -> datetime:
    """Return a time by the clock in Vienna."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE, fold=fold).astimezone(UTC)


def after(wait: str, at: str) -> datetime:
    duration = parse_duration(wait)
    assert duration is not None
    return VIENNA.after(duration, vienna(at))


def before(wait: str, at: str) -> datetime:
    duration = parse_duration(wait)
    assert duration is not None
    return VIENNA.before(duration, vienna(at))


@pytest.mark.parametrize(
    ("wait", "at", "expected"),
    [
        ("1 day", "2026-03-28T10:00", "2026-03-29T10:00"),  # 23 hours: summer time begins
        ("1 day", "2026-10-24T10:00", "2026-10-25T10:00"),  # 25 hours: it ends
        ("30 days", "2026-03-18T11:00", "2026-04-17T11:00"),
        ("1 month", "2026-01-31T11:00", "2026-02-28T11:00"),
        ("1 year", "2024-02-29T11:00", "2025-02-28T11:00"),
        ("2 weeks", "2026-03-18T11:00", "2026-04-01T11:00"),
    ],
)
def test_days_and_longer_keep_the_clock_time(wait: str, at: str, expected: str) -> None:
    """Over the change to and from summer time."""
    assert after(wait, at) == vienna(expected)


def test_hours_are_elapsed_hours() -> None:
    """24 hours over the change to summer time end an hour later by the clock."""
    assert after("24 hours", "2026-03-28T10:00") == vienna("2026-03-29T11:00")


def test_a_clock_time_that_is_skipped_becomes_the_next_that_exists() -> None:
    """02:30 does not exist on 29 March 2026; the clock goes from 02:00 to 03:00."""
    assert after("1 day", "2026-03-28T02:30") == vienna("2026-03-29T03:00")


def test_a_clock_time_that_comes_twice_is_the_first() -> None:
    """02:30 on 25 October 2026 in summer time."""
    assert after("1 day", "2026-10-24T02:30") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wait", "at", "expected"),
    [
        ("3 business days", "2026-03-18T11:00", "2026-03-23T11:00"),  # over a weekend
        ("1 business day", "2026-05-09T06:00", "2026-05-12T09:00"),  # from a Saturday: begins on Monday
        ("1 business day", "2026-05-08T17:00", "2026-05-11T17:00"),  # the end of hours is working time
        ("1 business day", "2026-05-08T17:00:01", "2026-05-12T09:00"),
        ("1 business day", "2026-05-13T09:30", "2026-05-15T09:30"),  # 14 May 2026 is Ascension Day
        ("1 business day", "2026-05-13T08:00", "2026-05-15T09:00"),
        ("0 business days", "2026-05-09T08:00", "2026-05-11T09:00"),
        ("0 business days", "2026-05-08T11:00", "2026-05-08T11:00"),
        ("260 business days", "2026-12-30T11:00", "2028-01-12T11:00"),  # over two turns of the year
    ],
)
def test_business_days_are_the_same_clock_time_on_the_nth_working_day_after(wait: str, at: str, expected: str) -> None:
    """Weekends and holidays are passed over."""
    assert after(wait, at) == vienna(expected)


def test_business_days_before_a_date_count_backwards() -> None:
    """From the next working moment too: from when work begins on that day, or on the next that is one."""
    assert before("2 business days", "2026-05-08T00:00") == vienna("2026-05-06T09:00")
    assert before("1 business day", "2026-05-15T00:00") == vienna("2026-05-13T09:00")
    assert before("2 business days", "2026-05-09T00:00") == vienna("2026-05-07T09:00")
    assert before("0 business days", "2026-05-09T00:00") == vienna("2026-05-11T09:00")
    assert before("10 business days", "2026-01-09T12:00") == vienna("2025-12-22T12:00")


@pytest.mark.parametrize(
    ("wait", "at", "expected"),
    [
        ("2 business hours", "2026-05-09T00:00", "2026-05-08T15:00"),
        ("8 business hours", "2026-05-11T09:00", "2026-05-08T09:00"),
        ("0 business hours", "2026-05-09T12:00", "2026-05-11T09:00"),
        ("3 business hours", "2026-01-02T10:00", "2025-12-31T15:00"),  # over the turn of the year
        ("4 business hours", "2026-05-12T13:00", "2026-05-12T09:00"),
    ],
)
def test_business_hours_count_backwards_too(wait: str, at: str, expected: str) -> None:
    """Only while we work."""
    assert before(wait, at) == vienna(expected)


def test_hours_may_be_of_minutes() -> None:
    """Two minutes a day are an hour in thirty working days; nothing is lost to rounding."""
    short = WorkingTime(Calendar(opens=time(9, 59), closes=time(10, 1)))
    at = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert short.after(Duration(1, "business hour"), at) == datetime(2026, 4, 13, 10, 0, tzinfo=UTC)
    assert short.next_working(at + timedelta(minutes=2)) == datetime(2026, 3, 3, 9, 59, tzinfo=UTC)


def test_hours_that_the_clock_jumps_over_are_no_working_time() -> None:
    """In Amman midnight became one o'clock on Friday 26 March 2021: nobody worked from 00:00 to 01:00."""
    amman = WorkingTime(Calendar(zone="Asia/Amman", opens=time(0), closes=time(1)))
    jump = datetime(2021, 3, 25, 22, 0, tzinfo=UTC)
    assert amman.day_of(amman.next_working(jump)) == date(2021, 3, 29)


def _slowly(time_: WorkingTime, number: int, at: datetime) -> datetime:
    """Count working days one by one."""
    begin = time_.next_working(at).astimezone(ZONE).replace(tzinfo=None)
    day, step = begin.date(), 1 if number > 0 else -1
    for _ in range(abs(number)):
        day += timedelta(days=step)
        while not time_.is_working(day):
            day += timedelta(days=step)
    return vienna(datetime.combine(day, begin.time()).isoformat())


@given(
    st.integers(0, 10 * 365 * 24 * 60).map(lambda each: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=each)),
    st.integers(-700, 700),
)
def test_working_days_by_the_year_are_those_counted_one_by_one(at: datetime, number: int) -> None:
    """Forwards and backwards, over any number of years."""
    duration = Duration(abs(number), "business day")
    got = VIENNA.after(duration, at) if number > 0 else VIENNA.before(duration, at)
    assert got == _slowly(VIENNA, number, at)


@given(
    st.integers(0, 10 * 365 * 24 * 60).map(lambda each: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=each)),
    st.integers(0, 3_000),
)
def test_business_hours_there_and_back_end_where_they_began(at: datetime, number: int) -> None:
    """But for the night, which is between the end of hours and their beginning."""
    begin = VIENNA.next_working(at)
    there = VIENNA.after(Duration(number, "business hour"), at)
    assert VIENNA.next_working(there) == there
    back = VIENNA.before(Duration(number, "business hour"), there)
    assert back == begin or VIENNA.next_working(begin + timedelta(microseconds=1)) == back


@pytest.mark.parametrize(
    ("wait", "at", "expected"),
    [
        ("4 business hours", "2026-11-10T09:00", "2026-11-10T13:00"),
        ("4 business hours", "2026-11-10T15:00", "2026-11-11T11:00"),  # over night
        ("4 business hours", "2026-11-10T20:00", "2026-11-11T13:00"),  # asked in the evening
        ("1 business hour", "2026-11-13T16:30", "2026-11-16T09:30"),  # over a weekend
        ("8 business hours", "2026-11-10T09:00", "2026-11-10T17:00"),
        ("20 business hours", "2026-11-10T09:00", "2026-11-12T13:00"),
    ],
)
def test_business_hours_run_only_while_we_work(wait: str, at: str, expected: str) -> None:
    """09:00 to 17:00, Monday to Friday, no holidays."""
    assert after(wait, at) == vienna(expected)


@given(
    st.integers(0, 10 * 365 * 24 * 60).map(
        lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.builds(
        Duration,
        st.integers(0, 40),
        st.sampled_from(["hour", "day", "week", "month", "year", "business hour", "business day"]),
    ),
)
def test_what_waits_never_goes_back_and_longer_waits_never_end_earlier(at: datetime, wait: Duration) -> None:
    """Time goes on, in every unit, over every change of the clock."""
    ends = VIENNA.after(wait, at)
    assert at <= ends <= VIENNA.after(Duration(wait.number + 1, wait.unit), at)
    begin = VIENNA.next_working(at) if wait.is_business else at
    assert VIENNA.before(wait, at) <= begin
    assert ends.tzinfo is UTC


def test_a_date_begins_and_its_work_ends_by_our_clock() -> None:
    """What `at` and `due` mean by a date."""
    assert VIENNA.start_of_day(date(2026, 5, 8)) == vienna("2026-05-08T00:00")
    assert VIENNA.end_of_work(date(2026, 5, 8)) == vienna("2026-05-08T17:00")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-05-09T00:00", "2026-05-09T08:00"),
        ("2026-05-09T21:00", "2026-05-10T08:00"),
        ("2026-05-09T20:59", None),
        ("2026-05-09T08:00", None),
    ],
)
def test_quiet_hours_end_in_the_morning(at: str, expected: str | None) -> None:
    """From 21:00 to 08:00: from is quiet, to is not."""
    quiet = Quiet(time(21), time(8))
    assert quiet.until(vienna(at), ZONE, NONE) == (None if expected is None else vienna(expected))


def test_quiet_hours_within_a_day_and_in_another_zone() -> None:
    """12:00 to 14:00 in New York."""
    new_york = zone_of("America/New_York")
    at = datetime(2026, 5, 8, 17, 0, tzinfo=UTC)
    assert Quiet(time(12), time(14)).until(at, new_york, NONE) == at + timedelta(hours=1)
    assert Quiet(time(12), time(14)).until(at + timedelta(hours=1), new_york, NONE) is None


def test_a_holiday_where_they_are_is_quiet_all_day() -> None:
    """Ascension Day in Austria, then the night after it."""
    quiet = Quiet(time(21), time(8))
    assert quiet.until(vienna("2026-05-14T10:00"), ZONE, holidays_of("AT")) == vienna("2026-05-15T08:00")


def test_a_country_whose_holidays_are_not_known_has_none() -> None:
    """Nobody is left unreached for ever because of a code."""
    assert date(2026, 1, 1) not in holidays_of("ZZ")
