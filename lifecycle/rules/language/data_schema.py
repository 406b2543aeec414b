"""JSON Schema (2020-12) of the data of each touchpoint type, for those who send touchpoints.

It says what vocabulary.py says, but for what JSON Schema cannot: 256 *bytes* of an id (here 256 characters), the
limit of a date that counts from the touchpoint, which zones are known, and where the range of times ends to the
hour. There the engine is the stricter one. Called by the command line; pure.
"""

from __future__ import annotations

from typing import Any

from lifecycle.moment import MAX_TIME_CHARACTERS
from lifecycle.rules.language.policy import FieldKind, Policy, TouchpointType
from lifecycle.rules.language.vocabulary import NO_ZONES
from lifecycle.touchpoint import MAX_ID_BYTES

Schema = dict[str, Any]

_LEAP_YEAR = "(19(0[48]|[2468][048]|[13579][26])|2[0-8](0[48]|[2468][048]|[13579][26])|2000|2400|2800)"
_DAY = (
    "((19|2[0-8])[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    f"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
# A time in another zone may be written with the year before or after the range.
_EDGE = "(1899-12-31|2900-01-01)"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
_ZONE = "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"

_KINDS: dict[str, Schema] = {
    "id": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_ID_BYTES,
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
        "description": f"An id: at most {MAX_ID_BYTES} bytes of UTF-8, no control characters.",
    },
    "text": {"type": "string", "description": "A text."},
    "whole": {"type": "integer", "description": "A whole number, written without a fraction."},
    "number": {"type": "number", "description": "A number."},
    "money": {
        "type": "string",
        "pattern": r"^-?[0-9]{1,30}(\.[0-9]{1,12})? [A-Z]{3}$",
        "description": "An amount and its currency.",
        "examples": ["100.00 EUR"],
    },
    "yes_or_no": {"type": "boolean", "description": "true or false."},
    "date": {"type": "string", "pattern": f"^{_DAY}$", "description": "A date.", "examples": ["2026-03-02"]},
    "time": {
        "type": "string",
        "maxLength": MAX_TIME_CHARACTERS,
        "pattern": f"^({_DAY}|{_EDGE})[Tt]{_CLOCK}{_ZONE}$",
        "description": "A time with its zone (RFC 3339). Digits beyond the microsecond are cut off; "
        "a second of 60 is refused.",
        "examples": ["2026-03-02T10:00:00Z"],
    },
    "zone": {
        "type": "string",
        "pattern": "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
        "not": {"enum": list(NO_ZONES)},
        "description": "A time zone by its IANA name.",
        "examples": ["Europe/Vienna"],
    },
    "country": {"type": "string", "pattern": "^[A-Z]{2}$", "description": "A country.", "examples": ["AT"]},
    "task_id": {
        "type": "string",
        "pattern": "^[0-9a-f]{20}-[0-9a-f]{24}$",
        "description": "The id of a task, as its messages name it.",
    },
}
_KINDS["until"] = {
    "anyOf": [_KINDS["date"], _KINDS["time"]],
    "description": "A date, or a time with its zone (RFC 3339), after the touchpoint.",
}


def type_schemas(policy: Policy) -> dict[str, Schema]:
    """Return the schema of the data of each touchpoint type, in the order of the policy."""
    return {name: _type_schema(declared) for name, declared in policy.types.items()}


def _type_schema(declared: TouchpointType) -> Schema:
    fields = {name: _field(kind) for name, kind in declared.required.items()}
    # A field that may be missing may be null, which the engine takes for missing.
    fields |= {name: {"anyOf": [_field(kind), {"type": "null"}]} for name, kind in declared.optional.items()}
    schema: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": declared.name,
        "type": "object",
        "properties": fields,
        "required": list(declared.required),
        "additionalProperties": True,
    }
    return {**schema, "description": declared.means} if declared.means else schema


def _field(kind: FieldKind) -> Schema:
    if kind.kind == "words":
        return {"enum": list(kind.words), "description": "One of these words."}
    schema = _KINDS[kind.kind]
    if kind.within is None:
        return schema
    return {**schema, "description": f"A date, at most {kind.within} after the touchpoint."}
