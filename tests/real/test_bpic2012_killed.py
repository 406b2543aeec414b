"""BPI Challenge 2012 whole, embedded on SQLite, through kills."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.real.conftest import Baseline
from tests.real.history import answers, as_data, check_messages, command, environment, lifecycle

pytestmark = pytest.mark.slow


def test_killed_five_times_and_started_again_it_is_the_same(
    lines: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """kill -9 in the middle of reading, each time further on; no message twice under another content."""
    url, messages = f"sqlite:///{tmp_path / 'killed.db'}", tmp_path / "tasks.jsonl"
    known = lines.read_bytes().splitlines(keepends=True)
    arguments = ("run", "--events", "-", "--db", url, "--tasks", str(messages), "--until", "end")
    for part in (0.1, 0.25, 0.4, 0.6, 0.9):
        process = subprocess.Popen(
            command(*arguments), stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        )
        assert process.stdin is not None
        # The pipe holds a few hundred lines: when all are written, the run is in the middle of committing them.
        process.stdin.write(b"".join(known[: int(len(known) * part)]))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    lifecycle("run", "--events", str(lines), "--db", url, "--tasks", str(messages), "--until", "end")
    found = answers(url)
    baseline: Baseline = request.getfixturevalue("baseline")
    assert found == (baseline.people, baseline.tasks)
    assert check_messages(messages.read_text().splitlines()) == {task["id"] for task in as_data(baseline.tasks)}
