"""Real servers for a benchmark: one broker with a topic full of touchpoints, one PostgreSQL, new databases.

It measures nothing but when rows were committed: `committed` asks PostgreSQL, which keeps the times of commits
here, so that a rate can be told without the start and the end of a process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import psycopg

from benchmarks._history import History
from lifecycle.settings import Settings
from lifecycle.streams.publish import publish_file
from lifecycle.streams.topics import create_topics
from tests.servers import KafkaServer, PostgresServer, ServerUnavailable

PARTITIONS = 4

COMMITTED = """
WITH rows AS (SELECT pg_xact_commit_timestamp(xmin) AS at FROM touchpoints),
     ends AS (SELECT min(at) AS first, max(at) AS last FROM rows)
SELECT (SELECT count(*) FROM rows), count(*) FILTER (WHERE at > first), extract(epoch FROM max(last) - min(first))
FROM rows, ends
"""


@dataclass(slots=True)
class Site:
    """Where a benchmark of the worker runs. `name` gives a name that was not given before."""

    broker: str
    url: str
    topic: str
    numbers: Iterator[int]

    def name(self, what: str) -> str:
        return f"{what}_{next(self.numbers)}"

    def new_database(self) -> str:
        """Make an empty database and return its URL, for psycopg and, with the driver left out, for us."""
        name = self.name("bench")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        return f"{self.url.rpartition('/')[0]}/{name}"

    def settings(self, database: str) -> dict[str, str]:
        """Return the settings of one worker, as variables: a group of its own, the topics of all."""
        own = {"broker": self.broker, "database": database, "group": self.name("group"), "web_port": "0"}
        return {f"LIFECYCLE_{name.upper()}": value for name, value in own.items()}


@contextmanager
def site(touchpoints: History) -> Iterator[Site]:
    """Start the servers and publish the touchpoints. Ends the benchmark in words where there is no server."""
    try:
        with (
            KafkaServer() as kafka,
            PostgresServer(durable=True, settings={"track_commit_timestamp": "on"}) as postgres,
        ):
            settings = Settings.load(broker=kafka.bootstrap_servers, partitions=PARTITIONS)
            create_topics(settings)
            sent = publish_file(settings, touchpoints.path)
            assert sent == touchpoints.lines
            url = postgres.url.replace("+psycopg", "")
            yield Site(kafka.bootstrap_servers, url, settings.touchpoints, count())
    except ServerUnavailable as error:
        raise SystemExit(f"not measured: {error}") from error


def has_received(url: str, count: int) -> bool:
    """Say whether workers have committed so many records to a database."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT coalesce(sum(received), 0) FROM partition_progress").fetchone()
    assert row is not None
    return int(row[0]) >= count


def committed(url: str, expected: int) -> float:
    """Return touchpoints/s between the first commit and the last, the first batch not counted."""
    with psycopg.connect(url) as connection:
        row = connection.execute(COMMITTED).fetchone()
    assert row is not None
    rows, after_first, seconds = row
    if rows != expected:
        raise RuntimeError(f"{expected:,} touchpoints were to be written, {rows:,} are there")
    return float(after_first) / float(seconds) if after_first else float("nan")
