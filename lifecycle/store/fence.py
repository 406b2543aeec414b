"""The first statement of every commit: whoever may not write any more finds out here, before anything is locked.

Three things are compared. A commit with steps compares each partition's epoch and offset, and with them the policy
and snapshot format in the partition's row, in the one update that moves the offset. A commit without a step (time,
files, commands) has no such row: it locks `database_state` for share and compares what stands there, in a statement
of its own; with it from when is asked, which can be settled until somebody is there. To read it beside the writing is
not enough: the old policy would go on writing while `activate_policy` commits (administration.py is the other side).

The lock for share lets commits pass each other, and makes an activation wait for those in flight. Commits with steps
do not touch `database_state` at all: one row that everybody locks is the bound of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Select, Update, func, select, update

from lifecycle.errors import PartitionLost, PolicyMismatch, SchemaMismatch, Stop
from lifecycle.record import ACCOUNTING_NAMES, Accounting, TopicPartition
from lifecycle.store.bulk import Given, insert_rows, later_of, update_rows
from lifecycle.store.changes import Changes
from lifecycle.store.statements import made
from lifecycle.store.tables import database_state, partition_progress

_LAST = ("last_offset", "last_at", "last_hash")

_STEP_COLUMNS = [
    partition_progress.c.topic,
    partition_progress.c.partition,
    partition_progress.c.epoch,
    partition_progress.c.next_offset,
    partition_progress.c.policy_hash,
    partition_progress.c.snapshot_format,
    Column("to_offset", BigInteger),
    *(partition_progress.c[name] for name in (*_LAST, "newest_at", *ACCOUNTING_NAMES)),
]

_counts = attrgetter(*ACCOUNTING_NAMES)

_FILE_COLUMNS = [
    partition_progress.c[name]
    for name in ("topic", "partition", "topic_id", "epoch", "next_offset", "newest_at", *ACCOUNTING_NAMES)
]


class Refused(Exception):
    """The fence did not let the commit pass; `refusal` says why, once this transaction is undone."""


def _move(given: Given) -> Update:
    progress = partition_progress.c
    return (
        update(partition_progress)
        .where(progress.topic == given["topic"], progress.partition == given["partition"])
        .where(progress.epoch == given["epoch"], progress.next_offset == given["next_offset"])
        .where(progress.policy_hash.is_not_distinct_from(given["policy_hash"]))
        .where(progress.snapshot_format == given["snapshot_format"])
        .values(next_offset=given["to_offset"], newest_at=later_of(progress.newest_at, given["newest_at"]))
        .values({name: func.coalesce(given[name], progress[name]) for name in _LAST})
        .values({name: progress[name] + given[name] for name in ACCOUNTING_NAMES})
    )


def pass_fence(connection: Connection, changes: Changes) -> None:
    """Compare, move the offsets, add what became of the records. Raises Refused."""
    accounting = _summed(changes.accounting)
    newest = {(topic, partition): at for topic, partition, at in changes.newest}
    rows = []
    for step in sorted(changes.steps, key=lambda step: (step.topic, step.partition)):
        place = (step.topic, step.partition)
        last = (None, None, None) if step.last is None else (step.last.offset, step.last.at, step.last.hash)
        counts = _counts(accounting.pop(place, Accounting()))
        decided_by = changes.policy_hash, changes.snapshot_format
        before = step.epoch, step.from_offset, *decided_by
        rows.append((*place, *before, step.to_offset, *last, newest.get(place), *counts))
    if update_rows(connection, _STEP_COLUMNS, rows, _move)() != len(rows):
        raise Refused
    if not changes.steps:
        (active,) = made(connection, ("active",), _active).rows(connection, {})
        if active != (changes.policy_hash, changes.snapshot_format, changes.ask_from):
            raise Refused
    _count_files(connection, accounting, newest)


def _active() -> Select[Any]:
    known = database_state.c
    return select(known.policy_hash, known.snapshot_format, known.ask_from).with_for_update(read=True)


def refusal(connection: Connection, changes: Changes, where: str) -> Stop:
    """Say why a commit was refused. Ask after its rollback: then its own steps stand where they stood."""
    progress, state = partition_progress.c, database_state.c
    *both, ask_from = connection.execute(select(state.policy_hash, state.snapshot_format, state.ask_from)).one()
    active = tuple(both)
    if not changes.steps and active == (changes.policy_hash, changes.snapshot_format) and ask_from != changes.ask_from:
        return PolicyMismatch(
            f"from when is asked was settled in the database at {where} after this was decided. Nothing was written; "
            "open the database again."
        )
    query = select(
        progress.topic, progress.partition, progress.epoch, progress.next_offset, progress.policy_hash,
        progress.snapshot_format,
    )  # fmt: skip
    stored = {
        (row.topic, row.partition): row
        for row in connection.execute(query.where(progress.topic.in_({step.topic for step in changes.steps})))
    }
    lost = []
    for step in changes.steps:
        found = stored.get((step.topic, step.partition))
        if found is not None and (found.epoch, found.next_offset) == (step.epoch, step.from_offset):
            active = (found.policy_hash, found.snapshot_format)
            continue
        has = "nothing: it was never claimed" if found is None else f"epoch {found[2]} at offset {found[3]}"
        lost.append(
            f"topic {step.topic} partition {step.partition}: expected epoch {step.epoch} at offset "
            f"{step.from_offset}, stored is {has}"
        )
    if lost or active == (changes.policy_hash, changes.snapshot_format):
        return PartitionLost(
            f"{'; '.join(lost)}. Another worker owns this now, or it was reset. Nothing was written; "
            "end this worker and let it join again."
        )
    return _another_policy(active[0], active[1], changes, where)


def _another_policy(policy_hash: str | None, snapshot_format: int, changes: Changes, where: str) -> Stop:
    if snapshot_format > changes.snapshot_format:
        return SchemaMismatch(
            f"the snapshots in the database at {where} have format {snapshot_format}, this program writes format "
            f"{changes.snapshot_format}: a newer program was here. Nothing was written; install the newer program."
        )
    return PolicyMismatch(
        f"the database at {where} is folded by the policy {policy_hash} now, this was decided by "
        f"{changes.policy_hash}. Nothing was written; open the database again, so that it is decided by the policy "
        "that is active."
    )


def _summed(accounting: Iterable[tuple[str, int, Accounting]]) -> dict[TopicPartition, Accounting]:
    summed: dict[TopicPartition, Accounting] = {}
    for topic, partition, counts in accounting:
        summed[topic, partition] = summed.get((topic, partition), Accounting()).plus(counts)
    return summed


def _count_files(
    connection: Connection, accounting: Mapping[TopicPartition, Accounting], newest: Mapping[TopicPartition, object]
) -> None:
    """Add up the records of files, which have no offset to move."""
    rows = [(*place, "", 0, 0, newest.get(place), *_counts(counts)) for place, counts in sorted(accounting.items())]
    insert_rows(connection, _FILE_COLUMNS, rows, clash="add")
