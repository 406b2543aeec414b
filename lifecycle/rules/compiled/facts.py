"""What is remembered about a person: how each kind of fact takes in a touchpoint, and how it is read.

Facts live in a snapshot in raw, JSON-ready form, so that a snapshot needs no knowledge of the policy:

    ever         true                                count        a number, or a window
    first, last  the field, or microseconds          sum          decimal text; {currency: decimal text}; a window
    set          a sorted list of words

A window of whole days (windows.py) keeps one total for each day of the calendar's zone ({"2026-03-02": total}); a
shorter one keeps single entries ([[microseconds, amount], ...], at most WINDOW_ENTRIES).
What is no single value, or none that can be added, is left out: a log holds touchpoints that were accepted
under another policy, whose vocabulary did not ask for what this one does.
Windows are pruned by the touchpoint that is taken in, never by the time of asking, so that they are a
function of the touchpoints alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

from lifecycle.instant import Instant, from_microseconds, microseconds
from lifecycle.rules.language.calendar_steps import CalendarSteps
from lifecycle.rules.language.policy import Fact, parse_money
from lifecycle.rules.language.schedule import parse_day, parse_time
from lifecycle.rules.language.vocabulary import is_country, is_zone
from lifecycle.rules.language.windows import Window
from lifecycle.rules.state.texts import SET_BYTES, SET_TEXT_BYTES, TEXT_BYTES, cut, size, size_of

WINDOW_ENTRIES = 1_000
"""Most single entries a short window keeps; the oldest give way."""

SET_WORDS = 1_000
"""Most words a set keeps; later ones are left out."""

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:E[-+]?[0-9]{1,3})?")

_EXACT = Context(prec=4_000)
"""Sums are exact: numbers have some hundred digits before and after the point (canonical_json), never so many."""

Raw = Any
Data = Mapping[str, Any]
Take = Callable[[Raw, Data, Instant], Raw]
"""(raw before or None, data of the touchpoint, when it occurred) -> raw after."""


def taker(fact: Fact, type_name: str, field_kind: str | None, steps: CalendarSteps) -> Take:
    """Return how a fact takes in a touchpoint of this type. The raw value before it may be changed in place.

    `field_kind` is the kind of the field remembered (None: no field); a `text` is kept within the bounds of texts.py.
    `steps`: whose days a window counts.
    """
    if field_kind == "text" and fact.kind in ("first", "last", "set"):
        return _text_taker(fact, fact.fields[type_name])
    return _value_taker(fact, fact.fields[type_name], steps)


def _value_taker(fact: Fact, field: str, steps: CalendarSteps) -> Take:
    if fact.kind == "ever":
        return lambda raw, data, at: True
    if fact.kind == "last":
        if not field:
            return lambda raw, data, at: at
        return lambda raw, data, at: _plain(data.get(field), raw)
    if fact.kind == "first":
        if not field:
            return lambda raw, data, at: at if raw is None else raw
        return lambda raw, data, at: _plain(data.get(field), None) if raw is None else raw
    if fact.kind == "set":
        return lambda raw, data, at: _joined(raw, data.get(field))
    if fact.within is None:
        if fact.kind == "count":
            return lambda raw, data, at: (raw or 0) + 1
        return lambda raw, data, at: _added(raw, data.get(field))
    if fact.kind == "count":
        return _window_taker(Window(fact.within, steps), lambda raw, data, at: (raw or 0) + 1, lambda data: 1)
    return _window_taker(
        Window(fact.within, steps),
        lambda raw, data, at: _added(raw, data.get(field)),
        lambda data: _plain(data.get(field), None),
    )


def _text_taker(fact: Fact, field: str) -> Take:
    def text(data: Data, limit_bytes: int) -> str | None:
        value = data.get(field)
        return cut(value, limit_bytes) if isinstance(value, str) else None

    def take_last(raw: Raw, data: Data, at: Instant) -> Raw:
        value = text(data, TEXT_BYTES)
        return raw if value is None else value

    def take_in_set(raw: Raw, data: Data, at: Instant) -> Raw:
        value = text(data, SET_TEXT_BYTES)
        return raw if value is None or size_of(raw) + size(value) > SET_BYTES else _joined(raw, value)

    if fact.kind == "set":
        return take_in_set
    if fact.kind == "last":
        return take_last
    return lambda raw, data, at: take_last(None, data, at) if raw is None else raw


def _plain(value: Any, otherwise: Raw) -> Raw:
    if isinstance(value, Decimal):
        return str(value)
    return value if isinstance(value, str | int) else otherwise


def _joined(raw: list[Any] | None, value: Any) -> Raw:
    words, word = raw or [], _plain(value, None)
    if word is None or word in words or len(words) >= SET_WORDS:
        return raw
    return sorted([*words, word], key=str)


def _added(raw: Raw, value: Any) -> Raw:
    money = parse_money(value) if isinstance(value, str) else None
    if money is not None and (raw is None or isinstance(raw, dict)):
        totals = raw or {}
        totals[money.currency] = str(_EXACT.add(Decimal(totals.get(money.currency, 0)), money.amount))
        return totals
    if _is_number(value) and not isinstance(raw, dict):
        return str(_EXACT.add(Decimal(raw or 0), Decimal(value)))
    return raw


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _window_taker(window: Window, add: Take, entry: Callable[[Data], Raw]) -> Take:
    def take_day(raw: Raw, data: Data, at: Instant) -> Raw:
        today, first = window.days(at)
        days: dict[str, Any] = raw or {}
        if days and next(iter(days)) < first:  # They stand in their order: touchpoints come so, and so does a snapshot.
            days = {day: total for day, total in days.items() if day >= first}
        total = add(days.get(today), data, at)
        if total is not None:
            days[today] = total
        return days

    def take_entry(raw: Raw, data: Data, at: Instant) -> Raw:
        since = window.since(at)
        entries = [each for each in (raw or []) if each[0] >= since][-(WINDOW_ENTRIES - 1) :]
        amount = entry(data)
        return entries if amount is None else [*entries, [at, amount]]

    return take_day if window.is_daily else take_entry


def reader(fact: Fact, field_kind: str | None, steps: CalendarSteps) -> Callable[[Raw, Instant], Any]:
    """Return how a fact is read at a time: a Python value, or None where there is none.

    `field_kind` is the kind of the field remembered (None: no field), `steps` whose days a window counts. Times come as
    aware datetimes, numbers as int or Decimal, money as text, sums as Decimal or {currency: Decimal}, sets as lists.
    """
    if fact.kind == "ever":
        return lambda raw, at: raw is True
    if fact.kind in ("first", "last"):
        return _single_reader(field_kind)
    if fact.kind == "set":
        return lambda raw, at: raw or []
    is_money = field_kind == "money"
    zero: Any = 0 if fact.kind == "count" else ({} if is_money else Decimal(0))
    read_total = _read_count if fact.kind == "count" else (_read_money if is_money else _read_sum)
    if fact.within is None:
        return lambda raw, at: zero if raw is None else read_total([raw])
    window = Window(fact.within, steps)
    as_total: Callable[[Raw], Raw] = int if fact.kind == "count" else _entry_total

    def read_days(raw: Raw, at: Instant) -> Any:
        first = window.first_day(at) if raw else ""
        return read_total([total for day, total in (raw or {}).items() if day >= first])

    def read_entries(raw: Raw, at: Instant) -> Any:
        since = window.since(at)
        return read_total([as_total(amount) for when, amount in (raw or []) if when >= since])

    return read_days if window.is_daily else read_entries


def _single_reader(field_kind: str | None) -> Callable[[Raw, Instant], Any]:
    """Return how a single value is read; what is none of its kind is missing."""
    if field_kind in (None, "time"):
        return lambda raw, at: as_time(raw)
    if field_kind == "date":
        return lambda raw, at: None if parse_day(raw) is None else raw
    if field_kind in ("whole", "number"):
        return lambda raw, at: _as_number(raw)
    if field_kind == "zone":
        return lambda raw, at: raw if is_zone(raw) else None
    if field_kind == "country":
        return lambda raw, at: raw if is_country(raw) else None
    return lambda raw, at: raw


def _as_number(raw: Raw) -> int | Decimal | None:
    if isinstance(raw, str):
        return Decimal(raw) if _NUMBER.fullmatch(raw) else None
    return raw if _is_number(raw) else None


def as_time(value: Any) -> datetime | None:
    """Return a time as an aware UTC datetime: a datetime, microseconds, or RFC 3339 text. None: it is none of them."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, int):
        return from_microseconds(value)
    return parse_time(value)


