"""Reading the data of a touchpoint by its type: what counts of it, and what does not fit.

One reading serves both places that ask. At the door (sorting.py) a touchpoint with a misfit is refused, once. In the
fold (fold.py) nothing is refused any more: what was accepted, perhaps under another policy, stays, and only the field
that does not fit counts as missing, for everything that looks at it. Pure, one answer for each touchpoint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from lifecycle import ids
from lifecycle.record import Fault
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.policy import FieldKind, TouchpointType, parse_money
from lifecycle.rules.language.schedule import Duration, parse_day, parse_time
from lifecycle.touchpoint import EARLIEST, LATEST, MAX_ID_BYTES, Touchpoint

_COUNTRY = re.compile(r"[A-Z]{2}")
# Lone surrogates too: they cannot be encoded.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

NO_ZONES = ("Factory", "localtime", "posixrules")
"""Names beside the time zones of a machine that are none: a place holder, and what the machine happens to be set to."""

Check = Callable[[Any], str | None]
"""A field's value -> None, or what was wanted."""


class Misfit(NamedTuple):
    """A field that counts as missing: it is not there though it must be, or not of its kind, or beyond its limit.

    `reason` is the word for the dead letter, `wanted` and `got` are words for people. `stands_at`: a required date with
    a limit stands at the end of that limit instead, so that what waits for it always comes (None: it is missing).
    """

    field: str
    reason: str
    wanted: str
    got: str
    stands_at: date | None


def misfits_in_words(misfits: Sequence[Misfit]) -> str:
    """Say which fields of a touchpoint count as missing, or stand at the end of their limit; "" where all fit."""
    return "; ".join(_misfit(each) for each in misfits)


def _misfit(misfit: Misfit) -> str:
    why = "is not there" if misfit.got == "none" else f"is {misfit.got}, wanted {misfit.wanted}"
    counts = "counts as missing" if misfit.stands_at is None else f"stands at {misfit.stands_at}, the end of its limit"
    return f"its {misfit.field} {why}: it {counts}"


class Fit(NamedTuple):
    """What counts of a touchpoint's data: fields of its type, each of its kind; and what did not fit, in order."""

    data: Mapping[str, Any]
    misfits: tuple[Misfit, ...]


ReadData = Callable[[Touchpoint], Fit]


def reader(declared: TouchpointType, time: WorkingTime) -> ReadData:
    """Return how touchpoints of one type are read. A field that its type does not declare is in no answer.

    `time` says on which day a touchpoint is: the limit of a date counts from there.
    """
    fields = [(name, kind, check_of(kind), True) for name, kind in declared.required.items()]
    fields += [(name, kind, check_of(kind), False) for name, kind in declared.optional.items()]

    def read(touchpoint: Touchpoint) -> Fit:
        given: Mapping[str, Any] = touchpoint.data
        data: dict[str, Any] = {}
        misfits: list[Misfit] = []
        for name, kind, accept, required in fields:
            value = given.get(name)
            if value is None and not required:
                continue
            wanted = "a value" if value is None else accept(value)
            last = None if kind.within is None else last_day(kind.within, touchpoint.occurred_at, time)
            got = ""
            if wanted is None and last is not None and date.fromisoformat(str(value)) > last:
                wanted, got = f"a date within {kind.within} (until {last})", str(value)
            if wanted is None and kind.kind == "until" and _is_past(str(value), touchpoint.occurred_at):
                wanted, got = f"later than the touchpoint ({touchpoint.occurred_at.isoformat()})", str(value)
            if wanted is None:
                data[name] = value
                continue
            got = got or ("none" if value is None else repr(value)[:60])
            stands_at = last if required else None
            if stands_at is not None:
                data[name] = stands_at.isoformat()
            misfits.append(Misfit(name, _REASONS.get(kind.kind, "invalid_data"), wanted, got, stands_at))
        return Fit(data, tuple(misfits))

    if any(kind.within is not None or kind.kind == "until" for _, kind, _, _ in fields):
        return read
    return _plain_reader([(name, accept, required) for name, _, accept, required in fields], read)


