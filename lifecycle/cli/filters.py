"""Filters of lists: which names a policy knows, so that a mistyped one is refused and not answered with nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lifecycle.errors import NotFound
from lifecycle.moment import parse_time
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.language.findings import nearest, shown

MAX_KNOWN = 100
"""Names that are listed where one is not known."""


def require_known(what: str, name: str | None, known: Collection[str], *, short: Collection[str] = ()) -> None:
    """Raise NotFound, with the names that are known, for one that is not; None passes.

    `short` are other spellings that are known too, and not listed.
    """
    if name is None or name in known or name in short:
        return
    some = sorted(known)
    listed = ", ".join(some[:MAX_KNOWN]) + (", ..." if len(some) > MAX_KNOWN else "")
    near = nearest(name, {*known, *short})
    hint = f"{near} " if near.startswith("Did you mean") else ""
    raise NotFound(f'there is no {what} "{shown(name)}". {hint}Known: {listed or "none"}.')


def lanes_of(machine: Machine) -> list[str]:
    """Return the lanes, in the order of service."""
    return [lane.name for lane in machine.policy.lanes]


def require_stage(machine: Machine, name: str | None) -> None:
    """Raise NotFound for a stage that no track has; it may be named alone or as track.stage."""
    tracks = {name: table.track for name, table in machine.tracks.items()}
    whole = {f"{track}.{stage}" for track in tracks for stage in tracks[track].stages}
    require_known("stage", name, whole, short={each.partition(".")[2] for each in whole})


def stands_at(person: Mapping[str, Any], stage: str) -> bool:
    """Tell whether a person (as data) stands at a stage, named alone or as track.stage."""
    return any(
        stage in (instance["stage"], f"{track}.{instance['stage']}")
        for track, instances in person["tracks"].items()
        for instance in instances
    )


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks a list is of; None and False: any."""

    lane: str | None = None
    kind: str | None = None
    track: str | None = None
    by: str | None = None
    only_overdue: bool = False

    def select(
        self, tasks: Iterator[dict[str, Any]], machine: Machine, now: datetime | None
    ) -> Iterator[dict[str, Any]]:
        """Yield the tasks that pass. Raises NotFound for a name that neither policy nor tasks know.

        Kinds and people who do the work may be named by facts, or belong to an older policy: what the tasks name is
        known too.
        """
        require_known("lane", self.lane, lanes_of(machine))
        require_known("track", self.track, machine.tracks)
        kinds, doers = _of_policy(machine)
        for task in tasks:
            kinds.add(task["kind"])
            doers.add(task["by"])
            if self._passes(task, now):
                yield task
        require_known("kind of task", self.kind, kinds)
        require_known("one who is asked", self.by, doers)

    def _passes(self, task: Mapping[str, Any], now: datetime | None) -> bool:
        return (
            self.lane in (None, task["lane"])
            and self.kind in (None, task["kind"])
            and self.track in (None, task["track"])
            and self.by in (None, task["by"])
            and (not self.only_overdue or is_overdue(task, now))
        )


def is_overdue(task: Mapping[str, Any], now: datetime | None) -> bool:
    """Tell whether an open task (as data) was to be done by `now`, the moment that time has reached."""
    due = parse_time(task["due_at"])
    return task["state"] == "open" and now is not None and due is not None and due <= now


def _of_policy(machine: Machine) -> tuple[set[str], set[str]]:
    """Return the kinds of tasks that a policy can ask, and those whom it asks by name."""
    rules = [
        rule.task
        for table in machine.tracks.values()
        for stage in table.stages.values()
        for rule in stage.rules.values()
        if rule.task is not None
    ]
    return {rule.name for rule in rules}, {rule.by for rule in rules if isinstance(rule.by, str)}
