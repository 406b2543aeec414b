"""One consumer of the intake, from joining the group to leaving it.

Made and run by intake.py, whose docstring says what rests on it and what must not be moved here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from lifecycle import clock
from lifecycle.errors import PartitionLost, Retry
from lifecycle.instant import from_microseconds
from lifecycle.record import Accounting, Batch, Place, Record
from lifecycle.streams.careful import read_one_by_one, rewind
from lifecycle.streams.claims import AnotherLog, Claims, last_record
from lifecycle.streams.connection import broker_trouble, intake_consumer
from lifecycle.streams.equipment import Equipment
from lifecycle.streams.patience import patiently, wait_for
from lifecycle.streams.pipeline import Pipeline, Taken
from lifecycle.streams.relay import Relay
from lifecycle.streams.stand_in import StandIn
from lifecycle.wire import codec

POLL_MILLISECONDS = 250
READ_AT_ONCE = 50
"""So many records are read in the event loop: a thread would have to wait for its turn longer than that takes."""
HISTORY_AGE = timedelta(days=1)
"""What occurred so long before the time of its partition is history: where there is much of it, it is folded once."""
SETTLE_SECONDS = 20.0
"""Longest wait for batches in flight when partitions are taken away; the fence covers what comes later."""
ANSWER_SECONDS = 5.0  # for an answer of the broker that is asked for again anyway
OFFSETS_EVERY_SECONDS = 1.0
GAPS_EVERY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Session:
    """One consumer, from joining the group to leaving it."""

    def __init__(self, equipment: Equipment, relay: Relay, limits: codec.Limits) -> None:
        self._equipment = equipment
        self._relay = relay
        self._limits = limits
        self._ending = asyncio.Event()
        self._consumer = intake_consumer(equipment.settings)
        self.claims = Claims(equipment, self._consumer, let_go=self._let_go, ending=self._ending)
        self._pipeline = self._new_pipeline()
        self._sent_offsets: Mapping[TopicPartition, int] = {}
        self._careful: Literal["no", "looking", "found"] = "no"
        self._look_for_gaps_at = 0.0
        self.was_useful = False

    async def run(self) -> None:
        """Join, read until the worker stops, finish, leave. Raises what ended it before that."""
        settings = self._equipment.settings
        with broker_trouble("reading", settings):
            stop = asyncio.create_task(self._end_with_worker())
            offsets = asyncio.create_task(self._keep_sending_offsets())
            try:
                await self._consumer.start()
                self._consumer.subscribe(settings.input_topics, listener=self.claims)
                while not self._ending.is_set():
                    await self._take_one()
                await self._finish()
                await self._relay.flush()
            finally:
                self._ending.set()
                await self._let_go()
                stop.cancel()
                offsets.cancel()
                await self._leave()
                self.claims.release()

    async def _take_one(self) -> None:
        await self._pipeline.room()
        await self._take_gaps()
        handed_out = await self._hand_out()
        if self.claims.failure is not None:
            raise self.claims.failure
        # While the assigned callback is still claiming, aiokafka hands out records from where Kafka's own
        # offsets stand. They are dropped: claiming their partition seeks to where the database stands.
        records = await self._wanted(handed_out)
        if not records or self._ending.is_set():
            return
        # From `getmany` to `take` nothing yields: `position` does not wait for a partition that gave records.
        steps = [
            self.claims.step(place, await self._consumer.position(place), last_record(part[-1]))
            for place, part in records.items()
        ]
        last = {
            (place.topic, place.partition): from_microseconds(part[-1].timestamp * 1000)
            for place, part in records.items()
        }
        self._equipment.taken_at = asyncio.get_running_loop().time()
        every = [record for part in records.values() for record in part]
        backlog = len(every) + self._left()
        self._equipment.is_behind = backlog >= self._equipment.settings.batch_records
        self._pipeline.take(Taken(every, tuple(steps), last, clock.now(), backlog))

    def _left(self) -> int:
        """Return how many records the broker has beyond what was taken, as far as the consumer was told."""
        assigned, claims = self._consumer.assignment(), self.claims.current()
        ends = {place: self._consumer.highwater(place) or 0 for place in claims if place in assigned}
        return sum(max(0, end - claims[place].taken) for place, end in ends.items())

    async def _wanted(self, handed_out: dict[TopicPartition, list[Any]]) -> dict[TopicPartition, list[Any]]:
        """Return what of it is to be folded. Where it shows another log, note that and raise Retry."""
        try:
            wanted = {place: self.claims.wanted(place, part) for place, part in handed_out.items()}
        except AnotherLog as found:
            stop = self._equipment.store.stop_partition
            await asyncio.to_thread(stop, found.place.topic, found.place.partition, found.epoch, str(found))
            raise Retry(str(found)) from found
        return {place: part for place, part in wanted.items() if part}

    async def _hand_out(self) -> dict[TopicPartition, list[Any]]:
        if self._careful != "no":
            records, has_stand_in = await read_one_by_one(self._consumer, self.claims)
            if has_stand_in:
                self._careful = "found"
            elif records and self._careful == "found":
                self._careful = "no"
            elif not records:
                await wait_for(self._ending, POLL_MILLISECONDS / 1000)  # yields: there may be no claims yet
            return records
        batch = self._equipment.settings.batch_records
        try:
            handed_out: dict[TopicPartition, list[Any]] = await self._consumer.getmany(
                timeout_ms=POLL_MILLISECONDS, max_records=batch
            )
        except UnicodeDecodeError as error:
            log.warning("a record cannot be unpacked (%s); reading one by one until it is found", error)
            rewind(self._consumer, self.claims)
            self._careful = "looking"
            return {}
        except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
            # Before a partition is claimed the consumer looks for a place by Kafka's own offsets; they are nothing.
            places = error.args[0] if isinstance(error, OffsetOutOfRangeError) else [error.args[0]]
            if any(self.claims.owns(place) for place in places):
                raise
            return {}
        return handed_out

    async def _take_gaps(self) -> None:
        """Move partitions past offsets that hold no record for us, so that their end can be reached.

        Transactions and deletions leave such gaps; the consumer moves over them without handing out anything.
        """
        now = asyncio.get_running_loop().time()
        if now < self._look_for_gaps_at:
            return
        self._look_for_gaps_at = now + GAPS_EVERY_SECONDS
        before = self.claims.current()
        positions = {}
        for place in before:
            try:
                positions[place] = await asyncio.wait_for(self._consumer.position(place), GAPS_EVERY_SECONDS)
            except (IllegalStateError, TimeoutError):
                return  # a rebalance, or the consumer is finding its place: looked at again next time
        # A rebalance while waiting made other claims, for which these positions mean nothing.
        now_claimed = self.claims.current()
        steps = tuple(
            self.claims.step(place, position)
            for place, position in positions.items()
            if now_claimed.get(place) is before[place] and before[place].taken < position
        )
        if steps:
            self._pipeline.take(Taken((), steps, {}, clock.now()))

    async def _read(self, taken: Taken) -> Batch:
        passing = self._equipment.passing

        def read() -> Batch:
            records = (_record(record, self._limits) for record in taken.records)
            return Batch(tuple(records if passing is None else map(passing.sort, records)), taken.steps)

        if len(taken.records) <= READ_AT_ONCE:
            return read()
        return await asyncio.get_running_loop().run_in_executor(self._equipment.reading_thread, read)

    async def _commit(self, taken: Taken, batch: Batch, abandoned: asyncio.Event) -> Accounting:
        equipment, passing = self._equipment, self._equipment.passing

        async def attempt() -> Accounting:
            if equipment.bound is not None:
                return await equipment.in_engine(self._backfill, taken, batch, equipment.bound.until)
            now = clock.now()
            time = equipment.times.least({step.partition for step in taken.steps}, now=now)
            return await equipment.in_engine(self._follow, taken, batch, now, time)

        again = partial(patiently, about=taken.places, given_up=abandoned, metrics=equipment.metrics)
        with equipment.metrics.batch_seconds.time():
            if passing is not None:
                # Before the commit: what the offsets say was read must be somewhere.
                await again(lambda: passing.pass_on(batch), doing="passing on")
            return await again(attempt, doing="committing")

    def _backfill(self, taken: Taken, batch: Batch, until: datetime | None) -> Accounting:
        ingest = self._equipment.engine.ingest
        # Nobody is told of anything before the end, so whoever can waits until then, and is folded once.
        return ingest(batch, received_at=taken.taken_at, ceiling=until, publish=False, log_first=True)

    def _follow(self, taken: Taken, batch: Batch, now: datetime, time: datetime | None) -> Accounting:
        settings, ingest = self._equipment.settings, self._equipment.engine.ingest
        # While time is not known, or far behind, tasks wait for the clock: news may still withdraw them.
        is_present = time is not None and now - time <= settings.publish_lag
        return ingest(
            batch,
            received_at=taken.taken_at,
            ceiling=now,
            until=time,
            publish=is_present,
            # Behind old history comes more of it, about the same people: they wait for the clock, and are folded once.
            # So do all while nobody is told.
            log_first=taken.backlog >= settings.batch_records,
            recent=time - HISTORY_AGE if time is not None and is_present else None,
            told=self._equipment.hand_over,
        )

    def _committed(self, taken: Taken, accounting: Accounting) -> None:
        self.was_useful = True
        self.claims.stored(taken.steps)
        self._equipment.metrics.count(accounting)
        for place, at in taken.last_times.items():
            self._equipment.times.committed(place, at)
        if accounting.misrouted or accounting.passed_on:
            self._equipment.times.misrouted = True
        if accounting.dead_lettered or accounting.future:
            self._relay.look_at_table()
        self._equipment.committed.set()

    def _new_pipeline(self) -> Pipeline:
        return Pipeline(self._read, self._commit, self._committed)

    async def _let_go(self) -> None:
        """Finish what is in flight and what is being sent, and tell Kafka how far we are."""
        try:
            await self._finish()
        except (PartitionLost, Retry) as lost:
            log.warning("letting go of partitions: %s", lost)
        self._equipment.owned = frozenset()  # or the relay would begin another round
        await self._relay.pause()
        await self._send_offsets()

    async def _finish(self) -> None:
        """Wait for what is in flight; raise what failed in it."""
        failure = await self._pipeline.settle(SETTLE_SECONDS)
        self._pipeline = self._new_pipeline()
        if failure is not None:
            raise failure

    async def _leave(self) -> None:
        try:
            await asyncio.wait_for(self._consumer.stop(), ANSWER_SECONDS)
        except (KafkaError, TimeoutError) as trouble:
            log.info("the group was not told that we leave, it will notice: %r", trouble)

    async def _keep_sending_offsets(self) -> None:
        while not await wait_for(self._ending, OFFSETS_EVERY_SECONDS):
            await self._send_offsets()

    async def _send_offsets(self) -> None:
        offsets = dict(self.claims.offsets())
        if not offsets or offsets == self._sent_offsets:
            return
        try:
            await asyncio.wait_for(self._consumer.commit(offsets), ANSWER_SECONDS)
        except (KafkaError, TimeoutError) as trouble:
            # Only lag monitors read these; the next round sends them again.
            log.info("Kafka did not take our offsets: %r", trouble)
        else:
            self._sent_offsets = offsets

    async def _end_with_worker(self) -> None:
        await self._equipment.stopping.wait()
        self._ending.set()
        self._pipeline.abandoned.set()  # or a batch that cannot be committed now would be tried for ever


def _record(record: Any, limits: codec.Limits) -> Record:
    if isinstance(record, StandIn):
        return record.as_record()
    # A header may have a null value in Kafka; for us it is an empty one.
    headers = tuple((name, value or b"") for name, value in record.headers)
    place = Place(record.topic, record.partition, record.offset)
    return codec.read_record(place, record.value, record.key, headers, limits=limits)
