"""Compiled guards: each test, missing values, and the law that no data makes a guard raise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifecycle.instant import from_microseconds, microseconds
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.compiled.refusal import got_in_words, wanted_in_words
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Given, Has, Money, OneOf, Range, Within
from lifecycle.rules.language.schedule import Duration
from lifecycle.rules.state.snapshot import Instance, Origin, PersonState
from lifecycle.touchpoint import Touchpoint
from tests.rules.histories import take_facts

TODAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
NOW = microseconds(TODAY)
FIELDS = {
    "word": "[red, green]",
    "id_": "id",
    "text_": "text",
    "whole_": "whole",
    "number_": "number",
    "money_": "money",
    "flag": "yes_or_no",
    "date_": "date",
    "time_": "time",
}
POLICY = """
policy: guards
language: 1
lanes: [{is: all}]
touchpoints:
  a.b: {by: person, optional: {need: id, %s}}
facts:
%s
  ever: {ever: a.b}
  often: {count: a.b, within: 3 hours}
  total: {sum: a.b.number_}
  spend: {sum: a.b.money_, within: 30 days}
  words: {set: a.b.text_}
  heard: {last: a.b}
  mood: {choose: [{is: good, when: {fact.total: {at_least: 10}}}, {is: bad}]}
tracks:
  alone: {per: person, start: here, stages: {here: {means: H., review: {every: 1 year}}}}
  need:
    per: need
    start: open
    begins: [a.b]
    upon: {a.b: [{when: %s, to: done}]}
    stages: {open: {means: O., review: {every: 1 year}}, done: {means: D., review: {every: 1 year}}}
