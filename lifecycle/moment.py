"""Reads RFC 3339 text into a moment: the one reader of times, in the envelope of a touchpoint and in its data.

Two readers disagreed before, and a time that was right as `time` was refused as a field. Pure; called by the codec,
which says what is wrong with a `time`, and by the rules.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

MAX_TIME_CHARACTERS = 64
"""Longest text that is looked at; RFC 3339 with nanoseconds needs 35."""

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def parse_time(text: object) -> datetime | None:
    """Return the moment that a text such as `2026-03-02T10:00:00Z` names, as aware UTC; None: it names none.

    RFC 3339 with `Z` or an offset, in either case. A fraction may have any number of digits; what lies beyond the
    microsecond is cut, never rounded, so that nothing moves into the future. A second of 60 is refused: a clock that
    reads it cannot be told from one that is wrong, and neither store could keep it.
    """
    if type(text) is not str or len(text) > MAX_TIME_CHARACTERS or not _TIME.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text if text[-1] != "z" else f"{text[:-1]}Z")
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
