"""Two databases on real servers: the same people and tasks as one, whatever partition a record came on.

A third of what is sent goes to a partition of the wrong database. Workers are killed after they have passed records on
and before they have committed the batch, which is where the two could come apart.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from kafka import KafkaProducer

from lifecycle import clock
from lifecycle.demo.sample import write_sample
from lifecycle.ids import partition_of
from lifecycle.record import Accounting, Place
from lifecycle.store.stores import Stores, open_stores
from lifecycle.streams.passing import OFFSET, PARTITION, TOPIC
from lifecycle.wire.codec import read_record
from tests.streams.embedded import Outcome, consumed, embedded
from tests.streams.site import Site, make_site, people_of, subject_of
from tests.streams.test_live_workers import touchpoints

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PARTITIONS = 4
SHARDS = ("0-1", "2-3")


@dataclass
class Two:
    """Two shards of one site, and both read as one."""

    shards: tuple[Site, Site]
    both: Stores
    sent: int = 0
    abroad: int = 0

    def send(self, bodies: list[bytes]) -> None:
        """Produce records, every third to a partition of the database that is not the person's."""
        settings = self.shards[0].settings
        producer = KafkaProducer(bootstrap_servers=settings.broker)
        for number, body in enumerate(bodies):
            key = subject_of(body)
            home = partition_of("" if key is None else key.decode(), PARTITIONS)
            is_abroad = key is not None and number % 3 == 0
            # What cannot be read is about nobody, and is refused where it came.
            self.abroad += is_abroad and read_record(Place("", 0, 0), body).touchpoint is not None
            producer.send(settings.touchpoints, body, key=key, partition=(home + 2 * is_abroad) % PARTITIONS)
        producer.flush()
        producer.close()
        self.sent += len(bodies)

    def accounting(self) -> Accounting:
        """What became of everything, in both."""
        return self.shards[0].accounting().plus(self.shards[1].accounting())

    def outcome(self) -> Outcome:
        """What came of it, both together."""
        messages = [record.value for record in self.shards[0].records(self.shards[0].settings.tasks)]
        tasks = self.shards[0].open_tasks() | self.shards[1].open_tasks()
        return Outcome(people_of(self.both), tasks, consumed(messages))  # type: ignore[arg-type]  # reads alike

    def is_in(self) -> bool:
        """Whether all that was sent is accounted for where it belongs."""
        counts = self.accounting()
        return counts.received - counts.passed_on >= self.sent


