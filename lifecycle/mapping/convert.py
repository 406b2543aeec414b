"""One row of columns to the touchpoints that its rules make of it, as lines of canonical JSON.

Rules are compiled once into closures and found through a table of the column that they share, because a
file has hundreds of thousands of rows. It reads no file and writes none. Called by run.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from lifecycle import canonical_json
from lifecycle.errors import Unreadable
from lifecycle.mapping.model import ISO, ROW, STAMP, FieldValue, ImportMapping, Rule, Template, TimeForm
from lifecycle.task import rfc3339
from lifecycle.touchpoint import EARLIEST, LATEST, MAX_ID_BYTES

Fields = list[str]
"""The columns of a row, and after them the number of the row as text."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"([+-]?)([0-9]{1,300})(?:\.([0-9]{1,300}))?\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_TIMES_KEPT = 8192


class Converter:
    """The rules of a mapping, compiled for the columns of one file."""

    def __init__(self, mapping: ImportMapping, columns: tuple[str, ...]) -> None:
        """Compile. Every column that the mapping names is known to be among `columns`."""
        index = {name: at for at, name in enumerate(columns)} | {ROW: len(columns)}
        self._identity = _text(mapping.id, index)
        compiled = [_CompiledRule(rule, mapping.source, index) for rule in mapping.rules]
        shared = [set(rule.tests) for rule in compiled]
        common = sorted(set.intersection(*shared)) if shared else []
        # Without a column that every rule tests, all of them are tried on every row.
        self._by = common[0] if common else None
        self._all = tuple(compiled)
        self._table: dict[str, tuple[_CompiledRule, ...]] = {}
        if self._by is not None:
            for value in sorted(set().union(*(rule.tests[self._by] for rule in compiled))):
                self._table[value] = tuple(rule for rule in compiled if value in rule.tests[self._by])

    def convert(self, fields: Fields, number: int) -> list[tuple[str, bytes]]:
        """Return (name of rule, line) for every rule that fits, in the order of the rules; may be empty.

        Raises Unreadable when one of them cannot be made: then the row gives none.
        """
        candidates = self._all if self._by is None else self._table.get(fields[self._by])
        if not candidates:
            return []
        fitting = [rule for rule in candidates if rule.fits(fields)]
        if not fitting:
            return []
        fields = [*fields, str(number)]
        identity = self._identity(fields)
        made = []
        for place, rule in enumerate(fitting):
            own = identity if place == 0 else f"{identity}-{rule.name}"
            made.append((rule.name, rule.line(fields, _identifier("id", own))))
        return made


class _CompiledRule:
    def __init__(self, rule: Rule, source: str, index: dict[str, int]) -> None:
        self.name = rule.name
        self.tests = {index[test.column]: test.values for test in rule.when}
        self._tests = tuple(self.tests.items())
        self._fixed = {"source": source, "specversion": "1.0", "type": rule.type}
        self._subject = _text(rule.subject, index)
        self._time = _time(rule.time, index)
        self._sequence = _text(rule.sequence, index) if rule.sequence else None
        self._data = tuple((value.name, _value(value, index)) for value in rule.data)

    def fits(self, fields: Fields) -> bool:
        return all(fields[column] in values for column, values in self._tests)

    def line(self, fields: Fields, identity: str) -> bytes:
        event: dict[str, Any] = dict(self._fixed)
        event["id"] = identity
        event["subject"] = _identifier("subject", self._subject(fields))
        event["time"] = self._time(fields)
        if self._sequence is not None and (sequence := self._sequence(fields)):
            event["sequence"] = _identifier("sequence", sequence)
        data = {name: value for name, read in self._data if (value := read(fields)) is not None}
        event["data"] = data
        try:
            return canonical_json.dumps(event).encode("utf-8") + b"\n"
        except UnicodeEncodeError as error:
            message = "The row holds bytes that are no text in this encoding. Name the encoding: of the file."
            raise Unreadable("encoding", None, message) from error


