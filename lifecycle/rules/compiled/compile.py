"""A loaded policy to the machine that folds by it. Pure; called once for each policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from lifecycle.rules.compiled import built_in, facts
from lifecycle.rules.compiled.dependencies import Dependencies, dependencies_of
from lifecycle.rules.compiled.guards import GuardCompiler, Holds, Read, ReadMoment, View
from lifecycle.rules.compiled.machine import (
    Choices,
    Contact,
    Machine,
    Rule,
    StageTable,
    Taker,
    TrackStep,
    TrackTable,
    TypeTable,
    spec_of,
)
from lifecycle.rules.compiled.saying import Saying, compile_saying, facts_said
from lifecycle.rules.compiled.slides import slides_of
from lifecycle.rules.compiled.waits import WaitCompiler, compile_contact
from lifecycle.rules.language.aging import types_behind
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.calendar_steps import CalendarSteps
from lifecycle.rules.language.facts import facts_in
from lifecycle.rules.language.names import PERSON, is_built_in
from lifecycle.rules.language.policy import ByFact, Fact, Guard, Policy, Stage, TaskRule, TimedMove, Track
from lifecycle.rules.language.vocabulary import reader


def compile_policy(policy: Policy) -> Machine:
    """Return the machine of a loaded policy."""
    readers: dict[tuple[str, str], Read] = {}
    per = {name: track.per for name, track in policy.tracks.items()}
    moments: dict[tuple[str, str], ReadMoment] = {}
    dates = set[tuple[str, str]]()
    steps = CalendarSteps(WorkingTime(policy.calendar))
    guards = GuardCompiler(readers, moments, per, steps)
    all_facts = [("", fact) for fact in policy.facts.values()]
    all_facts += [(name, fact) for name, track in policy.tracks.items() for fact in track.facts.values()]
    for track, fact in _before_their_users(all_facts):
        readers[track, fact.name] = _reader(policy, guards, fact, track)
        kind = None if fact.kind == "choose" else _kind_of_fact(policy, fact)
        moments[track, fact.name] = _moment_reader(fact, kind, track)
        if kind == "date":
            dates.add((track, fact.name))
    readers.update(built_in.fact_readers())
    waits = WaitCompiler(steps, readers, moments, dates)
    contacts = {name: compile_contact(kind, policy.calendar, guards, waits) for name, kind in policy.contacts.items()}
    depends = dependencies_of(policy)
    compiler = _Compiler(policy, guards, waits, contacts, depends)
    tables = {name: compiler.track(policy.tracks[name]) for name in sorted(policy.tracks)}
    types = {name: compiler.type(tables, name) for name in policy.types}
    tables[built_in.TRACK.name] = compiler.track(built_in.TRACK)
    lanes = tuple(None if lane.when is None else guards.guard(lane.when, "") for lane in policy.lanes)
    most = max((kind.most[0] for kind in policy.contacts.values() if kind.most is not None), default=0)
    texts = frozenset(
        (track, fact.name)
        for track, fact in all_facts
        if any(_kind_of(policy, fact, each) == "text" for each in fact.fields)
    )
    slides = slides_of(policy, lambda name: moments["", name], steps)
    return Machine(
        policy, types, tables, contacts, most, lanes, readers, moments, texts, steps, depends.followed, slides
    )


def _before_their_users(facts: list[tuple[str, Fact]]) -> Iterator[tuple[str, Fact]]:
    """Yield (track or "", fact), what a `choose` fact chooses by before itself: the file's order means nothing."""
    waiting = facts
    while waiting:
        names = {(track, fact.name) for track, fact in waiting}
        later = []
        for track, fact in waiting:
            uses = {name for choice in fact.choices for name in facts_in(choice.when)}
            if any((track, name) in names or ("", name) in names for name in uses):
                later.append((track, fact))
            else:
                yield track, fact
        waiting = later


def _reader(policy: Policy, compiler: GuardCompiler, fact: Fact, track: str) -> Read:
    name = fact.name
    if fact.kind == "choose":
        return _chooser([(compiler.guard(choice.when, track), choice.target) for choice in fact.choices])
    read = facts.reader(fact, _kind_of_fact(policy, fact), compiler.steps)
    if track:
        return lambda view: read(view.own.get(name), view.at)
    return lambda view: read(view.facts.get(name), view.at)


