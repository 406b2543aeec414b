"""`run --from`: what was due before is not asked, on both stores, in any order and split; settled once."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle import canonical_json, open_engine
from lifecycle.embedded import RunResult
from lifecycle.errors import TimeRefused
from tests.cli.stories import START, history, write
from tests.embedded.test_embedded import everything, go

FROM = START + timedelta(days=80)
LATER = START + timedelta(days=100)


def begun(url: str, *events: Path, **options: Any) -> RunResult:
    return go(url, *events, **{"ask_from": FROM, "spread_days": 10, "until": LATER, **options})


def test_what_was_due_before_is_told_to_nobody_and_counted(store_url: str, tmp_path: Path) -> None:
    """The messages are of tasks that opened after that moment or are due after it."""
    tasks = tmp_path / "tasks.jsonl"
    result = begun(store_url, write(tmp_path / "h.jsonl", history(200)), tasks=tasks)
    messages = [canonical_json.loads(each) for each in tasks.read_bytes().splitlines()]
    assert messages
    assert {each["type"] for each in messages} == {"task.requested"}
    since = FROM.isoformat().replace("+00:00", "Z")
    assert all(max(each["data"]["requested_at"], each["data"]["due_at"]) >= since for each in messages)
    ended = [each for each in map(canonical_json.loads, everything(store_url)[1]) if each["reason"] == "before_start"]
    assert result.census.not_asked >= len(ended) > result.census.asked_anew > 0
    days = {each["data"]["requested_at"] for each in messages if each["data"]["requested_at"] >= since}
    assert len(days) > 3


def test_any_order_and_split_end_alike(store_url: str, tmp_path: Path) -> None:
    """Half of the news comes when the moment is over, in another order: people and tasks are the same to the byte."""
    lines = history(40)
    begun(store_url, write(tmp_path / "all.jsonl", lines))
    expected = everything(store_url)
    shuffled = random.Random(3).sample(lines, len(lines))
    middle = len(lines) // 2
    other = f"sqlite:///{tmp_path / 'other.db'}"
    begun(other, write(tmp_path / "1.jsonl", shuffled[:middle]), until=FROM - timedelta(days=1))
    begun(other, write(tmp_path / "2.jsonl", shuffled[: middle + 20]), until=FROM + timedelta(days=3))
    begun(other, write(tmp_path / "3.jsonl", shuffled))
    assert everything(other) == expected


def test_nobody_is_told_before_the_moment_of_what_it_ends(store_url: str, tmp_path: Path) -> None:
    """A run that ends before it, and one after it: no message says before_start."""
    file, tasks = write(tmp_path / "h.jsonl", history(200)), tmp_path / "tasks.jsonl"
    begun(store_url, file, tasks=tasks, until=FROM - timedelta(days=1))
    begun(store_url, file, tasks=tasks)
    messages = [canonical_json.loads(each) for each in tasks.read_bytes().splitlines()]
    assert messages
    assert "before_start" not in {each["data"]["reason"] for each in messages}


def test_the_moment_is_settled_by_the_first_run(store_url: str, tmp_path: Path) -> None:
    """The same or none goes on; another is refused with both, and so is another spread."""
    file = write(tmp_path / "h.jsonl", history())
    begun(store_url, file)
    before = everything(store_url)
    begun(store_url, file, spread_days=None)
    assert begun(store_url, file, ask_from=None, spread_days=None).ask_from is not None
    assert everything(store_url) == before
    with pytest.raises(TimeRefused, match=r"--from is 2026-.*but the database at .* asks from 2026-.* cannot be moved"):
        begun(store_url, file, ask_from=FROM + timedelta(days=1))
    with pytest.raises(TimeRefused, match=r"spread over 3 days, but .* spread over 10 days: that was settled once"):
        begun(store_url, file, spread_days=3)
    assert everything(store_url) == before


def test_it_is_too_late_where_people_are(store_url: str, tmp_path: Path) -> None:
    """They were asked already."""
    file = write(tmp_path / "h.jsonl", history())
    go(store_url, file)
    with pytest.raises(TimeRefused, match=r"has been in use without such a moment: what was asked there cannot be un"):
        begun(store_url, file)


def test_an_engine_opened_in_python_takes_it_too(store_url: str) -> None:
    with open_engine(store_url, ask_from=FROM, spread_days=7) as lifecycle:
        assert lifecycle.engine.machine.ask_from == lifecycle.questions.machine.ask_from
    with open_engine(store_url) as lifecycle:
        found = lifecycle.engine.machine.ask_from
        assert found is not None
        assert (found.at, found.days) == (FROM, 7)
