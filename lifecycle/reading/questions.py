"""What is asked of a database: who stands where, which tasks there are, and why. Reading only.

`Questions` reads rows and logs from a store and hands them to answers.py, which says what they mean. Nothing
is written and nobody is moved: a person whose row was folded by another policy is folded again for the answer
alone. Called by the engine (which answers Questions), the command line and the Python API.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from lifecycle import ids
from lifecycle.errors import NotFound, TimeRefused
from lifecycle.instant import EPOCH
from lifecycle.person import PersonRow
from lifecycle.reading.answers import (
    Census,
    Standing,
    alike,
    counted_in,
    last_event,
    person_data,
    slots_of,
    task_data,
    tasks_of,
)
from lifecycle.reading.nobody import LetterRow, nobody
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.defect import defect_in_words
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.retractions import counted, retracted, told
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.findings import shown
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT, PersonState, decode
from lifecycle.rules.telling.explain import explain
from lifecycle.rules.telling.standing import Person, PersonStanding, ahead_of, stand
from lifecycle.rules.telling.why_not import WhyNot, why_not
from lifecycle.rules.telling.wording import NEAREST, listed
from lifecycle.task import Task, rfc3339
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

    def dead_letters(self, after: Any = None, limit: int = 500) -> Sequence[LetterRow]: ...


class Questions:
    """Answers about one store by one policy. Synchronous; every call reads anew.

    `behind` are those met so far who stand by another policy yet: told is how they stand by this one.
    """

    def __init__(self, store: Stored, machine: Machine) -> None:
        self._stored = store
        self.machine = machine
        self.behind: set[str] = set()

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
        standing = next(self._one(person, False))
        return person_data(self.machine, standing, self._stored.state().reached_at)

    @property
    def reached_at(self) -> datetime | None:
        """The moment that answers are of: the latest that time was moved to (None: never)."""
        return self._stored.state().reached_at

    @property
    def zone(self) -> str:
        """The zone in which answers tell times: the policy's, unless another was asked for."""
        return self.machine.told_in or self.machine.policy.calendar.zone

    def tasks(self, *, include_closed: bool = False, person: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield each open task (see `task_data`), by person, then requested_at, then id.

        `include_closed` adds every task that ended, however long ago: each person is folded again from the log.
        `person`: of this one alone. Raises NotFound when nobody is known by that name.
        """
        for standing in self.standings(again=include_closed) if person is None else self._one(person, include_closed):
            known = sorted(tasks_of(self.machine, standing), key=lambda task: (task.requested_at, task.id))
            yield from map(task_data, known)

    def task(self, task_id: str) -> dict[str, Any]:
        """Return one task, open or ended. Raises NotFound when by what is known now it was never asked."""
        return task_data(self._found(task_id, None, None)[0])

    def explain(self, task_id: str, *, at: datetime | None = None) -> list[str]:
        """Return the decisions that led to a task and what came of it, as sentences in order.

        `at` is a past moment: told is what the log says up to then, by what is known today (None: as of now).
        Raises NotFound, and TimeRefused for a moment that time has not reached.
        """
        trail: list[Step] = []
        task, standing = self._found(task_id, at, trail)
        moment = self._require_reached(standing.row, self.reached_at, at)
        person = Person(standing.row.person, standing.state, trail, moment, standing.stopped)
        return explain(ahead_of(self.machine, person), task, trail)

    def explain_person(self, person: str, *, at: datetime | None = None) -> PersonStanding:
        """Return where a person stands in every track, how they came there, and what would move them.

        `at` as for `explain`. Raises NotFound, with the ids nearest to one that is not known, and TimeRefused.
        """
        return stand(self.machine, self._retold(person, at)[0])

    def why_not(self, person: str, name: str, *, at: datetime | None = None) -> WhyNot:
        """Return for each rule that could ask for a task kind, or lead to a stage, why it did not, or that it did.

        `name` is the kind or stage, alone or as track.name; `at` as for `explain`. Raises NotFound, with the names
        nearest to one that is not known, and TimeRefused.
        """
        told, log = self._retold(person, at)
        return why_not(self.machine, told, log, name)

    def count(self) -> Census:
        """Count everybody once. Reads all people."""
        reached = self._stored.state().reached_at
        lanes = [lane.name for lane in self.machine.policy.lanes]
        census = Census(lanes=dict.fromkeys(lanes, 0), tasks=dict.fromkeys(lanes, 0))
        for standing in self.standings():
            counted_in(census, self.machine, standing, reached)
        return census

    def standings(self, *, again: bool = False) -> Iterator[Standing]:
        """Yield where each stored person stands, by id; with `again` folded from the log, with their closings."""
        for page in self._pages():
            yield from self._page(page, again=again)

    def _one(self, person: str, again: bool) -> Iterator[Standing]:
        row = self._stored.load_people([person]).get(person)
        found = [] if row is None else [each for each in self._page([row], again=again) if each.is_known]
        if not found:
            raise nobody(self._stored, person)
        yield from found

    def _page(self, rows: Sequence[PersonRow], *, again: bool) -> Iterator[Standing]:
        stale = {row.person: None for row in rows if again or not self._is_current(row)}
        logs = self._stored.read_log(stale) if stale else {}
        reached = self._stored.state().reached_at if stale else None
        for row in rows:
            if row.person in stale:
                standing = self._fold(row, logs.get(row.person, ()), reached)
                yield standing if again else replace(standing, closings=())
            else:
                yield Standing(row, decode(row.snapshot), row.stopped)

    def _is_current(self, row: PersonRow) -> bool:
        return row.policy_hash == self.machine.policy.hash and row.snapshot_format == SNAPSHOT_FORMAT

    def _fold(
        self,
        row: PersonRow,
        log: Sequence[Touchpoint],
        reached: datetime | None,
        at: datetime | None = None,
        trail: list[Step] | None = None,
    ) -> Standing:
        """Fold a person from nothing, as far as their row was folded or to `at`, for what their row does not hold."""
        is_current = self._is_current(row)
        # Of whom another policy folded last, this one can tell no more than the lane.
        kept = decode(row.snapshot) if is_current else PersonState(lane=min(row.lane, self.machine.last_lane))
        if is_current and row.stopped is not None and at is None:
            return Standing(row, kept, row.stopped)
        known, until = self._span(row, log, reached, at)
        gone = retracted(known)
        if trail is not None:
            trail += told(known, gone)
        try:
            folded = fold(self.machine, row.person, PersonState(), counted(known, gone), until, trail=trail, tells=True)
        except Exception as error:
            return Standing(row, kept, defect_in_words(error))
        return Standing(row, folded.state, None, folded.closings)

    def _span(
        self, row: PersonRow, log: Sequence[Touchpoint], reached: datetime | None, at: datetime | None
    ) -> tuple[list[Touchpoint], datetime | None]:
        """Return the touchpoints that are known by then, in order, and the moment to move time to."""
        if at is not None:
            return sorted((each for each in log if each.occurred_at <= at), key=order_key), at
        ready = [each for each in log if row.waiting_at is None or each.occurred_at < row.waiting_at]
        until = last_event(decode(row.snapshot)) if row.snapshot_format == SNAPSHOT_FORMAT else None
        if not self._is_current(row):
            self.behind.add(row.person)
            until = max((each for each in (until, reached) if each is not None), default=None)
        return sorted(ready, key=order_key), until

    def _require_reached(self, row: PersonRow, reached: datetime | None, at: datetime | None) -> datetime:
        """Return the moment that a person is known up to, or `at`; raise TimeRefused for an `at` after it."""
        last = last_event(decode(row.snapshot)) if self._is_current(row) else None
        known = max((each for each in (reached, last) if each is not None), default=EPOCH)
        if at is not None and at > known:
            raise TimeRefused(
                f"{rfc3339(at)} cannot be explained yet: time has reached {rfc3339(known)}. Name that moment or an "
                "earlier one, or none for the present."
            )
        return known if at is None else at

    def _retold(self, person: str, at: datetime | None) -> tuple[Person, list[Touchpoint]]:
        """Fold a person from nothing with a trail, and return them as of `at` with the touchpoints folded."""
        row = self._stored.load_people([person]).get(person)
        if row is None:
            raise nobody(self._stored, person)
        reached = self._stored.state().reached_at
        moment = self._require_reached(row, reached, at)
        log = self._stored.read_log({person: None}).get(person, ())
        known, until = self._span(row, log, reached, at)
        gone = retracted(known)
        ready = counted(known, gone)
        state, trail, stopped = PersonState(), told(known, gone), None
        try:
            fold(self.machine, person, state, ready, until, trail=trail)
        except Exception as error:
            # The state is as it was when the fold gave up, which is what is to be explained.
            stopped = defect_in_words(error)
        return Person(person, state, trail, moment, stopped), ready

    def _found(self, task_id: str, at: datetime | None, trail: list[Step] | None) -> tuple[Task, Standing]:
        row, similar = self._person_of(task_id)
        if row is not None:
            reached = self._stored.state().reached_at
            self._require_reached(row, reached, at)
            log = self._stored.read_log({row.person: None}).get(row.person, ())
            standing = self._fold(row, log, reached, at, trail)
            known = tasks_of(self.machine, standing)
            for task in known:
                if task.id == task_id:
                    return task, standing
            slot = ids.slot_of_task(task_id)
            similar = [task.id for task in known if ids.slot_of_task(task.id) == slot]
        about = "" if row is None else f" of {row.person}"
        by = "what is known now" if at is None else f"what was so at {rfc3339(at)}"
        near = f" Did you mean {listed(similar[:NEAREST], 'or')}?" if similar else ""
        raise NotFound(
            f"no task {shown(task_id)}{about} is asked by {by}. `lifecycle tasks list --all` lists those "
            f"that are or were; one that later news made untrue is not among them.{near}"
        )

    def _person_of(self, task_id: str) -> tuple[PersonRow | None, list[str]]:
        """Return whose task this is: whoever's snapshot names it, else whoever has an instance with its slot.

        For nobody's, also a few ids in snapshots that begin or end alike.
        """
        similar: list[str] = []
        pattern = alike(task_id)
        for row in self._rows():
            if task_id and f'"{task_id}"' in row.snapshot:
                return row, []
            if pattern is not None and len(similar) < NEAREST:
                similar += pattern.findall(row.snapshot)
        slot = ids.slot_of_task(task_id)
        for row in self._rows():
            standing = next(self._page([row], again=False))
            if slot in slots_of(self.machine, row.person, standing.state):
                return row, []
        return None, similar

    def _rows(self) -> Iterator[PersonRow]:
        for page in self._pages():
            yield from page

    def _pages(self) -> Iterator[Sequence[PersonRow]]:
        after = ""
        while page := self._stored.iterate_people(after=after, limit=PAGE):
            yield page
            after = page[-1].person
