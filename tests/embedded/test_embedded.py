"""The embedded run, end to end on both stores: what goes in, what comes out, and what a second run changes."""

import gzip
import io
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle import api, canonical_json, clock, open_engine
from lifecycle.embedded import Progress, RunResult, run
from lifecycle.errors import NotFound, PolicyMismatch, Stop, StoreUnavailable, TimeRefused
from lifecycle.files import event_lines
from lifecycle.record import OUTCOME_NAMES, Place
from lifecycle.touchpoint import Touchpoint
from lifecycle.wire import codec
from tests.cli.stories import POLICY, START, history, line, write

LATER = START + timedelta(days=365)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "BATCH_RECORDS", 20)


def go(url: str, *events: Path | str, **options: Any) -> RunResult:
    return run(events, store=url, policy=POLICY, **{"until": "end", **options})


def everything(url: str) -> tuple[list[str], list[str]]:
    """The bytes of `people list --json` and of `tasks list --json --all`."""
    with open_engine(url, create=False) as lifecycle:
        people = [canonical_json.dumps(each) for each in lifecycle.people()]
        return people, [canonical_json.dumps(each) for each in lifecycle.tasks(include_closed=True)]


def test_a_run_folds_everything_and_writes_the_open_tasks(store_url: str, tmp_path: Path) -> None:
    lines, tasks = history(), tmp_path / "tasks.jsonl"
    seen: list[Progress] = []
    result = go(store_url, write(tmp_path / "h.jsonl", lines), tasks=tasks, progress=seen.append)
    assert (result.accounting.received, result.accounting.folded) == (len(lines), len(lines))
    newest = max(datetime.fromisoformat(canonical_json.loads(each)["time"]) for each in lines)
    assert result.reached_at == newest
    assert (result.census.people, result.census.forgotten, result.census.stopped) == (30, 0, 0)
    messages = [canonical_json.loads(each) for each in tasks.read_bytes().splitlines()]
    with open_engine(store_url) as lifecycle:
        open_ids = {task["id"] for task in lifecycle.tasks()}
    assert {each["data"]["id"] for each in messages} == open_ids
    assert {each["type"] for each in messages} == {"task.requested"}
    assert result.written == len(messages) == sum(result.census.tasks.values())
    assert result.waiting == 0
    assert [each.phase for each in seen] == sorted(
        (each.phase for each in seen), key=["reading", "moving time", "writing tasks"].index
    )
    read = [each for each in seen if each.phase == "reading"]
    assert (read[-1].done, read[-1].total) == ((tmp_path / "h.jsonl").stat().st_size,) * 2


def test_the_same_file_again_changes_nothing(store_url: str, tmp_path: Path) -> None:
    file, tasks = write(tmp_path / "h.jsonl", history()), tmp_path / "tasks.jsonl"
    go(store_url, file, tasks=tasks)
    before, written = everything(store_url), tasks.read_bytes()
    again = go(store_url, file, tasks=tasks)
    assert again.accounting.duplicate == again.accounting.received
    assert again.written == 0
    assert everything(store_url) == before
    assert tasks.read_bytes() == written


def test_shuffled_and_with_every_tenth_line_repeated_it_is_the_same_to_the_byte(store_url: str, tmp_path: Path) -> None:
    lines = history()
    other = f"sqlite:///{tmp_path / 'other.db'}"
    go(other, write(tmp_path / "h.jsonl", lines))
    shuffled = lines + lines[::10]
    random.Random(7).shuffle(shuffled)
    result = go(store_url, write(tmp_path / "s.jsonl", shuffled))
    assert (result.accounting.folded, result.accounting.duplicate) == (len(lines), len(lines[::10]))
    assert everything(store_url) == everything(other)


