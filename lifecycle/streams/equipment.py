"""What the services of one worker share: made once by worker.py, handed to each of them.

Not a place for behaviour, but for one rule: everything synchronous leaves the event loop here. The engine has
one thread of its own, so batches and time take turns; reading records has another, so that the next batch is
read while one commits; the store's small calls share the loop's threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from mode import Service

from lifecycle.engine.engine import Engine
from lifecycle.errors import LifecycleError, PolicyMismatch
from lifecycle.metrics import Metrics
from lifecycle.person import OutboxRow
from lifecycle.record import TopicPartition
from lifecycle.settings import Settings
from lifecycle.store.store import Store
from lifecycle.streams.logs import Logs
from lifecycle.streams.partition_time import PartitionTimes
from lifecycle.streams.passing import Passing
from lifecycle.streams.patience import GivenUp, patiently
from lifecycle.streams.topics import Found

MOST_POLICIES = 3
"""Policies that are taken over during one call before it is given up."""

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Bound:
    """What a bounded run reads and where it ends: `until` None is the latest touchpoint there is."""

    until: datetime | None
    ends: Mapping[TopicPartition, int]


@dataclass(slots=True)
class Equipment:
    """Shared by the services of one worker. `owned` changes with every rebalance: partitions of people.

    `stopped` says why partitions of them are not read. `engine` changes when another policy becomes active; `reopen`
    makes one by the policy that is active now. `hand_over` takes the messages of each commit (relay.py). `taken_at` is
    when the intake took records last, by the clock of the event loop, `is_behind` whether there was a full batch of
    them at least. `passing` is there with several databases alone.
    """

    settings: Settings
    store: Store
    engine: Engine
    inputs: Mapping[str, Found]
    logs: Logs
    times: PartitionTimes
    metrics: Metrics
    bound: Bound | None
    end: Callable[[LifecycleError | None], None]
    reopen: Callable[[], Engine]
    passing: Passing | None = None
    hand_over: Callable[[Sequence[OutboxRow]], None] | None = None
    owned: frozenset[int] = frozenset()
    stopped: Mapping[TopicPartition, str] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    taken_at: float = float("-inf")
    is_behind: bool = False
    engine_thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "engine"))
    reading_thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "reading"))

    async def in_engine(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run a call of the engine in its thread, after whatever runs there.

        Where another policy has become active nothing of it was written: the engine is opened again by that one,
        and the call is made again. So it has to look for `engine` itself. Raises what the engine raises.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.engine_thread, self._by_active_policy, call, arguments)

    def take_over(self) -> None:
        """Open the engine again by the policy that is active now. In the engine's thread alone."""
        engine = self.reopen()
        if engine.policy.hash == self.engine.policy.hash:
            return
        self.engine, policy = engine, engine.policy
        log.warning("another policy is active: going on by %s (%s) from the database", policy.name, policy.hash)

    def _by_active_policy(self, call: Callable[..., Answer], arguments: tuple[Any, ...]) -> Answer:
        for _ in range(MOST_POLICIES):
            try:
                return call(*arguments)
            except PolicyMismatch:
                self.take_over()
        return call(*arguments)

    async def patiently(self, doing: str, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """Repeat an attempt on passing trouble until the worker stops; then GivenUp."""
        return await patiently(attempt, doing=doing, given_up=self.stopping, metrics=self.metrics)

    def close(self) -> None:
        """Let the threads end once they are done, and close the store."""
        self.engine_thread.shutdown(wait=False)
        self.reading_thread.shutdown(wait=False)
        self.logs.close()
        self.store.close()


class WorkerService(Service):
    """A service whose one task is `run`. An error of ours ends the worker in order, any other crashes it."""

    abstract = True

    def __init__(self, equipment: Equipment) -> None:
        super().__init__()
        self.equipment = equipment

    async def run(self) -> None:
        """Do the work until `equipment.stopping` is set. GivenUp and LifecycleError may leave it."""
        raise NotImplementedError

    @Service.task
    async def _guarded(self) -> None:
        try:
            await self.run()
        except GivenUp:
            return
        except LifecycleError as error:
            self.equipment.end(error)
