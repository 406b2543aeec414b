"""Reads one record into a touchpoint: CloudEvents 1.0, structured or binary, or a plain JSON line.

What it is: a pure reader of bytes and headers, used by every intake (Kafka, files, standard input, HTTP).
What it is not: a judge of content. Whether the policy knows the type and whether the data fit is the engine's
business.

Which mode a record is in, in this order:

1. a `content-type` header that starts with `application/cloudevents` (any case): the body is the event;
2. any header whose name starts with `ce_`: binary, the headers are the attributes and the body is the data;
3. neither: the body is read as the event too. JSON lines, kcat without headers and plain producers send this.

What is read: `specversion`, `id`, `source`, `type`, `subject`, `time`, `sequence`, `datacontenttype`, data.
Every other attribute is an extension and does not count; one that is null counts as left out (CloudEvents' JSON
format). An attribute may stand twice where both say the same, as the JavaScript SDK sends the content type; `time` is
read as every time in the data is (moment.py). This path is hot: `_read_text` tries the common case first.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import simplejson

from lifecycle import canonical_json
from lifecycle.errors import Unreadable
from lifecycle.moment import parse_time
from lifecycle.record import Fault, Headers, Place, Record
from lifecycle.touchpoint import EARLIEST, LATEST, MAX_ID_BYTES, Touchpoint

ATTRIBUTE_PREFIX = "ce_"
CONTENT_TYPE = "content-type"
STRUCTURED_TYPE = "application/cloudevents"
BATCH_TYPE = "application/cloudevents-batch"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is read. `max_body_bytes` counts the body alone, before anything is parsed."""

    max_body_bytes: int = 1024 * 1024


DEFAULT_LIMITS = Limits()


