"""The table of checkpoints: what people with long logs had come to, from time to time.

Written by the one transaction (writer.py) together with the person, whose revision guards them: whoever changes a
person replaces the checkpoints that this makes untrue in the same commit. Read before folding, one person at a time:
few people have a log so long, and fewer of them get news of long ago.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, select

from lifecycle.instant import microseconds
from lifecycle.person import Checkpoint, Checkpoints
from lifecycle.store.bulk import insert_rows
from lifecycle.store.database import Connected
from lifecycle.store.reader import touchpoint_of
from lifecycle.store.statements import made
from lifecycle.store.tables import checkpoints, touchpoints
from lifecycle.touchpoint import Touchpoint

_COLUMNS = list(checkpoints.columns)
_PACKED = 1
"""How hard zlib tries: more costs several times as much, and saves little."""

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_MINE = checkpoints.c.person == bindparam("of"), checkpoints.c.reached_at > bindparam("after")
_BEFORE = checkpoints.c.person == bindparam("of"), checkpoints.c.reached_at < bindparam("until")
_SAME_OR_BEFORE = select(func.sum(checkpoints.c.touchpoints)).where(*_BEFORE).scalar_subquery().label("folded")
_LAST_BEFORE = select(checkpoints, _SAME_OR_BEFORE).where(*_BEFORE).order_by(checkpoints.c.reached_at.desc()).limit(1)
_NEXT = select(checkpoints).where(*_MINE).order_by(checkpoints.c.reached_at).limit(bindparam("most"))
_LOG = select(touchpoints).where(
    touchpoints.c.person == bindparam("of"),
    touchpoints.c.occurred_at > bindparam("after"),
    touchpoints.c.occurred_at <= bindparam("until"),
)
_REPLACED = delete(checkpoints).where(*_MINE, checkpoints.c.reached_at <= bindparam("until"))


class CheckpointReader(Connected):
    """The part of Store that reads checkpoints, and the log between them."""

    def checkpoint_before(self, person: str, at: datetime) -> tuple[Checkpoint, int] | None:
        """Return a person's last checkpoint before a moment, and how many touchpoints it has folded in all."""
        for *stored, folded in self._rows(_LAST_BEFORE, of=person, until=microseconds(at)):
            return _checkpoint_of(*stored), int(folded)
        return None

    def checkpoints_after(self, person: str, at: datetime | None, limit: int) -> list[Checkpoint]:
        """Return a person's next checkpoints after a moment (None: the first), in their order."""
        rows = self._rows(_NEXT, of=person, after=microseconds(at or _FIRST), most=limit)
        return [_checkpoint_of(*row) for row in rows]

    def log_between(self, person: str, after: datetime | None, until: datetime) -> list[Touchpoint]:
        """Return what occurred to a person after a moment (None: from the beginning), up to another, in no order."""
        rows = self._rows(_LOG, of=person, after=microseconds(after or _FIRST), until=microseconds(until))
        return [touchpoint_of(*row) for row in rows]

    def _rows(self, query: Select[Any], **given: str | int) -> list[tuple[Any, ...]]:
        with self._database.reading() as connection:
            return made(connection, ("checkpoints", query), lambda: query).rows(connection, given)


def write_checkpoints(connection: Connection, changed: Sequence[Checkpoints]) -> None:
    """Replace checkpoints as the engine decided."""
    replaced = made(connection, ("checkpoints", _REPLACED), lambda: _REPLACED)
    for each in changed:
        between = {"after": microseconds(each.after or _FIRST), "until": microseconds(each.until or _LAST)}
        replaced.run(connection, {"of": each.person, **between})
    rows = [
        (row.person, row.reached_at, row.touchpoints, zlib.compress(row.snapshot.encode("utf-8"), _PACKED))
        for each in changed
        for row in each.rows
    ]
    insert_rows(connection, _COLUMNS, sorted(rows))


def _checkpoint_of(person: str, reached_at: datetime, touchpoints: int, packed: bytes) -> Checkpoint:
    return Checkpoint(person, reached_at, touchpoints, zlib.decompress(packed).decode("utf-8"))
