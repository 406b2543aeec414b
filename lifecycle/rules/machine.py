"""A policy compiled for folding: tables by touchpoint type and stage, guards as closures.

Built once for each policy by `compile_policy`, then only read. Tracks are in the order of their names
wherever order could show, so that their order in the file never matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lifecycle.record import Fault
from lifecycle.rules import facts
from lifecycle.rules.guards import GuardCompiler, Holds, Read, View
from lifecycle.rules.names import PERSON, is_built_in
from lifecycle.rules.policy import Choice, Every, Fact, Policy, Stage, TaskRule, TimedMove, Track
from lifecycle.rules.schedule import end_of_work, start_of_day
from lifecycle.rules.vocabulary import checker
from lifecycle.touchpoint import Touchpoint

TimeOf = Callable[[View], datetime | None]
Choices = tuple[tuple[Holds | None, Choice], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A timed rule of a stage, compiled. Exactly one of `task` and `move` is given.

    `order` is the place in the stage. `moment` is the time of the fact for `at` rules, `floor` the time before
    which an `every ... after fact` does not open. `done_by` maps types to guards.
    """

    name: str
    slot_name: str
    order: int
    task: TaskRule | None
    move: TimedMove | None
    when: Holds | None
    moment: TimeOf | None
    floor: TimeOf | None
    due: Callable[[View, datetime], datetime] | None
    done_by: Mapping[str, Holds | None]

    @property
    def every(self) -> Every | None:
        return None if self.task is None else self.task.every

    def first_due(self, view: View, since: datetime) -> datetime | None:
        """Return when this rule is due for a stage entered at `since` (= view.at); None: its fact is missing."""
        spec = self.task if self.task is not None else self.move
        assert spec is not None
        if self.moment is not None:
            moment = self.moment(view)
            due = None if moment is None else max(moment, view.at)
        elif spec.after is not None:
            due = spec.after.after(since)
        elif self.every is not None:
            due = self.every.period.after(since)
        else:
            due = since
        return self.not_before_floor(view, due)

    def next_due(self, view: View, closed_at: datetime) -> datetime:
        """Return when a repeated rule is due again after its last one was closed."""
        assert self.every is not None
        due = self.not_before_floor(view, self.every.period.after(closed_at))
        assert due is not None
        return due

    def not_before_floor(self, view: View, due: datetime | None) -> datetime | None:
        if self.floor is None or due is None:
            return due
        floor = self.floor(view)
        return due if floor is None else max(due, floor)


@dataclass(frozen=True, slots=True)
class StageTable:
    """A stage compiled: what touchpoints do (by type, precedence resolved), and its rules in order.

    `entry` are the rules that are scheduled on entry, `following` those of them that follow a fact.
    """

    name: str
    stage: Stage
    upon: Mapping[str, Choices]
    rules: Mapping[str, Rule]
    entry: tuple[Rule, ...]
    following: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class TrackTable:
    """A track compiled. `field` is the data field of the key (None: per person)."""

    name: str
    slot_name: str
    field: str | None
    start: str
    stages: Mapping[str, StageTable]
    track: Track


@dataclass(frozen=True, slots=True)
class Taker:
    """How one fact takes in one type."""

    name: str
    when: Holds | None
    take: facts.Take


@dataclass(frozen=True, slots=True)
class TrackStep:
    """What one type means for one track: may it begin an instance, and which of its facts take it in."""

    table: TrackTable
    begins: bool
    takers: tuple[Taker, ...]


@dataclass(frozen=True, slots=True)
class TypeTable:
    """What one touchpoint type means for a person."""

    check: Callable[[Touchpoint], Fault | None]
    takers: tuple[Taker, ...]
    steps: tuple[TrackStep, ...]
    is_outcome: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """A compiled policy. `fact_readers` reads a fact by (track or "", name)."""

    policy: Policy
    types: Mapping[str, TypeTable]
    tracks: Mapping[str, TrackTable]
    lanes: tuple[Holds | None, ...]
    fact_readers: Mapping[tuple[str, str], Read]

    def lane_of(self, view: View) -> int:
        """Return the index of the first lane whose guard holds; the last lane takes everybody else."""
        for index, holds in enumerate(self.lanes):
            if holds is None or holds(view):
                return index
        return len(self.lanes) - 1


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
    time_of = _time_of(compiler, track, spec.at.fact)
    offset = spec.at.offset
    if offset is None:
        return time_of
    shift = offset.before if spec.at.direction == "before" else offset.after
    return lambda view: None if (at := time_of(view)) is None else shift(at)


def _floor(compiler: GuardCompiler, track: str, every: Every | None) -> TimeOf | None:
    if every is None or every.after is None:
        return None
    time_of = _time_of(compiler, track, every.after)
    period = every.period
    return lambda view: None if (at := time_of(view)) is None else period.after(at)


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
