"""The default policy: every wish has scenarios that pass, and fail when the rule that carries them is taken out.

The page docs/policies/wishes.md says which rule carries which scenario, and is read here, so it cannot rot.
"""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

import lifecycle.policies
from lifecycle.instant import microseconds
from lifecycle.policies import DEFAULT_POLICY, shipped_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.proof.check import check_policy
from lifecycle.rules.scenarios.run import report, run_scenario
from lifecycle.rules.scenarios.table import Scenario, read_scenario
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.touchpoint import Touchpoint
from tests.seeds import seeds

SCENARIOS = Path(str(lifecycle.policies.__file__)).parent / "scenarios"
PAGE = Path(__file__).parents[2] / "docs" / "policies" / "wishes.md"
WISHES = (
    "Customers are not put on hold while newcomers are courted",
    "Effort is seen",
    "The company knows its customers",
    "After the sale, the energy that was spent before it",
    "A need, not a contact",
    "After a lost sale somebody asks whether they are taken care of",
    "Why they choose, why they stay and why they leave are kept apart",
    "Promises are kept or broken, and tracked until one or the other",
    "Renewal is prepared in time, as a question about value",
    "Trials look like the onboarding of a customer",
    "Not everybody buys",
    "Reason, season or lifetime",
)
"""The lines of section 6 of the design, in their order, as the page calls them."""

BESIDES = "What holds for all of them"
ROW = re.compile(r"^\| (\w+) \| (`.+`) \|$", re.MULTILINE)


def cases() -> list[tuple[str, str, str]]:
    """Return (wish, scenario, rule) for every rule that the page names."""
    _, *parts = PAGE.read_text(encoding="utf-8").split("\n## ")
    return [
        (part.partition("\n")[0], row[1], rule)
        for part in parts
        for row in ROW.finditer(part)
        for rule in re.findall(r"`([^`]+)`", row[2])
    ]


CASES = cases()
NAMES = sorted(path.stem for path in SCENARIOS.glob("*.txt"))


@cache
def policy() -> Policy:
    return load_policy(shipped_policy(), name=DEFAULT_POLICY)


@cache
def machine() -> Machine:
    return compile_policy(policy())


@cache
def scenario(name: str) -> Scenario:
    text = (SCENARIOS / f"{name}.txt").read_text(encoding="utf-8")
    return read_scenario(text, policy(), name=name, called={Path(DEFAULT_POLICY).stem})


