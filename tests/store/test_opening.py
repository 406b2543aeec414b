"""Opening a store, its migrations, and what every failure of a database becomes."""

import re
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg.errors
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, exc, inspect, text

from lifecycle.errors import (
    FileRefused,
    RevisionConflict,
    SchemaMismatch,
    SettingsRefused,
    StoreUnavailable,
    ValueRefused,
)
from lifecycle.instant import from_microseconds
from lifecycle.store import Changes, Store, open_store
from lifecycle.store.database import Database
from lifecycle.store.failures import translated
from lifecycle.store.migrating import configuration, current, head, upgrade
from lifecycle.store.tables import metadata
from tests.store.made import by, person, step


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """A database without tables."""
    opened = Database(store_url)
    yield opened
    opened.close()


def tables_of(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def schema_of(connection: Connection, schema: str = "public") -> list[tuple[Any, ...]]:
    """All that makes up the tables, as the database tells it; columns in no order, since migrations add them last."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT tbl_name, type, name, sql FROM sqlite_master ORDER BY 3")).all()
        return sorted(line for row in rows if row[0] != "alembic_version" for line in _lines_of(*row))
    told: list[tuple[Any, ...]] = []
    for query in (
        """SELECT table_name, column_name, data_type, collation_name, is_nullable,
                  replace(column_default, 'declared.', ''), identity_generation
           FROM information_schema.columns WHERE table_schema = :schema ORDER BY 1, 2""",
        """SELECT tablename, indexname, replace(indexdef, schemaname || '.', '') FROM pg_indexes
           WHERE schemaname = :schema ORDER BY 1, 2""",
    ):
        rows = connection.execute(text(query), {"schema": schema})
        told += [tuple(row) for row in rows if row[0] != "alembic_version"]
    return told


def _lines_of(table: str, kind: str, name: str, sql: str | None) -> list[tuple[str, ...]]:
    """What makes up a table of SQLite, each column and each option once, however it is written."""
    words = " ".join((sql or "").split()).replace("( ", "(").replace(" )", ")")
    if kind != "table":
        return [(table, kind, name, words)]
    inside, _, options = words.partition("(")[2].rpartition(")")
    return [(table, kind, name, part.strip()) for part in (*re.split(r",(?![^(]*\))", inside), options)]


def test_the_migrations_make_what_is_declared(database: Database) -> None:
    """Types, collations, keys, indexes and their conditions are the same by migration and by tables.py."""
    with database.writing() as connection:
        command.upgrade(configuration(connection), "head")
        migrated = schema_of(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        if database.is_sqlite:
            command.downgrade(configuration(connection), "base")
            metadata.create_all(connection)
            assert schema_of(connection) == migrated
        else:
            connection.execute(text("CREATE SCHEMA declared"))
            metadata.create_all(connection.execution_options(schema_translate_map={None: "declared"}))
            assert schema_of(connection, "declared") == migrated
        assert len(migrated) > len(metadata.tables)


def test_keys_are_compared_by_code_point_on_postgresql(database_url: str) -> None:
    """Every text column of a primary key has collation C."""
    open_store(database_url, create=True).close()
    opened = Database(database_url)
    with opened.reading() as connection:
        rows = schema_of(connection)
    opened.close()
    collations = {(row[0], row[1]): row[3] for row in rows if len(row) == 7}
    keys = [(table.name, column.name) for table in metadata.tables.values() for column in table.primary_key]
    texts = [key for key in keys if str(metadata.tables[key[0]].c[key[1]].type) == "TEXT"]
    assert len(texts) > 10
    assert {collations[key] for key in texts} == {"C"}


def test_migrations_have_a_single_head() -> None:
    """Two branches would have no order."""
    assert ScriptDirectory.from_config(configuration()).get_heads() == [head()]


def test_migrations_go_up_down_and_up(database: Database) -> None:
    """Down leaves none of our tables, and up works again."""
    with database.writing() as connection:
        for _ in range(2):
            command.upgrade(configuration(connection), "head")
            assert tables_of(connection) == set(metadata.tables)
            assert current(connection) == head()
            command.downgrade(configuration(connection), "base")
            assert tables_of(connection) == set()


FILLED_BY_THE_FIRST_TABLES = (
    "INSERT INTO policies (hash, text, activated_at) VALUES ('policy-1', 'the text', 1)",
    "UPDATE database_state SET policy_hash = 'policy-1', snapshot_format = 2, partitions = 4, newest_at = 7",
    """INSERT INTO partition_progress (topic, partition, topic_id, epoch, next_offset, reached_at, received, folded,
       duplicate, conflicting, future, unknown_type, dead_lettered, late, misrouted, unmatched) VALUES
       ('touchpoints', 3, 'topic-1', 5, 40, 6, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0),
       ('file:a', 0, '', 0, 0, NULL, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)""",
    """INSERT INTO people (person, partition, revision, lane, policy_hash, snapshot_format, snapshot)
       VALUES ('ann', 3, 2, 0, 'policy-1', 2, '{}')""",
)


def test_a_database_of_the_first_tables_is_upgraded_and_goes_on(database: Database) -> None:
    """Its partitions go on where they stood, fenced by the policy that was active; nothing of it is lost."""
    with database.writing() as connection:
        command.upgrade(configuration(connection), "0001")
        for statement in FILLED_BY_THE_FIRST_TABLES:
            connection.execute(text(statement))
    upgrade(database)
    store = Store(database)
    state = store.state()
    assert (state.policy_hash, state.policy_text, state.snapshot_format) == ("policy-1", "the text", 2)
    assert (state.partitions, state.newest_at, state.belongs_to_workers) == (4, from_microseconds(7), True)
    of_file, claimed = store.progress()
    assert (of_file.policy_hash, of_file.accounting.received) == (None, 1)
    assert (claimed.policy_hash, claimed.snapshot_format, claimed.next_offset) == ("policy-1", 2, 40)
    store.commit(by("policy-1", snapshot_format=2, steps=(step(claimed, 50),), people=(person("ann", revision=3),)))
    store.commit(by("policy-1", snapshot_format=2, people=(person("bob"),)))
    assert store.raise_format(3, due=from_microseconds(0))
    assert store.people_by_other_policies(None, "policy-1", 3, "", 9) == ["ann", "bob"]
    with pytest.raises(SchemaMismatch):
        store.commit(by("policy-1", snapshot_format=2, steps=(step(claimed, 60, from_offset=50),)))


def test_creating_again_keeps_what_is_there(store_url: str) -> None:
    """`create` on a database that is at head does nothing."""
    first = open_store(store_url, create=True)
    first.commit(Changes(people=(person(),)))
    first.close()
    again = open_store(store_url, create=True)
    assert again.iterate_people() == [person()]
    again.close()


def test_two_that_create_at_once_agree(store_url: str) -> None:
    """One migrates, the other waits and finds it done."""
    with ThreadPoolExecutor(2) as threads:
        opened = list(threads.map(lambda url: open_store(url, create=True), [store_url] * 2))
    assert [store.state().partitions for store in opened] == [1, 1]
    for store in opened:
        store.close()


def test_an_empty_database_is_refused(store_url: str, tmp_path: Path) -> None:
    """Without `create` nothing is made, not even a file, and the command is named."""
    with pytest.raises((SchemaMismatch, FileRefused)) as refused:
        open_store(store_url)
    if store_url.startswith("sqlite"):
        assert str(refused.value) == (
            f"there is no database {tmp_path / 'lifecycle.db'}. Check --db or LIFECYCLE_DATABASE; `lifecycle run` makes a "
            "new one, and so does `lifecycle db upgrade`."
        )
    else:
        assert str(refused.value).endswith(
            " has no tables of ours. Check --db or LIFECYCLE_DATABASE; for a new database run `lifecycle db upgrade`."
        )
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds what is known about people; so do the files that SQLite puts beside it while it is open."""
    store = open_store(f"sqlite:///{tmp_path}/new.db", create=True)
    rights = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert rights == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}
    store.close()


