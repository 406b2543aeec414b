"""What is asked of a database: people and tasks as data, also of those folded by another policy."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from lifecycle import Lifecycle, canonical_json, open_engine
from lifecycle.api import open_questions
from lifecycle.databases import one_database
from lifecycle.errors import NotFound
from lifecycle.person import DUE_AT_ONCE
from lifecycle.record import Place
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT
from lifecycle.wire.codec import read_record
from tests.cli.stories import POLICY, START, history, line

DAY = timedelta(days=1)


@pytest.fixture
def lifecycle(store_url: str) -> Iterator[Lifecycle]:
    with open_engine(store_url, POLICY) as opened:
        yield opened


def tell(lifecycle: Lifecycle, *lines: str, days: float = 0) -> None:
    lifecycle.ingest(lines)
    lifecycle.advance(START + days * DAY)


def lost(person: str = "anna") -> list[str]:
    return [
        line(person, "1", "need.stated", START, need="n1"),
        line(person, "2", "purchase.completed", START + DAY, amount="10.50 EUR"),
        line(person, "3", "decision.made", START + 10 * DAY, need="n1", outcome="elsewhere"),
    ]


def test_a_person_as_data(lifecycle: Lifecycle) -> None:
    tell(lifecycle, *lost(), line("cleo", "9", "odd.thing", START), days=45)
    people = list(lifecycle.people())
    assert [each["person"] for each in people] == ["anna"]  # Of cleo nothing is known that the policy knows.
    keep = {
        "at": "2027-01-06T10:00:00Z",
        "what": "timer",
        "track": "in_touch",
        "key": None,
        "name": "keep",
        "then": "opens",
    }
    rest = {
        "at": "2026-09-08T10:00:00Z",
        "what": "timer",
        "track": "need",
        "key": "n1",
        "name": "later/rest",
        "then": "moves",
    }
    assert people[0] == {
        "person": "anna",
        "lane": "customer",
        "facts": {"bought": True, "heard": "2026-03-12T10:00:00Z", "contacted": "2026-03-12T10:00:00Z"},
        "tracks": {
            "in_touch": [{"key": None, "stage": "here", "since": "2026-03-02T10:00:00Z", "facts": {}, "next": keep}],
            "need": [{"key": "n1", "stage": "lost", "since": "2026-03-12T10:00:00Z", "facts": {}, "next": rest}],
        },
        # ask_after opened on a Saturday, was due on 16 April and is overdue, so its expiry comes next.
        "next_obligation": {
            "at": "2026-05-16T09:00:00Z",
            "what": "task",
            "track": "need",
            "key": "n1",
            "name": "ask_after",
            "then": "expires",
        },
        "stopped": None,
        "limits": None,
    }
    assert lifecycle.questions.person("anna") == people[0]
    with pytest.raises(
        NotFound,
        match=r"nobody is known as cleo\. What is in the log under this name begins nobody by this policy: 1 odd\.thing\.",
    ):
        lifecycle.questions.person("cleo")


def test_open_tasks_and_all_that_ever_were(lifecycle: Lifecycle) -> None:
    tell(lifecycle, *lost("bert"), *lost(), days=45)
    still = list(lifecycle.tasks())
    assert [(task["person"], task["kind"]) for task in still] == [("anna", "ask_after"), ("bert", "ask_after")]
    assert set(still[0]) == {
        *("id", "person", "kind", "track", "key", "stage", "lane", "state", "ask", "by", "about"),
        *("requested_at", "due_at", "expires_at", "closed_at", "reason", "why"),
    }
    ever = [task for task in lifecycle.tasks(include_closed=True) if task["person"] == "anna"]
    assert [(task["kind"], task["state"], task["reason"]) for task in ever] == [
        ("acknowledge", "expired", "expired"),
        ("acknowledge/or_else", "withdrawn", "left_stage"),
        ("thank", "expired", "expired"),
        ("ask_after", "open", None),
    ]
    assert ever == sorted(ever, key=lambda task: (task["requested_at"], task["id"]))
    assert ever[-1] == still[0]


def test_an_outcome_that_comes_late_is_the_last_word(lifecycle: Lifecycle) -> None:
    tell(lifecycle, *lost(), days=45)
    task = next(each for each in lifecycle.tasks(include_closed=True) if each["kind"] == "thank")
    tell(lifecycle, line("anna", "4", "task.completed", START + 50 * DAY, task=task["id"]), days=51)
    assert lifecycle.questions.task(task["id"])["state"] == "completed"
    assert [each["id"] for each in lifecycle.tasks(include_closed=True)].count(task["id"]) == 1
    assert lifecycle.explain(task["id"])[-2] == (
        "2026-04-21 10:00 UTC: it was completed late, after it had expired, on task.completed (source /test, id 4)."
    )


def test_a_task_is_found_long_after_its_snapshot_forgot_it(
    lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.rules.state.endings.MAX_CLOSED", 2)
    tell(lifecycle, *lost("bert"), *lost(), days=45)
    first = next(each for each in lifecycle.tasks(include_closed=True) if each["person"] == "bert")
    assert not any(first["id"] in row.snapshot for row in lifecycle.store.iterate_people())
    assert lifecycle.questions.task(first["id"]) == first
    with pytest.raises(NotFound) as missing:
        lifecycle.questions.task("nonsense")
    assert str(missing.value) == (
        "no task nonsense is asked by what is known now. `lifecycle tasks list --all` lists those that are or "
        "were; one that later news made untrue is not among them."
    )
    slot = first["id"].partition("-")[0]
    with pytest.raises(NotFound, match=f"no task {slot}-0 of bert is asked"):
        lifecycle.explain(f"{slot}-0")


def test_people_of_another_policy_are_read_as_they_will_stand(store_url: str, tmp_path: Any) -> None:
    other = POLICY.read_text().replace("ask: Thank", "ask: Say thanks").replace("to: lost", "to: rest")
    with open_engine(store_url, POLICY) as before:
        before.ingest(history(20))
        before.advance(START + 200 * DAY)
        policy = load_policy(other)
        before.store.activate_policy(
            policy.hash, policy.text, snapshot_format=SNAPSHOT_FORMAT, at=START, due=DUE_AT_ONCE
        )
    store, questions = open_questions(one_database(store_url))
    people, tasks = list(questions.people()), list(questions.tasks(include_closed=True))
    assert not any(each["stage"] == "lost" for person in people for each in person["tracks"]["need"])
    store.close()
    with open_engine(store_url) as after:
        after.advance(START + 200 * DAY)
        assert list(after.people()) == people
        assert list(after.tasks(include_closed=True)) == tasks


def test_reading_writes_nothing(sqlite_url: str) -> None:
    with open_engine(sqlite_url, POLICY) as lifecycle:
        tell(lifecycle, *lost(), days=45)
    store, questions = open_questions(one_database(sqlite_url))
    before = [store.state(), store.iterate_people(), store.counts()]
    task = next(questions.tasks(include_closed=True))
    assert all([list(questions.people()), questions.explain(task["id"]), questions.count().people])
    assert [store.state(), store.iterate_people(), store.counts()] == before
    store.close()


def test_numbers_have_one_form(sqlite_url: str) -> None:
    policy = POLICY.read_text().replace("  heard:", "  spend: {sum: purchase.completed.amount}\n  heard:")
    with open_engine(sqlite_url, policy) as lifecycle:
        tell(lifecycle, *lost(), line("anna", "5", "purchase.completed", START, amount="0.5 EUR"))
        facts = next(lifecycle.people())["facts"]
        assert canonical_json.dumps(facts["spend"]) == '{"EUR":11}'


def test_what_is_told_is_as_of_the_moment_that_time_has_reached(sqlite_url: str) -> None:
    """A window that no lane looks at ages too, without anything being written."""
    policy = POLICY.read_text().replace("  heard:", "  recent: {count: purchase.completed, within: 30 days}\n  heard:")
    with open_engine(sqlite_url, policy) as opened:
        tell(opened, *lost(), days=20)
        assert next(opened.people())["facts"]["recent"] == 1
        opened.advance(START + 31 * DAY)
        assert next(opened.people())["facts"]["recent"] == 0
        assert opened.questions.person("anna")["facts"]["recent"] == 0


def test_everybody_is_counted_once(lifecycle: Lifecycle) -> None:
    lifecycle.ingest(history(40))
    lifecycle.advance(START + 400 * DAY)
    census = lifecycle.questions.count()
    assert census.people == 40 == sum(census.lanes.values())
    assert sum(count for (track, _), count in census.stages.items() if track == "need") == 40
    assert sum(census.tasks.values()) == len(list(lifecycle.tasks()))
    assert (census.forgotten, census.stopped) == (0, 0)


def test_whose_touchpoints_wait_to_be_folded_are_counted_and_not_taken_for_nobody(store_url: str) -> None:
    """As while a worker is behind, or after a run that was killed."""
    with open_engine(store_url, POLICY) as opened:
        records = [read_record(Place("file:x", 0, number), each.encode()) for number, each in enumerate(lost())]
        opened.ingest_records(records, ceiling=None, log_first=True)
        assert (opened.questions.count().waiting, opened.questions.count().people) == (1, 0)
        with pytest.raises(NotFound, match="waits to be folded when the worker, or the run, has read the rest: 1 dec"):
            opened.questions.person("anna")
        opened.advance(START + 45 * DAY)
        assert (opened.questions.count().waiting, opened.questions.count().people) == (0, 1)
