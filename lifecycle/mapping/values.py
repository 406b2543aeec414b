"""One value of a touchpoint out of the columns of a row: texts with columns in them, and each kind of field.

Whatever could be read in two ways is refused, with what was wanted and what there was. Called by convert.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from lifecycle.errors import Unreadable
from lifecycle.mapping.model import RULE, Change, FieldValue, Figures, Template, Words
from lifecycle.mapping.times import day_reader, moment_reader
from lifecycle.rules.language.vocabulary import is_country, is_zone
from lifecycle.task import rfc3339
from lifecycle.touchpoint import MAX_ID_BYTES

Fields = list[str]
"""The columns of a row, and after them the number of the row as text."""

Index = dict[str, int]
"""Column -> its place among the fields."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_GROUPS = {" ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]"}
"""How a separator of thousands is written besides: blanks that do not break, and the curved one."""

_CHANGES: dict[Change, Callable[[str], str]] = {"trim": str.strip, "lower": str.lower, "upper": str.upper}


def identifier(field: str, text: str) -> str:
    """Return an id as it is. Raises Unreadable for what is no id."""
    if not text or text.isspace():
        raise Unreadable("empty", field, f"{field} is empty.")
    if _CONTROL.search(text):
        raise Unreadable("control_character", field, f"{field} {text[:40]!r} holds a control character.")
    if len(text) * 4 > MAX_ID_BYTES and len(text.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES:
        raise Unreadable("too_long", field, f"{field} {text[:40]!r}... is longer than {MAX_ID_BYTES} bytes.")
    return text


def text_reader(template: Template, index: Index) -> Callable[[Fields], str]:
    """Return what puts the columns of a row into a text."""
    parts, changes = template.parts, template.changes
    if len(parts) == 1:
        constant = parts[0]
        return lambda fields: constant
    assert RULE not in parts[1::2]  # the loader has written it out
    if len(parts) == 3 and not changes[0]:
        before, at, after = parts[0], index[parts[1]], parts[2]
        if not before and not after:
            return lambda fields: fields[at]
        return lambda fields: f"{before}{fields[at]}{after}"
    pieces = tuple(
        (parts[2 * at], index[parts[2 * at + 1]], tuple(_CHANGES[each] for each in changed))
        for at, changed in enumerate(changes)
    )
    last = parts[-1]

    def read(fields: Fields) -> str:
        made: list[str] = []
        for before, at, changed in pieces:
            column = fields[at]
            for change in changed:
                column = change(column)
            made += (before, column)
        return "".join(made) + last

    return read


def value_reader(value: FieldValue, index: Index) -> Callable[[Fields], Any]:
    """Return what reads one field of the data; it gives None where an empty one is left out."""
    text = text_reader(value.text, index)
    name, may_be_empty, default = value.name, value.may_be_empty, value.default
    if value.kind == "text" and len(value.text.parts) == 1:
        return text
    read = _reader(value, index)
    empty_is_a_word = value.words is not None and "" in value.words.yes | value.words.no

    def checked(fields: Fields) -> Any:
        got = text(fields)
        if (not got or got.isspace()) and not empty_is_a_word:
            if may_be_empty:
                return None
            if default is None:
                advice = "Write empty: left_out if it may be, or a default:."
                raise Unreadable("empty", name, f"{name} is empty. {advice}")
            got = default
        return read(got, fields)

    return checked


def _reader(value: FieldValue, index: Index) -> Callable[[str, Fields], Any]:
    name = value.name
    if value.kind in ("text", "zone", "country"):
        return lambda got, fields: _word(value, got)
    if value.kind == "id":
        return lambda got, fields: identifier(name, got)
    if value.kind == "yes_or_no":
        return lambda got, fields: _yes_or_no(name, got, value.words)
    if value.kind == "date":
        day = day_reader(name, value.format)
        return lambda got, fields: day(got).isoformat()
    if value.kind == "time":
        assert value.time is not None  # the loader reads it
        moment = moment_reader(value.time)
        return lambda got, fields: rfc3339(moment(got))
    number = _number_reader(name, value.figures)
    if value.kind == "money":
        assert value.currency is not None  # the loader demands it
        currency = text_reader(value.currency, index)
        return lambda got, fields: _money(name, number(got), currency(fields))
    if value.kind == "whole":
        return lambda got, fields: _whole(name, got, number(got))
    return lambda got, fields: number(got)


def _word(value: FieldValue, got: str) -> str:
    if value.kind == "zone" and not is_zone(got):
        wanted = "a time zone such as Europe/Vienna"
    elif value.kind == "country" and not is_country(got):
        wanted = "a country of two capital letters such as AT"
    else:
        return got
    raise Unreadable("bad_word", value.name, f'{value.name} is "{got[:40]}"; wanted {wanted}.')


def _number_reader(name: str, figures: Figures) -> Callable[[str], int | Decimal]:
    """Return what reads a number as the mapping says it is written.

    Of the two separators one says what the other is: a file with thousands by dots has a comma before decimals.
    """
    decimal, thousands = figures.decimal, figures.thousands
    said = decimal is not None or thousands in (".", ",")
    decimal = decimal or ("," if thousands == "." else ".")
    between = "" if thousands is None else _GROUPS.get(thousands, re.escape(thousands))
    grouped = rf"[0-9]{{1,3}}(?:{between}[0-9]{{3}})+|" if between else ""
    pattern = re.compile(rf"([+-]?)({grouped}[0-9]{{1,300}})(?:{re.escape(decimal)}([0-9]{{1,300}}))?\Z")
    example = f"12 or 12{decimal}50"

    def read(got: str) -> int | Decimal:
        match = pattern.match(got.strip())
        if match is None:
            advice = (
                ""
                if said or not re.search(r"[0-9][.,' ][0-9]", got)
                else " Say decimal: and thousands: in the mapping."
            )
            raise Unreadable("bad_number", name, f'{name} is "{got[:40]}"; wanted a number such as {example}.{advice}')
        sign, whole, fraction = match[1], re.sub(r"[^0-9]", "", match[2]), match[3] or ""
        # Nobody can tell whether 1.234 is a thousand or a little more than one.
        if not said and len(fraction) == 3 and len(whole) <= 3 and whole[0] != "0":
            advice = 'Say decimal: "." or thousands: "." in the mapping.'
            message = f'{name} is "{got[:40]}", which can be read with thousands or with decimals. {advice}'
            raise Unreadable("unclear_number", name, message)
        fraction = fraction.rstrip("0")
        return Decimal(f"{sign}{whole}.{fraction}") if fraction else int(sign + whole)

    return read


def _whole(name: str, got: str, number: int | Decimal) -> int:
    if not isinstance(number, int):
        raise Unreadable("bad_number", name, f'{name} is "{got[:40]}"; wanted a whole number.')
    return number


def _money(name: str, number: int | Decimal, currency: str) -> str:
    if not _CURRENCY.match(currency):
        message = f'The currency of {name} is "{currency[:20]}"; wanted such as EUR.'
        raise Unreadable("bad_currency", name, message)
    return f"{number:f} {currency}" if isinstance(number, Decimal) else f"{number} {currency}"


def _yes_or_no(name: str, got: str, words: Words | None) -> bool:
    if words is None:
        if got.lower() in ("true", "false"):
            return got.lower() == "true"
        wanted = "true or false, or words that the mapping names under says_yes: and says_no:"
        raise Unreadable("bad_word", name, f'{name} is "{got[:40]}"; wanted {wanted}.')
    if got in words.yes or got in words.no:
        return got in words.yes
    wanted = f"{', '.join(sorted(words.yes))} or {', '.join(sorted(words.no))}"
    raise Unreadable("bad_word", name, f'{name} is "{got[:40]}"; wanted {wanted[:200]}.')
