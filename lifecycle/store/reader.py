"""What the engine reads before it folds: people, their log, what was published. Without locks.

Whatever is read here may be out of date when it is used; the commit notices (writer.py, promise 3). Each call
is one statement however many keys it names. Queues of work are read in queues.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import FromClause, Integer, Select, Text, and_, bindparam, or_, select

from lifecycle import canonical_json
from lifecycle.person import PersonRow, Publication
from lifecycle.store.bulk import look_up
from lifecycle.store.database import Connected
from lifecycle.store.statements import made
from lifecycle.store.tables import conflicts, people, tasks, touchpoints
from lifecycle.touchpoint import Touchpoint, TouchpointKey

_LOG_KEY = list(touchpoints.primary_key.columns)


class Reader(Connected):
    """The part of Store that reads people and touchpoints by key."""

    def together(self) -> AbstractContextManager[None]:
        """Let all that this thread reads inside share one connection; each read still sees the committed present."""
        return self._database.reading_together()

    def load_people(self, persons: Collection[str]) -> dict[str, PersonRow]:
        """Return the stored row of each person who has one."""
        if not persons:
            return {}
        with self._database.reading() as connection:
            rows = look_up(connection, [people.c.person], [(person,) for person in persons], _people)
            return {row[0]: PersonRow._make(row) for row in rows}

    def iterate_people(self, *, after: str = "", limit: int = 500) -> list[PersonRow]:
        """Return the next people after one id, ordered by id by code point; an empty list ends the walk."""
        with self._database.reading() as connection:
            statement = made(connection, ("iterate_people",), _next_people)
            return [*map(PersonRow._make, statement.rows(connection, {"after": after, "most": limit}))]

    def find_touchpoints(self, keys: Collection[TouchpointKey]) -> dict[TouchpointKey, Touchpoint]:
        """Return the touchpoints of these keys that are in the log: the variant that counts."""
        if not keys:
            return {}
        with self._database.reading() as connection:
            rows = look_up(connection, _LOG_KEY, keys, _log_of_keys)
            return {(row[0], row[1], row[2]): touchpoint_of(*row) for row in rows}

    def find_conflicts(self, keys: Collection[TouchpointKey]) -> dict[TouchpointKey, set[str]]:
        """Return the content hashes of the variants kept beside each touchpoint; none: the key is absent."""
        if not keys:
            return {}
        found: dict[TouchpointKey, set[str]] = {}
        with self._database.reading() as connection:
            rows = look_up(connection, _LOG_KEY, set(keys), _conflicts_of_keys)
            for person, source, identifier, content_hash in rows:
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
            columns = [touchpoints.c.person, touchpoints.c.occurred_at]
            for row in look_up(connection, columns, after.items(), _log_since):
                log.setdefault(row[0], []).append(touchpoint_of(*row))
        return log

    def publications(self, persons: Collection[str]) -> dict[str, dict[str, Publication]]:
        """Return what was last published for each person, by task id; a person without any is absent."""
        if not persons:
            return {}
        published: dict[str, dict[str, Publication]] = {}
        with self._database.reading() as connection:
            for row in look_up(connection, [tasks.c.person], [(person,) for person in persons], _publications):
                told = Publication._make(row)
                published.setdefault(told.person, {})[told.task_id] = told
        return published


def _next_people() -> Select[Any]:
    after, most = bindparam("after", type_=Text()), bindparam("most", type_=Integer())
    return select(people).where(people.c.person > after).order_by(people.c.person).limit(most)


def _people(given: FromClause) -> Select[Any]:
    return select(people).join(given, given.c.person == people.c.person)


def _log_of_keys(given: FromClause) -> Select[Any]:
    return select(touchpoints).join(given, and_(*(column == given.c[column.name] for column in _LOG_KEY)))


def _conflicts_of_keys(given: FromClause) -> Select[Any]:
    columns, same = conflicts.c, and_(*(conflicts.c[column.name] == given.c[column.name] for column in _LOG_KEY))
    return select(columns.person, columns.source, columns.id, columns.content_hash).join(given, same)


def _log_since(given: FromClause) -> Select[Any]:
    since = given.c.occurred_at
    later = or_(since.is_(None), touchpoints.c.occurred_at >= since)
    return select(touchpoints).join(given, and_(touchpoints.c.person == given.c.person, later))


def _publications(given: FromClause) -> Select[Any]:
    return select(tasks).join(given, given.c.person == tasks.c.person)


def touchpoint_of(*row: Any) -> Touchpoint:
    """Return the touchpoint in a row of the log, or of what is kept beside it."""
    return Touchpoint._make((*row[:6], canonical_json.own(row[6])))
