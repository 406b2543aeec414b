"""The commands over several databases: what they print is what they print over one with the same people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lifecycle.api import open_engine
from lifecycle.cli.app import app
from lifecycle.databases import databases_of
from lifecycle.record import Batch, Place
from lifecycle.wire.codec import read_record
from tests.cli.stories import POLICY, START, history, line, write

Run = Callable[..., Result]
SHARDS = ("0-1", "2")
BAD = '{"subject": "person-003", bad'


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `lifecycle WORDS` over two databases, made and settled."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIFECYCLE_DATABASES", json.dumps({shard: f"sqlite:///{shard}.db" for shard in SHARDS}))

    def invoke(*words: Any, code: int = 0) -> Result:
        given = [str(word) for word in words]
        result = CliRunner().invoke(app, given, prog_name="lifecycle", catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    upgraded = invoke("db", "upgrade").stdout
    assert upgraded.splitlines()[0].startswith("partitions 0-1, ")
    return invoke


@pytest.fixture
def told(run: Run, tmp_path: Path) -> Run:
    """The same, with people in them, and with the same people in one.db."""
    several = databases_of({shard: f"sqlite:///{shard}.db" for shard in SHARDS})
    run("policy", "activate", POLICY)
    until = START.replace(month=9)
    lines = [*history(), BAD]
    write(tmp_path / "h.jsonl", lines)
    run("run", "--events", "h.jsonl", "--db", "sqlite:///one.db", "--policy", POLICY, "--until", until.isoformat())
    records = [read_record(Place("file:h.jsonl", 0, number), each.encode()) for number, each in enumerate(lines, 1)]
    for shard, url in several.urls.items():
        mine = (
            each
            for each in records
            if several.home(each.touchpoint.person if each.touchpoint else "person-003") == shard
        )
        with open_engine(url, create=False) as lifecycle:
            batch = Batch(tuple(mine))
            lifecycle.engine.ingest(batch, received_at=until, ceiling=until, publish=False, log_first=True)
            lifecycle.advance(until)
    return run


TASK = "TASK"
RECEIPT = r", 2[-0-9]+ [:0-9]+ UTC: "
"""When a record was refused differs."""

COMMANDS = [
    "people list",
    "people list --json",
    "people list --stage need.lost --csv",
    "people count",
    "people count --json",
    "people show person-003 --json",
    "people show person-003",
    "tasks list",
    "tasks list --json --all",
    "tasks list --person person-005",
    "tasks show TASK",
    "explain TASK",
    "explain --person person-007",
    "touchpoints list --json",
    "touchpoints list --person person-003",
    "touchpoints types",
    "dead-letters list --person person-003",
]


def test_every_command_answers_as_over_one_database(told: Run) -> None:
    tasks = told("tasks", "list", "--json", "--all", "--db", "sqlite:///one.db").stdout.splitlines()
    asked = [json.loads(tasks[0])["id"], json.loads(tasks[-1])["id"]]
    commands = [command.replace(TASK, task) for command in COMMANDS for task in asked[: 1 + (TASK in command)]]
    for words in (command.split() for command in commands):
        wanted, got = told(*words, "--db", "sqlite:///one.db").stdout, told(*words).stdout
        assert wanted.count("\n") > 0
        assert re.sub(RECEIPT, "", got) == re.sub(RECEIPT, "", wanted), words


def test_an_unknown_person_is_told_who_is_near(told: Run) -> None:
    missing = ["people", "show", "person-0033"]
    assert told(*missing, code=1).stderr == told(*missing, "--db", "sqlite:///one.db", code=1).stderr


def test_a_person_is_folded_again_at_home(told: Run) -> None:
    assert "is folded again" in told("people", "refold", "person-003").stdout
    assert "nobody is known as person-999" in told("people", "refold", "person-999", code=1).stderr


def test_a_policy_is_activated_in_each_and_who_failed_is_named(told: Run, tmp_path: Path) -> None:
    other = write(tmp_path / "other.yaml", [POLICY.read_text().replace("ask: Thank", "ask: Say thanks")])
    (tmp_path / "2.db").rename(tmp_path / "away.db")
    ended = told("policy", "activate", other, code=1)
    assert "is active. " in ended.stdout
    assert "Not done for the partitions 2, done for the others. Run the same command again" in ended.stderr
    (tmp_path / "away.db").rename(tmp_path / "2.db")
    # Told is how everybody will stand by the new one, and that not all do yet.
    assert "30 people here stood by another policy" in told("people", "list").stderr
    again = told("policy", "activate", other).stdout.splitlines()
    assert [" is active already." in again[1], " is active. " in again[3]] == [True, True]


def test_a_run_adds_nobody_to_a_shard(told: Run) -> None:
    """Neither by the map nor by the name of one."""
    assert "this works on one. Name it with --db" in told("run", "--events", "h.jsonl", code=2).stderr
    refused = told("run", "--events", "h.jsonl", "--db", "sqlite:///2.db", code=1).stderr
    assert "holds the people of partitions 2 alone" in refused


def test_one_shard_can_be_looked_at_alone(told: Run) -> None:
    listed = [json.loads(each)["person"] for each in told("people", "list", "--json").stdout.splitlines()]
    of_each = [
        [json.loads(each)["person"] for each in told("people", "list", "--json", "--db", url).stdout.splitlines()]
        for url in ("sqlite:///0-1.db", "sqlite:///2.db")
    ]
    assert sorted(chain(*of_each)) == listed
    assert min(map(len, of_each)) > 3


def test_a_new_person_is_in_no_database_that_is_not_settled(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was made without the map, and is in use, is not read by it."""
    write(Path("h.jsonl"), [line("anna", "1", "need.stated", START, need="n1")])
    run("run", "--events", "h.jsonl", "--db", "sqlite:///all.db", "--policy", POLICY)
    monkeypatch.setenv("LIFECYCLE_DATABASES", json.dumps({"0-1": "sqlite:///0-1.db", "2": "sqlite:///all.db"}))
    for words in (["people", "list"], ["db", "upgrade"]):
        assert (
            "should hold the people of partitions 2 of 3 by the settings, and holds everybody"
            in run(*words, code=1).stderr
        )
