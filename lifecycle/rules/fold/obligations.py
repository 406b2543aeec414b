"""What will happen next for a person, without anybody doing anything: the proof that nobody is forgotten."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lifecycle.instant import Instant, from_microseconds, microseconds
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.state.snapshot import Instance, PersonState
from lifecycle.task import rfc3339


@dataclass(frozen=True, slots=True)
class Obligation:
    """The next dated thing: an open task (its due date, or its expiry when overdue), a timer, or a review.

    `name` is the rule: a task's kind (with a timer: the task it opens), `review`, or `later/STAGE` for time
    moving somebody on. `then` says what happens at that moment: a task is due, one that is overdue expires, one is
    asked (`opens`), or the instance `moves`.
    """

    at: datetime
    what: Literal["task", "timer", "review"]
    track: str
    key: str | None
    name: str
    then: Literal["due", "expires", "opens", "moves"]

    def as_data(self) -> dict[str, Any]:
        """Return canonical JSON data."""
        return {
            "at": rfc3339(self.at),
            "what": self.what,
            "track": self.track,
            "key": self.key,
            "name": self.name,
            "then": self.then,
        }


def stopped_contacts(machine: Machine, state: PersonState, at: datetime) -> Collection[str]:
    """Return the kinds of contact that the person does not want, as of `at`."""
    view = View(None, state.facts, state.tracks, microseconds(at))
    return {name for name, kind in machine.contacts.items() if kind.stops is not None and kind.stops(view)}


def next_of_instance(
    machine: Machine, track: str, key: str, instance: Instance, stopped: Collection[str]
) -> Obligation | None:
    """Return what time will do next with one instance, or None where it will do nothing.

    What asks in a kind of contact that is `stopped` is named only where there is nothing else.
    """
    if not instance.pending:
        return None
    rules = machine.tracks[track].stages[instance.stage].rules

    def order(each: tuple[str, Instant]) -> tuple[bool, Instant, str]:
        task = rules[each[0]].task
        return task is not None and task.contact in stopped, each[1], each[0]

    name, at = min(instance.pending.items(), key=order)
    then: Literal["opens", "moves"] = "moves" if name.startswith("later/") else "opens"
    return Obligation(from_microseconds(at), "review" if name == "review" else "timer", track, key or None, name, then)


def next_obligation(machine: Machine, state: PersonState, now: datetime) -> Obligation | None:
    """Return the earliest obligation of a person as of `now` (the moment time has reached); None: forgotten.

    What asks in a kind of contact that they do not want comes last.
    """
    stopped, reached = stopped_contacts(machine, state, now), microseconds(now)
    found = [
        each
        for track, instances in state.tracks.items()
        for key, instance in instances.items()
        if (each := next_of_instance(machine, track, key, instance, stopped)) is not None
    ]
    for task in state.tasks.values():
        is_overdue = task.due_at <= reached
        at = task.expires_at if is_overdue else task.due_at
        then: Literal["due", "expires"] = "expires" if is_overdue else "due"
        found.append(Obligation(from_microseconds(at), "task", task.track, task.key or None, task.rule, then))
    found += [
        Obligation(from_microseconds(task.opens_at), "timer", task.track, task.key or None, task.rule, "opens")
        for task in state.waiting.values()
    ]
    return min(found, key=lambda each: _order(machine, state, stopped, each), default=None)


def _order(
    machine: Machine, state: PersonState, stopped: Collection[str], each: Obligation
) -> tuple[bool, datetime, str, str, str, str]:
    key = each.key or ""
    stage = state.tracks[each.track][key].stage
    rule = machine.tracks[each.track].stages[stage].rules.get(each.name) if each.then == "opens" else None
    is_stopped = rule is not None and rule.task is not None and rule.task.contact in stopped
    return is_stopped, each.at, each.what, each.track, key, each.name
