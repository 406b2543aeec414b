"""Where a person stands in every track, how they came there, what would move them, and when time will, in sentences.

Pure: the caller folds the person with a trail and hands both over. Called by questions.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lifecycle.instant import from_microseconds, microseconds
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Machine, TrackTable, when
from lifecycle.rules.compiled.refusal import guard_in_words, held_in_words
from lifecycle.rules.fold.tasks import task_of
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.findings import line_of
from lifecycle.rules.language.names import TOO_MANY
from lifecycle.rules.language.policy import Choice
from lifecycle.rules.state.snapshot import Instance, PersonState
from lifecycle.rules.telling.explain import retractions_in_words, way
from lifecycle.rules.telling.foresight import Foresight
from lifecycle.rules.telling.prospects import Ahead, Wait
from lifecycle.rules.telling.wording import begins_in_words, listed, place_of, quoted
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
                    "then": each.then,
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
            lines += _below("What time will do", [*(wait.sentence for wait in each.waits), *filter(None, [each.rest])])
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
    ahead = ahead_of(machine, person)
    for name in (*machine.policy.tracks, *([TOO_MANY] if TOO_MANY in person.state.tracks else [])):
        instances = person.state.tracks.get(name, {})
        latest = sorted(instances, key=lambda key: (instances[key].since, key), reverse=True)
        here += [_here(ahead, person, machine.tracks[name], key, instances[key]) for key in latest[:MAX_TOLD]]
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
        tasks=tuple(_tasks(ahead)),
        machine=machine,
    )


def ahead_of(machine: Machine, person: Person) -> Ahead:
    """Return what lies ahead of a person as of their moment."""
    foresight = Foresight(machine, person.id, person.state, is_stopped=person.stopped is not None)
    return Ahead(machine, person.id, person.state, person.at, foresight)


def _head(machine: Machine, person: Person) -> str:
    at = when(machine, person.at)
    if not person.state.tracks:
        return f"Of {person.id} nothing was known by {at} that this policy speaks of."
    lane = machine.policy.lanes[person.state.lane]
    view = View(None, person.state.facts, person.state.tracks, microseconds(person.at))
    served = "" if lane.when is None else f", as {held_in_words(machine, lane.when, view, '')} ({line_of(lane.place)})"
    head = f"{person.id} as of {at}, lane {lane.name}{served}."
    return head if person.stopped is None else f"{head} Stopped there: {person.stopped}"


def _others(track: str, rest: Sequence[Instance]) -> Iterator[str]:
    if rest:
        stages = sorted({instance.stage for instance in rest})
        counted = [f"{sum(each.stage == stage for each in rest)} at {quoted(stage)}" for stage in stages]
        yield f"{track}: {len(rest)} more that moved longer ago: {listed(counted, 'and')}."


def _here(ahead: Ahead, person: Person, table: TrackTable, key: str, instance: Instance) -> Here:
    stage = table.stages[instance.stage]
    waits = tuple(ahead.waits(table, key, instance))
    return Here(
        table.name,
        key,
        instance.stage,
        from_microseconds(instance.since),
        stage.stage.means,
        tuple(way(ahead.machine, person.trail, table.name, key)),
        tuple(moves_from(ahead.machine, table, instance.stage)),
        waits,
        _rest(person, table, key, instance, bool(waits)),
    )


def _rest(person: Person, table: TrackTable, key: str, instance: Instance, has_waits: bool) -> str:
    """Say who watches the person, beside what time does, and that it does no more where that is so."""
    watched_by = table.stages[instance.stage].stage.watched_by
    watches = "" if watched_by is None else f"the track {watched_by} watches this person."
    if has_waits:
        return watches and f"Besides, {watches}"
    if any((each.track, each.key) == (table.name, key) for each in person.state.tasks.values()):
        return "Nothing more than what becomes of its open tasks" + (f"; {watches}" if watches else ".")
    return f"Nothing more: {watches}" if watches else "Nothing."


def reaching(machine: Machine, table: TrackTable) -> frozenset[str]:
    """Return the types that can reach an instance of a track: all, or those with its field."""
    return frozenset(name for name, each in machine.types.items() if any(step.table is table for step in each.steps))


def moves_from(machine: Machine, table: TrackTable, stage: str) -> list[Move]:
    """Return what touchpoints do in a stage, types that share a line together, in the order of the policy."""
    reach = reaching(machine, table)
    types: dict[int, list[str]] = {}
    choices: dict[int, tuple[Choice, bool]] = {}
    for name, listing in table.stages[stage].upon.items():
        for choice in listing.lines if name in reach else ():
            types.setdefault(id(choice), []).append(name)
            choices[id(choice)] = choice, len(listing.lines) > 1
    return [
        Move(tuple(types[each]), str(choice.target), choice.place.line, move_in_words(choice, types[each], shared))
        for each, (choice, shared) in choices.items()
    ]


def move_in_words(choice: Choice, types: Sequence[str], shared: bool) -> str:
    """Say what a line of a list does: on which types, if what, and where to; `shared` is a line among others."""
    guard = f" with {guard_in_words(choice.when)}" if choice.when is not None else " otherwise" if shared else ""
    to = "nothing happens" if choice.target == "stay" else f"to {quoted(str(choice.target))}"
    return f"{listed(types, 'or')}{guard}: {to} ({line_of(choice.place)})."


def _tasks(ahead: Ahead) -> Iterator[tuple[str, str]]:
    machine, state = ahead.machine, ahead.state
    for task_id, each in sorted(state.tasks.items(), key=lambda item: (item[1].due_at, item[0])):
        task = task_of(machine, ahead.person, state, task_id, each)
        place = place_of(each.track, each.key)
        yield (
            task_id,
            f"{task.kind} ({task_id}) of {place}: {task.by} is asked {quoted(task.ask)}, to be done by "
            f"{when(machine, task.due_at)}. {ahead.if_nobody(task_id, each)}",
        )
    for task_id, waiting in sorted(state.waiting.items(), key=lambda item: (item[1].opens_at, item[0])):
        yield task_id, ahead.waiting(task_id, waiting)
