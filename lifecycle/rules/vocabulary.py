"""Checking the data of a touchpoint against its type: pure, one answer for each touchpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from lifecycle.record import Fault
from lifecycle.rules.policy import FieldKind, TouchpointType, parse_money
from lifecycle.rules.schedule import parse_day, parse_time
from lifecycle.touchpoint import EARLIEST, LATEST, MAX_ID_BYTES, Touchpoint

_COUNTRY = re.compile(r"[A-Z]{2}")
# Lone surrogates too: they cannot be encoded.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Check = Callable[[Any], str | None]
"""A field's value -> None, or what was wanted."""


def checker(declared: TouchpointType) -> Callable[[Touchpoint], Fault | None]:
    """Return the check of one type: None, or the first fault with the path of its field (`data.need`)."""
    checks = [(name, _check(kind), True) for name, kind in declared.required.items()]
    checks += [(name, _check(kind), False) for name, kind in declared.optional.items()]
    limits = [(name, kind) for name, kind in {**declared.required, **declared.optional}.items() if kind.within]

    def check(touchpoint: Touchpoint) -> Fault | None:
        data: Mapping[str, Any] = touchpoint.data
        for name, accept, required in checks:
            value = data.get(name)
            if value is None:
                if required:
                    return _fault(touchpoint, name, "a value", "none")
                continue
            wanted = accept(value)
            if wanted is not None:
                return _fault(touchpoint, name, wanted, repr(value)[:60])
        for name, kind in limits:
            value = data.get(name)
            if value is not None and kind.within is not None:
                latest = kind.within.after(touchpoint.occurred_at).date()
                if date.fromisoformat(value) > latest:
                    return _fault(touchpoint, name, f"a date within {kind.within} (until {latest})", value)
        return None

    return check


def _fault(touchpoint: Touchpoint, name: str, wanted: str, got: str) -> Fault:
    return Fault(
        "invalid_data",
        f"data.{name}",
        f"{touchpoint.type} {touchpoint.id} from {touchpoint.source}: data.{name} should be {wanted}, got {got}. "
        "Send it again with a new id and the field mended.",
    )


def _check(kind: FieldKind) -> Check:
    if kind.kind == "words":
        words = frozenset(kind.words)
        return lambda value: None if isinstance(value, str) and value in words else f"one of {', '.join(kind.words)}"
    if kind.kind == "zone":
        _zones()
    return _CHECKS[kind.kind]


def _id(value: Any) -> str | None:
    fits = isinstance(value, str) and not _CONTROL.search(value) and 0 < len(value.encode("utf-8")) <= MAX_ID_BYTES
    return None if fits else f"an id: a text of 1 to {MAX_ID_BYTES} bytes without control characters"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else "a text"


def _whole(value: Any) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"


def _number(value: Any) -> str | None:
    return None if isinstance(value, int | Decimal) and not isinstance(value, bool) else "a number"


def _money(value: Any) -> str | None:
    return None if isinstance(value, str) and parse_money(value) else 'an amount such as "100.00 EUR"'


def _yes_or_no(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _date(value: Any) -> str | None:
    day = parse_day(value)
    fits = day is not None and EARLIEST.date() <= day < LATEST.date()
    return None if fits else f"a date such as 2026-03-02, from {EARLIEST.year} to {LATEST.year - 1}"


def _time(value: Any) -> str | None:
    at = parse_time(value)
    fits = at is not None and EARLIEST <= at < LATEST
    return None if fits else f"a time such as 2026-03-02T10:00:00Z, from {EARLIEST.year} to {LATEST.year - 1}"


def is_zone(name: str) -> bool:
    """Tell whether a time zone of this name is known."""
    return name in _zones()


def _zone(value: Any) -> str | None:
    return None if isinstance(value, str) and value in _zones() else "a time zone such as Europe/Vienna"


@cache
def _zones() -> frozenset[str]:
    # A table like the calendar: read once, when the first policy with such a field is compiled, never while folding.
    return frozenset(available_timezones())


def _country(value: Any) -> str | None:
    return None if isinstance(value, str) and _COUNTRY.fullmatch(value) else "a country of two letters such as AT"


_CHECKS: dict[str, Check] = {
    "id": _id,
    "text": _text,
    "whole": _whole,
    "number": _number,
    "money": _money,
    "yes_or_no": _yes_or_no,
    "date": _date,
    "time": _time,
    "zone": _zone,
    "country": _country,
}
