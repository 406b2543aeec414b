"""Where a person stands in every track, how they came there, what would move them, and when time will, in sentences.

Pure: the caller folds the person with a trail and hands both over. Called by questions.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lifecycle.rules.explain import if_nobody, retractions_in_words, way
from lifecycle.rules.machine import Machine, Rule, StageTable, TrackTable
from lifecycle.rules.names import TOO_MANY
from lifecycle.rules.policy import Choice
from lifecycle.rules.snapshot import Instance, PersonState
from lifecycle.rules.tasks import said_by, task_of
from lifecycle.rules.wording import (
    begins_in_words,
    guard_in_words,
    guard_of,
    line_of,
    listed,
    place_of,
    quoted,
    refusal,
    rule_in_words,
    spec_of,
    view_of,
    when,
)
from lifecycle.rules.working import Step
from lifecycle.task import rfc3339

MAX_TOLD = 50
"""Instances of one track that are told of; of more those that moved last, and how many others stand where."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person as of a moment: what the questions of standing.py and why_not.py are about.

    `trail` is that of a fold from nothing to `state`. `at` is how far time is known (None: nothing is). `stopped`
    says why the person is not folded any further (None: they are).
    """

    id: str
    state: PersonState
    trail: Sequence[Step]
    at: datetime
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What a touchpoint would do: `on` the types, `to` which stage, and the sentence."""

    on: tuple[str, ...]
    to: str
    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Wait:
    """What time will do, and when (None: at a moment that is not known yet)."""

    at: datetime | None
    name: str
    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Here:
    """One instance of a track: stage, how it came there, what would move it, what time will do."""

    track: str
    key: str
    stage: str
    since: datetime
    means: str
    came: tuple[str, ...]
    moves: tuple[Move, ...]
    waits: tuple[Wait, ...]
    rest: str

    def as_data(self) -> dict[str, Any]:
        """Return canonical JSON data."""
        return {
            "track": self.track,
            "key": self.key or None,
            "stage": self.stage,
            "since": rfc3339(self.since),
            "means": self.means,
            "came": list(self.came),
            "moves": [
                {"on": list(each.on), "to": each.to, "line": each.line, "sentence": each.sentence}
                for each in self.moves
            ],
            "time": [
                {
                    "at": None if each.at is None else rfc3339(each.at),
                    "name": each.name,
                    "line": each.line,
                    "sentence": each.sentence,
                }
                for each in self.waits
            ],
            "rest": self.rest or None,
        }


@dataclass(frozen=True, slots=True)
class PersonStanding:
    """The whole answer: `lines` for people, `as_data` for programs."""

    person: str
    at: datetime
    head: str
    lane: str | None
    stopped: str | None
    here: tuple[Here, ...]
    others: tuple[str, ...]
    tasks: tuple[tuple[str, str], ...]
    machine: Machine

    def as_data(self) -> dict[str, Any]:
        """Return canonical JSON data."""
        return {
            "person": self.person,
            "at": rfc3339(self.at),
            "standing": self.head,
            "lane": self.lane,
            "stopped": self.stopped,
            "instances": [each.as_data() for each in self.here],
            "others": list(self.others),
            "tasks": [{"id": task_id, "sentence": sentence} for task_id, sentence in self.tasks],
        }

    def lines(self) -> list[str]:
        """Return the answer as lines to be read, indented below their headings."""
        lines = [self.head]
        for each in self.here:
            since = when(self.machine, each.since)
            place = place_of(each.track, each.key)
            lines += ["", f"{place} is at {quoted(each.stage)} since {since}: {quoted(each.means)}"]
            lines += _below("How it came there", each.came)
            lines += _below("What would move it", [move.sentence for move in each.moves] or ["No touchpoint."])
            lines += _below("What time will do", [wait.sentence for wait in each.waits] or [each.rest])
        if self.others:
            lines += ["", *self.others]
        lines += ["", "Open tasks:" if self.tasks else "No task is open."]
        return lines + [f"  {sentence}" for _, sentence in self.tasks]


def _below(heading: str, sentences: Sequence[str]) -> list[str]:
    return [f"  {heading}:", *(f"    {each}" for each in sentences)]


def stand(machine: Machine, person: Person) -> PersonStanding:
    """Tell where a person stands as of `person.at`. Tracks come in the order of the policy."""
    here: list[Here] = []
    others: list[str] = []
    for name in (*machine.policy.tracks, *([TOO_MANY] if TOO_MANY in person.state.tracks else [])):
        instances = person.state.tracks.get(name, {})
        latest = sorted(instances, key=lambda key: (instances[key].since, key), reverse=True)
        here += [_here(machine, person, machine.tracks[name], key, instances[key]) for key in latest[:MAX_TOLD]]
        others += _others(name, [instances[key] for key in latest[MAX_TOLD:]])
        if not instances:
            others.append(f"{name} has not begun: it begins with {begins_in_words(machine, name)}.")
    others += retractions_in_words(machine, person.trail)
    return PersonStanding(
        person=person.id,
        at=person.at,
        head=_head(machine, person),
        lane=machine.policy.lanes[person.state.lane].name if person.state.tracks else None,
        stopped=person.stopped,
        here=tuple(here),
        others=tuple(others),
        tasks=tuple(_tasks(machine, person)),
        machine=machine,
    )


