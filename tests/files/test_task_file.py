"""The task file: cut back at start, never a message twice, never a message lost, other people's files left alone."""

import errno
import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle import api, written
from lifecycle.api import Store
from lifecycle.embedded import run
from lifecycle.errors import OutputRefused, SettingsRefused
from lifecycle.files import task_file
from lifecycle.files.task_file import TaskFile, open_target
from lifecycle.person import OutboxRow
from tests.cli.stories import POLICY, START, history, write


def row(number: int, lane: int = 0) -> OutboxRow:
    body = f'{{"data":{{"ask":"Answer"}},"id":"message-{number}"}}'
    return OutboxRow(number, f"person-{number}", 0, lane, f"message-{number}", body)


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_messages_are_appended_and_those_in_the_tail_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    with TaskFile(path) as first:
        assert first.write([row(1), row(2)]) == 2
        assert first.write([row(3)]) == 1
    with TaskFile(path) as second:
        assert second.tail == {"message-1", "message-2", "message-3"}
        assert second.write([row(2), row(3), row(4)]) == 1
    assert ids(path) == ["message-1", "message-2", "message-3", "message-4"]


def test_a_half_line_is_cut_off_wherever_it_ends(tmp_path: Path) -> None:
    whole = f"{row(1).body}\n".encode()
    for cut in range(len(whole) + 1):
        path = tmp_path / f"{cut}.jsonl"
        path.write_bytes(whole + whole[:cut])
        with TaskFile(path) as file:
            assert file.tail == {"message-1"}
        assert path.read_bytes() == (whole + whole if cut == len(whole) else whole)
    path = tmp_path / "only.jsonl"
    path.write_bytes(whole[:-1])
    with TaskFile(path) as file:
        assert file.tail == set()
    assert path.read_bytes() == b""


def test_the_messages_of_today_are_known_as_such(sqlite_url: str, tmp_path: Path) -> None:
    """Whole, and cut anywhere: keys are sorted, so a new first key of a task changes how a message begins."""
    events, tasks = write(tmp_path / "h.jsonl", history(5)), tmp_path / "tasks.jsonl"
    assert run([events], store=sqlite_url, policy=POLICY, tasks=tasks, until="end").written > 1
    first, second, *_ = tasks.read_bytes().splitlines(keepends=True)
    for cut in range(len(second)):
        tasks.write_bytes(first + second[:cut])
        with TaskFile(tasks) as file:
            assert len(file.tail) == 1


def test_the_tail_is_one_outbox_batch_also_of_a_long_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_file, "OUTBOX_ROWS", 10)
    monkeypatch.setattr(task_file, "_BLOCK", 64)
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(f"{row(number).body}\n" for number in range(100)) + '{"data":{"as')
    with TaskFile(path) as file:
        assert file.tail == {f"message-{number}" for number in range(90, 100)}
    assert len(ids(path)) == 100


@pytest.mark.parametrize("text", ["some notes", "some notes\n", '{"specversion":"1.0"}\n', '{"x":1'])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(SettingsRefused) as refused:
        open_target(path)
    assert str(refused.value) == (
        f"{path} holds something else than task messages, and is left as it is. Choose another file with --tasks."
    )
    assert path.read_text() == text


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match=r"cannot be written: no such file or directory\. Choose another"):
        open_target(tmp_path / "no-folder" / "tasks.jsonl")


