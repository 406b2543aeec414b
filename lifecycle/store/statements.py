"""Statements that are written once, and go straight to the driver with other values each time.

To make a statement with SQLAlchemy, and to have it written as text, costs a millisecond, and a batch has a dozen. So
those of bulk.py are made once for each store, with names for what changes, and go to the driver as text. What the
driver gives back is not turned into Python's types on the way: whoever runs one knows its times. SQLAlchemy keeps the
connection and its transaction, and its errors are what a failure becomes.

On PostgreSQL each answer is a round trip to wait for. What runs inside `sent_together` is not waited for one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any

from sqlalchemy import ClauseElement, Column, Connection, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from lifecycle.errors import ValueRefused
from lifecycle.instant import from_microseconds
from lifecycle.store.tables import Microseconds

GIVEN = "given_"
"""What the names of values begin with: a bare column name is reserved for the values of an UPDATE."""


class Statement:
    """A statement that is written once, with names for what changes from call to call."""

    def __init__(self, connection: Connection, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=connection.dialect)
        assert isinstance(compiled, SQLCompiler)
        self.text = str(compiled)
        self._constants = compiled.params
        self._places = compiled.positiontup
        selected = statement.selected_columns if isinstance(statement, Select) else ()
        self._times = [index for index, item in enumerate(selected) if isinstance(item.type, Microseconds)]

    def run(self, connection: Connection, given: Mapping[str, Any]) -> Any:
        """Run it with these values, and return the driver's cursor."""
        values = {**self._constants, **given}
        if self._places is None:
            return send(connection, self.text, values)
        return send(connection, self.text, tuple(values[name] for name in self._places))

    def rows(self, connection: Connection, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a query with these values, and return its rows; times are aware UTC."""
        result = self.run(connection, given)
        if not self._times:
            return [tuple(row) for row in result]
        found = []
        for row in result:
            values = list(row)
            for index in self._times:
                if values[index] is not None:
                    values[index] = from_microseconds(values[index])
            found.append(tuple(values))
        return found

    def run_each(self, connection: Connection, columns: Sequence[Column[Any]], stored: Sequence[Sequence[Any]]) -> Any:
        """Run it on SQLite for every row, and return the driver's cursor.

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
        return send(connection, self.text, list(zip(*by_position, strict=False)))


@contextmanager
def sent_together(connection: Connection) -> Iterator[None]:
    """Let statements follow each other without waiting for answers; at the end all are there, or an error is raised.

    They run in their order, and none after one that failed. On SQLite nothing is waited for anyway.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    driver: Any = connection.connection.driver_connection
    first: DBAPIError | None = None
    try:
        with _failures_of(connection), driver.pipeline():
            try:
                yield
            except DBAPIError as error:
                first = error  # All that the answers behind it say is that they were given up.
    except DBAPIError as error:
        raise first or error from None
    if first is not None:
        raise first


def send(connection: Connection, text: str, values: Mapping[str, Any] | Sequence[Any]) -> Any:
    """Send a statement with its values, or on SQLite with a list of them, one for each row; return the cursor."""
    with _failures_of(connection):
        cursor = connection.connection.cursor()
        if isinstance(values, list):
            cursor.executemany(text, values)
        else:
            cursor.execute(text, values)
        return cursor


@contextmanager
def _failures_of(connection: Connection) -> Iterator[None]:
    """Raise what SQLAlchemy would, and let its pool forget a connection that broke."""
    driver: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        if connection.dialect.is_disconnect(error, connection.connection, None):
            connection.invalidate(error)
        raise DBAPIError.instance(None, None, error, driver.Error) from error


_MADE: dict[tuple[object, ...], Statement] = {}
"""As many as the store has statements of this kind, for each of the two stores."""


def made(connection: Connection, key: tuple[object, ...], make: Callable[[], ClauseElement]) -> Statement:
    """Return the statement of a key, for the store that a connection is to; `make` makes it the first time."""
    key = (connection.dialect.name, *key)
    found = _MADE.get(key)
    if found is None:
        found = _MADE[key] = Statement(connection, make())
    return found
