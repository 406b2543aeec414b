"""Checkpoints of people with long logs: where late news can be folded from.

A table and a column are added and nothing is taken away. Whoever has a long log gets checkpoints when they are folded
the next time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add the table, and how many touchpoints the newest of a person has folded."""
    person = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "checkpoints",
        sa.Column("person", person, primary_key=True),
        sa.Column("reached_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("touchpoints", sa.BigInteger, nullable=False),
        sa.Column("snapshot", sa.LargeBinary, nullable=False),
    )
    op.add_column("people", sa.Column("checkpointed", sa.BigInteger))


def downgrade() -> None:
    """Take both away."""
    op.drop_column("people", "checkpointed")
    op.drop_table("checkpoints")
