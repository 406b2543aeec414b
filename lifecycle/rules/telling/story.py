"""A trail read by instance: which stages each one has been at, what happened there, and what each touchpoint did.

Pure; decides nothing. Made of the trail (working.Step) of a fold from nothing, by standing.py and why_not.py.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lifecycle.rules.fold.trail import Step
from lifecycle.rules.state.snapshot import Origin

ENDINGS = ("completed", "declined", "expired", "withdrawn")


@dataclass(slots=True)
class Visit:
    """One stay of an instance at a stage: the step that led in, what happened there, and the step that led out.

    `first` is where in the trail it began. `left` is None for the stage where it stands.
    """

    stage: str
    first: int
    entered: Step
    steps: list[Step] = field(default_factory=list)
    left: Step | None = None

    @property
    def is_passing(self) -> bool:
        """Whether the stage was left at the instant it was entered: such a stage asks for nothing."""
        return self.left is not None and self.left.at == self.entered.at


class Story:
    """One trail, by instance (track, key), touchpoint type and task."""

    def __init__(self, trail: Iterable[Step]) -> None:
        self.visits: dict[tuple[str, str], list[Visit]] = {}
        self.came: dict[str, list[tuple[int, Step]]] = {}
        self.endings: dict[str, Step] = {}
        self._reactions: dict[tuple[Origin, str, str], list[Step]] = {}
        for position, step in enumerate(trail):
            self._take(position, step)

    def _take(self, position: int, step: Step) -> None:
        if step.what in ENDINGS:
            self.endings[step.task_id] = step
        if not step.track:
            if step.what == "came":
                self.came.setdefault(step.name, []).append((position, step))
            return
        if step.by is not None and step.what != "held":
            self._reactions.setdefault((step.by, step.track, step.key), []).append(step)
        visits = self.visits.setdefault((step.track, step.key), [])
        if step.what in ("began", "moved"):
            if visits:
                visits[-1].left = step
            visits.append(Visit(step.name, position, step))
        elif visits:
            visits[-1].steps.append(step)

    def visits_of(self, track: str, key: str, stage: str) -> list[Visit]:
        """Return the stays of an instance at a stage, the earliest first."""
        return [visit for visit in self.visits.get((track, key), ()) if visit.stage == stage]

    def visit_at(self, track: str, key: str, position: int) -> Visit | None:
        """Return where an instance stood at a place in the trail; None before it began."""
        visits: Sequence[Visit] = self.visits.get((track, key), ())
        index = bisect_right(visits, position, key=lambda visit: visit.first)
        return visits[index - 1] if index else None

    def reactions(self, by: Origin, track: str, key: str) -> Sequence[Step]:
        """Return what a touchpoint did to an instance, and which lines it did not fit."""
        return self._reactions.get((by, track, key), ())
