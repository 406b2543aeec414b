"""The stored row of a person, as the store reads and writes it. What it means is the engine's business."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lifecycle.touchpoint import EARLIEST

DUE_AT_ONCE = EARLIEST
"""next_due_at of a person who is to be looked at in the next pass, whatever time it is."""


class PersonRow(NamedTuple):
    """One person as stored.

    `revision` starts at 1 and rises by one with every write; the write compares and sets it.
    `snapshot` is the folded state (snapshot.py), `older_snapshot` an earlier one that a late touchpoint can
    start from, both canonical JSON text written under `policy_hash` and `snapshot_format`. `lane` is the
    service order among all people: 0 is served first. `next_due_at` is when time alone has work to do here
    (None: never); `waiting_at` is when the earliest touchpoint occurs that is in the log and not yet folded.
    `stopped` says why this person could not be folded (None: they were), `stopped_by` which version of the program said
    so: such a row holds lane and snapshot as they were before. `begun_at` is when the first touchpoint
    occurred that makes this a person (None: outcomes and unknown types alone are known, so it is in no list and no
    metric). `missing` is what the policy read as missing, canonical JSON of `type.field` -> touchpoints.
    `checkpointed` is how many touchpoints the newest checkpoint has folded (None: the person has no checkpoints).
    """

    person: str
    partition: int
    revision: int
    lane: int
    next_due_at: datetime | None
    waiting_at: datetime | None
    policy_hash: str
    snapshot_format: int
    snapshot: str
    older_snapshot: str | None
    stopped: str | None
    begun_at: datetime | None = None
    missing: str | None = None
    stopped_by: str | None = None
    checkpointed: int | None = None

    @property
    def waits(self) -> bool:
        """Whether touchpoints in the log are to be folded in the next pass: they came when there were very many."""
        return self.waiting_at is not None and self.next_due_at == DUE_AT_ONCE


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a person with a long log had come to at a moment: all that occurred until then is folded, and nothing else.

    `reached_at` is when the last of it happened: a touchpoint occurred or a timer fired. `touchpoints` is how many were
    folded since the checkpoint before, `snapshot` the canonical JSON text of the state without how many that makes in
    all, so that news in the past changes the checkpoints behind it only where it changes the person. It holds under
    the policy and format of the person's row.
    """

    person: str
    reached_at: datetime
    touchpoints: int
    snapshot: str


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What becomes of a person's checkpoints: those later than `after`, up to `until`, are replaced by `rows`.

    None: from the first on, to the last.
    """

    person: str
    after: datetime | None
    until: datetime | None
    rows: tuple[Checkpoint, ...]


class Publication(NamedTuple):
    """What was last published of one task: `content` is the hash of what a consumer was told.

    `version` only rises. `state` is the task's state as published. `body` is the whole task as published
    (canonical JSON text of Task.as_data), so that it can still be withdrawn when late news made it untrue.
    """

    person: str
    task_id: str
    version: int
    state: str
    content: str
    body: str


@dataclass(frozen=True, slots=True)
class Message:
    """One outbox row to be written: a CloudEvent for the task topic, keyed by person."""

    person: str
    partition: int
    message_id: str
    body: str


class OutboxRow(NamedTuple):
    """One outbox row as read: `id` rises in commit order within a partition; `lane` is the person's present lane."""

    id: int
    person: str
    partition: int
    lane: int
    message_id: str
    body: str
