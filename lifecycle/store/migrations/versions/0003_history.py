"""Since when somebody is a person, what is read as missing, who stopped them; and two labels of the accounting.

Columns are added and none is taken away, so that a program of the tables before runs on beside this one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

LABELS = ("unreached", "keyless")


def upgrade() -> None:
    """Add the columns. People who are there have begun with their first touchpoint that is no outcome of a task."""
    for label in LABELS:
        op.add_column(
            "partition_progress", sa.Column(label, sa.BigInteger, nullable=False, server_default=sa.text("0"))
        )
    op.add_column("people", sa.Column("begun_at", sa.BigInteger))
    op.add_column("people", sa.Column("missing", sa.Text))
    op.add_column("people", sa.Column("stopped_by", sa.Text))
    is_stopped = sa.text("stopped IS NOT NULL")
    op.create_index("people_stopped", "people", ["person"], postgresql_where=is_stopped, sqlite_where=is_stopped)
    op.execute(
        "UPDATE people SET begun_at = (SELECT min(occurred_at) FROM touchpoints WHERE "
        "touchpoints.person = people.person AND type NOT IN ('task.completed', 'task.declined'))"
    )


def downgrade() -> None:
    """Take the columns away."""
    op.drop_index("people_stopped", "people")
    op.drop_column("people", "stopped_by")
    op.drop_column("people", "missing")
    op.drop_column("people", "begun_at")
    for label in reversed(LABELS):
        op.drop_column("partition_progress", label)
