"""The example policies: proved, told in words, and doing what their scenarios say."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from lifecycle.mapping import load_mapping, require_fit
from lifecycle.policies import read_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.language.policy import Stage, TaskRule
from lifecycle.rules.proof.check import check_policy
from lifecycle.rules.scenarios.run import report, run_scenario
from lifecycle.rules.scenarios.table import read_scenario

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDER = EXAMPLES / "policies"
POLICIES = sorted([*FOLDER.glob("*/*.yaml"), EXAMPLES / "helpdesk" / "policy.yaml"])
TABLES = sorted(FOLDER.glob("*/scenarios/*.txt"))
LEAST_WORDS = 3
VOICE = re.compile(r"\b(I|me|my|you|we)\b", re.IGNORECASE)


@cache
def machine_of(path: Path) -> Machine:
    return compile_policy(read_policy(path))


def policy_of(table: Path) -> Path:
    """Return the policy that a table is for: the one that has the name of its folder."""
    folder = table.parents[1]
    return folder / f"{folder.name}.yaml"


def tasks_of(stage: Stage) -> list[TaskRule]:
    """Return every task of a stage, escalations and the review among them."""
    found: list[TaskRule] = []
    waiting = [*stage.tasks, *([stage.review] if stage.review else [])]
    while waiting:
        task = waiting.pop()
        found.append(task)
        waiting += [task.or_else] if task.or_else else []
    return found


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_example_is_proved_without_a_finding(path: Path) -> None:
    assert [str(finding) for finding in check_policy(read_policy(path))] == []


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_stage_and_every_task_of_an_example_is_a_sentence(path: Path) -> None:
    """A stage in the voice of the person, a task as somebody would say it to a colleague."""
    policy = read_policy(path)
    for track in policy.tracks.values():
        for stage in track.stages.values():
            assert stage.means.endswith("."), f"{track.name}.{stage.name}: {stage.means}"
            assert VOICE.search(stage.means), stage.means
            for task in tasks_of(stage):
                assert task.ask.text[0].isupper(), task.ask
                assert len(task.ask.text.split()) >= LEAST_WORDS, task.ask


@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table.parents[1].name}-{table.stem}")
def test_a_scenario_comes_out_as_written(table: Path) -> None:
    machine = machine_of(policy_of(table))
    scenario = read_scenario(table.read_text(encoding="utf-8"), machine.policy, name=table.name)
    results = run_scenario(machine, scenario)
    assert [report(scenario, result) for result in results if not result.passed] == []


@pytest.mark.parametrize("name", ["shop", "b2b", "community"])
def test_every_stage_and_every_task_of_an_example_is_in_a_scenario(name: str) -> None:
    """So a rule that is taken out of the policy is missed by a table. A review counts by its track."""
    policy = machine_of(FOLDER / name / f"{name}.yaml").policy
    written = "".join(table.read_text(encoding="utf-8") for table in TABLES if table.parents[1].name == name)
    missing = []
    for track in policy.tracks.values():
        instance = rf"{track.name}(\[\w+\])?"
        for stage in track.stages.values():
            if not re.search(rf"{instance}={stage.name}\b", written):
                missing.append(f"{track.name}.{stage.name}")
            for task in tasks_of(stage):
                if not re.search(rf"\+ {instance}\.{task.name}(?!/)\b", written):
                    missing.append(f"{track.name}.{stage.name}.{task.name}")
    assert missing == []


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("bpic2012", EXAMPLES.parent / "lifecycle" / "policies" / "customer_first.yaml"),
        ("cdnow", FOLDER / "shop" / "cd_shop.yaml"),
        ("helpdesk", EXAMPLES / "helpdesk" / "policy.yaml"),
    ],
)
def test_what_a_mapping_makes_is_known_to_its_policy(name: str, policy: Path) -> None:
    """Also where the data of the example are not at hand: every required field, and none that nobody looks at."""
    assert require_fit(load_mapping(EXAMPLES / name / "mapping.yaml"), machine_of(policy)) == ()


def test_the_language_is_shown_whole_by_the_examples() -> None:
    """Kinds of contact, calendars, settings by a fact and an included policy: each stands in an example."""
    texts = "".join(path.read_text(encoding="utf-8") for path in POLICIES)
    wanted = [
        "depends_on",
        "zone_from",
        "holidays",
        "most:",
        "quiet:",
        "stops:",
        "business hours",
        "business day",
        "or_else",
    ]
    wanted += [
        "includes:",
        "without:",
        "watched_by",
        "loss: true",
        "review:",
        "any by person",
        "choose",
        "set:",
        "sum:",
    ]
    assert [word for word in wanted if word not in texts] == []
