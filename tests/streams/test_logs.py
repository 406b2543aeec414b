"""Logs that are not what was read so far: records gone, other records in their place, a topic made anew. On a real broker."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition
from typer.testing import CliRunner

from lifecycle.cli.app import app
from lifecycle.ids import partition_of
from lifecycle.streams.topics import create_topics, read_topics
from tests.servers.process import free_port
from tests.streams.site import Site
from tests.streams.test_live_workers import touchpoints

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OWNS_ALL = "owns partitions [0, 1, 2, 3]"


def answer(port: int, path: str) -> tuple[int, Any]:
    """Status and JSON of a page of a worker."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as said:
            return said.status, json.load(said)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def metrics(port: int) -> list[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as said:
        return str(said.read(), "utf-8").splitlines()


def run(site: Site, *words: str) -> str:
    """Run a command line on the site, as an operator does."""
    given = ["--db", str(site.settings.database), "--broker", site.settings.broker]
    environment = {
        "LIFECYCLE_TOUCHPOINTS": site.settings.touchpoints,
        "LIFECYCLE_OUTCOMES": site.settings.outcomes,
        "LIFECYCLE_TASKS": site.settings.tasks,
        "LIFECYCLE_DEAD_LETTERS": site.settings.dead_letters,
    }
    done = CliRunner().invoke(app, [*words, *given], env=environment)
    assert done.exit_code == 0, done.output
    return done.stdout


def folded(site: Site, partition: int) -> int:
    topic = site.settings.touchpoints
    return sum(
        row.accounting.folded for row in site.store.progress() if (row.topic, row.partition) == (topic, partition)
    )


def of_partition(bodies: list[bytes], partition: int) -> list[bytes]:
    return [body for body in bodies if partition_of(json.loads(body)["subject"], 4) == partition]


@pytest.fixture
def delete_records(site: Site) -> Callable[[int, int], None]:
    """Deletes the records of a partition before an offset, as retention does."""

    def delete(partition: int, before: int) -> None:
        with KafkaAdminClient(bootstrap_servers=site.settings.broker) as admin:
            admin.delete_records({TopicPartition(site.settings.touchpoints, partition): before})

    return delete


@pytest.fixture
def make_anew(site: Site) -> Callable[[], None]:
    """Deletes the touchpoints topic and makes it anew."""

    def change() -> None:
        topic = site.settings.touchpoints
        before = read_topics(site.settings)[topic].id
        with KafkaAdminClient(bootstrap_servers=site.settings.broker) as admin:
            admin.delete_topics([topic])
            site.wait_until(lambda: topic not in admin.list_topics(), "the topic is deleted")
        create_topics(site.settings)
        assert read_topics(site.settings)[topic].id != before

    return change


def test_records_gone_before_they_were_read_stop_their_partition_alone(
    site: Site, delete_records: Callable[[int, int], None]
) -> None:
    """It is said with the offsets; `topics adopt` counts what is lost, and the running worker reads on."""
    early, later, last = touchpoints(400), touchpoints(400, start=400), touchpoints(400, start=800)
    first = site.worker()
    first.wait_for(OWNS_ALL)
    site.send(early)
    site.wait_received(400)
    first.signal(signal.SIGTERM)
    assert first.code(seconds=12) == 0, first.output
    site.send(later)
    stood = len(of_partition(early, 1))
    delete_records(1, stood + 15)
    port = free_port()
    worker = site.worker(web_port=port)
    worker.wait_for(f"begins at offset {stood + 15}, the database has read up to offset {stood}: 15 offsets were gone")
    worker.wait_for(OWNS_ALL)
    site.wait_received(800 - len(of_partition(later, 1)))
    assert folded(site, 1) == stood
    site.wait_until(lambda: answer(port, "/readyz")[0] == 503, "the worker is not ready")
    said = answer(port, "/readyz")[1]
    assert not said["ready"]
    assert f"the database has read up to offset {stood}" in said["wrong"]
    assert f"lifecycle topics adopt {site.settings.touchpoints}" in said["wrong"]
    assert answer(port, "/health")[0] == 200
    series = f'{{partition="1",topic="{site.settings.touchpoints}"}}'
    assert f"lifecycle_stopped_partitions{series} 1.0" in metrics(port)
    told = run(site, "topics", "adopt", site.settings.touchpoints)
    assert f"15 offsets were gone before they were read.\n  It begins again at offset {stood + 15}.\n" in told
    site.send(last)
    site.wait_received(1200 - 15)
    site.wait_until(lambda: answer(port, "/readyz")[0] == 200, "the worker is ready again")
    assert f"lifecycle_lost_offsets{series} 15.0" in metrics(port)
    assert f"lifecycle_stopped_partitions{series} 0.0" in metrics(port)
    assert site.accounting().folded == 1200 - 15


def test_records_deleted_under_a_running_worker_are_no_loss_when_they_were_read(
    site: Site, delete_records: Callable[[int, int], None]
) -> None:
    """Retention follows behind the reader all the time."""
    worker = site.worker()
    worker.wait_for(OWNS_ALL)
    site.send(touchpoints(200))
    site.wait_received(200)
    for partition in range(4):
        delete_records(partition, len(of_partition(touchpoints(200), partition)))
    site.send(touchpoints(200, start=200))
    site.wait_received(400)
    again = site.worker()
    again.wait_for("owns partitions [")
    site.send(touchpoints(200, start=400))
    site.wait_received(600)
    assert site.accounting().folded == 600
    assert [row.stopped for row in site.store.progress()] == [None] * 8


def test_a_topic_made_anew_under_a_running_worker_stops_it_until_it_is_adopted(
    site: Site, make_anew: Callable[[], None]
) -> None:
    """Not one of its records is folded before; the first of them is not missed afterwards; other topics go on."""
    worker = site.worker()
    worker.wait_for(OWNS_ALL)
    site.send(touchpoints(200))
    site.wait_received(200)
    make_anew()
    stopped = "the topic was deleted and made anew"
    site.wait_until(
        lambda: sum(stopped in (row.stopped or "") for row in site.store.progress()) == 4, "its partitions are stopped"
    )
    site.send(touchpoints(200, start=200))
    worker.wait_for("It is not read until `lifecycle topics adopt")
    told = run(site, "topics", "adopt", site.settings.touchpoints)
    assert told.count("It begins again at offset 0.") == 4
    site.wait_until(lambda: site.accounting().folded == 400, "all of the new topic is read")
    worker.signal(signal.SIGTERM)
    assert worker.code(seconds=12) == 0, worker.output


def test_a_bounded_run_on_a_topic_made_anew_ends_with_what_is_wrong(site: Site, make_anew: Callable[[], None]) -> None:
    """It could never reach the end."""
    site.send(touchpoints(10))
    assert site.worker(until="end").code() == 0
    make_anew()
    worker = site.worker(until="end")
    assert worker.code() == 1
    assert "TopicChanged: topic" in worker.output
    assert "the topic was deleted and made anew" in worker.output
    assert f"lifecycle topics adopt {site.settings.touchpoints}" in worker.output


def test_another_record_at_the_place_of_the_last_one_stops_the_partition(site: Site) -> None:
    """The broker lost its log and was filled again beyond where the database stands: only the record tells."""
    worker = site.worker()
    worker.wait_for(OWNS_ALL)
    site.send(touchpoints(200))
    site.wait_received(200)
    worker.signal(signal.SIGTERM)
    assert worker.code(seconds=12) == 0, worker.output
    with site.store._database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE partition_progress SET last_hash = 'of another' WHERE partition = 2 AND last_hash IS NOT NULL"
        )
    again = site.worker()
    again.wait_for("the broker lost its log and filled it again")
    site.send(touchpoints(200, start=200))
    site.wait_received(400 - len(of_partition(touchpoints(200, start=200), 2)))
    assert folded(site, 2) == len(of_partition(touchpoints(200), 2))
    run(site, "topics", "adopt", site.settings.touchpoints)
    site.wait_until(lambda: site.accounting().folded == 400, "it is read from its beginning")
    assert site.accounting().duplicate == len(of_partition(touchpoints(200), 2))
