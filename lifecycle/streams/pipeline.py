"""Batches in flight: read one while another commits, in the order taken, repeated until committed.

Used by the intake alone, one Pipeline for each assignment of partitions. What it promises:

- `take` is synchronous: between the consumer handing out records and their batch being in flight nothing
  else runs, so a rebalance always sees and awaits every batch.
- Batches are committed in the order they were taken; a batch that was not committed breaks the pipeline, and
  none behind it is tried, since their steps would not follow from what stands in the database.
- At most two are in flight: behind a large one the next is read while it is folded and committed. Behind a small one
  nothing is taken: to read it takes no time, it would wait for all of the other, and what comes meanwhile for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lifecycle.record import Accounting, Batch, Step, TopicPartition
from lifecycle.streams.patience import GivenUp

MAX_IN_FLIGHT = 2
READ_AHEAD_RECORDS = 200
"""Behind a batch of so many records another one is taken while it is in flight."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Records as the consumer handed them out, and how far they move their partitions.

    `last_times`: the broker's timestamp of the last record of each partition. `backlog`: how many records the broker
    had for us, these among them, when it was last heard of each partition.
    """

    records: Sequence[Any]
    steps: tuple[Step, ...]
    last_times: Mapping[TopicPartition, datetime]
    taken_at: datetime
    backlog: int = 0

    @property
    def places(self) -> str:
        """The partitions and offsets, for messages."""
        return ", ".join(
            f"{step.topic}[{step.partition}] {step.from_offset} to {step.to_offset - 1}" for step in self.steps
        )


class Pipeline:
    """The batches of one assignment. `read` turns records into a batch, `commit` writes it or raises."""

    def __init__(
        self,
        read: Callable[[Taken], Awaitable[Batch]],
        commit: Callable[[Taken, Batch, asyncio.Event], Awaitable[Accounting]],
        committed: Callable[[Taken, Accounting], None],
    ) -> None:
        self._read = read
        self._commit = commit
        self._committed = committed
        self._flights: list[asyncio.Task[None]] = []
        self._most_in_flight = 1
        self._broken = False
        self.abandoned = asyncio.Event()

    def take(self, taken: Taken) -> None:
        """Put records in flight. Call `room` before asking the consumer for more."""
        before = self._flights[-1] if self._flights else None
        self._most_in_flight = MAX_IN_FLIGHT if len(taken.records) >= READ_AHEAD_RECORDS else 1
        self._flights.append(asyncio.create_task(self._fly(taken, before)))

    async def room(self) -> None:
        """Wait until another batch may be taken. Raises what broke the pipeline."""
        while True:
            for flight in [flight for flight in self._flights if flight.done()]:
                self._flights.remove(flight)
                flight.result()
            if len(self._flights) < self._most_in_flight:
                return
            await asyncio.wait(self._flights, return_when=asyncio.FIRST_COMPLETED)

    async def settle(self, seconds: float) -> BaseException | None:
        """Wait until nothing is in flight, at most so long; return what broke the pipeline, if anything did.

        A batch that fails from now on is not tried again; whoever owns its partitions next reads it again.
        One that is still being committed after `seconds` is left to the fence: it cannot do harm.
        """
        self.abandoned.set()
        if self._flights:
            await asyncio.wait(self._flights, timeout=seconds)
        errors = [flight.exception() for flight in self._flights if flight.done()]
        self._flights = [flight for flight in self._flights if not flight.done()]
        return next((error for error in errors if error is not None), None)

    async def _fly(self, taken: Taken, before: asyncio.Task[None] | None) -> None:
        is_committed = False
        try:
            batch = await self._read(taken)
            if before is not None:
                await asyncio.wait([before])
            if self._broken:
                return
            accounting = await self._commit(taken, batch, self.abandoned)
            is_committed = True
        except GivenUp:
            return
        finally:
            self._broken = self._broken or not is_committed
        self._committed(taken, accounting)
