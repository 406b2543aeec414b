"""The queues in the database: people who are due, messages to be sent, dead letters to be sent.

Reading takes nothing off a queue and locks nothing: a queue belongs to the owner of its partitions, and rows
leave it when what they ask for is done and committed. A queue can be long after an outage, so every read
is a bounded walk along an index; tests/guards hold the plans.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from lifecycle import canonical_json
from lifecycle.person import OutboxRow
from lifecycle.record import ACCOUNTING_NAMES, Accounting, DeadLetter, Place
from lifecycle.store.bulk import Given, delete_rows, given_keys, update_rows
from lifecycle.store.changes import Counts, DeadLetterKey, DeadLetterRow
from lifecycle.store.database import Connected
from lifecycle.store.tables import database_state, dead_letters, outbox, partition_progress, people

_PARTITIONS_PER_STATEMENT = 100

_DEAD_LETTER_KEY = list(dead_letters.primary_key.columns)


class Queues(Connected):
    """The part of Store that hands out work and takes it back when it is done."""

    def due_people(self, partitions: Collection[int] | None, until: datetime, limit: int) -> list[str]:
        """Return up to `limit` people of these partitions (None: of all) who are due at `until` or before.

        Ordered by next_due_at, then person. They stay due until a commit moves their next_due_at.
        """

        def due_in(partition: int) -> Select[Any]:
            mine = people.c.partition == partition, people.c.next_due_at <= until
            order = people.c.next_due_at, people.c.person
            return select(*order).where(*mine).order_by(*order).limit(limit)

        with self._database.reading() as connection:
            if partitions is None:
                partitions = range(connection.execute(select(database_state.c.partitions)).scalar_one())
            return [row.person for row in _first_of_all(connection, partitions, due_in, limit)]

    def people_by_other_policies(
        self, partitions: Collection[int] | None, policy_hash: str, snapshot_format: int, after: str, limit: int
    ) -> list[str]:
        """Return the next people after one id who were folded by another policy or in another format, by id.

        Of these partitions (None: of all), without those that are stopped. Reads people until it has found `limit`
        of them, so where there are none it reads them all.
        """
        query = select(people.c.person).where(people.c.person > after, *_by_others(policy_hash, snapshot_format))
        if partitions is not None:
            query = query.where(people.c.partition.in_(sorted(partitions)))
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(people.c.person).limit(limit)).scalars())

    def count_by_other_policies(self, policy_hash: str, snapshot_format: int) -> int:
        """Count the people who were folded by another policy or in another format. Reads whole tables."""
        query = select(func.count()).select_from(people).where(*_by_others(policy_hash, snapshot_format))
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

    def outbox(self, partitions: Collection[int] | None, limit: int = 1000) -> list[OutboxRow]:
        """Return the oldest unsent messages of these partitions (None: of all), by id, each with its lane.

        The lane is the person's present one; a message about somebody who was erased is served first.
        """

        def oldest_in(partition: int) -> Select[Any]:
            mine = outbox.c.partition == partition
            return select(outbox.c.id).where(mine).order_by(outbox.c.id).limit(limit)

        lane = func.coalesce(people.c.lane, 0)
        query = select(
            outbox.c.id, outbox.c.person, outbox.c.partition, lane, outbox.c.message_id, outbox.c.body
        ).select_from(outbox.outerjoin(people, people.c.person == outbox.c.person))
        with self._database.reading() as connection:
            if partitions is None:
                query = query.limit(limit)
            else:
                first = _first_of_all(connection, partitions, oldest_in, limit)
                given = given_keys(connection, [outbox.c.id], [(row.id,) for row in first])
                query = query.join(given, given.c.id == outbox.c.id)
            return [OutboxRow(*row) for row in connection.execute(query.order_by(outbox.c.id))]

    def delete_outbox(self, rows: Sequence[OutboxRow]) -> None:
        """Take messages off the queue, after all of them were acknowledged. May be repeated.

        These rows and no others: somebody else may have put a message in between.
        """
        if not rows:
            return
        with self._database.writing() as connection:
            delete_rows(connection, outbox.c.id, sorted(row.id for row in rows))

    def dead_letters(self, after: DeadLetterKey | None = None, limit: int = 500) -> list[DeadLetterRow]:
        """Return the next dead letters after a key (None: the first), by topic, partition, offset, hash."""
        query = select(dead_letters)
        if after is not None:
            query = query.where(tuple_(*_DEAD_LETTER_KEY) > tuple_(*after))
        return self._dead_letters(query, limit)

    def dead_letters_between(self, topic: str, partition: int, first: int, last: int) -> list[DeadLetterRow]:
        """Return the dead letters of a partition from one offset to another, both included."""
        place = dead_letters.c.topic == topic, dead_letters.c.partition == partition
        return self._dead_letters(select(dead_letters).where(*place, dead_letters.c.offset_.between(first, last)), None)

    def delete_dead_letters(self, keys: Collection[DeadLetterKey]) -> None:
        """Forget dead letters whose records were accepted after all. May be repeated."""
        if not keys:
            return
        with self._database.writing() as connection:
            given = given_keys(connection, _DEAD_LETTER_KEY, keys)
            same = [column == given.c[column.name] for column in _DEAD_LETTER_KEY]
            connection.execute(delete(dead_letters).where(exists(select(given).where(*same))))

    def unsent_dead_letters(self, topics: Collection[str], limit: int) -> list[DeadLetterRow]:
        """Return dead letters of these topics that were not yet sent, by topic, partition, offset, hash."""
        unsent = dead_letters.c.sent_at.is_(None), dead_letters.c.topic.in_(list(topics))
        return self._dead_letters(select(dead_letters).where(*unsent), limit)

    def mark_dead_letters_sent(self, keys: Collection[DeadLetterKey], at: datetime) -> None:
        """Note that these were sent and acknowledged. May be repeated: the latest time stays."""

        with self._database.writing() as connection:
            columns = [*_DEAD_LETTER_KEY, dead_letters.c.sent_at]
            update_rows(connection, columns, [(*key, at) for key in keys], _mark)

    def counts(self) -> Counts:
        """Count what the database holds. Reads whole tables: for a metric now and then, not for a batch."""
        counters = [func.coalesce(func.sum(partition_progress.c[name]), 0) for name in ACCOUNTING_NAMES]
        with self._database.reading() as connection:
            all_people = connection.execute(
                select(
                    func.count(),
                    func.count().filter(people.c.next_due_at.is_(None)),
                    func.count(people.c.stopped),
                ).where(or_(people.c.begun_at.is_not(None), people.c.stopped.is_not(None)))
            ).one()
            messages = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
            letters = connection.execute(select(func.count()).select_from(dead_letters)).scalar_one()
            sums = connection.execute(select(*counters)).one()
        return Counts(*all_people, messages, letters, Accounting(*map(int, sums)))

    def read_as_missing(self) -> dict[str, tuple[int, int]]:
        """Return `type.field` -> (touchpoints, people) of what the policy reads as missing. Reads whole tables."""
        found: dict[str, tuple[int, int]] = {}
        query = select(people.c.missing, func.count().label("times")).where(people.c.missing.is_not(None))
        with self._database.reading() as connection:
            for row in connection.execute(query.group_by(people.c.missing)):
                for name, touchpoints in canonical_json.own(row.missing).items():
                    before = found.get(name, (0, 0))
                    found[name] = (before[0] + touchpoints * row.times, before[1] + row.times)
        return found

    def _dead_letters(self, query: Select[Any], limit: int | None) -> list[DeadLetterRow]:
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(*_DEAD_LETTER_KEY).limit(limit))
            return [_dead_letter_row(row) for row in rows]


def _mark(given: Given) -> Update:
    same = [column == given[column.name] for column in _DEAD_LETTER_KEY]
    return update(dead_letters).where(*same).values(sent_at=given["sent_at"])


def _by_others(policy_hash: str, snapshot_format: int) -> tuple[ColumnElement[bool], ...]:
    differs = or_(people.c.policy_hash != policy_hash, people.c.snapshot_format != snapshot_format)
    return people.c.stopped.is_(None), differs


def _first_of_all(
    connection: Connection, partitions: Collection[int], first_of: Callable[[int], Select[Any]], limit: int
) -> Sequence[Row[Any]]:
    """Return the first rows of several partitions together, ordered by their columns from left to right.

    Each partition is asked for its own first rows. A single query over a list of partitions would sort all
    that waits in them, however few are wanted, because an index is in order within one partition only.
    """
    rows: list[Row[Any]] = []
    wanted = sorted(partitions)
    for start in range(0, len(wanted), _PARTITIONS_PER_STATEMENT):
        some = wanted[start : start + _PARTITIONS_PER_STATEMENT]
        together = union_all(*(select(first_of(partition).subquery()) for partition in some)).subquery()
        rows += connection.execute(select(together).order_by(*together.c).limit(limit))
    return sorted(rows)[:limit]


def _dead_letter_row(row: Row[Any]) -> DeadLetterRow:
    headers = canonical_json.own(row.headers)
    letter = DeadLetter(
        place=Place(row.topic, row.partition, row.offset_),
        reason=row.reason,
        field=row.field,
        message=row.message,
        body=row.body,
        key=row.key,
        headers=tuple((name, base64.b64decode(value)) for name, value in headers),
        refused_at=row.refused_at,
    )
    return DeadLetterRow(letter, row.body_hash, row.sent_at)
