"""`lifecycle policy test`, `diagram`, `describe` and `schema`, through typer's own runner, and what is generated."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lifecycle.cli.app import app
from lifecycle.cli.commands import policies
from tests.rules.scenarios.tables import COLUMNS, HEAD, POLICY, STATED

Run = Callable[..., Result]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `lifecycle policy WORDS` in a folder with shop.yaml and scenarios/answer.txt, which passes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "answer.txt").write_text(HEAD + COLUMNS + STATED, encoding="utf-8")

    def invoke(*words: Any, code: int = 0) -> Result:
        given = ["policy", *(str(word) for word in words)]
        result = CliRunner().invoke(app, given, prog_name="lifecycle", catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_the_folder_beside_the_policy_is_run(policy: Run) -> None:
    """Without naming a table."""
    result = policy("test", "shop.yaml")
    assert result.stdout == "passed  scenarios/answer.txt  a test (1 row)\n"
    assert result.stderr == "1 scenario: 1 passed.\n"


def test_a_failed_row_ends_with_1_and_is_shown(policy: Run) -> None:
    """With its file and line."""
    Path("scenarios/wrong.txt").write_text(HEAD + COLUMNS + STATED + "+ 1d | (time) | need[n1]=met |\n")
    result = policy("test", "shop.yaml", code=1)
    assert result.stdout.splitlines() == [
        "passed  scenarios/answer.txt  a test (1 row)",
        "scenarios/wrong.txt:6: need[n1] should be at met and is at stated.",
        "           | time | touchpoint | expected stages | expected tasks",
        "  expected | + 1d | (time)     | need[n1]=met    |",
        "  got      | + 1d | (time)     | need[n1]=stated |",
        "failed  scenarios/wrong.txt  a test (1 of 2 rows failed)",
    ]
    assert result.stderr == "2 scenarios: 1 passed, 1 failed.\n"


def test_rows_that_could_not_be_run_are_counted(policy: Run) -> None:
    """After one that names a task nobody asked for."""
    rows = "+ 1h | task.completed task=thank | |\n+ 1d | (time) | |\n+ 1d | (time) | |\n"
    Path("one.txt").write_text(HEAD + COLUMNS + STATED + rows)
    result = policy("test", "shop.yaml", "one.txt", code=1)
    assert result.stdout.endswith("failed  one.txt  a test (1 of 2 rows failed, 2 not run)\n")


def test_a_table_that_cannot_be_read_ends_with_2_and_the_others_are_run(policy: Run) -> None:
    """The finding has file, line and column."""
    Path("bad.txt").write_text(HEAD + COLUMNS + "2026-03-02 10:00 | need.sttd | |\n")
    result = policy("test", "shop.yaml", "bad.txt", "scenarios/answer.txt", code=2)
    assert 'bad.txt:5:20: "need.sttd" is not a touchpoint. Did you mean "need.stated"? [unknown-type]' in result.stderr
    assert "passed  scenarios/answer.txt" in result.stdout
    assert result.stderr.endswith("2 scenarios: 1 passed, 1 cannot be read.\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("none.yaml",), "none.yaml"),
        (("shop.yaml", "none.txt"), "none.txt is not there. Name a scenario table, or a folder of them."),
        (("shop.yaml", "empty"), "empty holds no scenario tables (*.txt) about this policy."),
        (("torn.yaml",), "torn.yaml:1:9: This is not YAML"),
        (("shop.yaml", "latin.txt"), "latin.txt cannot be read"),
    ],
)
def test_what_is_not_there_or_cannot_be_read_ends_with_2(policy: Run, words: tuple[str, ...], expected: str) -> None:
    """A policy, a table, a folder without tables."""
    Path("empty").mkdir()
    Path("torn.yaml").write_text("policy: [x\n")
    Path("latin.txt").write_bytes(b"scenario  caf\xe9\n")
    assert expected in policy("test", *words, code=2).stderr


def test_a_policy_with_findings_ends_with_1_as_everywhere(policy: Run) -> None:
    """It was read, and refused: `policy check` and `run` say the same."""
    Path("bad.yaml").write_text("policy: x\n")
    for command in ("test", "check", "diagram"):
        told = policy(command, "bad.yaml", code=1)
        assert 'A policy needs "language: 1". [missing]' in told.output


def test_of_a_folder_only_the_tables_about_this_policy_are_run(policy: Run) -> None:
    """Several policies can share a folder; what is left out is told."""
    Path("scenarios/other.txt").write_text(HEAD.replace("small_shop", "other") + COLUMNS + STATED)
    result = policy("test", "shop.yaml")
    assert result.stderr == "not run scenarios/other.txt: it is about other\n1 scenario: 1 passed.\n"
    assert 'This table is about "other"' in policy("test", "shop.yaml", "scenarios/other.txt", code=2).stderr


def test_a_table_may_name_the_file_of_its_policy(policy: Run) -> None:
    """As well as the policy's own name."""
    Path("scenarios/answer.txt").write_text(HEAD.replace("small_shop", "shop") + COLUMNS + STATED)
    policy("test", "shop.yaml")


