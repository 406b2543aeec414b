"""Times and days of foreign files, read for sure or refused: no zone is guessed, no clock time put anywhere in silence.

A clock time that comes twice or never, because clocks are changed, is refused unless the mapping says which reading
counts. The name of a zone is used where it means one thing. Called by load_values.py and values.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time as clock_time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lifecycle.errors import Unreadable
from lifecycle.instant import EPOCH
from lifecycle.mapping.model import EPOCHS, ISO, STAMP, TimeForm
from lifecycle.rules.language.vocabulary import is_zone
from lifecycle.touchpoint import EARLIEST, LATEST

TIMES_KEPT = 8192
"""Times repeat, so that what was read of a text is kept; this many of them."""

_UNIVERSAL = frozenset(("UTC", "GMT", "UT", "Z"))
_CLOCK = re.compile(r"%[HIMSfpcXT]")
_YEAR = re.compile(r"%[YyGcx]")
_DAY = re.compile(r"%[jcx]|%d.*%[mbB]|%[mbB].*%d|%[VUW].*%[uaAw]|%[uaAw].*%[VUW]", re.DOTALL)
_PIECES = re.compile(r"%(.)|\s+|[^%\s]+", re.DOTALL)
_FIGURES = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "j": 3}
"""Most figures of what is written in figures; side by side, all of them must be there."""

_COUNTED = re.compile(r"-?[0-9]{1,14}(?:\.[0-9]{1,9})?\Z")
_WORD = re.compile(r"[A-Za-z](?:[A-Za-z_/+-]*[A-Za-z])?")


class _Read(NamedTuple):
    """What a text says: a moment, or a clock time with nothing or the name of a zone; `is_day`: it has no clock."""

    at: datetime
    zone: str
    is_day: bool


def has_clock(format_: str) -> bool:
    """Tell whether a pattern has a clock time in it, so that it says more than a day."""
    return _CLOCK.search(format_) is not None


def lacks(format_: str) -> str | None:
    """Return what is missing in a pattern, as the rest of a sentence with advice; None: it says one moment or day."""
    if _YEAR.search(format_) is None:
        return "has no year. Write such as %Y."
    if _DAY.search(format_) is None:
        return "has no month or no day. Write such as %m and %d."
    if "%I" in format_ and "%p" not in format_:
        return "has hours of a half day (%I) and does not say which half. Add %p, or write %H."
    if format_.count("%Z") > 1 or ("%Z" in format_ and "%z" in format_):
        return "names two zones. Take one out."
    return None


def moment_reader(form: TimeForm) -> Callable[[str], datetime]:
    """Return what reads a moment, as aware UTC; it raises Unreadable, with what was wanted and what there was."""
    column = form.text.parts[1] if len(form.text.parts) > 1 else "time"

    def refuse(reason: str, message: str) -> Unreadable:
        return Unreadable(reason, column, message)

    @lru_cache(maxsize=TIMES_KEPT)
    def read(stamp: str) -> datetime:
        stamp = stamp.strip()
        if not stamp:
            advice = f"Write when: {{{column}: {{filled: true}}}} if a row may have none."
            raise refuse("empty", f"The time is empty. {advice}")
        try:
            at = _in_utc(_parsed(stamp, form), form)
        except _Unclear as doubt:
            raise refuse("unclear_time", f'The time "{stamp[:60]}" {doubt}') from doubt
        except ValueError as error:
            wanted = "ISO 8601" if form.format == ISO else form.format
            raise refuse("bad_time", f'The time "{stamp[:60]}" cannot be read; wanted {wanted}.') from error
        except OverflowError:
            at = LATEST
        if not EARLIEST <= at < LATEST:
            message = f'The time "{stamp[:60]}" is not between {EARLIEST.year} and {LATEST.year}.'
            raise refuse("bad_time", message)
        return at

    return read


def day_reader(name: str, format_: str) -> Callable[[str], date]:
    """Return what reads a day of the data."""
    wanted = "a date such as 2026-03-02" if format_ == ISO else format_
    parse = _parser(format_)

    @lru_cache(maxsize=TIMES_KEPT)
    def read(text: str) -> date:
        try:
            if format_ == ISO:
                return date.fromisoformat(text.strip())
            return parse(text.strip()).date()
        except ValueError as error:
            raise Unreadable("bad_date", name, f'{name} is "{text[:60]}"; wanted {wanted}.') from error

    return read


class _Unclear(Exception):
    """A time that can be read in more than one way, or in none, as the rest of a sentence with advice."""


@lru_cache
def _parser(format_: str) -> Callable[[str], datetime]:
    """Return strptime for a pattern, without the freedom that it takes where figures stand side by side.

    Of "2025112" it would make the second of November; it may be the twelfth of January as well.
    """
    shape = ""
    for piece in _PIECES.finditer(format_):
        figures = _FIGURES.get(piece[1] or "")
        beside = format_[: piece.start()][-2:-1] == "%" or format_[piece.end() :][:1] == "%"
        if piece[1] is None:
            shape += r"\s+" if piece[0].isspace() else re.escape(piece[0])
        elif figures is None:
            shape += ".*?"
        else:
            shape += f"[0-9]{{{figures}}}" if beside else f"[0-9]{{1,{figures}}}"
    fits = re.compile(shape, re.DOTALL | re.IGNORECASE)

    def parse(text: str) -> datetime:
        if not fits.fullmatch(text):
            raise ValueError("figures are missing")
        return datetime.strptime(text, format_)  # noqa: DTZ007 - the zone follows

    return parse


def _parsed(stamp: str, form: TimeForm) -> _Read:
    if form.format in EPOCHS:
        if not _COUNTED.match(stamp):
            raise ValueError("not a count")
        seconds = Decimal(stamp) / EPOCHS[form.format]
        return _Read(EPOCH + timedelta(microseconds=int(seconds * 1_000_000)), "", is_day=False)
    if form.format == ISO:
        at = datetime.fromisoformat(stamp)
        # A day alone is ten characters at most: 2025-03-01, 20250301, 2025-W09-6.
        is_day = at.time() == clock_time() and len(stamp) <= 10 and "T" not in stamp
        return _Read(at, "", is_day)
    is_day = not has_clock(form.format)
    if "%Z" not in form.format:
        return _Read(_parser(form.format)(stamp), "", is_day)
    return _with_word(stamp, form.format, is_day=is_day)


def _with_word(stamp: str, format_: str, *, is_day: bool) -> _Read:
    # strptime reads %Z and throws it away, and which words it takes depends on the machine.
    parse = _parser(format_.replace("%Z", ""))
    for word in _WORD.finditer(stamp):
        try:
            at = parse(stamp[: word.start()] + stamp[word.end() :])
        except ValueError:
            continue
        return _Read(at, word.group(), is_day)
    raise ValueError("no word stands for a zone")


def _in_utc(read: _Read, form: TimeForm) -> datetime:
    at = read.at
    if read.is_day:
        hour, minute, second = form.at
        at = at.replace(hour=hour, minute=minute, second=second)
    if form.ignore_offset:
        return _clock(at.replace(tzinfo=None), form.zone, form, is_day=read.is_day)
    if read.zone:
        return _named(at, read, form)
    if at.tzinfo is not None:
        if form.zone != STAMP:
            raise _Unclear("has an offset and the mapping a zone. Write zone: stamp, or offset: ignored.")
        return at.astimezone(UTC)
    if form.zone == STAMP:
        raise _Unclear("has no offset. Name its zone in the mapping.")
    return _clock(at, form.zone, form, is_day=read.is_day)


def _named(at: datetime, read: _Read, form: TimeForm) -> datetime:
    """Return the moment of a clock time beside the name of a zone, if that name means one thing."""
    word = read.zone
    if word.upper() in _UNIVERSAL:
        return at.replace(tzinfo=UTC)
    if "/" in word and is_zone(word):
        return _clock(at, word, form, is_day=read.is_day)
    if form.zone != STAMP:
        both = _both(at, form.zone)
        fitting = {each.astimezone(UTC) for each in both if each.tzname() == word}
        if len(fitting) == 1:  # CET in Europe/Vienna in winter; it also says which of two readings is meant
            return fitting.pop()
        raise _Unclear(f'names the zone "{word}", which is not what {form.zone} is called then. Write offset: ignored.')
    raise _Unclear(
        f'names the zone "{word}", which stands for several. Sure are UTC, GMT and names such as Europe/Vienna; '
        "name the zone: that it stands for."
    )


def _both(at: datetime, zone: str) -> tuple[datetime, datetime]:
    local = at.replace(tzinfo=ZoneInfo(zone))
    return local, local.replace(fold=1)


def _clock(at: datetime, zone: str, form: TimeForm, *, is_day: bool) -> datetime:
    """Return the moment at which the clocks of a zone show this."""
    first, second = (each.astimezone(UTC) for each in _both(at, zone))
    # A day that begins while clocks are changed begins with its first moment, which is what the first reading gives.
    if first == second or (is_day and form.at == (0, 0, 0)):
        return first
    if form.unclear == "refused":
        what = "comes twice" if first < second else "does not exist"
        raise _Unclear(f"{what} in {zone}, where clocks are changed then. Write unclear: earlier, or unclear: later.")
    return min(first, second) if form.unclear == "earlier" else max(first, second)
