"""The table of checkpoints: what people with long logs had come to, from time to time.

Written by the one transaction (writer.py) together with the person, whose revision guards them: whoever changes a
person replaces the checkpoints that this makes untrue in the same commit. Read before folding, one person at a time:
few people have a log so long, and fewer of them get news of long ago.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from lifecycle.person import Checkpoint, Checkpoints
from lifecycle.store.bulk import insert_rows
from lifecycle.store.database import Connected
from lifecycle.store.reader import touchpoint_of
from lifecycle.store.tables import checkpoints, touchpoints
from lifecycle.touchpoint import Touchpoint

_COLUMNS = list(checkpoints.columns)
_PACKED = 1
"""How hard zlib tries: more costs several times as much, and saves little."""


class CheckpointReader(Connected):
    """The part of Store that reads checkpoints, and the log between them."""

    def checkpoint_before(self, person: str, at: datetime) -> tuple[Checkpoint, int] | None:
        """Return a person's last checkpoint before a moment, and how many touchpoints it has folded in all."""
        columns = checkpoints.c
        until = columns.person == person, columns.reached_at < at
        with self._database.reading() as connection:
            found = connection.execute(
                select(checkpoints).where(*until).order_by(columns.reached_at.desc()).limit(1)
            ).one_or_none()
            if found is None:
                return None
            folded = connection.execute(select(func.sum(columns.touchpoints)).where(*until)).scalar_one()
            return _checkpoint_of(*found), int(folded)

    def checkpoints_after(self, person: str, at: datetime | None, limit: int) -> list[Checkpoint]:
        """Return a person's next checkpoints after a moment (None: the first), in their order."""
        query = select(checkpoints).where(checkpoints.c.person == person)
        if at is not None:
            query = query.where(checkpoints.c.reached_at > at)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(checkpoints.c.reached_at).limit(limit))
            return [_checkpoint_of(*row) for row in rows]

    def log_between(self, person: str, after: datetime | None, until: datetime) -> list[Touchpoint]:
        """Return what occurred to a person after a moment (None: from the beginning), up to another, in no order."""
        query = select(touchpoints).where(touchpoints.c.person == person, touchpoints.c.occurred_at <= until)
        if after is not None:
            query = query.where(touchpoints.c.occurred_at > after)
        with self._database.reading() as connection:
            return [touchpoint_of(*row) for row in connection.execute(query)]


def write_checkpoints(connection: Connection, changed: Sequence[Checkpoints]) -> None:
    """Replace checkpoints as the engine decided."""
    columns = checkpoints.c
    for each in changed:
        replaced = delete(checkpoints).where(columns.person == each.person)
        if each.after is not None:
            replaced = replaced.where(columns.reached_at > each.after)
        if each.until is not None:
            replaced = replaced.where(columns.reached_at <= each.until)
        connection.execute(replaced)
    rows = [
        (row.person, row.reached_at, row.touchpoints, zlib.compress(row.snapshot.encode("utf-8"), _PACKED))
        for each in changed
        for row in each.rows
    ]
    insert_rows(connection, _COLUMNS, sorted(rows))


def _checkpoint_of(person: str, reached_at: datetime, touchpoints: int, packed: bytes) -> Checkpoint:
    return Checkpoint(person, reached_at, touchpoints, zlib.decompress(packed).decode("utf-8"))
