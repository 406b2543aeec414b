"""The command line through typer's own runner: what each command prints, and how each refuses."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from lifecycle.cli import reference
from lifecycle.cli.app import ENTRIES, app
from lifecycle.cli.commands import runs
from lifecycle.cli.output import plural, visible
from lifecycle.cli.times import Times
from lifecycle.record import Log
from lifecycle.store import open_store
from lifecycle.streams import topics
from tests.cli.stories import POLICY, START, history, line, write

Run = Callable[..., Result]


@pytest.fixture
def lifecycle(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `lifecycle WORDS` in an empty folder, with the database given by the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIFECYCLE_DATABASE", sqlite_url)

    def invoke(*words: Any, code: int = 0, given: str | None = None) -> Result:
        result = CliRunner().invoke(
            app, [str(word) for word in words], input=given, prog_name="lifecycle", catch_exceptions=False
        )
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def told(lifecycle: Run, tmp_path: Path) -> Run:
    """The same, after a run over a small history with one line that cannot be read."""
    events = write(tmp_path / "h.jsonl", [*history(), "{bad\t"])
    lifecycle("run", "--events", events, "--policy", POLICY, "--tasks", "tasks.jsonl", "--until", "end")
    return lifecycle


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(each) for each in result.stdout.splitlines()]


def test_a_person_beyond_a_limit_is_shown_by_every_command(
    lifecycle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The built-in track stands in no policy, and is told of like any other."""
    monkeypatch.setattr("lifecycle.rules.fold.places.MAX_OPEN_OF_RULE", 1)
    needs = [line("anna", str(number), "need.stated", START, need=f"n{number:02}") for number in range(30)]
    events = write(tmp_path / "h.jsonl", needs)
    lifecycle("run", "--events", events, "--policy", POLICY, "--tasks", "tasks.jsonl", "--until", "end")
    shown = lifecycle("people", "show", "anna").stdout
    assert "  too_many: crowded since " in shown
    assert "limits: 29 tasks waiting\n" in shown
    assert ", and 12 more\n" in lifecycle("people", "list").stdout
    assert "too_many\n  crowded  1\n" in lifecycle("people", "count").stdout
    (task,) = objects(lifecycle("tasks", "list", "--json", "--track", "too_many"))
    assert task["about"]["waiting"] == 29
    assert "too_many" in lifecycle("explain", task["id"]).stdout
    assert "too_many is at" in lifecycle("explain", "--person", "anna").stdout
    assert "too_many" in lifecycle("explain", "--person", "anna", "--why-not", "too_many").stdout


def test_run_tells_what_became_of_everything(lifecycle: Run, tmp_path: Path, sqlite_url: str) -> None:
    lines = history(40)
    events = write(tmp_path / "h.jsonl", [*lines, lines[0], "{bad"])
    result = lifecycle("run", "--events", events, "--policy", POLICY, "--tasks", "t.jsonl", "--until", "end")
    assert result.stdout == ""
    written = (tmp_path / "t.jsonl").read_text().splitlines()
    told = result.stderr.splitlines()
    assert told[0] == (f"{len(lines) + 2} records received = {len(lines)} folded + 1 duplicate + 1 dead-lettered.")
    assert told[1].startswith("40 people; time has moved to 2026-0")
    assert told[2].startswith(f"{len(written)} open tasks: customer 0, prospect ")
    assert told[3:] == [
        f"{len(written)} messages written to t.jsonl.",
        f"Look next: lifecycle people count --db {sqlite_url}; lifecycle tasks list --db {sqlite_url}",
        f"1 record refused: lifecycle dead-letters list --db {sqlite_url}",
    ]


def test_run_reads_standard_input_and_writes_standard_output(lifecycle: Run) -> None:
    given = "\n".join(history(40))
    result = lifecycle(*("run", "--events", "-", "--tasks", "-", "--policy", POLICY, "--until", "end"), given=given)
    messages = objects(result)
    assert {each["type"] for each in messages} == {"task.requested"}
    assert f"{len(messages)} messages written to standard output." in result.stderr


def test_run_without_a_task_file_says_that_messages_wait(lifecycle: Run) -> None:
    given = line("anna", "1", "need.stated", START, need="n1")
    result = lifecycle("run", "--events", "-", "--policy", POLICY, "--until", "end", given=given)
    assert "1 message about tasks in the database; --tasks FILE writes what waits." in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--until", "tomorrow"], '--until is `now`, `end` or a time with a zone such as 2026-03-01T09:30:00Z, got "tomorrow".'),
        (["--until", "2026-03-01T09:30:00"], 'got "2026-03-01T09:30:00".'),
        (["--events", "-"], "--events - is given twice; standard input can be read once."),
        (["--db", "mysql://x"], "no store for databases of the kind mysql"),
    ],
)  # fmt: skip
def test_run_used_wrongly(lifecycle: Run, words: list[str], message: str) -> None:
    result = lifecycle("run", "--events", "-", *words, code=2)
    assert message in result.stderr
    assert result.stderr.startswith("lifecycle: ")