"""


def machine_of(guard: str) -> Machine:
    """Return a policy with one guard, that sees every kind of field and of fact."""
    fields = ", ".join(f"{name}: {kind}" for name, kind in FIELDS.items())
    facts = "\n".join(f"  last_{name}: {{last: a.b.{name}}}" for name in FIELDS)
    return compile_policy(load_policy(POLICY % (fields, facts, guard)))


def holds(
    guard: str,
    data: dict[str, Any] | None = None,
    *,
    facts: dict[str, Any] | None = None,
    stages: dict[str, dict[str, str]] | None = None,
    machine: Machine | None = None,
) -> bool:
    """Return what a guard says: the facts took in the data, or are given in raw form."""
    machine = machine or machine_of(guard)
    raw = dict(facts or {}) if facts is not None or data is None else taken_in(machine, data)
    instances = {
        track: {key: Instance(stage, NOW, "c", Origin("s", "1", "a.b", NOW)) for key, stage in each.items()}
        for track, each in (stages or {}).items()
    }
    view = View(data or {}, raw, instances, NOW)
    view.key = str((data or {}).get("need", ""))
    choose = machine.tracks["need"].stages["open"].upon["a.b"].choose
    assert choose is not None
    return choose(view) is not None


def taken_in(machine: Machine, data: dict[str, Any]) -> dict[str, Any]:
    """Return what the facts of a person remember of one touchpoint that begins nothing."""
    work = Working(machine, "anna", PersonState(), None)
    take_facts(work, Touchpoint("anna", "s", "1", "a.b", from_microseconds(NOW), None, data))
    return work.state.facts


@pytest.mark.parametrize(
    ("guard", "data", "expected"),
    [
        ("{word: red}", {"word": "red"}, True),
        ("{word: red}", {"word": "green"}, False),
        ("{word: [red, green]}", {"word": "green"}, True),
        ("{flag: false}", {"flag": False}, True),
        ("{flag: false}", {"flag": True}, False),
        ("{whole_: 3}", {"whole_": 3}, True),
        ("{number_: 1.5}", {"number_": Decimal("1.50")}, True),
        ("{number_: [1, 2]}", {"number_": Decimal("2.0")}, True),
        ("{whole_: {at_least: 3}}", {"whole_": 3}, True),
        ("{whole_: {less_than: 3}}", {"whole_": 3}, False),
        ("{number_: {at_least: 1, less_than: 1.5}}", {"number_": Decimal("1.4999")}, True),
        ("{number_: {at_least: 1, less_than: 1.5}}", {"number_": Decimal("1.5")}, False),
        ("{money_: 100 EUR}", {"money_": "100.00 EUR"}, True),
        ("{money_: 100 EUR}", {"money_": "100 USD"}, False),
        ("{money_: {at_least: 100 EUR}}", {"money_": "100 EUR"}, True),
        ("{money_: {at_least: 100 EUR}}", {"money_": "9999 USD"}, False),
        ("{money_: {less_than: 100 EUR}}", {"money_": "9 USD"}, False),
        ('{date_: "2026-03-02"}', {"date_": "2026-03-02"}, True),
        ('{date_: {at_least: "2026-03-02"}}', {"date_": "2026-03-02"}, True),
        ('{date_: {less_than: "2026-03-02"}}', {"date_": "2026-03-02"}, False),
        ('{time_: {at_least: "2026-03-02"}}', {"time_": "2026-03-02T00:00:00Z"}, True),
        ('{time_: {less_than: "2026-03-02"}}', {"time_": "2026-03-02T00:30:00+01:00"}, True),
        ('{time_: {at_least: "2026-03-02T10:00:00Z"}}', {"time_": "2026-03-02T11:00:00+01:00"}, True),
        ('{time_: {less_than: "2026-03-02T10:00:00Z"}}', {"time_": "2026-03-02T10:00:00.000001Z"}, False),
        ("{time_: {within: 1 day}}", {"time_": "2026-03-01T10:00:00Z"}, True),
        ("{time_: {within: 1 day}}", {"time_": "2026-03-01T09:59:59Z"}, False),
        ("{time_: {within: 1 day}}", {"time_": "2026-03-02T10:00:01Z"}, False),
        ("{word: {given: true}}", {"word": "red"}, True),
        ("{word: {given: false}}", {}, True),
        ("{flag: {given: true}}", {"flag": False}, True),
        ("{text_: {given: true}}", {"text_": ""}, True),
        ("{word: red, flag: true}", {"word": "red", "flag": False}, False),
        ("{word: red, flag: true, whole_: 1}", {"word": "red", "flag": True, "whole_": 1}, True),
        ("{any_of: [{word: red}, {flag: true}]}", {"word": "green", "flag": True}, True),
        ("{none_of: [{word: red}, {flag: true}]}", {"word": "green", "flag": False}, True),
        ("{none_of: [{word: red}, {flag: true}]}", {"word": "red"}, False),
    ],
)
def test_a_guard_compares_fields(guard: str, data: dict[str, Any], expected: bool) -> None:
    """Each test on each kind of field."""
    assert holds(guard, data) is expected


@pytest.mark.parametrize(
    ("guard", "data", "expected"),
    [
        ("{fact.ever: true}", {}, True),
        ("{fact.often: {at_least: 1}}", {}, True),
        ("{fact.total: {at_least: 3}}", {"number_": 3}, True),
        ("{fact.total: {less_than: 3}}", {}, True),
        ("{fact.spend: {at_least: 3 EUR}}", {"money_": "3 EUR"}, True),
        ("{fact.spend: {less_than: 3 EUR}}", {"money_": "3 USD"}, True),
        ("{fact.spend: {given: true}}", {}, True),
        ("{fact.words: {has: a}}", {"text_": "a"}, True),
        ("{fact.words: {has: [a, b]}}", {"text_": "a"}, False),
        ("{fact.words: {given: false}}", {}, True),
        ("{fact.heard: {within: 0 days}}", {}, True),
        ('{fact.heard: {at_least: "2026-03-02T10:00:00Z"}}', {}, True),
        ('{fact.heard: {less_than: "2026-03-02"}}', {}, False),
        ("{fact.mood: good}", {"number_": 10}, True),
        ("{fact.mood: good}", {}, False),
        ("{fact.last_word: red}", {"word": "red"}, True),
        ("{fact.last_number_: 1.5}", {"number_": Decimal("1.5")}, True),
        ("{fact.last_number_: {less_than: 2}}", {"number_": Decimal("1.5")}, True),
        ("{fact.last_flag: false}", {"flag": False}, True),
        ("{fact.last_money_: 5 EUR}", {"money_": "5 EUR"}, True),
        ('{fact.last_date_: {at_least: "2026-03-02"}}', {"date_": "2026-03-01"}, False),
        ("{fact.last_time_: {within: 1 day}}", {"time_": "2026-03-02T08:00:00Z"}, True),
    ],
)
def test_a_guard_compares_facts_that_have_taken_in_the_touchpoint(
    guard: str, data: dict[str, Any], expected: bool
) -> None:
    """Each test on each kind of fact."""
    assert holds(guard, data) is expected


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        ("{stage.need: open}", True),
        ("{stage.need: done}", False),
        ("{stage.alone: here}", True),
        ("{any.need: done}", True),
        ("{any.need: [open, done]}", True),
        ("{any.alone: {given: true}}", True),
        ("{any.need: {given: false}}", False),
        ("{stage.need: {given: true}}", True),
    ],
)
def test_a_guard_looks_at_stages(guard: str, expected: bool) -> None:
    """The stage of the same key, of the person, and over all keys."""
    stages = {"need": {"n1": "open", "n2": "done"}, "alone": {"": "here"}}
    assert holds(guard, {"need": "n1"}, stages=stages) is expected


@pytest.mark.parametrize(
    "guard", ["{stage.need: open}", "{stage.alone: here}", "{any.need: open}", "{any.alone: {given: true}}"]
)
def test_a_stage_that_nobody_is_in_is_missing(guard: str) -> None:
    """No instance, no stage."""
    assert holds(guard, {"need": "n1"}) is False
    assert holds(f"{{none_of: [{guard}]}}", {"need": "n1"}) is True


COMPARISONS = [
    "{word: red}",
    "{word: [red, green]}",
    "{flag: false}",
    "{whole_: 0}",
    "{whole_: {at_least: 0}}",
    "{number_: {less_than: 1}}",
    "{number_: {at_least: 0, less_than: 1}}",
    "{money_: 0 EUR}",
    "{money_: {less_than: 1 EUR}}",
    '{date_: {at_least: "1900-01-01"}}',
    '{time_: {less_than: "2900-01-01"}}',
    '{time_: {less_than: "2900-01-01T00:00:00Z"}}',
    "{time_: {within: 100 years}}",
    "{text_: {given: true}}",
    "{fact.last_word: red}",
    "{fact.last_number_: {less_than: 1}}",
    "{fact.last_money_: {less_than: 1 EUR}}",
    '{fact.last_date_: {at_least: "1900-01-01"}}',
    '{fact.heard: {at_least: "1900-01-01"}}',
    "{fact.heard: {within: 100 years}}",
    "{fact.words: {has: a}}",
]


@pytest.mark.parametrize("guard", COMPARISONS)
def test_a_missing_value_fits_no_comparison_and_so_fits_none_of(guard: str) -> None:
    """Neither absent nor null; and two times `none_of` is the comparison again."""
    for data in ({}, dict.fromkeys(FIELDS)):
        assert holds(guard, data, facts={}) is False
        assert holds(f"{{none_of: [{guard}]}}", data, facts={}) is True
        assert holds(f"{{none_of: [{{none_of: [{guard}]}}]}}", data, facts={}) is False


def test_a_timer_has_no_fields() -> None:
    """Its view has no data."""
    machine = machine_of("{word: red}")
    guard = machine.policy.tracks["need"].upon["a.b"][0].when
    assert guard is not None
    assert machine.guards.told_guard(guard, "need")(View(None, {}, {}, NOW)) is False


def test_no_guard_always_holds() -> None:
    """It means otherwise."""
    assert machine_of("{word: red}").guards.text(None, "") == "True"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.text(max_size=5),
    st.sampled_from(["red", "2026-03-02", "2026-13-02", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00", "5 EUR", "1.5"]),
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
)
GOOD = st.fixed_dictionaries(
    {},
    optional={
        "need": st.text(min_size=1, max_size=5),
        "word": st.sampled_from(["red", "green"]),
        "id_": st.text(min_size=1, max_size=5),
        "text_": st.text(max_size=5),
        "whole_": st.integers(),
        "number_": st.integers() | st.decimals(allow_nan=False, allow_infinity=False),
        "money_": st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,12})? [A-Z]{3}", fullmatch=True),
        "flag": st.booleans(),
        "date_": st.dates().map(str),
        "time_": st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    },
)
OTHERS = [
    "{fact.last_flag: {given: true}}",
    "{fact.total: {at_least: 3}}",
    "{fact.spend: {less_than: 1 EUR}}",
    "{fact.often: 1}",
    "{fact.mood: good}",
    "{fact.last_whole_: [1, 2]}",
    "{fact.last_time_: {within: 1 day}}",
    '{fact.last_time_: {at_least: "2026-03-02"}}',
    "{fact.last_text_: a}",
]
MACHINES = {guard: machine_of(guard) for guard in [*COMPARISONS, *OTHERS]}


@given(st.sampled_from(sorted(MACHINES)), GOOD)
def test_any_guard_answers_on_any_data_of_the_vocabulary(guard: str, data: dict[str, Any]) -> None:
    """What passed the check of the vocabulary never makes a guard raise."""
    machine = MACHINES[guard]
    if not machine.types["a.b"].read(Touchpoint("anna", "s", "1", "a.b", TODAY, None, data)).misfits:
        assert holds(guard, data, machine=machine) in (True, False)


@given(st.sampled_from(sorted(MACHINES)), st.fixed_dictionaries(dict.fromkeys(FIELDS, ANYTHING)))
def test_any_guard_answers_on_any_data_at_all(guard: str, data: dict[str, Any]) -> None:
    """A log may hold what another policy accepted: wrong kinds are missing, and never an error."""
    assert holds(guard, data, machine=MACHINES[guard]) in (True, False)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        ([], "nothing"),
        ({}, "nothing"),
        (True, "true"),
        (False, "false"),
        (["a", "b"], "a, b"),
        ({"USD": Decimal(3), "EUR": Decimal(1)}, "1 EUR, 3 USD"),
        (TODAY, "2026-03-02T10:00:00+00:00"),
        (TODAY - timedelta(days=1), "2026-03-01T10:00:00+00:00"),
        (Decimal("1.50"), "1.50"),
        ("red", "red"),
    ],
)
def test_what_was_got_is_said_in_words(value: Any, words: str) -> None:
    """For explanations."""
    assert got_in_words(value) == words


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (OneOf(("red", "green")), "= red or green"),
        (OneOf((True,)), "= true"),
        (OneOf((Money(Decimal(100), "EUR"),)), "= 100 EUR"),
        (Has(("a", "b")), "has a, b"),
        (Given(True), "is given"),
        (Given(False), "is not given"),
        (Within(Duration(30, "day")), "within 30 days"),
        (Range(1, None), "at least 1"),
        (Range(None, Decimal("2.5")), "less than 2.5"),
        (Range(Money(Decimal(1), "EUR"), Money(Decimal(2), "EUR")), "at least 1 EUR and less than 2 EUR"),
    ],
)
def test_what_was_wanted_is_said_in_words(test: Any, words: str) -> None:
    """For explanations."""
    assert wanted_in_words(test) == words
