"""What is read between the activation of a policy and the folding of everybody by it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lifecycle.cli.app import app
from lifecycle.embedded import run
from lifecycle.policies import read_policy
from tests.cli.stories import POLICY, history, write

LISTS = (["tasks", "list"], ["people", "list"], ["people", "count"], ["tasks", "list", "--all"])


def told(url: str, words: list[str]) -> tuple[str, str]:
    done = CliRunner().invoke(app, [*words, "--db", url, "--json"])
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The same policy by another name, so that what is told must be the same."""
    file = tmp_path / "other.yaml"
    file.write_text(POLICY.read_text(encoding="utf-8").replace("policy: tiny", "policy: other"), encoding="utf-8")
    return file


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_a_list_says_what_it_will_say_when_everybody_was_folded_again(
    store_url: str, tmp_path: Path, other: Path, words: list[str]
) -> None:
    """No task that has ended is listed as open; by which policy it is told is said, and only meanwhile."""
    events = write(tmp_path / "h.jsonl", history())
    run([events], store=store_url, policy=POLICY, until="end")
    _, silent = told(store_url, words)
    assert silent == ""
    policy = read_policy(other)
    done = CliRunner().invoke(app, ["policy", "activate", str(other), "--db", store_url])
    assert f"({policy.hash}) is active." in done.stdout, done.output
    between, note = told(store_url, words)
    assert note.startswith("30 people here stood by another policy when last folded. Shown is how they stand by the")
    assert f"{policy.name} ({policy.hash})" in note
    run([events], store=store_url, policy=other, until="end")
    assert told(store_url, words) == (between, "")
