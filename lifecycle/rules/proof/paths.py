"""How people can move through a track: from where to where, by which touchpoint or by which wait.

A line that can never decide leads nowhere, and neither does a timed move that another always comes before. What
leads from where is read as compile.py resolves it: the stage's list for a type, else the track's, else the stage's
`any by`, else the track's. Called by the checker's modules only. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifecycle.rules.language.names import PERSON, is_built_in
from lifecycle.rules.language.policy import (
    AnyOf,
    Choice,
    Compare,
    Condition,
    Fact,
    Given,
    Guard,
    NoneOf,
    Policy,
    Stage,
    TimedMove,
    Track,
)
from lifecycle.rules.proof.classes import sets
from lifecycle.rules.proof.findings import Path, longer
from lifecycle.rules.proof.guards import Decider
from lifecycle.rules.proof.spans import before, moment_of, time_in_words

STAY = "stay"

MAX_STEPS = 5_000_000
"""Ways of a track followed to find whether facts can be missing; beyond them each may be missing everywhere."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a stage: by a touchpoint of a type, or by a timed move ("" as type).

    `guard` holds whenever this way is gone (None: nothing is known of it).
    """

    to: str
    type: str
    move: TimedMove | None = None
    guard: Guard | None = None

    @property
    def step(self) -> str:
        """What a path shows of it."""
        return self.type if self.move is None else time_in_words(self.move)


class Ways:
    """The ways of one track. `in_ways` lead in from outside, `out` leads on from each stage."""

    def __init__(self, policy: Policy, track: Track, decider: Decider) -> None:
        self.policy, self.track, self.decider = policy, track, decider
        # The outcomes of tasks last: as examples they say least.
        self.types = sorted((name for name in policy.types if self._carries_key(name)), key=is_built_in)
        self._by_list: dict[tuple[int, str], tuple[Way, ...]] = {}
        self._lacking: dict[str, dict[str, Path]] = {}
        self._steps = 0
        shared = self._by_touchpoint(None)
        self.out: dict[str, tuple[Way, ...]] = {
            name: (*self._by_time(stage), *(self._by_touchpoint(stage) if stage.upon or stage.any_by else shared))
            for name, stage in track.stages.items()
        }
        self.in_ways = self._beginnings()
        self.paths = self.reached(lambda way: True)
        # Every instance enters `start`, even where the touchpoint that began it moves it on at once.
        self.paths.setdefault(track.start, tuple(way.type for way in self.in_ways[:1]))

    def _carries_key(self, type_name: str) -> bool:
        return self.track.per == PERSON or self.policy.types[type_name].field(self.track.per) is not None

    def list_for(self, stage: Stage | None, type_name: str) -> tuple[Choice, ...]:
        """Return the list that counts for a type in a stage (None: one without lists of its own); () for none."""
        by = self.policy.types[type_name].by
        own = None if stage is None else stage.upon.get(type_name)
        found = own or self.track.upon.get(type_name)
        if found is None and not is_built_in(type_name):
            own = None if stage is None else stage.any_by.get(by)
            found = own or self.track.any_by.get(by)
        return found or ()

    def _by_touchpoint(self, stage: Stage | None) -> tuple[Way, ...]:
        return tuple(way for name in self.types for way in self._of_list(self.list_for(stage, name), name))

    def _of_list(self, choices: Sequence[Choice], type_name: str) -> tuple[Way, ...]:
        if not choices:
            return ()
        key = (id(choices), type_name)
        if key not in self._by_list:
            first = self.decider.choices(choices, self.track.name, type_name).first
            lines: dict[str, list[Guard | None]] = {}
            for choice, fires in zip(choices, first, strict=True):
                if fires and choice.target != STAY:
                    lines.setdefault(str(choice.target), []).append(meant_by(choice, choices))
            self._by_list[key] = tuple(Way(to, type_name, guard=one_of(guards)) for to, guards in lines.items())
        return self._by_list[key]

    def _by_time(self, stage: Stage) -> list[Way]:
        never = overtaken(stage)
        return [
            Way(move.to, "", move, move.when)
            for move in stage.later
            if move.name not in never and self.decider.can_hold(move.when, self.track.name, None)
        ]

    def _beginnings(self) -> tuple[Way, ...]:
        """Return the ways in: an instance enters `start`, and the same touchpoint may move it on at once."""
        start = self.track.stages[self.track.start]
        found: list[Way] = []
        for name in self.track.begins:
            choices = self.list_for(start, name)
            verdict = self.decider.choices(choices, self.track.name, name)
            stays = any(choice.target == STAY and fires for choice, fires in zip(choices, verdict.first, strict=True))
            if not choices or verdict.may_pass or stays:
                found.append(Way(start.name, name))
            found += self._of_list(choices, name)
        return tuple(found)

    def reached(self, may_go: Callable[[Way], bool]) -> dict[str, Path]:
        """Return the stages that can be reached by ways that may be gone, each with its shortest path."""
        paths: dict[str, Path] = {}
        waiting: deque[str] = deque()

        def go(ways: Sequence[Way], path: Path) -> None:
            for way in ways:
                if way.to not in paths and may_go(way):
                    paths[way.to] = longer(path, way.step)
                    waiting.append(way.to)

        go(self.in_ways, ())
        while waiting:
            stage = waiting.popleft()
            go(self.out[stage], paths[stage])
        return paths

    def may_lack(self, fact: Fact) -> dict[str, Path]:
        """Return the stages that can be reached without a fact having a value, each with its path."""
        if fact.name not in self._lacking:
            self._steps += sum(len(out) for out in self.out.values())
            if self._steps > MAX_STEPS:
                return dict(self.paths)
            self._lacking[fact.name] = self.reached(lambda way: self._leaves_it_missing(way, fact))
        return self._lacking[fact.name]

    def _leaves_it_missing(self, way: Way, fact: Fact) -> bool:
        """Tell whether somebody may go a way and the fact still has no value then."""
        if way.move is not None and way.move.at is not None and way.move.at.fact == fact.name:
            return False  # a move at this fact comes only when the fact is there
        if way.type and sets(self.policy, fact, way.type):
            return False
        if way.guard is None or fact.choices:
            return True
        missing: tuple[Condition, ...] = (Compare("fact", fact.name, Given(False), self.track.place),)
        field = fact.fields.get(way.type, "") if fact.when is None else ""
        if field:
            # What the fact would take is missing too.
            missing += (Compare("field", field, Given(False), self.track.place),)
        return self.decider.can_hold(Guard((*way.guard.conditions, *missing)), self.track.name, way.type or None)

    def timed(self, stage: str) -> list[tuple[TimedMove, str]]:
        """Return the timed moves of a stage that can happen, with their targets."""
        return [(way.move, way.to) for way in self.out[stage] if way.move is not None]


def meant_by(choice: Choice, choices: Sequence[Choice]) -> Guard | None:
    """Return what holds where a line decides: its guard, or for "otherwise" that no other one fits (None: always)."""
    if choice.when is not None:
        return choice.when
    others = tuple(each.when for each in choices if each.when is not None)
    return Guard((NoneOf(others, choice.place),)) if others else None


def one_of(guards: Sequence[Guard | None]) -> Guard | None:
    """Return the guard that one of these holds; None where one of them is None."""
    known = tuple(guard for guard in guards if guard is not None)
    if len(known) < len(guards):
        return None
    return known[0] if len(known) == 1 else Guard((AnyOf(known, known[0].conditions[0].place),))


def overtaken(stage: Stage) -> dict[str, TimedMove]:
    """Return the timed moves of a stage that never happen, by name, each with the unguarded one that comes before."""
    leaders: list[TimedMove] = []
    for move in stage.later:
        if move.when is None and not any(_comes_before(stage, leader, move) for leader in leaders):
            leaders = [move, *(leader for leader in leaders if not _comes_before(stage, move, leader))]
    found = {}
    for move in stage.later:
        leader = next((each for each in leaders if each is not move and _comes_before(stage, each, move)), None)
        if leader is not None:
            found[move.name] = leader
    return found


def _comes_before(stage: Stage, one: TimedMove, other: TimedMove) -> bool:
    """Tell whether one unguarded move always comes before another: sooner, or at one moment first in its stage."""
    if one.after is not None and other.after is not None and before(one.after, other.after):
        return True
    return moment_of(one) == moment_of(other) and stage.later.index(one) < stage.later.index(other)
