"""What a partition must not lose sight of: the policy and format it is folded by, and the log that it reads.

Columns are added and none is taken away, so that a program of the first tables runs on beside this one. What it
writes into database_state.newest_at is still read.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

TABLE = "partition_progress"


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("policy_hash", sa.Text),
        sa.Column("snapshot_format", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("newest_at", sa.BigInteger),
        sa.Column("last_offset", sa.BigInteger),
        sa.Column("last_at", sa.BigInteger),
        sa.Column("last_hash", sa.Text),
        sa.Column("stopped", sa.Text),
        sa.Column("lost", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    ]


def upgrade() -> None:
    """Add the columns; partitions that were claimed are folded by what the database is folded by."""
    for column in _columns():
        op.add_column(TABLE, column)
    op.execute(
        "UPDATE partition_progress SET policy_hash = (SELECT policy_hash FROM database_state), "
        "snapshot_format = (SELECT snapshot_format FROM database_state) WHERE topic_id <> ''"
    )


def downgrade() -> None:
    """Take the columns away, keeping how new the newest touchpoint is."""
    op.execute(
        "UPDATE database_state SET newest_at = (SELECT max(newest_at) FROM (SELECT newest_at FROM "
        "partition_progress UNION ALL SELECT newest_at FROM database_state) AS both_)"
    )
    for column in reversed(_columns()):
        op.drop_column(TABLE, column.name)
