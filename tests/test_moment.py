"""One reader of times: the envelope and the data of a touchpoint accept and refuse the same texts, as the same moment."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifecycle import canonical_json
from lifecycle.errors import Unreadable
from lifecycle.moment import parse_time
from lifecycle.rules.compiled.facts import as_time
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.policy import Calendar, FieldKind, TouchpointType
from lifecycle.rules.language.vocabulary import checker
from lifecycle.touchpoint import Touchpoint
from lifecycle.wire.codec import read_event

TEXTS = [
    "2026-03-02T10:00:00Z",
    "2026-03-02t10:00:00z",
    "2026-03-02T10:00:00+02:00",
    "2026-03-02T10:00:00-00:00",
    "2026-03-02T10:00:00.1Z",
    "2026-03-02T10:00:00.1234567Z",
    "2026-03-02T10:00:00.123456789Z",
    "2026-03-02T10:00:00." + "1" * 43 + "Z",
    "2026-03-02T10:00:00." + "1" * 44 + "Z",
    "2026-03-02T10:00:60Z",
    "2026-03-02T10:60:00Z",
    "2026-03-02T24:00:00Z",
    "2026-02-30T10:00:00Z",
    "2026-03-02T10:00:00",
    "2026-03-02 10:00:00Z",
    "2026-03-02T10:00:00+24:00",
    "2026-03-02T10:00:00.Z",
    "2026-03-02T10:00:00,5Z",
    "2026-03-02T10:00:00Z\n",
    "1899-12-31T23:59:59Z",
    "1900-01-01T00:00:00Z",
    "2899-12-31T23:59:59.999999Z",
    "2900-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:00",
    "9999-12-31T23:59:59-23:00",
    "",
]


def of_the_envelope(text: str) -> datetime | None:
    event: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "s", "type": "a.b", "subject": "anna"}
    try:
        return read_event(canonical_json.dumps({**event, "time": text}).encode()).occurred_at
    except Unreadable:
        return None


def of_the_data(text: str) -> datetime | None:
    declared = TouchpointType("a.b", "person", {"at": FieldKind("time")}, {}, "", Place(1, 1))
    touchpoint = Touchpoint("anna", "s", "1", "a.b", datetime(2026, 3, 2, tzinfo=UTC), None, {"at": text})
    return as_time(text) if checker(declared, WorkingTime(Calendar()))(touchpoint) is None else None


@pytest.mark.parametrize("text", TEXTS)
def test_the_envelope_and_the_data_agree(text: str) -> None:
    assert of_the_envelope(text) == of_the_data(text)


@given(
    st.from_regex(r"20[0-9]{2}-0[1-9]-[0-3][0-9][Tt][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{0,9})?([Zz]|\+0[0-9]:00)")
)
def test_the_envelope_and_the_data_agree_on_whatever_looks_like_a_time(text: str) -> None:
    assert of_the_envelope(text) == of_the_data(text)


def test_digits_beyond_the_microsecond_are_cut_not_rounded() -> None:
    assert parse_time("2026-03-02T10:00:00.1234569Z") == datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)
    assert parse_time("2026-03-02T10:00:00.9999999Z") == datetime(2026, 3, 2, 10, 0, 0, 999999, tzinfo=UTC)
