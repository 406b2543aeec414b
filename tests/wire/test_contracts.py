"""The contracts: generated files are fresh, the touchpoint schema and the codec agree, messages are valid."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from lifecycle import canonical_json
from lifecycle.errors import Unreadable
from lifecycle.task import Reference, Task, Why
from lifecycle.wire import contracts
from lifecycle.wire.codec import read_event
from tests.wire.test_codec import EVENT, TOUCHPOINTS

SCHEMAS = Path(__file__).parents[2] / "schemas"
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    # JSON Schema's patterns are ECMAScript's, where $ does not also match before a last line break.
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Validator = extend(Draft202012Validator, {"pattern": _pattern})


def validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    Validator.check_schema(schema)
    return Validator(schema)


TOUCHPOINT = validator("touchpoint")


def is_read(event: Any) -> bool:
    """Whether the codec accepts this event."""
    try:
        read_event(canonical_json.dumps(event).encode())
    except Unreadable:
        return False
    return True


def test_the_generated_files_are_fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert contracts.main([str(SCHEMAS), "--check"]) == 0, "run: python -m lifecycle.wire.contracts schemas"
    assert contracts.main([str(tmp_path), "--check"]) == 1
    assert f"Run: python -m lifecycle.wire.contracts {tmp_path}" in capsys.readouterr().err
    assert contracts.main([str(tmp_path)]) == 0
    assert contracts.main([str(tmp_path), "--check"]) == 0


@given(TOUCHPOINTS)
def test_what_the_codec_reads_is_valid(touchpoint: Any) -> None:
    event = EVENT | {
        "id": touchpoint.id,
        "source": touchpoint.source,
        "type": touchpoint.type,
        "subject": touchpoint.person,
        "time": touchpoint.occurred_at.isoformat(),
        "sequence": touchpoint.sequence,
        "data": touchpoint.data,
    }
    assert is_read(event)
    TOUCHPOINT.validate(event)


MALFORMED: list[dict[str, Any]] = [
    *({name: ...} for name in ("specversion", "id", "source", "type", "subject", "time")),
    *({name: ""} for name in ("id", "source", "type", "subject", "time", "sequence")),
    *({name: 7} for name in ("specversion", "id", "source", "type", "subject", "time", "data", "data_base64")),
    *({name: None} for name in ("specversion", "id", "source", "type", "subject", "time")),
    *({name: "a\nb"} for name in ("id", "source", "type", "subject", "sequence")),
    *({name: "a\n"} for name in ("id", "source", "type", "subject", "sequence")),
    *({name: "a\u0085"} for name in ("id", "source", "type", "subject", "sequence")),
    *({name: "x" * 257} for name in ("id", "source", "type", "subject", "sequence")),
    *({"specversion": version} for version in ("0.3", "1", "1.1")),
    *({"datacontenttype": kind} for kind in ("text/xml", "application/xml", "json", "", 7)),
    *({"data": data} for data in ([], "text", True)),
    *(
        {"time": time}
        for time in (
            "9999-01-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-03-32T00:00:00Z",
            "2026-03-01T09:30:60Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T09:30:00",
            "2026-03-01 09:30:00Z",
            "2026-03-01",
            "1850-03-01T09:30:00Z",
            "٢٠٢٦-03-01T09:30:00Z",
        )
    ),
    {"sequence": True},
    {"sequence": {}},
]


@pytest.mark.parametrize("changes", MALFORMED, ids=str)
def test_what_is_malformed_neither_is_valid_nor_read(changes: dict[str, Any]) -> None:
    event = {name: value for name, value in (EVENT | changes).items() if value is not ...}
    assert not TOUCHPOINT.is_valid(event)
    with pytest.raises(Unreadable):
        read_event(json.dumps(event).encode())


WHATEVER = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=4),
    st.just({}),
    st.just([]),
    st.just("application/json"),
)
ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "sequence", "datacontenttype", "data")


@given(st.dictionaries(st.sampled_from(ATTRIBUTES), WHATEVER, max_size=2))
def test_schema_and_codec_agree_on_any_change(changes: dict[str, Any]) -> None:
    event = EVENT | changes
    assert TOUCHPOINT.is_valid(json.loads(canonical_json.dumps(event))) == is_read(event)


@given(st.from_regex(contracts._JSON_TYPE.replace("$", r"\Z"), fullmatch=True).filter(str.isascii))
def test_data_types_that_are_valid_are_read(content_type: str) -> None:
    assert is_read(EVENT | {"datacontenttype": content_type})


def task(**changes: Any) -> Task:
    cause = Reference("/crm", "e1", "need.stated", AT)
    why = Why("need", "n1", "stated", "acknowledge", AT, (cause,), "They stated a need.")
    values: dict[str, Any] = {
        "id": "slot-cause",
        "person": "p1",
        "kind": "acknowledge",
        "key": "n1",
        "about": {"words": "a door", "day": "2026-03-09"},
        "ask": "Say that you heard them",
        "by": "us",
        "lane": "customers",
        "state": "open",
        "requested_at": AT,
        "due_at": AT + timedelta(days=1),
        "expires_at": AT + timedelta(days=31),
        "why": why,
    }
    return Task(**values | changes)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("task.requested", {}),
        ("task.changed", {"state": "completed", "closed_at": AT}),
        ("task.withdrawn", {"state": "withdrawn", "closed_at": AT, "reason": "left_stage"}),
    ],
)
def test_every_task_message_is_valid(kind: contracts.MessageType, changes: dict[str, Any]) -> None:
    text = contracts.task_message({**task(**changes).as_data(), "version": 7}, type=kind, at=AT)
    message = json.loads(text)
    validator("task").validate(message)
    assert text == canonical_json.dumps(canonical_json.loads(text))
    assert (message["id"], message["subject"], message["source"]) == ("slot-cause.7", "p1", "/lifecycle")
    assert (message["time"], message["data"]["version"]) == ("2026-03-01T09:30:00Z", 7)
    # It is a CloudEvent that the codec itself can read.
    assert read_event(text.encode()).person == "p1"


def test_a_message_with_a_field_of_a_later_version_is_valid() -> None:
    """A consumer that validates goes on when something is added, at whatever depth."""
    message = json.loads(contracts.task_message({**task().as_data(), "version": 7}, type="task.requested", at=AT))
    for part in (message, message["data"], message["data"]["why"], message["data"]["why"]["touchpoints"][0]):
        part["added_later"] = {"any": "thing"}
    validator("task").validate(message)


def test_outcomes_are_touchpoints_that_name_a_task() -> None:
    outcome = EVENT | {"type": "task.completed", "data": {"task": "slot-cause", "reason": "they were glad"}}
    validator("outcome").validate(outcome)
    TOUCHPOINT.validate(outcome)
    assert not validator("outcome").is_valid(outcome | {"data": {}})
    assert not validator("outcome").is_valid(outcome | {"type": "need.stated"})
