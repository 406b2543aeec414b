"""Checking the data of a touchpoint: each kind of field, what is missing, and dates with a limit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from lifecycle.record import Fault
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.policy import Calendar, FieldKind, TouchpointType
from lifecycle.rules.language.schedule import Duration
from lifecycle.rules.language.vocabulary import checker
from lifecycle.touchpoint import Touchpoint


def fault(
    data: dict[str, Any], *, occurred_at: str = "2026-03-02T10:00:00", zone: str = "UTC", **fields: FieldKind
) -> Fault | None:
    """Return the first fault of a touchpoint whose type has these required fields, and `other`, a text, optional."""
    declared = TouchpointType("a.b", "person", fields, {"other": FieldKind("text")}, "", Place(1, 1))
    at = datetime.fromisoformat(occurred_at).replace(tzinfo=UTC)
    return checker(declared, WorkingTime(Calendar(zone=zone)))(Touchpoint("anna", "shop", "t1", "a.b", at, None, data))


def wanted(kind: FieldKind, value: Any) -> str | None:
    """Return what a field of this kind wanted instead of a value; None: it is accepted."""
    found = fault({"x": value}, x=kind)
    return None if found is None else found.message


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("id", ["a", "ä" * 128, "1", " ", "x" * 256]),
        ("text", ["", "anything\nat all\x00", "x" * 10_000]),
        ("whole", [0, -3, 10**40]),
        ("number", [0, 3, Decimal("1.5"), Decimal("-0.001")]),
        ("money", ["100 EUR", "-0.50 USD", "100.000000000001 EUR", f"{'9' * 30} EUR"]),
        ("yes_or_no", [True, False]),
        ("date", ["2026-03-02", "1900-01-01", "2899-12-31", "2028-02-29"]),
        ("time", ["2026-03-02T10:00:00Z", "2026-03-02T10:00:00.123456+02:00", "1900-01-01T00:00:00Z"]),
        ("time", ["2026-03-02T10:00:00.1234567Z", "2026-03-02T10:00:00.123456789Z", "2026-03-02t10:00:00z"]),
        ("zone", ["Europe/Vienna", "UTC", "America/Argentina/Buenos_Aires"]),
        ("country", ["AT", "NO"]),
    ],
)
def test_each_kind_of_field_accepts_its_values(kind: Any, values: list[Any]) -> None:
    """Ids, texts, numbers, money, truth, dates, times, zones and countries."""
    assert [wanted(FieldKind(kind), value) for value in values] == [None] * len(values)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("id", ["", 3, True, "a\n", "\x85", "ä" * 129, "\ud800"], "an id: a text of 1 to 256 bytes without control"),
        ("text", [3, True, [], {}], "a text"),
        ("whole", ["3", Decimal("1.5"), True, []], "a whole number"),
        ("number", ["3", False, [], {}], "a number"),
        (
            "money",
            ["100", "EUR 100", "100 eur", "100 EUR\n", "1e3 EUR", "1,5 EUR", 100, f"{'9' * 31} EUR", "٣ EUR"],
            "an amount",
        ),
        ("yes_or_no", ["true", 1, 0, "yes"], "true or false"),
        (
            "date",
            ["2026-02-29", "20260302", "1899-12-31", "2900-01-01", "2026-03-02T00:00:00Z", 3],
            "a date such as 2026",
        ),
        (
            "time",
            ["2026-03-02", "2026-03-02T10:00:00", "2900-01-01T00:00:00Z", "2026-03-02T10:00:60Z", 3],
            "a time such as 2026-03-02T10:00:00Z",
        ),
        ("zone", ["Vienna", "", "../etc/passwd", "Europe", 3], "a time zone such as Europe/Vienna"),
        ("country", ["at", "AUT", "A1", "AT\n", True], "a country of two letters such as AT"),
    ],
)
def test_each_kind_of_field_refuses_the_rest(kind: Any, values: list[Any], expected: str) -> None:
    """The fault says what was wanted."""
    for value in values:
        assert f"data.x should be {expected}" in (wanted(FieldKind(kind), value) or f"{value!r} was accepted")


def test_a_list_of_words_accepts_one_of_them() -> None:
    """And nothing that only looks like one."""
    kind = FieldKind("words", ("with_us", "elsewhere"))
    assert wanted(kind, "with_us") is None
    values: list[Any] = ["With_us", "", True, ["with_us"], {}]
    for value in values:
        assert "data.x should be one of with_us, elsewhere, got" in (wanted(kind, value) or "")


def test_a_fault_says_which_touchpoint_which_field_and_what_to_do() -> None:
    """Reason, path and sentence."""
    assert fault({"x": "three"}, x=FieldKind("whole")) == Fault(
        "invalid_data",
        "data.x",
        "a.b t1 from shop: data.x should be a whole number, got 'three'. "
        "Send it again with a new id and the field mended.",
    )


@pytest.mark.parametrize("data", [{}, {"x": None}])
def test_a_required_field_is_missed(data: dict[str, Any]) -> None:
    """Absent or null is the same."""
    found = fault(data, x=FieldKind("text"))
    assert found is not None
    assert "data.x should be a value, got none." in found.message


def test_an_optional_field_may_be_absent_or_null_but_not_wrong() -> None:
    """Optional means that it may be missing."""
    assert fault({}) is None
    assert fault({"other": None}) is None
    found = fault({"other": 3})
    assert found is not None
    assert "data.other should be a text, got 3." in found.message


def test_further_fields_are_kept() -> None:
    """What the vocabulary does not name is not checked."""
    assert fault({"unknown": [1, {"a": None}]}) is None


@pytest.mark.parametrize(
    ("day", "until"),
    [("2027-03-02", None), ("2027-03-03", "2027-03-02"), ("2899-12-31", "2027-03-02"), ("1900-01-01", None)],
)
def test_a_date_within_a_year_is_at_most_a_year_ahead(day: str, until: str | None) -> None:
    """Counted from when the touchpoint occurred; the last day is allowed, and so is the past."""
    found = fault({"x": day}, x=FieldKind("date", within=Duration(1, "year")))
    expected = None if until is None else f"data.x should be a date within 1 year (until {until}), got {day}."
    assert (found and expected in found.message if expected else found is None) is True


def test_a_limit_at_the_end_of_a_month_falls_back_to_its_last_day() -> None:
    """31 January and one month is 28 February."""
    kind = FieldKind("date", within=Duration(1, "month"))
    assert fault({"x": "2026-02-28"}, occurred_at="2026-01-31T10:00:00", x=kind) is None
    assert fault({"x": "2026-03-01"}, occurred_at="2026-01-31T10:00:00", x=kind) is not None


def test_a_limit_at_the_end_of_known_time_does_not_overflow() -> None:
    """The latest touchpoint and the longest limit."""
    kind = FieldKind("date", within=Duration(100, "year"))
    assert fault({"x": "2899-12-31"}, occurred_at="2899-12-31T23:59:59", x=kind) is None
