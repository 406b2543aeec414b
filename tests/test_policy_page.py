"""docs/policy.md is run: every example loads and is proved, every mistake gets its message, every command works.

The word after the kind of a block says what it is: a whole `policy`, a `part` that is put into the first policy of the
page, a `mistake` of which the next block `says` the message, a `scenario`, or what the commands above it `prints`.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest

from lifecycle.errors import PolicyRefused
from lifecycle.policies import read_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.language.facts import FACT_KINDS, KINDS
from lifecycle.rules.language.names import Reading
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.language.schedule import Unit
from lifecycle.rules.proof.check import check_policy
from lifecycle.rules.scenarios.run import report, run_scenario
from lifecycle.rules.scenarios.table import read_scenario

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
MARKS = {"yaml": {"policy", "part", "mistake"}, "text": {"says", "scenario", "prints"}, "sh": {""}}


class Block(NamedTuple):
    """A block of the page: the line it begins at, its kind and mark, and the file the text above it names."""

    line: int
    kind: str
    mark: str
    text: str
    file: str


def blocks() -> list[Block]:
    found = []
    for match in re.finditer(r"^```(\w+) ?(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        above = PAGE[: match.start()]
        named = re.findall(r"[Ss]ave\s+this\s+as\s+`(\S+)`", above[-200:])
        found.append(Block(above.count("\n") + 1, match[1], match[2], match[3], named[-1] if named else "part.yaml"))
    return found


BLOCKS = blocks()
FIRST = next(block for block in BLOCKS if block.mark == "policy")
SCENARIOS = [block for block in BLOCKS if block.mark == "scenario"]


def marked(mark: str) -> list[Any]:
    """Return the blocks of a mark as parameters, named by their line."""
    return [pytest.param(block, id=f"line-{block.line}") for block in BLOCKS if block.mark == mark]


def framed(part: str) -> str:
    """Return the first policy of the page with a part put in: what the part names anew takes the place of the old."""
    whole = entries(FIRST.text, indent="")
    for key, text in entries(part, indent="").items():
        both = {**entries(whole.get(key, ""), indent="  "), **entries(text, indent="  ")}
        whole[key] = f"{key}:\n{''.join(both.values())}" if both else text
    return "".join(whole.values())


def entries(text: str, *, indent: str) -> dict[str, str]:
    """Return the keys at an indent, each with its lines; none where a table is written in braces."""
    found = re.split(rf"^(?={indent}(\w[\w.]*):)", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def policy_of(scenario: Block) -> tuple[str, str]:
    """Return the policy that a scenario is about, with its file: the part right above it, else the first of the page."""
    above = BLOCKS[BLOCKS.index(scenario) - 1]
    return (framed(above.text), above.file) if above.mark == "part" else (FIRST.text, FIRST.file)


def said(folder: Path, text: str, file: str = "part.yaml") -> list[str]:
    """Return what the program has against a policy: of the loader, else of the checker. [] is a proved policy."""
    path = written(folder, text, file)
    try:
        policy = read_policy(path)
    except PolicyRefused as refused:
        return str(refused).splitlines()
    return [str(finding) for finding in check_policy(policy)]


def written(folder: Path, text: str, file: str) -> Path:
    """Write a policy beside the whole ones of the page, which it may include."""
    for block in BLOCKS:
        if block.mark == "policy":
            (folder / block.file).write_text(block.text, encoding="utf-8")
    (folder / file).write_text(text, encoding="utf-8")
    return folder / file


def test_every_block_says_what_it_is_so_that_none_is_left_untried() -> None:
    """A block without a mark would be an example that nobody runs."""
    strange = [
        f"line {block.line}: {block.kind} {block.mark}" for block in BLOCKS if block.mark not in MARKS[block.kind]
    ]
    assert strange == []


def test_the_first_policy_is_short() -> None:
    """A newcomer reads it in one go."""
    assert len(FIRST.text.splitlines()) <= 25


@pytest.mark.parametrize("block", marked("policy"))
def test_a_whole_policy_of_the_page_is_proved(block: Block, tmp_path: Path) -> None:
    assert said(tmp_path, block.text, block.file) == []


@pytest.mark.parametrize("block", marked("part"))
def test_a_part_on_the_page_is_proved_in_the_first_policy(block: Block, tmp_path: Path) -> None:
    assert said(tmp_path, framed(block.text)) == []


@pytest.mark.parametrize("block", marked("mistake"))
def test_a_mistake_gets_the_message_that_the_page_promises(block: Block, tmp_path: Path) -> None:
    """One message and no other: a second one would send the reader after a mistake that is none."""
    promised = BLOCKS[BLOCKS.index(block) + 1]
    assert promised.mark == "says"
    (found,) = said(tmp_path, framed(block.text))
    assert re.sub(r"^(\S+:)?\d+:\d+: | \[[\w-]+\]$", "", found) == " ".join(promised.text.split())


@pytest.mark.parametrize("block", marked("scenario"))
def test_a_scenario_of_the_page_comes_out_as_it_says(block: Block, tmp_path: Path) -> None:
    machine = compile_policy(read_policy(written(tmp_path, *policy_of(block))))
    scenario = read_scenario(block.text, machine.policy, name="page.txt")
    results = run_scenario(machine, scenario)
    assert [report(scenario, result) for result in results if not result.passed] == []


@pytest.mark.slow(at_night=True)
def test_the_commands_of_the_page_run_one_after_another(tmp_path: Path) -> None:
    """As a newcomer would run them, in one folder with the files that the page has them save."""
    written(tmp_path, FIRST.text, FIRST.file)
    (tmp_path / "scenarios").mkdir()
    for block in (each for each in SCENARIOS if policy_of(each)[1] == FIRST.file):
        (tmp_path / "scenarios" / f"line_{block.line}.txt").write_text(block.text, encoding="utf-8")
    shown = ""
    for block in BLOCKS:
        if block.kind == "sh":
            shown = run(block.text, tmp_path)
        elif block.mark == "prints":
            assert block.text in shown


def run(script: str, folder: Path) -> str:
    """Run commands with the program on the PATH; a failure shows what they said."""
    program = folder / "bin" / "lifecycle"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m lifecycle.cli "$@"\n')
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECYCLE_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**kept, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def keys_of_the_page() -> Mapping[str, set[str]]:
    """Return the first column of each table under "All keys", by what has these keys."""
    tables = {}
    for section in PAGE.partition("\n## All keys\n")[2].split("\n### ")[1:]:
        rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        tables[section.splitlines()[0]] = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    return tables


def test_the_tables_of_keys_are_the_keys_that_the_program_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key is missing on the page, and none is invented."""
    read: dict[str, set[str]] = defaultdict(set)
    original = Reading.keys

    def spy(self: Reading, table: Any, what: str, known: Iterable[str], *more: Any) -> None:
        names = tuple(known)
        read["a fact" if what.startswith("a fact") else what] |= set(names)
        original(self, table, what, names, *more)

    monkeypatch.setattr(Reading, "keys", spy)
    for block in BLOCKS:
        if block.mark in ("policy", "part"):
            said(tmp_path, block.text if block.mark == "policy" else framed(block.text), block.file)
    read["a fact"] |= set(FACT_KINDS)
    read["a comparison"] -= {"at_most", "more_than"}  # known only to say what to write instead
    assert keys_of_the_page() == read


def test_the_page_names_every_kind_of_field_and_every_unit_of_time() -> None:
    fields = PAGE.partition("| kind of field |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", fields)) >= set(KINDS)
    times = " ".join(PAGE.partition("\n## Time\n")[2].partition("\n```")[0].split())
    assert [unit for unit in get_args(Unit) if unit not in times] == []


def stages_of(policy: Policy) -> list[str]:
    return [stage.means for track in policy.tracks.values() for stage in track.stages.values()]


@pytest.mark.parametrize("block", marked("part"))
def test_every_stage_on_the_page_speaks_in_the_voice_of_the_person(block: Block, tmp_path: Path) -> None:
    """The page asks for sentences, so it shows sentences."""
    for means in stages_of(read_policy(written(tmp_path, framed(block.text), block.file))):
        assert re.search(r"\b(I|me|my|you|we)\b", means, re.IGNORECASE), means
        assert means.endswith(".")
