"""What why-not asks about, and what it finds of one rule: the values that why_not.py and its parts hand around."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.telling.prospects import Ahead
from lifecycle.rules.telling.standing import Person
from lifecycle.rules.telling.story import Story
from lifecycle.touchpoint import Touchpoint

MAX_TIMES = 3
"""How often one thing is told: of more, the last times, and how many there were before."""

Verdict = Literal["now", "waiting", "refused", "stopped", "over", "left", "no_news", "not_there", "not_begun"]
"""now: it is so, or asked. waiting: its time has not come. refused: a guard said no, or what it asks for was done or is
open. stopped: they do not want contact of its kind. over: it was so, and is no more. left: the stage was left before
its time, or will be. no_news: its touchpoint never came. not_there: the instance was never at its stage when it would
have counted. not_begun: the track has no instance."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one rule for one instance, by the last time it could have been used; `because` in order of time.

    `due` is when it will be asked or move, where it waits, as things stand; else when it would be looked at.
    """

    verdict: Verdict
    because: tuple[str, ...]
    due: datetime | None = None

    def below(self, sentences: Iterable[str]) -> Fate:
        """Return this fate with more sentences."""
        return replace(self, because=(*self.because, *sentences))


@dataclass(frozen=True, slots=True)
class Case:
    """One question: the person as of a moment, the trail by instance, the touchpoints by (source, id), what comes."""

    machine: Machine
    person: Person
    story: Story
    log: Mapping[tuple[str, str], Touchpoint]
    ahead: Ahead


def last_times(fates: list[Fate]) -> Fate:
    """Return what became of one rule at several times, in order, as one: what is so now counts, else the last.

    Told are the last few times.
    """
    decisive = next((fate for fate in fates if fate.verdict == "now"), fates[-1])
    told = fates[-MAX_TIMES:]
    if decisive not in told:
        told = [decisive, *told[1:]]
    left_out = len(fates) - len(told)
    before = (f"{left_out} earlier {'time is' if left_out == 1 else 'times are'} left out.",) if left_out else ()
    return replace(decisive, because=(*before, *(sentence for fate in told for sentence in fate.because)))
