"""Statements that are written once, and run with other values each time.

To make a statement with SQLAlchemy, and to have it written as text, costs a millisecond, and a batch has a dozen. So
those of bulk.py are made once for each store, with names for what changes, and go to the driver as text. What the
driver gives back is not turned into Python's types on the way: whoever runs one knows its times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any

from sqlalchemy import ClauseElement, Column, Connection, CursorResult, Select
from sqlalchemy.sql.compiler import SQLCompiler

from lifecycle.errors import ValueRefused
from lifecycle.store.tables import Microseconds

GIVEN = "given_"
"""What the names of values begin with: a bare column name is reserved for the values of an UPDATE."""


class Statement:
    """A statement that is written once, with names for what changes from call to call.

    To make one and to have it written costs SQLAlchemy a millisecond, and a batch has a dozen.
    """

    def __init__(self, connection: Connection, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=connection.dialect)
        assert isinstance(compiled, SQLCompiler)
        self.text = str(compiled)
        self._constants = compiled.params
        self._places = compiled.positiontup
        selected = statement.selected_columns if isinstance(statement, Select) else ()
        self.times = [index for index, item in enumerate(selected) if isinstance(item.type, Microseconds)]

    def run(self, connection: Connection, given: Mapping[str, Any]) -> CursorResult[Any]:
        """Run it with these values."""
        values = {**self._constants, **given}
        if self._places is None:
            return connection.exec_driver_sql(self.text, values)
        return connection.exec_driver_sql(self.text, tuple(values[name] for name in self._places))

    def run_each(self, connection: Connection, columns: Sequence[Column[Any]], stored: Sequence[Sequence[Any]]) -> int:
        """Run it on SQLite for every row and return how many rows it changed.

        The values are what the driver takes already, so they go to it by position: to pass each row through
        SQLAlchemy's parameters, as a dictionary, costs as much as to write it.
        """
        given = {GIVEN + item.name: values for item, values in zip(columns, stored, strict=True)}
        for name, values in given.items():
            # PostgreSQL refuses this character and some functions of SQLite end the text there: both refuse it.
            if any("\0" in value for value in values if isinstance(value, str)):
                raise ValueRefused(
                    f"a value of {name.removeprefix(GIVEN)} holds the character U+0000, which no store keeps. "
                    "Nothing was written; halve the batch to find the record."
                )
        by_position = [given.get(name) or repeat(self._constants[name]) for name in self._places or ()]
        return connection.exec_driver_sql(self.text, list(zip(*by_position, strict=False))).rowcount


_MADE: dict[tuple[object, ...], Statement] = {}
"""As many as the store has statements of this kind, for each of the two stores."""


def made(connection: Connection, key: tuple[object, ...], make: Callable[[], ClauseElement]) -> Statement:
    """Return the statement of a key, for the store that a connection is to; `make` makes it the first time."""
    key = (connection.dialect.name, *key)
    found = _MADE.get(key)
    if found is None:
        found = _MADE[key] = Statement(connection, make())
    return found
