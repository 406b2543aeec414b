"""The embedded run on a database where workers are, or were: it adds touchpoints and leaves the rest to them."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from lifecycle import open_engine
from lifecycle.cli.app import app
from lifecycle.embedded import run
from lifecycle.errors import BelongsToWorkers, SchemaMismatch
from lifecycle.record import Log
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT
from lifecycle.store import open_store
from tests.cli.stories import POLICY, START, history, write


@pytest.fixture
def claimed(store_url: str, tmp_path: Path) -> str:
    """URL of a database that an embedded run has filled and a worker has claimed since; messages wait in it."""
    run([write(tmp_path / "first.jsonl", history()[:40])], store=store_url, policy=POLICY, until=START)
    store = open_store(store_url)
    store.claim_partition("touchpoints", 0, Log("topic-1", 0, 0))
    store.close()
    return store_url


def test_it_adds_touchpoints_and_neither_moves_time_nor_takes_messages(claimed: str, tmp_path: Path) -> None:
    """The people are due, so that a worker tells what follows; the task file is not even made."""
    store = open_store(claimed)
    before, waiting = store.state(), store.outbox(None)
    result = run([write(tmp_path / "all.jsonl", history())], store=claimed, policy=POLICY, tasks=tmp_path / "t.jsonl")
    assert result.belongs_to_workers
    assert (result.accounting.duplicate, result.written) == (40, 0)
    assert result.accounting.folded == len(history()) - 40 > 0
    after = store.state()
    assert (after.reached_at, result.reached_at) == (before.reached_at, before.reached_at)
    assert store.outbox(None) == waiting
    assert result.waiting == len(waiting)
    assert store.due_people(None, START - timedelta(days=400), 1)
    assert not (tmp_path / "t.jsonl").exists()
    store.close()


def test_the_command_says_so(claimed: str, tmp_path: Path) -> None:
    events = write(tmp_path / "all.jsonl", history())
    done = CliRunner().invoke(
        app, ["run", "--events", str(events), "--db", claimed, "--policy", str(POLICY), "--tasks", str(tmp_path / "t")]
    )
    assert done.exit_code == 0, done.output
    said = "This database belongs to workers: they move time and send the messages; this run only added to it."
    assert said in done.output


def test_time_and_messages_are_refused_to_python_as_well(claimed: str, tmp_path: Path) -> None:
    with open_engine(claimed, POLICY) as lifecycle:
        with pytest.raises(BelongsToWorkers, match=r"^time is moved by workers in the database at .*run a worker\.$"):
            lifecycle.advance(START + timedelta(days=900))
        with pytest.raises(BelongsToWorkers, match=r"^messages are sent by workers in the database at"):
            lifecycle.hand_over(tmp_path / "t.jsonl")


def test_it_does_not_raise_the_format_of_their_snapshots(claimed: str, tmp_path: Path) -> None:
    """Older workers would write nothing any more: that is for somebody to decide, with the command that is named."""
    store = open_store(claimed)
    with store._database.writing() as connection:
        connection.execute(text(f"UPDATE database_state SET snapshot_format = {SNAPSHOT_FORMAT - 1}"))
    with pytest.raises(SchemaMismatch, match="Run `lifecycle db upgrade`"):
        run([write(tmp_path / "all.jsonl", history())], store=claimed, policy=POLICY)
    assert store.state().snapshot_format == SNAPSHOT_FORMAT - 1
    done = CliRunner().invoke(app, ["db", "upgrade", "--db", claimed])
    assert "is up to date. Everybody is folded again, by the next run or by the workers." in done.output
    assert store.state().snapshot_format == SNAPSHOT_FORMAT
    store.close()


def test_a_database_of_ones_own_is_brought_to_the_format_by_the_run(sqlite_url: str, tmp_path: Path) -> None:
    """As its tables are; everybody stands in the new format afterwards."""
    events = write(tmp_path / "all.jsonl", history())
    run([events], store=sqlite_url, policy=POLICY, until="end")
    store = open_store(sqlite_url)
    with store._database.writing() as connection:
        connection.execute(text(f"UPDATE database_state SET snapshot_format = {SNAPSHOT_FORMAT - 1}"))
        connection.execute(text(f"UPDATE people SET snapshot_format = {SNAPSHOT_FORMAT - 1}"))
    run([events], store=sqlite_url, policy=POLICY, until="end")
    assert {row.snapshot_format for row in store.iterate_people()} == {SNAPSHOT_FORMAT}
    store.close()


@pytest.mark.parametrize("words", [["people", "list"], ["tasks", "list"], ["people", "count"]], ids=" ".join)
def test_a_program_older_than_the_snapshots_reads_nothing(sqlite_url: str, tmp_path: Path, words: list[str]) -> None:
    run([write(tmp_path / "all.jsonl", history())], store=sqlite_url, policy=POLICY, until="end")
    store = open_store(sqlite_url)
    store.raise_format(SNAPSHOT_FORMAT + 1, due=START)
    store.close()
    done = CliRunner().invoke(app, [*words, "--db", sqlite_url])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "a newer program was here. Nothing was read or written; install the newer program." in done.stderr
