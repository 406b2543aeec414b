"""Bounded runs (`--until`): the same people and open tasks as embedded, with two workers, with one that dies."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest

from lifecycle.demo.sample import write_sample
from lifecycle.record import Accounting
from tests.streams.embedded import embedded, on_kafka
from tests.streams.site import Site

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PEOPLE = 60


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A year of a few people, with records that are refused and repeated."""
    path = tmp_path / "sample.jsonl"
    write_sample(path, people=PEOPLE)
    return path


def check_stream(site: Site) -> None:
    """No message id with two contents; each task requested again only after it was withdrawn."""
    contents: dict[str, bytes] = {}
    is_open: dict[str, bool] = {}
    for record in site.records(site.settings.tasks):
        message = json.loads(record.value)
        assert record.key == message["subject"].encode()
        if message["id"] in contents:
            assert contents[message["id"]] == record.value
            continue
        contents[message["id"]] = record.value
        task = message["data"]["id"]
        if message["type"] == "task.requested":
            assert not is_open.get(task), f"{task} was requested twice"
        is_open[task] = message["type"] != "task.withdrawn"


def test_two_workers_end_where_the_embedded_run_ends(site: Site, sample: Path, tmp_path: Path) -> None:
    lines = sample.read_bytes().splitlines()
    site.send(lines)
    workers = [site.worker(until="end"), site.worker(until="end")]
    assert [worker.code() for worker in workers] == [0, 0], site.workers[0].output
    assert on_kafka(site) == embedded(sample, tmp_path)
    accounting = site.accounting()
    assert accounting.received == len(lines)
    assert accounting.dead_lettered == len(site.records(site.settings.dead_letters)) > 0
    assert site.store.counts().outbox == 0
    check_stream(site)
    # Again: nothing new, no time to move, nothing to send.
    messages = len(site.records(site.settings.tasks))
    assert site.worker(until="end").code() == 0
    assert len(site.records(site.settings.tasks)) == messages
    assert site.accounting() == accounting


def test_shuffled_touchpoints_are_late_for_nobody(site: Site, sample: Path, tmp_path: Path) -> None:
    """Everybody waits in the log until all is read, and is folded once; repetitions are absorbed there."""
    lines = sample.read_bytes().splitlines()
    shuffled = [*lines, *lines[::10]]
    random.Random(7).shuffle(shuffled)
    site.send(shuffled)
    worker = site.worker(until="end")
    assert worker.code() == 0, worker.output
    assert on_kafka(site) == embedded(sample, tmp_path)
    accounting = site.accounting()
    assert (accounting.received, accounting.late) == (len(shuffled), 0)
    check_stream(site)


def test_a_worker_killed_in_the_middle_is_covered_by_the_other(site: Site, sample: Path, tmp_path: Path) -> None:
    lines = sample.read_bytes().splitlines()
    site.send(lines)
    doomed = site.worker(until="end", fault="hold")
    doomed.wait_for("holding")
    survivor = site.worker(until="end")
    doomed.signal(signal.SIGKILL)
    assert survivor.code() == 0, survivor.output
    assert on_kafka(site) == embedded(sample, tmp_path)
    check_stream(site)


def test_time_is_not_moved_back(site: Site, sample: Path) -> None:
    site.send(sample.read_bytes().splitlines()[:50])
    assert site.worker(until="2030-01-01T00:00:00+00:00").code() == 0
    refused = site.worker(until="2029-01-01T00:00:00+00:00")
    assert refused.code() == 1
    assert "TimeRefused: --until 2029-01-01T00:00:00Z lies before 2030-01-01T00:00:00Z" in refused.output


def test_empty_topics_end_at_once(site: Site) -> None:
    worker = site.worker(until="end")
    assert worker.code() == 0, worker.output
    assert site.accounting() == Accounting()


def test_old_news_in_a_second_bounded_run_ends_as_one_run(site: Site, sample: Path, tmp_path: Path) -> None:
    """Time was at the end already; what the second run reads is folded in and told all the same."""
    lines = sample.read_bytes().splitlines()
    newest_last = sorted(lines, key=lambda line: line.partition(b'"time":"')[2][:25])
    for part in (newest_last[len(lines) // 2 :], newest_last[: len(lines) // 2]):
        site.send(part)
        assert site.worker(until="end").code() == 0, site.workers[-1].output
    assert on_kafka(site) == embedded(sample, tmp_path)
    assert site.store.counts().outbox == 0
