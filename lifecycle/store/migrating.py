"""Bringing a database to the tables that this program needs, and telling whether it is there.

Migrations are Alembic scripts in migrations/versions, run from code: there is no alembic.ini. Called by
`open_store` and `lifecycle db upgrade`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from lifecycle.errors import FileRefused, SchemaMismatch
from lifecycle.store.database import Database
from lifecycle.written import PRIVATE

_LOCK = 0x6C696665_6379636C
"""One number for everybody who migrates: two workers that start at once do it one after the other."""


def configuration(connection: Connection | None = None) -> Config:
    """Return what Alembic's commands need; those that reach the database want the connection as well."""
    config = Config()
    # A percent sign begins an interpolation there.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@cache
def head() -> str:
    """Return the revision that this program was written for. The scripts are read once: they stay as they are."""
    revision = ScriptDirectory.from_config(configuration()).get_current_head()
    assert revision is not None
    return revision


def current(connection: Connection) -> str | None:
    """Return the revision that the database is at (None: it was never migrated)."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database) -> None:
    """Bring the database to `head()` in one transaction; nothing happens when it is there.

    A SQLite file that is made may be read and written by its owner alone: it holds what is known about people, and
    the files that SQLite puts beside it have the rights of the first. Raises SchemaMismatch for one that is newer.
    """
    if database.path is not None:
        _make_private(database.path)
    with database.reading() as connection:
        found = current(connection)
    if found is not None and found not in _known():
        raise _newer(database, found)
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(configuration(connection), "head")


def require_head(database: Database) -> None:
    """Raise SchemaMismatch unless the database is at `head()`; FileRefused for a SQLite file that is not there."""
    # Merely connecting would leave an empty file behind.
    if database.path is not None and not database.path.exists():
        raise FileRefused(
            f"there is no database {database.path.absolute()}. Check --db or LIFECYCLE_DATABASE; `lifecycle run` makes "
            "a new one, and so does `lifecycle db upgrade`."
        )
    with database.reading() as connection:
        found = current(connection)
    if found == head():
        return
    if found is None:
        raise SchemaMismatch(
            f"the database at {database.where} has no tables of ours. Check --db or LIFECYCLE_DATABASE; for a new "
            "database run `lifecycle db upgrade`."
        )
    if found not in _known():
        raise _newer(database, found)
    raise SchemaMismatch(
        f"the database at {database.where} has revision {found}, this program needs revision {head()}. "
        "Run `lifecycle db upgrade`."
    )


@cache
def _known() -> set[str]:
    return {each.revision for each in ScriptDirectory.from_config(configuration()).walk_revisions()}


def _newer(database: Database, found: str) -> SchemaMismatch:
    return SchemaMismatch(
        f"the database at {database.where} has revision {found}, which this program does not know: it was made by a "
        f"newer one. This one knows revisions up to {head()}. Install the newer program."
    )


def _make_private(path: Path) -> None:
    # SQLite takes an empty file for a new database. Where none can be made, SQLite says why.
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, PRIVATE))
