"""What is remembered about a person: how each kind of fact takes in a touchpoint, and how it is read.

Facts live in a snapshot in raw, JSON-ready form, so that a snapshot needs no knowledge of the policy:

    ever         true                                count        a number, or a window
    first, last  the field, or microseconds          sum          decimal text; {currency: decimal text}; a window
    set          a sorted list of words

A window of two days or more keeps one total for each UTC day ({"2026-03-02": total}) and counts whole days,
today included; a shorter one keeps single entries ([[microseconds, amount], ...], at most WINDOW_ENTRIES).
Windows are pruned by the touchpoint that is taken in, never by the time of asking, so that they are a
function of the touchpoints alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from lifecycle.rules.load_guards import parse_money
from lifecycle.rules.policy import Fact, Money
from lifecycle.rules.schedule import Duration
from lifecycle.touchpoint import Touchpoint, from_microseconds, microseconds

WINDOW_ENTRIES = 1_000
"""Most single entries a short window keeps; the oldest give way."""

SET_WORDS = 1_000
"""Most words a set keeps; later ones are left out."""

Raw = Any
Take = Callable[[Raw, Touchpoint], Raw]
"""(raw before or None, touchpoint) -> raw after."""


def taker(fact: Fact, type_name: str) -> Take:
    """Return how a fact takes in a touchpoint of this type. The raw value before it may be changed in place."""
    field = fact.fields[type_name]
    if fact.kind == "ever":
        return lambda raw, touchpoint: True
    if fact.kind == "last":
        if not field:
            return lambda raw, touchpoint: microseconds(touchpoint.occurred_at)
        return lambda raw, touchpoint: _plain(touchpoint.data.get(field), raw)
    if fact.kind == "first":
        if not field:
            return lambda raw, touchpoint: microseconds(touchpoint.occurred_at) if raw is None else raw
        return lambda raw, touchpoint: _plain(touchpoint.data.get(field), None) if raw is None else raw
    if fact.kind == "set":
        return lambda raw, touchpoint: _joined(raw, touchpoint.data.get(field))
    if fact.within is None:
        if fact.kind == "count":
            return lambda raw, touchpoint: (raw or 0) + 1
        return lambda raw, touchpoint: _added(raw, touchpoint.data.get(field))
    if fact.kind == "count":
        return _window_taker(fact.within, lambda raw, touchpoint: (raw or 0) + 1, lambda touchpoint: 1)
    return _window_taker(
        fact.within,
        lambda raw, touchpoint: _added(raw, touchpoint.data.get(field)),
        lambda touchpoint: _plain(touchpoint.data.get(field), None),
    )


def _plain(value: Any, otherwise: Raw) -> Raw:
    if value is None:
        return otherwise
    return str(value) if isinstance(value, Decimal) else value


def _joined(raw: list[str] | None, value: Any) -> Raw:
    words = raw or []
    if value is None or value in words or len(words) >= SET_WORDS:
        return words or None
    return sorted([*words, _plain(value, None)], key=str)


def _added(raw: Raw, value: Any) -> Raw:
    if value is None:
        return raw
    money = parse_money(value) if isinstance(value, str) else None
    if money is None:
        return str(Decimal(raw or 0) + Decimal(value))
    totals = raw or {}
    totals[money.currency] = str(Decimal(totals.get(money.currency, 0)) + money.amount)
    return totals


def is_daily(window: Duration) -> bool:
    """Tell whether a window counts whole UTC days: two days or longer."""
    return window.shortest >= timedelta(days=2)


def _window_taker(window: Duration, add: Take, entry: Callable[[Touchpoint], Raw]) -> Take:
    if is_daily(window):

        def take_day(raw: Raw, touchpoint: Touchpoint) -> Raw:
            first = _first_day(window, touchpoint.occurred_at)
            days = {day: total for day, total in (raw or {}).items() if day >= first}
            today = touchpoint.occurred_at.date().isoformat()
            total = add(days.get(today), touchpoint)
            if total is not None:
                days[today] = total
            return days

        return take_day

    def take_entry(raw: Raw, touchpoint: Touchpoint) -> Raw:
        since = microseconds(window.before(touchpoint.occurred_at))
        entries = [each for each in (raw or []) if each[0] > since][-(WINDOW_ENTRIES - 1) :]
        amount = entry(touchpoint)
        return entries if amount is None else [*entries, [microseconds(touchpoint.occurred_at), amount]]

    return take_entry


def _first_day(window: Duration, at: datetime) -> str:
    return (window.before(at).date() + timedelta(days=1)).isoformat()


def reader(fact: Fact, field_kind: str | None) -> Callable[[Raw, datetime], Any]:
    """Return how a fact is read at a time: a Python value, or None where there is none.

    `field_kind` is the kind of the field remembered (None: no field). Times come as aware datetimes, numbers
    as int or Decimal, money as text, sums as Decimal or {currency: Decimal}, sets as lists.
    """
    if fact.kind == "ever":
        return lambda raw, at: raw is True
    if fact.kind in ("first", "last"):
        if field_kind in (None, "time"):
            return lambda raw, at: None if raw is None else as_time(raw)
        if field_kind == "number":
            return lambda raw, at: Decimal(raw) if isinstance(raw, str) else raw
        return lambda raw, at: raw
    if fact.kind == "set":
        return lambda raw, at: raw or []
    is_money = field_kind == "money"
    zero: Any = 0 if fact.kind == "count" else ({} if is_money else Decimal(0))
    read_total = _read_count if fact.kind == "count" else (_read_money if is_money else _read_sum)
    window = fact.within
    if window is None:
        return lambda raw, at: zero if raw is None else read_total([raw])
    if is_daily(window):
        return lambda raw, at: read_total(
            [total for day, total in (raw or {}).items() if day >= _first_day(window, at)]
        )
    return lambda raw, at: read_total(
        [_as_total(amount) for when, amount in (raw or []) if when > microseconds(window.before(at))]
    )


def as_time(raw: Raw) -> datetime:
    """Return a raw time as an aware UTC datetime: microseconds, or RFC 3339 text from a field of kind time."""
    if isinstance(raw, int):
        return from_microseconds(raw)
    return datetime.fromisoformat(raw).astimezone(UTC)


def as_day(raw: Raw) -> date:
    """Return a raw date field as a date."""
    return date.fromisoformat(raw)


def _as_total(amount: Raw) -> Raw:
    money = parse_money(amount) if isinstance(amount, str) else None
    return amount if money is None else {money.currency: str(money.amount)}


def _read_count(totals: list[Raw]) -> int:
    return sum(totals)


def _read_sum(totals: list[Raw]) -> Decimal:
    return sum((Decimal(total) for total in totals), Decimal(0))


def _read_money(totals: list[Raw]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for total in totals:
        for currency, amount in total.items():
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(amount)
    return sums


def amount_in(value: Any, currency: str) -> Decimal | None:
    """Return the amount of a money value (text or sums by currency) in a currency; None where it has none."""
    if isinstance(value, dict):
        return value.get(currency)
    money: Money | None = parse_money(value) if isinstance(value, str) else None
    return money.amount if money is not None and money.currency == currency else None