def test_a_table_that_is_too_large_is_refused(policy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without reading more of it."""
    monkeypatch.setattr("lifecycle.rules.scenarios.table.MAX_BYTES", 100)
    assert "[too-large]" in policy("test", "shop.yaml", "scenarios/answer.txt", code=2).stderr


def test_diagram_writes_mermaid_and_dot(policy: Run) -> None:
    """All tracks, or one."""
    assert policy("diagram", "shop.yaml").stdout.startswith('stateDiagram-v2\n    state "watch" as t0 {\n')
    dot = policy("diagram", "shop.yaml", "--format", "dot", "--track", "need").stdout
    assert dot.startswith('digraph "small-shop" {\n')
    assert 'label="watch"' not in dot


def test_diagram_of_a_track_that_is_not_there_names_the_nearest(policy: Run) -> None:
    """A typing mistake."""
    result = policy("diagram", "shop.yaml", "--track", "ned", code=1)
    assert result.stderr == 'lifecycle: shop.yaml has no track "ned". Did you mean "need"?\n'


def test_svg_without_graphviz_says_what_to_install(policy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what can be had without it."""
    monkeypatch.setenv("PATH", os.devnull)
    message = policy("diagram", "shop.yaml", "--format", "svg", code=1).stderr
    assert "Install Graphviz (apt install graphviz, brew install graphviz, choco install graphviz)" in message
    assert "or write --format mermaid or --format dot" in message


def program(folder: Path, body: str) -> None:
    """Put a program `dot` into a folder."""
    path = folder / "dot"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_svg_is_what_graphviz_makes_of_the_dot_graph(
    policy: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for it shows what it was given."""
    program(tmp_path, 'echo "<svg>$1"; cat')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    dot = policy("diagram", "shop.yaml", "--format", "dot").stdout
    assert policy("diagram", "shop.yaml", "--format", "svg").stdout == f"<svg>-Tsvg\n{dot}"


def test_graphviz_that_fails_is_told_with_its_own_words(
    policy: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a drawing, and not silence."""
    program(tmp_path, 'echo "no such font" >&2; exit 3')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert "Graphviz failed: no such font" in policy("diagram", "shop.yaml", "--format", "svg", code=1).stderr


def test_describe_tells_a_stage_in_sentences(policy: Run) -> None:
    """Of a given policy, and of the default one."""
    lines = policy("describe", "need.lost", "--policy", "shop.yaml").stdout.splitlines()
    assert lines[0].startswith("need.lost (policy line ")
    assert lines[1] == 'They would say: "I went elsewhere."'
    assert "It is a loss" in policy("describe", "need.went_elsewhere").stdout
    message = policy("describe", "need.los", "--policy", "shop.yaml", code=1).stderr
    assert message == 'lifecycle: The policy small-shop has no stage "need.los". Did you mean need.lost?\n'


def test_schema_prints_the_language_or_the_types_of_a_policy(policy: Run) -> None:
    """The first is the same for every policy."""
    assert policy("schema").stdout == (ROOT / policies.SCHEMA).read_text(encoding="utf-8")
    types = json.loads(policy("schema", "--types", "--policy", "shop.yaml").stdout)
    assert list(types)[-1] == "purchase.completed"
    message = policy("schema", "--policy", "shop.yaml", code=2).stderr
    assert message == (
        "lifecycle: The schema of the language is one for all policies. Add --types, or leave out --policy.\n"
    )


def test_what_is_generated_is_fresh() -> None:
    """The schema of the language, and the drawing of the default policy."""
    stale = [
        str(file)
        for file, text in policies.generated_files().items()
        if not (ROOT / file).is_file() or (ROOT / file).read_text(encoding="utf-8") != text
    ]
    assert stale == [], f"run: {policies.COMMAND}"
