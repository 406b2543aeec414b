"""`lifecycle policy check`: its exit codes, its three outputs, and hostile files."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lifecycle.cli.app import app
from lifecycle.cli.sarif import SCHEMA
from lifecycle.policies import shipped_policy
from lifecycle.rules.proof.findings import CODES
from tests.seeds import seeds

ROOT = Path(__file__).parents[2]
GIBIBYTE = 1024**3

PROVED = """\
policy: small
language: 1
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
touchpoints:
  need.stated: {by: person, data: {need: id}}
  decision.made: {by: person, data: {need: id, outcome: [with_us, elsewhere]}}
  purchase.completed: {by: person, data: {amount: money}}
facts:
  bought: {ever: purchase.completed}
tracks:
  in_touch:
    per: person
    start: here
    stages: {here: {means: Here., review: {every: 1 year}}}
  need:
    per: need
    start: stated
    begins: [need.stated, decision.made]
    upon: {decision.made: [{when: {outcome: with_us}, to: rest}, {when: {outcome: elsewhere}, to: lost}]}
    stages:
      stated: {means: Said., later: [{after: 60 days, to: rest}]}
      lost:
        means: Lost.
        loss: true
        tasks: {ask_after: {after: 30 days, ask: Ask after them}}
        later: [{after: 90 days, to: rest}]
      rest: {means: At rest., watched_by: in_touch}
"""
REFUSED = PROVED.replace("        tasks: {ask_after: {after: 30 days, ask: Ask after them}}\n", "")
WARNED = PROVED.replace("        loss: true\n", "")

Check = Callable[..., Result]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Runs `lifecycle policy check my.yaml WORDS` on a text, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def invoke(text: str, *words: str, code: int) -> Result:
        Path("my.yaml").write_text(text, encoding="utf-8")
        result = CliRunner().invoke(app, ["policy", "check", "my.yaml", *words], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_a_proved_policy_ends_with_0(check: Check) -> None:
    """Nothing is found, and what was looked at is counted."""
    assert check(PROVED, code=0).stdout == "my.yaml is proved: 4 stages in 2 tracks, no finding.\n"


def test_a_refused_policy_ends_with_1_and_says_where_how_and_what_to_do(check: Check) -> None:
    """The place as editors open it, the shortest path, the advice, and the sum."""
    lines = check(REFUSED, code=1).stdout.splitlines()
    assert lines == [
        'my.yaml:22:7: "lost" is a loss and no task follows on every path within a year. '
        "A guarded task does not count, nor one at entry that stays. [loss]",
        "  Path: decision.made, (90 days pass)",
        '  Add a task without "when", such as {after: 30 days, ask: "Ask whether they are taken care of"}; '
        "it must open before time moves the person on.",
        "my.yaml is refused: 1 finding, 0 warnings.",
    ]


def test_warnings_refuse_nothing(check: Check) -> None:
    """What is probably not meant is told, and the policy is proved all the same."""
    lines = check(WARNED, code=0).stdout.splitlines()
    assert lines[0].startswith('my.yaml:22:7: warning: "lost" is reached by outcome = elsewhere, and is not marked')
    assert lines[-1] == "my.yaml is proved: 4 stages in 2 tracks, 1 warning."


def test_a_misspelled_name_ends_with_1_and_the_nearest_name(check: Check) -> None:
    """What the loader finds is a finding like any other."""
    lines = check(
        PROVED.replace("{after: 60 days, to: rest}", "{after: 60 days, to: rist}"), code=1
    ).stdout.splitlines()
    assert lines == [
        'my.yaml:21:59: "rist" is not a stage of need. [unknown-stage]',
        '  Did you mean "rest"?',
        "my.yaml is refused: 1 finding, 0 warnings.",
    ]


@pytest.mark.parametrize(
    ("was", "mistake", "message"),
    [
        ("need: id}}", "need: no}}", '"no" is a word in one YAML and true or false in another'),
        ("ask: Ask after them}", "ask: Ask, then ask again}", '"then ask again" is not a key, for it has no value.'),
        ("      stated:", "      lost: {means: Twice.}\n      stated:", '"lost" stands twice here'),
    ],
)
def test_a_trap_of_yaml_ends_with_1(check: Check, was: str, mistake: str, message: str) -> None:
    """The file can be read, and a line of it would not mean what it says."""
    assert message in check(PROVED.replace(was, mistake), code=1).stdout


def test_json_is_one_object_with_every_finding(check: Check) -> None:
    """For programs: whether it is proved, and each finding with its parts."""
    assert json.loads(check(PROVED, "--json", code=0).stdout) == {
        "file": "my.yaml",
        "policy": "small",
        "proved": True,
        "findings": [],
    }
    told = json.loads(check(REFUSED, "--json", code=1).stdout)
    (found,) = told["findings"]
    assert told["proved"] is False
    assert {key: found[key] for key in ("code", "severity", "file", "line", "column", "path")} == {
        "code": "loss",
        "severity": "refuses",
        "file": "my.yaml",
        "line": 22,
        "column": 7,
        "path": ["decision.made", "(90 days pass)"],
    }
    assert found["message"].startswith('"lost" is a loss')
    assert found["advice"].startswith("Add a task")


def required_by_sarif(log: dict[str, Any]) -> None:
    """Assert what SARIF 2.1.0 demands of the properties that are used here."""
    assert log["$schema"] == SCHEMA
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    driver = run["tool"]["driver"]
    assert driver["name"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"]
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1


@pytest.mark.parametrize(
    ("text", "code", "level"), [(PROVED, 0, None), (WARNED, 0, "warning"), (REFUSED, 1, "error"), ("a: [", 2, "error")]
)
def test_sarif_is_valid_and_names_the_place(check: Check, text: str, code: int, level: str | None) -> None:
    """For editors: one run, a rule for each code, a result with its place for each finding."""
    log = json.loads(check(text, "--sarif", code=code).stdout)
    required_by_sarif(log)
    results = log["runs"][0]["results"]
    assert [each["level"] for each in results] == ([] if level is None else [level])
    assert all(each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "my.yaml" for each in results)


def test_sarif_quotes_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank in the name of a file is no part of a URI, nor is a colon in a relative one."""
    monkeypatch.chdir(tmp_path)
    Path("my: policy.yaml").write_text(REFUSED, encoding="utf-8")
    result = CliRunner().invoke(app, ["policy", "check", "my: policy.yaml", "--sarif"])
    place = json.loads(result.stdout)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%3A%20policy.yaml"


