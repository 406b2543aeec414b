"""Which partitions of people a database holds, where there are several databases.

A column is added and none is taken away, so that a program of the tables before runs on beside this one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the column. A database that is there holds everybody."""
    op.add_column("database_state", sa.Column("shard", sa.Text))


def downgrade() -> None:
    """Take the column away."""
    op.drop_column("database_state", "shard")
