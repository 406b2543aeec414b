"""BPI Challenge 2012 through a real Kafka and PostgreSQL: two workers, one of them killed five times."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.real.conftest import Baseline
from tests.real.history import answers, as_data, check_messages
from tests.streams.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.integration]
RECORDS = 107_210
SECONDS = 600.0


def test_two_workers_one_of_them_killed_five_times_end_as_the_embedded_run(
    site: Site, lines: Path, request: pytest.FixtureRequest
) -> None:
    """Byte-identical people, the same open tasks, every record accounted for, no message twice under another content."""
    site.send(lines.read_bytes().splitlines())
    steady = site.worker(until="end", batch_records=1_000)
    for kill in range(1, 6):
        killed = site.worker(until="end", batch_records=1_000)
        site.wait_received(kill * RECORDS // 8, seconds=SECONDS)
        killed.signal(signal.SIGKILL)
        killed.close()
    survivor = site.worker(until="end", batch_records=1_000)
    assert (steady.code(seconds=SECONDS), survivor.code(seconds=SECONDS)) == (0, 0), steady.output + survivor.output

    accounting = site.accounting()
    assert (accounting.received, accounting.folded) == (RECORDS, RECORDS)
    found = answers(site.settings.need_database())
    baseline: Baseline = request.getfixturevalue("baseline")
    assert found == (baseline.people, baseline.tasks)
    messages = [record.value.decode() for record in site.records(site.settings.tasks)]
    assert check_messages(messages) == {task["id"] for task in as_data(baseline.tasks)}
