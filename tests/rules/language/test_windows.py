"""What `within` means, alike for facts and guards: hours elapse, days are days of the calendar's zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from lifecycle.instant import DAY, microseconds
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.calendar_steps import CalendarSteps
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Calendar
from lifecycle.rules.language.schedule import Duration, parse_duration
from lifecycle.rules.language.windows import Window
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.touchpoint import Touchpoint

ZONE = ZoneInfo("Pacific/Auckland")
TIME = CalendarSteps(WorkingTime(Calendar(zone="Pacific/Auckland")))
WITHIN = ["1 hour", "47 hours", "48 hours", "1 day", "2 days", "30 days", "2 weeks", "1 month", "3 months", "1 year"]
TIMES = st.integers(0, 3 * 365 * 24 * 60).map(lambda each: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=each))


def window(text: str) -> Window:
    """Return a window by the days of Auckland."""
    duration = parse_duration(text)
    assert duration is not None
    return Window(duration, TIME)


def auckland(text: str) -> datetime:
    """Return a time by the clock in Auckland."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


@pytest.mark.parametrize(
    ("within", "when", "at", "expected"),
    [
        ("2 days", "2026-03-01T08:00", "2026-03-02T19:00", True),
        ("2 days", "2026-03-01T00:00", "2026-03-02T23:59", True),
        ("2 days", "2026-03-01T23:59", "2026-03-03T00:00", False),
        ("48 hours", "2026-03-01T23:59", "2026-03-03T23:59", True),
        ("48 hours", "2026-03-01T23:59", "2026-03-04T00:00", False),
        ("1 day", "2026-03-01T23:59", "2026-03-02T23:59", True),
        ("1 day", "2026-03-01T23:59", "2026-03-03T00:00", False),
        ("1 day", "2026-04-04T12:00", "2026-04-05T11:30", False),  # the clock went back: 24.5 hours
        ("1 month", "2026-01-31T08:00", "2026-02-28T20:00", True),
        ("1 month", "2026-01-31T08:00", "2026-03-01T00:00", False),
        ("2 days", "2026-03-02T20:00", "2026-03-02T19:00", False),  # still to come
    ],
)
def test_what_is_within(within: str, when: str, at: str, expected: bool) -> None:
    """Two days are today and yesterday by the clock in Auckland, which is half a day ahead of UTC."""
    assert window(within).holds(microseconds(auckland(when)), microseconds(auckland(at))) is expected


@given(st.sampled_from(WITHIN), TIMES)
def test_something_leaves_a_window_at_one_moment(within: str, when: datetime) -> None:
    """It counts from when it happened to the microsecond before that moment, and never after."""
    of = window(within)
    happened = microseconds(when)
    leaves = of.leaves_at(happened)
    assert of.holds(happened, happened)
    assert of.holds(happened, leaves - 1)
    assert not of.holds(happened, leaves)
    assert not of.holds(happened, leaves + 400 * DAY)


@pytest.mark.parametrize("zone", ["Africa/Monrovia", "Europe/Amsterdam", "Asia/Kathmandu", "Pacific/Auckland"])
def test_the_day_of_a_moment_is_that_of_its_zone_also_where_days_begin_at_odd_minutes(zone: str) -> None:
    """Long ago clocks stood by the sun: whatever is remembered of a quarter of an hour must not reach over a midnight."""
    steps = CalendarSteps(WorkingTime(Calendar(zone=zone)))
    of = Window(Duration(30, "day"), steps)
    for year in (1935, 1971, 2026):
        begin = microseconds(datetime(year, 5, 1, tzinfo=UTC))
        for seconds in range(0, 2 * 24 * 60 * 60, 97):
            at = begin + seconds * 1_000_000
            assert of.days(at) == (of.day_of(at), of.first_day(at))


POLICY = """
policy: windows
language: 1
calendar: {zone: Pacific/Auckland}
lanes: [{is: all}]
touchpoints:
  visit.paid: {by: person, optional: {at: time}}
  day.named: {by: person, data: {day: date within 1 day}}
facts:
  visits: {count: visit.paid, within: WITHIN}
  last_visit: {last: visit.paid}
  told: {last: visit.paid.at}
  recent: {choose: [{is: true, when: {fact.last_visit: {within: WITHIN}}}, {is: false}]}
  early: {choose: [{is: true, when: {fact.told: {less_than: "2026-03-02"}}}, {is: false}]}
tracks:
  watch: {per: person, start: here, stages: {here: {means: Here., review: {every: 1 year}}}}
"""


@given(st.sampled_from(WITHIN), TIMES, TIMES)
def test_within_counts_alike_in_facts_and_in_guards(within: str, one: datetime, other: datetime) -> None:
    """One visit is counted as long as the last visit is within the same time."""
    machine = compile_policy(load_policy(POLICY.replace("WITHIN", within)))
    when, at = sorted((one, other))
    visit = Touchpoint("anna", "s", "1", "visit.paid", when, None, {})
    state = fold(machine, "anna", PersonState(), [visit], at).state
    view_count, view_recent = (
        machine.fact_readers["", name](_view(machine, state, at)) for name in ("visits", "recent")
    )
    assert (view_count == 1) is view_recent is window(within).holds(microseconds(when), microseconds(at))


def _view(machine, state, at):  # type: ignore[no-untyped-def]
    from lifecycle.rules.compiled.guards import View

    return View(None, state.facts, state.tracks, microseconds(at))


def test_a_time_is_compared_with_a_date_by_its_day_in_our_zone() -> None:
    """23:30 in UTC on the first is the second in Auckland."""
    machine = compile_policy(load_policy(POLICY.replace("WITHIN", "2 days")))
    at = datetime(2026, 3, 5, tzinfo=UTC)
    for text, early in (("2026-03-01T10:59:00Z", True), ("2026-03-01T11:00:00Z", False)):
        visit = Touchpoint("anna", "s", "1", "visit.paid", at, None, {"at": text})
        state = fold(machine, "anna", PersonState(), [visit], at).state
        assert machine.fact_readers["", "early"](_view(machine, state, at)) is early


@pytest.mark.parametrize(("day", "fits"), [("2026-03-11", True), ("2026-03-12", False)])
def test_the_limit_of_a_date_counts_from_the_day_in_our_zone(day: str, fits: bool) -> None:
    """08:00 on 10 March in Auckland is 9 March in UTC; tomorrow is the 11th."""
    machine = compile_policy(load_policy(POLICY.replace("WITHIN", "2 days")))
    named = Touchpoint("anna", "s", "1", "day.named", auckland("2026-03-10T08:00"), None, {"day": day})
    assert (machine.types["day.named"].read(named).misfits == ()) is fits