def _plain_reader(fields: Sequence[tuple[str, Check, bool]], otherwise: ReadData) -> ReadData:
    """Return the reader of a type without limits: quick where everything fits, as nearly always."""

    def read(touchpoint: Touchpoint) -> Fit:
        given: Mapping[str, Any] = touchpoint.data
        data: dict[str, Any] = {}
        for name, accept, required in fields:
            value = given.get(name)
            if value is None:
                if required:
                    return otherwise(touchpoint)
            elif accept(value) is None:
                data[name] = value
            else:
                return otherwise(touchpoint)
        return Fit(data, ())

    return read


def checker(declared: TouchpointType, time: WorkingTime) -> Callable[[Touchpoint], Fault | None]:
    """Return the check of one type at the door: see `fault_of`."""
    read = reader(declared, time)
    return lambda touchpoint: fault_of(touchpoint, read(touchpoint))


def last_day(within: Duration, occurred_at: datetime, time: WorkingTime) -> date:
    """Return the last day that a limited date may name, counted from the day of its touchpoint in our zone."""
    return min(time.day_of(time.after(within, occurred_at)), _LAST_DAY)


def fault_of(touchpoint: Touchpoint, fit: Fit) -> Fault | None:
    """Return why a touchpoint is refused at the door: its first misfit with the path of the field; None: it fits."""
    if not fit.misfits:
        return None
    name, reason, wanted, got, _ = fit.misfits[0]
    return Fault(
        reason,
        f"data.{name}",
        f"{touchpoint.type} {touchpoint.id} from {touchpoint.source}: data.{name} should be {wanted}, got {got}. "
        "Send it again with a new id and the field mended.",
    )


def check_of(kind: FieldKind) -> Check:
    """Return the check of a kind of field."""
    if kind.kind == "words":
        words = frozenset(kind.words)
        return lambda value: None if isinstance(value, str) and value in words else f"one of {', '.join(kind.words)}"
    if kind.kind == "zone":
        _zones()
    return _CHECKS[kind.kind]


def _id(value: Any) -> str | None:
    if value.__class__ is str and value.isascii() and value.isprintable() and 0 < len(value) <= MAX_ID_BYTES:
        return None
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


def is_zone(name: Any) -> bool:
    """Tell whether this is the name of a time zone that is known."""
    return isinstance(name, str) and name in _zones()


def _zone(value: Any) -> str | None:
    return None if is_zone(value) else "a time zone such as Europe/Vienna"


@cache
def _zones() -> frozenset[str]:
    # A table like the calendar: read once, when the first policy with such a field is compiled, never while folding.
    return frozenset(available_timezones()).difference(NO_ZONES)


def is_country(name: Any) -> bool:
    """Tell whether this is written as a country: two capital letters."""
    return isinstance(name, str) and _COUNTRY.fullmatch(name) is not None


def _country(value: Any) -> str | None:
    return None if is_country(value) else "a country of two letters such as AT"


def _task_id(value: Any) -> str | None:
    fits = isinstance(value, str) and ids.is_task_id(value)
    return None if fits else "the id of a task as its messages name it: 20 hex digits, -, 24 hex digits"


def _until(value: Any) -> str | None:
    is_day = isinstance(value, str) and len(value) == len("2026-03-02")
    return None if (_date if is_day else _time)(value) is None else "a date such as 2026-03-02 or a time with its zone"


def _is_past(until: str, at: datetime) -> bool:
    """Tell whether a date or time lies behind a moment; a date only where it does so all over the world."""
    day = parse_day(until)
    return day < (at - timedelta(hours=12)).date() if day is not None else (parse_time(until) or at) <= at


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
    "task_id": _task_id,
    "until": _until,
}

_REASONS = {"task_id": "no_task_id"}
"""Kinds whose misfit has a word of its own in the dead letters; of the others it is invalid_data."""

_LAST_DAY = LATEST.date() - timedelta(days=1)