@pytest.fixture
def two(
    kafka_servers: str, database_url: str, other_database_url: str, topic_names: Callable[[str], str]
) -> Iterator[Two]:
    """Topics, two migrated databases and room for workers; workers still running are killed at the end."""
    databases = dict(zip(SHARDS, (database_url, other_database_url), strict=True))
    first, second = (make_site(kafka_servers, None, topic_names, databases=databases, shard=shard) for shard in SHARDS)
    both = open_stores(first.settings.need_databases())
    assert isinstance(both, Stores)
    yield Two((first, second), both)
    for site in (first, second):
        for worker in site.workers:
            worker.close()
        site.store.close()
    both.close()


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A year of a few people, with records that are refused and repeated."""
    path = tmp_path / "sample.jsonl"
    write_sample(path, people=60)
    return path


def test_bounded_runs_with_one_that_is_killed_end_where_one_database_ends(
    two: Two, sample: Path, tmp_path: Path
) -> None:
    two.send(sample.read_bytes().splitlines())
    doomed = two.shards[0].worker(until="end", fault="hold")
    doomed.wait_for("holding")
    doomed.signal(signal.SIGKILL)
    assert doomed.code() == -signal.SIGKILL
    workers = [site.worker(until="end") for site in (*two.shards, two.shards[1])]
    assert [worker.code(seconds=120) for worker in workers] == [0, 0, 0], workers[0].output + workers[1].output
    assert two.outcome() == embedded(sample, tmp_path)
    counts = two.accounting()
    assert counts.passed_on == two.abroad
    again = len(two.shards[0].records(two.shards[0].settings.passed_on)) - two.abroad
    assert again > 0, "what the killed one had passed on was passed on once more"
    assert counts.received == two.sent + two.abroad + again
    assert {row.partition for row in two.shards[0].store.iterate_people()} == {0, 1}
    assert {row.partition for row in two.shards[1].store.iterate_people()} == {2, 3}
    # Both have moved time to the end of both.
    assert len({site.store.state().reached_at for site in two.shards}) == 1


def test_live_workers_with_one_that_is_killed_end_where_one_database_ends(two: Two, tmp_path: Path) -> None:
    sent = [*touchpoints(600), *touchpoints(600, start=600)]
    doomed, other = two.shards[0].worker(fault="hold"), two.shards[1].worker()
    doomed.wait_for("owns partitions [0, 1]")
    other.wait_for("owns partitions [2, 3]")
    two.send(sent[:600])
    doomed.wait_for("holding")
    survivor = two.shards[0].worker()
    doomed.signal(signal.SIGKILL)
    two.send(sent[600:])
    two.shards[0].wait_until(two.is_in, "everything is in")
    assert two.accounting().folded == len(sent)
    for worker in (survivor, other):
        worker.signal(signal.SIGTERM)
        assert worker.code(seconds=12) == 0, worker.output
    until = clock.now() + timedelta(days=5)
    last = [site.worker(until=until.isoformat()) for site in two.shards]
    assert [worker.code() for worker in last] == [0, 0], last[0].output
    lines = tmp_path / "sent.jsonl"
    lines.write_bytes(b"\n".join(sent) + b"\n")
    wanted = embedded(lines, tmp_path, until)
    assert len(wanted.asked) > 0, "tasks that are compared"
    assert two.outcome() == wanted


def test_a_live_worker_moves_time_once_the_others_have_read(two: Two) -> None:
    """Once a record was passed on, news of anybody may wait in a partition of a database whose workers are away."""
    first, second = two.shards
    two.send(touchpoints(30))
    worker = first.worker(grace_seconds=0)
    first.wait_until(lambda: first.accounting().passed_on > 0, "something is passed on")
    first.wait_until(lambda: "owns partitions" in worker.output, "it reads")
    assert first.store.state().reached_at is None
    second.worker(grace_seconds=0)
    first.wait_until(lambda: first.store.state().reached_at is not None, "time moves")
    first.wait_until(two.is_in, "everything is in")


def test_a_record_that_is_passed_on_says_where_it_came(two: Two) -> None:
    """And stays what it was: value, key and headers."""
    first, second = two.shards
    (person,) = [name for name in map("p{}".format, range(9)) if partition_of(name, PARTITIONS) == 2][:1]
    body = b'{"specversion":"1.0","bad'
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/crm"), ("ce_type", b"need.stated")]
    headers += [("ce_subject", person.encode()), ("ce_time", b"2026-03-02T10:00:00Z"), ("trace", b"\xff")]
    producer = KafkaProducer(bootstrap_servers=first.settings.broker)
    for value in (b'{"need": "n1", "words": "a roof"}', body):
        producer.send(first.settings.touchpoints, value, key=b"k", headers=headers, partition=1)
    producer.close()
    workers = [site.worker(until="end") for site in two.shards]
    assert [worker.code() for worker in workers] == [0, 0], workers[0].output
    (passed,) = first.records(first.settings.passed_on)
    assert (passed.partition, passed.key, passed.value) == (2, b"k", b'{"need": "n1", "words": "a roof"}')
    came = [(TOPIC, first.settings.touchpoints.encode()), (PARTITION, b"1"), (OFFSET, b"0")]
    assert list(passed.headers) == [*headers, *came]
    assert [row.person for row in second.store.iterate_people()] == [person]
    # What cannot be read is about nobody, and is refused where it came.
    assert [row.letter.body for row in first.store.dead_letters()] == [body]


def test_what_others_send_to_the_topic_between_databases_is_never_passed_on(two: Two) -> None:
    first, second = two.shards
    (body,) = [each for each in touchpoints(40) if partition_of(subject_of(each).decode(), PARTITIONS) == 3][:1]  # type: ignore[union-attr]
    first.send([body], topic=first.settings.passed_on, partition=0)
    workers = [site.worker(until="end") for site in two.shards]
    assert [worker.code() for worker in workers] == [0, 0], workers[0].output
    assert [row.letter.reason for row in first.store.dead_letters()] == ["misplaced"]
    assert second.accounting() == Accounting()


def test_a_worker_without_a_shard_or_with_another_map_is_refused(two: Two) -> None:
    first = two.shards[0]
    urls = list(first.settings.need_databases().urls.values())
    for settings, why in (
        ({"shard": None}, "SettingsRefused: several databases are given, for the partitions 0-1, 2-3, and a worker"),
        ({"shard": "0-2"}, "SettingsRefused: shard is 0-2, and databases are given for 0-1, 2-3; name one of these"),
        ({"databases": dict(zip(SHARDS, reversed(urls), strict=True))}, "ShardMismatch: the database at "),
        ({"databases": None, "shard": None, "database": urls[0]}, "should hold everybody by the settings, and holds"),
        ({"databases": {"0-1": urls[0], "2-4": urls[1]}}, "ShardMismatch: the database at "),
        ({"ask_from": "now"}, "SettingsRefused: from when is asked is not settled, and each of several databases"),
    ):
        worker = first.worker(**settings)
        assert worker.code() == 1
        assert why in worker.output
