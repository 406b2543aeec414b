"""The demo sample: the same bytes for a seed, every type, every stage, and what befalls real streams."""

import hashlib
import io
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from lifecycle.api import open_engine
from lifecycle.demo import play
from lifecycle.demo.sample import BROKEN_LINES, END, write_sample
from lifecycle.errors import Unreadable
from lifecycle.instant import microseconds
from lifecycle.policies import shipped_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.retractions import counted, retracted
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.language.vocabulary import checker
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.touchpoint import Touchpoint, TouchpointKey, key_of, order_key
from lifecycle.wire.codec import read_event


@cache
def policy() -> Policy:
    return load_policy(shipped_policy(), name="customer_first.yaml")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    path = tmp_path_factory.mktemp("sample") / "sample.jsonl"
    assert write_sample(path) == len(path.read_bytes().splitlines())
    return path.read_bytes().splitlines()


@pytest.fixture(scope="module")
def touchpoints(lines: list[bytes]) -> list[Touchpoint]:
    return [read_event(line) for line in lines if line not in BROKEN_LINES]


def folded_of(known: dict[TouchpointKey, Touchpoint]) -> list[Touchpoint]:
    """Return what counts of a person's touchpoints, in order."""
    return sorted(counted(known.values(), retracted(known.values())), key=order_key)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        write_sample(tmp_path / name, seed=seed, people=60)
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_more_people_leave_the_first_ones_as_they_are(tmp_path: Path) -> None:
    write_sample(tmp_path / "few", people=40)
    write_sample(tmp_path / "many", people=80)
    few, many = ((tmp_path / name).read_bytes().splitlines() for name in ("few", "many"))
    assert not Counter(few) - Counter(many)


def test_every_type_of_the_vocabulary_occurs_and_all_data_fit(touchpoints: list[Touchpoint]) -> None:
    checks = {name: checker(declared, WorkingTime(policy().calendar)) for name, declared in policy().types.items()}
    assert set(checks) == {each.type for each in touchpoints} - {"newsletter.opened"}
    faults = [fault for each in touchpoints if each.type in checks and (fault := checks[each.type](each))]
    assert faults == []


def test_what_befalls_real_streams_befalls_the_sample(lines: list[bytes], touchpoints: list[Touchpoint]) -> None:
    assert len({each.person for each in touchpoints}) == 300
    for broken in BROKEN_LINES:
        assert lines.count(broken) == 1
        with pytest.raises(Unreadable):
            read_event(broken)
    variants: dict[TouchpointKey, set[str]] = {}
    for each in touchpoints:
        variants.setdefault(key_of(each), set()).add(repr(each))
    assert sum(len(found) > 1 for found in variants.values()) == 1
    assert len(touchpoints) - len(variants) > 30
    late = sum(after.occurred_at < before.occurred_at for before, after in pairwise(touchpoints))
    assert late > 30
    assert datetime(2025, 12, 1, tzinfo=UTC) < max(each.occurred_at for each in touchpoints) < END


def test_every_stage_and_every_lane_of_the_default_policy_is_reached(touchpoints: list[Touchpoint]) -> None:
    machine = compile_policy(policy())
    lives: dict[str, dict[TouchpointKey, Touchpoint]] = {}
    for each in touchpoints:
        lives.setdefault(each.person, {})[key_of(each)] = each
    end, lanes = max(each.occurred_at for each in touchpoints), set()
    reached, states, unmatched = set[tuple[str, str]](), Counter[str](), 0
    for person, known in lives.items():
        trail: list[Step] = []
        folded = fold(machine, person, PersonState(), folded_of(known), end, trail=trail)
        reached |= {(step.track, step.name) for step in trail if step.what in ("began", "moved")}
        states.update(step.what for step in trail)
        lanes.add(folded.state.lane)
        unmatched += len(folded.unmatched)
        assert folded.next_due_at is not None
    assert {(track.name, stage) for track in policy().tracks.values() for stage in track.stages} - reached == set()
    assert lanes == {0, 1, 2}
    assert states["completed"] > 50
    assert states["declined"] > 0
    assert unmatched == 0


