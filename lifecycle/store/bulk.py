"""Many rows in one statement: the one place where the two stores speak differently.

PostgreSQL takes a whole batch as one array for each column (`unnest`), one round trip however many rows.
SQLite has no round trips: rows to write are bound one after another to one prepared statement (half the
cost of unpacking them from JSON), keys to look up come as one JSON text (`json_each`), so there is no limit
on their number. Called by the modules of this package alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Delete,
    FromClause,
    Select,
    Table,
    Text,
    Update,
    any_,
    bindparam,
    case,
    column,
    delete,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import NullType, TypeEngine

from lifecycle.instant import microseconds
from lifecycle.record import ACCOUNTING_NAMES
from lifecycle.store.statements import GIVEN, Statement, made
from lifecycle.store.tables import Microseconds

Given = Mapping[str, ColumnElement[Any]]
"""The batch as a statement sees it: name -> the value of the row in hand."""

_KEYS = f"{GIVEN}keys"

Clash = Literal["refuse", "ignore", "overwrite", "add"]
"""What happens when a key exists already: the transaction fails (`refuse`), the stored row stays (`ignore`),
its other columns are replaced (`overwrite`), or the ACCOUNTING_NAMES among them are added to and the later newest_at
stays (`add`)."""


def given_keys(connection: Connection, columns: Sequence[Column[Any]], rows: Iterable[Sequence[Any]]) -> FromClause:
    """Return rows as something to join with, its columns named as `columns`; every value travels as data."""
    stored = _stored(columns, rows)
    if connection.dialect.name == "postgresql":
        return _unnested(columns, list(_arrays(columns, stored).values()))
    return _from_json(columns, _as_json(stored))


def look_up(
    connection: Connection,
    columns: Sequence[Column[Any]],
    rows: Iterable[Sequence[Any]],
    query: Callable[[FromClause], Select[Any]],
) -> list[tuple[Any, ...]]:
    """Return the rows of a query about many keys, as plain tuples; times are aware UTC.

    `query` makes it from the keys, which are joined with as `given_keys` says. It is called once for each store: let it
    be a function of its module, that knows nothing of one call.
    """
    statement, values = _keyed(connection, columns, rows, query)
    return statement.rows(connection, values)


def delete_keyed(
    connection: Connection,
    columns: Sequence[Column[Any]],
    rows: Iterable[Sequence[Any]],
    statement: Callable[[FromClause], Delete],
) -> None:
    """Run a DELETE about many keys, made from them as a query of `look_up` is."""
    made_of_keys, values = _keyed(connection, columns, rows, statement)
    made_of_keys.run(connection, values)


def insert_rows(
    connection: Connection,
    columns: Sequence[Column[Any]],
    rows: Sequence[Sequence[Any]],
    clash: Clash = "refuse",
) -> None:
    """Insert rows in the order given, so that ids that are counted up rise in that order.

    `clash` says what happens when a key exists already. Only with `ignore` may `rows` hold a key twice.
    """
    _insert(connection, columns, rows, clash, None)


def insert_counted(
    connection: Connection, columns: Sequence[Column[Any]], rows: Sequence[Sequence[Any]], counted: Column[Any]
) -> Callable[[], list[int]]:
    """Insert rows in the order given; what is returned gives the ids that were counted up for them, in that order.

    To be called once the statement was answered (`sent_together`), in the same transaction.
    """
    cursor = _insert(connection, columns, rows, "refuse", counted)

    def ids() -> list[int]:
        if cursor is None:
            return []
        if connection.dialect.name == "postgresql":
            # They come as they were inserted, but the server does not promise it: ids rise in the order of the rows.
            return sorted(row[0] for row in cursor)
        # Nobody else writes meanwhile, so they follow each other.
        last = connection.execute(select(func.max(counted))).scalar_one()
        return list(range(last - len(rows) + 1, last + 1))

    return ids


def _insert(
    connection: Connection,
    columns: Sequence[Column[Any]],
    rows: Sequence[Sequence[Any]],
    clash: Clash,
    counted: Column[Any] | None,
) -> Any:
    if not rows:
        return None
    stored, table = _stored(columns, rows), columns[0].table
    assert isinstance(table, Table)
    key = ("insert", table.name, tuple(item.name for item in columns), clash)
    if connection.dialect.name == "postgresql":

        def of_all() -> Any:
            statement = on_clash(_insert_of_given(connection, table, columns), clash)
            return statement if counted is None else statement.returning(counted)

        return made(connection, key, of_all).run(connection, _arrays(columns, stored))
    values = {item.name: each for item, each in zip(columns, _bound(columns), strict=True)}
    statement = made(connection, key, lambda: on_clash(sqlite.insert(table).values(values), clash))
    return statement.run_each(connection, columns, stored)


def update_rows(
    connection: Connection,
    columns: Sequence[Column[Any]],
    rows: Sequence[Sequence[Any]],
    statement: Callable[[Given], Update],
) -> Callable[[], int]:
    """Run an UPDATE once for every row given; what is returned tells how many rows of the table it changed.

    To be called once the statement was answered (`sent_together`).

    `statement` makes it from the batch, whose columns are named as `columns`. It is called once for each store: let it
    be a function of its module, that knows nothing of one call.
    """
    if not rows:
        return lambda: 0
    stored, key = _stored(columns, rows), ("update", statement)
    if connection.dialect.name == "postgresql":
        of_all = made(connection, key, lambda: statement(dict(_given(connection, columns).c.items())))
        cursor = of_all.run(connection, _arrays(columns, stored))
    else:
        bound = {item.name: each for item, each in zip(columns, _bound(columns), strict=True)}
        cursor = made(connection, key, lambda: statement(bound)).run_each(connection, columns, stored)
    return lambda: int(cursor.rowcount)


def delete_rows(connection: Connection, of: Column[Any], numbers: Sequence[int]) -> None:
    """Delete the rows whose number is one of these.

    On PostgreSQL by one array. Joined with them instead, the server reads the whole table for each where it was counted
    while it was empty; an array it looks up in the index, or hashes where it reads the table after all.
    """
    if connection.dialect.name == "postgresql":
        one_of_them = of == any_(bindparam(_KEYS, type_=postgresql.ARRAY(BigInteger)))
        statement = made(connection, ("delete", of.name), lambda: delete(of.table).where(one_of_them))
        statement.run(connection, {_KEYS: list(numbers)})
        return
    is_it = of == bindparam(GIVEN + of.name, type_=BigInteger())
    statement = made(connection, ("delete", of.name), lambda: delete(of.table).where(is_it))
    statement.run_each(connection, [of], [numbers])


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


def _keyed(
    connection: Connection,
    columns: Sequence[Column[Any]],
    rows: Iterable[Sequence[Any]],
    make: Callable[[FromClause], Select[Any] | Delete],
) -> tuple[Statement, dict[str, Any]]:
    statement = made(connection, ("keyed", make), lambda: make(_given(connection, columns)))
    stored = _stored(columns, rows)
    if connection.dialect.name == "postgresql":
        return statement, _arrays(columns, stored)
    return statement, {_KEYS: _as_json(stored)}


def _given(connection: Connection, columns: Sequence[Column[Any]]) -> FromClause:
    """Return what `given_keys` does, with names in the place of values."""
    if connection.dialect.name == "postgresql":
        return _unnested(columns, [bindparam(GIVEN + item.name, type_=NullType()) for item in columns])
    return _from_json(columns, bindparam(_KEYS, type_=Text()))


def _insert_of_given(connection: Connection, table: Table, columns: Sequence[Column[Any]]) -> Any:
    given, names = _given(connection, columns), [item.name for item in columns]
    # Ids are counted up after the sort, so the order of the rows is the order of the ids.
    ordered = select(*(given.c[name] for name in names)).order_by(given.c.place)
    return postgresql.insert(table).from_select(names, ordered)


def _from_json(columns: Sequence[Column[Any]], text: Any) -> FromClause:
    each = func.json_each(text).table_valued(column("value")).alias("each_")
    return select(
        *(
            type_coerce(each.c.value.op("->>")(literal_column(str(index))), _plain(item)).label(item.name)
            for index, item in enumerate(columns)
        )
    ).subquery("given")


def _as_json(stored: Sequence[Sequence[Any]]) -> str:
    return json.dumps(list(zip(*stored, strict=True)), ensure_ascii=False)


def _arrays(columns: Sequence[Column[Any]], stored: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return the columns of a batch as arrays of PostgreSQL, by the names that statements know them by."""
    from lifecycle.store.arrays import packed  # where PostgreSQL is alone: it loads that driver

    given = {}
    for item, values in zip(columns, stored, strict=True):
        name, element, _ = _known_of(item)
        given[name] = packed(element, values)
    return given