@cache
def tree_of_the_policy() -> Any:
    """Return the default policy as tables and lists: read once, for reading it takes most of a case."""
    return yaml.load(shipped_policy(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def steps(tree: Any, path: str) -> list[str | int]:
    """Return the keys that a path with dots names; a key may hold dots itself, as types do."""
    if not path:
        return []
    parts = path.split(".")
    if isinstance(tree, list):
        return [int(parts[0]), *steps(tree[int(parts[0])], ".".join(parts[1:]))]
    for end in range(len(parts), 0, -1):
        key = ".".join(parts[:end])
        if isinstance(tree, dict) and key in tree:
            return [key, *steps(tree[key], ".".join(parts[end:]))]
    raise KeyError(f"The policy has no {path}. Mend the path in {PAGE.name}.")


def without(path: str) -> Machine:
    """Return the default policy with one rule taken out; a table or list that is empty then goes with it."""
    tree = copy.deepcopy(tree_of_the_policy())
    keys = steps(tree, path)
    while keys:
        inside = tree
        for key in keys[:-1]:
            inside = inside[key]
        del inside[keys.pop()]
        if inside:
            break
    return compile_policy(load_policy(json.dumps(tree), name=f"without {path}"))


def test_the_page_has_every_wish_and_every_scenario() -> None:
    """No line of the design is left out, no scenario stands there for nothing, no row is unread."""
    assert tuple(dict.fromkeys(wish for wish, _, _ in CASES)) == (*WISHES, BESIDES)
    assert sorted({name for _, name, _ in CASES}) == NAMES
    page = PAGE.read_text(encoding="utf-8")
    rows = [
        line for line in page.splitlines() if line.startswith("| ") and not line.startswith(("| scenario", "| ---"))
    ]
    assert len(rows) == len(ROW.findall(page))


@pytest.mark.parametrize("name", NAMES)
def test_the_default_policy_does_what_the_scenario_says(name: str) -> None:
    """Every stage, task, lane and day of the table."""
    failed = [report(scenario(name), each) for each in run_scenario(machine(), scenario(name)) if not each.passed]
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("case", seeds([(name, rule) for _, name, rule in CASES], quick=40), ids="-".join)
def test_the_scenario_fails_without_the_rule_that_carries_it(case: tuple[str, str]) -> None:
    """The rule is taken out, the policy can still be read, and the table notices."""
    name, rule = case
    results = run_scenario(without(rule), scenario(name))
    assert not all(each.passed for each in results), f"{name} passes without {rule}"


def test_writing_the_policy_as_a_tree_changes_nothing() -> None:
    """So a scenario that fails without a rule fails for want of that rule alone."""
    again = load_policy(json.dumps(tree_of_the_policy()), name="again")
    assert again.hash == policy().hash


def test_the_checker_finds_nothing_in_the_default_policy() -> None:
    """Neither what refuses it nor what only looks unmeant."""
    assert [str(each) for each in check_policy(policy())] == []


def test_a_trial_asks_for_the_same_as_the_onboarding_of_a_customer() -> None:
    """After the same time, due in the same time, as the same kind of contact, in stages that last as long."""
    trying, starting = (policy().tracks["need"].stages[name] for name in ("trying", "getting_started"))
    for ours, theirs in zip(trying.tasks, starting.tasks, strict=True):
        for key in ("after", "due", "contact", "by", "expires"):
            assert getattr(ours, key) == getattr(theirs, key), (ours.name, key)
    assert [move.after for move in trying.later] == [move.after for move in starting.later]


def test_why_they_chose_stay_and_leave_are_three_facts() -> None:
    """A reason is kept under what it is a reason for, and nowhere else."""
    numbers = count(1)

    def told(type_: str, **data: Any) -> Touchpoint:
        number = next(numbers)
        at = datetime(2026, 3, number, 10, tzinfo=UTC)
        return Touchpoint("anna", "test", str(number), type_, at, None, data)

    known = [
        told("decision.made", need="n1", outcome="elsewhere", reason="price"),
        told("decision.made", need="n2", outcome="not_now", reason="no time"),
        told("decision.made", need="n3", outcome="with_us", reason="they listened"),
        told("conversation.held", about="choosing", why_chose="a friend said so"),
        told("conversation.held", about="listening", why_stay="it works"),
        told("contract.signed", contract="c1", renewal_on="2027-03-02"),
        told("renewal.answered", contract="c1", answer="leaves", reason="nobody called"),
    ]
    state = fold(machine(), "anna", PersonState(), known, None).state
    view = View(None, state.facts, state.tracks, microseconds(known[-1].occurred_at))
    facts = {name: sorted(machine().fact_readers["", name](view)) for name in ("why_chose", "why_stay", "why_left")}
    assert facts == {
        "why_chose": ["a friend said so", "they listened"],
        "why_stay": ["it works"],
        "why_left": ["nobody called", "price"],
    }


def test_a_task_of_a_keyed_track_says_which_one() -> None:
    """Two of a kind are told apart by their words: by the key, or by a fact of the instance.

    But for roles, of which each has a stage of its own.
    """
    for track in (each for each in policy().tracks.values() if each.name != "role"):
        for stage in track.stages.values():
            for task in (*stage.tasks, stage.review):
                blanks = [] if task is None else [part for part in task.ask.parts if not isinstance(part, str)]
                told = {blank.of for blank in blanks if blank.of == "key" or blank.name in track.facts}
                assert track.per == "person" or task is None or told, f"{track.name}.{stage.name}.{task.name}"
