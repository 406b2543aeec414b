"""The partitions that this worker owns: claimed in the database when the group assigns them, let go in time.

Used by the intake alone. Kafka's assignment is a hint; the claim is what counts. It raises the partition's
epoch, so that every commit of an earlier owner is refused from then on, and says where to read on. Kafka's
committed offsets are for lag monitors: nothing here reads them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition

from lifecycle.errors import BrokerUnavailable, LifecycleError
from lifecycle.instant import from_microseconds
from lifecycle.record import LastRecord, Log, Step, TopicPartition as Pair
from lifecycle.store.changes import Progress
from lifecycle.streams.equipment import Equipment
from lifecycle.streams.patience import GivenUp, patiently
from lifecycle.streams.stand_in import StandIn
from lifecycle.task import rfc3339

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Claim:
    """One owned partition. `taken` is the offset after what was put in flight, `stored` after what committed.

    `last` is the record before them as the database knows it, until it was compared with the one that is there.
    """

    epoch: int
    taken: int
    stored: int
    last: LastRecord | None = None


class Claims(ConsumerRebalanceListener):
    """Follows the group's assignments. aiokafka calls it; it must not raise, so it keeps what failed.

    `let_go` is awaited before partitions are given up: it finishes what is in flight. While partitions are being
    claimed the consumer may hand out records already; `wanted` tells which of them count.
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
        self._stopped: dict[Pair, int] = {}
        self.failure: BaseException | None = None

    def owns(self, place: TopicPartition) -> bool:
        """Whether the partition is claimed and read."""
        return place in self._claims

    def wanted(self, place: TopicPartition, records: list[Any]) -> list[Any]:
        """Return the records that are to be folded: none of a partition that is not claimed.

        Reading begins at the last record that the database knows, and that one is compared and left out. Raises
        AnotherLog when it is another one, or when there are records where none were, and BrokerUnavailable for an
        offset that was taken already.
        """
        claim = self._claims.get(place)
        if claim is None:
            return []
        expected, claim.last = claim.last, None
        if expected is not None:
            found = last_record(records[0])
            if records[0].offset <= expected.offset and found != expected:
                raise AnotherLog(place, claim.epoch, expected, found)
            if records[0].offset == expected.offset:
                records = records[1:]
        if records and records[0].offset < claim.taken:
            raise BrokerUnavailable(
                f"{place.topic}[{place.partition}]: the consumer handed out offset {records[0].offset}, "
                f"wanted {claim.taken} or a later one."
            )
        return records

    def step(self, place: TopicPartition, position: int, last: LastRecord | None = None) -> Step:
        """Take a claimed partition to a position; return the step that the batch must make."""
        claim = self._claims[place]
        step = Step(place.topic, place.partition, claim.epoch, claim.taken, position, last)
        claim.taken = position
        return step

    def current(self) -> dict[TopicPartition, Claim]:
        """Return the claims as they are. A later assignment makes other Claim objects."""
        return dict(self._claims)

    def epochs(self) -> dict[Pair, int]:
        """Return the epoch of each partition that is read, by (topic, partition)."""
        return {(place.topic, place.partition): claim.epoch for place, claim in self._claims.items()}

    def stopped(self) -> dict[Pair, int]:
        """Return the epoch of each partition that was assigned and is not read: its log is another than was read."""
        return dict(self._stopped)

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
            logs = await self._patiently("asking for offsets", "", self._equipment.logs.look) if assigned else {}
            for place in sorted(assigned):
                await self._claim(place, logs[place.topic, place.partition])
        except GivenUp:
            return
        except LifecycleError as error:
            self.failure = error
            return
        topic = self._equipment.settings.touchpoints
        # The outbox of a partition that is not read goes on.
        places = [*self.epochs(), *self._stopped]
        self._equipment.owned = frozenset(partition for name, partition in places if name == topic)
        log.info("owns partitions %s", sorted(self._equipment.owned) or "none")

    def release(self) -> None:
        """Own nothing any more."""
        self._claims.clear()
        self._stopped.clear()
        self._equipment.owned = frozenset()

    async def _claim(self, place: TopicPartition, seen: Log) -> None:
        store = self._equipment.store
        about = f"{place.topic}[{place.partition}]"
        progress: Progress = await self._patiently(
            "claiming", about, store.claim_partition, place.topic, place.partition, seen
        )
        if progress.stopped is not None:
            # Without a position the consumer would look for one by itself.
            self._consumer.seek(place, progress.next_offset)
            self._consumer.pause(place)
            self._stopped[place.topic, place.partition] = progress.epoch
            log.error("%s %s", progress.stopped, how_to_go_on(place.topic))
            return
        last = progress.last
        is_there = last is not None and seen.start <= last.offset < progress.next_offset
        self._claims[place] = Claim(
            progress.epoch, progress.next_offset, progress.next_offset, last if is_there else None
        )
        self._consumer.seek(place, last.offset if last is not None and is_there else progress.next_offset)

    async def _patiently(self, doing: str, about: str, call: Callable[..., Any], *arguments: Any) -> Any:
        return await patiently(
            lambda: asyncio.to_thread(call, *arguments),
            doing=doing,
            about=about,
            given_up=self._ending,
            metrics=self._equipment.metrics,
        )


class AnotherLog(Exception):
    """The record that was read last is another one now. Raised by Claims, handled by the session."""

    def __init__(self, place: TopicPartition, epoch: int, expected: LastRecord, found: LastRecord | None) -> None:
        has = "none that can be read" if found is None else f"one of {rfc3339(found.at)} at offset {found.offset}"
        super().__init__(
            f"topic {place.topic} partition {place.partition} had a record of {rfc3339(expected.at)} at offset "
            f"{expected.offset} when it was read, and has {has} now: the broker lost its log and filled it again."
        )
        self.place = place
        self.epoch = epoch


def how_to_go_on(topic: str) -> str:
    """Return what to do about a partition that is not read."""
    return f"It is not read until `lifecycle topics adopt {topic}` says that this is known."


def last_record(record: Any) -> LastRecord | None:
    """Return what a record of the client is told by later; None for one that could not be unpacked."""
    if isinstance(record, StandIn):
        return None
    digest = hashlib.blake2b(digest_size=16)
    for part in (record.key, record.value):
        digest.update(b"-" if part is None else b"%d:" % len(part) + part)
    return LastRecord(record.offset, from_microseconds(record.timestamp * 1000), digest.hexdigest())