def _unnested(columns: Sequence[Column[Any]], arrays: Sequence[Any]) -> FromClause:
    # NullType: the value knows its own type and is handed on as it is.
    bound = [
        each if isinstance(each, BindParameter) else bindparam(None, each, type_=NullType(), unique=True)
        for each in arrays
    ]
    typed = (column(item.name, _plain(item)) for item in columns)
    return func.unnest(*bound).table_valued(*typed, with_ordinality="place", name="given").render_derived()


def _stored(columns: Sequence[Column[Any]], rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    """Turn rows into one sequence for each column, times into what is stored of them."""
    turned: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [() for _ in columns]
    for index, item in enumerate(columns):
        if _known_of(item)[2]:
            turned[index] = [None if value is None else microseconds(value) for value in turned[index]]
    return turned


@cache
def _known_of(item: Column[Any]) -> tuple[str, TypeEngine[Any], bool]:
    """Return the name of a column's values in a statement, as what they are stored, and whether they are times."""
    return GIVEN + item.name, _plain(item), isinstance(item.type, Microseconds)


def _plain(item: Column[Any]) -> TypeEngine[Any]:
    # Times were turned into whole numbers before; the type of the column would do it a second time.
    return BigInteger() if isinstance(item.type, Microseconds) else item.type


def _bound(columns: Sequence[Column[Any]]) -> list[ColumnElement[Any]]:
    # A bare column name is reserved for the values of an UPDATE, hence the prefix.
    return [bindparam(GIVEN + item.name, type_=_plain(item)) for item in columns]
