"""What will happen next for a person, without anybody doing anything: the proof that nobody is forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lifecycle.rules.machine import Machine
from lifecycle.rules.snapshot import Instance, PersonState
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


def next_of_instance(track: str, key: str, instance: Instance) -> Obligation | None:
    """Return what time will do next with one instance, or None where it will do nothing."""
    if not instance.pending:
        return None
    name, at = min(instance.pending.items(), key=lambda each: (each[1], each[0]))
    then: Literal["opens", "moves"] = "moves" if name.startswith("later/") else "opens"
    return Obligation(at, "review" if name == "review" else "timer", track, key or None, name, then)


def next_obligation(machine: Machine, state: PersonState, now: datetime) -> Obligation | None:
    """Return the earliest obligation of a person as of `now` (the moment time has reached); None: forgotten."""
    found = [
        each
        for track, instances in state.tracks.items()
        for key, instance in instances.items()
        if (each := next_of_instance(track, key, instance)) is not None
    ]
    for task in state.tasks.values():
        is_overdue = task.due_at <= now
        at = task.expires_at if is_overdue else task.due_at
        then: Literal["due", "expires"] = "expires" if is_overdue else "due"
        found.append(Obligation(at, "task", task.track, task.key or None, task.rule, then))
    found += [
        Obligation(task.opens_at, "timer", task.track, task.key or None, task.rule, "opens")
        for task in state.waiting.values()
    ]
    return min(found, key=lambda each: (each.at, each.what, each.track, each.key or "", each.name), default=None)
