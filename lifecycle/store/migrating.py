"""Bringing a database to the tables that this program needs, and telling whether it is there.

Migrations are Alembic scripts in migrations/versions, run from code: there is no alembic.ini. Called by
`open_store` and `lifecycle db upgrade`.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from lifecycle.errors import SchemaMismatch
from lifecycle.store.database import Database

_LOCK = 0x6C696665_6379636C
"""One number for everybody who migrates: two workers that start at once do it one after the other."""


def configuration(connection: Connection | None = None) -> Config:
    """Return what Alembic's commands need; those that reach the database want the connection as well."""
    config = Config()
    # A percent sign begins an interpolation there.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """Return the revision that this program was written for."""
    revision = ScriptDirectory.from_config(configuration()).get_current_head()
    assert revision is not None
    return revision


def current(connection: Connection) -> str | None:
    """Return the revision that the database is at (None: it was never migrated)."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database) -> None:
    """Bring the database to `head()` in one transaction; nothing happens when it is there."""
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(configuration(connection), "head")


def require_head(database: Database) -> None:
    """Raise SchemaMismatch unless the database is at `head()`."""
    # Merely connecting would leave an empty file behind.
    exists = database.path is None or database.path.exists()
    found = None
    if exists:
        with database.reading() as connection:
            found = current(connection)
    if found != head():
        has = f"revision {found}" if found else "no tables of ours" if exists else "no such file"
        raise SchemaMismatch(
            f"the database at {database.where} has {has}, this program needs revision {head()}. "
            "Run `lifecycle db upgrade`."
        )
