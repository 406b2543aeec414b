"""Several workers under one command: signals are passed on, and they end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lifecycle.cli.app import app
from lifecycle.demo.sample import write_sample
from lifecycle.streams.processes import run_processes
from tests.streams.embedded import embedded, on_kafka
from tests.streams.site import Site

SECONDS = 60

PLAYED = """
import os, signal, sys, threading
stopped = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopped.set())
with open(os.environ["SAYS"], "a") as told:
    told.write("here ")
how = os.environ["HOW"]
if how == "wait":
    while not stopped.wait(0.05):
        pass
    with open(os.environ["SAYS"], "a") as told:
        told.write("stopped ")
    sys.exit(0)
while how != "0" and open(os.environ["SAYS"]).read().count("here") < int(os.environ["MANY"]):
    stopped.wait(0.05)  # or the others could be told to stop before they know how
if how == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(how.split()[-1]))
"""


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run processes that wait, end or are killed; return the code, and what they said."""
    said = tmp_path / "said"

    def run(*how: str, ends: bool) -> tuple[int, str]:
        given = [{"HOW": each, "SAYS": str(said), "MANY": str(len(how))} for each in how]
        code = run_processes([sys.executable, "-c", PLAYED], given, ends=ends)
        return code, " ".join(sorted(said.read_text().split()))

    return run


Play = Callable[..., tuple[int, str]]


def test_it_ends_with_0_where_all_have_done_their_work(play: Play) -> None:
    assert play("0", "0", "0", ends=True) == (0, "here here here")


@pytest.mark.parametrize(("how", "code"), [("3", 3), ("kill", 128 + signal.SIGKILL)])
def test_where_one_fails_the_others_are_stopped_in_order(play: Play, how: str, code: int) -> None:
    assert play("wait", how, "wait", ends=True) == (code, "here here here stopped stopped")


def test_a_live_one_that_ends_by_itself_stops_the_others(play: Play) -> None:
    """It was stopped by hand, say: half of them running is what nobody asked for."""
    assert play("wait", "late 0", ends=False) == (0, "here here stopped")


def test_a_signal_is_passed_on_to_all(tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = (
        "import sys; from lifecycle.streams.processes import run_processes; "
        f"given = [{{'HOW': 'wait', 'SAYS': {str(said)!r}}}] * 2; "
        f"sys.exit(run_processes([sys.executable, '-c', {PLAYED!r}], given, ends=False))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    while parent.poll() is None and not (said.exists() and said.read_text().count("here") == 2):
        threading.Event().wait(0.05)
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(SECONDS) == 0
    assert sorted(said.read_text().split()) == ["here", "here", "stopped", "stopped"]


@pytest.mark.integration
@pytest.mark.slow
def test_two_processes_end_where_the_embedded_run_ends(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "sample.jsonl"
    write_sample(path, people=40)
    lines = path.read_bytes().splitlines()
    site.send(lines)
    own = site.settings.model_dump(mode="json", exclude_unset=True, exclude_none=True) | {"web_port": 0}
    settings = {f"LIFECYCLE_{name.upper()}": str(value) for name, value in own.items()}
    command = [sys.executable, "-m", "lifecycle.cli", "worker", "--until", "end", "--processes", "2"]
    ended = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("owns partitions") >= 2
    assert on_kafka(site) == embedded(path, tmp_path)
    assert site.accounting().received == len(lines)


def test_each_has_a_port_and_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two members of a group with one name would take its partitions from each other for ever."""
    given: list[Mapping[str, str]] = []

    def run(command: Sequence[str], environments: Sequence[Mapping[str, str]], *, ends: bool) -> int:
        given.extend(environments)
        return 0 if ends else 1

    monkeypatch.setattr("lifecycle.streams.processes.run_processes", run)
    monkeypatch.setenv("LIFECYCLE_INSTANCE", "left")
    monkeypatch.setenv("LIFECYCLE_WEB_PORT", "7000")
    ended = CliRunner().invoke(app, ["worker", "--db", "postgresql://x@y/z", "--processes", "2", "--until", "end"])
    assert ended.exit_code == 0, ended.output
    named = [(each["LIFECYCLE_INSTANCE"], each["LIFECYCLE_WEB_PORT"]) for each in given]
    assert named == [("left-0", "7000"), ("left-1", "7001")]


def test_all_serve_the_shard_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Mapping[str, str]] = []
    monkeypatch.setattr("lifecycle.streams.processes.run_processes", lambda _, each, ends: given.extend(each) or 0)
    monkeypatch.setenv("LIFECYCLE_DATABASES", '{"0": "postgresql://x@y/a", "1": "postgresql://x@y/b"}')
    ended = CliRunner().invoke(app, ["worker", "--shard", "1", "--processes", "2"])
    assert ended.exit_code == 0, ended.output
    assert [(each["LIFECYCLE_SHARD"], "LIFECYCLE_DATABASE" in each) for each in given] == [("1", False)] * 2


def test_sqlite_serves_one_process() -> None:
    ended = CliRunner().invoke(app, ["worker", "--db", "sqlite:///x.db", "--processes", "2"])
    assert (ended.exit_code, "Leave --processes away" in ended.output) == (2, True)
