"""The clock of a live worker: moves the people of the owned partitions as far as time has come for them.

Guarantee 5 is kept here together with partition_time.py: every tick asks the broker where the partitions end,
the database how far it has read, and moves people only to what was heard. When the broker does not answer,
nothing is heard and nobody is moved. A partition that is far behind is not moved either: its people are told
of nothing that the backlog may still take back, and each of their timers fires at its own due time later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from lifecycle import clock
from lifecycle.record import TopicPartition
from lifecycle.settings import Settings
from lifecycle.store.changes import Progress
from lifecycle.streams.equipment import Equipment, WorkerService
from lifecycle.streams.intake import Intake
from lifecycle.streams.patience import wait_for
from lifecycle.streams.watch import Watch

TICK_SECONDS = 1.0
SHARED_SECONDS = 1.0
PAGE_SECONDS = 0.02
"""While records came within so many seconds, a page of people takes about so long: no batch waits longer for it ..."""
SHARED_PEOPLE = 100
"""... nor are they more than so many, a fifth of what it is otherwise ..."""
FIRST_PEOPLE = 10
"""... and before it is known how long one takes, so many."""
REST = 1
"""How many times as long as that page took nobody is moved then ..."""
REST_BEHIND = 9
"""... and while the intake is behind: it has nine tenths of the engine."""

log = logging.getLogger(__name__)


class Clock(WorkerService):
    """Ticks until the worker stops; see the module's docstring."""

    def __init__(self, equipment: Equipment, intake: Intake) -> None:
        super().__init__(equipment)
        self._watch = Watch(equipment, intake)
        self._most = FIRST_PEOPLE

    async def run(self) -> None:
        """Tick about once a second; after trouble again after a pause that grows."""
        stopping = self.equipment.stopping
        while not await wait_for(stopping, TICK_SECONDS):
            await self.equipment.patiently("moving time", self._tick)

    async def _tick(self) -> None:
        equipment, times = self.equipment, self.equipment.times
        asked_at = clock.now()
        rows = [row for row in await asyncio.to_thread(equipment.store.progress) if row.topic in equipment.inputs]
        progress = {(row.topic, row.partition): row for row in rows}
        # Before the ends: an offset that lies beyond one was not read from that log.
        told = await self._told_elsewhere()
        ends = await self._watch.look(rows)
        await self._follow_policy(rows)
        next_offsets = {place: row.next_offset for place, row in progress.items()}
        # Marks of earlier ticks first: a partition that has none then is marked anew.
        times.passed(next_offsets)
        times.mark(asked_at, ends)
        times.passed(next_offsets)
        times.misrouted = times.misrouted or is_misrouted(progress.values(), ends, equipment.settings)
        if times.elsewhere is not None and told is not None:
            offsets, told_at = told
            here = times.everywhere([equipment.settings.passed_on])
            times.elsewhere.look(asked_at, ends, offsets=offsets, told_at=told_at, here=here)
        for until, partitions in self._moments(asked_at).items():
            await self._move(until, partitions)

    async def _told_elsewhere(self) -> tuple[Mapping[TopicPartition, int], datetime] | None:
        """Return what the workers of other databases have read, and when that was told; None: it is not needed."""
        times = self.equipment.times
        if times.elsewhere is None or not times.misrouted:
            return None
        offsets = await asyncio.to_thread(offsets_elsewhere, self.equipment, self.equipment.settings.source_topics)
        return offsets, clock.now()

    async def _follow_policy(self, rows: Iterable[Progress]) -> None:
        """Take another policy over when one is active: a worker that has nothing to commit would not hear of it."""
        equipment = self.equipment
        if any(row.topic_id and row.policy_hash != equipment.engine.policy.hash for row in rows):
            await equipment.in_engine(equipment.take_over)

    def _moments(self, now: datetime) -> dict[datetime, list[int]]:
        """Return the moments that time may move to, each with its partitions; those far behind are left out."""
        moments: dict[datetime, list[int]] = {}
        lag = self.equipment.metrics.partition_lag_seconds
        lag.clear()
        for partition in sorted(self.equipment.owned):
            time = self.equipment.times.least({partition}, now=now)
            if time is None:
                continue
            lag.labels(str(partition)).set((now - time).total_seconds())
            if now - time <= self.equipment.settings.publish_lag:
                moments.setdefault(time, []).append(partition)
        return moments

    async def _move(self, until: datetime, partitions: list[int]) -> None:
        equipment, loop = self.equipment, asyncio.get_running_loop()
        while equipment.owned.issuperset(partitions) and not equipment.stopping.is_set():
            is_shared = loop.time() - equipment.taken_at < SHARED_SECONDS
            page = await advance(equipment, until, partitions, most=self._most if is_shared else None)
            if not page.people:
                await reached(equipment, until, partitions)
                return
            if is_shared:
                self._most = max(1, min(SHARED_PEOPLE, round(page.people * PAGE_SECONDS / max(page.seconds, 0.001))))
                await wait_for(equipment.stopping, page.seconds * (REST_BEHIND if equipment.is_behind else REST))


def offsets_elsewhere(equipment: Equipment, topics: Iterable[str]) -> dict[TopicPartition, int]:
    """Return up to which offsets the workers of other databases have told the broker that they have read."""
    settings = equipment.settings
    own, databases = settings.need_shard(), settings.need_databases()
    names = tuple(topics)
    places = {shard: [(name, partition) for name in names for partition in shard] for shard in databases.urls}
    groups = {settings.group_of(shard): mine for shard, mine in places.items() if shard != own}
    return equipment.logs.offsets_of(groups) if groups else {}


def is_misrouted(rows: Iterable[Progress], ends: Mapping[TopicPartition, int], settings: Settings) -> bool:
    """Whether a record ever arrived in another partition than its person's, here or, with several databases, anywhere.

    What was passed on by any of them went through the topic between them.
    """
    if any(row.accounting.misrouted or row.accounting.passed_on for row in rows):
        return True
    return any(end > 0 for (topic, _), end in ends.items() if topic == settings.passed_on)


class Page(NamedTuple):
    """How many people were moved in one transaction, and how long the engine took for it."""

    people: int
    seconds: float


async def advance(equipment: Equipment, until: datetime, partitions: list[int], *, most: int | None = None) -> Page:
    """Move at most so many of these partitions' people to a moment and publish; nobody, when all are there.

    In a live worker news that waited because there was much of it is folded as it would have been on arrival: up to
    the wall clock, since the grace holds back time and not news.
    """
    engine_time, metrics, is_live = asyncio.get_running_loop().time, equipment.metrics, equipment.bound is None

    def move() -> Page:
        at, began_at = clock.now(), engine_time()
        moved = equipment.engine.advance(
            until,
            at=at,
            # A wall clock that was set back meanwhile holds nothing back that time has passed.
            ceiling=max(at, until) if is_live else None,
            partitions=partitions,
            most=most,
            labelled=metrics.count,
            told=equipment.hand_over,
        )
        return Page(moved, engine_time() - began_at)

    page = await equipment.in_engine(move)
    metrics.advanced_people.inc(page.people)
    if page.people:
        equipment.committed.set()
    return page


async def reached(equipment: Equipment, until: datetime, partitions: list[int]) -> None:
    """Note in the database that everybody in these partitions was moved to a moment."""
    places = [(topic, partition) for topic in equipment.inputs for partition in partitions]
    await asyncio.to_thread(equipment.store.reached, places, until)
