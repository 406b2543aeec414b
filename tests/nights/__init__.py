"""Nights: whatever reads the wall clock is run again at hours that are awkward, in zones that are far.

What it is: a plugin of pytest, loaded by tests/conftest.py and switched on by `--nights`, as CI does. Each test
runs once as it is. If lifecycle/clock.py was read meanwhile, by the test or by a process that it started, it runs
once more at each moment below, in the zone named there, with fixtures of its own; servers stay. The clock goes on
from the moment, so that a test of some seconds sees it pass. A failure then names the moment.

What it is not: a way to move the clock of the program. It is moved from outside: in this process by replacing
`lifecycle.clock.now`, in processes that a test starts by sitecustomize.py beside this file, which Python imports
because its folder stands in PYTHONPATH. The clocks of Kafka and PostgreSQL stay as they are: nothing of ours
reads them but the broker's time of a record, which is then a record of long ago.

Tests marked `slow` run once: what they read of the clock is the time of receipt alone. `slow(at_night=True)` says that
a test has more to do with the clock.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from _pytest.runner import runtestprotocol

from lifecycle import clock

SHIFT, NOTE = "NIGHTS_SHIFT_SECONDS", "NIGHTS_NOTE"
"""What processes are told, see sitecustomize.py: by how much the clock is moved, and the file to make once it was read."""

POLICIES_ZONE = ZoneInfo("Europe/Vienna")
"""The zone of the default policy: its nights, its Sundays and its changes of the clock count."""


@dataclass(frozen=True)
class Moment:
    """A moment at which tests begin, and the machine's zone meanwhile."""

    name: str
    at: datetime
    zone: str

    def __str__(self) -> str:
        return f"{self.name}, {self.at:%Y-%m-%d %H:%M:%S}Z in {self.zone}"


def moments(today: datetime) -> list[Moment]:
    """Return the moments that come next after a day, each seconds before something changes."""
    return [
        Moment("the end of a year on a Sunday", _last_sunday_of_a_year(today), "Pacific/Auckland"),
        Moment("the night the clock changes", _change_of_the_clock(today), "America/St_Johns"),
    ]


def _last_sunday_of_a_year(today: datetime) -> datetime:
    """Return the next 31 December that is a Sunday, three seconds before midnight."""
    year = today.year
    while (end := datetime(year, 12, 31, 23, 59, 57, tzinfo=POLICIES_ZONE)).weekday() != 6 or end <= today:
        year += 1
    return end.astimezone(UTC)


def _change_of_the_clock(today: datetime) -> datetime:
    """Return three seconds before the next hour at which the offset of the zone is another."""
    hour = today.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while _offset(hour) == _offset(hour + timedelta(hours=1)):
        hour += timedelta(hours=1)
    return hour + timedelta(hours=1, seconds=-3)


def _offset(at: datetime) -> timedelta | None:
    return at.astimezone(POLICIES_ZONE).utcoffset()


def runs_at_night(item: pytest.Item) -> bool:
    """Tell whether a test that reads the clock is run again: the mark nearest to it says."""
    slow = item.get_closest_marker("slow")
    return slow is None or bool(slow.kwargs.get("at_night", False))


class Nights:
    """The plugin: moves the clock, notes who reads it, and runs tests again."""

    def __init__(self) -> None:
        self._real = clock.now
        self._shift = timedelta()
        self._folder = tempfile.TemporaryDirectory(prefix="lifecycle-nights-")
        self._note = Path(self._folder.name) / "read"
        clock.now = self._now
        path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ.update({"PYTHONPATH": os.pathsep.join(path), NOTE: str(self._note), SHIFT: "0"})

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run one test as often as it needs (called by pytest)."""
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        self._note.unlink(missing_ok=True)
        runtestprotocol(item, nextitem=nextitem)
        if self._note.exists() and runs_at_night(item):
            for moment in moments(self._real()):
                with self._moved_to(moment):
                    reports = runtestprotocol(item, nextitem=nextitem, log=False)
                for report in reports:
                    file, line, name = report.location  # the headline of a failure
                    report.location = (file, line, f"{name} at {moment}")
                    hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _now(self) -> datetime:
        self._note.touch()
        return self._real() + self._shift

    @contextmanager
    def _moved_to(self, moment: Moment) -> Iterator[None]:
        zone = os.environ.get("TZ")
        self._shift = moment.at - self._real()
        self._set({SHIFT: str(self._shift.total_seconds()), "TZ": moment.zone})
        try:
            yield
        finally:
            self._shift = timedelta()
            self._set({SHIFT: "0", "TZ": zone})

    def _set(self, values: dict[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        time.tzset()
