"""`kill -9` of the embedded run at chosen moments: started again, it comes to the same as if nothing had happened.

Crash points are input, not chance: the process kills itself before or after a named commit, so that each
moment is met every time.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle import canonical_json, open_engine
from tests.cli.stories import POLICY, START, history, write

DIES = """
import os, signal, sys
from datetime import datetime
from lifecycle import api, run

where, when, count, events, url, policy, tasks, until = sys.argv[1:]
api.BATCH_RECORDS, api.OUTBOX_ROWS = 20, 8

def mortal(name):
    kept, calls = getattr(api.Store, name), []
    def call(self, *arguments):
        calls.append(1)
        dies = name == where and len(calls) == int(count)
        if dies and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        kept(self, *arguments)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
    setattr(api.Store, name, call)

for name in ("commit", "delete_outbox", "reached"):
    mortal(name)
run([events], store=url, policy=policy, tasks=tasks, until=datetime.fromisoformat(until))
"""

MOMENTS = [
    ("commit", "after", 1),
    ("commit", "before", 5),
    ("reached", "before", 1),
    ("delete_outbox", "before", 1),
    ("delete_outbox", "after", 2),
]


def everything(url: str) -> list[str]:
    with open_engine(url) as lifecycle:
        return [
            canonical_json.dumps(each)
            for each in [*lifecycle.people(), *lifecycle.tasks(include_closed=True), *lifecycle.tasks()]
        ]


@pytest.mark.slow
def test_killed_and_started_again_it_comes_to_the_same(store_url: str, tmp_path: Path) -> None:
    events, tasks = write(tmp_path / "h.jsonl", history(60)), tmp_path / "tasks.jsonl"
    until = (START.replace(month=6)).isoformat()

    def start(where: str, when: str, count: int, url: str, file: Path) -> int:
        words = [where, when, str(count), str(events), url, str(POLICY), str(file), until]
        return subprocess.run([sys.executable, "-c", DIES, *words], timeout=60).returncode

    for moment in MOMENTS:
        assert start(*moment, store_url, tasks) == -signal.SIGKILL, moment
        with tasks.open("ab") as half:
            half.write(b'{"data":{"ask":"Ans')  # What a write that was cut short leaves behind.
    assert start("", "", 0, store_url, tasks) == 0

    undisturbed = f"sqlite:///{tmp_path / 'undisturbed.db'}"
    assert start("", "", 0, undisturbed, tmp_path / "other.jsonl") == 0
    assert everything(store_url) == everything(undisturbed)
    assert told(tasks) == told(tmp_path / "other.jsonl")


def told(tasks: Path) -> dict[str, str]:
    """Task id -> its last message's type, after checking what no consumer may ever see."""
    contents: dict[str, str] = {}
    last: dict[str, str] = {}
    for line in tasks.read_text().splitlines():
        message = json.loads(line)
        assert contents.setdefault(message["id"], line) == line, "one message id with two contents"
        task = message["data"]["id"]
        assert not (message["type"] == "task.requested" == last.get(task)), "asked twice"
        last[task] = message["type"]
    assert len(contents) == len(tasks.read_text().splitlines()), "a message was written twice"
    return last
