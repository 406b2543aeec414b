"""What the left side of a guard can be: its kind of value, and which values of a policy can ever equal or bound one.

Pure; called by the modules that load facts and guards. What is read at run time stands in compiled/guards.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lifecycle.rules.language.policy import FieldKind, Literal_, parse_money
from lifecycle.rules.language.schedule import parse_day, parse_time

ValueKind = Literal["flag", "number", "money", "time", "date", "text", "words", "set"]

KINDS_SAID = {
    "flag": "true or false",
    "number": "a number",
    "money": "an amount such as 100 EUR",
    "date": 'a date such as "2026-03-02"',
    "time": 'a time such as "2026-03-02T10:00:00Z" or a date',
}
"""What is wanted of a value beside one of each kind; of the others: a text."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a left side of a guard can be. `words`: the possible words, where known. `holds`: kinds of what a set holds.

    `field` is the kind of field where a guard sees no more than a text, and a calendar must know: zone, country.
    """

    kind: ValueKind
    words: tuple[str, ...] = ()
    field: Literal["", "zone", "country"] = ""
    holds: tuple[ValueKind, ...] = ()


def field_value(kind: FieldKind) -> Value:
    """Return what a guard may do with a field of this kind."""
    if kind.kind in ("whole", "number"):
        return Value("number")
    if kind.kind == "yes_or_no":
        return Value("flag")
    if kind.kind in ("money", "date", "time"):
        return Value(kind.kind)
    if kind.kind == "zone" or kind.kind == "country":
        return Value("text", field=kind.kind)
    return Value("words", kind.words) if kind.kind == "words" else Value("text")


def common_value(values: Iterable[Value]) -> Value | None:
    """Return the one kind that several values are of, with the words of all; None where they differ."""
    found = list(dict.fromkeys(values))
    if len(found) == 1:
        return found[0]
    kinds = {value.kind for value in found}
    if kinds == {"words"}:
        return Value("words", tuple(dict.fromkeys(word for value in found for word in value.words)))
    if kinds <= {"words", "text"} and kinds:
        return Value("text")
    return found[0] if len(kinds) == 1 else None


def literal_of(got: Literal_, value: Value) -> Literal_ | None:
    """Return a plain value as one of this kind, or None where it can never equal or bound one."""
    if value.kind == "flag":
        return got if isinstance(got, bool) else None
    if value.kind == "number":
        return got if isinstance(got, int | Decimal) and not isinstance(got, bool) else None
    if not isinstance(got, str):
        return None
    if value.kind == "money":
        return parse_money(got)
    if value.kind == "date":
        return got if parse_day(got) else None
    if value.kind == "time":
        return got if parse_day(got) or parse_time(got) else None
    return got
