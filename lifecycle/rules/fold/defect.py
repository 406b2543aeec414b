"""Where a fold went wrong: the touchpoint and the line of the policy that it was at, read from the failure itself.

Nothing in a policy or a log may make a fold fail, so this is about defects of the program alone. What was at hand is
read from the frames that the exception came through: so no rule pays for knowing where it is, and a defect in a place
that nobody thought of is told like any other. Called by folding.py and questions.py, which stop that one person. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType
from typing import Any

from lifecycle.rules.compiled.machine import Rule, StageTable, TrackTable
from lifecycle.rules.language.findings import Place, line_of
from lifecycle.touchpoint import Touchpoint

MAX_SAID = 300
"""Characters of the failure's own words that are kept."""


def defect_in_words(error: Exception) -> str:
    """Say what failed, on which touchpoint, and at which line of the policy, as far as the failure tells.

    Of several frames the innermost one that holds a touchpoint, or a part of the policy, counts. Raises the error
    itself where it is the machine's and not one person's: there is no memory left.
    """
    if isinstance(error, MemoryError):
        raise error
    said = " ".join(f"{type(error).__name__}: {error}".split())[:MAX_SAID]
    place: Place | None = None
    touchpoint: Touchpoint | None = None
    for frame in _frames(error):
        held = list(frame.f_locals.values())
        at_hand = sorted(held, key=lambda each: isinstance(each, TrackTable))  # of a track and a stage, the stage
        place = next((found for each in at_hand if (found := _place_of(each)) is not None), place)
        touchpoint = next((each for each in held if isinstance(each, Touchpoint)), touchpoint)
    words = [f"A defect of the program: {said}."]
    if touchpoint is not None:
        words.append(
            f"It was at the touchpoint {touchpoint.type} (source {touchpoint.source}, id {touchpoint.id}) of "
            f"{touchpoint.occurred_at.isoformat()}."
        )
    if place is not None:
        words.append(f"It was at {line_of(place)}.")
    return " ".join(words)


def _frames(error: Exception) -> Iterator[FrameType]:
    """Yield the frames that an exception came through, the outermost first."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _place_of(held: Any) -> Place | None:
    """Return where a part of a policy was written, of the compiled parts and of the frozen ones; None for others."""
    if isinstance(held, Rule):
        held = held.task or held.move
    elif isinstance(held, StageTable):
        held = held.stage
    elif isinstance(held, TrackTable):
        held = held.track
    place = getattr(held, "place", None)
    return place if isinstance(place, Place) else None
