"""The schemas: of the language, held against the loader and real policies; of data, held against vocabulary.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings, strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from lifecycle.errors import PolicyRefused
from lifecycle.rules.language import load, stages as load_stages, tasks as load_tasks
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.data_schema import type_schemas
from lifecycle.rules.language.facts import FACT_KINDS, KINDS
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.schema import KEYS, policy_schema
from lifecycle.rules.language.vocabulary import checker, is_zone
from lifecycle.touchpoint import MAX_ID_BYTES, Touchpoint
from tests.rules.scenarios.tables import POLICY

ROOT = Path(__file__).parents[3]
POLICIES = sorted(
    [
        *ROOT.glob("lifecycle/policies/*.yaml"),
        *ROOT.glob("examples/policies/**/*.yaml"),
        *ROOT.glob("examples/*/policy.yaml"),
    ]
)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    # JSON Schema's patterns are ECMAScript's, where $ does not also match before a last line break.
    if isinstance(instance, str) and not re.search(
        pattern.replace("$", r"\Z") if pattern.endswith("$") else pattern, instance
    ):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Validator = extend(Draft202012Validator, {"pattern": _pattern})
LANGUAGE = Draft202012Validator(policy_schema())


def faults(text: str) -> list[str]:
    """Return the places at which the schema finds something wrong."""
    return sorted(".".join(map(str, error.absolute_path)) for error in LANGUAGE.iter_errors(yaml.safe_load(text)))


def test_the_schema_is_a_schema() -> None:
    """Of the 2020-12 dialect, and so are those of the data."""
    Draft202012Validator.check_schema(policy_schema())
    for schema in type_schemas(load_policy(POLICY)).values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_policies_that_load_are_valid(path: Path) -> None:
    """Those that ship, and the examples."""
    assert faults(path.read_text(encoding="utf-8")) == []


def test_every_key_is_described_for_hover_text() -> None:
    """In a sentence that ends."""
    assert [
        (part, key.name) for part, keys in KEYS.items() for key in keys if not re.search(r"\w.*\.$", key.means)
    ] == []


def test_the_table_of_keys_is_the_loaders() -> None:
    """Key by key; a key that the loader learns and the schema does not is found here."""
    names = {part: [key.name for key in keys] for part, keys in KEYS.items()}
    assert names["policy"] == list(load.TOP_KEYS)
    assert names["track"] == list(load.TRACK_KEYS)
    assert names["stage"] == list(load_stages.STAGE_KEYS)
    assert sorted(names["task"]) == sorted(load_tasks._TASK_KEYS)
    assert names["fact"] == [*FACT_KINDS, "within", "when"]


PARTS = {
    "policy": (),
    "calendar": ("calendar",),
    "lane": ("lanes", 0),
    "touchpoint": ("touchpoints", "reply.sent"),
    "fact": ("facts", "bought"),
    "track": ("tracks", "need"),
    "stage": ("tracks", "need", "stages", "stated"),
    "task": ("tracks", "need", "stages", "stated", "tasks", "answer"),
    "review": ("tracks", "watch", "stages", "here", "review"),
    "later": ("tracks", "need", "stages", "stated", "later", 0),
}


@pytest.mark.parametrize("part", PARTS)
def test_loader_and_schema_refuse_a_key_that_is_not_of_the_language(part: str) -> None:
    """In each part that the small policy has."""
    document = yaml.safe_load(POLICY)
    place = document
    for step in PARTS[part]:
        place = place[step]
    place["nonsense"] = "x"
    text = json.dumps(document)
    assert faults(text)
    with pytest.raises(PolicyRefused, match='"nonsense" is not a key of'):
        load_policy(text)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("due: 1 dya", "due: 1 day"),
        ("due: 14", "due: 1 day"),
        ("by: persons", "by: person"),
        ("to: met out", "to: met"),
        ("language: 2", "language: 1"),
        ("every: 2 year ago", "every: 2 years"),
        ("means: ''", "means: I am here."),
        ("{at_most: 3}", "{at_least: 3}"),
        ("need.stated.now: {by", "need.stated: {by"),
        ("amount: mony", "amount: money"),
    ],
)
def test_a_typing_mistake_is_seen_in_the_editor(wrong: str, right: str) -> None:
    """Durations, words, kinds of fields, names and comparisons."""
    assert right in POLICY
    assert faults(POLICY) == []
    assert faults(POLICY.replace(right, wrong)) != []


def test_a_setting_may_stand_for_a_value() -> None:
    """Wherever a value or a duration stands."""
    text = POLICY.replace("due: 1 day", "due: $soon").replace("at_least: 3", "at_least: $many")
    text = text.replace("settings: {", "settings: {soon: 1 day, many: 3, ")
    load_policy(text)
    assert faults(text) == []


VOCABULARY = """
policy: t
language: 1
lanes: [{is: all}]
touchpoints:
  a.b:
    by: person
    data: {required: KIND}
    optional: {other: KIND}
