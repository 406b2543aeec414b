"""A baseline of the live worker: reads a topic as it does, writes the same rows by its statements, and folds nothing.

    python -m benchmarks._bare_worker BROKER TOPIC GROUP DATABASE COUNT

The worker's own consumer, batches of as many records, its decoder in a thread of its own, and `Store.commit` in
another: touchpoints, the row of each person in the batch with a text as long as a usual snapshot, and the step of each
partition. One batch is committed while the next is read. Nothing is looked up before: whose row is there already, and
at which revision, is remembered. No tasks, which a worker that is far behind does not ask for either. It ends when it
has read COUNT records.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from aiokafka import TopicPartition

from lifecycle import ids
from lifecycle.person import PersonRow
from lifecycle.record import Accounting, Log, Place, Record, Step
from lifecycle.settings import Settings
from lifecycle.store import Changes, Store, open_store
from lifecycle.streams.connection import intake_consumer
from lifecycle.streams.worker import COLLECT_AFTER
from lifecycle.touchpoint import Touchpoint
from lifecycle.wire.codec import read_record

SNAPSHOT = "s" * 900
"""About as long as the snapshot of a person of BPI Challenge 2012."""

POLL_MILLISECONDS = 200


class Writing:
    """Writes what was read, and remembers how far partitions and people are."""

    def __init__(self, store: Store, topic: str, partitions: Sequence[int]) -> None:
        self._store, self._topic, self._partitions = store, topic, len(partitions)
        store.set_partitions(self._partitions)
        log = Log("bare", 0, sys.maxsize)
        self._epochs = {each: store.claim_partition(topic, each, log).epoch for each in partitions}
        self._offsets = dict.fromkeys(partitions, 0)
        self._revisions: dict[str, int] = {}

    def write(self, records: Sequence[Record]) -> None:
        """Commit one batch."""
        touchpoints = [each.touchpoint for each in records if each.touchpoint is not None]
        last = {record.place.partition: record.place.offset for record in records}
        received = Counter(record.place.partition for record in records)
        counts = [(self._topic, each, Accounting(received=n, folded=n)) for each, n in received.items()]
        steps = [Step(self._topic, each, self._epochs[each], self._offsets[each], at + 1) for each, at in last.items()]
        people = {each.person: each for each in touchpoints}
        self._store.commit(
            Changes(
                steps=tuple(steps),
                accounting=tuple(counts),
                touchpoints=tuple(touchpoints),
                people=tuple(map(self._row, people.values())),
            )
        )
        self._offsets |= {each: at + 1 for each, at in last.items()}

    def _row(self, last: Touchpoint) -> PersonRow:
        revision = self._revisions[last.person] = self._revisions.get(last.person, 0) + 1
        partition, at = ids.partition_of(last.person, self._partitions), last.occurred_at
        return PersonRow(last.person, partition, revision, 0, at, None, "bare", 0, SNAPSHOT, None, None, at)


def read(records: Sequence[Any]) -> list[Record]:
    """Decode what the consumer handed out."""
    return [
        read_record(Place(each.topic, each.partition, each.offset), each.value, each.key, tuple(each.headers))
        for each in records
    ]


async def run(settings: Settings, store: Store, count: int) -> None:
    """Read and write until so many records were read."""
    consumer = intake_consumer(settings)
    partitions = list(range(settings.partitions))
    writing = Writing(store, settings.touchpoints, partitions)
    loop, reading, engine = asyncio.get_running_loop(), ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    await consumer.start()
    places = [TopicPartition(settings.touchpoints, each) for each in partitions]
    consumer.assign(places)
    for place in places:
        consumer.seek(place, 0)
    under_way: asyncio.Future[None] | None = None
    while count > 0:
        handed_out = await consumer.getmany(timeout_ms=POLL_MILLISECONDS, max_records=settings.batch_records)
        records = [record for part in handed_out.values() for record in part]
        if not records:
            continue
        batch = await loop.run_in_executor(reading, read, records)
        if under_way is not None:
            await under_way
        under_way = loop.run_in_executor(engine, writing.write, batch)
        count -= len(records)
    if under_way is not None:
        await under_way
    await consumer.stop()


def main(broker: str, topic: str, group: str, database: str, count: str) -> None:
    """Write every touchpoint of a topic into a new database."""
    settings = Settings.load(broker=broker, touchpoints=topic, group=group, partitions=4, database=database)
    with closing(open_store(database, create=True)) as store:
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        asyncio.run(run(settings, store, int(count)))


if __name__ == "__main__":
    main(*sys.argv[1:])