def _head(machine: Machine, person: Person) -> str:
    at = when(machine, person.at)
    if not person.state.tracks:
        return f"Of {person.id} nothing was known by {at} that this policy speaks of."
    lane = machine.policy.lanes[person.state.lane]
    served = "" if lane.when is None else f", as {guard_in_words(lane.when)} ({line_of(lane.place)})"
    head = f"{person.id} as of {at}, lane {lane.name}{served}."
    return head if person.stopped is None else f"{head} Stopped there: {person.stopped}"


def _others(track: str, rest: Sequence[Instance]) -> Iterator[str]:
    if rest:
        stages = sorted({instance.stage for instance in rest})
        counted = [f"{sum(each.stage == stage for each in rest)} at {quoted(stage)}" for stage in stages]
        yield f"{track}: {len(rest)} more that moved longer ago: {listed(counted, 'and')}."


def _here(machine: Machine, person: Person, table: TrackTable, key: str, instance: Instance) -> Here:
    stage = table.stages[instance.stage]
    rest = "Nothing."
    if stage.stage.watched_by is not None:
        rest = f"Nothing more: the track {stage.stage.watched_by} watches this person."
    return Here(
        table.name,
        key,
        instance.stage,
        instance.since,
        stage.stage.means,
        tuple(way(machine, person.trail, table.name, key)),
        tuple(moves_from(stage)),
        tuple(_waits(machine, person, table, key, instance)),
        rest,
    )


def moves_from(stage: StageTable) -> list[Move]:
    """Return what touchpoints do in a stage, types that share a line together, in the order of the policy."""
    types: dict[int, list[str]] = {}
    choices: dict[int, tuple[Choice, bool]] = {}
    for name, listing in stage.upon.items():
        for _, choice in listing:
            types.setdefault(id(choice), []).append(name)
            choices[id(choice)] = choice, len(listing) > 1
    return [
        Move(tuple(types[each]), str(choice.target), choice.place.line, move_in_words(choice, types[each], shared))
        for each, (choice, shared) in choices.items()
    ]


def move_in_words(choice: Choice, types: Sequence[str], shared: bool) -> str:
    """Say what a line of a list does: on which types, if what, and where to; `shared` is a line among others."""
    guard = f" with {guard_in_words(choice.when)}" if choice.when is not None else " otherwise" if shared else ""
    to = "nothing happens" if choice.target == "stay" else f"to {quoted(str(choice.target))}"
    return f"{listed(types, 'or')}{guard}: {to} ({line_of(choice.place)})."


def _waits(machine: Machine, person: Person, table: TrackTable, key: str, instance: Instance) -> Iterator[Wait]:
    stage = table.stages[instance.stage]
    for name, at in sorted(instance.pending.items(), key=lambda each: (each[1], each[0])):
        rule = stage.rules[name]
        guard, _ = guarded_now(machine, person, table.name, key, instance, rule)
        place = spec_of(rule).place
        said = None if rule.task is None else said_by(machine, person.id, person.state, (table.name, key), rule)
        words = rule_in_words(rule, instance.stage, said)
        sentence = f"{when(machine, at)}: {name}: {words} ({line_of(place)}){guard}."
        yield Wait(at, name, place.line, sentence)
    for rule in stage.following:
        moment = spec_of(rule).at
        gone = rule.name in instance.spent or rule.name in instance.counts
        if moment is None or gone or rule.name in instance.pending:
            continue
        place = spec_of(rule).place
        words = f"{rule.name}: {rule_in_words(rule, instance.stage)}; {moment.fact} is not known yet"
        yield Wait(None, rule.name, place.line, f"No date yet: {words} ({line_of(place)}).")


def guarded_now(
    machine: Machine, person: Person, track: str, key: str, instance: Instance, rule: Rule
) -> tuple[str, bool]:
    """Return the guard of a rule as the end of a sentence ("" without one), and whether it refuses at this moment."""
    guard = guard_of(rule)
    if guard is None:
        return "", False
    view = view_of(machine, person.state.facts, person.state.tracks, instance, key, person.at)
    refused = refusal(machine, guard, view, track)
    now = f"As things stand it is refused: {refused}" if refused else "As things stand it holds"
    return f", if {guard_in_words(guard)}. {now}", bool(refused)


def _tasks(machine: Machine, person: Person) -> Iterator[tuple[str, str]]:
    for task_id, each in sorted(person.state.tasks.items(), key=lambda item: (item[1].due_at, item[0])):
        task = task_of(machine, person.id, person.state, task_id, each)
        place = place_of(each.track, each.key)
        yield (
            task_id,
            f"{task.kind} ({task_id}) of {place}: {task.by} is asked {quoted(task.ask)}, to be done by "
            f"{when(machine, task.due_at)}. {if_nobody(machine, task, person.state)}",
        )
    for task_id, waiting in sorted(person.state.waiting.items(), key=lambda item: (item[1].opens_at, item[0])):
        rule = machine.tracks[waiting.track].stages[waiting.stage].rules[waiting.rule].task
        assert rule is not None
        place = place_of(waiting.track, waiting.key)
        yield (
            task_id,
            f"{rule.name} ({task_id}) of {place} waits until {when(machine, waiting.opens_at)}, as {rule.contact} has "
            "quiet hours or a budget of contacts.",
        )