def moment_reader(field_kind: str | None) -> Callable[[Raw], Instant | None]:
    """Return how a single value is read as a moment; None: it is none."""
    if field_kind in (None, "time"):
        return as_instant
    return lambda raw: as_instant(raw) if isinstance(raw, str) else None


def as_instant(raw: Raw) -> Instant | None:
    """Return a raw time, microseconds or RFC 3339 text, as microseconds. None: it is neither."""
    if raw is None or isinstance(raw, int):
        return raw
    return _parsed(raw) if isinstance(raw, str) else None


@lru_cache(maxsize=4_096)
def _parsed(text: str) -> Instant | None:
    at = parse_time(text)
    return None if at is None else microseconds(at)


def _entry_total(amount: Raw) -> Raw:
    return _added(None, Decimal(amount) if isinstance(amount, str) and _NUMBER.fullmatch(amount) else amount)


def _read_count(totals: list[Raw]) -> int:
    return sum(totals)


def _read_sum(totals: list[Raw]) -> Decimal:
    total = Decimal(0)
    for each in totals:
        if isinstance(each, str):
            total = _EXACT.add(total, Decimal(each))
    return total


def _read_money(totals: list[Raw]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for total in totals:
        for currency, amount in total.items() if isinstance(total, dict) else ():
            sums[currency] = _EXACT.add(sums.get(currency, Decimal(0)), Decimal(amount))
    return sums


def amount_in(value: Any, currency: str) -> Decimal | None:
    """Return the amount of a money value in a currency; None where it is in another, or no money.

    A sum (amounts by currency) is 0 in every currency that it does not have.
    """
    if isinstance(value, dict):
        amount = value.get(currency, Decimal(0))
        return amount if isinstance(amount, Decimal) else None
    money = parse_money(value) if isinstance(value, str) else None
    return money.amount if money is not None and money.currency == currency else None