def test_a_full_disk_leaves_the_messages_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half line that was written is cut off by the next opening."""
    path = tmp_path / "tasks.jsonl"
    write_some = os.write

    def full(descriptor: int, body: bytes) -> int:
        if len(path.read_bytes()) >= 40:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_some(descriptor, body[:40])

    with monkeypatch.context() as during, TaskFile(path) as file:
        during.setattr(written.os, "write", full)
        with pytest.raises(OutputRefused, match=r"does not take the messages: no space left on device\. They stay"):
            file.write([row(1), row(2)])
    assert len(path.read_bytes()) == 40
    with TaskFile(path) as again:
        assert again.write([row(1), row(2)]) == 2
    assert ids(path) == ["message-1", "message-2"]


def test_a_task_file_that_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds what is known about people. One that was there keeps its rights: somebody gave them."""
    with TaskFile(tmp_path / "new.jsonl"):
        assert stat.S_IMODE((tmp_path / "new.jsonl").stat().st_mode) == 0o600
    (tmp_path / "shared.jsonl").touch(0o644)
    with TaskFile(tmp_path / "shared.jsonl"):
        assert stat.S_IMODE((tmp_path / "shared.jsonl").stat().st_mode) == 0o644


def test_a_folder_is_no_task_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match=r"cannot be written: is a directory\. Choose another"):
        open_target(tmp_path)


def test_standard_output_gets_the_messages_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with open_target("-") as target:
        assert target.write([row(1), row(2)]) == 2
    assert capsys.readouterr().out == f"{row(1).body}\n{row(2).body}\n"


def test_nothing_leaves_the_outbox_before_it_is_on_the_disk(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, tasks = write(tmp_path / "h.jsonl", history()), tmp_path / "tasks.jsonl"
    order: list[str] = []
    fsync, delete = task_file.os.fsync, Store.delete_outbox
    monkeypatch.setattr(task_file.os, "fsync", lambda number: (order.append("disk"), fsync(number)))
    monkeypatch.setattr(Store, "delete_outbox", lambda self, rows: (order.append("outbox"), delete(self, rows)))
    run([events], store=sqlite_url, policy=POLICY, tasks=tasks, until="end")
    assert order == ["disk", "disk", "outbox"]  # The folder of the new file comes first.


def test_a_crash_between_the_disk_and_the_outbox_repeats_nothing(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, tasks = write(tmp_path / "h.jsonl", history()), tmp_path / "tasks.jsonl"

    def crash(self: Any, rows: Any) -> None:
        raise KeyError("crash")

    with monkeypatch.context() as during:
        during.setattr(Store, "delete_outbox", crash)
        with pytest.raises(KeyError):
            run([events], store=sqlite_url, policy=POLICY, tasks=tasks, until="end")
    before = tasks.read_bytes()
    result = run([events], store=sqlite_url, policy=POLICY, tasks=tasks, until="end")
    assert (result.written, result.waiting) == (0, 0)
    assert tasks.read_bytes() == before


def test_within_a_batch_the_first_lane_comes_first(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "OUTBOX_ROWS", 8)
    events, tasks = write(tmp_path / "h.jsonl", history()), tmp_path / "tasks.jsonl"
    lanes_of_all: list[list[str]] = []
    kept = TaskFile.write

    def watched(self: TaskFile, rows: list[OutboxRow]) -> int:
        lanes_of_all.append([json.loads(each.body)["data"]["lane"] for each in rows])
        assert [(each.lane, each.id) for each in rows] == sorted((each.lane, each.id) for each in rows)
        return kept(self, rows)

    monkeypatch.setattr(TaskFile, "write", watched)
    run([events], store=sqlite_url, policy=POLICY, tasks=tasks, until=START + timedelta(days=400))
    assert all(lanes == sorted(lanes) for lanes in lanes_of_all)
    assert any(len(set(lanes)) == 2 for lanes in lanes_of_all)


def test_without_a_file_the_messages_wait_and_a_later_run_writes_them(sqlite_url: str, tmp_path: Path) -> None:
    events, tasks = write(tmp_path / "h.jsonl", history()), tmp_path / "tasks.jsonl"
    waiting = run([events], store=sqlite_url, policy=POLICY, until="end").waiting
    assert waiting > 0
    result = run([events], store=sqlite_url, policy=POLICY, tasks=tasks, until="end")
    assert (result.written, result.waiting) == (waiting, 0)
    assert len(set(ids(tasks))) == waiting
