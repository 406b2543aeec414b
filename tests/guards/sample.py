"""The demo sample as the guards take it in: batches as a live worker has them, and time after each of them.

The sample has news that comes late, twice, or under a known id with something else in it, and lines that cannot be
read, so every statement of a commit occurs. It is the same bytes every time, and so is what is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from lifecycle import ids
from lifecycle.demo.sample import BROKEN_LINES, END, write_sample
from lifecycle.engine.engine import Engine
from lifecycle.policies import shipped_policy
from lifecycle.record import Batch, Log, Place, Record, Step
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.store import Store
from lifecycle.wire.codec import read_record

TOPIC, PARTITIONS = "touchpoints", 4


@cache
def policy() -> Policy:
    """Return the default policy."""
    return load_policy(shipped_policy())


@cache
def lines() -> Sequence[bytes]:
    """Return the lines of the sample in the order of their arrival."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "sample.jsonl")
        write_sample(path)
        return path.read_bytes().splitlines()


class Intake:
    """An engine that owns all partitions of a topic and takes the sample in, batch by batch, as a live worker does."""

    def __init__(self, store: Store) -> None:
        store.set_partitions(PARTITIONS)
        self.engine = Engine(store, policy(), opened_at=END)
        log = Log("topic-1", 0, len(lines()))
        self._epochs = [store.claim_partition(TOPIC, partition, log).epoch for partition in range(PARTITIONS)]
        self._offsets = [0] * PARTITIONS
        self._now = datetime.min.replace(tzinfo=UTC)

    def batches(self, size: int, most: int | None = None) -> Iterator[Batch]:
        """Yield what was not yet taken in, in batches of a size, at most so many; each is to be taken before the next."""
        begun = sum(self._offsets)
        left = iter(lines()[begun : None if most is None else begun + size * most])
        while some := list(islice(left, size)):
            before = list(self._offsets)
            records = tuple(map(self._record, some))
            steps = (
                Step(TOPIC, partition, epoch, before[partition], self._offsets[partition])
                for partition, epoch in enumerate(self._epochs)
            )
            yield Batch(records, tuple(each for each in steps if each.from_offset < each.to_offset))

    def take(self, batch: Batch) -> None:
        """Take a batch in: it is received when its last news occurs, and so far has time moved for its people."""
        times = [each.touchpoint.occurred_at for each in batch.records if each.touchpoint is not None]
        self._now = max([self._now, *times])
        self.engine.ingest(batch, received_at=self._now, ceiling=self._now, until=self._now)

    def move_time(self) -> int:
        """Move time for a page of those who are due by now; return how many they are."""
        return self.engine.advance(self._now, at=self._now)

    def take_all(self, size: int, most: int | None = None) -> int:
        """Take batches in, and move time after each until nobody is due; return how many records they had."""
        taken = 0
        for batch in self.batches(size, most):
            self.take(batch)
            taken += len(batch.records)
            while self.move_time():
                pass
        return taken

    def _record(self, line: bytes) -> Record:
        person = json.loads(line)["subject"] if line not in BROKEN_LINES else ""
        partition = ids.partition_of(person, PARTITIONS)
        place = Place(TOPIC, partition, self._offsets[partition])
        self._offsets[partition] += 1
        return read_record(place, line, person.encode())
