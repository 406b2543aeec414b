"""What each touchpoint type of a policy means for a person, compiled. Called by compile.py; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from lifecycle.rules.compiled import facts
from lifecycle.rules.compiled.dependencies import Dependencies
from lifecycle.rules.compiled.guards import GuardCompiler
from lifecycle.rules.compiled.machine import Taker, TrackStep, TrackTable, TypeTable
from lifecycle.rules.compiled.quick_fit import fits_lines, has_limits, names_of
from lifecycle.rules.compiled.readings import AS_THEY_ARE, kind_of
from lifecycle.rules.compiled.taking import Meaning, Reach, take_function
from lifecycle.rules.language.names import is_built_in
from lifecycle.rules.language.policy import Fact, Policy, TouchpointType
from lifecycle.rules.language.schedule import Duration
from lifecycle.rules.language.vocabulary import reader
from lifecycle.rules.language.windows import Window, is_daily


def compile_types(
    policy: Policy, guards: GuardCompiler, depends: Dependencies, tables: Mapping[str, TrackTable]
) -> Mapping[str, TypeTable]:
    """Return what each type of a policy means, by name; `tables` are its tracks in their order."""
    compiler = _TypeCompiler(policy, guards, depends)
    return {name: compiler.type(tables, name) for name in policy.types}


class _TypeCompiler:
    def __init__(self, policy: Policy, guards: GuardCompiler, depends: Dependencies) -> None:
        self.policy = policy
        self.guards = guards
        self.depends = depends
        self.windows: dict[tuple[str, Duration], Window] = {}

    def takers(self, known: Mapping[str, Fact], declared: TouchpointType, track: str) -> list[tuple[Taker, str]]:
        """Return how the facts of a track (or of the policy) take in a type, each with the text of its guard."""
        takers, type_name = [], declared.name
        guards = self.guards.of_type(names_of(declared))
        for fact in known.values():
            if type_name not in fact.fields:
                continue
            kind = kind_of(self.policy, fact, type_name)
            field = fact.fields[type_name]
            take = facts.taker(fact, type_name, kind, self.guards.steps)
            is_plain = fact.within is None
            marks = 0 if track else self.depends.of_fact.get(fact.name, 0)
            follows = 0 if track else self.depends.followed_by.get(fact.name, 0)
            guard = "" if fact.when is None else guards.text(fact.when, track)
            taker = Taker(
                name=fact.name,
                take=take,
                kind=fact.kind,
                is_time=is_plain and not field,
                is_plain=is_plain,
                window=self.window(fact),
                field=field,
                is_as_it_is=kind in AS_THEY_ARE,
                text_field=field if kind == "text" else "",
                marks=marks,
                follows=follows,
                followers=self.depends.followed.named(follows),
                rises=not track and fact.name in self.depends.rising,
            )
            takers.append((taker, guard))
        return takers

    def window(self, fact: Fact) -> Window | None:
        """Return the window of a count by whole days; None of any other fact."""
        if fact.kind != "count" or fact.within is None or not is_daily(fact.within):
            return None
        return self.windows.setdefault((fact.name, fact.within), Window(fact.within, self.guards.steps))

    def type(self, tables: Mapping[str, TrackTable], name: str) -> TypeTable:
        """Return what a type means for a person."""
        meaning, doers, keys = self.meaning(tables, self.policy.types[name])
        sayings = (
            rule.saying for table in tables.values() for stage in table.stages.values() for rule in stage.rules.values()
        )
        return TypeTable(
            read=reader(self.policy.types[name], self.guards.steps.calendar),
            take=take_function(self.guards.writer, meaning, self.shapes(tables, name, keys)),
            steps=tuple(TrackStep(reach.table, bool(reach.takers)) for reach in meaning.reaches),
            does=tuple(doers),
            done_by=_done_by(name, doers),
            keys=tuple((field, tuple(tracks)) for field, tracks in keys.items()),
            is_outcome=is_built_in(name),
            is_said=any(saying is not None and name in saying.types for saying in sayings),
        )

    def shapes(self, tables: Mapping[str, TrackTable], name: str, keys: Collection[str]) -> Mapping[str, Meaning]:
        """Return what a type means that has one of its optional keys and nothing else optional, by that key.

        Such are most touchpoints of a type with several: about one need, or one case.
        """
        declared = self.policy.types[name]
        if len(declared.optional) < 2 or has_limits(declared):
            return {}
        found = {}
        for key, kind in declared.optional.items():
            if key in keys:
                whole = replace(declared, required={**declared.required, key: kind}, optional={})
                meaning, _, _ = self.meaning(tables, whole)
                found[key] = meaning._replace(is_whole=True)
        return found

    def meaning(
        self, tables: Mapping[str, TrackTable], declared: TouchpointType
    ) -> tuple[Meaning, list[TrackTable], dict[str, list[str]]]:
        """Return what is written out of a type, the tracks with tasks that it does, and the tracks of each key."""
        name, reaches, doers = declared.name, [], []
        keys: dict[str, list[str]] = {}
        for table in tables.values():
            if table.field is not None and declared.field(table.field) is None:
                continue
            takers = self.takers(table.track.facts, declared, table.name)
            begins = name in table.track.begins
            moves = any(name in stage.upon for stage in table.stages.values())
            if begins or takers or moves:
                own = table.track.facts
                is_followed = any(name in own[each].fields for each in self.depends.own.get(table.name, ()))
                reaches.append(Reach(table, begins, takers, is_followed))
            does = any(name in rule.done_by for stage in table.stages.values() for rule in stage.rules.values())
            if does:
                doers.append(table)
            if table.field is not None and (begins or takers or moves or does):
                keys.setdefault(table.field, []).append(table.name)
        meaning = Meaning(
            name,
            names_of(declared),
            fits_lines(self.guards.writer, declared),
            reaches,
            self.takers(self.policy.facts, declared, ""),
            is_hidden=not keys.keys() <= {reach.table.field for reach in reaches},
            does=bool(doers),
            is_outcome=is_built_in(name),
            is_whole=False,
        )
        return meaning, doers, keys


def _done_by(type_name: str, tables: Sequence[TrackTable]) -> frozenset[tuple[str, str, str]]:
    """Return the rules of which a type can do the tasks, as (track, stage, rule)."""
    return frozenset(
        (table.name, stage.name, rule.name)
        for table in tables
        for stage in table.stages.values()
        for rule in stage.rules.values()
        if type_name in rule.done_by
    )