def _chooser(choices: Sequence[tuple[Holds, Any]]) -> Read:
    """Return the reader of a `choose` fact: the first that fits."""

    def chosen(view: View) -> Any:
        for holds, target in choices:
            if holds(view):
                return target
        return None

    return chosen


def _moment_reader(fact: Fact, kind: str | None, track: str) -> ReadMoment:
    """Return how a fact is read as a moment; of a kind that holds none it is None."""
    name = fact.name
    if fact.kind not in ("first", "last"):
        return lambda view: None
    read = facts.moment_reader(kind)
    if track:
        return lambda view: read(view.own.get(name))
    return lambda view: read(view.facts.get(name))


def _kind_of_fact(policy: Policy, fact: Fact) -> str | None:
    """Return the kind of the field that a fact remembers; None where it remembers none."""
    return next((kind for each in fact.fields if (kind := _kind_of(policy, fact, each)) is not None), None)


def _kind_of(policy: Policy, fact: Fact, type_name: str) -> str | None:
    """Return the kind of the field that a fact remembers of a type; None where it remembers none."""
    field = fact.fields[type_name]
    declared = policy.types[type_name].field(field) if field else None
    return None if declared is None else declared.kind


def _ranks(policy: Policy) -> dict[int, int]:
    """Return the place of each timed rule in the policy as it is written, by identity."""
    rules: list[TaskRule | TimedMove] = []
    for track in (*policy.tracks.values(), built_in.TRACK):
        for stage in track.stages.values():
            for task in (*stage.tasks, *(() if stage.review is None else (stage.review,))):
                rules.append(task)
                while task.or_else is not None:
                    task = task.or_else
                    rules.append(task)
            rules += stage.later
    return {id(rule): rank for rank, rule in enumerate(rules)}


def _follows_a_fact(rule: Rule) -> bool:
    """Tell whether a fact decides when a rule is due."""
    spec = spec_of(rule)
    period = None if rule.task is None or rule.task.every is None else rule.task.every.period
    return (
        rule.moment is not None
        or rule.floor is not None
        or any(isinstance(each, ByFact) for each in (spec.after, period))
    )


