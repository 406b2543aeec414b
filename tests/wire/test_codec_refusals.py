"""The codec: every malformed kind that a producer can send, with its reason and field."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lifecycle.errors import Unreadable
from lifecycle.record import Headers
from lifecycle.wire.codec import Limits, read_event
from tests.wire.test_codec import EVENT, STRUCTURED, binary_headers, body_of


def refusal(body: bytes | None, headers: Headers = (), **limits: int) -> Unreadable:
    """The fault that reading ends in."""
    with pytest.raises(Unreadable) as caught:
        read_event(body, headers, limits=Limits(**limits))
    assert caught.value.action == "reject"
    return caught.value


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time"])
def test_a_required_attribute_that_is_null_is_refused_as_null(name: str) -> None:
    """Whoever sent it looks for a null, not for an attribute that was left out; null is no text and no name."""
    null, left_out = refusal(body_of(**{name: None})), refusal(body_of(**{name: ...}))
    assert (null.reason, null.field) == (left_out.reason, left_out.field) == ("missing_field", name)
    assert null.message.startswith(f"{name} is null; ")
    assert left_out.message.startswith(f"{name} is missing; ")


@pytest.mark.parametrize("name", ["sequence", "datacontenttype", "data", "data_base64", "traceparent"])
def test_any_other_attribute_that_is_null_counts_as_left_out(name: str) -> None:
    """The JSON format of CloudEvents says so of all attributes."""
    assert read_event(body_of(**{name: None})) == read_event(body_of(**{name: ...}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-13-01T00:00:00Z", "bad_time"),
        ("2026-02-30T00:00:00Z", "bad_time"),
        ("2026-03-01T09:30:60Z", "bad_time"),
        ("2026-03-01T24:00:00Z", "bad_time"),
        ("2026-03-01T09:30:00", "bad_time"),
        ("2026-03-01 09:30:00Z", "bad_time"),
        ("2026-03-01T09:30Z", "bad_time"),
        ("2026-03-01T09:30:00.Z", "bad_time"),
        ("2026-03-01T09:30:00,5Z", "bad_time"),
        ("2026-03-01T09:30:00+2:00", "bad_time"),
        ("2026-03-01T09:30:00+24:00", "bad_time"),
        ("2026-W09-7T09:30:00Z", "bad_time"),
        ("20260301T093000Z", "bad_time"),
        ("٢٠٢٦-03-01T09:30:00Z", "bad_time"),
        ("2026-03-01T09:30:00Z\n", "bad_time"),
        ("2026-03-01T09:30:00." + "1" * 80 + "Z", "bad_time"),
        ("0000-01-01T00:00:00Z", "bad_time"),
        ("", "bad_time"),
        ("0001-01-01T00:00:00+23:59", "time_out_of_range"),
        ("9999-12-31T23:59:59Z", "time_out_of_range"),
        ("9999-12-31T23:59:59-23:59", "time_out_of_range"),
        ("1899-12-31T23:59:59Z", "time_out_of_range"),
        ("2900-01-01T00:00:00Z", "time_out_of_range"),
        (1772357400, "not_text"),
        (None, "missing_field"),
        (..., "missing_field"),
    ],
)
def test_times_that_are_refused(text: Any, reason: str) -> None:
    fault = refusal(body_of(time=text))
    assert (fault.reason, fault.field) == (reason, "time")


def test_the_message_says_what_was_wanted_and_got() -> None:
    assert refusal(body_of(time="yesterday")).message == (
        "wanted a time as in 2026-03-01T09:30:00Z (RFC 3339, with Z or an offset), got 'yesterday'"
    )
    assert refusal(body_of(subject=4711)).message == "subject must be text, got the number 4711; put it in quotes"
    assert refusal(body_of(specversion="0.3")).message == (
        "specversion must be the text \"1.0\" (CloudEvents 1.0), got '0.3'"
    )


@pytest.mark.parametrize("field", ["id", "source", "type", "subject"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (..., "missing_field"),
        (None, "missing_field"),
        ("", "empty_field"),
        (4711, "not_text"),
        (True, "not_text"),
        ({}, "not_text"),
        ("x" * 257, "too_long"),
        ("é" * 129, "too_long"),
        ("a\u0000b", "control_character"),
        ("a\nb", "control_character"),
        ("a\u007f", "control_character"),
        ("a\u0085" + "b" * 70, "control_character"),
    ],
)
def test_names_that_are_refused(field: str, value: Any, reason: str) -> None:
    fault = refusal(body_of(**{field: value}))
    assert (fault.reason, fault.field) == (reason, field)


def test_a_leap_second_is_refused_with_what_to_send_instead() -> None:
    message = refusal(body_of(time="2026-06-30T23:59:60Z")).message
    assert message.endswith("a second of 60 cannot be kept: send second 59, or the next second")


def test_what_stands_twice_with_other_values_is_shown() -> None:
    message = refusal(b"{}", (*binary_headers(), ("ce_id", b"e2"))).message
    assert message == "header ce_id stands twice, with other values: 'e1', 'e2'; send one of them"


@pytest.mark.parametrize(("sequence", "reason"), [(1.5, "not_text"), (True, "not_text"), ("", "empty_field")])
def test_sequences_that_are_refused(sequence: Any, reason: str) -> None:
    fault = refusal(body_of(sequence=sequence))
    assert (fault.reason, fault.field) == (reason, "sequence")


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (b"", "empty_body", None),
        (b"  \n", "empty_body", None),
        (None, "tombstone", None),
        (b'{"id":', "not_json", None),
        (b"<event/>", "not_json", None),
        (b"\xff\xfe{}", "not_utf8", None),
        (body_of()[:-1] + b',"x":"\xc3\x28"}', "not_utf8", None),
        (b"[]", "not_an_object", None),
        (b'"text"', "not_an_object", None),
        (b"null", "not_an_object", None),
        (b"17", "not_an_object", None),
        (body_of()[:-1] + b',"id":"e2"}', "ambiguous_json", None),
        (body_of()[:-1] + b',"x":NaN}', "ambiguous_json", None),
        (body_of()[:-1] + b',"x":"\\ud800"}', "ambiguous_json", None),
        (body_of()[:-1] + b',"x":1e999999}', "ambiguous_json", None),
        (body_of()[:-1] + b',"x":' + b"[" * 100 + b"]" * 100 + b"}", "ambiguous_json", None),
        (body_of(specversion=...), "missing_field", "specversion"),
        (body_of(specversion="0.3"), "unsupported_version", "specversion"),
        (body_of(specversion="2.0"), "unsupported_version", "specversion"),
        (body_of(specversion=1.0), "unsupported_version", "specversion"),
        (body_of(data=[1]), "data_not_an_object", "data"),
        (body_of(data="text"), "data_not_an_object", "data"),
        (body_of(data=0), "data_not_an_object", "data"),
        (body_of(datacontenttype="text/xml"), "unsupported_content_type", "datacontenttype"),
        (body_of(datacontenttype=["application/json"]), "unsupported_content_type", "datacontenttype"),
    ],
)
def test_bodies_that_are_refused(body: bytes | None, reason: str, field: str | None) -> None:
    for headers in ((), STRUCTURED):
        fault = refusal(body, headers)
        assert (fault.reason, fault.field) == (reason, field)


@pytest.mark.parametrize(
    ("body", "headers", "reason", "field"),
    [
        (None, (("trace", b"1"),), "tombstone", None),
        (None, (("content-type", b"application/cloudevents+json"), *binary_headers()), "tombstone", None),
        (None, binary_headers(id=None), "missing_field", "id"),
        (
            b"{}",
            (*binary_headers(), ("ce_datacontenttype", b"text/xml")),
            "unsupported_content_type",
            "datacontenttype",
        ),
        (b"{", binary_headers(), "not_json", "data"),
        (b"\xff", binary_headers(), "not_utf8", "data"),
        (b"[1]", binary_headers(), "data_not_an_object", "data"),
        (b"{}", binary_headers(id=None), "missing_field", "id"),
        (b"{}", binary_headers(time=None), "missing_field", "time"),
        (b"{}", binary_headers(subject=""), "empty_field", "subject"),
        (b"{}", binary_headers(sequence=""), "empty_field", "sequence"),
        (b"{}", binary_headers(specversion=None), "missing_field", "specversion"),
        (b"{}", binary_headers(specversion="1.1"), "unsupported_version", "specversion"),
        (b"{}", (*binary_headers(), ("ce_id", b"e2")), "repeated_attribute", "id"),
        (b"{}", (*binary_headers(subject=None), ("ce_subject", b"\xff")), "not_utf8", "subject"),
        (
            b"<x/>",
            (*binary_headers(), ("content-type", b"text/xml")),
            "unsupported_content_type",
            "datacontenttype",
        ),
        (b"[]", (("content-type", b"application/cloudevents-batch+json"),), "batched", "content-type"),
        (b"x", (("content-type", b"application/cloudevents+avro"),), "unsupported_format", "content-type"),
    ],
)
def test_binary_records_and_formats_that_are_refused(
    body: bytes | None, headers: Headers, reason: str, field: str | None
) -> None:
    fault = refusal(body, headers)
    assert (fault.reason, fault.field) == (reason, field)


def test_a_large_body_is_refused_before_it_is_read() -> None:
    assert refusal(b"{" * (2 * 1024 * 1024)).reason == "too_large"
    assert refusal(body_of(), max_body_bytes=20).message.startswith(
        f"the body has {len(body_of())} bytes, more than the 20 allowed; send a reference instead"
    )


def test_base64_data_that_is_refused() -> None:
    data = base64.b64encode(json.dumps(EVENT["data"]).encode()).decode()
    assert refusal(body_of(data_base64=data)).reason == "data_twice"
    assert refusal(body_of(data=..., data_base64="%%")).reason == "bad_base64"
    assert refusal(body_of(data=..., data_base64=7)).reason == "not_text"
    assert refusal(body_of(data=..., data_base64=base64.b64encode(b"<x/>").decode())).reason == "not_json"
