"""Fixtures of the tests on real data: one undisturbed embedded run that all others are compared with.

It is made once in a run of the tests, by the first process that asks; the others wait for it. So who can begin without
it asks for `lines` alone, and for `baseline` when there is something to compare.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.real.history import LOG, MAPPING, answers, lifecycle
from tests.streams.conftest import site as site  # the same site of topics, database and workers

Once = Callable[[str, Callable[[Path], object]], Path]


class Baseline(NamedTuple):
    """One undisturbed run: its input, its database, its answers (people and open tasks as text), its messages."""

    lines: Path
    database: Path
    url: str
    people: str
    tasks: str
    messages: Path


@pytest.fixture(scope="session")
def once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Gives a folder that is filled once in a run of the tests: `once("lines", fill)`, where `fill` takes the folder."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if hasattr(request.config, "workerinput") else base

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder, filled = root / name, root / f"{name}.filled"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not filled.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a process that failed in the middle
                folder.mkdir()
                fill(folder)
                filled.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def lines(once: Once) -> Path:
    """BPI Challenge 2012 as touchpoints, one on a line."""
    if not LOG.exists():
        pytest.skip("BPI Challenge 2012 is not here; set LIFECYCLE_DATA to its folder")

    def fill(folder: Path) -> None:
        lifecycle("import", "--mapping", str(MAPPING), str(LOG), "--out", str(folder / "touchpoints.jsonl"))

    return once("bpic2012-lines", fill) / "touchpoints.jsonl"


@pytest.fixture(scope="session")
def baseline(once: Once, lines: Path) -> Baseline:
    """These lines run embedded on SQLite to the end of the file."""

    def fill(folder: Path) -> None:
        url = f"sqlite:///{folder / 'lifecycle.db'}"
        messages = str(folder / "tasks.jsonl")
        lifecycle("run", "--events", str(lines), "--db", url, "--tasks", messages, "--until", "end")
        for name, text in zip(("people", "open_tasks"), answers(url), strict=True):
            (folder / name).write_text(text, encoding="utf-8")

    folder = once("bpic2012-baseline", fill)
    database = folder / "lifecycle.db"
    people, tasks = ((folder / name).read_text(encoding="utf-8") for name in ("people", "open_tasks"))
    return Baseline(lines, database, f"sqlite:///{database}", people, tasks, folder / "tasks.jsonl")
