"""docs/mapping.md is run: every example makes what it says, every mistake gets its message, every command works.

The word after the kind of a block says what it is: the first `mapping`, a `part` that is put into it, the `rows` that
it reads, the touchpoints that it `makes`, what it `refuses`, a `mistake`, what the commands above `prints` on standard
output, and what they or a mistake `says`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lifecycle.errors import MappingRefused
from lifecycle.mapping import import_to_path, parse_mapping
from lifecycle.mapping.load_values import KINDS
from lifecycle.mapping.nodes import NodeReader

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
MARKS = {
    "yaml": {"mapping", "part", "mistake"},
    "text": {"rows", "refuses", "says", "prints"},
    "json": {"makes"},
    "sh": {""},
}


class Block(NamedTuple):
    """A block of the page: the line it begins at, its kind, mark and text."""

    line: int
    kind: str
    mark: str
    text: str


BLOCKS = [
    Block(PAGE[: match.start()].count("\n") + 1, match[1], match[2], match[3])
    for match in re.finditer(r"^```(\w+) ?(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]
FIRST = next(block for block in BLOCKS if block.mark == "mapping")


def marked(mark: str) -> list[Any]:
    """Return the blocks of a mark as parameters, named by their line."""
    return [pytest.param(block, id=f"line-{block.line}") for block in BLOCKS if block.mark == mark]


def following(block: Block, *marks: str) -> dict[str, str]:
    """Return the blocks right after one that have these marks, by mark."""
    found = {}
    for each in BLOCKS[BLOCKS.index(block) + 1 :]:
        if each.mark not in marks:
            break
        found[each.mark] = each.text
    return found


def framed(part: str) -> str:
    """Return the first mapping of the page with the keys of a part in place of its own."""
    whole, new = dict(entries(FIRST.text)), dict(entries(part))
    whole.update(new)
    return "".join(text for key, text in whole.items() if text != f"{key}:\n")


def entries(text: str) -> Iterator[tuple[str, str]]:
    found = re.split(r"^(?=(\w+):)", text, flags=re.MULTILINE)
    return zip(found[1::2], found[2::2], strict=True)


def test_every_block_says_what_it_is_so_that_none_is_left_untried() -> None:
    """A block without a mark would be an example that nobody runs."""
    assert [f"line {each.line}: {each.kind} {each.mark}" for each in BLOCKS if each.mark not in MARKS[each.kind]] == []


@pytest.mark.parametrize("block", marked("part"))
def test_a_part_makes_and_refuses_what_the_page_says(block: Block, tmp_path: Path) -> None:
    shown = following(block, "rows", "makes", "refuses")
    mapping = parse_mapping(framed(block.text), name="shop.yaml")
    if "rows" not in shown:
        return
    (tmp_path / "rows").write_text(shown["rows"], encoding="utf-8")
    result = import_to_path(mapping, tmp_path / "rows", tmp_path / "out")
    made = [json.loads(line) for line in (tmp_path / "out").read_bytes().splitlines()]
    promised = [json.loads(line) for line in shown["makes"].splitlines()]
    assert [{key: event[key] for key in wanted} for event, wanted in zip(made, promised, strict=True)] == promised
    refused = [each.removeprefix(f"{tmp_path / 'rows'}: ") for each in result.examples]
    assert refused == shown.get("refuses", "").splitlines()


@pytest.mark.parametrize("block", marked("mistake"))
def test_a_mistake_gets_the_message_that_the_page_promises(block: Block) -> None:
    """One message and no other: a second one would send the reader after a mistake that is none."""
    with pytest.raises(MappingRefused) as caught:
        parse_mapping(framed(block.text), name="shop.yaml")
    title, *found = str(caught.value).splitlines()
    assert title == "The mapping cannot be used."
    assert sum(line.startswith("shop.yaml:") for line in found) == 1
    assert re.sub(r"^shop\.yaml:\d+:\d+: | \[[\w-]+\]", "", " ".join(found)) == " ".join(
        following(block, "says")["says"].split()
    )


def test_the_commands_of_the_page_run_one_after_another(tmp_path: Path) -> None:
    """As a newcomer would run them, in one folder with the file that the page has them save."""
    (tmp_path / "shop.yaml").write_text(FIRST.text, encoding="utf-8")
    printed, told = "", ""
    for block in BLOCKS[: BLOCKS.index(next(each for each in BLOCKS if each.mark == "mistake"))]:
        if block.kind == "sh":
            printed, told = run(block.text, tmp_path)
        elif block.mark in ("prints", "says"):
            assert block.text in (printed if block.mark == "prints" else told)


def run(script: str, folder: Path) -> tuple[str, str]:
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
    return done.stdout, done.stderr


def keys_of_the_page() -> Mapping[str, set[str]]:
    """Return the first column of each table under "All keys", by what has these keys."""
    tables = {}
    all_keys = PAGE.partition("\n## All keys\n")[2].partition("\n## ")[0]
    for section in all_keys.split("\n### ")[1:]:
        rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        tables[section.splitlines()[0]] = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    return tables


def test_the_tables_of_keys_are_the_keys_that_the_program_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key is missing on the page, and none is invented."""
    read: dict[str, set[str]] = defaultdict(set)
    original = NodeReader.keys

    def spy(self: NodeReader, table: Any, what: str, known: Iterable[str], required: Iterable[str] = ()) -> None:
        names = tuple(known)
        read["a field" if what.startswith("the field") else what] |= set(names)
        original(self, table, what, names, required)

    monkeypatch.setattr(NodeReader, "keys", spy)
    for block in BLOCKS:
        if block.mark in ("mapping", "part"):
            parse_mapping(framed(block.text), name="shop.yaml")
    parse_mapping(
        framed("id: {content: [order]}\nrules: [{name: a, type: b.c, when: {order: {filled: true}}}]\n"), name="m"
    )
    assert keys_of_the_page() == read


def test_the_page_shows_every_kind_of_field() -> None:
    shown = PAGE.partition("\n## Data\n")[2].partition("\n\nAn empty")[0]
    assert set(re.findall(r"`([a-z_]+)`", shown)) >= set(KINDS)
