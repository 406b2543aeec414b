"""Who reads each partition, from where, and whether its log is still the one that was read so far.

A partition is stopped, not jumped over, when its log is another than the database knows: the topic was made anew,
records were gone before they were read, or the broker lost what had been read already. What is wrong stands in the
row, every worker and command sees it there, and only `adopt_topic` takes it away: whatever the broker says later,
somebody has to know what happened. Called by the streams at assignment and at every tick, and by the CLI.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Update, func, or_, select, update

from lifecycle.errors import NotFound
from lifecycle.record import ACCOUNTING_NAMES, Accounting, LastRecord, Log, TopicPartition
from lifecycle.store.bulk import Given, insert_rows, update_rows
from lifecycle.store.changes import Progress
from lifecycle.store.database import Connected
from lifecycle.store.tables import database_state, partition_progress

_FIRST_COLUMNS = [partition_progress.c[name] for name in ("topic", "partition", "topic_id", "epoch", "next_offset")]


@dataclass(frozen=True, slots=True)
class Adopted:
    """A partition that begins again: what was wrong, where it stood, where it begins, and how many offsets are lost."""

    partition: int
    wrong: str
    before: int
    begins: int
    lost: int


class Ownership(Connected):
    """The part of Store that keeps partition_progress."""

    def progress(self) -> list[Progress]:
        """Return what is known of every partition, by topic and partition; files have a topic_id of ""."""
        columns = partition_progress.c
        with self._database.reading() as connection:
            rows = connection.execute(select(partition_progress).order_by(columns.topic, columns.partition))
            return [_progress(row) for row in rows]

    def claim_partition(self, topic: str, partition: int, log: Log) -> Progress:
        """Take a partition over: raise its epoch by one, so that every earlier owner is refused from now on.

        Waits for a commit of the earlier owner that is in flight. A partition that was never claimed begins at
        epoch 1 and the start of its log. Copies the active policy, so that the commits of this epoch are compared
        with it. Where `stopped` is set in the answer the partition must not be read: its log is not the one that
        the database knows.
        """
        progress = partition_progress.c
        with self._database.writing() as connection:
            # The row must exist before it can be locked; who comes second finds it and waits at the lock.
            counters = [progress[name] for name in ACCOUNTING_NAMES]
            unclaimed = (topic, partition, "", 0, 0, *astuple(Accounting()))
            insert_rows(connection, [*_FIRST_COLUMNS, *counters], [unclaimed], clash="ignore")
            mine = progress.topic == topic, progress.partition == partition
            row = connection.execute(select(partition_progress).where(*mine).with_for_update()).one()
            # After the partition, as `activate_policy` locks them.
            active = select(database_state.c.policy_hash, database_state.c.snapshot_format)
            policy_hash, snapshot_format = connection.execute(active.with_for_update(read=True)).one()
            is_new = row.topic_id == ""
            claimed = (
                update(partition_progress)
                .where(*mine)
                .values(
                    epoch=progress.epoch + 1,
                    topic_id=log.id if is_new else row.topic_id,
                    next_offset=log.start if is_new else row.next_offset,
                    policy_hash=policy_hash,
                    snapshot_format=snapshot_format,
                    stopped=row.stopped or (None if is_new else why_not_read(_progress(row), log)),
                )
            )
            return _progress(connection.execute(claimed.returning(*progress)).one())

    def stop_partition(self, topic: str, partition: int, epoch: int, why: str) -> bool:
        """Note that a partition is not read any more, if nobody has claimed it since; return whether that is so.

        What was noted first stays.
        """
        progress = partition_progress.c
        mine = progress.topic == topic, progress.partition == partition, progress.epoch == epoch
        with self._database.writing() as connection:
            noted = update(partition_progress).where(*mine).values(stopped=func.coalesce(progress.stopped, why))
            return connection.execute(noted).rowcount == 1

    def adopt_topic(self, topic: str, logs: Mapping[int, Log]) -> list[Adopted]:
        """Begin each partition that is stopped, or would be, at the start of its log; return which those are.

        `logs` are its partitions as they are now. What was read stays, and repetitions are absorbed. Raises the
        epochs, so that a worker that still reads the old one is refused. A partition that the topic does not have
        any more only counts from now on. Raises NotFound when nothing of this topic was ever claimed.
        """
        progress = partition_progress.c
        with self._database.writing() as connection:
            claimed = select(partition_progress).where(progress.topic == topic, progress.topic_id != "")
            rows = [_progress(row) for row in connection.execute(_in_order(claimed).with_for_update())]
            if not rows:
                topics = connection.execute(select(progress.topic).where(progress.topic_id != "").distinct())
                known = ", ".join(sorted(topics.scalars())) or "none"
                raise NotFound(f"no partition of topic {topic} was ever claimed here; topics that were: {known}.")
            return [each for row in rows if (each := _adopt(connection, row, logs.get(row.partition))) is not None]

    def reached(self, partitions: Collection[TopicPartition], at: datetime) -> None:
        """Note that time was moved to `at` for these partitions, and for the database. Never moves back.

        Partitions that nobody claimed are passed over; the database's own moment moves all the same.
        """
        progress = partition_progress.c
        with self._database.writing() as connection:
            columns = [progress.topic, progress.partition, progress.reached_at]
            update_rows(connection, columns, [(*each, at) for each in sorted(partitions)], _move)
            state_at = database_state.c.reached_at
            later = or_(state_at.is_(None), state_at < at)
            connection.execute(update(database_state).where(later).values(reached_at=at))


def _move(given: Given) -> Update:
    progress = partition_progress.c
    mine = progress.topic == given["topic"], progress.partition == given["partition"]
    later = or_(progress.reached_at.is_(None), progress.reached_at < given["reached_at"])
    return update(partition_progress).where(*mine, later).values(reached_at=given["reached_at"])


def why_not_read(known: Progress, log: Log) -> str | None:
    """Return why a partition must not be read on from where the database stands, in a sentence, or None.

    Its topic has another id, its log ends before what was read, or begins after it. The offset is compared with the
    start alone: that offsets in between hold no record (transactions, compaction) is no loss.
    """
    where = f"topic {known.topic} partition {known.partition}"
    if known.topic_id != log.id:
        return (
            f"{where} has id {log.id}, the database knows it by id {known.topic_id}: the topic was deleted and made "
            "anew, so its offsets mean other records."
        )
    if log.end < known.next_offset:
        return (
            f"{where} ends at offset {log.end}, the database has read up to offset {known.next_offset}: the broker "
            "lost the end of its log, so what comes next has offsets that were read already."
        )
    if log.start > known.next_offset:
        return (
            f"{where} begins at offset {log.start}, the database has read up to offset {known.next_offset}: "
            f"{log.start - known.next_offset} offsets were gone before they were read."
        )
    return None


def _adopt(connection: Connection, row: Progress, log: Log | None) -> Adopted | None:
    progress = partition_progress.c
    mine = update(partition_progress).where(progress.topic == row.topic, progress.partition == row.partition)
    forgotten = {"stopped": None, "last_offset": None, "last_at": None, "last_hash": None}
    if log is None:
        connection.execute(mine.values(topic_id="", epoch=row.epoch + 1, **forgotten))
        return None
    wrong = row.stopped or why_not_read(row, log)
    if wrong is None:
        return None
    # Of another topic's offsets nothing can be told.
    lost = max(0, log.start - row.next_offset) if row.topic_id == log.id else 0
    begun = {"topic_id": log.id, "next_offset": log.start, "epoch": row.epoch + 1, "lost": row.lost + lost}
    connection.execute(mine.values(**begun, **forgotten))
    return Adopted(row.partition, wrong, row.next_offset, log.start, lost)


def _in_order(query: Any) -> Any:
    return query.order_by(partition_progress.c.topic, partition_progress.c.partition)


def _progress(row: Row[Any]) -> Progress:
    return Progress(
        topic=row.topic,
        partition=row.partition,
        topic_id=row.topic_id,
        epoch=row.epoch,
        next_offset=row.next_offset,
        reached_at=row.reached_at,
        accounting=Accounting(*(row._mapping[name] for name in ACCOUNTING_NAMES)),
        policy_hash=row.policy_hash,
        snapshot_format=row.snapshot_format,
        last=None if row.last_offset is None else LastRecord(row.last_offset, row.last_at, row.last_hash),
        stopped=row.stopped,
        lost=row.lost,
    )
