"""What is told in a trice of a touchpoint's data is what the reader of its type says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.quick_fit import fits_lines, names_of
from lifecycle.rules.compiled.writing import Writer
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, encode
from tests.rules.histories import touchpoint

POLICY = """
policy: fits
language: 1
lanes: [{is: everybody}]
touchpoints:
  a.b:
    by: person
    data: {need: id, word: [red, green]}
    optional: {other: id, said: text, size: whole, price: number, paid: money, sure: yes_or_no, day: date, at: time}
  a.c: {by: person}
  a.d: {by: person, data: {day: date within 1 year}}
facts:
  size: {last: a.b.size}
  said: {last: a.b.said}
  other: {last: a.b.other}
tracks:
  watch: {per: person, start: here, stages: {here: {means: Here., review: {every: 1 year}}}}
"""
MACHINE = compile_policy(load_policy(POLICY))

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.decimals(-9, 9, places=1),
    st.sampled_from(["red", "green", "x1", "x 1", "", "\x00", "a" * 65, "a" * 257, "\u00e9" * 65, "1.00 EUR"]),
    st.sampled_from(["2026-03-02", "2026-03-02T10:00:00Z", "2026-13-02"]),
    st.lists(st.sampled_from(["red"]), max_size=1),
    st.dictionaries(st.sampled_from(["red"]), st.integers(0, 1), max_size=1),
)
FIELDS = ["need", "word", "other", "said", "size", "price", "paid", "sure", "day", "at", "undeclared"]
RIGHT: dict[str, Any] = {
    "need": "x1",
    "word": "red",
    "other": "y-2",
    "said": "Yes.",
    "size": 3,
    "price": Decimal("1.5"),
    "paid": "3.00 EUR",
    "sure": False,
    "day": "2026-03-02",
    "at": "2026-03-02T10:00:00Z",
}


def fits(type_name: str, data: dict[str, Any]) -> bool:
    """Return what the text of a type says of data."""
    writer, declared = Writer(), MACHINE.policy.types[type_name]
    given = [f"{field} = data.get({name!r})" for name, field in names_of(declared).items()]
    told = writer.function("fits", "data", [*given, *fits_lines(writer, declared), "return fits"], "in a test")
    writer.finish()
    return bool(told(data))


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES | st.just("\ud800")))
def test_what_fits_is_all_that_counts(data: dict[str, Any]) -> None:
    """Whatever is sure to fit, the reader gives back as it is; and what it gives back so, is sure to fit."""
    read = MACHINE.types["a.b"].read(touchpoint("1", "a.b", 0)._replace(data=data))
    assert fits("a.b", data) == (read.misfits == () and read.data == data)


@pytest.mark.parametrize("without", [(), ("other",), ("said", "size", "at"), tuple(FIELDS[2:10])])
def test_right_data_fits_with_any_of_its_optional_fields(without: tuple[str, ...]) -> None:
    data = {name: value for name, value in RIGHT.items() if name not in without}
    assert fits("a.b", data)


def test_of_types_without_fields_and_of_those_with_limits() -> None:
    assert fits("a.c", {})
    assert not fits("a.c", {"undeclared": 1})
    assert not fits("a.d", {"day": "2026-03-02"})


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_a_fold_takes_in_what_counts_and_nothing_else(data: dict[str, Any]) -> None:
    """The same state whether the rest was there or not."""
    given = touchpoint("1", "a.b", 0)._replace(data=data)
    counted = MACHINE.types["a.b"].read(given).data
    state = fold(MACHINE, "anna", PersonState(), [given], None).state
    kept = fold(MACHINE, "anna", PersonState(), [given._replace(data=counted)], None).state
    state.missing = kept.missing = {}
    assert encode(state) == encode(kept)