def test_a_file_that_was_there_keeps_its_rights(tmp_path: Path) -> None:
    """Somebody gave them."""
    path = tmp_path / "shared.db"
    path.touch()
    path.chmod(0o660)
    open_store(f"sqlite:///{path}", create=True).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_reading_writes_nothing_to_a_file_that_is_not_ours(tmp_path: Path) -> None:
    """Neither the way in which it keeps its changes, nor a file beside it."""
    path = tmp_path / "theirs.db"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE songs (name TEXT)")
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(SchemaMismatch, match="no tables of ours"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_first_write_turns_the_log_on(tmp_path: Path) -> None:
    """A database of ours that came back from a dump without it has it from the next write on, and not before."""
    url, path = f"sqlite:///{tmp_path / 'ours.db'}", tmp_path / "ours.db"
    open_store(url, create=True).close()
    dumped = sqlite3.connect(path)
    assert dumped.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    dumped.close()
    before = path.read_bytes()
    store = open_store(url)
    assert store.load_people(["anna"]) == {}
    assert path.read_bytes() == before
    store.commit(Changes(people=(person(),)))
    store.close()
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_no_database_is_refused_at_once(tmp_path: Path, create: bool) -> None:
    """Waiting does not mend it, and it is left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("some notes, long enough to be looked at by SQLite as a header" * 20)
    with pytest.raises(FileRefused, match=r"notes\.txt is no SQLite database\. Check --db or LIFECYCLE_DATABASE\."):
        open_store(f"sqlite:///{path}", create=create)
    assert path.read_text().startswith("some notes")


def test_a_database_of_another_revision_is_refused(store_url: str) -> None:
    """A newer one is named, with the one that is known, and left alone also where it would be upgraded."""
    open_store(store_url, create=True).close()
    opened = Database(store_url)
    with opened.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    opened.close()
    for create in (False, True):
        with pytest.raises(SchemaMismatch, match=r"has revision 9999, which this program does not know.* Install the"):
            open_store(store_url, create=create)


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    """Host, port and database are named, and what to look at; the password is not."""
    with pytest.raises(StoreUnavailable) as refused:
        open_store("postgresql://user:secret@127.0.0.1:1/sales")
    message = str(refused.value)
    assert message.startswith("the database at 127.0.0.1:1/sales is not available: ")
    assert message.endswith(
        "Nothing was written; check that it runs, that this machine reaches it, and that --db or "
        "LIFECYCLE_DATABASE names it, then try again."
    )
    assert "secret" not in message


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """SQLite makes files, not folders; waiting does not make them either."""
    with pytest.raises(FileRefused, match=r"/missing/x\.db cannot be opened: its folder is not there"):
        open_store(f"sqlite:///{tmp_path}/missing/x.db", create=True)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("secret", "the database URL cannot be read; wanted postgresql://"),
        ("postgresql://user:secret@host:port/x", "the database URL cannot be read; wanted postgresql://"),
        ("mysql://user:secret@host/x", "no store for databases of the kind mysql; wanted postgresql://"),
        ("sqlite://", "a SQLite store in memory cannot be shared by threads; name a file"),
        ("sqlite:///:memory:", "a SQLite store in memory cannot be shared by threads; name a file"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    """Each says what was wanted, none repeats what may be a secret."""
    with pytest.raises(SettingsRefused) as refused:
        open_store(url)
    assert str(refused.value).startswith(message)
    assert "secret" not in str(refused.value)


def test_both_spellings_of_a_postgresql_url_are_taken(database_url: str) -> None:
    """postgresql:// and postgresql+psycopg:// are the same driver."""
    rest = database_url.partition("://")[2]
    for scheme in ("postgresql", "postgresql+psycopg"):
        store = open_store(f"{scheme}://{rest}", create=True)
        assert store.where.endswith(database_url.partition("?")[0].rpartition("/")[2])
        store.close()


def test_a_broken_connection_is_unavailable_once(database_url: str) -> None:
    """When the server ends our sessions the next call says so, and the one after that connects again."""
    store = open_store(database_url, create=True)
    store.commit(Changes(people=(person(),)))
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute(f"{ended} AND pid <> pg_backend_pid()")
    with pytest.raises(StoreUnavailable, match=r"is not available: .*terminating connection"):
        store.iterate_people()
    assert store.iterate_people() == [person()]
    store.close()


@pytest.mark.parametrize(
    ("raised", "by", "becomes", "says"),
    [
        (
            exc.OperationalError,
            psycopg.errors.DeadlockDetected("deadlock"),
            RevisionConflict,
            "in favour of another",
        ),
        (
            exc.OperationalError,
            psycopg.errors.SerializationFailure("x"),
            RevisionConflict,
            "read these people again",
        ),
        (
            exc.IntegrityError,
            psycopg.errors.UniqueViolation("Key (x)"),
            RevisionConflict,
            "another: Key (x). ",
        ),
        (
            exc.IntegrityError,
            sqlite3.IntegrityError("UNIQUE failed"),
            RevisionConflict,
            "another: UNIQUE failed. ",
        ),
        (
            exc.DataError,
            psycopg.errors.NumericValueOutOfRange("wide"),
            ValueRefused,
            "refused a value: wide. ",
        ),
        (exc.OperationalError, psycopg.errors.ProgramLimitExceeded("long"), ValueRefused, "halve the batch"),
        (exc.DataError, sqlite3.DataError("too big"), ValueRefused, "refused a value: too big. "),
        (
            exc.OperationalError,
            psycopg.errors.AdminShutdown("bye"),
            StoreUnavailable,
            "is not available: bye. ",
        ),
        (
            exc.OperationalError,
            psycopg.errors.LockNotAvailable("locked"),
            StoreUnavailable,
            "available: locked. ",
        ),
        (
            exc.InternalError,
            psycopg.errors.ReadOnlySqlTransaction("standby"),
            StoreUnavailable,
            ": standby. ",
        ),
        (
            exc.OperationalError,
            sqlite3.OperationalError("database is locked"),
            StoreUnavailable,
            "is locked. ",
        ),
    ],
)
def test_what_a_failure_means(raised: type[exc.DBAPIError], by: Exception, becomes: type[Exception], says: str) -> None:
    """Lost races are read again, refused values halved, all else tried again; no statement is quoted."""
    with pytest.raises(becomes) as refused, translated("host/name"):
        raise raised("SELECT secret", {"person": "secret"}, by)
    assert type(refused.value) is becomes
    assert "the database at host/name" in str(refused.value)
    assert says in str(refused.value)
    assert "secret" not in str(refused.value)


def test_our_own_mistakes_pass_as_they_are() -> None:
    """SQL that is wrong, and a pool that ran dry, are told apart from a database that is gone."""
    with pytest.raises(exc.ProgrammingError), translated("host/name"):
        raise exc.ProgrammingError("SELEC", {}, sqlite3.ProgrammingError("syntax"))
    all_used = "all connections to the database at host/name are in use"
    with pytest.raises(StoreUnavailable, match=all_used), translated("host/name"):
        raise exc.TimeoutError
