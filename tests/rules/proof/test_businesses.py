"""Policies of businesses that are none of ours, written from docs/policy.md alone: right ones have no finding at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.policies import read_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.proof.check import check_policy
from lifecycle.rules.scenarios.run import report, run_scenario
from lifecycle.rules.scenarios.table import read_scenario

FOLDER = Path(__file__).parent / "businesses"
POLICIES = sorted(FOLDER.glob("*.yaml"))
TABLES = sorted(FOLDER.glob("scenarios/*.txt"))


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_a_right_policy_of_another_business_has_no_finding(path: Path) -> None:
    """Neither a refusal nor a warning: both would send its author after a fault that is none."""
    assert [str(finding) for finding in check_policy(read_policy(path))] == []


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_what_its_author_expects_of_it_happens(path: Path) -> None:
    """A table begins with the name of the file that it is about."""
    machine = compile_policy(read_policy(FOLDER / f"{path.stem.partition('_')[0]}.yaml"))
    scenario = read_scenario(path.read_text(encoding="utf-8"), machine.policy, name=path.name)
    results = run_scenario(machine, scenario)
    assert len(results) > 2
    assert [report(scenario, result) for result in results if not result.passed] == []
