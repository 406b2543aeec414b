"""From when a database asks: what was due before that is not asked.

Columns are added and none is taken away, so that a program of the tables before runs on beside this one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the columns. A database that is there always asked."""
    op.add_column("database_state", sa.Column("ask_from", sa.BigInteger))
    op.add_column("database_state", sa.Column("ask_from_days", sa.Integer, nullable=False, server_default=sa.text("1")))


def downgrade() -> None:
    """Take the columns away."""
    op.drop_column("database_state", "ask_from_days")
    op.drop_column("database_state", "ask_from")
