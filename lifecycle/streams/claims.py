"""The partitions that this worker owns: claimed in the database when the group assigns them, let go in time.

Used by the intake alone. Kafka's assignment is a hint; the claim is what counts. It raises the partition's
epoch, so that every commit of an earlier owner is refused from then on, and says where to read on. Kafka's
committed offsets are for lag monitors: nothing here reads them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition

from lifecycle.errors import BrokerUnavailable, LifecycleError, TopicChanged
from lifecycle.record import Log, Step
from lifecycle.streams.equipment import Equipment
from lifecycle.streams.patience import GivenUp, patiently

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Claim:
    """One owned partition. `taken` is the offset after what was put in flight, `stored` after what committed."""

    epoch: int
    taken: int
    stored: int


class Claims(ConsumerRebalanceListener):
    """Follows the group's assignments. aiokafka calls it; it must not raise, so it keeps what failed.

    `let_go` is awaited before partitions are given up: it finishes what is in flight. While partitions are being
    claimed the consumer may hand out records already; `owns` tells which of them count.
    """

    def __init__(
        self,
        equipment: Equipment,
        consumer: Any,
        *,
        let_go: Callable[[], Awaitable[None]],
        ending: asyncio.Event,
    ) -> None:
        self._equipment = equipment
        self._consumer = consumer
        self._let_go = let_go
        self._ending = ending
        self._claims: dict[TopicPartition, Claim] = {}
        self.failure: BaseException | None = None

    def owns(self, place: TopicPartition, offset: int) -> bool:
        """Whether the partition is claimed. Raises BrokerUnavailable for an offset that was taken already."""
        claim = self._claims.get(place)
        if claim is not None and offset < claim.taken:
            raise BrokerUnavailable(
                f"{place.topic}[{place.partition}]: the consumer handed out offset {offset}, "
                f"wanted {claim.taken} or a later one."
            )
        return claim is not None

    def step(self, place: TopicPartition, position: int) -> Step:
        """Take a claimed partition to a position; return the step that the batch must make."""
        claim = self._claims[place]
        step = Step(place.topic, place.partition, claim.epoch, claim.taken, position)
        claim.taken = position
        return step

    def current(self) -> dict[TopicPartition, Claim]:
        """Return the claims as they are. A later assignment makes other Claim objects."""
        return dict(self._claims)

    def stored(self, steps: Iterable[Step]) -> None:
        """Note that these steps are committed."""
        for step in steps:
            claim = self._claims.get(TopicPartition(step.topic, step.partition))
            if claim is not None and claim.epoch == step.epoch:
                claim.stored = step.to_offset

    def offsets(self) -> Mapping[TopicPartition, int]:
        """Return what the database has committed of each owned partition."""
        return {place: claim.stored for place, claim in self._claims.items()}

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Finish what is in flight, then own nothing (assignments are eager: what stays is assigned again)."""
        try:
            await self._let_go()
        finally:
            self.release()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Claim each partition in the database and read on from where it stands there."""
        try:
            for place in sorted(assigned):
                await self._claim(place)
        except GivenUp:
            return
        except LifecycleError as error:
            self.failure = error
            return
        topic = self._equipment.settings.touchpoints
        self._equipment.owned = frozenset(place.partition for place in self._claims if place.topic == topic)
        log.info("owns partitions %s", sorted(self._equipment.owned) or "none")

    def release(self) -> None:
        """Own nothing any more."""
        self._claims.clear()
        self._equipment.owned = frozenset()

    async def _claim(self, place: TopicPartition) -> None:
        log_now = Log(
            self._equipment.inputs[place.topic].id,
            (await self._consumer.beginning_offsets([place]))[place],
            (await self._consumer.end_offsets([place]))[place],
        )
        progress = await patiently(
            lambda: asyncio.to_thread(self._equipment.store.claim_partition, place.topic, place.partition, log_now),
            doing="claiming",
            about=f"{place.topic}[{place.partition}]",
            given_up=self._ending,
            metrics=self._equipment.metrics,
        )
        if progress.stopped is not None:
            raise TopicChanged(f"{progress.stopped} Run `lifecycle topics adopt {place.topic}`.")
        self._claims[place] = Claim(progress.epoch, progress.next_offset, progress.next_offset)
        self._consumer.seek(place, progress.next_offset)