def _identifier(field: str, text: str) -> str:
    if not text:
        raise Unreadable("empty", field, f"{field} is empty.")
    if _CONTROL.search(text):
        raise Unreadable("control_character", field, f"{field} {text[:40]!r} holds a control character.")
    if len(text) * 4 > MAX_ID_BYTES and len(text.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES:
        raise Unreadable("too_long", field, f"{field} {text[:40]!r}... is longer than {MAX_ID_BYTES} bytes.")
    return text


def _text(template: Template, index: dict[str, int]) -> Callable[[Fields], str]:
    parts = template.parts
    if len(parts) == 1:
        constant = parts[0]
        return lambda fields: constant
    if len(parts) == 3:
        before, at, after = parts[0], index[parts[1]], parts[2]
        if not before and not after:
            return lambda fields: fields[at]
        return lambda fields: f"{before}{fields[at]}{after}"
    pieces = tuple((parts[at], index[parts[at + 1]]) for at in range(0, len(parts) - 1, 2))
    last = parts[-1]
    return lambda fields: "".join([text + fields[column] for text, column in pieces]) + last


def _time(form: TimeForm, index: dict[str, int]) -> Callable[[Fields], str]:
    text = _text(form.text, index)
    zone = None if form.zone == STAMP else ZoneInfo(form.zone) if form.zone != "UTC" else UTC
    column, pattern, ignore = form.text.parts[1], form.format, form.ignore_offset

    # Dates repeat, so the same stamp is read once; the number kept is bounded.
    @lru_cache(maxsize=_TIMES_KEPT)
    def read(stamp: str) -> str:
        try:
            at = datetime.fromisoformat(stamp) if pattern == ISO else datetime.strptime(stamp, pattern)  # noqa: DTZ007 - the zone follows below
        except ValueError as error:
            wanted = "ISO 8601" if pattern == ISO else pattern
            message = f'The time "{stamp[:40]}" cannot be read; wanted {wanted}.'
            raise Unreadable("bad_time", column, message) from error
        if ignore:
            at = at.replace(tzinfo=None)
        if at.tzinfo is None and zone is None:
            message = f'The time "{stamp[:40]}" has no offset. Name its zone in the mapping.'
            raise Unreadable("bad_time", column, message)
        if at.tzinfo is not None and zone is not None:
            advice = "Write zone: stamp, or offset: ignored."
            message = f'The time "{stamp[:40]}" has an offset and the mapping a zone. {advice}'
            raise Unreadable("bad_time", column, message)
        try:
            at = (at if zone is None else at.replace(tzinfo=zone)).astimezone(UTC)
        except OverflowError:
            at = datetime.max.replace(tzinfo=UTC)
        if not EARLIEST <= at < LATEST:
            message = f'The time "{stamp[:40]}" is not between {EARLIEST.year} and {LATEST.year}.'
            raise Unreadable("bad_time", column, message)
        return rfc3339(at)

    return lambda fields: read(text(fields))


def _value(value: FieldValue, index: dict[str, int]) -> Callable[[Fields], Any]:
    """Return what reads one field of the data; it gives None where an empty one is left out."""
    text = _text(value.text, index)
    name, may_be_empty = value.name, value.may_be_empty
    if value.kind == "text" and len(value.text.parts) == 1:
        return text
    read = _reader(value, index)

    def checked(fields: Fields) -> Any:
        got = text(fields)
        if not got:
            if may_be_empty:
                return None
            raise Unreadable("empty", name, f"{name} is empty. Write empty: left_out if it may be.")
        return read(got, fields)

    return checked


def _reader(value: FieldValue, index: dict[str, int]) -> Callable[[str, Fields], Any]:
    name = value.name
    if value.kind == "text":
        return lambda got, fields: got
    if value.kind == "id":
        return lambda got, fields: _identifier(name, got)
    if value.kind == "yes_or_no":
        return lambda got, fields: _yes_or_no(name, got)
    if value.kind == "money":
        assert value.currency is not None  # the loader demands it
        currency = _text(value.currency, index)
        return lambda got, fields: _money(name, got, currency(fields))
    if value.kind == "whole":
        return lambda got, fields: _whole(name, got)
    return lambda got, fields: _number(name, got)


def _number(name: str, got: str) -> int | Decimal:
    match = _NUMBER.match(got.strip())
    if match is None:
        raise Unreadable("bad_number", name, f'{name} is "{got[:40]}"; wanted a number such as 12 or 12.50.')
    sign, whole, fraction = match[1], match[2], (match[3] or "").rstrip("0")
    return Decimal(f"{sign}{whole}.{fraction}") if fraction else int(sign + whole)


def _whole(name: str, got: str) -> int:
    number = _number(name, got)
    if not isinstance(number, int):
        raise Unreadable("bad_number", name, f'{name} is "{got[:40]}"; wanted a whole number.')
    return number


def _money(name: str, got: str, currency: str) -> str:
    if not _CURRENCY.match(currency):
        message = f'The currency of {name} is "{currency[:20]}"; wanted such as EUR.'
        raise Unreadable("bad_currency", name, message)
    return f"{_number(name, got)} {currency}"


def _yes_or_no(name: str, got: str) -> bool:
    if got not in ("true", "false"):
        raise Unreadable("bad_word", name, f'{name} is "{got[:40]}"; wanted true or false.')
    return got == "true"
