"""Whole microseconds: exact on both sides of 1970, in any zone, and back again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from lifecycle.instant import EPOCH, from_microseconds, microseconds
from lifecycle.touchpoint import EARLIEST, LATEST

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None), timezones=ZONES)


@given(MOMENTS)
def test_a_moment_counts_whole_microseconds_exactly(at: datetime) -> None:
    assert microseconds(at) == (at - EPOCH) // timedelta(microseconds=1)


@given(MOMENTS)
def test_microseconds_lead_back_to_the_moment(at: datetime) -> None:
    assert from_microseconds(microseconds(at)) == at


@pytest.mark.parametrize(
    ("at", "counted"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(1970, 1, 2, 0, 0, 1, 5, tzinfo=UTC), 86_401_000_005),
    ],
)
def test_moments_around_the_first_are_counted_from_it(at: datetime, counted: int) -> None:
    assert microseconds(at) == counted
