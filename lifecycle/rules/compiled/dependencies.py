"""What decides what, compiled: so that a touchpoint that changes none of it costs nothing.

Three things are worked out anew only when something that they look at has changed: the lane of a person, which kinds of
contact they do not want, and when the rules are due whose moment or length a fact decides. What they look at is facts
of the person, those that a `choose` fact chooses by included, and stages. What ages without news is slides.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lifecycle.rules.compiled.machine import FOLLOWED, LANE, PLACE, STOPS, Followed
from lifecycle.rules.language.facts import facts_in
from lifecycle.rules.language.policy import (
    ByFact,
    Compare,
    Fact,
    Guard,
    Policy,
    Stage,
    TaskRule,
    TimedMove,
    Wait,
    waits_of,
)

_KEPT_SETS = 256
"""Sets of tracks of which the names are remembered."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """By fact of the person, and by track whose instances enter a stage: what is to be worked out anew (machine.py).

    `bits` names each track by a bit. `own` names, for each track, the facts of its own that decide when its rules are
    due; `followed_by`, for each fact of the person, the tracks whose rules follow it, as bits. `rising` are those of
    these facts by which rules only become later: the last time of a touchpoint, from which a wait counts.
    """

    of_fact: Mapping[str, int]
    of_track: Mapping[str, int]
    bits: Mapping[str, int]
    own: Mapping[str, frozenset[str]]
    followed_by: Mapping[str, int]
    rising: frozenset[str]
    followed: Followed


def dependencies_of(policy: Policy) -> Dependencies:
    """Return what depends on what in a policy."""
    bits = {name: 1 << number for number, name in enumerate(sorted(policy.tracks))}
    of_person, own, followed = _followed(policy, bits)
    of_fact = dict.fromkeys(of_person, FOLLOWED)
    of_track = dict.fromkeys(policy.tracks, FOLLOWED) if followed.by_stages else {}
    for mark, guards in (
        (LANE, [lane.when for lane in policy.lanes]),
        (STOPS, [kind.stops for kind in policy.contacts.values()]),
    ):
        names = _with_those_behind(set[str]().union(*map(facts_in, guards)), policy.facts)
        behind = [choice.when for name in names for choice in policy.facts[name].choices]
        for name in names:
            of_fact[name] = of_fact.get(name, 0) | mark
        for track in _stages_in([*guards, *behind]):
            of_track[track] = of_track.get(track, 0) | mark
    for name in filter(None, (policy.calendar.zone_from, policy.calendar.holidays_from)):
        for each in _with_those_behind({name}, policy.facts):
            of_fact[each] = of_fact.get(each, 0) | PLACE
    return Dependencies(of_fact, of_track, bits, own, of_person, _rising(policy), followed)


def _followed(
    policy: Policy, bits: Mapping[str, int]
) -> tuple[Mapping[str, int], Mapping[str, frozenset[str]], Followed]:
    """Return the tracks whose rules follow a fact of the person, by fact, those of its own, by track, and what else."""
    of_person, own, by_stages, by_due = dict[str, int](), dict[str, frozenset[str]](), 0, 0
    for track in policy.tracks.values():
        known = {**policy.facts, **track.facts}
        rules = [rule for stage in track.stages.values() for rule in _rules(stage)]
        followed = _with_those_behind({name for rule in rules for name in _named(rule)}, known)
        own[track.name] = frozenset(followed & track.facts.keys())
        for name in followed & policy.facts.keys():
            of_person[name] = of_person.get(name, 0) | bits[track.name]
        if any(True for _ in _stages_in(choice.when for name in followed for choice in known[name].choices)):
            by_stages |= bits[track.name]
        if any(isinstance(rule, TaskRule) and isinstance(rule.due, str) for rule in rules):
            by_due |= bits[track.name]
    return of_person, own, Followed(by_stages, by_due, sum(bits.values()), _names_of(bits))


def _names_of(bits: Mapping[str, int]) -> Callable[[int], Sequence[str]]:
    """Return what gives the tracks of bits, remembered: a policy has few sets of tracks that change together."""
    return lru_cache(maxsize=_KEPT_SETS)(lambda asked: tuple(name for name, bit in bits.items() if bit & asked))


def _rules(stage: Stage) -> Iterator[TaskRule | TimedMove]:
    """Yield every timed rule of a stage, escalations too."""
    yield from stage.later
    for task in (*stage.tasks, stage.review):
        while task is not None:
            yield task
            task = task.or_else


def _named(rule: TaskRule | TimedMove) -> Iterator[str]:
    """Yield the facts that decide when a rule is due, or the task that it opens."""
    waits: list[Wait | str | None] = [rule.after]
    if rule.at is not None:
        waits += [rule.at.fact, rule.at.offset]
    if isinstance(rule, TaskRule):
        waits += [rule.due, rule.expires]
        if rule.every is not None:
            waits += [rule.every.period, rule.every.after]
    for wait in waits:
        if isinstance(wait, ByFact):
            yield wait.fact
        elif isinstance(wait, str):
            yield wait


def _with_those_behind(names: set[str], known: Mapping[str, Fact]) -> set[str]:
    """Return these facts, and all that `choose` facts among them choose by."""
    found, waiting = set[str](), set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= {each for choice in known[name].choices for each in facts_in(choice.when)} - found
    return found


def _rising(policy: Policy) -> frozenset[str]:
    """Return the facts of the person of which each new value makes whatever follows them later, or leaves it."""
    falling, waited = set[str](), set[str]()
    for track in policy.tracks.values():
        for stage in track.stages.values():
            for rule in _rules(stage):
                counted = set(_counted_from(rule))
                waited |= counted
                named = {name for name in _named(rule) if name not in counted}
                falling |= _with_those_behind(named, {**policy.facts, **track.facts})
    return frozenset(
        name
        for name in (waited - falling) & policy.facts.keys()
        if policy.facts[name].kind == "last" and not any(policy.facts[name].fields.values())
    )


def _counted_from(rule: TaskRule | TimedMove) -> Iterator[str]:
    """Yield the facts from which a wait of some length counts forward to when the rule is due."""
    if rule.at is not None and rule.at.offset is not None and rule.at.direction == "after" and _is_long(rule.at.offset):
        yield rule.at.fact
    every = rule.every if isinstance(rule, TaskRule) else None
    if every is not None and every.after is not None and _is_long(every.period):
        yield every.after


def _is_long(wait: Wait) -> bool:
    return all(each.number > 0 for each in waits_of(wait))


def _stages_in(guards: Iterable[Guard | None]) -> Iterator[str]:
    """Yield the tracks at whose stages guards look."""
    for guard in guards:
        for each in () if guard is None else guard.conditions:
            if not isinstance(each, Compare):
                yield from _stages_in(each.guards)
            elif each.space in ("stage", "any"):
                yield each.name
