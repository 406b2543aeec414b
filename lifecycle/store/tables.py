"""The tables, as this program declares them. The migrations make them; a test compares the two.

This is not where anything is read or written (reader.py, queues.py, writer.py, administration.py). Times
are BIGINT microseconds since 1970-01-01 UTC, so that both stores keep and compare them alike. Text that is
compared or ordered has collation "C" on PostgreSQL, and BINARY is SQLite's default: both order by code point.
JSON is canonical TEXT: a JSON column would reorder keys and lose decimals, and the stores would disagree.
Rows and indexes are what a commit costs, so there are few of both, and no foreign keys.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TextClause,
    TypeDecorator,
    text,
)

from lifecycle.instant import from_microseconds, microseconds
from lifecycle.record import ACCOUNTING_NAMES


class Microseconds(TypeDecorator[datetime]):
    """An aware UTC time, stored as whole microseconds since the epoch. A naive time is a TypeError."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return what is stored."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the time that was stored."""
        return None if value is None else from_microseconds(value)


CodePointText = Text().with_variant(Text(collation="C"), "postgresql")
# Only a column declared INTEGER is SQLite's row number, which is what it can count up.
RisingId = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

# Columns stand in the order of the fields of Touchpoint. Without a row number SQLite keeps the rows
# themselves in key order, so a person's log lies together and there is one tree to write, not two.
touchpoints = Table(
    "touchpoints",
    metadata,
    Column("person", CodePointText, primary_key=True),
    Column("source", CodePointText, primary_key=True),
    Column("id", CodePointText, primary_key=True),
    Column("type", Text, nullable=False),
    Column("occurred_at", Microseconds, nullable=False),
    Column("sequence", Text),
    Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("person", CodePointText, primary_key=True),
    Column("source", CodePointText, primary_key=True),
    Column("id", CodePointText, primary_key=True),
    Column("content_hash", CodePointText, primary_key=True),
    Column("type", Text, nullable=False),
    Column("occurred_at", Microseconds, nullable=False),
    Column("sequence", Text),
    Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Who retracted what: the log says the same, but would have to be read for it.
retractions = Table(
    "retractions",
    metadata,
    Column("person", CodePointText, primary_key=True),
    Column("source", CodePointText, primary_key=True),
    Column("id", CodePointText, primary_key=True),
    Column("occurred_at", Microseconds, nullable=False),
    Column("sequence", Text),
    Column("retracted_source", Text, nullable=False),
    Column("retracted_id", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Columns stand in the order of the fields of PersonRow.
people = Table(
    "people",
    metadata,
    Column("person", CodePointText, primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("next_due_at", Microseconds),
    Column("waiting_at", Microseconds),
    Column("policy_hash", Text, nullable=False),
    Column("snapshot_format", Integer, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("older_snapshot", Text),
    Column("stopped", Text),
    Column("begun_at", Microseconds),
    Column("missing", Text),
    Column("stopped_by", Text),
    Column("checkpointed", BigInteger),
)
# The person is in the index because a new policy makes everybody due at one moment: without it, every
# poll would sort them all to find the first few.
Index(
    "people_due",
    people.c.partition,
    people.c.next_due_at,
    people.c.person,
    postgresql_where=people.c.next_due_at.is_not(None),
    sqlite_where=people.c.next_due_at.is_not(None),
)

Index(
    "people_stopped",
    people.c.person,
    postgresql_where=people.c.stopped.is_not(None),
    sqlite_where=people.c.stopped.is_not(None),
)

# Of people with long logs only. Columns stand in the order of the fields of Checkpoint; the snapshot is packed by zlib:
# SQLite would keep it as it is, and it is a tenth then.
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("person", CodePointText, primary_key=True),
    Column("reached_at", Microseconds, primary_key=True, autoincrement=False),
    Column("touchpoints", BigInteger, nullable=False),
    Column("snapshot", LargeBinary, nullable=False),
)

# What was last published of each task, in the order of the fields of Publication.
tasks = Table(
    "tasks",
    metadata,
    Column("person", CodePointText, primary_key=True),
    Column("task_id", CodePointText, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

# AUTOINCREMENT: an id that was deleted is never given again, so a late delete cannot hit a new row.
outbox = Table(
    "outbox",
    metadata,
    Column("id", RisingId, primary_key=True, autoincrement=True),
    Column("person", CodePointText, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("outbox_partition", outbox.c.partition, outbox.c.id)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("topic", CodePointText, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("offset_", BigInteger, primary_key=True, autoincrement=False),
    Column("body_hash", CodePointText, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("field", Text),
    Column("message", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("key", LargeBinary),
    Column("headers", Text, nullable=False),
    Column("refused_at", Microseconds, nullable=False),
    Column("sent_at", Microseconds),
)
Index(
    "dead_letters_unsent",
    dead_letters.c.topic,
    dead_letters.c.partition,
    dead_letters.c.offset_,
    postgresql_where=dead_letters.c.sent_at.is_(None),
    sqlite_where=dead_letters.c.sent_at.is_(None),
)


def _default_of(counter: str) -> TextClause | None:
    """Return what a counter is in rows that were there before it: 0 for those that came after the first tables."""
    return text("0") if counter in ("unreached", "keyless", "passed_on") else None


# A topic_id of "" marks a row that only counts (a file): nobody has claimed it. The policy and the format of the
# snapshots stand here as in database_state, so that the update which moves the offset compares them too.
# `last_*` are the record before next_offset, `stopped` is why the partition is not read any more, `lost` the
# offsets that were gone before anybody read them.
partition_progress = Table(
    "partition_progress",
    metadata,
    Column("topic", CodePointText, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("topic_id", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("reached_at", Microseconds),
    *(Column(name, BigInteger, nullable=False, server_default=_default_of(name)) for name in ACCOUNTING_NAMES),
    Column("policy_hash", Text),
    Column("snapshot_format", Integer, nullable=False, server_default=text("0")),
    Column("newest_at", Microseconds),
    Column("last_offset", BigInteger),
    Column("last_at", Microseconds),
    Column("last_hash", Text),
    Column("stopped", Text),
    Column("lost", BigInteger, nullable=False, server_default=text("0")),
)

policies = Table(
    "policies",
    metadata,
    Column("hash", CodePointText, primary_key=True),
    Column("text", Text, nullable=False),
    Column("activated_at", Microseconds, nullable=False),
)

# One row, id 1, written by the first migration. A commit only locks it: one row that everybody writes would be
# one commit at a time. `newest_at` is what programs older than partition_progress.newest_at have written.
# `ask_from` is settled once, while nobody is there yet; none: always asked. So is `shard`, the partitions whose people
# are here; none: all.
database_state = Table(
    "database_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("policy_hash", Text),
    Column("snapshot_format", Integer, nullable=False),
    Column("partitions", Integer, nullable=False),
    Column("reached_at", Microseconds),
    Column("newest_at", Microseconds),
    Column("ask_from", Microseconds),
    Column("ask_from_days", Integer, nullable=False, server_default=text("1")),
    Column("shard", Text),
)
