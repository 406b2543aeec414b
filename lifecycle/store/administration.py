"""What is known of the database as a whole and of its partitions: ownership, time, policy, topics.

These are the rare writes. Those that touch people raise their revision, so that a batch folded before is
refused and folded again with what is new. Called by the streams at assignment, by the clock and by the CLI.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Update, or_, select, update

from lifecycle.errors import NotFound, TopicChanged
from lifecycle.ids import partition_of
from lifecycle.record import ACCOUNTING_NAMES, Accounting, TopicPartition
from lifecycle.store.bulk import Given, insert_rows, update_rows
from lifecycle.store.changes import DatabaseState, Progress
from lifecycle.store.database import Connected
from lifecycle.store.tables import database_state, outbox, partition_progress, people, policies

_PAGE = 5_000


class Administration(Connected):
    """The part of Store that keeps partition_progress, policies and database_state."""

    def state(self) -> DatabaseState:
        """Return what is known of the database as a whole."""
        known = database_state.c
        query = select(
            known.policy_hash,
            policies.c.text,
            known.snapshot_format,
            known.partitions,
            known.reached_at,
            known.newest_at,
        ).select_from(database_state.outerjoin(policies, policies.c.hash == known.policy_hash))
        with self._database.reading() as connection:
            return DatabaseState(*connection.execute(query).one())

    def progress(self) -> list[Progress]:
        """Return what is known of every partition, by topic and partition; files have a topic_id of ""."""
        columns = partition_progress.c
        with self._database.reading() as connection:
            rows = connection.execute(select(partition_progress).order_by(columns.topic, columns.partition))
            return [_progress(row) for row in rows]

    def claim_partition(self, topic: str, partition: int, topic_id: str) -> Progress:
        """Take a partition over: raise its epoch by one, so that every earlier owner is refused from now on.

        Waits for a commit of the earlier owner that is in flight. A partition that was never claimed begins
        at epoch 1 and offset 0. Raises TopicChanged when the topic was made anew since (another topic_id).
        """
        progress = partition_progress.c
        columns = [column for column in progress if column is not progress.reached_at]
        with self._database.writing() as connection:
            # The row must exist before it can be locked; who comes second finds it and waits at the update.
            unclaimed = (topic, partition, "", 0, 0, *astuple(Accounting()))
            insert_rows(connection, columns, [unclaimed], clash="ignore")
            mine = progress.topic == topic, progress.partition == partition
            known = progress.topic_id.in_(["", topic_id])
            raised = update(partition_progress).where(*mine, known).values(epoch=progress.epoch + 1, topic_id=topic_id)
            claimed = connection.execute(raised.returning(*progress)).one_or_none()
            if claimed is None:
                stored = connection.execute(select(progress.topic_id).where(*mine)).scalar_one()
                raise TopicChanged(
                    f"topic {topic} partition {partition} has id {topic_id}, the database knows it by id "
                    f"{stored}: the topic was deleted and made anew, so its offsets mean other records. "
                    f"When that was meant, run `lifecycle topics adopt {topic}`."
                )
            return _progress(claimed)

    def adopt_topic(self, topic: str, topic_id: str) -> None:
        """Begin a topic that was made anew at offset 0 in all partitions; what was counted stays.

        Raises the epochs, so a worker that still reads the old one is refused. Raises NotFound when nothing
        of this topic was ever claimed.
        """
        progress = partition_progress.c
        with self._database.writing() as connection:
            adopted = update(partition_progress).where(progress.topic == topic, progress.topic_id != "")
            renewed = adopted.values(topic_id=topic_id, epoch=progress.epoch + 1, next_offset=0)
            if connection.execute(renewed).rowcount == 0:
                topics = connection.execute(select(progress.topic).where(progress.topic_id != "").distinct())
                known = ", ".join(sorted(topics.scalars())) or "none"
                raise NotFound(f"no partition of topic {topic} was ever claimed here; topics that were: {known}.")

    def reached(self, partitions: Collection[TopicPartition], at: datetime) -> None:
        """Note that time was moved to `at` for these partitions, and for the database. Never moves back.

        Partitions that nobody claimed are passed over; the database's own moment moves all the same.
        """
        progress = partition_progress.c

        def move(given: Given) -> Update:
            mine = progress.topic == given["topic"], progress.partition == given["partition"]
            later = or_(progress.reached_at.is_(None), progress.reached_at < given["reached_at"])
            return update(partition_progress).where(*mine, later).values(reached_at=given["reached_at"])

        with self._database.writing() as connection:
            columns = [progress.topic, progress.partition, progress.reached_at]
            update_rows(connection, columns, [(*each, at) for each in sorted(partitions)], move)
            state_at = database_state.c.reached_at
            later = or_(state_at.is_(None), state_at < at)
            connection.execute(update(database_state).where(later).values(reached_at=at))

    def activate_policy(self, policy_hash: str, text: str, *, snapshot_format: int, at: datetime, due: datetime) -> int:
        """Make this the active policy; return how many people were made due to be folded again.

        When another policy or snapshot format was active before, everybody becomes due at `due`, those that
        were stopped included: they get another chance. When it is active already, nothing happens.
        """
        with self._database.writing() as connection:
            query = select(database_state.c.policy_hash, database_state.c.snapshot_format).with_for_update()
            before = tuple(connection.execute(query).one())
            if before == (policy_hash, snapshot_format):
                return 0
            columns = list(policies.columns)
            insert_rows(connection, columns, [(policy_hash, text, at)], clash="overwrite")
            connection.execute(update(database_state).values(policy_hash=policy_hash, snapshot_format=snapshot_format))
            everybody = update(people).values(next_due_at=due, stopped=None, revision=people.c.revision + 1)
            return connection.execute(everybody).rowcount

    def set_partitions(self, count: int) -> int:
        """Set how many partitions people belong to; return how many people moved to another one.

        People and unsent messages are given their new partitions in the same transaction. Workers must not
        run meanwhile: what they own means something else afterwards.
        """
        if count < 1:
            raise ValueError(f"there is at least one partition, got {count}")
        with self._database.writing() as connection:
            stored = connection.execute(select(database_state.c.partitions).with_for_update()).scalar_one()
            if stored == count:
                return 0
            connection.execute(update(database_state).values(partitions=count))
            _move_outbox(connection, count)
            return _move_people(connection, count)


def _move_people(connection: Connection, count: int) -> int:
    def move(given: Given) -> Update:
        here = people.c.person == given["person"]
        return update(people).where(here).values(partition=given["partition"], revision=people.c.revision + 1)

    moved, after = 0, ""
    while True:
        query = select(people.c.person, people.c.partition).where(people.c.person > after)
        page = connection.execute(query.order_by(people.c.person).limit(_PAGE)).all()
        if not page:
            return moved
        after = page[-1].person
        rows = [(person, partition_of(person, count)) for person, partition in page]
        changed = [row for row, (_, partition) in zip(rows, page, strict=True) if row[1] != partition]
        moved += update_rows(connection, [people.c.person, people.c.partition], changed, move)


def _move_outbox(connection: Connection, count: int) -> None:
    def move(given: Given) -> Update:
        return update(outbox).where(outbox.c.id == given["id"]).values(partition=given["partition"])

    after = 0
    while True:
        query = select(outbox.c.id, outbox.c.person).where(outbox.c.id > after).order_by(outbox.c.id).limit(_PAGE)
        page = connection.execute(query).all()
        if not page:
            return
        after = page[-1].id
        rows = [(identifier, partition_of(person, count)) for identifier, person in page]
        update_rows(connection, [outbox.c.id, outbox.c.partition], rows, move)


def _progress(row: Row[Any]) -> Progress:
    counted = Accounting(*(row._mapping[name] for name in ACCOUNTING_NAMES))
    return Progress(row.topic, row.partition, row.topic_id, row.epoch, row.next_offset, row.reached_at, counted)
