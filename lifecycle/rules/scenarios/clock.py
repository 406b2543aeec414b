"""The times of a scenario table, both ways: what a clock in a zone shows, and steps such as `+ 3d` from row to row."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lifecycle.rules.language.findings import shown
from lifecycle.rules.language.schedule import Duration
from lifecycle.touchpoint import EARLIEST, LATEST

CLOCK_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)([+-][0-9]{2}:[0-9]{2})?"
)
_STEP = re.compile(r"\+ ?([0-9]{1,6}) ?(minute|min|hour|h|day|d|week|w|month|year)s?")
_UNITS = {"min": "minute", "h": "hour", "d": "day", "w": "week"}


class Unreadable(Exception):
    """What is wrong with a text, as a sentence; the reader of the table knows the place."""


def read_clock(text: str, zone: ZoneInfo) -> datetime:
    """Return in UTC the time that a clock in the zone shows. Raises Unreadable.

    A time that the clock shows twice is the first, unless its offset (`+01:00`) is written after it.
    """
    match = CLOCK_TIME.fullmatch(text)
    try:
        local = datetime.fromisoformat(f"{match[1]} {match[2]}") if match else None
    except ValueError:
        local = None
    if match is None or local is None or not EARLIEST.year <= local.year < LATEST.year:
        raise Unreadable(f'"{shown(text)}" is no time. Write "2026-03-02 10:00", or "+ 3d" from the row before.')
    readings = [local.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    real = [each for each in readings if each.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local]
    if not real:
        raise Unreadable(f'The clock in {zone.key} never shows "{text}": it is put forward there. Write a later time.')
    if match[3] is None:
        return real[0].astimezone(UTC)
    fitting = [each for each in real if f"{each:%z}" == match[3].replace(":", "")]
    if not fitting:
        offsets = " or ".join(dict.fromkeys(_offset(each) for each in real))
        raise Unreadable(f'"{text}": the clock in {zone.key} is then {offsets} ahead of UTC. Write that, or nothing.')
    return fitting[0].astimezone(UTC)


def clock_text(at: datetime, zone: ZoneInfo) -> str:
    """Return a time as a clock in the zone shows it; with the offset where it shows it for the second time."""
    local = at.astimezone(zone)
    text = f"{local:%Y-%m-%d %H:%M}" + (f":{local:%S}" if local.second or local.microsecond else "")
    text += f".{local:%f}" if local.microsecond else ""
    return text + _offset(local) if local.fold else text


def _offset(local: datetime) -> str:
    return f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:5]


def read_step(text: str, since: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the time that `+ 3d` or `+ 2 hours` after another names; None where the text is no step.

    Days and longer keep the clock time in the zone. Raises Unreadable where the clock skips that time.
    """
    match = _STEP.fullmatch(text)
    if match is None:
        return None
    number, unit = int(match[1]), _UNITS.get(match[2], match[2])
    try:
        if unit in ("minute", "hour"):
            at = since + number * timedelta(**{f"{unit}s": 1})
            return read_clock(clock_text(at, zone), zone)
        local = since.astimezone(zone).replace(tzinfo=None)
        after = Duration(number, unit).after(local)  # type: ignore[arg-type]  # the pattern allows units only
    except (OverflowError, ValueError) as error:
        raise Unreadable(f'"{text}" leads beyond the calendar. Write a shorter step.') from error
    return read_clock(f"{after:%Y-%m-%d %H:%M:%S.%f}", zone)
