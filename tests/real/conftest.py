"""Fixtures of the tests on real data: one undisturbed embedded run that all others are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.real.history import LOG, MAPPING, answers, lifecycle
from tests.streams.conftest import site as site  # the same site of topics, database and workers


class Baseline(NamedTuple):
    """One undisturbed run: its input, its database, its answers (people and open tasks as text), its messages."""

    lines: Path
    database: Path
    url: str
    people: str
    tasks: str
    messages: Path


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    """BPI Challenge 2012 imported and run embedded on SQLite to the end of the file."""
    if not LOG.exists():
        pytest.skip("BPI Challenge 2012 is not here; set LIFECYCLE_DATA to its folder")
    folder = tmp_path_factory.mktemp("bpic2012")
    lines, database, messages = folder / "touchpoints.jsonl", folder / "lifecycle.db", folder / "tasks.jsonl"
    lifecycle("import", "--mapping", str(MAPPING), str(LOG), "--out", str(lines))
    url = f"sqlite:///{database}"
    lifecycle("run", "--events", str(lines), "--db", url, "--tasks", str(messages), "--until", "end")
    return Baseline(lines, database, url, *answers(url), messages)
