"""The log as a whole, page by page: what was received of whom, of which types, and what is kept beside it.

For people who look and for programs that copy, not for folding: that reads by person (reader.py). Every read is a
bounded walk along the primary key, but for the count of types, which reads the whole table.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_

from lifecycle.store.database import Connected
from lifecycle.store.reader import touchpoint_of
from lifecycle.store.tables import conflicts, touchpoints
from lifecycle.touchpoint import Touchpoint, TouchpointKey

ConflictKey = tuple[str, str, str, str]
"""(person, source, id, hash of the content): a variant kept beside the touchpoint that counts."""


@dataclass(frozen=True, slots=True)
class TypeCount:
    """How many touchpoints of a type are in the log, of how many people, and when the first and last occurred."""

    type: str
    touchpoints: int
    people: int
    first_at: datetime
    last_at: datetime


class LogWalk(Connected):
    """The part of Store that reads the log as a whole."""

    def type_counts(self) -> list[TypeCount]:
        """Count the log by type, by name of the type. Reads the whole log."""
        columns = touchpoints.c
        counted = select(
            columns.type,
            func.count(),
            func.count(columns.person.distinct()),
            func.min(columns.occurred_at),
            func.max(columns.occurred_at),
        ).group_by(columns.type)
        with self._database.reading() as connection:
            return sorted((TypeCount(*row) for row in connection.execute(counted)), key=lambda each: each.type)

    def iterate_log(
        self, after: TouchpointKey | None = None, *, types: Collection[str] | None = None, limit: int = 500
    ) -> list[Touchpoint]:
        """Return the next touchpoints after a key (None: the first), by person, source and id; of these types alone."""
        key = list(touchpoints.primary_key.columns)
        query = select(touchpoints).order_by(*key).limit(limit)
        if after is not None:
            query = query.where(tuple_(*key) > tuple_(*after))
        if types is not None:
            query = query.where(touchpoints.c.type.in_(list(types)))
        with self._database.reading() as connection:
            return [touchpoint_of(*row) for row in connection.execute(query)]

    def iterate_conflicts(
        self, after: ConflictKey | None = None, *, person: str | None = None, limit: int = 500
    ) -> list[tuple[ConflictKey, Touchpoint]]:
        """Return the next variants after a key (None: the first), by person, source, id and hash; or of one person."""
        key = list(conflicts.primary_key.columns)
        query = select(conflicts).order_by(*key).limit(limit)
        if after is not None:
            query = query.where(tuple_(*key) > tuple_(*after))
        if person is not None:
            query = query.where(conflicts.c.person == person)
        with self._database.reading() as connection:
            return [
                ((row.person, row.source, row.id, row.content_hash), touchpoint_of(*row[:3], *row[4:]))
                for row in connection.execute(query)
            ]
