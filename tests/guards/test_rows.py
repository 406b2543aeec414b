"""What a touchpoint writes on PostgreSQL: rows, and bytes of the write-ahead log, which is what its disk and replicas carry.

Both are counted by the server, for everything that takes the sample in and moves time after each batch. The server has
no full pages in its log, as all of the tests': these depend on when it last made a checkpoint, the rest does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from lifecycle.store import Store, open_store
from tests.guards.sample import Intake
from tests.servers import PostgresServer

ROWS = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"


class Written:
    """What a server wrote between the begin and the end of a block."""

    rows = 0
    bytes = 0


@contextmanager
def written(store: Store, url: str) -> Iterator[Written]:
    """Count what is written meanwhile. A server of one's own: the log is that of all its databases."""
    found = Written()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        rows = _rows(store, connection)
        connection.execute("CHECKPOINT")
        begun = _one(connection, "SELECT pg_current_wal_insert_lsn() - '0/0'")
        yield found
        found.bytes = _one(connection, "SELECT pg_current_wal_insert_lsn() - '0/0'") - begun
        found.rows = _rows(store, connection) - rows


def _rows(store: Store, connection: psycopg.Connection[tuple[int]]) -> int:
    with store._database.reading() as own:  # the one connection of its pool, whose counts are not told yet
        own.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    return _one(connection, ROWS)


def _one(connection: psycopg.Connection[tuple[int]], query: str) -> int:
    found = connection.execute(query.encode()).fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.parametrize(
    ("size", "most", "rows", "bytes_"),
    [
        pytest.param(500, None, 1.75, 1_650, id="in batches of 500"),
        pytest.param(1, 600, 5.55, 5_950, id="one by one"),
    ],
)
def test_a_touchpoint_writes_so_many_rows_and_bytes(
    postgres_server: PostgresServer, database_url: str, size: int, most: int | None, rows: float, bytes_: float
) -> None:
    """Counted: 1.58 rows and 1,368 bytes in batches of 500; 5.04 and 4,924 one by one."""
    assert postgres_server.url
    with closing(open_store(database_url, create=True)) as store:
        intake = Intake(store)
        with written(store, database_url) as found:
            count = intake.take_all(size, most)
    per = (found.rows / count, found.bytes / count)
    assert per[0] <= rows, f"rows and bytes: {per}"
    assert per[1] <= bytes_, f"rows and bytes: {per}"
    assert per[0] >= 1, "nothing was counted"
