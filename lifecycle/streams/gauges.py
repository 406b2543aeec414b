"""Counts what the database holds, for the metrics, about once a minute: the counts read whole tables."""

from __future__ import annotations

import asyncio

from lifecycle.streams.equipment import WorkerService
from lifecycle.streams.patience import wait_for

COUNT_EVERY_SECONDS = 60.0


class Gauges(WorkerService):
    """Sets the gauges of people and outbox until the worker stops."""

    async def run(self) -> None:
        """Count at once, then every minute."""
        while True:
            await self.equipment.patiently("counting", self._count)
            if await wait_for(self.equipment.stopping, COUNT_EVERY_SECONDS):
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
