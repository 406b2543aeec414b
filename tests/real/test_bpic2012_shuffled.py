"""BPI Challenge 2012 whole, embedded on SQLite, in any order."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.real.conftest import Baseline
from tests.real.history import answers, lifecycle

pytestmark = pytest.mark.slow


def test_shuffled_with_every_tenth_line_repeated_it_is_the_same_to_the_byte(
    lines: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Order and repetition do not matter."""
    known = lines.read_bytes().splitlines(keepends=True)
    known += known[::10]
    random.Random(12).shuffle(known)
    shuffled = tmp_path / "shuffled.jsonl"
    shuffled.write_bytes(b"".join(known))
    url = f"sqlite:///{tmp_path / 'shuffled.db'}"
    lifecycle("run", "--events", str(shuffled), "--db", url, "--until", "end")
    found = answers(url)
    baseline: Baseline = request.getfixturevalue("baseline")
    assert found == (baseline.people, baseline.tasks)
