"""Whether a kind of contact that is stopped was stopped by something that was recorded: an opt-out, and nothing else.

A task of a stopped kind is never asked. That is right where somebody said so, and forgetting where the `stops` of the
kind holds for everybody, for whoever is new, or as time passes. So a kind counts at a stage only if people can come
there while its `stops` does not hold: of whom nothing is recorded but what every way there demands. Facts are looked at
as they are then and once more when every window has passed; stages of tracks count as recorded where neither the
beginning of the track, nor time alone, nor the touchpoint at hand leads there. Who is not to hear from us for a while,
because of news that is not theirs, has not opted out. Called by losses.py and loops.py only. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from lifecycle.rules.language.policy import (
    AnyOf,
    Compare,
    Condition,
    ContactKind,
    Fact,
    Given,
    Guard,
    Money,
    NoneOf,
    OneOf,
    Policy,
    Test,
    Track,
    Within,
)
from lifecycle.rules.proof.classes import Possible
from lifecycle.rules.proof.guards import Decider, compares
from lifecycle.rules.proof.paths import Way, Ways, meant_by
from lifecycle.rules.proof.values import Left, Value, When, fits

_ALWAYS = Guard(())


class OptOuts:
    """Tells which kinds of contact are stopped by an opt-out only. `ways` are those of every track."""

    def __init__(self, policy: Policy, ways: Mapping[str, Ways]) -> None:
        self.policy, self.ways = policy, ways
        self._known: dict[tuple[str, str], frozenset[str]] = {}

    def counts(self, kind: ContactKind | None, ways: Ways, stage: str) -> bool:
        """Tell whether people can stand in a stage while nothing that was recorded stops this kind of contact."""
        if kind is None or kind.stops is None:
            return True
        if self._ages_by_others(kind.stops):
            return False
        key = (kind.name, ways.track.name)
        if key not in self._known:
            self._known[key] = frozenset(self._open(kind.stops, ways))
        return stage in self._known[key]

    def _ages_by_others(self, stops: Guard) -> bool:
        """Tell whether a guard looks at a window of news that is not the person's: that is a pause, and no opt-out."""
        for each in compares(_expanded(stops, self.policy.facts)):
            fact = self.policy.facts[each.name] if each.space == "fact" else None
            is_window = fact is not None and (fact.within is not None or isinstance(each.test, Within))
            if fact is not None and is_window and any(self.policy.types[name].by != "person" for name in fact.fields):
                return True
        return False

    def _open(self, stops: Guard, ways: Ways) -> set[str]:
        """Return the stages that people can come to while a guard does not hold, whatever way leads there last."""
        stops = _expanded(stops, self.policy.facts)
        feeding = {
            name for each in compares(stops) if each.space == "fact" for name in self.policy.facts[each.name].fields
        }
        # What moves a track that is looked at, too.
        feeding |= {
            name
            for each in compares(stops)
            if each.space != "fact" and self.ways[each.name] is not ways
            for name in self.ways[each.name].types
        }

        def may_go(way: Way) -> bool:
            begins = any(way is each for each in ways.in_ways)
            return not (begins or way.type in feeding) or self._may_not_hold(stops, ways, way)

        reached = set(ways.reached(may_go))
        if ways.track.start not in reached and any(map(may_go, ways.in_ways)):
            reached.add(ways.track.start)
        # A touchpoint that brings everybody in and stops them at the same time is no opt-out.
        everywhere = (way for out in ways.out.values() for way in out if way.type in feeding)
        return reached - {way.to for way in everywhere if not self._may_not_hold(stops, ways, way)}

    def _may_not_hold(self, stops: Guard, ways: Ways, way: Way) -> bool:
        """Tell whether somebody can go a way of whom nothing is recorded that makes a guard hold, now or later."""
        guard = self._of_stages(stops, ways.track, way)
        guard = _as_fields(guard, self.policy.facts, way.type)
        read = {each.name for each in compares(stops) if each.space == "fact"}
        known = {name: way.to not in ways.may_lack(self.policy.facts[name]) for name in read}
        given = () if way.guard is None else way.guard.conditions
        not_stopped = Guard((*given, NoneOf((guard,), ways.track.place)))
        for is_fresh in (True, False):
            decider = Decider(self.policy)
            decider.possible = _Recorded(decider.possible, known, is_fresh=is_fresh)
            verdict = decider.guards((not_stopped,), ways.track.name, way.type or None)
            if verdict.is_complex or not verdict.holds[0]:
                return False
        return True

    def _of_stages(self, guard: Guard, track: Track, way: Way, *, is_inside_none: bool = False) -> Guard:
        """Return a guard with what it says of stages decided: whether it can be so with nothing recorded."""
        found: list[Condition] = []
        for each in guard.conditions:
            if isinstance(each, AnyOf | NoneOf):
                inside = is_inside_none is not isinstance(each, NoneOf)
                guards = tuple(self._of_stages(inner, track, way, is_inside_none=inside) for inner in each.guards)
                found.append(replace(each, guards=guards))
            elif each.space in ("stage", "any"):
                alone = self._comes_alone(each, track, way, wanted=not is_inside_none)
                found.append(AnyOf((_ALWAYS,) if alone is not is_inside_none else (), each.place))
            else:
                found.append(each)
        return Guard(tuple(found))

    def _comes_alone(self, compare: Compare, here: Track, way: Way, *, wanted: bool) -> bool:
        """Tell whether a track comes to where a comparison of its stages holds (or does not: `wanted`) by itself.

        Or by the touchpoint that leads along a way, whatever that says besides.
        """
        ways = self.ways[compare.name]
        is_any = compare.space == "any"

        def is_so(value: str | None) -> bool:
            seen: Value = value
            if is_any:
                seen = frozenset() if value is None else frozenset({value})
            return fits(compare.test, seen) is wanted

        if is_so(None) or is_so(ways.track.start) or (ways.track is here and is_so(way.to)):
            return True
        if ways.track is not here and way.type in ways.types and self._surely_goes(ways, way.type, is_so):
            return True
        before = ways.reached(lambda way: not is_so(way.to))
        return any(is_so(to) for name in before for _, to in ways.timed(name))

    def _surely_goes(self, ways: Ways, type_name: str, is_so: Callable[[str | None], bool]) -> bool:
        """Tell whether a touchpoint leads those of whom nothing is recorded from a start to certain stages."""
        choices = ways.list_for(ways.track.stages[ways.track.start], type_name)
        there = [meant_by(choice, choices) for choice in choices if is_so(str(choice.target))]
        if not there or None in there:
            return bool(there)
        elsewhere = Guard((NoneOf(tuple(guard for guard in there if guard is not None), ways.track.place),))
        decider = Decider(self.policy)
        facts = {**self.policy.facts, **ways.track.facts}
        read = {each.name for each in compares(elsewhere) if each.space == "fact" and not facts[each.name].choices}
        decider.possible = _Recorded(decider.possible, dict.fromkeys(read, False), is_fresh=True)
        return not decider.can_hold(elsewhere, ways.track.name, type_name)


