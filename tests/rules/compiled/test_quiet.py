"""Quiet hours in whole microseconds end when the readable calendar says, wherever the clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from lifecycle.instant import from_microseconds, microseconds
from lifecycle.rules.compiled.quiet import QuietHours
from lifecycle.rules.language.calendar import Quiet, holidays_of

ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
HOURS = ((time(21), time(8)), (time(12), time(14)), (time(0), time(6, 30)), (time(23, 59), time(0, 1)))
YEARS = (1916, 1969, 2011, 2026, 2099)
MOMENTS = st.builds(
    lambda year, minutes, microsecond: (
        datetime(year, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes, microseconds=microsecond)
    ),
    st.sampled_from(YEARS),
    st.integers(0, 366 * 24 * 60),
    st.integers(-1, 1),
)


@pytest.fixture(scope="module")
def quiets() -> list[tuple[Quiet, QuietHours]]:
    """Kept, so that what is remembered is asked again."""
    return [(Quiet(*hours), QuietHours(*hours)) for hours in HOURS]


@given(st.integers(0, len(HOURS) - 1), st.sampled_from(ZONES), MOMENTS, st.sampled_from((None, "AT")))
def test_quiet_ends_when_the_readable_calendar_says(
    quiets: list[tuple[Quiet, QuietHours]], number: int, zone: str, at: datetime, country: str | None
) -> None:
    readable, quiet = quiets[number]
    holidays = frozenset() if country is None else holidays_of(country)
    until = quiet.until(microseconds(at), zone, country)
    assert (None if until is None else from_microseconds(until)) == readable.until(at, ZoneInfo(zone), holidays)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hours", HOURS)
def test_what_is_remembered_by_day_of_one_zone_is_the_same(zone: str, hours: tuple[time, time]) -> None:
    """Around each beginning and end of quiet of a year, into, over and out of each change of the clock."""
    quiet = QuietHours(*hours)
    until = quiet.until_at(zone)
    begin = microseconds(datetime(2011, 1, 1, tzinfo=UTC))
    for quarter in range(366 * 24 * 4):
        for edge in (-1, 0):
            at = begin + quarter * 900_000_000 + edge
            assert until(at) == quiet.until(at, zone, None), from_microseconds(at)
