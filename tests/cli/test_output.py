"""What is shown: columns and nothing that acts on the terminal, one zone, filters that know their names."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from lifecycle.cli import app as program
from lifecycle.cli.app import app
from lifecycle.cli.commands.people import next_in_words
from lifecycle.cli.terminal import BLOCK, cell, safe, table_lines
from lifecycle.cli.times import Times
from lifecycle.embedded import run
from tests.cli.stories import POLICY, START, line, write

Run = Callable[..., Result]

DAY = timedelta(days=1)

ACTING = "\x1b[31m\x9b31m\r\n\t\x00\x7f\u202e\u2028\u2066\u200b\ufeff"

ZONED = POLICY.read_text().replace("language: 1\n", "language: 1\ncalendar: {zone: Pacific/Auckland}\n", 1)


@pytest.fixture
def lifecycle(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `lifecycle WORDS` over a small history of odd names, in the zone of Auckland."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIFECYCLE_DATABASE", sqlite_url)
    lines = [line(name, "1", "need.stated", START, need=key) for name, key in NAMES.items()]
    lines += [line("anna", "2", "decision.made", START + DAY, need="n1", outcome="elsewhere")]
    lines += [line("cleo", "9", "odd.thing", START), line("cleo", "10", "odder.thing", START)]
    lines += [line("dora", "9", "need.stated", START), '{"subject": "dora", "broken'.replace("broken", "time")]
    (tmp_path / "zoned.yaml").write_text(ZONED)
    run([write(tmp_path / "h.jsonl", lines)], store=sqlite_url, policy=tmp_path / "zoned.yaml", until=START + 32 * DAY)

    def invoke(*words: Any, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [*map(str, words)], prog_name="lifecycle", catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return invoke


NAMES = {
    "anna": "n1",
    "王小明": "門",
    "שלום": "n1",
    "Zoe\u0301": "n\u2028x",
    "evil\u202egnp": "n1",
}


def test_what_acts_is_written_as_its_escape() -> None:
    assert safe(ACTING) == ("\\x1b[31m\\x9b31m\\r\\n\\t\\x00\\x7f\\u202e\\u2028\\u2066\\u200b\\ufeff")
    assert safe("\ud800") == "\\ud800"


@pytest.mark.parametrize("text", ["Zoë", "王小明", "שלום", "👩\u200d🚀", "می\u200cخ", "a\u3000b", "e\u0301"])
def test_what_is_seen_stays_as_it_is(text: str) -> None:
    """Letters of every script, the joiners that some need, and blanks."""
    assert safe(text) == text


@given(st.text())
def test_no_text_acts_on_the_terminal_or_makes_two_lines(text: str) -> None:
    shown = cell(text)
    assert len(shown.splitlines()) <= 1
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in shown)


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=5))
def test_columns_begin_at_one_place_whatever_stands_in_them(rows: list[tuple[str, str]]) -> None:
    lines = [each.split("|") for each in table_lines([(a.replace("|", ""), "|") for a, _ in rows])]
    assert len({cell_len(before) for before, _ in lines}) == 1


def test_a_long_table_is_printed_in_blocks_that_only_grow() -> None:
    rows = [("a", "x")] * BLOCK + [("longer", "x")] + [("a", "x")]
    lines = list(table_lines(rows))
    assert (lines[0], lines[BLOCK], lines[-1]) == ("a  x", "longer  x", "a       x")


def test_names_from_outside_do_not_act(lifecycle: Run) -> None:
    for words in (["people", "list"], ["tasks", "list"], ["people", "list", "--csv"], ["tasks", "list", "--json"]):
        shown = lifecycle(*words).stdout
        assert not {"\u202e", "\u2028"} & set(shown)
        assert "evil\\u202egnp" in shown
    listed = [json.loads(each) for each in lifecycle("people", "list", "--json").stdout.splitlines()]
    assert {each["person"] for each in listed} == set(NAMES)
    refused = lifecycle("people", "show", "\x1b[31m", code=1).stderr
    assert "\x1b" not in refused
    assert "nobody is known as \\x1b[31m." in refused


def test_columns_hold_for_wide_combining_and_right_to_left_names(lifecycle: Run) -> None:
    _, *rows = lifecycle("people", "list").stdout.splitlines()
    assert len({cell_len(row.partition("  prospect")[0]) for row in rows}) == 1


def test_one_zone_everywhere_the_policys_and_named(lifecycle: Run) -> None:
    """The same task is due on the same day, whoever tells of it."""
    task = json.loads(
        lifecycle("tasks", "list", "--json", "--person", "anna", "--kind", "thank").stdout.splitlines()[0]
    )
    due = Times("Pacific/Auckland")(task["due_at"])
    assert due.endswith(" NZDT")
    for words in (
        ["tasks", "list"],
        ["tasks", "show", task["id"]],
        ["people", "show", "anna"],
        ["explain", task["id"]],
        ["explain", "--person", "anna"],
    ):
        assert due in lifecycle(*words).stdout, words
    for words in (["people", "list"], ["people", "count"], ["tasks", "list"], ["people", "show", "anna"]):
        assert lifecycle(*words).stdout.startswith("As of 2026-04-03 23:00 NZDT (Pacific/Auckland)"), words
    assert "times are in Pacific/Auckland" in lifecycle("dead-letters", "list").stdout


def test_another_zone_may_be_asked_for_everywhere(lifecycle: Run) -> None:
    task = json.loads(lifecycle("tasks", "list", "--json", "--person", "anna").stdout.splitlines()[0])
    due = Times("America/New_York")(task["due_at"])
    for words in (
        ["tasks", "list"],
        ["tasks", "show", task["id"]],
        ["people", "list"],
        ["people", "show", "anna"],
        ["people", "count"],
        ["explain", task["id"]],
        ["explain", "--person", "anna"],
        ["dead-letters", "list"],
    ):
        shown = lifecycle(*words, "--zone", "America/New_York").stdout
        assert "NZ" not in shown
        assert "America/New_York" in shown or " EST" in shown or " EDT" in shown, words
        assert due in shown or words[0] in ("people", "dead-letters"), words
    refused = lifecycle("tasks", "list", "--zone", "Vienna", code=2).stderr
    assert refused == (
        'lifecycle: --zone is a time zone such as Europe/Vienna, got "Vienna". Did you mean "Europe/Vienna"?\n'
    )


def test_tasks_are_listed_by_person_track_kind_lane_who_and_overdue(lifecycle: Run) -> None:
    everything = [json.loads(each) for each in lifecycle("tasks", "list", "--json").stdout.splitlines()]
    for option, name in (
        ("--person", "person"),
        ("--track", "track"),
        ("--kind", "kind"),
        ("--by", "by"),
        ("--lane", "lane"),
    ):
        for value in {each[name] for each in everything}:
            found = lifecycle("tasks", "list", option, value, "--json").stdout.splitlines()
            assert [json.loads(each) for each in found] == [each for each in everything if each[name] == value]
    overdue = lifecycle("tasks", "list", "--overdue", "--json").stdout.splitlines()
    now = "2026-04-03T10:00:00Z"
    assert [json.loads(each) for each in overdue] == [each for each in everything if each["due_at"] <= now]
    assert 0 < len(overdue) < len(everything)


def test_a_list_of_tasks_says_what_each_is_of_whose_it_is_and_that_it_is_overdue(lifecycle: Run) -> None:
    head, lane, *rows = lifecycle("tasks", "list", "--person", "anna").stdout.splitlines()
    assert head == "As of 2026-04-03 23:00 NZDT (Pacific/Auckland): 2 tasks"
    assert lane == "prospect: 2 tasks, 1 of them overdue, with the time they are due"
    assert [row.split()[3] for row in rows] == ["overdue", "anna"]
    assert all("  need[n1]  by owner  " in row for row in rows)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tasks", "list", "--lane", "custmer"], 'there is no lane "custmer". Did you mean "customer"? Known: customer, prospect.'),
        (["tasks", "list", "--track", "x"], 'there is no track "x". Known: in_touch, need, too_many.'),
        (["tasks", "list", "--kind", "thnk"], 'there is no kind of task "thnk". Did you mean "thank"? Known: '),
        (["tasks", "list", "--by", "boss"], 'there is no one who is asked "boss". Known: owner, team_lead.'),
        (["tasks", "list", "--person", "ana"], 'nobody is known as ana. Did you mean "anna"?'),
        (["people", "list", "--lane", "x"], 'there is no lane "x". Known: customer, prospect.'),
        (["people", "list", "--stage", "need.lots"], 'there is no stage "need.lots". Did you mean "need.lost"? Known: '),
    ],
)  # fmt: skip
def test_a_name_that_is_not_known_is_refused_with_those_that_are(
    lifecycle: Run, words: list[str], message: str
) -> None:
    """No tasks would be an answer to another question."""
    refused = lifecycle(*words, code=1)
    assert refused.stdout == ""
    assert refused.stderr.startswith(f"lifecycle: {message}")


def test_people_are_listed_by_lane_and_stage(lifecycle: Run) -> None:
    everybody = [json.loads(each) for each in lifecycle("people", "list", "--json").stdout.splitlines()]
    for stage in ("lost", "need.lost"):
        found = lifecycle("people", "list", "--stage", stage, "--json").stdout.splitlines()
        assert [json.loads(each) for each in found] == [each for each in everybody if each["person"] == "anna"]
    assert lifecycle("people", "list", "--lane", "customer", "--json").stdout == ""
    assert len(lifecycle("people", "list", "--lane", "prospect", "--json").stdout.splitlines()) == len(NAMES)


def test_lists_come_as_csv(lifecycle: Run) -> None:
    """One row a line below the names of the columns, however odd the names."""
    people = list(csv.DictReader(io.StringIO(lifecycle("people", "list", "--csv").stdout)))
    assert [each["person"] for each in people] == [safe(name) for name in sorted(NAMES)]
    tasks = list(csv.DictReader(io.StringIO(lifecycle("tasks", "list", "--csv").stdout)))
    told = [json.loads(each) for each in lifecycle("tasks", "list", "--json").stdout.splitlines()]
    assert sorted(each["id"] for each in tasks) == sorted(each["id"] for each in told)
    assert {each["overdue"] for each in tasks} == {"", "yes"}
    both = lifecycle("tasks", "list", "--csv", "--json", code=2).stderr
    assert both == "lifecycle: --json and --csv are two forms of one answer. Give one of them.\n"


def test_a_person_is_shown_with_their_open_tasks(lifecycle: Run) -> None:
    shown = lifecycle("people", "show", "anna").stdout
    tasks = [json.loads(each) for each in lifecycle("tasks", "list", "--person", "anna", "--json").stdout.splitlines()]
    for task in tasks:
        (told,) = [row for row in shown.splitlines() if task["id"] in row]
        assert f"{task['kind']} of need[n1]" in told
        assert ("overdue" in told) == (task["due_at"] <= "2026-04-03T10:00:00Z")


def test_what_is_next_is_named(lifecycle: Run) -> None:
    """Of an overdue task, that it expires: the date alone would be taken for the one it is due."""
    (row,) = [each for each in lifecycle("people", "list").stdout.splitlines() if "門" in each]
    assert "acknowledge/or_else of need[門] expires, it is overdue" in row
    assert "time moves need[n1] to " in lifecycle("people", "show", "anna").stdout


@pytest.mark.parametrize(
    ("name", "then", "words"),
    [
        ("thank", "due", "thank of need[n1] is due"),
        ("thank", "expires", "thank of need[n1] expires, it is overdue"),
        ("review", "opens", "review of need[n1] is asked"),
        ("later/rest", "moves", "time moves need[n1] to rest"),
    ],
)
def test_what_is_next_has_a_word_for_each_thing_that_can_happen(name: str, then: str, words: str) -> None:
    obligation = {"at": "2026-03-02T10:00:00Z", "track": "need", "key": "n1", "name": name, "then": then}
    assert next_in_words(obligation, Times("UTC")) == f"next: 2026-03-02 10:00 UTC {words}"


def test_somebody_of_whom_nothing_could_be_taken_in_is_told_of(lifecycle: Run) -> None:
    """Not known as a person, and yet something was sent."""
    for words in (["people", "show", "dora"], ["explain", "--person", "dora"], ["tasks", "list", "--person", "dora"]):
        refused = lifecycle(*words, code=1).stderr
        assert refused == (
            "lifecycle: nobody is known as dora. Records about them were refused: 1 invalid_data, 1 not_json. "
            "`lifecycle dead-letters list --person dora` says why.\n"
        )
    assert len(lifecycle("dead-letters", "list", "--person", "dora", "--json").stdout.splitlines()) == 2
    assert lifecycle("dead-letters", "list", "--person", "anna", "--json").stdout == ""
    assert (
        "begins nobody by this policy: 1 odd.thing, 1 odder.thing."
        in lifecycle("people", "show", "cleo", code=1).stderr
    )


def test_version_and_short_help() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.stdout.split()[0]) == (0, "lifecycle")
    for words in ([], ["people"], ["people", "list"]):
        short, long = (CliRunner().invoke(app, [*words, option]).stdout for option in ("-h", "--help"))
        assert short == long
        assert "Usage: " in short


def test_the_shell_can_complete_commands() -> None:
    completed = CliRunner().invoke(
        app,
        [],
        prog_name="lifecycle",
        env={"_LIFECYCLE_COMPLETE": "complete_bash", "COMP_WORDS": "lifecycle peo", "COMP_CWORD": "1"},
    )
    assert completed.stdout.split() == ["people"]


@pytest.mark.parametrize("width", ["40", "80", "200"])
def test_help_of_a_noun_is_not_cut(width: str) -> None:
    for noun, entry in program.ENTRIES.items():
        if entry.place.endswith(":app"):
            shown = CliRunner().invoke(app, [noun, "--help"], env={"COLUMNS": width}, terminal_width=int(width)).stdout
            listed = " ".join(shown.partition("Commands:")[2].split())
            assert "..." not in listed, shown
            assert listed.endswith("."), shown


def test_the_touchpoints_of_one_person_are_listed_in_order(lifecycle: Run) -> None:
    shown = lifecycle("touchpoints", "list", "--person", "anna").stdout.splitlines()[1:]
    assert [row.split()[4] for row in shown] == ["need.stated", "decision.made"]
    assert "2026-03-02 23:00 NZDT" in shown[0]
    events = [
        json.loads(each) for each in lifecycle("touchpoints", "list", "--person", "anna", "--json").stdout.splitlines()
    ]
    assert [each["type"] for each in events] == ["need.stated", "decision.made"]
    assert "nobody is known as ana." in lifecycle("touchpoints", "list", "--person", "ana", code=1).stderr


def test_the_log_comes_as_lines_that_are_read_again(lifecycle: Run, tmp_path: Path) -> None:
    copy = tmp_path / "log.jsonl"
    copy.write_text(lifecycle("touchpoints", "list", "--json").stdout)
    again = run([copy], store=f"sqlite:///{tmp_path}/again.db", policy=tmp_path / "zoned.yaml", until="end")
    assert again.accounting.received == len(NAMES) + 3
    assert (again.accounting.dead_lettered, again.accounting.unknown_type) == (0, 2)


def test_types_that_the_policy_does_not_know_are_listed(lifecycle: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(lifecycle("touchpoints", "types", "--csv").stdout)))
    assert {(row["type"], row["known"], row["touchpoints"]) for row in rows} == {
        ("need.stated", "yes", str(len(NAMES))),
        ("decision.made", "yes", "1"),
        ("odd.thing", "no", "1"),
        ("odder.thing", "no", "1"),
    }
    unknown = lifecycle("touchpoints", "list", "--unknown").stdout.splitlines()[1:]
    assert [("cleo" in row, "unknown type" in row) for row in unknown] == [(True, True)] * 2
    one = lifecycle("touchpoints", "list", "--unknown", "--type", "odd.thing").stdout.splitlines()[1:]
    assert len(one) == 1
    refused = lifecycle("touchpoints", "list", "--type", "odd.thng", code=1)
    assert refused.stdout == ""
    assert 'there is no type of touchpoint "odd.thng". Did you mean "odd.thing"?' in refused.stderr


def test_variants_under_one_id_are_listed_beside_the_one_that_counts(
    lifecycle: Run, tmp_path: Path, sqlite_url: str
) -> None:
    assert lifecycle("touchpoints", "list", "--conflicts").stdout.endswith(": none\n")
    later = [
        line("anna", "1", "need.stated", START + DAY, need="n1"),
        line("anna", "1", "need.stated", START, need="n2"),
    ]
    run([write(tmp_path / "more.jsonl", later)], store=sqlite_url, until="end")
    for words in ([], ["--person", "anna"]):
        events = [
            json.loads(each)
            for each in lifecycle("touchpoints", "list", "--conflicts", *words, "--json").stdout.splitlines()
        ]
        assert [each["counts"] for each in events] == [True, False, False]
        assert {each["id"] for each in events} == {"1"}
    shown = lifecycle("touchpoints", "list", "--conflicts").stdout.splitlines()[1:]
    assert ["beside" in row for row in shown] == [False, True, True]
    assert lifecycle("touchpoints", "list", "--conflicts", "--person", "王小明").stdout.endswith(": none\n")


def test_a_touchpoint_that_was_taken_back_is_marked(lifecycle: Run, tmp_path: Path, sqlite_url: str) -> None:
    """Of one person and in the whole log; the retraction itself is in it too."""
    source = json.loads(line("anna", "2", "x.y", START))["source"]
    back = line("anna", "3", "touchpoint.retracted", START + 2 * DAY, source=source, id="2")
    run([write(tmp_path / "back.jsonl", [back])], store=sqlite_url, until="end")
    for words in (["--person", "anna"], []):
        rows = [row for row in lifecycle("touchpoints", "list", *words).stdout.splitlines()[1:] if "anna" in row]
        marked = {row.split()[4]: "  retracted" in row for row in rows}
        assert marked == {"need.stated": False, "decision.made": True, "touchpoint.retracted": False}