class _Recorded(Possible):
    """What facts can be while nothing is recorded but what must have been, and the news at hand.

    `known` has the facts that are looked at so, each with whether it surely has a value; others are free.
    """

    def __init__(self, possible: Possible, known: Mapping[str, bool], *, is_fresh: bool) -> None:
        super().__init__(possible.policy, possible.may_be_missing)
        self.known, self.is_fresh = known, is_fresh

    def values(self, left: Left, tests: Iterable[Test], track: str, type_name: str | None) -> tuple[Value, ...]:
        every = super().values(left, tuple(tests), track, type_name)
        if left.space != "fact" or left.name not in self.known:
            return every
        fact = self.fact(left.name, track)
        is_there = self.known[left.name] or (type_name is not None and type_name in fact.fields)
        if not is_there or (fact.within is not None and not self.is_fresh):
            return _nothing(fact, left)
        if self.is_fresh:
            return every
        aged = tuple(each for each in every if not isinstance(each, When) or not each.within)
        return aged or tuple(replace(each, within=frozenset()) for each in every if isinstance(each, When))


def _nothing(fact: Fact, left: Left) -> tuple[Value, ...]:
    """Return what a fact is before anything happened."""
    if fact.kind == "ever":
        return (False,)
    if fact.kind == "count":
        return (0,)
    if fact.kind == "sum":
        return (Money(Decimal(0), left.currency) if left.currency else Decimal(0),)
    return (frozenset(),) if fact.kind == "set" else (None,)


def _expanded(guard: Guard, facts: Mapping[str, Fact]) -> Guard:
    """Return a guard in which each `choose` fact is replaced by the guards of the lines that it may be."""
    found: list[Condition] = []
    for each in guard.conditions:
        if isinstance(each, AnyOf | NoneOf):
            found.append(replace(each, guards=tuple(_expanded(inner, facts) for inner in each.guards)))
        elif each.space == "fact" and facts[each.name].choices:
            choices = facts[each.name].choices
            is_missing = isinstance(each.test, Given) and not each.test.given
            lines = [choice for choice in choices if is_missing or _chosen(each.test, choice.target)]
            guards = tuple(_expanded(meant_by(choice, choices) or _ALWAYS, facts) for choice in lines)
            found.append(NoneOf(guards, each.place) if is_missing else AnyOf(guards, each.place))
        else:
            found.append(each)
    return Guard(tuple(found))


def _chosen(test: Test, target: str | bool) -> bool:
    return isinstance(test, Given) or (isinstance(test, OneOf) and target in test.values)


def _as_fields(guard: Guard, facts: Mapping[str, Fact], type_name: str) -> Guard:
    """Return a guard that asks the touchpoint at hand for what a `last` fact has just taken from it."""
    found: list[Condition] = []
    for each in guard.conditions:
        if isinstance(each, AnyOf | NoneOf):
            found.append(replace(each, guards=tuple(_as_fields(inner, facts, type_name) for inner in each.guards)))
            continue
        fact = facts.get(each.name) if each.space == "fact" else None
        field = fact.fields.get(type_name, "") if fact is not None and fact.kind == "last" and fact.when is None else ""
        found.append(replace(each, space="field", name=field) if field else each)
    return Guard(tuple(found))
