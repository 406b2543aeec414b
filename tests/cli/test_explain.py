"""`lifecycle explain` on the command line: its three questions, as words and as JSON, and how it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lifecycle import canonical_json
from lifecycle.cli.app import app
from tests.cli.stories import POLICY, START, line, write

Run = Callable[..., Result]


@pytest.fixture
def lifecycle(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `lifecycle WORDS` after a run over one person's need."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIFECYCLE_DATABASE", sqlite_url)

    def invoke(*words: Any, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words], prog_name="lifecycle", catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    events = write(tmp_path / "h.jsonl", [line("anna", "1", "need.stated", START, need="n1")])
    invoke("run", "--events", events, "--policy", POLICY, "--until", "2026-03-02T20:00:00Z")
    return invoke


def test_a_person_in_words_and_as_json(lifecycle: Run) -> None:
    words = lifecycle("explain", "--person", "anna").stdout
    assert words.startswith('anna as of 2026-03-02 20:00 UTC, lane prospect.\n\nin_touch is at "here" since ')
    text = lifecycle("explain", "--person", "anna", "--json").stdout
    assert text == canonical_json.dumps(canonical_json.loads(text)) + "\n"
    assert {each["track"] for each in json.loads(text)["instances"]} == {"in_touch", "need"}


def test_why_not_in_words_and_as_json(lifecycle: Run) -> None:
    words = lifecycle("explain", "--person", "anna", "--why-not", "need.won").stdout
    assert words.splitlines()[-2:] == [
        "  No decision.made has come.",
        '  need n1 is at "stated", where this would move it.',
    ]
    text = lifecycle("explain", "--person", "anna", "--why-not", "need.won", "--json").stdout
    assert text == canonical_json.dumps(canonical_json.loads(text)) + "\n"
    assert [each["verdict"] for each in json.loads(text)["candidates"]] == ["no_news"]


def test_a_past_moment(lifecycle: Run) -> None:
    words = lifecycle("explain", "--person", "anna", "--at", "2026-03-02T15:00:00+01:00").stdout
    assert words.startswith("anna as of 2026-03-02 14:00 UTC, lane prospect.")
    task = json.loads(lifecycle("tasks", "list", "--json").stdout)["id"]
    assert lifecycle("explain", task, "--at", "2026-03-02T11:00:00Z").stdout == lifecycle("explain", task).stdout
    early = lifecycle("explain", task, "--at", "2026-03-02T09:00:00Z", code=1).stderr
    assert f"no task {task} of anna is asked by what was so at 2026-03-02T09:00:00Z." in early


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "name what to explain: either TASK_ID or --person ID."),
        (["t", "--person", "anna"], 2, "name what to explain: either TASK_ID or --person ID."),
        (["t", "--why-not", "need.won"], 2, "--why-not is asked about a person: name them with --person ID, not a task."),
        (["--person", "anna", "--at", "noon"], 2, '--at is a time with a zone such as 2026-03-01T09:30:00Z, got "noon".'),
        (["--person", "anna", "--at", "2026-03-01"], 2, 'such as 2026-03-01T09:30:00Z, got "2026-03-01".'),
        (["--person", "anna", "--at", "0001-01-01T00:00:00+14:00"], 2, "--at is a time with a zone"),
        (["--person", "anna", "--at", "2027-01-01T00:00:00Z"], 1, "2027-01-01T00:00:00Z cannot be explained yet: time has reached 2026-03-02T20:00:00Z."),
        (["--person", "ana"], 1, 'nobody is known as ana. Did you mean "anna"?'),
        (["--person", "anna", "--why-not", "won_it"], 1, '"won_it" is no task and no stage of this policy.'),
    ],
)  # fmt: skip
def test_explain_used_wrongly(lifecycle: Run, words: list[str], code: int, message: str) -> None:
    refused = lifecycle("explain", *words, code=code).stderr
    assert refused.startswith("lifecycle: ")
    assert message in refused
