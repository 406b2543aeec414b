"""A loaded policy to the machine that folds by it. Pure; called once for each policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from lifecycle.rules.compiled import built_in
from lifecycle.rules.compiled.dependencies import Dependencies, dependencies_of
from lifecycle.rules.compiled.entering import enter_function, follow_function
from lifecycle.rules.compiled.guards import GuardCompiler, Holds, Read, ReadMoment, View
from lifecycle.rules.compiled.machine import (
    Choices,
    Contact,
    Machine,
    Rule,
    StageTable,
    TrackTable,
    spec_of,
)
from lifecycle.rules.compiled.meaning import compile_types
from lifecycle.rules.compiled.opening import OpeningCompiler
from lifecycle.rules.compiled.readings import before_their_users, kind_of, kind_of_fact, moment_text, value_text
from lifecycle.rules.compiled.saying import Saying, compile_saying, facts_said
from lifecycle.rules.compiled.slides import slides_of
from lifecycle.rules.compiled.waits import WaitCompiler
from lifecycle.rules.compiled.writing import Writer
from lifecycle.rules.language.aging import types_behind
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.calendar_steps import CalendarSteps
from lifecycle.rules.language.names import PERSON, is_built_in
from lifecycle.rules.language.policy import ByFact, Choice, Guard, Policy, Stage, TaskRule, TimedMove, Track


def compile_policy(policy: Policy) -> Machine:
    """Return the machine of a loaded policy."""
    readers: dict[tuple[str, str], Read] = {}
    per = {name: track.per for name, track in policy.tracks.items()}
    moments: dict[tuple[str, str], ReadMoment] = {}
    dates = set[tuple[str, str]]()
    steps = CalendarSteps(WorkingTime(policy.calendar))
    writer, texts_of_values, texts_of_moments = Writer(), dict[tuple[str, str], str](), dict[tuple[str, str], str]()
    guards = GuardCompiler(texts_of_values, texts_of_moments, per, steps, writer)
    all_facts = [("", fact) for fact in policy.facts.values()]
    all_facts += [(name, fact) for name, track in policy.tracks.items() for fact in track.facts.values()]
    for track, fact in before_their_users(all_facts):
        kind = None if fact.kind == "choose" else kind_of_fact(policy, fact)
        key, note = (track, fact.name), f"fact {track and track + '.'}{fact.name}"
        texts_of_values[key] = value = value_text(guards, fact, kind, track)
        texts_of_moments[key] = moment = moment_text(writer, fact, kind, track)
        readers[key], moments[key] = writer.expression("value", value, note), writer.expression("moment", moment, note)
        if kind == "date":
            dates.add((track, fact.name))
    readers.update(built_in.fact_readers())
    waits = WaitCompiler(guards, dates, policy.calendar)
    contacts = {name: waits.contact(kind) for name, kind in policy.contacts.items()}
    depends = dependencies_of(policy)
    compiler = _Compiler(policy, guards, waits, contacts, depends, readers)
    tables = {name: compiler.track(policy.tracks[name]) for name in sorted(policy.tracks)}
    types = compile_types(policy, guards, depends, tables)
    tables[built_in.TRACK.name] = compiler.track(built_in.TRACK)
    most = max((kind.most[0] for kind in policy.contacts.values() if kind.most is not None), default=0)
    texts = frozenset(
        (track, fact.name)
        for track, fact in all_facts
        if any(kind_of(policy, fact, each) == "text" for each in fact.fields)
    )
    slides = slides_of(policy, lambda name: moments["", name], steps)
    lane_of = _lanes(policy, guards)
    writer.finish()
    return Machine(
        policy, types, tables, contacts, most, lane_of, guards, readers, moments, texts, steps, depends.followed, slides
    )


def _lanes(policy: Policy, guards: GuardCompiler) -> Callable[[View], int]:
    """Return the function that gives the index of the lane that a person is in."""
    lines = [
        f"return {index}" if lane.when is None else f"if {guards.text(lane.when, '')}: return {index}"
        for index, lane in enumerate(policy.lanes)
    ]
    return guards.writer.function("lane", "v", [*lines, f"return {len(policy.lanes) - 1}"], "the lane")


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
    return rule.is_of_fact or rule.floor is not None or any(isinstance(each, ByFact) for each in (spec.after, period))


class _Compiler:
    """Compiles tracks and types of one policy."""

    def __init__(
        self,
        policy: Policy,
        guards: GuardCompiler,
        waits: WaitCompiler,
        contacts: Mapping[str, Contact],
        depends: Dependencies,
        readers: Mapping[tuple[str, str], Read],
    ) -> None:
        self.policy = policy
        self.readers = readers
        self.guards = guards
        self.waits = waits
        self.openings = OpeningCompiler(waits)
        self.contacts = contacts
        self.ranks = _ranks(policy)
        self.depends = depends

    def optional(self, guard: Guard | None, track: str, note: str) -> Holds | None:
        """Return the function of a guard; None stays None."""
        return None if guard is None else self.guards.guard(guard, track, note)

    def task(self, track: str, task: TaskRule, order: int) -> list[Rule]:
        """Return a task's rule, followed by those of its escalation."""
        waits, note = self.waits, f"{track}: {task.name}"
        due, expires = waits.due(track, task, note), waits.expires(task, note)
        opening = None
        if task.every is None and "/" not in task.name:
            contact = self.policy.contacts.get(task.contact)
            opening = self.openings.opening(track, task, contact, due, expires, note)
        rule = Rule(
            name=task.name,
            slot_name=task.slot_name,
            order=order,
            rank=self.ranks[id(task)],
            task=task,
            move=None,
            when=self.optional(task.when, track, note),
            first=waits.first(task),
            due_of=waits.due_of(track, task, note),
            is_later=task.after is not None or task.at is not None,
            is_repeated=task.every is not None,
            is_of_fact=task.at is not None,
            floor=waits.floor(track, task.every, note),
            due=due,
            due_moment=waits.due_moment(track, task, note),
            expires=expires,
            opening=opening,
            contact=self.contacts.get(task.contact),
            done_by={
                each: self.optional(guard, track, f"{note} is done by {each}") for each, guard in task.done_by.items()
            },
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
            task, self.policy.calendar.zone, partial(self.reader, track), types=types, own_types=own_types
        )

    def reader(self, track: str, name: str) -> Read:
        """Return the reader of a fact as seen from a track."""
        return self.readers.get((track, name)) or self.readers["", name]

    def move(self, track: str, move: TimedMove, order: int) -> Rule:
        """Return the rule of a timed move."""
        note = f"{track}: {move.name}"
        return Rule(
            name=move.name,
            slot_name=move.slot_name,
            order=order,
            rank=self.ranks[id(move)],
            task=None,
            move=move,
            when=self.optional(move.when, track, note),
            first=self.waits.first(move),
            due_of=self.waits.due_of(track, move, note),
            is_later=True,
            is_repeated=False,
            is_of_fact=move.at is not None,
            floor=None,
            due=None,
            due_moment=None,
            expires=None,
            opening=None,
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
                upon[name] = self.choices(track.name, choices, f"{track.name}: {name} in {stage.name}")
        following = tuple(rule for rule in entry if _follows_a_fact(rule))
        writer, note = self.guards.writer, f"{track.name}: {stage.name}"
        enter = enter_function(
            self.waits, track.name, self.depends.of_track.get(track.name, 0), entry, f"{note} is entered"
        )
        follow = follow_function(writer, following, f"{note} follows what changed") if following else None
        return StageTable(stage.name, stage, upon, {rule.name: rule for rule in rules}, enter, following, follow)

    def choices(self, track: str, lines: Sequence[Choice], note: str) -> Choices:
        """Return what decides between the lines of a list."""
        ends = [None if line.target == "stay" else line for line in lines]
        if lines[0].when is None:
            return Choices(tuple(lines), None, ends[0])
        known, text = self.guards.literal, self.guards.text
        written = [
            f"return {known(end)}" if line.when is None else f"if {text(line.when, track)}: return {known(end)}"
            for line, end in zip(lines, ends, strict=True)
        ]
        choose = self.guards.writer.function("choose", "v", [*written, "return None"], note)
        return Choices(tuple(lines), choose, None)

    def track(self, track: Track) -> TrackTable:
        """Return a track's table."""
        stages = {name: self.stage(track, stage) for name, stage in track.stages.items()}
        field = None if track.per == PERSON else track.per
        marks = self.depends.of_track.get(track.name, 0)
        bit = self.depends.bits.get(track.name, 0)
        return TrackTable(track.name, track.slot_name, field, track.start, stages, track, marks, bit)
