"""The baseline of the embedded run: decodes lines, inserts touchpoints into SQLite, and nothing else.

    python -m benchmarks._bare_sqlite LINES DATABASE [strict]

The same decoder, the same table and the same flushing as the product has, 1,000 rows in a transaction;
no look-up of what is there already, no people, no fold, no tasks. With `strict` JSON is read and written as before
msgspec took over what is plain: the yardstick that figures of earlier versions were measured by. Not measured here, but
by benchmarks/embedded.py.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from itertools import islice

from lifecycle import canonical_json
from lifecycle.instant import microseconds
from lifecycle.wire.codec import read_event

BATCH = 1_000

TABLE = """
CREATE TABLE touchpoints (
    person TEXT, source TEXT, id TEXT, type TEXT NOT NULL, occurred_at BIGINT NOT NULL, sequence TEXT,
    data TEXT NOT NULL, PRIMARY KEY (person, source, id)
) WITHOUT ROWID
"""

Row = tuple[str, str, str, str, int, str | None, str]


def rows(path: str) -> Iterator[Row]:
    """Yield the row of each line."""
    with open(path, "rb") as lines:
        for line in lines:
            each = read_event(line)
            yield (*each[:4], microseconds(each.occurred_at), each.sequence, canonical_json.dumps(each.data))


def main(path: str, database: str, reader: str = "plain") -> None:
    """Write every touchpoint of a file into a new database."""
    if reader == "strict":
        canonical_json.loads, canonical_json.dumps = canonical_json.strictly, canonical_json.written_strictly
    connection = sqlite3.connect(database, isolation_level=None)
    for setting in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 16384", "cache_size = -16384"):
        connection.execute(f"PRAGMA {setting}")
    connection.execute(TABLE)
    made = rows(path)
    while batch := list(islice(made, BATCH)):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO touchpoints VALUES (?, ?, ?, ?, ?, ?, ?)", batch)
        connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
