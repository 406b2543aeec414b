"""Many rows in one statement: the one place where the two stores speak differently.

PostgreSQL takes a whole batch as one array for each column (`unnest`), one round trip however many rows.
SQLite has no round trips: rows to write are bound one after another to one prepared statement (half the
cost of unpacking them from JSON), keys to look up come as one JSON text (`json_each`), so there is no limit
on their number. Called by the modules of this package alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Table,
    Update,
    bindparam,
    case,
    column,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import NullType, TypeEngine

from lifecycle.errors import ValueRefused
from lifecycle.instant import microseconds
from lifecycle.record import ACCOUNTING_NAMES
from lifecycle.store.tables import Microseconds

Given = Mapping[str, ColumnElement[Any]]
"""The batch as a statement sees it: name -> the value of the row in hand."""

_PREFIX = "given_"

Clash = Literal["refuse", "ignore", "overwrite", "add"]
"""What happens when a key exists already: the transaction fails (`refuse`), the stored row stays (`ignore`),
its other columns are replaced (`overwrite`), or the ACCOUNTING_NAMES among them are added to and the later newest_at
stays (`add`)."""


def given_keys(connection: Connection, columns: Sequence[Column[Any]], rows: Iterable[Sequence[Any]]) -> FromClause:
    """Return rows as something to join with, its columns named as `columns`; every value travels as data."""
    stored = _stored(columns, rows)
    if connection.dialect.name == "postgresql":
        return _unnested(columns, stored)
    text = json.dumps(list(zip(*stored, strict=True)), ensure_ascii=False)
    each = func.json_each(bindparam(None, text, unique=True)).table_valued(column("value")).alias("each_")
    return select(
        *(
            type_coerce(each.c.value.op("->>")(literal_column(str(index))), _plain(item)).label(item.name)
            for index, item in enumerate(columns)
        )
    ).subquery("given")


def insert_rows(
    connection: Connection,
    columns: Sequence[Column[Any]],
    rows: Sequence[Sequence[Any]],
    clash: Clash = "refuse",
) -> None:
    """Insert rows in the order given, so that ids that are counted up rise in that order.

    `clash` says what happens when a key exists already. Only with `ignore` may `rows` hold a key twice.
    """
    if not rows:
        return
    table = columns[0].table
    assert isinstance(table, Table)
    names = [item.name for item in columns]
    stored = _stored(columns, rows)
    if connection.dialect.name == "postgresql":
        given = _unnested(columns, stored)
        # Ids are counted up after the sort, so the order of the rows is the order of the ids.
        ordered = select(*(given.c[name] for name in names)).order_by(given.c.place)
        connection.execute(on_clash(postgresql.insert(table).from_select(names, ordered), clash))
        return
    values = dict(zip(names, _bound(columns), strict=True))
    _run_each(connection, on_clash(sqlite.insert(table).values(values), clash), columns, stored)


def update_rows(
    connection: Connection,
    columns: Sequence[Column[Any]],
    rows: Sequence[Sequence[Any]],
    statement: Callable[[Given], Update],
) -> int:
    """Run an UPDATE once for every row given and return how many rows of the table it changed.

    `statement` makes it from the batch, whose columns are named as `columns`.
    """
    if not rows:
        return 0
    stored = _stored(columns, rows)
    if connection.dialect.name == "postgresql":
        given = _unnested(columns, stored)
        return connection.execute(statement({item.name: given.c[item.name] for item in columns})).rowcount
    bound = {item.name: each for item, each in zip(columns, _bound(columns), strict=True)}
    return _run_each(connection, statement(bound), columns, stored)


def on_clash(statement: Any, clash: Clash) -> Any:
    """Add to an INSERT of either store what happens when a key exists already."""
    if clash == "refuse":
        return statement
    columns, new = statement.table.columns, statement.excluded
    keys = list(statement.table.primary_key.columns)
    if clash == "ignore":
        return statement.on_conflict_do_nothing(index_elements=keys)
    if clash == "add":
        changed = {name: columns[name] + new[name] for name in ACCOUNTING_NAMES}
        changed["newest_at"] = later_of(columns.newest_at, new.newest_at)
    else:
        changed = {item.name: new[item.name] for item in columns if not item.primary_key}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def later_of(stored: ColumnElement[Any], given: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the later of two times, either of which may be NULL. The stores' own functions disagree on NULL."""
    return case((or_(stored.is_(None), stored < given), given), else_=stored)


def _unnested(columns: Sequence[Column[Any]], stored: Sequence[Sequence[Any]]) -> FromClause:
    from lifecycle.store.arrays import packed  # where PostgreSQL is alone: it loads that driver

    arrays = (
        # NullType: the value knows its own type and is handed on as it is.
        bindparam(None, packed(_plain(item), values), type_=NullType(), unique=True)
        for item, values in zip(columns, stored, strict=True)
    )
    typed = (column(item.name, _plain(item)) for item in columns)
    return func.unnest(*arrays).table_valued(*typed, with_ordinality="place", name="given").render_derived()


def _stored(columns: Sequence[Column[Any]], rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    """Turn rows into one sequence for each column, times into what is stored of them."""
    turned: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [() for _ in columns]
    for index, item in enumerate(columns):
        if isinstance(item.type, Microseconds):
            turned[index] = [None if value is None else microseconds(value) for value in turned[index]]
    return turned


def _plain(item: Column[Any]) -> TypeEngine[Any]:
    # Times were turned into whole numbers before; the type of the column would do it a second time.
    return BigInteger() if isinstance(item.type, Microseconds) else item.type


def _bound(columns: Sequence[Column[Any]]) -> list[ColumnElement[Any]]:
    # A bare column name is reserved for the values of an UPDATE, hence the prefix.
    return [bindparam(_PREFIX + item.name, type_=_plain(item)) for item in columns]


def _run_each(
    connection: Connection,
    statement: ClauseElement,
    columns: Sequence[Column[Any]],
    stored: Sequence[Sequence[Any]],
) -> int:
    """Run a statement on SQLite for every row and return how many rows it changed.

    The values are what the driver takes already, so they go to it by position: to pass each row through
    SQLAlchemy's parameters, as a dictionary, costs as much as to write it.
    """
    given = {_PREFIX + item.name: values for item, values in zip(columns, stored, strict=True)}
    for name, values in given.items():
        # PostgreSQL refuses this character and some functions of SQLite end the text there: both refuse it.
        if any("\0" in value for value in values if isinstance(value, str)):
            raise ValueRefused(
                f"a value of {name.removeprefix(_PREFIX)} holds the character U+0000, which no store keeps. "
                "Nothing was written; halve the batch to find the record."
            )
    compiled = statement.compile(dialect=connection.dialect)
    assert isinstance(compiled, SQLCompiler)
    constants = compiled.params
    by_position = [given.get(name) or repeat(constants[name]) for name in compiled.positiontup or ()]
    return connection.exec_driver_sql(str(compiled), list(zip(*by_position, strict=False))).rowcount
