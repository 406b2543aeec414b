"""What became of history where a database asks from a moment on: a line for `run` and `people count`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lifecycle.ask_from import AskFrom
from lifecycle.cli.output import number, plural
from lifecycle.cli.times import Times
from lifecycle.reading.answers import Census
from lifecycle.touchpoint import EARLIEST


def asks_from(ask_from: AskFrom | None, census: Census, reached: datetime | None, times: Times) -> Iterator[str]:
    """Yield from when is asked, how much was due before, and how much of that is still owed; nothing if always was."""
    if ask_from is None or ask_from.at == EARLIEST:
        return
    at = times(ask_from.at)
    if reached is None or reached < ask_from.at:
        yield f"What is due before {at} is not asked; time has not come there yet."
        return
    days = "" if ask_from.days == 1 else f", over {ask_from.days} days"
    anew = f"; {number(census.asked_anew)} of them still owed and asked anew from then on{days}"
    yield f"{plural(census.not_asked, 'task')} due before {at}, when we began, not asked{anew}."
