"""What the engine reads before it folds: people, their log, what was published. Without locks.

Whatever is read here may be out of date when it is used; the commit notices (writer.py, promise 3). Each call
is one statement however many keys it names. Queues of work are read in queues.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select

from lifecycle import canonical_json
from lifecycle.person import PersonRow, Publication
from lifecycle.store.bulk import given_keys
from lifecycle.store.database import Connected
from lifecycle.store.tables import conflicts, people, tasks, touchpoints
from lifecycle.touchpoint import Touchpoint, TouchpointKey

_LOG_KEY = list(touchpoints.primary_key.columns)


class Reader(Connected):
    """The part of Store that reads people and touchpoints by key."""

    def load_people(self, persons: Collection[str]) -> dict[str, PersonRow]:
        """Return the stored row of each person who has one."""
        if not persons:
            return {}
        with self._database.reading() as connection:
            given = given_keys(connection, [people.c.person], [(person,) for person in persons])
            rows = connection.execute(select(people).join(given, given.c.person == people.c.person))
            return {row.person: PersonRow(*row) for row in rows}

    def iterate_people(self, *, after: str = "", limit: int = 500) -> list[PersonRow]:
        """Return the next people after one id, ordered by id by code point; an empty list ends the walk."""
        with self._database.reading() as connection:
            query = select(people).where(people.c.person > after).order_by(people.c.person).limit(limit)
            return [PersonRow(*row) for row in connection.execute(query)]

    def find_touchpoints(self, keys: Collection[TouchpointKey]) -> dict[TouchpointKey, Touchpoint]:
        """Return the touchpoints of these keys that are in the log: the variant that counts."""
        if not keys:
            return {}
        with self._database.reading() as connection:
            given = given_keys(connection, _LOG_KEY, keys)
            same = and_(*(column == given.c[column.name] for column in _LOG_KEY))
            rows = connection.execute(select(touchpoints).join(given, same))
            return {(row[0], row[1], row[2]): touchpoint_of(*row) for row in rows}

    def find_conflicts(self, keys: Collection[TouchpointKey]) -> dict[TouchpointKey, set[str]]:
        """Return the content hashes of the variants kept beside each touchpoint; none: the key is absent."""
        if not keys:
            return {}
        found: dict[TouchpointKey, set[str]] = {}
        with self._database.reading() as connection:
            given = given_keys(connection, _LOG_KEY, set(keys))
            same = and_(*(conflicts.c[column.name] == given.c[column.name] for column in _LOG_KEY))
            columns = conflicts.c
            query = select(columns.person, columns.source, columns.id, columns.content_hash).join(given, same)
            for person, source, identifier, content_hash in connection.execute(query):
                found.setdefault((person, source, identifier), set()).add(content_hash)
        return found

    def read_log(self, after: Mapping[str, datetime | None]) -> dict[str, list[Touchpoint]]:
        """Return each person's touchpoints that occurred at the given time or later (None: all of them).

        In no stated order; a person without any is absent.
        """
        if not after:
            return {}
        log: dict[str, list[Touchpoint]] = {}
        with self._database.reading() as connection:
            given = given_keys(connection, [touchpoints.c.person, touchpoints.c.occurred_at], after.items())
            since = given.c.occurred_at
            wanted = and_(
                touchpoints.c.person == given.c.person,
                or_(since.is_(None), touchpoints.c.occurred_at >= since),
            )
            for row in connection.execute(select(touchpoints).join(given, wanted)):
                log.setdefault(row.person, []).append(touchpoint_of(*row))
        return log

    def publications(self, persons: Collection[str]) -> dict[str, dict[str, Publication]]:
        """Return what was last published for each person, by task id; a person without any is absent."""
        if not persons:
            return {}
        published: dict[str, dict[str, Publication]] = {}
        with self._database.reading() as connection:
            given = given_keys(connection, [tasks.c.person], [(person,) for person in persons])
            for row in connection.execute(select(tasks).join(given, given.c.person == tasks.c.person)):
                published.setdefault(row.person, {})[row.task_id] = Publication(*row)
        return published


def touchpoint_of(*row: Any) -> Touchpoint:
    """Return the touchpoint in a row of the log, or of what is kept beside it."""
    return Touchpoint._make((*row[:6], canonical_json.loads(row[6])))
