"""The program as a process: exit codes, a reader that goes away, and what is loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.embedded import run
from tests.cli.stories import POLICY, START, history, line, write
from tests.seeds import seeds

LIFECYCLE = [sys.executable, "-m", "lifecycle.cli"]


def test_results_and_errors_have_their_own_stream(sqlite_url: str, tmp_path: Path) -> None:
    events = write(tmp_path / "h.jsonl", history(5))
    words = ["run", "--events", str(events), "--db", sqlite_url, "--policy", str(POLICY), "--until", "end"]
    done = subprocess.run([*LIFECYCLE, *words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert "records received" in done.stderr
    done = subprocess.run([*LIFECYCLE, *words[:-1], "2020-01-01T00:00:00Z"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("lifecycle: time was to be moved to 2020-01-01T00:00:00Z, but the database at ")
    assert "Traceback" not in done.stderr


def test_reading_the_whole_log_shows_how_far_it_has_got_where_somebody_looks(sqlite_url: str, tmp_path: Path) -> None:
    """On standard error, and only where that is a terminal."""
    run([write(tmp_path / "h.jsonl", history(30))], store=sqlite_url, policy=POLICY, until="end")
    new = tmp_path / "new.yaml"
    new.write_text(POLICY.read_text(encoding="utf-8").replace("policy: tiny", "policy: new"), encoding="utf-8")
    activating = [*LIFECYCLE, "policy", "activate", str(new), "--dry-run", "--db", sqlite_url]
    terminal, inside = os.openpty()
    seen = subprocess.run(activating, stdout=subprocess.PIPE, stderr=inside, text=True, timeout=60)
    os.close(inside)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert (seen.returncode, "reading the log of people" in shown) == (0, True)
    assert " 30 " in shown
    unseen = subprocess.run(activating, capture_output=True, text=True, timeout=60)
    assert (unseen.stdout, unseen.stderr) == (seen.stdout, "")


def test_a_reader_that_goes_away_is_no_error(sqlite_url: str, tmp_path: Path) -> None:
    run([write(tmp_path / "h.jsonl", history(300))], store=sqlite_url, policy=POLICY, until="end")
    reading, writing = os.pipe()
    os.close(reading)
    listing = [*LIFECYCLE, "people", "list", "--json", "--db", sqlite_url]
    gone = subprocess.run(listing, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert (gone.returncode, gone.stderr) == (141, "")


def test_tasks_that_nobody_reads_stay_in_the_database(sqlite_url: str, tmp_path: Path) -> None:
    events = write(tmp_path / "h.jsonl", history(30))
    waiting = run([events], store=sqlite_url, policy=POLICY, until="end").waiting
    reading, writing = os.pipe()
    os.close(reading)
    words = ["run", "--events", str(events), "--db", sqlite_url, "--tasks", "-", "--until", "end"]
    gone = subprocess.run([*LIFECYCLE, *words], stdout=writing, stderr=subprocess.DEVNULL, timeout=60)
    os.close(writing)
    assert gone.returncode == 141
    tasks = tmp_path / "tasks.jsonl"
    assert run([events], store=sqlite_url, tasks=tasks, until="end").written == waiting


@pytest.mark.parametrize("people", [5, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("unbuffered", seeds(["", "1"]))
def test_a_reader_that_goes_away_in_the_middle_loses_nothing(
    sqlite_url: str, tmp_path: Path, people: int, unbuffered: str
) -> None:
    """Also where all of it fits into the pipe, and where Python does not buffer: a short write is no success."""
    events = write(tmp_path / "h.jsonl", history(people))
    waiting = run([events], store=sqlite_url, policy=POLICY, until="end").waiting
    words = ["run", "--events", str(events), "--db", sqlite_url, "--tasks", "-", "--until", "end"]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    reading, writing = os.pipe()
    with subprocess.Popen([*LIFECYCLE, *words], stdout=writing, stderr=subprocess.PIPE, env=environment) as gone:
        os.close(writing)
        assert os.read(reading, 100)
        os.close(reading)
        _, said = gone.communicate(timeout=60)
    assert gone.returncode == 141
    assert said.decode() == (
        "lifecycle: whoever read the messages went away. Those not taken stay in the database; the next run with "
        "--tasks writes them.\n"
    )
    assert run([events], store=sqlite_url, tasks=tmp_path / "tasks.jsonl", until="end").written == waiting


@pytest.mark.parametrize("blocking", seeds([True, False]))
def test_a_slow_reader_gets_every_message_once(sqlite_url: str, tmp_path: Path, blocking: bool) -> None:
    """Also through a pipe that takes what it can and says no to the rest."""
    events = write(tmp_path / "h.jsonl", history(300))
    waiting = run([events], store=sqlite_url, policy=POLICY, until="end").waiting
    words = ["run", "--events", str(events), "--db", sqlite_url, "--tasks", "-", "--until", "end"]
    reading, writing = os.pipe()
    os.set_blocking(writing, blocking)
    with subprocess.Popen([*LIFECYCLE, *words], stdout=writing, stderr=subprocess.DEVNULL) as writes:
        os.close(writing)
        with open(reading, "rb") as stream:
            lines = list(stream)
        assert writes.wait(60) == 0
    assert len({json.loads(each)["id"] for each in lines}) == len(lines) == waiting
    assert run([events], store=sqlite_url, tasks=tmp_path / "tasks.jsonl", until="end").written == 0


@pytest.mark.parametrize("to", seeds([["--tasks", "/dev/full"], ["--tasks", "-"]]))
def test_what_a_full_device_does_not_take_stays_in_the_database(sqlite_url: str, tmp_path: Path, to: list[str]) -> None:
    events = write(tmp_path / "h.jsonl", history(5))
    waiting = run([events], store=sqlite_url, policy=POLICY, until="end").waiting
    words = ["run", "--events", str(events), "--db", sqlite_url, *to, "--until", "end"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*LIFECYCLE, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    where = "standard output" if to[1] == "-" else "/dev/full"
    assert (done.returncode, done.stderr) == (
        1,
        f"lifecycle: {where} does not take the messages: no space left on device. They stay in the database; make room, "
        "or name another --tasks, and run again: what was written in part is not left out.\n",
    )
    assert run([events], store=sqlite_url, tasks=tmp_path / "tasks.jsonl", until="end").written == waiting


def test_messages_may_go_to_a_device_or_a_named_pipe(sqlite_url: str, tmp_path: Path) -> None:
    """Neither is a file that could be looked at, so neither is."""
    events = write(tmp_path / "h.jsonl", history(5))
    assert run([events], store=sqlite_url, policy=POLICY, tasks="/dev/null", until="end").written > 0
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    words = ["run", "--events", str(events), "--db", other, "--policy", str(POLICY), "--tasks", str(pipe)]
    with subprocess.Popen([*LIFECYCLE, *words, "--until", "end"], stderr=subprocess.DEVNULL) as writes:
        with open(pipe, "rb") as stream:
            assert {json.loads(each)["type"] for each in stream} == {"task.requested"}
        assert writes.wait(60) == 0


@pytest.mark.parametrize("unbuffered", seeds(["", "1"]))
def test_a_full_disk_under_a_list_is_an_error_in_one_line(sqlite_url: str, tmp_path: Path, unbuffered: str) -> None:
    run([write(tmp_path / "h.jsonl", history(300))], store=sqlite_url, policy=POLICY, until="end")
    listing = [*LIFECYCLE, "people", "list", "--json", "--db", sqlite_url]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(listing, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (
        1,
        "lifecycle: standard output: no space left on device. Make room or mend it, and run the same command again.\n",
    )


def test_a_terminal_of_another_encoding_shows_escapes(sqlite_url: str, tmp_path: Path) -> None:
    run(
        [write(tmp_path / "h.jsonl", [line("小明", "1", "need.stated", START, need="n1")])],
        store=sqlite_url,
        policy=POLICY,
    )
    listing = [*LIFECYCLE, "people", "list", "--db", sqlite_url]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(listing, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u5c0f\\u660e  prospect" in done.stdout


def test_closed_streams_are_no_crash(sqlite_url: str, tmp_path: Path) -> None:
    run([write(tmp_path / "h.jsonl", history(5))], store=sqlite_url, policy=POLICY, until="end")
    words = " ".join([*LIFECYCLE, "people", "list", "--db", sqlite_url])
    done = subprocess.run(["sh", "-c", f"{words} >&-"], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["typer", "lifecycle.cli.commands.runs", "lifecycle.store"])
def test_ctrl_c_is_answered_in_one_line_from_the_first_moment(tmp_path: Path, module: str) -> None:
    """Also while the program is still being loaded: here it comes when a module is first asked for."""
    code = f"""
