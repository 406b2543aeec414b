"""A broker or a database goes away and comes back, or comes back without what it held.

Here and not beside the others of their kind, because these tests have a broker and a database that no other process
uses: they are started once for all of them. What is wanted is said in test_live_workers.py.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import KafkaServer, PostgresServer
from tests.streams.embedded import check_ends_as_embedded
from tests.streams.site import Site
from tests.streams.test_live_workers import check_all_is_in, touchpoints
from tests.streams.test_logs import OWNS_ALL, run

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_the_broker_goes_away_and_comes_back(site: Site, kafka_broker: KafkaServer, tmp_path: Path) -> None:
    worker = site.worker()
    worker.wait_for("owns partitions [0, 1, 2, 3]")
    site.send(touchpoints(300))
    check_all_is_in(site, 300)
    kafka_broker.stop()
    worker.wait_for("Trying again in")
    kafka_broker.start()
    site.send(touchpoints(300, start=300))
    check_all_is_in(site, 600)
    worker.signal(signal.SIGTERM)
    assert worker.code(seconds=12) == 0, worker.output
    check_ends_as_embedded(site, tmp_path)


def test_a_worker_waits_for_a_broker_that_is_away_at_the_start(
    site: Site, kafka_broker: KafkaServer, tmp_path: Path
) -> None:
    site.send(touchpoints(50))
    kafka_broker.stop()
    worker = site.worker()
    worker.wait_for("reading topics: ")
    kafka_broker.start()
    check_all_is_in(site, 50)
    worker.signal(signal.SIGTERM)
    assert worker.code(seconds=12) == 0, worker.output
    check_ends_as_embedded(site, tmp_path)


def test_the_database_goes_away_and_comes_back(site: Site, postgres_server: PostgresServer, tmp_path: Path) -> None:
    worker = site.worker()
    worker.wait_for("owns partitions [0, 1, 2, 3]")
    site.send(touchpoints(300))
    check_all_is_in(site, 300)
    postgres_server.kill()
    site.send(touchpoints(300, start=300))
    worker.wait_for("committing ")
    postgres_server.start()
    check_all_is_in(site, 600)
    worker.signal(signal.SIGTERM)
    assert worker.code(seconds=12) == 0, worker.output
    check_ends_as_embedded(site, tmp_path)


def test_sigterm_while_the_database_is_away(site: Site, postgres_server: PostgresServer, tmp_path: Path) -> None:
    worker = site.worker()
    worker.wait_for("owns partitions [0, 1, 2, 3]")
    postgres_server.kill()
    site.send(touchpoints(100))
    worker.wait_for("committing ")
    worker.signal(signal.SIGTERM)
    assert worker.code(seconds=12) == 0, worker.output
    postgres_server.start()
    check_ends_as_embedded(site, tmp_path)
    check_all_is_in(site, 100)


@pytest.fixture
def lose_log(site: Site, kafka_broker: KafkaServer) -> Callable[[], None]:
    """Makes the broker lose what is in the touchpoints topic, which keeps its id."""

    def lose() -> None:
        kafka_broker.stop()
        lost = list((kafka_broker.folder / "logs").glob(f"{site.settings.touchpoints}-*"))
        assert len(lost) == 4
        for folder in lost:
            shutil.rmtree(folder)
        kafka_broker.start()

    return lose


def test_a_log_that_is_lost_under_a_running_worker_stops_its_partitions(
    site: Site, lose_log: Callable[[], None]
) -> None:
    """Nothing that is written after the loss is taken for what was read, and all of it is read once it is adopted."""
    worker = site.worker()
    worker.wait_for(OWNS_ALL)
    site.send(touchpoints(200))
    site.wait_received(200)
    lose_log()
    site.wait_until(
        lambda: sum("ends at offset 0, the database has" in (row.stopped or "") for row in site.store.progress()) == 4,
        "the loss is noticed",
    )
    site.send(touchpoints(210, start=200))
    told = run(site, "topics", "adopt", site.settings.touchpoints)
    assert told.count("the broker lost the end of its log") == 4
    site.wait_until(lambda: site.accounting().folded == 410, "all of the new log is read")


def test_a_log_that_is_lost_and_filled_again_is_told_by_its_last_record(
    site: Site, lose_log: Callable[[], None]
) -> None:
    """No worker was there meanwhile, and the log is longer than what was read of the lost one."""
    worker = site.worker()
    worker.wait_for(OWNS_ALL)
    site.send(touchpoints(200))
    site.wait_received(200)
    worker.signal(signal.SIGTERM)
    assert worker.code(seconds=12) == 0, worker.output
    lose_log()
    site.send(touchpoints(400, start=200))
    again = site.worker()
    site.wait_until(
        lambda: sum("filled it again" in (row.stopped or "") for row in site.store.progress()) == 4,
        "the other records are noticed",
    )
    assert site.accounting().received == 200
    again.wait_for("It is not read until `lifecycle topics adopt")
    run(site, "topics", "adopt", site.settings.touchpoints)
    site.wait_until(lambda: site.accounting().folded == 600, "all of the new log is read")