def read_record(
    place: Place,
    body: bytes | None,
    key: bytes | None = None,
    headers: Headers = (),
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Record:
    """Read one record as it arrived; never raises for anything that stands in it.

    Returns a Record with the touchpoint, or with the fault that says why there is none, and in both cases the
    original bytes. `body` None is Kafka's null value (a tombstone); the Record then has an empty body.
    """
    original = b"" if body is None else body
    try:
        return Record(place, original, read_event(body, headers, limits=limits), None, key, headers)
    except Unreadable as error:
        return Record(place, original, None, Fault(error.reason, error.field, error.message), key, headers)


def read_event(body: bytes | None, headers: Headers = (), *, limits: Limits = DEFAULT_LIMITS) -> Touchpoint:
    """Read one CloudEvent into a touchpoint; the module says how the mode is found.

    Raises Unreadable with one of these reasons: `too_large`, `tombstone`, `empty_body`, `not_utf8`,
    `not_json`, `ambiguous_json` (duplicate keys, NaN, lone surrogates, excessive numbers or nesting),
    `not_an_object`, `batched`, `unsupported_format`, `repeated_attribute`, `missing_field`, `empty_field`,
    `not_text`, `too_long`, `control_character`, `unsupported_version`, `bad_time`, `time_out_of_range`,
    `unsupported_content_type`, `data_not_an_object`, `data_twice`, `bad_base64`.
    """
    if body is not None and len(body) > limits.max_body_bytes:
        sentence = (
            f"the body has {len(body)} bytes, more than the {limits.max_body_bytes} allowed; "
            "send a reference instead, or raise LIFECYCLE_MAX_BODY_BYTES"
        )
        raise Unreadable("too_large", None, sentence)
    if headers and _is_binary(headers):
        return _read_binary(body, headers)
    if body is None:
        raise Unreadable("tombstone", None, _TOMBSTONE)
    return _read_structured(body)


def _is_binary(headers: Headers) -> bool:
    has_attributes = False
    for name, value in headers:
        lowered = name.lower()
        if lowered == CONTENT_TYPE:
            if _is_event_type(value):
                return False
        elif lowered.startswith(ATTRIBUTE_PREFIX):
            has_attributes = True
    return has_attributes


@lru_cache(maxsize=256)
def _is_event_type(value: bytes) -> bool:
    """Tell whether the body is an event by this content type; raises Unreadable when we cannot read it."""
    media_type = value.decode("utf-8", "replace").partition(";")[0].strip().lower()
    if not media_type.startswith(STRUCTURED_TYPE):
        return False
    if media_type.startswith(BATCH_TYPE):
        sentence = f"{media_type} holds several events in one record; send each as a record of its own"
        raise Unreadable("batched", CONTENT_TYPE, sentence)
    if media_type not in (STRUCTURED_TYPE, f"{STRUCTURED_TYPE}+json"):
        sentence = f"events are read as {STRUCTURED_TYPE}+json, got {media_type[:80]}"
        raise Unreadable("unsupported_format", CONTENT_TYPE, sentence)
    return True


def _read_structured(body: bytes) -> Touchpoint:
    event = _read_json(body, None)
    if type(event) is not dict:
        raise Unreadable("not_an_object", None, f"wanted a JSON object, got {_kind(event)}")
    data = _read_base64(event) if "data_base64" in event else event.get("data")
    _check_data_type(event.get("datacontenttype"))
    return _touchpoint(event, data)


def _read_binary(body: bytes | None, headers: Headers) -> Touchpoint:
    # A null value with attributes is an event without data (Kafka binding 1.0.2); a tombstone has none.
    attributes: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        attribute = "datacontenttype" if lowered == CONTENT_TYPE else lowered.removeprefix(ATTRIBUTE_PREFIX)
        if attribute == lowered or attribute not in _ATTRIBUTES:
            continue
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError as error:
            sentence = f"header {lowered} is not UTF-8 at byte {error.start}: {value[:80]!r}"
            raise Unreadable("not_utf8", attribute, sentence) from error
        if attribute == "datacontenttype":
            # However many there are and however they are spelled: each must say JSON.
            _check_data_type(text)
        elif attributes.setdefault(attribute, text) != text:
            sentence = (
                f"header {lowered} stands twice, with other values: {attributes[attribute][:80]!r}, {text[:80]!r}"
            )
            raise Unreadable("repeated_attribute", attribute, f"{sentence}; send one of them")
    return _touchpoint(attributes, _read_json(body, "data") if body else None)


def _touchpoint(event: dict[str, Any], data: Any) -> Touchpoint:
    get = event.get
    if get("specversion") != "1.0":
        got = _given(event, "specversion")
        sentence = f'specversion must be the text "1.0" (CloudEvents 1.0), got {str(got)[:80]!r}'
        raise Unreadable("unsupported_version", "specversion", sentence)
    if data is None:
        data = {}
    elif type(data) is not dict:
        raise Unreadable("data_not_an_object", "data", f"data must be a JSON object, got {_kind(data)}")
    sequence = get("sequence")
    return Touchpoint(
        _read_text(get("subject") or _given(event, "subject"), "subject"),
        _read_text(get("source") or _given(event, "source"), "source"),
        _read_text(get("id") or _given(event, "id"), "id"),
        _read_text(get("type") or _given(event, "type"), "type"),
        _read_time(get("time") or _given(event, "time")),
        None if sequence is None else _read_sequence(sequence),
        data,
    )


_WHY = {"time": "it says when the touchpoint occurred", "specversion": 'it must be the text "1.0"'}


def _given(event: dict[str, Any], attribute: str) -> Any:
    """Return a required attribute; raises Unreadable where it is not there, or null, which counts as that."""
    if (value := event.get(attribute)) is None:
        got, why = "null" if attribute in event else "missing", _WHY.get(attribute, "every touchpoint needs it")
        raise Unreadable("missing_field", attribute, f"{attribute} is {got}; {why}")
    return value


_TOMBSTONE = "the record has neither a value nor ce_ headers (a tombstone); a touchpoint cannot be unsaid"
_ATTRIBUTES = frozenset(("specversion", "id", "source", "type", "subject", "time", "sequence", "datacontenttype"))


def _read_json(body: bytes, field: str | None) -> Any:
    if not body or body.isspace():
        raise Unreadable("empty_body", field, "the record is empty; wanted a CloudEvent as a JSON object")
    try:
        return canonical_json.loads(body)
    except canonical_json.NotCanonical as error:
        raise Unreadable(_json_reason(error), field, str(error)) from error


def _json_reason(error: canonical_json.NotCanonical) -> str:
    cause = error.__cause__
    if isinstance(cause, UnicodeDecodeError):
        return "not_utf8"
    return "not_json" if isinstance(cause, simplejson.JSONDecodeError) else "ambiguous_json"


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def _read_text(value: Any, field: str) -> str:
    # A text of up to 64 characters has at most 256 bytes; a printable one has no control characters.
    if type(value) is str and 0 < len(value) <= MAX_ID_BYTES // 4 and value.isprintable():
        return value
    if type(value) is not str:
        raise Unreadable("not_text", field, f"{field} must be text, got {_kind(value)}; put it in quotes")
    if not value:
        raise Unreadable("empty_field", field, f"{field} is empty; every touchpoint needs it")
    size = len(value.encode("utf-8"))
    if size > MAX_ID_BYTES:
        sentence = f"{field} has {size} bytes, more than the {MAX_ID_BYTES} allowed: {value[:40]!r}..."
        raise Unreadable("too_long", field, sentence)
    control = _CONTROL.search(value)
    if control:
        sentence = f"{field} holds the control character U+{ord(control[0]):04X}: {value[:80]!r}"
        raise Unreadable("control_character", field, sentence)
    return value


def _read_sequence(value: Any) -> str:
    # Producers number their events in JSON as they like; a whole number counts as its digits.
    return _read_text(str(value) if type(value) is int else value, "sequence")


def _read_time(value: Any) -> datetime:
    at = parse_time(value)
    if at is None:
        return _refuse_time(value)
    return at if EARLIEST <= at < LATEST else _out_of_range(value)


_LEAP_SECOND = re.compile(r"[Tt][0-9]{2}:[0-9]{2}:60")


def _refuse_time(value: Any) -> datetime:
    if type(value) is not str:
        raise Unreadable("not_text", "time", f"time must be text as in 2026-03-01T09:30:00Z, got {_kind(value)}")
    if value[:4] in ("0001", "9999") and parse_time(f"2001{value[4:]}"):
        # A right time whose offset leads out of all years that there are.
        return _out_of_range(value)
    sentence = f"wanted a time as in 2026-03-01T09:30:00Z (RFC 3339, with Z or an offset), got {value[:80]!r}"
    if _LEAP_SECOND.search(value):
        sentence += "; a second of 60 cannot be kept: send second 59, or the next second"
    raise Unreadable("bad_time", "time", sentence)


def _out_of_range(value: str) -> datetime:
    sentence = (
        f"the time {value} lies outside {EARLIEST.year} to {LATEST.year - 1}; "
        "send when the touchpoint occurred, not a date that stands for `unknown` or `never`"
    )
    raise Unreadable("time_out_of_range", "time", sentence)


def _read_base64(event: dict[str, Any]) -> Any:
    text = event["data_base64"]
    if text is None:
        return event.get("data")
    if event.get("data") is not None:
        raise Unreadable("data_twice", "data_base64", "both data and data_base64 are given; send one of them")
    if type(text) is not str:
        raise Unreadable("not_text", "data_base64", f"data_base64 must be text, got {_kind(text)}")
    try:
        body = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("bad_base64", "data_base64", f"data_base64 is not base64: {error}") from error
    return _read_json(body, "data_base64") if body else None


@lru_cache(maxsize=256)
def _is_json_type(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def _check_data_type(content_type: Any) -> None:
    if content_type is None or content_type == "application/json":
        return
    if type(content_type) is not str or not _is_json_type(content_type):
        sentence = f"data is read as application/json, got {str(content_type)[:80]!r}"
        raise Unreadable("unsupported_content_type", "datacontenttype", sentence)


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true or false"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    return "text" if isinstance(value, str) else f"the number {str(value)[:40]}"
