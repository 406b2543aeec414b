"""What is remembered: how each kind of fact takes in touchpoints, its windows, and exact sums."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifecycle.instant import microseconds
from lifecycle.rules.compiled.facts import SET_WORDS, WINDOW_ENTRIES, amount_in, reader, taker
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.calendar_steps import CalendarSteps
from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.policy import Calendar, Fact
from lifecycle.rules.language.schedule import Duration, parse_duration
from lifecycle.rules.language.windows import is_daily

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
IN_UTC = CalendarSteps(WorkingTime(Calendar()))


def fact(kind: Any, *, field: str = "", within: str | None = None) -> Fact:
    """Return a fact of the type a.b."""
    window = None if within is None else parse_duration(within)
    return Fact("f", kind, ("a.b",), {"a.b": field}, window, None, (), Place(1, 1))


def taken(of: Fact, *values: tuple[float, Any]) -> Any:
    """Return the raw fact after touchpoints so many hours after START, each with this value of the field x."""
    take = taker(of, "a.b", None, IN_UTC)
    raw = None
    for hours, value in values:
        data = {} if value is None else {"x": value}
        raw = take(raw, data, microseconds(START + timedelta(hours=hours)))
    return raw


def read(of: Fact, *values: tuple[float, Any], kind: str | None = None, hours: float | None = None) -> Any:
    """Return the fact as guards read it, by default at the last touchpoint."""
    now = hours if hours is not None else (values[-1][0] if values else 0.0)
    return reader(of, kind, IN_UTC)(taken(of, *values), microseconds(START + timedelta(hours=now)))


@pytest.mark.parametrize(
    ("of", "kind", "expected"),
    [
        (fact("ever"), None, False),
        (fact("count"), None, 0),
        (fact("count", within="3 hours"), None, 0),
        (fact("sum", field="x"), "number", Decimal(0)),
        (fact("sum", field="x", within="30 days"), "number", Decimal(0)),
        (fact("sum", field="x"), "money", {}),
        (fact("first"), None, None),
        (fact("last", field="x"), "text", None),
        (fact("last", field="x"), "date", None),
        (fact("set", field="x"), "text", []),
    ],
)
def test_a_fact_has_a_value_before_anything_happened(of: Fact, kind: str | None, expected: Any) -> None:
    """False, 0, nothing, or the empty set."""
    assert read(of, kind=kind) == expected


def test_ever_is_true_for_ever() -> None:
    """Once is enough."""
    assert read(fact("ever"), (0, None), hours=1e6) is True


def test_count_counts_every_touchpoint() -> None:
    """Without a window, all of them."""
    assert read(fact("count"), (0, None), (0, None), (9_999, None)) == 3


def test_first_and_last_without_a_field_are_times() -> None:
    """Kept in microseconds, read as aware UTC times."""
    assert taken(fact("first"), (1, None), (2, None)) == microseconds(START + timedelta(hours=1))
    assert read(fact("first"), (1, None), (2, None)) == START + timedelta(hours=1)
    assert read(fact("last"), (1, None), (2, None)) == START + timedelta(hours=2)


def test_first_is_the_first_value_given_and_last_the_last() -> None:
    """A touchpoint without the optional field changes neither."""
    values = (0.0, None), (1.0, "one"), (2.0, "two"), (3.0, None)
    assert read(fact("first", field="x"), *values, kind="text") == "one"
    assert read(fact("last", field="x"), *values, kind="text") == "two"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", Decimal("1.50"), Decimal("1.50")),
        ("number", Decimal("1E-7"), Decimal("1E-7")),
        ("number", 3, 3),
        ("whole", 10**40, 10**40),
        ("yes_or_no", False, False),
        ("date", "2026-03-02", "2026-03-02"),
        ("time", "2026-03-02T12:00:00+02:00", START),
        ("money", "100.50 EUR", "100.50 EUR"),
        ("words", "with_us", "with_us"),
    ],
)
def test_a_remembered_field_is_read_in_its_kind(kind: str, value: Any, expected: Any) -> None:
    """Numbers as numbers, times as aware times, the rest as it came."""
    got = read(fact("last", field="x"), (0, value), kind=kind)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "many"),
        ("whole", True),
        ("date", "2026-13-01"),
        ("date", 3),
        ("time", "2026-03-02"),
        ("time", "soon"),
    ],
)
def test_a_value_of_another_kind_is_missing(kind: str, value: Any) -> None:
    """An old log may hold what an older policy accepted."""
    assert read(fact("last", field="x"), (0, value), kind=kind) is None


@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_what_is_no_single_value_is_not_remembered(value: Any) -> None:
    """Lists and tables are no values of fields."""
    for kind in ("first", "last", "set", "sum"):
        assert taken(fact(kind, field="x"), (0, value)) is None


def test_a_set_keeps_each_word_once_in_order() -> None:
    """So that the same words are the same bytes."""
    assert taken(fact("set", field="x"), (0, "b"), (1, "a"), (2, "b"), (3, None)) == ["a", "b"]


def test_a_set_keeps_each_number_once() -> None:
    """A decimal is kept as its text, and found again."""
    assert taken(fact("set", field="x"), (0, Decimal("1.5")), (1, Decimal("1.5"))) == ["1.5"]


def test_a_set_is_bounded() -> None:
    """Later words are left out."""
    raw = taken(fact("set", field="x"), *((number, f"{number:05}") for number in range(SET_WORDS + 5)))
    assert len(raw) == SET_WORDS
    assert raw[-1] == f"{SET_WORDS - 1:05}"


@given(st.lists(st.decimals(-(10**35), 10**35, allow_nan=False, places=12), max_size=8))
def test_sums_of_numbers_are_exact(numbers: list[Decimal]) -> None:
    """However many digits, to the last one; the usual 28 are not enough."""
    got = read(fact("sum", field="x"), *((0, number) for number in numbers), kind="number")
    assert Fraction(got) == sum(Fraction(number) for number in numbers)


def test_the_smallest_number_is_not_lost_beside_the_largest() -> None:
    """Four hundred digits before the point, four hundred after."""
    large, small = 10**400, Decimal("1E-400")
    raw = taken(fact("sum", field="x"), (0, large), (1, small), (2, -large))
    assert Decimal(raw) == small


def test_money_is_summed_by_currency() -> None:
    """Different currencies are not added."""
    values = (0.0, "0.10 EUR"), (1.0, "5 USD"), (2.0, "0.20 EUR"), (3.0, None)
    assert taken(fact("sum", field="x"), *values) == {"EUR": "0.30", "USD": "5"}
    assert read(fact("sum", field="x"), *values, kind="money") == {"EUR": Decimal("0.30"), "USD": Decimal(5)}


@pytest.mark.parametrize("value", ["many", True, "100"])
def test_what_cannot_be_added_is_left_out(value: Any) -> None:
    """A text, a truth: the sum stays what it was."""
    assert read(fact("sum", field="x"), (0, 3), (1, value), kind="number") == 3
    assert read(fact("sum", field="x"), (0, "3 EUR"), (1, value), (2, 5), kind="money") == {"EUR": Decimal(3)}


@pytest.mark.parametrize(
    ("text", "daily"), [("47 hours", False), ("48 hours", False), ("1 day", False), ("2 days", True), ("1 month", True)]
)
def test_windows_of_two_days_or_more_count_whole_days(text: str, daily: bool) -> None:
    """Shorter ones keep single entries."""
    duration = parse_duration(text)
    assert duration is not None
    assert is_daily(duration) is daily


def test_a_long_window_counts_whole_days_today_included() -> None:
    """Three days: today and the two before, however early in the day."""
    of = fact("count", within="3 days")
    values = (-48.0, None), (-34.1, None), (-10.0, None), (0.0, None)
    assert taken(of, *values) == {"2026-02-28": 2, "2026-03-02": 2}
    assert read(of, *values) == 4
    assert read(of, *values, hours=14) == 2


def test_a_long_window_keeps_one_total_a_day() -> None:
    """Sums too, and by currency."""
    of = fact("sum", field="x", within="30 days")
    values = (0.0, "1 EUR"), (1.0, "2 EUR"), (24.0, "4 EUR"), (24.0, "1 USD")
    assert taken(of, *values) == {"2026-03-02": {"EUR": "3"}, "2026-03-03": {"EUR": "4", "USD": "1"}}
    assert read(of, *values, kind="money") == {"EUR": Decimal(7), "USD": Decimal(1)}
    assert read(of, *values, kind="money", hours=24 * 30) == {"EUR": Decimal(4), "USD": Decimal(1)}
    assert read(of, *values, kind="money", hours=24 * 31) == {}


def test_a_month_is_as_long_as_the_month() -> None:
    """From 31 March one month back: 1 March and later."""
    of = fact("count", within="1 month")
    assert read(of, (-24 * 2, None), (-24, None), (0, None), hours=24 * 29) == 2


def test_a_short_window_keeps_single_entries() -> None:
    """Three hours: what is at most three hours ago."""
    of = fact("count", within="3 hours")
    assert read(of, (0, None), (1, None), (2, None)) == 3
    assert read(of, (0, None), (1, None), (2, None), hours=2.99) == 3
    assert read(of, (0, None), (1, None), (2, None), hours=3) == 3
    assert read(of, (0, None), (1, None), (2, None), hours=3.01) == 2


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("number", [(0.0, Decimal("1.5")), (1.0, 2), (1.0, Decimal("1E-7"))], Decimal("3.5000001")),
        ("money", [(0.0, "1.50 EUR"), (1.0, "2 USD"), (1.0, None)], {"EUR": Decimal("1.50"), "USD": Decimal(2)}),
        ("number", [(0.0, "many"), (1.0, 2)], Decimal(2)),
    ],
)
def test_a_short_window_adds_its_entries(kind: str, values: list[tuple[float, Any]], expected: Any) -> None:
    """Exactly, by currency, and without what cannot be added."""
    assert read(fact("sum", field="x", within="3 hours"), *values, kind=kind) == expected


def test_a_short_window_is_bounded() -> None:
    """The oldest entries give way."""
    of = fact("count", within="47 hours")
    values = [(number / 60, None) for number in range(WINDOW_ENTRIES + 20)]
    assert read(of, *values) == WINDOW_ENTRIES


@pytest.mark.parametrize("within", ["3 hours", "3 days"])
def test_a_window_is_pruned_by_the_touchpoint_and_not_by_reading(within: str) -> None:
    """The raw fact is a function of the touchpoints alone; what is old leaves it with the next one."""
    of = fact("count", within=within)
    before = taken(of, (0, None))
    reader(of, None, IN_UTC)(before, microseconds(START + timedelta(days=900)))
    assert before == taken(of, (0, None))
    assert len(taken(of, (0, None), (24 * 900, None))) == 1


@given(
    st.sampled_from(["1 hour", "47 hours", "2 days", "30 days", "1 month"]),
    st.lists(st.floats(0, 3_000), min_size=1, max_size=20),
    st.floats(0, 100),
)
def test_pruning_never_changes_what_is_read(within: str, hours: list[float], later: float) -> None:
    """A pruned window reads as one that kept every touchpoint."""
    of = fact("count", within=within)
    duration = parse_duration(within)
    assert duration is not None
    hours.sort()
    now = START + timedelta(hours=hours[-1] + later)
    since = duration.before(now)
    times = [START + timedelta(hours=each) for each in hours]
    expected = sum(each.date() > since.date() if is_daily(duration) else each >= since for each in times)
    assert read(of, *((each, None) for each in hours), hours=hours[-1] + later) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3.50 EUR", Decimal("3.50")),
        ("3 USD", None),
        ({"EUR": Decimal(3)}, Decimal(3)),
        ({"USD": Decimal(3)}, Decimal(0)),
        ({}, Decimal(0)),
        ("many", None),
        (3, None),
        (None, None),
    ],
)
def test_an_amount_is_in_its_own_currency(value: Any, expected: Decimal | None) -> None:
    """A sum is 0 in a currency that it does not have; an amount in another one is not there."""
    assert amount_in(value, "EUR") == expected


def test_a_window_that_is_too_short_for_a_day_is_still_a_window() -> None:
    """One day is 24 hours."""
    assert read(fact("count", within="1 day"), (0, None), (23, None), hours=24.01) == 1
    assert Duration(1, "day").shortest == timedelta(days=1)
