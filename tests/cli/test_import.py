"""`lifecycle import`: standard input, exit codes, and a mapping held against a policy before anything is folded."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lifecycle.cli.app import app

POLICY = """\
policy: shop
language: 1
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
touchpoints:
  order.placed: {by: person, data: {order: id, amount: money}, optional: {day: date}}
facts:
  bought: {ever: order.placed}
tracks:
  buyer:
    per: person
    start: buying
    begins: [order.placed]
    stages:
      buying:
        means: I buy here.
        review: {every: 30 days}
"""
MAPPING = """\
mapping: shop
language: 1
source: urn:shop
id: "shop-{order}"
file: {format: csv}
subject: "{who}"
time: {column: at, zone: UTC}
rules:
  - name: placed
    type: order.placed
    data: {order: {id: "{order}"}, amount: {money: "{amount}", currency: EUR}, day: {text: "{day}", empty: left_out}}
"""
TOP = "order,who,at,amount,day\n"
GOOD = TOP + "1,ann,2025-03-01,5,2025-03-02\n"
BAD = GOOD + "2,ann,never,5,\n3,ann,2025-03-01,x,\n"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `lifecycle import --mapping map.yaml WORDS` in a folder with a policy and a mapping."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "map.yaml").write_text(MAPPING)
    (tmp_path / "policy.yaml").write_text(POLICY)

    def invoke(*words: Any, code: int = 0, given: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(
            app, ["import", "--mapping", "map.yaml", *map(str, words)], input=given, catch_exceptions=False
        )
        assert result.exit_code == code, result.output
        return result

    return invoke


def changed(folder: Path, old: str, new: str) -> None:
    assert old in MAPPING
    (folder / "map.yaml").write_text(MAPPING.replace(old, new))


def test_a_dash_is_standard_input(run: Run) -> None:
    assert json.loads(run("-", given=GOOD).stdout)["id"] == "shop-1-placed"


def test_standard_input_is_read_once_and_stays_open(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(GOOD.encode("utf-16"))))
    monkeypatch.setattr(sys, "stdin", stream)
    from lifecycle.mapping import import_to_stream, load_mapping

    out = io.BytesIO()
    assert import_to_stream(load_mapping(Path("map.yaml")), Path("-"), out, bad_rows=None).touchpoints_written == 1
    assert not stream.buffer.closed


def test_what_is_refused_of_standard_input_has_a_file_of_its_own(run: Run, tmp_path: Path) -> None:
    told = run("-", given=BAD, code=1).stderr
    assert "standard input: row 2 (line 3), rule placed, column at: The time" in told
    assert (tmp_path / "standard-input.bad.csv").read_text().count("\n") == 3


def test_bad_rows_are_a_failure_unless_so_many_are_allowed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(BAD)
    assert "refused, placed, bad_time: 1" in run("rows.csv", code=1).stderr
    run("rows.csv", "--allow", 1, code=1)
    assert run("rows.csv", "--allow", 2).stdout.count("\n") == 1


def test_check_alone_looks_at_the_mapping(run: Run, tmp_path: Path) -> None:
    assert "map.yaml is a mapping with 1 rule, without a fault." in run("--check").stderr
    changed(tmp_path, "source:", "sorce:")
    assert 'map.yaml:3:1: "sorce" is not a key of a mapping. Did you mean "source"?' in run("--check", code=1).stderr


def test_check_writes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(BAD)
    before = sorted(tmp_path.iterdir())
    result = run("--check", "rows.csv", "--out", "out.jsonl", code=1)
    assert "3 rows read, 1 touchpoint would be written; 0 rows not mapped, 2 bad." in result.stderr
    assert (result.stdout, sorted(tmp_path.iterdir())) == ("", before)


def test_a_policy_refuses_rows_that_it_would_refuse_later(run: Run) -> None:
    rows = GOOD + "2,ann,2025-03-01,5,01/03/2025\n"
    assert run("-", given=rows).stdout.count("\n") == 2
    result = run("-", "--policy", "policy.yaml", given=rows, code=1)
    assert result.stdout.count("\n") == 1
    told = "row 2 (line 3), rule placed, column day: day is '01/03/2025'; wanted a date such as 2026-03-02"
    assert told in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "order.placed",
            "ordr.placed",
            'map.yaml:9:5: "ordr.placed" is not a type of shop. Did you mean "order.placed"?',
        ),
        ('order: {id: "{order}"}, ', "", 'The rule "placed" does not give order, which every order.placed has.'),
    ],
)
def test_a_mapping_that_fits_no_policy_is_refused_before_the_first_row(
    run: Run, tmp_path: Path, old: str, new: str, message: str
) -> None:
    changed(tmp_path, old, new)
    assert message in run("--check", "--policy", "policy.yaml", code=1).stderr


def test_a_field_that_nobody_looks_at_is_told(run: Run, tmp_path: Path) -> None:
    changed(tmp_path, "day: {text:", "dya: {text:")
    told = run("--check", "--policy", "policy.yaml").stderr
    assert '"dya" is no field of order.placed, and nobody looks at it. Did you mean "day"?' in told


def test_the_file_that_is_read_is_not_written_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(GOOD)
    assert "rows.csv is the file that is read." in run("rows.csv", "--out", "./rows.csv", code=2).stderr
    assert (tmp_path / "rows.csv").read_text() == GOOD


@pytest.mark.parametrize(
    ("words", "message"), [([], "Which file is to be imported?"), (["gone.csv"], "gone.csv cannot be read")]
)
def test_a_file_that_is_not_there_or_not_named(run: Run, words: list[str], message: str) -> None:
    assert message in run(*words, code=2).stderr


def test_a_longer_export_is_taken_in_once(run: Run, tmp_path: Path) -> None:
    """A row on top, rows of content that have no other name, and a rule more: what was there is a repetition."""

    def taken(lines: str) -> str:
        words = ["run", "--events", "-", "--policy", "policy.yaml", "--db", f"sqlite:///{tmp_path / 'l.db'}"]
        result = CliRunner().invoke(app, [*words, "--until", "end"], input=lines, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stderr.splitlines()[0]

    changed(tmp_path, 'id: "shop-{order}"', "id: content")
    rows = "1,ann,2025-03-01,5,\n1,ann,2025-03-01,5,\n2,bob,2025-03-01,7,\n"
    assert taken(run("-", given=TOP + rows).stdout) == "3 records received = 3 folded."
    more = (tmp_path / "map.yaml").read_text().replace("rules:\n", "rules:\n  - {name: noted, type: note.made}\n")
    (tmp_path / "map.yaml").write_text(more)
    longer = run("-", given=f"{TOP}3,eve,2025-02-28,9,\n{rows}").stdout
    assert taken(longer).startswith("8 records received = 1 folded + 3 duplicate + 4 unknown type")