GOOD = canonical_json.loads(line("anna", "x", "need.stated", START, need="n1"))
MALFORMED = {
    b"{bad": "not_json",
    b"[1, 2]": "not_an_object",
    canonical_json.dumps({**GOOD, "id": None}).encode(): "missing_field",
    canonical_json.dumps({**GOOD, "time": None}).encode(): "missing_field",
    canonical_json.dumps({**GOOD, "specversion": "2.0"}).encode(): "unsupported_version",
    canonical_json.dumps({**GOOD, "subject": ""}).encode(): "empty_field",
    canonical_json.dumps({**GOOD, "subject": 7}).encode(): "not_text",
    canonical_json.dumps({**GOOD, "data": {"need": "n1", "x": "y" * 2**21}}).encode(): "too_large",
    b'{"specversion": "1.0\xff"}': "not_utf8",
    canonical_json.dumps({**GOOD, "time": "9999-01-01T00:00:00Z"}).encode(): "time_out_of_range",
    canonical_json.dumps({**GOOD, "time": "2026-13-01T00:00:00Z"}).encode(): "bad_time",
    canonical_json.dumps({**GOOD, "data": {}}).encode(): "invalid_data",
}


def test_malformed_lines_are_dead_letters_and_the_rest_is_unaffected(store_url: str, tmp_path: Path) -> None:
    lines, other = history(10), f"sqlite:///{tmp_path / 'other.db'}"
    go(other, write(tmp_path / "good.jsonl", lines))
    mixed = [each.encode() for each in lines]
    for index, bad in enumerate(MALFORMED):
        mixed.insert(index * 2, bad)
    (tmp_path / "mixed.jsonl").write_bytes(b"\n".join(mixed))
    result = go(store_url, tmp_path / "mixed.jsonl")
    counts = result.accounting.as_mapping()
    assert counts["dead_lettered"] == result.dead_letters == len(MALFORMED)
    assert counts["received"] == len(mixed) == sum(counts[name] for name in OUTCOME_NAMES)
    with open_engine(store_url) as lifecycle:
        letters = [row.letter for row in lifecycle.store.dead_letters()]
        assert lifecycle.store.counts().accounting == result.accounting
    assert {letter.body: letter.reason for letter in letters} == MALFORMED
    assert [letter.place.topic for letter in letters] == ["file:mixed.jsonl"] * len(MALFORMED)
    assert [letter.place.offset for letter in letters] == [index * 2 + 1 for index in range(len(MALFORMED))]
    assert everything(store_url) == everything(other)


def test_time_moves_in_two_runs_as_in_one(store_url: str, tmp_path: Path) -> None:
    lines = history()
    file, other = write(tmp_path / "h.jsonl", lines), f"sqlite:///{tmp_path / 'other.db'}"
    go(other, file, until=LATER)
    first = go(store_url, file, until=START + timedelta(days=20))
    assert first.census.people < 30  # The others wait in the log.
    second = go(store_url, file, until=LATER)
    assert second.accounting.folded == 0
    assert everything(store_url) == everything(other)


def test_time_never_moves_back(sqlite_url: str, tmp_path: Path) -> None:
    file = write(tmp_path / "h.jsonl", history(3))
    go(sqlite_url, file, until=LATER)
    before = everything(sqlite_url)
    with pytest.raises(TimeRefused) as refused:
        go(sqlite_url, file, until=START)
    assert str(refused.value) == (
        f"time was to be moved to 2026-03-02T10:00:00Z, but the database at {tmp_path / 'lifecycle.db'} has "
        "already reached 2027-03-02T10:00:00Z: what was decided by then cannot be undone. Name that moment or "
        "a later one, use `end`, or begin with a new database."
    )
    assert go(sqlite_url, file, until="end").reached_at == LATER
    assert everything(sqlite_url) == before


def test_until_now_is_the_clock_at_the_start(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: START + timedelta(hours=2))
    lines = [
        line("anna", "1", "need.stated", START, need="n1"),
        line("anna", "2", "reply.sent", START + timedelta(hours=3), need="n1"),
        line("anna", "3", "reply.sent", START + timedelta(hours=27), need="n1"),
    ]
    result = go(sqlite_url, write(tmp_path / "h.jsonl", lines), until="now")
    assert result.reached_at == START + timedelta(hours=2)
    assert (result.accounting.folded, result.accounting.future, result.dead_letters) == (2, 1, 1)
    with open_engine(sqlite_url) as lifecycle:
        assert [task["kind"] for task in lifecycle.tasks()] == ["acknowledge"]  # The reply has not come yet.


