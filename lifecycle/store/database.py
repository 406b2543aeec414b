"""One connection pool to one database: how to open it, read from it and write to it.

This knows drivers, pragmas and time limits, and no table. Everything in lifecycle.store reads inside
`Database.reading()` and writes inside `Database.writing()`; both may be used from several threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from lifecycle.errors import SettingsRefused
from lifecycle.store.failures import translated

_POSTGRESQL_SESSION = (
    # A worker stopped in mid transaction must not hold its rows for ever, nor anybody wait for ever.
    "SET lock_timeout = '30s'",
    "SET idle_in_transaction_session_timeout = '60s'",
    # A plan made while the tables were small would be kept and go on reading them whole when they have grown.
    "SET plan_cache_mode = force_custom_plan",
    # Whatever we join is a batch of keys with a table that is large: walk its index. Until the server has
    # counted a table (a minute and more into an import) it guesses wrong and reads the whole of it to hash it.
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET jit = off",
)

_WRITE_AHEAD_ATTEMPTS = 600
_WRITE_AHEAD_PAUSE_SECONDS = 0.05
"""Together the 30 seconds that busy_timeout waits for everything else."""

_SQLITE_SESSION = (
    "PRAGMA busy_timeout = 30000",
    # NORMAL would lose the last commits when the machine (not the program) is killed. A sender over HTTP was
    # told that they are safe, and their tasks may stand in the task file already; so every commit is flushed.
    "PRAGMA synchronous = FULL",
    # The log is copied back every 64 MiB instead of every 4: a page that many batches touch is copied once.
    "PRAGMA wal_autocheckpoint = 16384",
    "PRAGMA cache_size = -16384",
)


class Database:
    """A pool of connections to one database."""

    def __init__(self, url: str) -> None:
        parsed = _accepted(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.where = str(parsed.database) if self.is_sqlite else _address(parsed)
        self.path = Path(str(parsed.database)) if self.is_sqlite else None
        if not self.is_sqlite:
            # It teaches the driver our arrays, which the engine takes over. SQLite does without: it is 9 MB.
            import_module("lifecycle.store.arrays")
        self._engine = create_engine(parsed, hide_parameters=True, connect_args=self._connect_args())
        event.listen(self._engine, "connect", self._prepare)
        if self.is_sqlite:
            event.listen(self._engine, "begin", _begin)
            self._readers = self._engine
            self._writers: Engine = self._engine.execution_options(lifecycle_writes=True)
            self._has_log = False
        else:
            # Single statements need no transaction around them: two round trips fewer for each read.
            self._readers = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            self._writers = self._engine
            self._has_log = True
        self._shared = threading.local()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection on which each statement sees the committed present; nothing may be written.

        Nor is anything written by connecting: whoever reads may have named a file that is not ours.
        """
        shared: Connection | None = getattr(self._shared, "connection", None)
        with translated(self.where):
            if shared is not None:
                yield shared
            else:
                with self._readers.connect() as connection:
                    yield connection

    @contextmanager
    def reading_together(self) -> Iterator[None]:
        """Let all that this thread reads inside share one connection: to take one and give it back costs as a read."""
        with self.reading() as connection:
            self._shared.connection = connection
            try:
                yield
            finally:
                self._shared.connection = None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in one transaction: committed at the end, rolled back by any exception."""
        with translated(self.where):
            if not self._has_log:
                self._write_ahead()
            with self._writers.begin() as connection:
                yield connection

    def close(self) -> None:
        """Close the pooled connections. The object may be used again and opens new ones."""
        self._engine.dispose()

    def _connect_args(self) -> dict[str, Any]:
        if self.is_sqlite:
            # The driver must not begin transactions by itself: `_begin` does, and only for writers.
            return {"isolation_level": None}
        return {
            "connect_timeout": 10,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "application_name": "lifecycle",
        }

    def _prepare(self, connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for statement in _SQLITE_SESSION if self.is_sqlite else _POSTGRESQL_SESSION:
            cursor.execute(statement)
        cursor.close()
        connection.commit()

    def _write_ahead(self) -> None:
        """Let a SQLite file have a write-ahead log. The file itself says so from then on, so once is enough."""
        with self._readers.connect() as connection:
            # Turning it on does not wait for whoever does the same at this moment, whatever busy_timeout says.
            for left in range(_WRITE_AHEAD_ATTEMPTS, 0, -1):
                try:
                    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                except OperationalError as error:
                    if "locked" not in str(error.orig) or left == 1:
                        raise
                    time.sleep(_WRITE_AHEAD_PAUSE_SECONDS)
                else:
                    break
        self._has_log = True


class Connected:
    """What works on one database: the parts of Store are classes of this kind."""

    def __init__(self, database: Database) -> None:
        self._database = database


def _begin(connection: Connection) -> None:
    # IMMEDIATE takes the one write lock before anything is read. A transaction that begins by reading and
    # then writes is refused at once when another wrote in between, whatever busy_timeout says.
    if connection.get_execution_options().get("lifecycle_writes"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _accepted(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The text itself is not repeated: it may hold a password. Nor is the cause, which repeats it.
        raise SettingsRefused(
            "the database URL cannot be read; wanted postgresql://USER:PASSWORD@HOST:PORT/DATABASE "
            "or sqlite:///FILE. Correct --db or LIFECYCLE_DATABASE."
        ) from None
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise SettingsRefused(
            f"no store for databases of the kind {backend}; wanted postgresql:// or sqlite:///. "
            "Correct --db or LIFECYCLE_DATABASE."
        )
    if parsed.database in (None, "", ":memory:"):
        raise SettingsRefused(
            "a SQLite store in memory cannot be shared by threads; name a file, as in sqlite:////tmp/lifecycle.db."
        )
    return parsed.set(drivername="sqlite+pysqlite")


def _address(url: URL) -> str:
    host = url.host or str(url.query.get("host", "the local socket"))
    port = f":{url.port}" if url.port else ""
    return f"{host}{port}/{url.database or ''}"