class _Compiler:
    """Compiles tracks and types of one policy."""

    def __init__(
        self,
        policy: Policy,
        guards: GuardCompiler,
        waits: WaitCompiler,
        contacts: Mapping[str, Contact],
        depends: Dependencies,
    ) -> None:
        self.policy = policy
        self.guards = guards
        self.waits = waits
        self.contacts = contacts
        self.ranks = _ranks(policy)
        self.depends = depends

    def optional(self, guard: Guard | None, track: str) -> Holds | None:
        """Return the closure of a guard; None stays None."""
        return None if guard is None else self.guards.guard(guard, track)

    def task(self, track: str, task: TaskRule, order: int) -> list[Rule]:
        """Return a task's rule, followed by those of its escalation."""
        waits, every = self.waits, task.every
        rule = Rule(
            name=task.name,
            slot_name=task.slot_name,
            order=order,
            rank=self.ranks[id(task)],
            task=task,
            move=None,
            when=self.optional(task.when, track),
            wait=None if task.after is None else waits.after(task.after),
            period=None if every is None else waits.rhythm(every.period),
            moment=None if task.at is None else waits.moment(track, task.at),
            floor=None if every is None or every.after is None else waits.floor(track, every.period, every.after),
            due=waits.due(track, task.due, task.expires),
            due_moment=waits.due_moment(track, task.due) if isinstance(task.due, str) else None,
            expires=waits.after(task.expires),
            contact=self.contacts.get(task.contact),
            done_by={each: self.optional(guard, track) for each, guard in task.done_by.items()},
            saying=self.saying(track, task),
        )
        return [rule] if task.or_else is None else [rule, *self.task(track, task.or_else, order)]

    def saying(self, track: str, task: TaskRule) -> Saying:
        """Return what a task says."""
        own = self.policy.tracks[track].facts if track in self.policy.tracks else {}  # built in: without facts
        facts, everybody, named = {**self.policy.facts, **own}, self.policy.types, facts_said(task)
        chosen = {name for name in named & own.keys() if own[name].kind == "choose"}
        types = types_behind((named - own.keys()) | chosen, facts, everybody)
        own_types = types_behind((named & own.keys()) - chosen, facts, everybody)
        return compile_saying(
            task, self.policy.calendar.zone, partial(self.waits.reader, track), types=types, own_types=own_types
        )

    def move(self, track: str, move: TimedMove, order: int) -> Rule:
        """Return the rule of a timed move."""
        return Rule(
            name=move.name,
            slot_name=move.slot_name,
            order=order,
            rank=self.ranks[id(move)],
            task=None,
            move=move,
            when=self.optional(move.when, track),
            wait=None if move.after is None else self.waits.after(move.after),
            period=None,
            moment=None if move.at is None else self.waits.moment(track, move.at),
            floor=None,
            due=None,
            due_moment=None,
            expires=None,
            contact=None,
            done_by={},
            saying=None,
        )

    def stage(self, track: Track, stage: Stage) -> StageTable:
        """Return a stage's table; which list counts for a type is decided here, once."""
        tasks = (*stage.tasks, *(() if stage.review is None else (stage.review,)))
        rules = [rule for order, task in enumerate(tasks) for rule in self.task(track.name, task, order)]
        rules += [self.move(track.name, move, order) for order, move in enumerate(stage.later, len(tasks))]
        entry = tuple(rule for rule in rules if "/" not in rule.name or rule.move is not None)
        upon: dict[str, Choices] = {}
        for name, declared in self.policy.types.items():
            by_whom = None if is_built_in(name) else stage.any_by.get(declared.by) or track.any_by.get(declared.by)
            choices = stage.upon.get(name) or track.upon.get(name) or by_whom
            if choices:
                upon[name] = tuple((self.optional(choice.when, track.name), choice) for choice in choices)
        following = tuple(rule for rule in entry if _follows_a_fact(rule))
        return StageTable(stage.name, stage, upon, {rule.name: rule for rule in rules}, entry, following)

    def track(self, track: Track) -> TrackTable:
        """Return a track's table."""
        stages = {name: self.stage(track, stage) for name, stage in track.stages.items()}
        field = None if track.per == PERSON else track.per
        marks = self.depends.of_track.get(track.name, 0)
        return TrackTable(track.name, track.slot_name, field, track.start, stages, track, marks)

    def takers(self, known: Mapping[str, Fact], type_name: str, track: str) -> tuple[Taker, ...]:
        """Return how the facts of a track (or of the policy) take in a type."""
        takers = []
        for fact in known.values():
            if type_name not in fact.fields:
                continue
            kind = _kind_of(self.policy, fact, type_name)
            text_field = fact.fields[type_name] if kind == "text" else ""
            take = facts.taker(fact, type_name, kind, self.waits.steps)
            marks = 0 if track else self.depends.of_fact.get(fact.name, 0)
            follows = frozenset() if track else self.depends.followed_by.get(fact.name, frozenset())
            when = self.optional(fact.when, track)
            rises = not track and fact.name in self.depends.rising
            takers.append(Taker(fact.name, when, take, fact.kind, text_field, marks, follows, rises))
        return tuple(takers)

    def type(self, tables: Mapping[str, TrackTable], name: str) -> TypeTable:
        """Return what a type means for a person."""
        declared = self.policy.types[name]
        steps, doers = [], []
        keys: dict[str, list[str]] = {}
        for table in tables.values():
            if table.field is not None and declared.field(table.field) is None:
                continue
            takers = self.takers(table.track.facts, name, table.name)
            begins = name in table.track.begins
            moves = any(name in stage.upon for stage in table.stages.values())
            if begins or takers or moves:
                steps.append(TrackStep(table, begins, takers))
            does = any(name in rule.done_by for stage in table.stages.values() for rule in stage.rules.values())
            if does:
                doers.append(table)
            if table.field is not None and (begins or takers or moves or does):
                keys.setdefault(table.field, []).append(table.name)
        takers = self.takers(self.policy.facts, name, "")
        named = tuple((field, tuple(tracks)) for field, tracks in keys.items())
        sayings = (
            rule.saying for table in tables.values() for stage in table.stages.values() for rule in stage.rules.values()
        )
        is_said = any(saying is not None and name in saying.types for saying in sayings)
        read = reader(declared, self.waits.steps.calendar)
        return TypeTable(read, takers, tuple(steps), tuple(doers), named, is_built_in(name), is_said)
