"""The first tables, all of them. They are written out here, not imported: tables.py will move on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

CODE_POINT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
RISING_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTERS = (
    "received",
    "folded",
    "duplicate",
    "conflicting",
    "future",
    "unknown_type",
    "dead_lettered",
    "late",
    "misrouted",
    "unmatched",
)


def upgrade() -> None:
    """Make the tables and the one row that describes the database."""
    _make_log()
    _make_people()
    _make_queues()
    _make_administration()


def _make_log() -> None:
    op.create_table(
        "touchpoints",
        sa.Column("person", CODE_POINT_TEXT, primary_key=True),
        sa.Column("source", CODE_POINT_TEXT, primary_key=True),
        sa.Column("id", CODE_POINT_TEXT, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.Text),
        sa.Column("data", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "conflicts",
        sa.Column("person", CODE_POINT_TEXT, primary_key=True),
        sa.Column("source", CODE_POINT_TEXT, primary_key=True),
        sa.Column("id", CODE_POINT_TEXT, primary_key=True),
        sa.Column("content_hash", CODE_POINT_TEXT, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.Text),
        sa.Column("data", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_people() -> None:
    op.create_table(
        "people",
        sa.Column("person", CODE_POINT_TEXT, primary_key=True),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("next_due_at", sa.BigInteger),
        sa.Column("waiting_at", sa.BigInteger),
        sa.Column("policy_hash", sa.Text, nullable=False),
        sa.Column("snapshot_format", sa.Integer, nullable=False),
        sa.Column("snapshot", sa.Text, nullable=False),
        sa.Column("older_snapshot", sa.Text),
        sa.Column("stopped", sa.Text),
    )
    is_due = sa.text("next_due_at IS NOT NULL")
    op.create_index(
        "people_due",
        "people",
        ["partition", "next_due_at", "person"],
        postgresql_where=is_due,
        sqlite_where=is_due,
    )
    op.create_table(
        "tasks",
        sa.Column("person", CODE_POINT_TEXT, primary_key=True),
        sa.Column("task_id", CODE_POINT_TEXT, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_queues() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", RISING_ID, primary_key=True, autoincrement=True),
        sa.Column("person", CODE_POINT_TEXT, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_partition", "outbox", ["partition", "id"])
    op.create_table(
        "dead_letters",
        sa.Column("topic", CODE_POINT_TEXT, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("offset_", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("body_hash", CODE_POINT_TEXT, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("field", sa.Text),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("key", sa.LargeBinary),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("refused_at", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
    )
    unsent = sa.text("sent_at IS NULL")
    op.create_index(
        "dead_letters_unsent",
        "dead_letters",
        ["topic", "partition", "offset_"],
        postgresql_where=unsent,
        sqlite_where=unsent,
    )


def _make_administration() -> None:
    op.create_table(
        "partition_progress",
        sa.Column("topic", CODE_POINT_TEXT, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("topic_id", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.Column("reached_at", sa.BigInteger),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTERS),
    )
    op.create_table(
        "policies",
        sa.Column("hash", CODE_POINT_TEXT, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("activated_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "database_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("policy_hash", sa.Text),
        sa.Column("snapshot_format", sa.Integer, nullable=False),
        sa.Column("partitions", sa.Integer, nullable=False),
        sa.Column("reached_at", sa.BigInteger),
        sa.Column("newest_at", sa.BigInteger),
    )
    op.execute("INSERT INTO database_state (id, snapshot_format, partitions) VALUES (1, 0, 1)")


def downgrade() -> None:
    """Drop everything, with all data."""
    for table in (
        "database_state",
        "policies",
        "partition_progress",
        "dead_letters",
        "outbox",
        "tasks",
        "people",
        "conflicts",
        "touchpoints",
    ):
        op.drop_table(table)