def test_most_tasks_are_done_and_few_are_overdue(touchpoints: list[Touchpoint]) -> None:
    """The sample is of a company in which people do what they are asked: outcomes came back."""
    machine = compile_policy(policy())
    lives: dict[str, dict[TouchpointKey, Touchpoint]] = {}
    for each in touchpoints:
        lives.setdefault(each.person, {})[key_of(each)] = each
    end, ended, still, overdue = max(each.occurred_at for each in touchpoints), Counter[str](), 0, 0
    for person, known in lives.items():
        folded = fold(machine, person, PersonState(), folded_of(known), end)
        ended.update(each.closed.state for each in folded.closings)
        still += len(folded.state.tasks)
        overdue += sum(task.due_at < microseconds(end) for task in folded.state.tasks.values())
    assert ended["completed"] > 0.85 * ended.total()
    assert 20 < still < 100
    assert 0 < overdue < still / 6


def demonstrated(folder: Path, width: int) -> str:
    """Return what the demo prints where there are so many columns."""
    console = Console(file=io.StringIO(), width=width)
    play.main(folder, console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(scope="module")
def uncut(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demo prints where no line is too long for its terminal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("uncut"))
        return demonstrated(Path("demo-out"), 1_000)


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_demo_fits_its_columns(width: int, uncut: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow terminal and a wide one: no line is longer, and no word is cut."""
    monkeypatch.chdir(tmp_path)
    shown = demonstrated(Path("demo-out"), width)
    assert [line for line in shown.splitlines() if len(line) > width] == []
    assert "".join(shown.split()) == "".join(uncut.split())


@pytest.mark.slow(at_night=True)
def test_the_demo_tells_one_story_and_then_the_counts(tmp_path: Path) -> None:
    """It begins anew each time, its numbers are those of the database, and the commands it names work."""
    folder = tmp_path / "demo-out"
    shown = demonstrated(folder, 160)
    assert shown == demonstrated(folder, 160)
    headings = [
        r"One person's story: [a-z.0-9]+",
        r"Where all 300 stand on 31 December 2025",
        r"What is to be done now, customers first",
        r"What became of all that was asked in that year",
        r"What came in",
        r"Where to look next",
    ]
    assert re.search(".*".join(f"\n{heading}\n" for heading in headings), shown, re.DOTALL)
    assert "Ask whether they have been taken care of: " in shown
    assert "nothing is to come for them on any day: 0." in shown
    [person] = re.findall(r"explain --person (\S+)", shown)
    with open_engine(f"sqlite:///{folder / 'lifecycle.db'}") as lifecycle:
        assert lifecycle.explain_person(person)
        assert f"{len(list(lifecycle.tasks()))} tasks are open; " in shown
    messages = (folder / "tasks.jsonl").read_bytes().splitlines()
    assert f"{len(messages)} tasks, those still to be done, were written to " in shown


@pytest.mark.slow
def test_what_the_demo_prints_into_a_pipe_has_eighty_columns(tmp_path: Path) -> None:
    """And no colours."""
    piped = subprocess.run(
        [sys.executable, "-m", "lifecycle.demo", "demo-out"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert max(len(line) for line in piped.stdout.splitlines()) <= play.WIDTH
    assert "\x1b" not in piped.stdout
    assert piped.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "most"), [("60", 60), ("140", 140), ("", play.WIDTH), ("wide", play.WIDTH)])
def test_columns_of_the_environment_count_in_a_pipe(columns: str, most: int, tmp_path: Path) -> None:
    """As they do for other programs; what is no number does not."""
    command = [sys.executable, "-m", "lifecycle.demo", "demo-out"]
    told = {**os.environ, "COLUMNS": columns}
    piped = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=told)
    assert most - 20 < max(len(line) for line in piped.stdout.splitlines()) <= most