tracks: {x: {per: person, start: s, stages: {s: {means: S., review: {every: 1 year}}}}}
"""
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
_LETTERS = "0123456789-:TZ+. EURAT/_\n\x85é"
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**40),
    st.decimals(-100, 100, places=2),
    st.text(max_size=12),
    st.text(_LETTERS, max_size=30),
    st.text("a", min_size=250, max_size=260),
    st.dates().map(str),
    st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    st.from_regex(
        r"(19|20|24|28|29)[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,7})?(Z|[+-][0-2][0-9]:[0-5][0-9]))?",
        fullmatch=True,
    ),
    st.from_regex(r"-?[0-9]{1,31}(\.[0-9]{1,13})? [A-Z]{3}\n?", fullmatch=True),
    st.sampled_from(["Europe/Vienna", "UTC", "AT", "NO", "red", "blue", "1900-02-29", "2000-02-29", "2100-02-29"]),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.booleans(), max_size=2),
)


def is_for_the_engine(kind: str, value: Any) -> bool:
    """Tell whether only the engine can refuse a value: what the schema says that it cannot say."""
    if not isinstance(value, str):
        return False
    if kind == "id":
        return len(value.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES
    if kind == "zone":
        return not is_zone(value)
    if kind == "date within 1 year":
        return date.fromisoformat(value) > date(2027, 3, 2)
    return kind == "time" and not "1900-01-03" < value < "2899-12-29"


@settings(max_examples=1_000, deadline=None)
@given(st.sampled_from([*KINDS, "date within 1 year", "[red, blue]"]), VALUES, VALUES)
def test_schema_and_vocabulary_agree_on_data(kind: str, required: Any, other: Any) -> None:
    """The schema refuses nothing that the engine accepts, and accepts nothing else but what it cannot say."""
    data = {
        name: value for name, value in (("required", required), ("other", other), ("more", 1)) if value != "left out"
    }
    policy = load_policy(VOCABULARY.replace("KIND", kind))
    assume("\ud800" not in str(data))
    accepted = (
        checker(policy.types["a.b"], WorkingTime(policy.calendar))(Touchpoint("anna", "s", "1", "a.b", AT, None, data))
        is None
    )
    valid = Validator(type_schemas(policy)["a.b"]).is_valid(data)
    if accepted:
        assert valid
    elif valid:
        assert is_for_the_engine(kind, required) or is_for_the_engine(kind, other)


def test_data_without_a_required_field_is_invalid() -> None:
    """And with any optional one left out it is valid."""
    schema = Validator(type_schemas(load_policy(VOCABULARY.replace("KIND", "text")))["a.b"])
    assert schema.is_valid({"required": "x"})
    assert not schema.is_valid({"other": "x"})


def test_outcomes_of_tasks_are_part_of_the_vocabulary() -> None:
    """Who closes tasks finds their schema too."""
    assert type_schemas(load_policy(VOCABULARY.replace("KIND", "text")))["task.completed"]["required"] == ["task"]
