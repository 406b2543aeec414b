"""Live workers under faults: rebalances and ends of every kind. What goes away stands in test_outages.py.

Each test produces records before and after the fault and then wants all of them accounted for: received is at
least what was produced (a redelivered record is a duplicate), and every touchpoint is in the log once. Then people,
open tasks and what a consumer holds are those of an embedded run on the same touchpoints (`check_ends_as_embedded`).
"""

from __future__ import annotations

import json
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from lifecycle import clock
from lifecycle.task import rfc3339
from tests.streams.embedded import check_ends_as_embedded
from tests.streams.site import Site

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def touchpoints(count: int, *, start: int = 0) -> list[bytes]:
    """Touchpoints of 40 people, each in order of time, from the last five days: whatever day it is, tasks are open."""
    since = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=5)
    return [
        json.dumps(
            {
                "specversion": "1.0",
                "id": f"e{number}",
                "source": "/crm",
                "type": "need.stated",
                "subject": f"p{number % 40}",
                "time": rfc3339(since + timedelta(days=number // 1000, minutes=number % 1000)),
                "data": {"need": f"n{number % 2}", "words": "a roof that keeps the rain out"},
            }
        ).encode()
        for number in range(start, start + count)
    ]


def check_all_is_in(site: Site, count: int, *, redelivered: int = 0) -> None:
    """Every touchpoint is in the log once, and what was received is the sum of what became of it."""
    site.wait_received(count)
    accounting = site.accounting()
    assert accounting.folded == count, accounting
    assert accounting.received == count + accounting.duplicate
    assert accounting.duplicate <= redelivered
    site.wait_until(lambda: site.store.counts().outbox == 0, "the outbox is empty")


@pytest.mark.slow(at_night=True)
def test_a_second_worker_joins_and_leaves_by_sigterm(site: Site, tmp_path: Path) -> None:
    first = site.worker()
    first.wait_for("owns partitions [0, 1, 2, 3]")
    site.send(touchpoints(600))
    second = site.worker()
    second.wait_for("owns partitions [")
    site.send(touchpoints(600, start=600))
    second.signal(signal.SIGTERM)
    site.send(touchpoints(600, start=1200))
    assert second.code(seconds=12) == 0, second.output
    check_all_is_in(site, 1800)
    first.signal(signal.SIGTERM)
    assert first.code(seconds=12) == 0, first.output
    check_ends_as_embedded(site, tmp_path)


def test_a_worker_is_killed_while_it_holds_a_batch(site: Site, tmp_path: Path) -> None:
    doomed = site.worker(fault="hold")
    doomed.wait_for("owns partitions [0, 1, 2, 3]")
    site.send(touchpoints(600))
    doomed.wait_for("holding")
    survivor = site.worker()
    doomed.signal(signal.SIGKILL)
    site.send(touchpoints(600, start=600))
    # Nothing of the batch was committed, so nothing of it is a repetition.
    check_all_is_in(site, 1200)
    assert doomed.code() == -signal.SIGKILL
    survivor.signal(signal.SIGTERM)
    assert survivor.code(seconds=12) == 0
    check_ends_as_embedded(site, tmp_path)


def test_sigterm_in_the_middle_of_a_batch_finishes_it(site: Site, tmp_path: Path) -> None:
    worker = site.worker(fault="hold")
    worker.wait_for("owns partitions [0, 1, 2, 3]")
    site.send(touchpoints(100))
    worker.wait_for("holding")
    worker.signal(signal.SIGTERM)
    worker.go_on()
    assert worker.code(seconds=12) == 0, worker.output
    accounting = site.accounting()
    assert accounting.folded == accounting.received > 0
    assert site.store.counts().outbox == 0
    check_ends_as_embedded(site, tmp_path)
    check_all_is_in(site, 100)


def test_a_worker_that_cannot_stop_ends_itself(site: Site, tmp_path: Path) -> None:
    worker = site.worker(fault="hold", stop_seconds=2)
    worker.wait_for("owns partitions [0, 1, 2, 3]")
    site.send(touchpoints(100))
    worker.wait_for("holding")
    worker.signal(signal.SIGTERM)
    assert worker.code(seconds=10) == 1
    assert "did not stop within 2 s" in worker.output
    check_ends_as_embedded(site, tmp_path)
    check_all_is_in(site, 100)


def test_a_programmers_error_ends_the_process_and_the_next_one_reads_again(site: Site, tmp_path: Path) -> None:
    site.send(touchpoints(1000))
    broken = site.worker(fault="raise")
    assert broken.code() == 1
    assert "a programmer's error" in broken.output
    assert 0 < site.accounting().received < 1000
    check_ends_as_embedded(site, tmp_path)
    check_all_is_in(site, 1000)


def test_a_worker_that_slept_through_its_session_does_no_harm(site: Site, tmp_path: Path) -> None:
    sleeper = site.worker()
    sleeper.wait_for("owns partitions [0, 1, 2, 3]")
    site.send(touchpoints(300))
    check_all_is_in(site, 300)
    sleeper.signal(signal.SIGSTOP)
    other = site.worker()
    # Longer than elsewhere: a transaction that the sleeper holds open is ended by the database's own time-out.
    other.wait_for("owns partitions [0, 1, 2, 3]", seconds=120)
    site.send(touchpoints(300, start=300))
    sleeper.signal(signal.SIGCONT)
    check_all_is_in(site, 600)
    site.send(touchpoints(300, start=600))
    check_all_is_in(site, 900)
    for worker in (sleeper, other):
        worker.signal(signal.SIGTERM)
        assert worker.code(seconds=12) == 0, worker.output
    check_ends_as_embedded(site, tmp_path)
