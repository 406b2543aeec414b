"""What each touchpoint type of a policy means for a person, compiled. Called by compile.py; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lifecycle.rules.compiled import facts
from lifecycle.rules.compiled.dependencies import Dependencies
from lifecycle.rules.compiled.guards import GuardCompiler
from lifecycle.rules.compiled.machine import Taker, TrackStep, TrackTable, TypeTable
from lifecycle.rules.compiled.quick_fit import fits_lines, names_of
from lifecycle.rules.compiled.readings import AS_THEY_ARE, kind_of
from lifecycle.rules.compiled.taking import Meaning, Reach, take_function
from lifecycle.rules.language.names import is_built_in
from lifecycle.rules.language.policy import Fact, Policy
from lifecycle.rules.language.vocabulary import reader


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

    def takers(self, known: Mapping[str, Fact], type_name: str, track: str) -> list[tuple[Taker, str]]:
        """Return how the facts of a track (or of the policy) take in a type, each with the text of its guard."""
        takers = []
        guards = self.guards.of_type(names_of(self.policy.types[type_name]))
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

    def type(self, tables: Mapping[str, TrackTable], name: str) -> TypeTable:
        """Return what a type means for a person."""
        declared = self.policy.types[name]
        reaches, doers = [], []
        keys: dict[str, list[str]] = {}
        for table in tables.values():
            if table.field is not None and declared.field(table.field) is None:
                continue
            takers = self.takers(table.track.facts, name, table.name)
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
        named = tuple((field, tuple(tracks)) for field, tracks in keys.items())
        sayings = (
            rule.saying for table in tables.values() for stage in table.stages.values() for rule in stage.rules.values()
        )
        is_said = any(saying is not None and name in saying.types for saying in sayings)
        read = reader(declared, self.guards.steps.calendar)
        is_hidden = not keys.keys() <= {reach.table.field for reach in reaches}
        meaning = Meaning(
            name,
            names_of(declared),
            fits_lines(self.guards.writer, declared),
            reaches,
            self.takers(self.policy.facts, name, ""),
            is_hidden=is_hidden,
            does=bool(doers),
            is_outcome=is_built_in(name),
        )
        return TypeTable(
            read=read,
            take=take_function(self.guards.writer, meaning),
            steps=tuple(TrackStep(reach.table, bool(reach.takers)) for reach in reaches),
            does=tuple(doers),
            done_by=_done_by(name, doers),
            keys=named,
            is_outcome=is_built_in(name),
            is_said=is_said,
        )


def _done_by(type_name: str, tables: Sequence[TrackTable]) -> frozenset[tuple[str, str, str]]:
    """Return the rules of which a type can do the tasks, as (track, stage, rule)."""
    return frozenset(
        (table.name, stage.name, rule.name)
        for table in tables
        for stage in table.stages.values()
        for rule in stage.rules.values()
        if type_name in rule.done_by
    )
