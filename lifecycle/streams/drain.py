"""The end of a bounded run (`--until`): reads to the ends noted at start, moves time there once, and stops.

A bounded run publishes nothing while it reads, so that ten years of history ask only for what still matters
at the end; and whoever can waits in the log until then, so that each person is folded once (engine/waiting.py).
Several workers may share it, and any of them may die: what counts stands in the database. Reading
is over when the progress of *all* partitions has passed the ends, whoever read them; the run is over when time
has reached the moment in all of them and the outbox is empty. A partition that nobody claimed yet has no
progress, so it has not passed, even when it is empty: claiming it makes its row. One that is stopped will not
pass at all: that ends the run with what is wrong.

With several databases reading is over when the workers of all of them have read their part, and then what they have
passed on to each other meanwhile. The others are known by the offsets that they tell the broker after their commits;
where time moves to the end, that is the end of all databases.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime

from lifecycle.errors import TimeRefused, TopicChanged
from lifecycle.record import TopicPartition
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT
from lifecycle.settings import Settings
from lifecycle.store.changes import DatabaseState, Progress
from lifecycle.store.stores import open_shard
from lifecycle.streams.claims import how_to_go_on
from lifecycle.streams.clock import advance, offsets_elsewhere, reached
from lifecycle.streams.equipment import Bound, Equipment, WorkerService
from lifecycle.streams.first_start import say_not_asked
from lifecycle.streams.intake import Intake
from lifecycle.streams.patience import GivenUp, wait_for
from lifecycle.streams.watch import Watch
from lifecycle.task import rfc3339

LOOK_SECONDS = 0.5

log = logging.getLogger(__name__)


class Drain(WorkerService):
    """Ends the worker when the bounded run is done; see the module's docstring."""

    def __init__(self, equipment: Equipment, intake: Intake, bound: Bound) -> None:
        super().__init__(equipment)
        self._watch = Watch(equipment, intake)
        self._bound = bound
        self._passed_on: Mapping[TopicPartition, int] | None = None
        self._says_it_waits = True

    async def run(self) -> None:
        """Wait for the reading, move time, wait for the sending, say what was not asked, end the worker."""
        while not await self.equipment.patiently("looking at progress", self._is_read):
            await self._pause()
        target = await self.equipment.patiently("looking for the end", self._target)
        if target is not None:
            log.info("everything is read; moving time to %s", rfc3339(target))
            while not await self.equipment.patiently("moving time", lambda: self._move(target)):
                await self._pause()
        while not await self.equipment.patiently("looking at the outbox", self._is_sent):
            await self._pause()
        store = self.equipment.store
        await self.equipment.patiently("counting", lambda: asyncio.to_thread(say_not_asked, store))
        self.equipment.end(None)

    async def _is_read(self) -> bool:
        rows = await self._progress()
        await self._watch.look(rows)
        for (topic, _), why in sorted(self._watch.stopped.items()):
            raise TopicChanged(f"{why} {how_to_go_on(topic)}")
        passed = {(row.topic, row.partition): row.next_offset for row in rows if row.topic_id}
        if self.equipment.passing is None:
            return not _behind(self._bound.ends, passed)
        return await self._is_read_everywhere(passed)

    async def _is_read_everywhere(self, passed: dict[TopicPartition, int]) -> bool:
        """Whether all databases have read what others sent, and then what they passed on to each other meanwhile."""
        equipment = self.equipment
        inputs = equipment.settings.input_topics
        passed = {**await asyncio.to_thread(offsets_elsewhere, equipment, inputs), **passed}
        if self._passed_on is None:
            sent = {place: end for place, end in self._bound.ends.items() if place[0] != equipment.settings.passed_on}
            if behind := _behind(sent, passed):
                self._say_who_is_waited_for(behind)
                return False
            now = await asyncio.to_thread(equipment.logs.look)
            self._passed_on = {place: log.end for place, log in now.items() if place[0] == equipment.settings.passed_on}
        return not _behind(self._passed_on, passed)

    def _say_who_is_waited_for(self, behind: Sequence[TopicPartition]) -> None:
        shard = self.equipment.settings.need_shard()
        if self._says_it_waits and not any(partition in shard for _, partition in behind):
            self._says_it_waits = False
            partitions = sorted({partition for _, partition in behind})
            log.info("waiting until workers of other databases have read what is in partitions %s", partitions)

    async def _target(self) -> datetime | None:
        state: DatabaseState = await asyncio.to_thread(self.equipment.store.state)
        if self._bound.until is not None:
            return self._bound.until
        states = [state, *await asyncio.to_thread(_states_elsewhere, self.equipment.settings)]
        # `end` never lies before what was reached: a file of old news is folded in where time stands.
        moments = [moment for each in states for moment in (each.newest_at, each.reached_at) if moment is not None]
        return max(moments, default=None)

    async def _move(self, target: datetime) -> bool:
        """Move everybody in the owned partitions; return whether nobody anywhere has to be moved any more.

        Time may have been there before: what this run read marks its people as due all the same.
        """
        equipment = self.equipment
        mine = sorted(equipment.owned)
        if mine:
            while (await advance(equipment, target, mine)).people:
                if equipment.stopping.is_set() or not equipment.owned.issuperset(mine):
                    return False
            await reached(equipment, target, mine)
        claimed = [row for row in await self._progress() if row.topic_id]
        if any(row.reached_at is None or row.reached_at < target for row in claimed):
            return False
        store, active = equipment.store, (equipment.engine.policy.hash, SNAPSHOT_FORMAT)
        return not (
            await asyncio.to_thread(store.due_people, None, target, 1)
            or await asyncio.to_thread(store.people_by_other_policies, None, *active, "", 1)
        )

    async def _is_sent(self) -> bool:
        store = self.equipment.store
        messages = await asyncio.to_thread(store.outbox, None, 1)
        letters = await asyncio.to_thread(store.unsent_dead_letters, self.equipment.settings.input_topics, 1)
        return not messages and not letters

    async def _progress(self) -> Sequence[Progress]:
        rows = await asyncio.to_thread(self.equipment.store.progress)
        return [row for row in rows if row.topic in self.equipment.inputs]

    async def _pause(self) -> None:
        if await wait_for(self.equipment.stopping, LOOK_SECONDS):
            raise GivenUp("the worker stops")


def _behind(ends: Mapping[TopicPartition, int], passed: Mapping[TopicPartition, int]) -> list[TopicPartition]:
    return [place for place, end in ends.items() if passed.get(place, -1) < end]


def _states_elsewhere(settings: Settings) -> list[DatabaseState]:
    """Return what is known of each other database: the end is that of all, so that all move time to one moment."""
    databases, own = settings.need_databases(), settings.need_shard()
    states = []
    for shard in databases.urls:
        if shard != own:
            with closing(open_shard(databases, shard)) as store:
                states.append(store.state())
    return states


def check_until(until: datetime | None, state: DatabaseState) -> None:
    """Raise TimeRefused when a bounded run would end before what the database has reached."""
    if until is not None and state.reached_at is not None and until < state.reached_at:
        raise TimeRefused(
            f"--until {rfc3339(until)} lies before {rfc3339(state.reached_at)}, which this database has reached. "
            "Time is never moved back: name a later moment, or fold the topics into a new database."
        )