import sys
class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop())
sys.argv = ["lifecycle", "run", "--events", "-"]
from lifecycle.cli.start import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stderr) == (
        130,
        "lifecycle: stopped. What was committed stands; run the same command again.\n",
    )


def test_help_loads_no_more_than_it_shows() -> None:
    """The start is short because of what is not imported: no store, no rules, no file of a noun."""
    code = (
        "import sys; from lifecycle.cli.start import main; sys.argv[1:] = ['--help']\n"
        "try: main()\n"
        "except SystemExit: print(sorted(name for name in sys.modules if name.startswith('lifecycle.')))\n"
        "print(*(name for name in ('sqlalchemy', 'pydantic', 'yaml', 'rich', 'faust') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.endswith(
        "\n['lifecycle.cli', 'lifecycle.cli.app', 'lifecycle.cli.exits', 'lifecycle.cli.start', 'lifecycle.errors']\n\n"
    ), done.stdout


def test_looking_at_people_loads_no_kafka_client() -> None:
    code = "import lifecycle.cli.commands.people, sys; print([name for name in ('faust', 'kafka', 'aiokafka') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_importing_the_package_loads_no_database() -> None:
    code = "import lifecycle.rules.language.load, sys; print('sqlalchemy' in sys.modules); from lifecycle import *; print(run)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("False\n<function run")
