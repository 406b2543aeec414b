"""The demo sample: the same bytes for a seed, every type, every stage, and what befalls real streams."""

import hashlib
import io
import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from lifecycle import demo
from lifecycle.api import open_engine
from lifecycle.codec import read_event
from lifecycle.errors import Unreadable
from lifecycle.policies import shipped_policy
from lifecycle.rules.calendar import WorkingTime
from lifecycle.rules.compile import compile_policy
from lifecycle.rules.fold import fold
from lifecycle.rules.load import load_policy
from lifecycle.rules.policy import Policy
from lifecycle.rules.snapshot import PersonState
from lifecycle.rules.vocabulary import checker
from lifecycle.rules.working import Step
from lifecycle.sample import BROKEN_LINES, END, write_sample
from lifecycle.touchpoint import Touchpoint, TouchpointKey, key_of, order_key


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
        folded = fold(machine, person, PersonState(), sorted(known.values(), key=order_key), end, trail=trail)
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


def test_the_demo_shows_people_tasks_and_where_to_look_next(tmp_path: Path) -> None:
    shown = []
    for _ in range(2):  # it begins anew each time
        console = Console(file=io.StringIO(), width=160)
        demo.main(tmp_path / "demo-out", console)
        shown.append(console.file.getvalue())  # type: ignore[attr-defined]
    assert shown[0] == shown[1]
    for word in ("People by track and stage", "went_elsewhere", "Open tasks, customers first", "customer_in_trouble"):
        assert word in shown[0]
    assert "300 people, 0 without a next obligation" in shown[0]
    [task_id] = re.findall(r"explain (\S+) --db", shown[0])
    with open_engine(f"sqlite:///{tmp_path / 'demo-out' / 'lifecycle.db'}") as lifecycle:
        assert lifecycle.explain(task_id)
    messages = (tmp_path / "demo-out" / "tasks.jsonl").read_bytes().splitlines()
    assert f"{len(messages)} task messages" in shown[0]
