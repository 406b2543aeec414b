"""The help desk by its mapping and its policy: nothing lost, nothing joined, and the figures of its README."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from lifecycle.mapping import ImportResult, import_to_path, load_mapping
from lifecycle.policies import read_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.obligations import next_obligation
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.touchpoint import Touchpoint, order_key
from lifecycle.wire.codec import read_event

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LIFECYCLE_DATA", ROOT / ".." / "shared" / "data"))
LOG = DATA / "helpdesk_events.csv.gz"
EXAMPLE = ROOT / "examples" / "helpdesk"

COUNTS = {
    "asked": 4_580,
    "judged": 4_938,
    "taken": 5_060,
    "on_hold": 1_654,
    "marked": 21,
    "resolved": 4_983,
    "closed": 4_574,
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LOG.exists(), reason="the help desk log is not here; set LIFECYCLE_DATA to its folder"),
]

Imported = tuple[ImportResult, list[bytes]]
Trails = dict[str, list[Step]]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    out = tmp_path_factory.mktemp("helpdesk") / "touchpoints.jsonl"
    return import_to_path(load_mapping(EXAMPLE / "mapping.yaml"), LOG, out), out.read_bytes().splitlines()


@pytest.fixture(scope="module")
def touchpoints(imported: Imported) -> list[Touchpoint]:
    return [read_event(line) for line in imported[1]]


@pytest.fixture(scope="module")
def run(touchpoints: list[Touchpoint]) -> tuple[Counter[str], Trails, int]:
    """Everybody folded to the end of the file: the last stages, what happened, and who has no next obligation."""
    machine = compile_policy(read_policy(EXAMPLE / "policy.yaml"))
    end = max(each.occurred_at for each in touchpoints)
    stages, trails, forgotten = Counter[str](), Trails(), 0
    for ticket in dict.fromkeys(each.person for each in touchpoints):
        trails[ticket] = []
    lives: dict[str, list[Touchpoint]] = {ticket: [] for ticket in trails}
    for each in touchpoints:
        lives[each.person].append(each)
    for ticket, life in lives.items():
        life.sort(key=order_key)
        state = fold(machine, ticket, PersonState(), life, end, trail=trails[ticket]).state
        stages[state.tracks["ticket"][ticket].stage] += 1
        forgotten += next_obligation(machine, state, end) is None
    return stages, trails, forgotten


def asked(trails: Trails, kind: str) -> set[str]:
    """Return the tickets for which a task was asked."""
    return {ticket for ticket, trail in trails.items() for step in trail if (step.what, step.name) == ("opened", kind)}


def test_every_row_becomes_a_touchpoint(imported: Imported) -> None:
    """And the first of each ticket a second one: somebody asked."""
    result, lines = imported
    assert result.by_rule == COUNTS
    assert (result.rows_read, result.bad_rows, result.rows_not_mapped) == (21_348, 0, 0)
    assert len(lines) == sum(COUNTS.values()) == 25_810


def test_exact_duplicates_stay_two(touchpoints: list[Touchpoint]) -> None:
    """127 rows repeat another one; ids are row numbers, so none is taken for a repetition."""
    assert len({(each.source, each.id) for each in touchpoints}) == 25_810
    seen = Counter(
        (each.person, each.type, each.occurred_at, json.dumps(dict(each.data), sort_keys=True)) for each in touchpoints
    )
    assert sum(number - 1 for number in seen.values() if number > 1) >= 127


def test_the_clock_is_read_as_utc_whatever_offset_it_states(touchpoints: list[Touchpoint]) -> None:
    first = min(touchpoints, key=order_key)
    assert (first.id, first.occurred_at.isoformat()) == ("helpdesk-1-asked", "2010-01-13T08:40:25+00:00")


def test_whoever_was_told_it_is_solved_more_than_once_is_told_sorry(
    touchpoints: list[Touchpoint], run: tuple[Counter[str], Trails, int]
) -> None:
    """386 tickets: counted from the touchpoints alone, and asked for by the policy; the same ones."""
    resolved = Counter(each.person for each in touchpoints if each.type == "ticket.resolved")
    more_than_once = {ticket for ticket, number in resolved.items() if number > 1}
    assert len(more_than_once) == 386
    assert asked(run[1], "say_sorry") == more_than_once


def test_whoever_comes_back_after_closing_is_called(
    touchpoints: list[Touchpoint], run: tuple[Counter[str], Trails, int]
) -> None:
    """Three tickets, and nobody else: Closed twice is not coming back."""
    assert asked(run[1], "call_them") == {"Case192", "Case1345", "Case2436"}


def test_the_figures_of_the_readme_are_measured(imported: Imported, run: tuple[Counter[str], Trails, int]) -> None:
    stages, trails, forgotten = run
    back = {
        ticket
        for ticket, trail in trails.items()
        for step in trail
        if (step.what, step.name) == ("moved", "back_again")
    }
    measured = [
        len(trails),
        len(imported[1]),
        len(asked(trails, "say_sorry")),
        len(back),
        len(asked(trails, "call_them")),
        len(asked(trails, "give_it_a_name")),
        stages["closed"],
        stages["stuck"],
        forgotten,
    ]
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| ([\d,]+) \|", readme, re.MULTILINE) == [f"{figure:,}" for figure in measured]
