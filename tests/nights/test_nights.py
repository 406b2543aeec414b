"""The nights that tests are run again at: which moments they are, and who is told of them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.nights import NOTE, POLICIES_ZONE, SHIFT, moments, runs_at_night

SECONDS = timedelta(seconds=5)
TODAYS = [
    datetime(2026, 11, 26, tzinfo=UTC),
    datetime(2028, 12, 31, 22, 59, 58, tzinfo=UTC),
    datetime(2031, 3, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("today", TODAYS, ids=str)
def test_a_year_ends_on_a_sunday_night(today: datetime) -> None:
    at = moments(today)[0].at
    before, after = at.astimezone(POLICIES_ZONE), (at + SECONDS).astimezone(POLICIES_ZONE)
    assert at > today
    assert (before.weekday(), before.year + 1) == (6, after.year)


@pytest.mark.parametrize("today", TODAYS, ids=str)
def test_the_clock_changes_within_seconds(today: datetime) -> None:
    at = moments(today)[1].at
    before, after = at.astimezone(POLICIES_ZONE), (at + SECONDS).astimezone(POLICIES_ZONE)
    assert at > today
    assert before.utcoffset() != after.utcoffset()


def test_a_process_that_a_test_starts_has_the_moved_clock_and_tells_that_it_was_read(tmp_path: Path) -> None:
    note = tmp_path / "read"
    day = 24 * 3600
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "from lifecycle import clock; import datetime as d; print(clock.now() - d.datetime.now(d.UTC))",
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent), NOTE: str(note), SHIFT: str(day)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert found.startswith(("23:59:59", "1 day, 0:00:00"))
    assert note.exists()


class TestSlow:
    """What is slow, as tests of live workers are, runs at night where it says so itself."""

    pytestmark = pytest.mark.slow

    def test_runs_once(self, request: pytest.FixtureRequest) -> None:
        assert not runs_at_night(request.node)

    @pytest.mark.slow(at_night=True)
    def test_runs_at_night_where_it_says_so(self, request: pytest.FixtureRequest) -> None:
        assert runs_at_night(request.node)
