"""The codec: every mode that a public CloudEvents producer sends."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from cloudevents.core.bindings import kafka as sdk
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, strategies as st

from lifecycle import canonical_json
from lifecycle.record import Headers, Place
from lifecycle.touchpoint import EARLIEST, LATEST, Touchpoint
from lifecycle.wire.codec import read_event, read_record

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/crm",
    "type": "need.stated",
    "subject": "p1",
    "time": "2026-03-01T09:30:00Z",
    "data": {"need": "n1", "value": 12.50},
}
TOUCHPOINT = Touchpoint("p1", "/crm", "e1", "need.stated", AT, None, {"need": "n1", "value": Decimal("12.5")})
STRUCTURED: Headers = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)


def body_of(**changes: Any) -> bytes:
    """The sample event with attributes changed; `...` leaves one out."""
    return json.dumps({name: value for name, value in (EVENT | changes).items() if value is not ...}).encode()


def binary_headers(**changes: str | None) -> Headers:
    """The sample event's attributes as headers; None leaves one out."""
    attributes = {name: EVENT[name] for name in EVENT if name != "data"} | changes
    return tuple((f"ce_{name}", value.encode()) for name, value in attributes.items() if value is not None)


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"application/cloudevents+json; charset=UTF-8",
        b"Application/CloudEvents+JSON",
        b"application/cloudevents",
        b" application/cloudevents+json ;x=\xff",
    ],
)
def test_a_structured_event_is_found_by_its_content_type(content_type: bytes) -> None:
    assert read_event(body_of(), (("content-type", content_type),)) == TOUCHPOINT


@pytest.mark.parametrize("headers", [(), (("trace", b"1"),), (("content-type", b"application/json"),)])
def test_a_json_line_without_cloudevents_headers_is_an_event_too(headers: Headers) -> None:
    assert read_event(body_of(), headers) == TOUCHPOINT
    assert read_event(body_of() + b"\r\n", headers) == TOUCHPOINT


def test_a_structured_content_type_wins_over_attribute_headers() -> None:
    assert read_event(body_of(), (("ce_id", b"other"), *STRUCTURED)) == TOUCHPOINT


def test_binary_mode_takes_attributes_from_headers_and_data_from_the_body() -> None:
    data = json.dumps(EVENT["data"]).encode()
    assert read_event(data, binary_headers()) == TOUCHPOINT
    assert read_event(data, (*binary_headers(), ("content-type", b"application/json"))) == TOUCHPOINT
    assert read_event(data, (*binary_headers(), ("Content-Type", b"application/vnd.acme+json;v=1"))) == TOUCHPOINT
    assert read_event(b"", binary_headers()).data == {}
    assert read_event(b"null", binary_headers(sequence="7")).sequence == "7"
    # kcat sends the headers as they were typed.
    typed = tuple((name.upper() if name == "ce_id" else name, value) for name, value in binary_headers())
    assert read_event(data, typed) == TOUCHPOINT


@pytest.mark.parametrize("body", [None, b"", b"null"])
def test_an_event_without_data_may_have_a_null_value(body: bytes | None) -> None:
    """The Kafka binding 1.0.2 allows it; a tombstone is a null value without attributes."""
    assert read_event(body, binary_headers()).data == {}
    assert read_event(body, (*binary_headers(), ("content-type", b"application/json"))).data == {}


@pytest.mark.parametrize(
    "twice",
    [
        (("content-type", b"application/json"), ("ce_datacontenttype", b"application/json")),
        (("content-type", b"application/json; charset=utf-8"), ("ce_datacontenttype", b"application/json")),
        (("ce_id", EVENT["id"].encode()),),
        (("CE_Subject", EVENT["subject"].encode()),),
    ],
)
def test_an_attribute_may_stand_twice_where_both_say_the_same(twice: Headers) -> None:
    """So the JavaScript SDK sends the content type."""
    assert read_event(json.dumps(EVENT["data"]).encode(), (*binary_headers(), *twice)) == TOUCHPOINT


def sdk_event(data: Any, **more: Any) -> CloudEvent:
    attributes = {name: EVENT[name] for name in ("specversion", "id", "source", "type", "subject")}
    return CloudEvent(attributes={**attributes, "time": AT, "datacontenttype": "application/json", **more}, data=data)


