"""A loaded policy to the machine that folds by it. Pure; called once for each policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache

from lifecycle.rules import facts
from lifecycle.rules.guards import GuardCompiler, Read, View
from lifecycle.rules.machine import Choices, Machine, Rule, StageTable, Taker, TimeOf, TrackStep, TrackTable, TypeTable
from lifecycle.rules.names import PERSON, is_built_in
from lifecycle.rules.policy import Every, Fact, Policy, Stage, TaskRule, TimedMove, Track
from lifecycle.rules.schedule import end_of_work, start_of_day
from lifecycle.rules.vocabulary import checker

KEPT_SHIFTS = 1_024
"""Moments kept for each rule that follows a fact."""


def compile_policy(policy: Policy) -> Machine:
    """Return the machine of a loaded policy."""
    readers: dict[tuple[str, str], Read] = {}
    per = {name: track.per for name, track in policy.tracks.items()}
    compiler = GuardCompiler(readers, per)
    all_facts = [("", fact) for fact in policy.facts.values()]
    all_facts += [(name, fact) for name, track in policy.tracks.items() for fact in track.facts.values()]
    for track, fact in all_facts:
        readers[track, fact.name] = _reader(policy, compiler, fact, track)
    tables = {name: _track(policy, compiler, policy.tracks[name]) for name in sorted(policy.tracks)}
    types = {name: _type(policy, compiler, tables, name) for name in policy.types}
    lanes = tuple(None if lane.when is None else compiler.guard(lane.when, "") for lane in policy.lanes)
    return Machine(policy, types, tables, lanes, readers)


def _reader(policy: Policy, compiler: GuardCompiler, fact: Fact, track: str) -> Read:
    name = fact.name
    if fact.kind == "choose":
        choices = [(compiler.guard(choice.when, track), choice.target) for choice in fact.choices]
        return lambda view: next((target for holds, target in choices if holds(view)), None)
    kinds = [policy.types[each].field(field) for each, field in fact.fields.items() if field]
    kind = next((kind.kind for kind in kinds if kind is not None), None)
    read = facts.reader(fact, kind)
    if track:
        return lambda view: read(view.own.get(name), view.at)
    return lambda view: read(view.facts.get(name), view.at)


def _time_of(compiler: GuardCompiler, track: str, fact: str) -> TimeOf:
    read = compiler.fact_readers.get((track, fact)) or compiler.fact_readers["", fact]

    def time_of(view: View) -> datetime | None:
        value = read(view)
        if value is None or isinstance(value, datetime):
            return value
        return start_of_day(facts.as_day(value))

    return time_of


def _moment(compiler: GuardCompiler, track: str, spec: TaskRule | TimedMove) -> TimeOf | None:
    if spec.at is None:
        return None
    offset = spec.at.offset
    if offset is None:
        return _time_of(compiler, track, spec.at.fact)
    return _shifted(compiler, track, spec.at.fact, offset.before if spec.at.direction == "before" else offset.after)


def _floor(compiler: GuardCompiler, track: str, every: Every | None) -> TimeOf | None:
    if every is None or every.after is None:
        return None
    return _shifted(compiler, track, every.after, every.period.after)


def _shifted(compiler: GuardCompiler, track: str, fact: str, shift: Callable[[datetime], datetime]) -> TimeOf:
    # Looked at for every touchpoint, and mostly of a fact that has not changed since: so the shift is kept.
    time_of = _time_of(compiler, track, fact)
    kept = lru_cache(maxsize=KEPT_SHIFTS)(shift)
    return lambda view: None if (at := time_of(view)) is None else kept(at)


def _due(
    compiler: GuardCompiler, track: str, task: TaskRule, default: Callable[[datetime], datetime]
) -> Callable[[View, datetime], datetime]:
    due = task.due
    if not isinstance(due, str):
        return lambda view, opened_at: due.after(opened_at)
    read = compiler.fact_readers.get((track, due)) or compiler.fact_readers["", due]

    def due_at(view: View, opened_at: datetime) -> datetime:
        value = read(view)
        if value is None:
            return default(opened_at)
        return value if isinstance(value, datetime) else end_of_work(facts.as_day(value))

    return due_at


def _task_rules(compiler: GuardCompiler, track: str, task: TaskRule, order: int) -> list[Rule]:
    rule = Rule(
        name=task.name,
        slot_name=task.slot_name,
        order=order,
        task=task,
        move=None,
        when=None if task.when is None else compiler.guard(task.when, track),
        moment=_moment(compiler, track, task),
        floor=_floor(compiler, track, task.every),
        due=_due(compiler, track, task, task.expires.after),
        done_by={each: None if guard is None else compiler.guard(guard, track) for each, guard in task.done_by.items()},
    )
    return [rule] if task.or_else is None else [rule, *_task_rules(compiler, track, task.or_else, order)]


def _stage(policy: Policy, compiler: GuardCompiler, track: Track, stage: Stage) -> StageTable:
    tasks = (*stage.tasks, *(() if stage.review is None else (stage.review,)))
    rules = [rule for order, task in enumerate(tasks) for rule in _task_rules(compiler, track.name, task, order)]
    for order, move in enumerate(stage.later, len(tasks)):
        when = None if move.when is None else compiler.guard(move.when, track.name)
        moment = _moment(compiler, track.name, move)
        rules.append(Rule(move.name, move.slot_name, order, None, move, when, moment, None, None, {}))
    entry = tuple(rule for rule in rules if "/" not in rule.name or rule.move is not None)
    upon: dict[str, Choices] = {}
    for name, declared in policy.types.items():
        by_whom = None if is_built_in(name) else stage.any_by.get(declared.by) or track.any_by.get(declared.by)
        choices = stage.upon.get(name) or track.upon.get(name) or by_whom
        if choices:
            upon[name] = tuple(
                (None if choice.when is None else compiler.guard(choice.when, track.name), choice) for choice in choices
            )
    return StageTable(
        stage.name,
        stage,
        upon,
        {rule.name: rule for rule in rules},
        entry,
        tuple(rule for rule in entry if rule.moment is not None or rule.floor is not None),
    )


def _track(policy: Policy, compiler: GuardCompiler, track: Track) -> TrackTable:
    stages = {name: _stage(policy, compiler, track, stage) for name, stage in track.stages.items()}
    field = None if track.per == PERSON else track.per
    return TrackTable(track.name, track.slot_name, field, track.start, stages, track)


def _takers(compiler: GuardCompiler, known: Mapping[str, Fact], type_name: str, track: str) -> tuple[Taker, ...]:
    return tuple(
        Taker(
            fact.name,
            None if fact.when is None else compiler.guard(fact.when, track),
            facts.taker(fact, type_name),
        )
        for fact in known.values()
        if type_name in fact.fields
    )


def _type(policy: Policy, compiler: GuardCompiler, tables: Mapping[str, TrackTable], name: str) -> TypeTable:
    declared = policy.types[name]
    steps = []
    for table in tables.values():
        if table.field is not None and declared.field(table.field) is None:
            continue
        takers = _takers(compiler, table.track.facts, name, table.name)
        begins = name in table.track.begins
        moves = any(name in stage.upon for stage in table.stages.values())
        if begins or takers or moves:
            steps.append(TrackStep(table, begins, takers))
    return TypeTable(checker(declared), _takers(compiler, policy.facts, name, ""), tuple(steps), is_built_in(name))
