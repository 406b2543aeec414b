"""What is asked of a database: who stands where, which tasks there are, and why. Reading only.

`Questions` reads rows and logs from a store and hands them to reading.py, which says what they mean. Nothing
is written and nobody is moved: a person whose row was folded by another policy is folded again for the answer
alone. Called by the engine (which answers Questions), the command line and the Python API.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from lifecycle import ids
from lifecycle.errors import FoldStopped, NotFound
from lifecycle.person import PersonRow
from lifecycle.reading import (
    Census,
    Standing,
    counted_in,
    last_event,
    person_data,
    slots_of,
    task_data,
    tasks_of,
)
from lifecycle.rules.explain import explain
from lifecycle.rules.fold import fold
from lifecycle.rules.machine import Machine
from lifecycle.rules.snapshot import SNAPSHOT_FORMAT, PersonState, decode
from lifecycle.rules.working import Step
from lifecycle.task import Task
from lifecycle.touchpoint import Touchpoint, order_key

PAGE = 500
"""People that are read, and whose logs are held in memory, at once."""


class Moved(Protocol):
    """What the questions need to know of a database as a whole."""

    @property
    def reached_at(self) -> datetime | None:
        """The latest moment that time was moved to."""


class Stored(Protocol):
    """The part of a store that the questions use; what each method does is said there."""

    def state(self) -> Moved: ...

    def load_people(self, persons: Collection[str]) -> Mapping[str, PersonRow]: ...

    def iterate_people(self, *, after: str = "", limit: int = 500) -> Sequence[PersonRow]: ...

    def read_log(self, after: Mapping[str, datetime | None]) -> Mapping[str, Sequence[Touchpoint]]: ...


class Questions:
    """Answers about one store by one policy. Synchronous; every call reads anew."""

    def __init__(self, store: Stored, machine: Machine) -> None:
        self._stored = store
        self.machine = machine

    def people(self) -> Iterator[dict[str, Any]]:
        """Yield each person (see `person_data`), by id in code point order.

        Those of whom only unknown types are known are left out.
        """
        reached = self._stored.state().reached_at
        for standing in self.standings():
            if standing.is_known:
                yield person_data(self.machine, standing, reached)

    def person(self, person: str) -> dict[str, Any]:
        """Return one person (see `person_data`). Raises NotFound."""
        row = self._stored.load_people([person]).get(person)
        standing = None if row is None else next(self._page([row], again=False))
        if standing is None or not standing.is_known:
            raise NotFound(
                f"nobody is known as {person}. Ids are case-sensitive and may hold blanks: "
                "`lifecycle people list` shows them."
            )
        return person_data(self.machine, standing, self._stored.state().reached_at)

    def tasks(self, *, include_closed: bool = False) -> Iterator[dict[str, Any]]:
        """Yield each open task (see `task_data`), by person, then requested_at, then id.

        `include_closed` adds every task that ended, however long ago: each person is folded again from the log.
        """
        for standing in self.standings(again=include_closed):
            known = tasks_of(self.machine, standing)
            known.sort(key=lambda task: (task.requested_at, task.id))
            yield from map(task_data, known)

    def task(self, task_id: str) -> dict[str, Any]:
        """Return one task, open or ended. Raises NotFound when by what is known now it was never asked."""
        return task_data(self._found(task_id)[0])

    def explain(self, task_id: str) -> list[str]:
        """Return the decisions that led to a task and what came of it, as sentences in order. Raises NotFound."""
        task, standing, trail = self._found(task_id)
        return explain(self.machine, task, standing.state, trail)

    def count(self) -> Census:
        """Count everybody once. Reads all people."""
        reached = self._stored.state().reached_at
        lanes = [lane.name for lane in self.machine.policy.lanes]
        census = Census(lanes=dict.fromkeys(lanes, 0), tasks=dict.fromkeys(lanes, 0))
        for standing in self.standings():
            if standing.is_known:
                counted_in(census, self.machine, standing, reached)
        return census

    def standings(self, *, again: bool = False) -> Iterator[Standing]:
        """Yield where each stored person stands, by id; with `again` folded from the log, with their closings."""
        after = ""
        while page := self._stored.iterate_people(after=after, limit=PAGE):
            yield from self._page(page, again=again)
            after = page[-1].person

    def _page(self, rows: Sequence[PersonRow], *, again: bool) -> Iterator[Standing]:
        stale = {row.person: None for row in rows if again or not self._is_current(row)}
        logs = self._stored.read_log(stale) if stale else {}
        reached = self._stored.state().reached_at if stale else None
        for row in rows:
            if row.person in stale:
                yield self._fold(row, logs.get(row.person, ()), reached, None)
            else:
                yield Standing(row, decode(row.snapshot), row.stopped)

    def _is_current(self, row: PersonRow) -> bool:
        return row.policy_hash == self.machine.policy.hash and row.snapshot_format == SNAPSHOT_FORMAT

    def _fold(
        self, row: PersonRow, log: Sequence[Touchpoint], reached: datetime | None, trail: list[Step] | None
    ) -> Standing:
        """Fold a person from nothing, as far as their row was folded, for an answer that their row does not hold."""
        is_current = self._is_current(row)
        kept = decode(row.snapshot) if is_current else PersonState()
        if is_current and row.stopped is not None:
            return Standing(row, kept, row.stopped)
        ready = [each for each in log if row.waiting_at is None or each.occurred_at < row.waiting_at]
        until = last_event(kept) if is_current else reached
        try:
            folded = fold(self.machine, row.person, PersonState(), sorted(ready, key=order_key), until, trail=trail)
        except FoldStopped as stopped:
            return Standing(row, kept, str(stopped))
        return Standing(row, folded.state, None, folded.closings)

    def _found(self, task_id: str) -> tuple[Task, Standing, list[Step]]:
        row = self._person_of(task_id)
        if row is not None:
            trail: list[Step] = []
            log = self._stored.read_log({row.person: None}).get(row.person, ())
            standing = self._fold(row, log, self._stored.state().reached_at, trail)
            for task in tasks_of(self.machine, standing):
                if task.id == task_id:
                    return task, standing, trail
        about = "" if row is None else f" of {row.person}"
        raise NotFound(
            f"no task {task_id}{about} is asked by what is known now. `lifecycle tasks list --all` lists those "
            "that are or were; one that later news made untrue is not among them."
        )

    def _person_of(self, task_id: str) -> PersonRow | None:
        """Return whose task this is: whoever's snapshot names it, else whoever has an instance with its slot."""
        for row in self._rows():
            if task_id in row.snapshot:
                return row
        slot = ids.slot_of_task(task_id)
        for row in self._rows():
            standing = next(self._page([row], again=False))
            if slot in slots_of(self.machine, row.person, standing.state):
                return row
        return None

    def _rows(self) -> Iterator[PersonRow]:
        after = ""
        while page := self._stored.iterate_people(after=after, limit=PAGE):
            yield from page
            after = page[-1].person
