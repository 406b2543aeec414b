"""Durations and dates: calendar steps, their edges, and the one strict form of each text."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.policy import Calendar
from lifecycle.rules.language.schedule import Duration, parse_day, parse_duration, parse_time

TIMES = st.builds(
    lambda seconds: datetime(1900, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds), st.integers(0, 31_500_000_000)
)
DURATIONS = st.one_of(
    st.builds(Duration, st.integers(0, 800_000), st.just("hour")),
    st.builds(Duration, st.integers(0, 36_500), st.just("day")),
    st.builds(Duration, st.integers(0, 5_000), st.just("week")),
    st.builds(Duration, st.integers(0, 1_200), st.just("month")),
    st.builds(Duration, st.integers(0, 100), st.just("year")),
)


def at(text: str) -> datetime:
    """Return a time written without its zone."""
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4 hours", Duration(4, "hour")),
        ("1 hour", Duration(1, "hour")),
        ("14 days", Duration(14, "day")),
        ("1 days", Duration(1, "day")),
        ("2 weeks", Duration(2, "week")),
        ("3 months", Duration(3, "month")),
        ("1 year", Duration(1, "year")),
        ("0 days", Duration(0, "day")),
        ("100 years", Duration(100, "year")),
        ("1200 months", Duration(1200, "month")),
    ],
)
def test_a_duration_is_number_blank_unit(text: str, expected: Duration) -> None:
    """Units in the singular and in the plural, up to 100 years."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "14",
        "days",
        "14days",
        "14  days",
        "-1 day",
        "1.5 days",
        "a day",
        "14 Days",
        "14 days\n",
        " 14 days",
        "101 years",
        "1201 months",
        "36501 days",
        "9999999 hours",
        "3 business weeks",
        "10001 business days",
        "٣ days",
        "5 minutes",
    ],
)
def test_anything_else_is_no_duration(text: str) -> None:
    """Nothing is guessed, and nothing is longer than 100 years."""
    assert parse_duration(text) is None


@pytest.mark.parametrize(("number", "text"), [(1, "1 day"), (0, "0 days"), (2, "2 days")])
def test_a_duration_is_shown_as_it_is_written(number: int, text: str) -> None:
    """One day, two days."""
    assert str(Duration(number, "day")) == text
    assert parse_duration(text) == Duration(number, "day")


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-01-31T10:00:00", Duration(1, "month"), "2026-02-28T10:00:00"),
        ("2028-01-31T10:00:00", Duration(1, "month"), "2028-02-29T10:00:00"),
        ("2026-01-31T10:00:00", Duration(2, "month"), "2026-03-31T10:00:00"),
        ("2026-10-31T10:00:00", Duration(4, "month"), "2027-02-28T10:00:00"),
        ("2026-12-31T23:59:59", Duration(1, "month"), "2027-01-31T23:59:59"),
        ("2028-02-29T10:00:00", Duration(1, "year"), "2029-02-28T10:00:00"),
        ("2028-02-29T10:00:00", Duration(4, "year"), "2032-02-29T10:00:00"),
        ("2096-02-29T10:00:00", Duration(4, "year"), "2100-02-28T10:00:00"),
        ("2026-02-27T10:00:00", Duration(2, "day"), "2026-03-01T10:00:00"),
        ("2028-02-28T10:00:00", Duration(1, "week"), "2028-03-06T10:00:00"),
        ("2026-03-28T23:30:00", Duration(4, "hour"), "2026-03-29T03:30:00"),
        ("2026-03-28T23:30:00", Duration(0, "month"), "2026-03-28T23:30:00"),
    ],
)
def test_after_keeps_the_clock_time_and_falls_back_to_the_last_day(start: str, duration: Duration, end: str) -> None:
    """Month ends and leap years; hours are elapsed hours."""
    assert duration.after(at(start)) == at(end)


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-03-31T10:00:00", Duration(1, "month"), "2026-02-28T10:00:00"),
        ("2028-03-31T10:00:00", Duration(1, "month"), "2028-02-29T10:00:00"),
        ("2026-01-15T10:00:00", Duration(1, "month"), "2025-12-15T10:00:00"),
        ("2028-02-29T10:00:00", Duration(1, "year"), "2027-02-28T10:00:00"),
        ("2026-03-01T10:00:00", Duration(60, "day"), "2025-12-31T10:00:00"),
        ("2026-03-01T01:00:00", Duration(2, "hour"), "2026-02-28T23:00:00"),
    ],
)
def test_before_goes_back_the_same_way(start: str, duration: Duration, end: str) -> None:
    """Sixty days before a renewal, a month before the end of March."""
    assert duration.before(at(start)) == at(end)


@given(TIMES, DURATIONS)
def test_a_duration_is_never_shorter_than_its_shortest(start: datetime, duration: Duration) -> None:
    """What the checker counts on when it adds up waits."""
    assert duration.after(start) - start >= duration.shortest
    assert start - duration.before(start) >= duration.shortest


@given(TIMES, TIMES, DURATIONS)
def test_durations_keep_the_order_of_times(one: datetime, other: datetime, duration: Duration) -> None:
    """What begins earlier is never due later."""
    first, second = sorted((one, other))
    assert duration.after(first) <= duration.after(second)
    assert duration.before(first) <= duration.before(second)


def test_a_date_begins_at_midnight_and_its_work_ends_at_five() -> None:
    """What `at` and what `due` mean by a date, in UTC."""
    day = date(2026, 3, 2)
    assert WorkingTime(Calendar()).start_of_day(day) == at("2026-03-02T00:00:00")
    assert WorkingTime(Calendar()).end_of_work(day) == at("2026-03-02T17:00:00")


@given(st.dates())
def test_a_date_is_read_as_it_is_written(day: date) -> None:
    """Four digits, two, two."""
    assert parse_day(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    ["2026-13-01", "2026-02-29", "20260302", "2026-W10-1", "2026-3-2", "2026-03-02\n", "2026-03-02T00:00:00Z", 3],
)
def test_anything_else_is_no_date(text: object) -> None:
    """Nor what only some versions of Python read."""
    assert parse_day(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T10:00:00Z", at("2026-03-02T10:00:00")),
        ("2026-03-02T10:00:00.5Z", at("2026-03-02T10:00:00.500000")),
        ("2026-03-02T00:30:00+01:00", at("2026-03-01T23:30:00")),
        ("2026-03-02T10:00:00-00:00", at("2026-03-02T10:00:00")),
    ],
)
def test_a_time_has_a_zone_and_comes_in_utc(text: str, expected: datetime) -> None:
    """RFC 3339, to the microsecond."""
    got = parse_time(text)
    assert got == expected
    assert got is not None
    assert got.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T10:00:00",
        "2026-03-02",
        "2026-03-02 10:00:00Z",
        "20260302T100000Z",
        "2026-03-02T10:00Z",
        None,
        "2026-03-02T10:00:60Z",
        "2026-03-02T25:00:00Z",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_anything_else_is_no_time(text: object) -> None:
    """Without a zone a time would mean something else on every machine."""
    assert parse_time(text) is None
