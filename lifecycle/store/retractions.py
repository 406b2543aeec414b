"""The table of retractions: what the log says of them, by person, so that a batch need not read the log for it.

Written by the one transaction (writer.py) together with the log, and read before folding, after the people: whoever
retracts something writes that person, so what was overtaken is noticed at the commit.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Delete, FromClause, Select, delete, select, tuple_

from lifecycle.store.bulk import delete_keyed, insert_rows, look_up
from lifecycle.store.changes import Changes
from lifecycle.store.database import Connected
from lifecycle.store.tables import retractions, touchpoints
from lifecycle.touchpoint import RETRACTED, Touchpoint, key_of

_COLUMNS = list(retractions.columns)
_KEY = list(retractions.primary_key.columns)
_LOG_KEY = list(touchpoints.primary_key.columns)


class Retractions(Connected):
    """The part of Store that reads retractions."""

    def find_retractions(self, persons: Collection[str]) -> dict[str, list[Touchpoint]]:
        """Return each person's retractions, in no stated order; a person without any is absent.

        As touchpoints of their type with nothing but what they retract in their data.
        """
        if not persons:
            return {}
        found: dict[str, list[Touchpoint]] = {}
        with self._database.reading() as connection:
            for person, tool, id_, occurred_at, sequence, source, identifier in look_up(
                connection, [retractions.c.person], [(person,) for person in persons], _retractions
            ):
                data = {"source": source, "id": identifier}
                each = Touchpoint(person, tool, id_, RETRACTED, occurred_at, sequence, data)
                found.setdefault(each.person, []).append(each)
        return found


def _retractions(given: FromClause) -> Select[Any]:
    return select(retractions).join(given, given.c.person == retractions.c.person)


def _those_of(given: FromClause) -> Delete:
    replaced = select(*(given.c[column.name] for column in _LOG_KEY))
    return delete(retractions).where(tuple_(*_KEY).in_(replaced))


def note_retractions(connection: Connection, changes: Changes) -> None:
    """Keep the table as the log says: a variant that counts now may be a retraction, or be none any more."""
    if changes.replaced:
        delete_keyed(connection, _LOG_KEY, [key_of(each) for each in changes.replaced], _those_of)
    found = sorted((each for each in (*changes.touchpoints, *changes.replaced) if each.type == RETRACTED), key=key_of)
    rows = [(*key_of(each), each.occurred_at, each.sequence, each.data["source"], each.data["id"]) for each in found]
    insert_rows(connection, _COLUMNS, rows)
