"""One site under test: topics of its own on the real broker, a database of its own, and worker processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer

from lifecycle.errors import Retry
from lifecycle.record import Accounting
from lifecycle.settings import Settings
from lifecycle.store.store import Store, open_store
from lifecycle.store.stores import settle_shard
from lifecycle.streams.topics import create_topics, read_end_offsets, read_topics

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.1


class WorkerProcess:
    """A running worker. Its output is kept; lines of it are the signals that a test waits for."""

    def __init__(self, order: dict[str, Any]) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFECYCLE_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.streams.worker_process", json.dumps(order)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """Everything it has said so far."""
        return "".join(self.lines)

    def wait_for(self, text: str, *, seconds: float = WAIT_SECONDS) -> None:
        """Wait until a line holds this text."""
        with self._changed:
            said = self._changed.wait_for(
                lambda: any(text in line for line in self.lines) or self._process.poll() is not None, seconds
            )
        assert said, f"no {text!r} within {seconds} s:\n{self.output}"
        assert text in self.output, f"ended without {text!r}:\n{self.output}"

    def go_on(self) -> None:
        """Let a worker that holds go on, now and at every later batch."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def code(self, *, seconds: float = WAIT_SECONDS) -> int:
        """Wait for its end and return the exit code."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s:\n{self.output}") from None
        self._reader.join(seconds)
        return code

    def close(self) -> None:
        """Kill it if it is still there."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


@dataclass
class Site:
    """Topics, database and workers of one test."""

    settings: Settings
    store: Store
    workers: list[WorkerProcess] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    """Every body that was sent, in order."""

    def worker(self, *, until: str | None = None, fault: str | None = None, **settings: Any) -> WorkerProcess:
        """Start a worker on this site."""
        own = self.settings.model_dump(mode="json", exclude_unset=True) | settings
        process = WorkerProcess({"settings": own, "until": until, "fault": fault})
        self.workers.append(process)
        return process

    def send(self, bodies: list[bytes], *, topic: str | None = None, **more: Any) -> None:
        """Produce records to a topic (touchpoints), keyed by subject where the body has one."""
        self.sent += bodies
        producer = KafkaProducer(bootstrap_servers=self.settings.broker, max_request_size=6_000_000)
        for body in bodies:
            producer.send(topic or self.settings.touchpoints, body, key=subject_of(body), **more)
        producer.flush()
        producer.close()

    def wait_until(self, check: Callable[[], bool], what: str, *, seconds: float = WAIT_SECONDS) -> None:
        """Look at the outside world until it is as wanted."""
        ended = threading.Event()
        for _ in range(int(seconds / LOOK_SECONDS)):
            with contextlib.suppress(Retry):  # a pooled connection that the server closed, say
                if check():
                    return
            ended.wait(LOOK_SECONDS)
        outputs = "\n\n".join(worker.output for worker in self.workers)
        raise AssertionError(f"not within {seconds} s: {what}\n{outputs}\n{self.accounting()}")

    def accounting(self) -> Accounting:
        """What became of everything received so far."""
        total = Accounting()
        for row in self.store.progress():
            total = total.plus(row.accounting)
        return total

    def wait_received(self, count: int, *, seconds: float = WAIT_SECONDS) -> None:
        """Wait until so many records are accounted for."""
        self.wait_until(lambda: self.accounting().received >= count, f"{count} received", seconds=seconds)

    def records(self, topic: str) -> list[Any]:
        """Everything on a topic, in the order of each partition."""
        found = read_topics(self.settings)[topic]
        expected = sum(read_end_offsets(self.settings, [found]).values())
        consumer = KafkaConsumer(
            topic, bootstrap_servers=self.settings.broker, auto_offset_reset="earliest", consumer_timeout_ms=15_000
        )
        with contextlib.closing(consumer):
            return [record for _, record in zip(range(expected), consumer, strict=False)]

    def people(self) -> list[tuple[Any, ...]]:
        """Where everybody stands."""
        return people_of(self.store)

    def open_tasks(self) -> set[tuple[str, str]]:
        """(person, task id) of every task that was published as open last."""
        return open_tasks(self.store)


def people_of(store: Store) -> list[tuple[Any, ...]]:
    """Where everybody stands, without what depends on arrival (revision, partition, older snapshot)."""
    return [(row.person, row.lane, row.next_due_at, row.snapshot, row.stopped) for row in every_person(store)]


def every_person(store: Store) -> Iterator[Any]:
    """All rows of people, by id."""
    after = ""
    while page := store.iterate_people(after=after):
        yield from page
        after = page[-1].person


def open_tasks(store: Store) -> set[tuple[str, str]]:
    """(person, task id) of every task that was published as open last."""
    persons = [row.person for row in every_person(store)]
    return {
        (person, task)
        for person, published in store.publications(persons).items()
        for task, publication in published.items()
        if publication.state == "open"
    }


def subject_of(body: bytes) -> bytes | None:
    """The key that a producer would use."""
    try:
        subject = json.loads(body).get("subject")
    except (ValueError, AttributeError):
        return None
    return subject.encode() if isinstance(subject, str) and subject else None


def make_site(broker: str, database: str | None, names: Callable[[str], str], **settings: Any) -> Site:
    """Make topics and tables under names of their own."""
    own = Settings.load(
        broker=broker,
        database=database,
        touchpoints=names("touchpoints"),
        outcomes=names("outcomes"),
        tasks=names("tasks"),
        dead_letters=names("dead-letters"),
        passed_on=names("passed-on"),
        group=names("group"),
        # The histories of these tests lie behind: a first start would not ask for what was due in them.
        **{"web_port": 0, "session_timeout_seconds": 6, "batch_records": 200, "ask_from": "beginning", **settings},
    )
    create_topics(own)
    databases, shard = own.need_databases(), own.need_shard()
    store = open_store(databases.urls[shard], create=True)
    settle_shard(store, databases, shard)
    return Site(own, store)