@pytest.mark.parametrize("write", [sdk.to_binary, sdk.to_structured])
def test_messages_of_the_cloudevents_sdk_are_understood(write: Any) -> None:
    message = write(sdk_event({"need": "n1", "value": 12.5}, partitionkey="p1", traceparent="00-1"), JSONFormat())
    assert read_event(message.value, tuple(message.headers.items())) == TOUCHPOINT
    without_data = write(sdk_event(None, sequence="0012"), JSONFormat())
    read = read_event(without_data.value, tuple(without_data.headers.items()))
    assert (read.data, read.sequence) == ({}, "0012")


def test_data_may_come_as_base64() -> None:
    data = base64.b64encode(json.dumps(EVENT["data"]).encode()).decode()
    assert read_event(body_of(data=..., data_base64=data)) == TOUCHPOINT
    assert read_event(body_of(data_base64=None)) == TOUCHPOINT
    assert read_event(body_of(data=None, data_base64="")).data == {}


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-01T09:30:00Z", AT),
        ("2026-03-01t09:30:00z", AT),
        ("2026-03-01T11:30:00+02:00", AT),
        ("2026-02-28T23:30:00-10:00", AT),
        ("2026-03-01T09:30:00-00:00", AT),
        ("2026-03-01T09:30:00.5Z", AT + timedelta(milliseconds=500)),
        ("2026-03-01T09:30:00.123456999Z", AT + timedelta(microseconds=123456)),
        ("1900-01-01T00:00:00Z", EARLIEST),
        ("2899-12-31T23:59:59.9999999Z", LATEST - timedelta(microseconds=1)),
        ("2900-01-01T01:00:00+02:00", LATEST - timedelta(hours=1)),
    ],
)
def test_times_with_a_zone_become_utc_to_the_microsecond(text: str, at: datetime) -> None:
    read = read_event(body_of(time=text)).occurred_at
    assert (read, read.tzinfo) == (at, UTC)


@pytest.mark.parametrize("value", ["x" * 256, "é" * 128, " ", "a\u2028b", "\u00ad", "💡" * 64, "A b/ü#?"])
def test_names_that_are_accepted(value: str) -> None:
    read = read_event(body_of(subject=value, id=value, source=value, type=value))
    assert read[:4] == (value,) * 4


@pytest.mark.parametrize(
    ("sequence", "read"), [("0012", "0012"), (12, "12"), (-3, "-3"), ("b7", "b7"), (None, None), (..., None)]
)
def test_sequences(sequence: Any, read: str | None) -> None:
    assert read_event(body_of(sequence=sequence)).sequence == read


def test_a_record_keeps_its_original_bytes_whatever_becomes_of_it() -> None:
    place = Place("touchpoints", 2, 17)
    good = read_record(place, body_of(), b"key", STRUCTURED)
    assert (good.touchpoint, good.fault, good.body, good.key, good.headers) == (
        TOUCHPOINT, None, body_of(), b"key", STRUCTURED,
    )  # fmt: skip
    bad = read_record(place, b"\xff", None, STRUCTURED)
    assert bad.touchpoint is None
    assert bad.fault is not None
    assert (bad.place, bad.body, bad.key, bad.headers, bad.fault.reason) == (
        place, b"\xff", None, STRUCTURED, "not_utf8",
    )  # fmt: skip
    assert read_record(place, None).body == b""


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
TOUCHPOINTS = st.builds(
    Touchpoint,
    NAMES,
    NAMES,
    NAMES,
    NAMES,
    st.datetimes(datetime(1901, 1, 1), datetime(2899, 1, 1), timezones=ZONES),  # noqa: DTZ001
    st.none() | NAMES,
    st.dictionaries(NAMES, VALUES, max_size=4),
)


@given(TOUCHPOINTS)
def test_what_is_written_in_either_mode_is_read_again(touchpoint: Touchpoint) -> None:
    attributes = {
        "specversion": "1.0",
        "id": touchpoint.id,
        "source": touchpoint.source,
        "type": touchpoint.type,
        "subject": touchpoint.person,
        "time": touchpoint.occurred_at.isoformat(),
    }
    if touchpoint.sequence is not None:
        attributes["sequence"] = touchpoint.sequence
    data = canonical_json.dumps(touchpoint.data)
    headers = tuple((f"ce_{name}", value.encode()) for name, value in attributes.items())
    assert read_event(data.encode(), headers) == touchpoint
    assert read_event(canonical_json.dumps({**attributes, "data": touchpoint.data}).encode()) == touchpoint


@given(st.binary(max_size=80), st.booleans())
def test_no_bytes_make_the_reader_fail(body: bytes, binary: bool) -> None:
    read_record(Place("t", 0, 0), body, None, binary_headers() if binary else ())
