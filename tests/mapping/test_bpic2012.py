"""BPI Challenge 2012 by its mapping: the counts of the published log, exactly, and types the policy knows."""

import json
import os
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from lifecycle.mapping import ImportResult, import_to_path, load_mapping
from lifecycle.policies import shipped_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.obligations import next_obligation
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.vocabulary import checker
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.touchpoint import Touchpoint, order_key
from lifecycle.wire.codec import read_event

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LIFECYCLE_DATA", ROOT / ".." / "shared" / "data"))
LOG = DATA / "bpic2012_events.csv.gz"
MAPPING = ROOT / "examples" / "bpic2012" / "mapping.yaml"

COUNTS = {
    "inquiry": 13_087,
    "call_on_lead": 5_898,
    "call_to_complete": 23_967,
    "call_after_offer": 22_976,
    "call_about_file": 11_407,
    "offer_sent": 7_030,
    "offer_returned": 3_454,
    "offer_cancelled": 3_655,
    "offer_declined": 802,
    "with_us": 2_246,
    "purchase": 2_246,
    "declined": 7_635,
    "cancelled": 2_807,
}

WITH_US = {"getting_started", "slow_start", "met_or_not", "met"}
LOST = {"went_elsewhere", "turned_away", "turned_away_twice"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not LOG.exists(), reason="the BPI Challenge 2012 log is not here; set LIFECYCLE_DATA to its folder"
    ),
]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImportResult, list[bytes]]:
    out = tmp_path_factory.mktemp("bpic2012") / "touchpoints.jsonl"
    result = import_to_path(load_mapping(MAPPING), LOG, out)
    return result, out.read_bytes().splitlines()


def test_every_row_is_accounted_for(imported: tuple[ImportResult, list[bytes]]) -> None:
    result, lines = imported
    assert result.by_rule == COUNTS
    assert result.rows_read == 262_200
    assert result.bad_rows == 0
    assert result.touchpoints_written == len(lines) == sum(COUNTS.values())
    # An approval is one row and two touchpoints.
    assert result.rows_not_mapped == 262_200 - (sum(COUNTS.values()) - COUNTS["purchase"])


def test_types_and_persons(imported: tuple[ImportResult, list[bytes]]) -> None:
    events = [json.loads(line) for line in imported[1]]
    assert Counter(event["type"] for event in events) == {
        "need.stated": 13_087,
        "reply.sent": 5_898 + 23_967,
        "conversation.held": 22_976 + 11_407,
        "offer.made": 7_030,
        "offer.returned": 3_454,
        "offer.withdrawn": 3_655 + 802,
        "decision.made": 2_246 + 2_807,
        "purchase.completed": 2_246,
        "offer.refused": 7_635,
    }
    assert len({event["subject"] for event in events}) == 13_087
    assert len({event["id"] for event in events}) == len(events)
    assert all(event["data"]["need"] == event["subject"] for event in events)


def test_the_default_policy_accepts_all_of_it(imported: tuple[ImportResult, list[bytes]]) -> None:
    policy = load_policy(shipped_policy(), name="customer_first.yaml")
    checks = {name: checker(declared, WorkingTime(policy.calendar)) for name, declared in policy.types.items()}
    faults = []
    for line in imported[1][::7]:
        touchpoint = read_event(line)
        faults.append(checks[touchpoint.type](touchpoint))
    assert set(faults) == {None}


@pytest.fixture(scope="module")
def lives(imported: tuple[ImportResult, list[bytes]]) -> dict[str, list[Touchpoint]]:
    found: dict[str, list[Touchpoint]] = {}
    for line in imported[1]:
        touchpoint = read_event(line)
        found.setdefault(touchpoint.person, []).append(touchpoint)
    return {person: sorted(known, key=order_key) for person, known in found.items()}


def test_who_stands_where_at_the_end_of_the_log(lives: dict[str, list[Touchpoint]]) -> None:
    machine = compile_policy(load_policy(shipped_policy(), name="customer_first.yaml"))
    end = max(known[-1].occurred_at for known in lives.values())
    stages: Counter[str] = Counter()
    for person, known in lives.items():
        trail: list[Step] = []
        state = fold(machine, person, PersonState(), known, end, trail=trail).state
        stage = state.tracks["need"][person].stage
        stages[stage] += 1
        obligation = next_obligation(machine, state, end)
        assert obligation is not None
        if stage in LOST:
            assert obligation.at > end
            lost_at = next(step.at for step in trail if step.what == "moved" and step.name == stage)
            opened = {step.name for step in trail if step.what == "opened" and step.at >= lost_at}
            assert opened & {"thank_and_learn", "point_elsewhere"}
    assert sum(stages[stage] for stage in WITH_US) == 2_246
    assert sum(stages[stage] for stage in LOST) == 10_442
    assert sum(stages.values()) - 2_246 - 10_442 == 399


def test_a_year_later_every_lost_need_rests_with_a_review(lives: dict[str, list[Touchpoint]]) -> None:
    policy = load_policy(shipped_policy(), name="customer_first.yaml")
    machine = compile_policy(policy)
    end = max(known[-1].occurred_at for known in lives.values()) + timedelta(days=365)
    lost = {
        person: known
        for person, known in lives.items()
        if any(each.type == "offer.refused" or each.data.get("outcome") == "elsewhere" for each in known)
    }
    assert len(lost) == 10_442
    for person, known in list(lost.items())[::10]:
        state = fold(machine, person, PersonState(), known, end).state
        instance = state.tracks["need"][person]
        assert policy.tracks["need"].stages[instance.stage].review is not None
        assert instance.pending
