"""How many records were passed on to another database: one more outcome of the accounting.

A column is added and none is taken away, so that a program of the tables before runs on beside this one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "partition_progress", sa.Column("passed_on", sa.BigInteger, nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    """Take the column away."""
    op.drop_column("partition_progress", "passed_on")
