"""A table of what was retracted, so that a batch finds it by person without reading the log."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None

CODE_POINT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table, and fill it from a log that took retractions in before they were known to the program."""
    retractions = op.create_table(
        "retractions",
        sa.Column("person", CODE_POINT_TEXT, primary_key=True),
        sa.Column("source", CODE_POINT_TEXT, primary_key=True),
        sa.Column("id", CODE_POINT_TEXT, primary_key=True),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.Text),
        sa.Column("retracted_source", sa.Text, nullable=False),
        sa.Column("retracted_id", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    log = sa.table(
        "touchpoints", *map(sa.column, ("person", "source", "id", "occurred_at", "sequence", "data", "type"))
    )
    known = op.get_bind().execute(sa.select(log).where(log.c.type == "touchpoint.retracted"))
    for row in known.mappings().all():
        data = json.loads(row["data"])
        named = [data.get("source"), data.get("id")]
        if all(isinstance(each, str) for each in named):
            values = {name: row[name] for name in ("person", "source", "id", "occurred_at", "sequence")}
            values |= {"retracted_source": named[0], "retracted_id": named[1]}
            op.get_bind().execute(sa.insert(retractions).values(values))


def downgrade() -> None:
    """Drop the table; the log still holds the retractions."""
    op.drop_table("retractions")
