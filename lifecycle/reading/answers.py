"""Where people stand and what is asked about them, as data for reading: the lists of the command line.

Pure functions over a person's row and state; what is read from where is the business of questions.py, the
only caller. No answer holds a revision, a version or a time of arrival, so that two databases with the same
touchpoints, moved to the same moment, give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lifecycle import ids
from lifecycle.instant import EPOCH, from_microseconds, microseconds
from lifecycle.person import PersonRow
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.compiled.saying import as_json
from lifecycle.rules.fold.obligations import next_obligation, next_of_instance, stopped_contacts
from lifecycle.rules.fold.tasks import task_of
from lifecycle.rules.fold.trail import Closing
from lifecycle.rules.state.snapshot import Instance, PersonState
from lifecycle.task import Task, rfc3339

MIN_ALIKE = 6
"""Characters that a task id which is not known must share with one that is, at its beginning or its end."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A person as they stand by the policy in force.

    `stopped` says why they are not folded any more (None: they are). `closings` are the tasks that ended, in
    order, where these were asked for.
    """

    row: PersonRow
    state: PersonState
    stopped: str | None
    closings: tuple[Closing, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether this is a person: of some names only outcomes, or types that the policy does not know, are known."""
        return self.state.begun_at is not None or self.stopped is not None


def person_data(machine: Machine, standing: Standing, reached: datetime | None) -> dict[str, Any]:
    """Return a person as canonical JSON data: lane, facts, where they stand in each track, what comes next.

    All is as of `reached`, the moment that time has reached (None, or before the last thing that happened to the
    person, a touchpoint or a timer: as of that). A fact without a value is left out. `limits` counts what does not fit.
    """
    state = standing.state
    at = max(each for each in (reached, last_event(state), EPOCH) if each is not None)
    following = next_obligation(machine, state, at)
    stopped = stopped_contacts(machine, state, at)
    view = View(None, state.facts, state.tracks, microseconds(at))
    return {
        "person": standing.row.person,
        "lane": machine.policy.lanes[state.lane].name,
        "facts": _facts(machine, view, ""),
        "tracks": {
            track: [_instance(machine, view, track, key, instances[key], stopped) for key in sorted(instances)]
            for track, instances in sorted(state.tracks.items())
        },
        "next_obligation": None if following is None else following.as_data(),
        "stopped": standing.stopped,
        "limits": _limits(state),
    }


def _limits(state: PersonState) -> dict[str, Any] | None:
    """Return what limits hold back or have cut of a person; None: nothing."""
    found: dict[str, Any] = {
        "tasks_waiting": sum(task.is_beyond for task in state.waiting.values()),
        "texts_cut": state.given_way,
        "finished_forgotten": sum(state.forgotten.values()),
        "keys_not_begun": sum(state.not_begun.values()),
    }
    return found if any(found.values()) else None


def task_data(task: Task) -> dict[str, Any]:
    """Return a task as canonical JSON data, as in messages, with its track, key and stage in the first rank too."""
    return {**task.as_data(), "track": task.why.track, "key": task.why.key, "stage": task.why.stage}


def tasks_of(machine: Machine, standing: Standing) -> list[Task]:
    """Return the open tasks of a person, and those of its closings, each as it ended last."""
    person, state = standing.row.person, standing.state
    ended = {closing.closed.id: closing for closing in standing.closings}
    known = [
        task_of(machine, person, state, task_id, closing.task, closing)
        for task_id, closing in ended.items()
        if task_id not in state.tasks
    ]
    return known + [task_of(machine, person, state, task_id, task) for task_id, task in state.tasks.items()]


def last_event(state: PersonState) -> datetime | None:
    """Return when something last happened to a person: a touchpoint folded or a timer fired (None: never)."""
    last = None if state.last_key is None else state.last_key[0]
    return max((from_microseconds(at) for at in (last, state.last_fired_at) if at is not None), default=None)


def _instance(
    machine: Machine, view: View, track: str, key: str, instance: Instance, stopped: Collection[str]
) -> dict[str, Any]:
    view.own, view.key = instance.facts, key
    following = next_of_instance(machine, track, key, instance, stopped)
    return {
        "key": key or None,
        "stage": instance.stage,
        "since": rfc3339(from_microseconds(instance.since)),
        "facts": _facts(machine, view, track),
        "next": None if following is None else following.as_data(),
    }


def _facts(machine: Machine, view: View, track: str) -> dict[str, Any]:
    known = {name: as_json(read(view)) for (whose, name), read in machine.fact_readers.items() if whose == track}
    return {name: value for name, value in known.items() if value is not None}


def slots_of(machine: Machine, person: str, state: PersonState) -> set[str]:
    """Return the slots of every task that the present instances of a person can ever have had."""
    return {
        ids.slot_of(person, table.slot_name, key, rule.slot_name)
        for track, instances in state.tracks.items()
        for table in (machine.tracks[track],)
        for key in instances
        for stage in table.stages.values()
        for rule in stage.rules.values()
        if rule.task is not None
    }


@dataclass(slots=True)
class Census:
    """Everybody counted. `lanes` counts people and `tasks` open tasks by lane, all lanes in the policy's order.

    `stages` counts instances by (track, stage), in no order. `forgotten`: people without a next obligation; there
    should be none. `stopped`: people who are not folded any more. `waiting`: names of whom touchpoints wait to be
    folded (log first; engine/waiting.py). `not_asked`: tasks that were due before the moment from which is asked, of
    which `asked_anew` are still owed.
    """

    lanes: dict[str, int]
    tasks: dict[str, int]
    stages: dict[tuple[str, str], int] = field(default_factory=dict)
    people: int = 0
    forgotten: int = 0
    stopped: int = 0
    waiting: int = 0
    not_asked: int = 0
    asked_anew: int = 0


def counted_in(census: Census, machine: Machine, standing: Standing, reached: datetime | None) -> None:
    """Add to a census what is known under one name."""
    state = standing.state
    census.waiting += standing.row.waits
    if not standing.is_known:
        return
    lane = machine.policy.lanes[state.lane].name
    census.people += 1
    census.lanes[lane] += 1
    census.tasks[lane] += len(state.tasks)
    census.not_asked += state.not_asked
    census.asked_anew += state.asked_anew
    for track, instances in state.tracks.items():
        for instance in instances.values():
            place = (track, instance.stage)
            census.stages[place] = census.stages.get(place, 0) + 1
    at = max(each for each in (reached, last_event(state), EPOCH) if each is not None)
    if next_obligation(machine, state, at) is None:
        census.forgotten += 1
    if standing.stopped is not None:
        census.stopped += 1


def alike(task_id: str) -> re.Pattern[str] | None:
    """Return what finds task ids that begin or end as this one does; None where it is too short to tell."""
    if len(task_id) < MIN_ALIKE:
        return None
    begin, end = re.escape(task_id[:MIN_ALIKE]), re.escape(task_id[-MIN_ALIKE:])
    return re.compile(f'"({begin}[0-9a-f]*-[0-9a-f]*|[0-9a-f]*-[0-9a-f]*{end})"')