@pytest.mark.parametrize(
    "until",
    ["2026-03-02T10:00:00Z", "2026-03-02t10:00:00.1234567z", "2026-03-02T10:00Z", "2026-03-02 11:00:00+01:00"],
)
def test_a_moment_is_read_as_every_time_and_as_people_type_it(lifecycle: Run, until: str) -> None:
    told = lifecycle("run", "--events", "-", "--policy", POLICY, "--until", until, given="").stderr
    assert "time has moved to 2026-03-02 10:00 UTC." in told


def test_errors_are_one_message_and_an_exit_code(lifecycle: Run, tmp_path: Path) -> None:
    assert "there is no file nowhere.jsonl." in lifecycle("run", "--events", "nowhere.jsonl", code=2).stderr
    missing = lifecycle("people", "list", code=2).stderr
    assert missing == (
        f"lifecycle: there is no database {tmp_path / 'lifecycle.db'}. Check --db or LIFECYCLE_DATABASE; `lifecycle run` "
        "makes a new one, and so does `lifecycle db upgrade`.\n"
    )
    (tmp_path / "bad.yaml").write_text("policy: x\n")
    bad = lifecycle("run", "--events", "-", "--policy", "bad.yaml", code=1, given="").stderr
    assert bad.startswith("lifecycle: bad.yaml:1:1: ")
    assert "Missing option" in lifecycle("run", code=2).stderr


