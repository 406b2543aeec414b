"""Messages about tasks on their way out: what is written to the outbox, and what of it stands there after a commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lifecycle import ids
from lifecycle.person import Message, OutboxRow
from lifecycle.rules.fold.tasks import Request
from lifecycle.store.changes import Changes
from lifecycle.wire.contracts import task_message


def message_of(request: Request, partitions: int, at: datetime) -> Message:
    """Return what is owed as a message, stamped with the wall clock `at`; people belong to so many `partitions`."""
    told = request.publication
    partition = ids.partition_of(told.person, partitions)
    body = task_message(request.data, type=request.type, at=at)
    return Message(told.person, partition, ids.message_id(told.task_id, told.version), body)


def outbox_rows(changes: Changes, numbers: Sequence[int]) -> list[OutboxRow]:
    """Return the messages of a commit as they stand in the outbox under these ids, as `Store.outbox` would."""
    lanes = {row.person: row.lane for row in changes.people}
    return [
        OutboxRow(number, each.person, each.partition, lanes.get(each.person, 0), each.message_id, each.body)
        for number, each in zip(numbers, changes.messages, strict=True)
    ]
