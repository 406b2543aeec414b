"""Which stages of two tracks one person can stand in at the same time.

Both tracks see every touchpoint at once: where it moves people of both, they move together. Decided for pairs of tracks
by walking through both; a keyed track is taken with one instance, which a touchpoint with another key does not reach.
Called by tasks.py only. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from lifecycle.rules.language.names import PERSON
from lifecycle.rules.proof.paths import STAY, Ways

Standing = tuple[str | None, str | None]
"""A stage of each of two tracks; None: not begun."""


class Together:
    """Tells which pairs of stages are stood in at the same time. `ways` are those of every track."""

    def __init__(self, ways: Mapping[str, Ways]) -> None:
        self.ways = ways
        self._known: dict[tuple[str, str], set[Standing]] = {}
        self._types = dict.fromkeys(name for each in ways.values() for name in each.types)
        self._moves: dict[tuple[str, str | None], dict[str, tuple[str | None, ...]]] = {}

    def may_stand(self, one: tuple[str, str], other: tuple[str, str]) -> bool:
        """Tell whether a person may stand in two stages (track, stage) at once."""
        if one[0] > other[0]:
            one, other = other, one
        if one[0] == other[0]:
            return one[1] == other[1]
        key = one[0], other[0]
        if key not in self._known:
            self._known[key] = self._walk(self.ways[key[0]], self.ways[key[1]])
        return (one[1], other[1]) in self._known[key]

    def _walk(self, one: Ways, other: Ways) -> set[Standing]:
        types = {*one.types, *other.types}
        found: set[Standing] = {(None, None)}
        waiting: list[Standing] = [(None, None)]
        while waiting:
            first, second = waiting.pop()
            of_one, of_other = self._moves_of(one, first), self._moves_of(other, second)
            following: list[Standing] = []
            for name in types.intersection((*of_one, *of_other)):
                following += product(of_one.get(name, (first,)), of_other.get(name, (second,)))
            following += [(to, second) for to in _in_time(one, first)] + [(first, to) for to in _in_time(other, second)]
            for standing in following:
                if standing not in found:
                    found.add(standing)
                    waiting.append(standing)
        return found

    def _moves_of(self, ways: Ways, stage: str | None) -> dict[str, tuple[str | None, ...]]:
        """Return where each type of touchpoint may lead from a stage; those that everybody stays at are left out."""
        key = ways.track.name, stage
        if key not in self._moves:
            led = {name: tuple(_after(ways, stage, name)) for name in self._types}
            self._moves[key] = {name: to for name, to in led.items() if to != (stage,)}
        return self._moves[key]


def _after(ways: Ways, stage: str | None, type_name: str) -> Iterator[str | None]:
    """Yield where somebody may stand after a touchpoint."""
    reaches_all = ways.track.per == PERSON
    if stage is None:
        if not reaches_all or type_name not in ways.track.begins:
            yield None
        yield from (way.to for way in ways.in_ways if way.type == type_name)
        return
    choices = ways.list_for(ways.track.stages[stage], type_name) if type_name in ways.types else ()
    verdict = ways.decider.choices(choices, ways.track.name, type_name) if choices else None
    stays = verdict is None or verdict.may_pass or not reaches_all
    if verdict is not None and not stays:
        stays = any(choice.target == STAY and fires for choice, fires in zip(choices, verdict.first, strict=True))
    if stays:
        yield stage
    yield from (way.to for way in ways.out[stage] if way.type == type_name and way.move is None)


def _in_time(ways: Ways, stage: str | None) -> Iterator[str]:
    if stage is not None:
        yield from (to for _, to in ways.timed(stage))
