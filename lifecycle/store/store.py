"""The store: everything the engine keeps, in one database, behind one class.

It is not where anything is decided: it writes what it is given and gives back what was written. The engine,
the streams and the CLI call `open_store` and nothing below it. Who does what:

    reader.py           people, log and publications, read before folding
    log.py              the log as a whole, for people who look and programs that copy
    writer.py           the one transaction (its docstring is the theory of operation of the store)
    retractions.py      what was retracted, of whom
    checkpoints.py      what people with long logs had come to, from time to time
    queues.py           due people, outbox, dead letters, counts
    fence.py            what each commit is compared with first: ownership, policy, format of snapshots
    ownership.py        who reads each partition, from where, and whether its log is the same
    administration.py   policy, format of snapshots, number of partitions
    stores.py           several databases, read as one; which partitions each holds
    tables.py, migrations/, migrating.py    the tables: declared, made, compared
    database.py, bulk.py, failures.py       connections, many rows at once, what an error means: all that
                                            differs between PostgreSQL and SQLite
"""

from __future__ import annotations

from lifecycle.store.administration import Administration
from lifecycle.store.checkpoints import CheckpointReader
from lifecycle.store.database import Database
from lifecycle.store.log import LogWalk
from lifecycle.store.migrating import require_head, upgrade
from lifecycle.store.ownership import Ownership
from lifecycle.store.queues import Queues
from lifecycle.store.reader import Reader
from lifecycle.store.retractions import Retractions
from lifecycle.store.writer import Writer


class Store(Reader, LogWalk, Retractions, CheckpointReader, Writer, Queues, Ownership, Administration):
    """One open database. Synchronous; may be called from several threads, each call has its own connection.

    Times are aware UTC datetimes to the microsecond, both ways; a naive one is a programmer error. Every
    method may raise StoreUnavailable; then nothing was written and the call may be repeated.
    """

    @property
    def where(self) -> str:
        """Host and name of the database, or the file: for messages, never with the password."""
        return self._database.where

    def close(self) -> None:
        """Close all connections. Nothing is lost: what was committed is committed."""
        self._database.close()


def open_store(url: str, *, create: bool = False) -> Store:
    """Open the database at a URL, postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:///FILE.

    `create` brings it to this program's tables first (and makes the file). Without it a database that is not
    there raises SchemaMismatch. Raises SettingsRefused for a URL that cannot be used, StoreUnavailable when
    nothing answers.
    """
    database = Database(url)
    try:
        if create:
            upgrade(database)
        require_head(database)
    except BaseException:
        database.close()
        raise
    return Store(database)