def test_sarif_explains_each_code(check: Check) -> None:
    """The rule of a code carries the sentence of the documentation."""
    log = json.loads(check(REFUSED, "--sarif", code=1).stdout)
    (rule,) = log["runs"][0]["tool"]["driver"]["rules"]
    assert rule["shortDescription"]["text"] == CODES["loss"]


def test_json_and_sarif_at_once_are_refused(check: Check) -> None:
    """One output at a time."""
    result = check(PROVED, "--json", "--sarif", code=2)
    assert "--json and --sarif are two forms of one answer. Give one of them." in result.output


def test_a_finding_in_an_included_policy_names_that_file(check: Check, tmp_path: Path) -> None:
    """The place is where the line stands, not where it was taken over."""
    (tmp_path / "base.yaml").write_text(REFUSED, encoding="utf-8")
    text = "policy: mine\nlanguage: 1\nincludes: [{policy: base}]\n"
    assert check(text, code=1).stdout.splitlines()[0].startswith(f'{Path("base.yaml")}:22:7: "lost" is a loss')


@pytest.mark.parametrize(
    ("words", "message"),
    [(["nowhere.yaml"], "the policy nowhere.yaml cannot be read"), (["."], "the policy . cannot be read")],
)
def test_a_file_that_cannot_be_read_ends_with_2(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such file, or a folder."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["policy", "check", *words], catch_exceptions=False)
    assert result.exit_code == 2
    assert message in result.stdout


def bomb() -> str:
    """Return a few lines that would be a thousand million values."""
    lines = ['a0: &a0 ["x", "x", "x", "x", "x", "x", "x", "x", "x", "x"]']
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join(lines)


def many_stages(count: int) -> str:
    """Return a policy whose stages follow each other, so many of them."""
    stages = "".join(f"      s{n}: {{means: On., later: [{{after: 1 day, to: s{n + 1}}}]}}\n" for n in range(count))
    head, _, _ = PROVED.partition("      stated:")
    return f"{head.replace('start: stated', 'start: s0')}{stages}"


def many_lists() -> str:
    """Return a policy with as many lists as a file can hold, each with nearly as many combinations as are tried."""
    names = [f"f{n}" for n in range(16)]
    facts = "".join(f"  {name}: {{ever: need.stated, when: {{need: {name}}}}}\n" for name in names)
    guard = ", ".join(f"fact.{name}: true" for name in names)
    stages = "".join(
        f"      s{n}: {{means: On., upon: {{any by person: [{{when: {{{guard}}}, to: s{n}}}]}}, review: {{every: 1 year}}}}\n"
        for n in range(400)
    )
    head, _, _ = PROVED.partition("      stated:")
    return head.replace("tracks:", f"{facts}tracks:").replace("start: stated", "start: s0").partition("    upon:")[
        0
    ] + (f"    stages:\n{stages}")


HOSTILE = {
    "alias bomb": (bomb(), 2, "Aliases are not read here."),
    "deep nesting": ("a: " + "[" * 10_000 + "]" * 10_000, 2, "A file has at most 32 levels. Split it."),
    "ten megabytes": ("# " + "x" * 10 * 1024 * 1024, 2, "A file has at most 1024 KiB of text. Split it."),
    "a tag that would run code": ("a: !!python/object/apply:os.system [exit]", 2, "is not read here. Take it out."),
    "100,000 stages": (many_stages(100_000), 2, "Split it."),
    "as many stages as a file holds": (many_stages(1_500), 1, '"s1500" is not a stage of need.'),
    "lists that are hard to decide": (many_lists(), 1, 'Nothing leads to the stage "s1".'),
    "nothing": ("", 2, "The file is empty."),
    "zeros": ("\0" * 1000, 2, "U+0000"),
}


@pytest.mark.parametrize("name", seeds(HOSTILE, quick=3))
def test_a_hostile_file_ends_with_one_clear_error_within_bounds(name: str, tmp_path: Path) -> None:
    """Whatever a file holds: an exit code and a sentence, in bounded time and memory, and no traceback."""
    text, code, message = HOSTILE[name]
    (tmp_path / "hostile.yaml").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "lifecycle.cli", "policy", "check", "hostile.yaml"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTE, GIBIBYTE)),
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert message in done.stdout


def test_the_example_of_the_document_is_refused_as_it_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/proof.md shows what the program says of the policy above it."""
    document = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
    text, shown = re.findall(r"^```(?:yaml|text)\n(.*?)^```", document, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    Path("my_policy.yaml").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["policy", "check", "my_policy.yaml"], catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (1, shown)


def test_the_shipped_policy_is_proved_by_the_program(check: Check) -> None:
    """What comes with the program passes its own check."""
    assert "my.yaml is proved: " in check(shipped_policy(), code=0).stdout