def test_an_empty_database_has_no_end(sqlite_url: str, tmp_path: Path) -> None:
    result = go(sqlite_url, write(tmp_path / "none.jsonl", ["", "  "]))
    assert (result.accounting.received, result.reached_at) == (0, None)


def test_packed_files_and_standard_input_are_read(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = history(4)
    text = "\r\n".join([*lines, "", ""]).encode()
    packed = tmp_path / "no-suffix"
    packed.write_bytes(gzip.compress(text))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    result = go(sqlite_url, packed, "-")
    assert (result.accounting.folded, result.accounting.duplicate) == (len(lines), len(lines))


def test_a_line_without_end_is_not_held_in_memory(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_lines, "MAX_LINE_BYTES", 1000)
    good = line("anna", "1", "need.stated", START, need="n1")
    (tmp_path / "h.jsonl").write_text("a" * 5500 + "\n" + good + "\n" + "b" * 1001)
    assert go(sqlite_url, tmp_path / "h.jsonl").accounting.folded == 1
    with open_engine(sqlite_url) as lifecycle:
        first, last = (row.letter for row in lifecycle.store.dead_letters())
    assert (first.reason, first.body, last.body) == ("too_large", b"a" * 1000, b"b" * 1000)
    assert first.message == (
        "line 1 of h.jsonl has 5501 bytes, more than the 1048576 allowed; its first 1000 are kept. "
        "Send a reference instead."
    )


def test_large_records_end_a_batch_early(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "BATCH_BYTES", 100)
    batches: list[int] = []
    with open_engine(sqlite_url, POLICY) as lifecycle:
        lines = [line("anna", str(number), "reply.sent", START) for number in range(3)]
        records = [codec.read_record(Place("file:x", 0, 1), each.encode()) for each in lines]
        lifecycle.ingest_records(records, ceiling=None, after_batch=lambda: batches.append(1))
    assert len(batches) == 3


def test_a_file_that_breaks_off_says_where(sqlite_url: str, tmp_path: Path) -> None:
    packed = gzip.compress("".join(f"{each}\n" for each in history(200)).encode())
    (tmp_path / "h.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(Stop, match=r"h\.jsonl\.gz cannot be read after line \d+: .*the lines before count"):
        go(sqlite_url, tmp_path / "h.jsonl.gz")
    with pytest.raises(NotFound, match=r"there is no file .*nowhere\. Check the path"):
        go(sqlite_url, tmp_path / "nowhere")


def test_a_database_that_is_away_for_a_moment_is_waited_for(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(api.time, "sleep", pauses.append)
    commit, failures = api.Store.commit, iter([True, True, False, True])

    def unsteady(self: Any, changes: Any) -> None:
        if next(failures, False):
            raise StoreUnavailable("away")
        commit(self, changes)

    monkeypatch.setattr(api.Store, "commit", unsteady)
    lines = history(10)
    assert go(sqlite_url, write(tmp_path / "h.jsonl", lines)).accounting.folded == len(lines)
    assert pauses == [0.25, 0.5, 0.25]


def test_a_database_that_stays_away_ends_the_run(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(api.time, "sleep", pauses.append)

    def away(self: Any, changes: Any) -> None:
        raise StoreUnavailable("the database is away")

    monkeypatch.setattr(api.Store, "commit", away)
    with pytest.raises(StoreUnavailable, match="the database is away"):
        go(sqlite_url, write(tmp_path / "h.jsonl", history(3)))
    assert len(pauses) == api.ATTEMPTS - 1
    assert sum(pauses) == pytest.approx(31.75)


def test_the_python_api_takes_values_mappings_and_lines(sqlite_url: str) -> None:
    with open_engine(sqlite_url, POLICY.read_text()) as lifecycle:
        counted = lifecycle.ingest(
            [
                Touchpoint("anna", "/test", "1", "need.stated", START, None, {"need": "n1"}),
                canonical_json.loads(line("bert", "2", "need.stated", START, need="n1")),
                line("cleo", "3", "need.stated", START, need="n1"),
                line("cleo", "3", "need.stated", START, need="n1").encode(),
                "{bad",
            ]
        )
        assert (counted.folded, counted.duplicate, counted.dead_lettered) == (3, 1, 1)
        assert lifecycle.store.counts().outbox == 0  # Nobody is told before time moves.
        assert lifecycle.newest_at == START
        assert lifecycle.advance(START) == 3
        assert lifecycle.store.counts().outbox == 3
        assert lifecycle.reached_at == START
        assert [task["person"] for task in lifecycle.tasks()] == ["anna", "bert", "cleo"]
        task = next(lifecycle.tasks())
        assert lifecycle.explain(task["id"])[0] == ('anna, lane prospect: owner is asked: "Answer" (acknowledge)')
        with pytest.raises(ValueError, match="a time has a zone here"):
            lifecycle.advance(datetime(2027, 1, 1))  # noqa: DTZ001 - that is what is tested
    # The policy that is active in the database is the one where none is named.
    with open_engine(sqlite_url) as lifecycle:
        assert lifecycle.engine.policy.name == "tiny"
    with pytest.raises(PolicyMismatch, match="lifecycle policy activate FILE --db URL"):
        open_engine(sqlite_url, POLICY.read_text().replace("tiny", "other"))
    with pytest.raises(NotFound, match=r"the policy nowhere\.yaml cannot be read"):
        open_engine(sqlite_url, "nowhere.yaml")


def test_time_of_day_is_told_in_utc(sqlite_url: str) -> None:
    with open_engine(sqlite_url, POLICY) as lifecycle:
        lifecycle.ingest([line("anna", "1", "need.stated", START, need="n1")])
        lifecycle.advance(LATER.astimezone(UTC))
        assert lifecycle.reached_at == LATER


def letters(url: str) -> list[bytes]:
    with open_engine(url, create=False) as lifecycle:
        return [row.letter.body for row in lifecycle.store.dead_letters()]


@pytest.mark.parametrize("cut", [1, 40, -1])
def test_half_a_last_line_is_forgotten_when_it_is_read_whole(store_url: str, tmp_path: Path, cut: int) -> None:
    """A file may be read while it is written. Whatever else was refused stays."""
    lines = history(8)
    whole = write(tmp_path / "h.jsonl", ["{bad", *lines]).read_bytes()
    *_, last = lines
    (tmp_path / "h.jsonl").write_bytes(whole[: -len(last) - 1] + last.encode()[:cut])
    torn = go(store_url, tmp_path / "h.jsonl")
    assert torn.accounting.dead_lettered == 2
    assert letters(store_url) == [b"{bad", last.encode()[:cut]]
    (tmp_path / "h.jsonl").write_bytes(whole)
    mended = go(store_url, tmp_path / "h.jsonl")
    assert mended.accounting.folded == 1
    assert letters(store_url) == [b"{bad"]


def test_half_a_character_at_the_end_is_half_a_line_too(store_url: str, tmp_path: Path) -> None:
    whole = line("Zo\u00eb", "1", "need.stated", START, need="n1").replace("\\u00eb", "\u00eb").encode()
    assert "\u00eb".encode() in whole
    (tmp_path / "h.jsonl").write_bytes(whole[: whole.index("\u00eb".encode()) + 1])
    go(store_url, tmp_path / "h.jsonl")
    (tmp_path / "h.jsonl").write_bytes(whole + b"\n")
    go(store_url, tmp_path / "h.jsonl")
    assert letters(store_url) == []


def test_a_refused_line_that_another_line_replaced_stays_refused(store_url: str, tmp_path: Path) -> None:
    """Only the first half of a line is what that line makes whole."""
    good = history(1)
    go(store_url, write(tmp_path / "h.jsonl", ['{"specversion": "2.0"}', '{"other']))
    go(store_url, write(tmp_path / "h.jsonl", ['{"specversion": "2.0"} ', *good]))
    assert sorted(letters(store_url)) == [b'{"other', b'{"specversion": "2.0"}', b'{"specversion": "2.0"} ']
