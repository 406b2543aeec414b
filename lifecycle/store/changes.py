"""The values at the edge of the store: what one transaction writes, and what the readers give back.

`Changes` is built by the engine and written by writer.py, with nothing else in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lifecycle.ask_from import AskFrom
from lifecycle.person import Checkpoints, Message, PersonRow, Publication
from lifecycle.record import Accounting, DeadLetter, LastRecord, Step
from lifecycle.touchpoint import Touchpoint


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that commits together or not at all.

    `steps` move partitions and are the first statement (the fence). `accounting` is added to the counters
    of each (topic, partition). `touchpoints` are new rows; `replaced` overwrite the row of their key,
    `conflicts` are variants kept beside it. `people` are written by compare-and-set: a row of revision 1 is
    inserted, any other updates the row that still has revision - 1. `checkpoints` are those of people written here.
    `publications` are inserted or overwritten.
    `newest` is the latest occurred_at among what was received of each (topic, partition) and not refused.
    `policy_hash`, `snapshot_format` and `ask_from` are what all this was decided by; the commit compares them with what
    is active, and what they are in a new database is their default.
    """

    steps: tuple[Step, ...] = ()
    accounting: tuple[tuple[str, int, Accounting], ...] = ()
    touchpoints: tuple[Touchpoint, ...] = ()
    replaced: tuple[Touchpoint, ...] = ()
    conflicts: tuple[Touchpoint, ...] = ()
    people: tuple[PersonRow, ...] = ()
    checkpoints: tuple[Checkpoints, ...] = ()
    publications: tuple[Publication, ...] = ()
    messages: tuple[Message, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    newest: tuple[tuple[str, int, datetime], ...] = ()
    policy_hash: str | None = None
    snapshot_format: int = 0
    ask_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """One row of partition_progress.

    `reached_at` is how far time was moved for the people of this partition (None: never). `policy_hash` and
    `snapshot_format` are what commits of this partition must be decided by (files: None and 0). `last` is the
    record before next_offset (None: not known). `stopped` says why the partition is not read (None: it is), and
    `lost` counts the offsets that were gone before they were read.
    """

    topic: str
    partition: int
    topic_id: str
    epoch: int
    next_offset: int
    reached_at: datetime | None
    accounting: Accounting
    policy_hash: str | None = None
    snapshot_format: int = 0
    last: LastRecord | None = None
    stopped: str | None = None
    lost: int = 0


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """The one row that describes the database as a whole.

    `policy_hash`/`policy_text`: the active policy (None: none yet). `partitions`: how many partitions people
    belong to. `reached_at`: the latest moment that time was moved to anywhere. `newest_at`: the latest
    occurred_at ever received and not refused. `belongs_to_workers`: a partition of a topic was claimed at some time.
    `ask_from`: what was due before that is not asked (None: that was never settled, and all is asked). `shard`: the
    partitions whose people are here, as `Shard` is written (None: all).
    """

    policy_hash: str | None
    policy_text: str | None
    snapshot_format: int
    partitions: int
    reached_at: datetime | None
    newest_at: datetime | None
    belongs_to_workers: bool = False
    ask_from: AskFrom | None = None
    shard: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the database holds at this moment, and what became of everything received so far.

    `people` are those who have begun or are stopped. `people_without_next` are those of them whom time alone will never
    reach again, stopped ones included.
    """

    people: int
    people_without_next: int
    stopped: int
    outbox: int
    dead_letters: int
    accounting: Accounting


DeadLetterKey = tuple[str, int, int, str]
"""(topic, partition, offset, hash of the body): the same record read again is the same dead letter."""


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A dead letter as stored; `sent_at` is when it was sent to the dead-letter topic (None: not yet)."""

    letter: DeadLetter
    body_hash: str
    sent_at: datetime | None

    @property
    def key(self) -> DeadLetterKey:
        """What identifies it, in the order of paging."""
        place = self.letter.place
        return (place.topic, place.partition, place.offset, self.body_hash)
