"""What is known of the database as a whole: its policy, the form of its snapshots, how many partitions it has.

These are the rare writes. Called by the engine when it opens, and by the CLI.

`activate_policy` fences everybody: it locks the row of each claimed partition, in order, then `database_state`, and
changes them all. A commit that moves an offset has locked its partition by then, or finds the new policy there; a
commit without one has locked `database_state`, or finds it there (fence.py). So when `activate_policy` returns,
nothing that was decided by the old policy is written any more. People are left as they are: who stands by another
policy is found by the hash in their row.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Update, exists, func, or_, select, update

from lifecycle.ask_from import AskFrom
from lifecycle.errors import SchemaMismatch
from lifecycle.ids import partition_of
from lifecycle.store.bulk import Given, insert_rows, later_of, update_rows
from lifecycle.store.changes import DatabaseState
from lifecycle.store.database import Connected
from lifecycle.store.tables import database_state, outbox, partition_progress, people, policies

_PAGE = 5_000


class Administration(Connected):
    """The part of Store that keeps policies and database_state."""

    def state(self) -> DatabaseState:
        """Return what is known of the database as a whole."""
        known, progress = database_state.c, partition_progress.c
        query = select(
            known.policy_hash,
            policies.c.text,
            known.snapshot_format,
            known.partitions,
            known.reached_at,
            later_of(known.newest_at, select(func.max(progress.newest_at)).scalar_subquery()),
            exists().where(progress.topic_id != ""),
            known.ask_from,
            known.ask_from_days,
            known.shard,
        ).select_from(database_state.outerjoin(policies, policies.c.hash == known.policy_hash))
        with self._database.reading() as connection:
            found: list[Any] = [*connection.execute(query).one()]
        shard, days, at = found.pop(), found.pop(), found.pop()
        return replace(DatabaseState(*found), ask_from=None if at is None else AskFrom(at, days), shard=shard)

    def settle_ask_from(self, wanted: AskFrom) -> AskFrom | None:
        """Settle from when is asked, if nobody is there yet; return what holds, whoever settled it.

        None: it was never settled, and it is too late: people are there, or time was moved, or a worker has begun.
        """
        known, progress = database_state.c, partition_progress.c
        with self._database.writing() as connection:
            _lock_everybody(connection)
            is_used = or_(
                exists().where(people.c.person.is_not(None)),
                exists().where(progress.topic_id != ""),
                known.reached_at.is_not(None),
            )
            query = select(known.ask_from, known.ask_from_days, is_used)
            ask_from, days, used = connection.execute(query).one()
            if ask_from is not None:
                return AskFrom(ask_from, days)
            if used:
                return None
            settled = {"ask_from": wanted.at, "ask_from_days": wanted.days}
            connection.execute(update(database_state).values(settled))
            return wanted

    def settle_shard(self, shard: str, partitions: int) -> bool:
        """Let this database hold the people of these partitions alone, of so many; return whether it does.

        False: it holds those of others, since that was settled before or it was in use without. May be repeated.
        """
        known, progress = database_state.c, partition_progress.c
        with self._database.writing() as connection:
            _lock_everybody(connection)
            is_used = or_(exists().where(people.c.person.is_not(None)), exists().where(progress.topic_id != ""))
            settled, count, used = connection.execute(select(known.shard, known.partitions, is_used)).one()
            if settled is not None or used:
                return (settled, count) == (shard, partitions)
            connection.execute(update(database_state).values(shard=shard, partitions=partitions))
            return True

    def begin_with_policy(self, policy_hash: str, text: str, *, snapshot_format: int, at: datetime) -> None:
        """Make this the active policy of a database that has none; one that has a policy is left as it is."""
        with self._database.writing() as connection:
            if _lock_everybody(connection)[0] is None:
                insert_rows(connection, list(policies.columns), [(policy_hash, text, at)], clash="overwrite")
                _fold_by(connection, policy_hash, snapshot_format)

    def activate_policy(
        self, policy_hash: str, text: str, *, snapshot_format: int, at: datetime, due: datetime
    ) -> bool:
        """Make this the active policy; return whether it was another, or another snapshot format, before.

        From then on every commit that was decided by what was active before is refused. People who were stopped are
        due at `due`: they get another chance. Raises SchemaMismatch when the snapshots have a newer format.
        """
        with self._database.writing() as connection:
            before = _lock_everybody(connection)
            require_format(before[1], snapshot_format, self._database.where)
            if before == (policy_hash, snapshot_format):
                return False
            insert_rows(connection, list(policies.columns), [(policy_hash, text, at)], clash="overwrite")
            _fold_by(connection, policy_hash, snapshot_format)
        self._start_again(due)
        return True

    def raise_format(self, snapshot_format: int, *, due: datetime) -> bool:
        """Let snapshots have this format from now on; return whether they had an older one. Otherwise as above."""
        with self._database.writing() as connection:
            policy_hash, before = _lock_everybody(connection)
            require_format(before, snapshot_format, self._database.where)
            if policy_hash is None or before == snapshot_format:
                return False
            _fold_by(connection, policy_hash, snapshot_format)
        self._start_again(due)
        return True

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

    def retry_stopped(self, version: str, *, due: datetime) -> int:
        """Let people be due whom another version of the program than this one had stopped; return how many they are."""
        by_another = or_(people.c.stopped_by.is_(None), people.c.stopped_by != version)
        # With those whom this version stopped, who are asked about at every start, no row is touched.
        waiting = or_(people.c.next_due_at.is_(None), people.c.next_due_at != due)
        stopped = update(people).where(people.c.stopped.is_not(None), by_another, waiting)
        with self._database.writing() as connection:
            return connection.execute(stopped.values(next_due_at=due, revision=people.c.revision + 1)).rowcount

    def _start_again(self, due: datetime) -> None:
        # Not while everybody waits for the activation.
        stopped = update(people).where(people.c.stopped.is_not(None))
        with self._database.writing() as connection:
            connection.execute(stopped.values(next_due_at=due, stopped=None, revision=people.c.revision + 1))


def require_format(stored: int, own: int, where: str) -> None:
    """Raise SchemaMismatch when snapshots have a newer format than this program writes: it must not touch them."""
    if stored > own:
        raise SchemaMismatch(
            f"the snapshots in the database at {where} have format {stored}, this program knows up to format {own}: "
            "a newer program was here. Nothing was read or written; install the newer program."
        )


def _lock_everybody(connection: Connection) -> tuple[str | None, int]:
    """Wait for every commit in flight and let none begin; return (policy hash, snapshot format)."""
    progress = partition_progress.c
    claimed = select(progress.topic).where(progress.topic_id != "").order_by(progress.topic, progress.partition)
    connection.execute(claimed.with_for_update()).all()
    active = select(database_state.c.policy_hash, database_state.c.snapshot_format)
    policy_hash, snapshot_format = connection.execute(active.with_for_update()).one()
    return policy_hash, snapshot_format


def _fold_by(connection: Connection, policy_hash: str, snapshot_format: int) -> None:
    active = {"policy_hash": policy_hash, "snapshot_format": snapshot_format}
    connection.execute(update(partition_progress).where(partition_progress.c.topic_id != "").values(active))
    connection.execute(update(database_state).values(active))


def _to_partition(given: Given) -> Update:
    here = people.c.person == given["person"]
    return update(people).where(here).values(partition=given["partition"], revision=people.c.revision + 1)


def _message_to_partition(given: Given) -> Update:
    return update(outbox).where(outbox.c.id == given["id"]).values(partition=given["partition"])


def _move_people(connection: Connection, count: int) -> int:
    moved, after = 0, ""
    while True:
        query = select(people.c.person, people.c.partition).where(people.c.person > after)
        page = connection.execute(query.order_by(people.c.person).limit(_PAGE)).all()
        if not page:
            return moved
        after = page[-1].person
        rows = [(person, partition_of(person, count)) for person, partition in page]
        changed = [row for row, (_, partition) in zip(rows, page, strict=True) if row[1] != partition]
        moved += update_rows(connection, [people.c.person, people.c.partition], changed, _to_partition)()


def _move_outbox(connection: Connection, count: int) -> None:
    after = 0
    while True:
        query = select(outbox.c.id, outbox.c.person).where(outbox.c.id > after).order_by(outbox.c.id).limit(_PAGE)
        page = connection.execute(query).all()
        if not page:
            return
        after = page[-1].id
        rows = [(identifier, partition_of(person, count)) for identifier, person in page]
        update_rows(connection, [outbox.c.id, outbox.c.partition], rows, _message_to_partition)
