"""What an intake hands to the engine: records with their place, read or found unreadable, in batches.

A record is one line of a file or one Kafka message. The codec has already tried to read it: it carries
either the touchpoint or the fault, and always the original bytes, so that nothing is lost whatever becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lifecycle.touchpoint import Touchpoint

Headers = tuple[tuple[str, bytes], ...]
TopicPartition = tuple[str, int]


class Place(NamedTuple):
    """Where a record came from. For a file: topic `file:NAME`, partition 0, offset = line number from 1."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record cannot be accepted: a stable word, the path of the field (None: all of it), a sentence."""

    reason: str
    field: str | None
    message: str


class Record(NamedTuple):
    """One record as received: exactly one of `touchpoint`, `fault` and `home` is given.

    `home` is the partition of the person, where that is in another database: the record is passed on there and is
    nothing here but counted. `body`, `key` and `headers` are the original bytes; `key` is None where the transport has
    none.
    """

    place: Place
    body: bytes
    touchpoint: Touchpoint | None = None
    fault: Fault | None = None
    key: bytes | None = None
    headers: Headers = ()
    home: int | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """A partition of a topic as the broker has it: `id` of the topic, first offset, offset after the last record."""

    id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LastRecord:
    """What tells a record from another that has its offset: the broker's time for it and a hash of key and value."""

    offset: int
    at: datetime
    hash: str


@dataclass(frozen=True, slots=True)
class Step:
    """How far a batch moves one partition: compare (epoch, from_offset), set to_offset.

    `from_offset` is the stored next_offset when the batch was taken, `to_offset` the next one to be read
    afterwards. Compared with the stored value, never by arithmetic: topics have gaps. `last` is the last record
    before `to_offset` (None: what is stored of an earlier one stays).
    """

    topic: str
    partition: int
    epoch: int
    from_offset: int
    to_offset: int
    last: LastRecord | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the order read, and the step of every partition they came from (empty for a file)."""

    records: tuple[Record, ...]
    steps: tuple[Step, ...] = ()

    def persons(self) -> set[str]:
        """Return whom its records are about, as far as they could be read."""
        return {each.touchpoint.person for each in self.records if each.touchpoint is not None}

    def halves(self) -> tuple[Batch, Batch]:
        """Split into two batches that, one after the other, move the partitions as this one would."""
        middle = len(self.records) // 2
        first, second = self.records[:middle], self.records[middle:]
        reached: dict[TopicPartition, int] = {
            (record.place.topic, record.place.partition): record.place.offset + 1 for record in first
        }
        first_steps, second_steps = [], []
        for step in self.steps:
            between = reached.get((step.topic, step.partition), step.from_offset)
            last = step.last if between == step.to_offset else None
            first_steps.append(Step(step.topic, step.partition, step.epoch, step.from_offset, between, last))
            second_steps.append(Step(step.topic, step.partition, step.epoch, between, step.to_offset, step.last))
        return Batch(first, tuple(first_steps)), Batch(second, tuple(second_steps))


@dataclass(frozen=True, slots=True)
class Accounting:
    """What became of the records received: exactly one outcome each, and labels besides, as things stood at the commit.

    received = folded + duplicate + conflicting + future + unknown_type + dead_lettered + passed_on. What was passed on
    is received once more, where the person is. `late`: after news or time that
    came before it. `misrouted`: in another partition than its person's. `unmatched`: an outcome of no task that was
    asked. `unreached`: a key of it names no instance, since none had begun and it begins none. `keyless`: of a type of
    keyed tracks, without any key.
    """

    received: int = 0
    folded: int = 0
    duplicate: int = 0
    conflicting: int = 0
    future: int = 0
    unknown_type: int = 0
    dead_lettered: int = 0
    passed_on: int = 0
    late: int = 0
    misrouted: int = 0
    unmatched: int = 0
    unreached: int = 0
    keyless: int = 0

    def plus(self, other: Accounting) -> Accounting:
        """Return the sum, name by name."""
        return Accounting(*(getattr(self, name) + getattr(other, name) for name in ACCOUNTING_NAMES))

    def as_mapping(self) -> Mapping[str, int]:
        """Return name -> count, in the order of the fields."""
        return {name: getattr(self, name) for name in ACCOUNTING_NAMES}


OUTCOME_NAMES = ("folded", "duplicate", "conflicting", "future", "unknown_type", "dead_lettered", "passed_on")
LABEL_NAMES = ("late", "misrouted", "unmatched", "unreached", "keyless")
ACCOUNTING_NAMES = ("received", *OUTCOME_NAMES, *LABEL_NAMES)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that was not accepted, with the reason and everything needed to send it again."""

    place: Place
    reason: str
    field: str | None
    message: str
    body: bytes
    key: bytes | None
    headers: Headers
    refused_at: datetime


def batches(records: Iterable[Record], most: int, most_bytes: int) -> Iterator[Batch]:
    """Yield records in batches, in order: of so many, or ended earlier by the size of their bodies."""
    taken: list[Record] = []
    size = 0
    for record in records:
        taken.append(record)
        size += len(record.body)
        if len(taken) == most or size >= most_bytes:
            yield Batch(tuple(taken))
            taken, size = [], 0
    if taken:
        yield Batch(tuple(taken))
