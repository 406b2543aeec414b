"""Counts what the database holds, for the metrics, about once a minute: the counts read whole tables.

Where that takes long it is done less often, so that it never takes more than a small share of what the database does.
"""

from __future__ import annotations

import asyncio

from lifecycle.streams.equipment import Equipment, WorkerService
from lifecycle.streams.first_start import count_not_asked
from lifecycle.streams.patience import wait_for

COUNT_EVERY_SECONDS = 60.0
REST = 50
"""After counting, at least so many times as long as it took passes until it is done again."""

NOT_ASKED_EVERY = 60
"""Turns after which what was not asked at the first start is counted at the latest: it changes by late news alone."""


class Gauges(WorkerService):
    """Sets the gauges of people and outbox until the worker stops."""

    def __init__(self, equipment: Equipment) -> None:
        super().__init__(equipment)
        self._turn = self._not_asked_at = 1

    async def run(self) -> None:
        """Count at once, then every minute, or as seldom as REST says."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            await self.equipment.patiently("counting", self._count)
            if await wait_for(self.equipment.stopping, pause_after(loop.time() - begun)):
                return

    async def _count(self) -> None:
        counts = await asyncio.to_thread(self.equipment.store.counts)
        missing = await asyncio.to_thread(self.equipment.store.read_as_missing)
        metrics = self.equipment.metrics
        metrics.tell_missing(missing)
        metrics.people.set(counts.people)
        metrics.people_without_next_obligation.set(counts.people_without_next)
        metrics.people_stopped.set(counts.stopped)
        metrics.outbox_rows.set(counts.outbox)
        if self._turn >= self._not_asked_at:
            # Often at first, while time comes to the moment; then seldom, as everybody is read for it.
            self._not_asked_at = self._turn + min(self._turn, NOT_ASKED_EVERY)
            not_asked = await asyncio.to_thread(count_not_asked, self.equipment.store)
            metrics.tell_not_asked(0, 0) if not_asked is None else metrics.tell_not_asked(*not_asked)
        self._turn += 1


def pause_after(took_seconds: float) -> float:
    """Return how many seconds pass between the end of a count that took so long and the next one."""
    return max(COUNT_EVERY_SECONDS, took_seconds * REST)
