"""A baseline of the worker: decodes lines, writes touchpoints and people into PostgreSQL, and nothing else.

    python -m benchmarks._bare_postgres LINES URL

Batches of 1,000, one transaction each: touchpoint rows from one `unnest`, and one upsert of a row for each person
in the batch, with a text of the size of a usual snapshot. Decoder and packed arrays are the product's, so
that the difference is what the product does more, not how it talks to the driver. Nothing is read, nothing folded.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import BigInteger, Text
from sqlalchemy.types import TypeEngine

from lifecycle import canonical_json
from lifecycle.instant import microseconds
from lifecycle.store.arrays import packed
from lifecycle.touchpoint import Touchpoint
from lifecycle.wire.codec import read_event

BATCH = 1_000
SNAPSHOT = "s" * 900
"""About as long as the snapshot of a person of BPI Challenge 2012."""

TABLES = """
CREATE TABLE touchpoints (
    person TEXT COLLATE "C", source TEXT COLLATE "C", id TEXT COLLATE "C", type TEXT NOT NULL,
    occurred_at BIGINT NOT NULL, sequence TEXT, data TEXT NOT NULL, PRIMARY KEY (person, source, id)
);
CREATE TABLE people (
    person TEXT COLLATE "C" PRIMARY KEY, revision BIGINT NOT NULL, next_due_at BIGINT, snapshot TEXT NOT NULL
)
"""

INSERT = "INSERT INTO touchpoints SELECT * FROM unnest(%s, %s, %s, %s, %s, %s, %s)"
UPSERT = """
INSERT INTO people SELECT person, 1, due, snapshot FROM unnest(%s, %s, %s) AS given (person, due, snapshot)
ON CONFLICT (person) DO UPDATE SET
    revision = people.revision + 1, next_due_at = excluded.next_due_at, snapshot = excluded.snapshot
"""

TEXT, NUMBER = Text(), BigInteger()
TOUCHPOINT: list[TypeEngine[Any]] = [TEXT, TEXT, TEXT, TEXT, NUMBER, TEXT, TEXT]
PERSON: list[TypeEngine[Any]] = [TEXT, NUMBER, TEXT]


def write(connection: psycopg.Connection[Any], batch: Sequence[Touchpoint]) -> None:
    """Write one batch in one transaction."""
    rows = [
        (*each[:4], microseconds(each.occurred_at), each.sequence, canonical_json.dumps(each.data)) for each in batch
    ]
    due = {row[0]: row[4] for row in rows}
    with connection.transaction():
        connection.execute(INSERT, columns(TOUCHPOINT, rows))
        connection.execute(UPSERT, columns(PERSON, [(person, at, SNAPSHOT) for person, at in due.items()]))


def columns(kinds: Sequence[TypeEngine[Any]], rows: Sequence[Sequence[Any]]) -> list[bytes]:
    """Return rows as one packed array for each column."""
    return [packed(kind, column) for kind, column in zip(kinds, zip(*rows, strict=True), strict=True)]


def main(path: str, url: str) -> None:
    """Write every touchpoint of a file into a new database."""
    with psycopg.connect(url, autocommit=True) as connection, open(path, "rb") as lines:
        connection.execute(TABLES)
        while batch := [read_event(line) for line in islice(lines, BATCH)]:
            write(connection, batch)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