def test_a_missing_database_is_named(lifecycle: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIFECYCLE_DATABASE")
    assert "no database is given. Pass --db" in lifecycle("people", "list", code=2).stderr


def test_ctrl_c_says_that_nothing_is_lost(lifecycle: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "run_embedded", interrupted)
    stopped = lifecycle("run", "--events", "-", code=130)
    assert stopped.stderr == "lifecycle: stopped. What was committed stands; run the same command again.\n"


def test_people_list_show_and_count(told: Run) -> None:
    people = objects(told("people", "list", "--json"))
    assert [each["person"] for each in people] == sorted(each["person"] for each in people)
    head, *lines = told("people", "list").stdout.splitlines()
    assert head.startswith("As of 2026-")
    assert len(lines) == len(people) == 30
    assert lines[0].startswith("  person-000  prospect  next: 2026-")
    assert lines[0].endswith("  in_touch here, need[n1] lost")
    shown = told("people", "show", "person-000").stdout
    assert "  need[n1]: lost since 2026-" in shown
    assert "I chose somebody else" in shown
    tasks = objects(told("tasks", "list", "--person", "person-000", "--json"))
    assert objects(told("people", "show", "person-000", "--json")) == [{**people[0], "open_tasks": tasks}]
    assert "nobody is known as zoe." in told("people", "show", "zoe", code=1).stderr

    counted = objects(told("people", "count", "--json"))[0]
    assert counted["people"] == 30 == sum(counted["lanes"].values())
    assert counted["tracks"]["need"]["lost"]["loss"] is True
    words = told("people", "count").stdout
    assert "  lost    10  loss\n" in words
    assert words.endswith("30 people, 0 without a next obligation, 0 stopped\n")


def test_tasks_list_and_show(told: Run) -> None:
    still = objects(told("tasks", "list", "--json"))
    ever = objects(told("tasks", "list", "--all", "--json"))
    assert still == [task for task in ever if task["state"] == "open"]
    keys = [(task["person"], task["requested_at"], task["id"]) for task in ever]
    assert keys == sorted(keys)
    kinds = objects(told("tasks", "list", "--all", "--kind", "thank", "--lane", "prospect", "--json"))
    assert kinds == [task for task in ever if (task["kind"], task["lane"]) == ("thank", "prospect")]
    words = told("tasks", "list").stdout.splitlines()
    assert words[0].endswith(f": {len(still)} tasks")
    assert words[1].startswith(f"prospect: {len(still)} tasks, ")
    assert words[1].endswith("with the time they are due")
    assert [line.split()[0] for line in words[2:]] == sorted(line.split()[0] for line in words[2:])
    shown = told("tasks", "show", still[0]["id"]).stdout
    assert f"lifecycle explain {still[0]['id']}" in shown
    assert objects(told("tasks", "show", still[0]["id"], "--json")) == [still[0]]


def test_explain(told: Run) -> None:
    task = objects(told("tasks", "list", "--json"))[0]
    lines = told("explain", task["id"]).stdout.splitlines()
    assert lines[0].startswith(f"{task['person']}, lane prospect: ")
    assert objects(told("explain", task["id"], "--json")) == [{"task": task["id"], "explanation": lines}]
    assert "no task nonsense is asked" in told("explain", "nonsense", code=1).stderr


def test_dead_letters(told: Run) -> None:
    letter = objects(told("dead-letters", "list", "--json"))[0]
    assert base64.b64decode(letter["body_base64"]) == b"{bad\t"
    assert (letter["topic"], letter["reason"], letter["field"]) == ("file:h.jsonl", "not_json", None)
    plain = told("dead-letters", "list").stdout
    assert plain.startswith(f"Refused so far; times are in UTC:\nh.jsonl line {letter['offset']}, ")
    assert ": not_json. not JSON: " in plain
    assert told("dead-letters", "list", "--bytes").stdout == plain + "  {bad\\t\n"


def test_another_policy_is_activated(told: Run, tmp_path: Path) -> None:
    assert told("policy", "activate", POLICY).stdout.endswith("is active already.\n")
    (tmp_path / "new.yaml").write_text(POLICY.read_text().replace("policy: tiny", "policy: new"))
    refused = told("run", "--events", "h.jsonl", "--policy", "new.yaml", code=1)
    assert "Run `lifecycle policy activate FILE --db URL`" in refused.stderr
    activated = told("policy", "activate", "new.yaml").stdout
    assert "is active. 30 people will be folded again by the next `lifecycle run`" in activated
    told("run", "--events", "h.jsonl", "--policy", "new.yaml", "--until", "end")


def test_what_a_policy_will_read_as_missing_is_told_before_it_is_activated(told: Run, tmp_path: Path) -> None:
    """Touchpoints and people, by type and field; with --dry-run nothing changes, and nobody is lost afterwards."""
    more = POLICY.read_text().replace("data: {need: id}}", "data: {need: id, words: text}}", 1)
    (tmp_path / "more.yaml").write_text(more)
    before = told("people", "list", "--json").stdout
    dry = told("policy", "activate", "more.yaml", "--dry-run").stdout
    warned = (
        "30 touchpoints of 30 people in the log do not have all that tiny asks for. They stay, with these fields as "
        "missing:\n  need.stated.words  30 touchpoints  30 people\n"
    )
    assert dry == f"{warned}Nothing was changed. 30 people would be folded again.\n"
    assert told("policy", "activate", "more.yaml").stdout.startswith(f"{warned}tiny (")
    told("run", "--events", "h.jsonl", "--policy", "more.yaml", "--until", "end")
    assert told("people", "list", "--json").stdout == before
    assert told("policy", "activate", POLICY).stdout.startswith("tiny (")


def test_one_person_is_folded_again(told: Run) -> None:
    """From the whole log; it comes out as it was. Nobody of that name is said to be nobody."""
    before = told("people", "list", "--json").stdout
    assert told("people", "refold", "person-003").stdout.startswith("person-003 is folded again from the whole log.")
    assert told("people", "list", "--json").stdout == before
    assert "nobody is known as otto" in told("people", "refold", "otto", code=1).stderr


def test_who_is_stopped_still_after_a_refold_is_told_and_the_command_fails(
    told: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what failed; lists go on."""
    monkeypatch.setattr("lifecycle.engine.keeping.fold", lambda *_, **__: 1 // 0)
    said = told("people", "refold", "person-003", code=1).stdout
    assert said.startswith("person-003 is stopped still. A defect of the program: ZeroDivisionError: ")
    assert "stopped: A defect of the program" in told("people", "show", "person-003").stdout
    assert "1 stopped" in told("people", "count").stdout


def test_db_upgrade(lifecycle: Run, tmp_path: Path) -> None:
    wanted = f"the database at {tmp_path / 'lifecycle.db'} is up to date.\n"
    assert [lifecycle("db", "upgrade").stdout for _ in range(2)] == [wanted] * 2
    # Looking at an empty database decides nothing about its policy.
    assert objects(lifecycle("people", "count", "--json"))[0]["people"] == 0
    lifecycle("run", "--events", "-", "--policy", POLICY, given="")


def test_import(lifecycle: Run, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(
        'mapping: shop\nlanguage: 1\nsource: urn:shop\nid: content\nsubject: "{who}"\n'
        "file: {format: csv, columns: [who, day, amount]}\ntime: {column: day, zone: stamp}\n"
        "rules:\n  - name: bought\n    type: purchase.completed\n"
        '    data: {amount: {money: "{amount}", currency: EUR}}\n'
    )
    rows = "who,day,amount\nanna,2026-03-02T10:00:00Z,5.00\nbert,never,1\n"
    (tmp_path / "rows.csv").write_text(rows)
    printed = lifecycle("import", "--mapping", "map.yaml", "rows.csv", code=1)
    assert [each["subject"] for each in objects(printed)] == ["anna"]
    told = printed.stderr.splitlines()
    assert told[:2] == ["2 rows read, 1 touchpoint written; 0 rows not mapped, 1 bad.", "  bought: 1"]
    assert told[2] == "  refused, bought, bad_time: 1"
    assert told[3].startswith('  rows.csv: row 2 (line 3), rule bought, column day: The time "never" cannot be read')
    assert told[-2] == "All of them are in rows.csv.bad.csv."
    assert told[-1] == "Bad rows are a failure. Mend them or the mapping, or let them be: --allow 1."
    lifecycle("import", "--mapping", "map.yaml", "rows.csv", "--out", "out.jsonl", "--allow", 1)
    assert (tmp_path / "out.jsonl").read_text() == printed.stdout
    missing = lifecycle("import", "--mapping", "nowhere.yaml", "rows.csv", code=2)
    assert missing.stderr.startswith("lifecycle: ")
    nowhere = lifecycle("import", "--mapping", "map.yaml", "rows.csv", "--out", "no-folder/out.jsonl", code=2)
    assert "cannot be written: no such file or directory. Name another --out." in nowhere.stderr


def test_topics_adopt(told: Run, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"touchpoints": topics.Found("touchpoints", "new-id", 3, {})}
    monkeypatch.setattr(topics, "read_topics", lambda settings: found)
    logs = {0: Log("new-id", 3, 9), 1: Log("new-id", 0, 0), 2: Log("new-id", 0, 0)}
    monkeypatch.setattr(topics, "read_logs", lambda settings, topic: logs)
    refused = told("topics", "adopt", "other", code=1).stderr
    assert "other is none of the input topics (touchpoints, task-outcomes). Name one of them." in refused
    assert "no partition of topic touchpoints was ever claimed" in told("topics", "adopt", "touchpoints", code=1).stderr
    store = open_store(sqlite_url)
    store.claim_partition("touchpoints", 0, Log("old-id", 0, 9))
    assert told("topics", "adopt", "touchpoints").stdout == (
        "topic touchpoints partition 0 has id new-id, the database knows it by id old-id: the topic was deleted and "
        "made anew, so its offsets mean other records.\n  It begins again at offset 3.\n"
        "touchpoints has 3 partitions. 22 people moved.\n"
    )
    assert (store.state().partitions, store.progress()[-1].topic_id) == (3, "new-id")
    again = told("topics", "adopt", "touchpoints").stdout
    assert again == "touchpoints is as the database knows it; it is read on from where it was.\n"
    store.close()


def test_every_command_has_help_with_an_example() -> None:
    command = typer.main.get_command(app)
    for words in reference._commands(command, ()):
        shown = CliRunner().invoke(app, [*words, "--help"]).stdout
        if len(words) != 1 or words[0] in {"run", "worker", "publish", "import", "explain"}:
            assert "lifecycle " in shown.partition("Options:")[0].partition("\n")[2], words


def test_help_says_of_each_command_what_the_command_says_of_itself() -> None:
    """The root knows its commands without loading them, so their line stands there a second time."""
    for name, command in typer.main.get_command(app).commands.items():
        assert ENTRIES[name].help.rstrip(".") == command.get_short_help_str(limit=1000).rstrip("."), name


def test_the_references_are_fresh() -> None:
    """docs/cli.md and docs/settings.md say what the program does."""
    assert not reference.stale(), "run python -m lifecycle.cli.reference"


def test_words_for_people() -> None:
    assert [plural(1, "person", "people"), plural(1200, "task")] == ["1 person", "1,200 tasks"]
    assert visible(b"a\x00\xff\xc2\x85\n") == "a\\x00\\xff\\x85\\n"
    assert [Times("UTC").value(each) for each in (True, [], ["a", "b"], {"EUR": 5}, {}, 3)] == [
        *("yes", "nothing", "a, b", "5 EUR", "nothing", "3"),
    ]
