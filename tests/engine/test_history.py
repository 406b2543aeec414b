"""What was accepted stays accepted, on both stores: a policy that asks for more, names that are no person, labels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from lifecycle.engine.engine import Engine
from lifecycle.person import DUE_AT_ONCE
from lifecycle.reading.questions import Questions
from lifecycle.record import Accounting
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT
from lifecycle.store.store import Store, open_store
from lifecycle.store.tables import outbox, people, tasks, touchpoints
from lifecycle.touchpoint import Touchpoint
from tests.engine.test_engine import NOW, TEXT, advance, engine_on, ingest
from tests.rules.histories import DAY, at, touchpoint

NO_TASK = f"{'0' * 20}-{'0' * 24}"
ASKS_FOR_MORE = TEXT.replace(
    "need.stated: {by: person, data: {need: id}}", "need.stated: {by: person, data: {need: id, words: text}}"
)
STATED = touchpoint("1", "need.stated", 0, need="a")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = open_store(store_url, create=True)
    yield store
    store.close()


def stated_by(person: str) -> Touchpoint:
    return STATED._replace(person=person)


def activated(store: Store, text: str) -> Engine:
    policy = load_policy(text, name="test.yaml")
    store.activate_policy(policy.hash, policy.text, snapshot_format=SNAPSHOT_FORMAT, at=NOW, due=DUE_AT_ONCE)
    engine = engine_on(store, text)
    advance(engine, at(3))
    return engine


def labels(accounting: Accounting) -> dict[str, int]:
    return {name: count for name, count in accounting.as_mapping().items() if count and name != "received"}


def open_tasks(store: Store, engine: Engine) -> list[tuple[str, str]]:
    return [(task["person"], task["kind"]) for task in Questions(store, engine.machine).tasks()]


def test_a_policy_that_asks_for_more_loses_nobody_and_no_task(store: Store) -> None:
    """The field counts as missing, is counted by type and field, and nothing is withdrawn."""
    engine = engine_on(store)
    ingest(engine, *(stated_by(person) for person in ("anna", "bert", "carl")))
    advance(engine, at(2))
    before = open_tasks(store, engine), len(store.outbox(None))
    later = activated(store, ASKS_FOR_MORE)
    assert (open_tasks(store, later), len(store.outbox(None))) == before
    assert [person["person"] for person in Questions(store, later.machine).people()] == ["anna", "bert", "carl"]
    assert store.read_as_missing() == {"need.stated.words": (3, 3)}


def test_what_is_read_as_missing_goes_when_the_policy_goes(store: Store) -> None:
    """The count is of the policy that folds."""
    ingest(engine_on(store, TEXT), STATED)
    activated(store, ASKS_FOR_MORE)
    activated(store, TEXT)
    assert store.read_as_missing() == {}


def test_the_door_asks_for_what_the_policy_asks_for_now(store: Store) -> None:
    """What comes now is refused; what came before stays."""
    ingest(engine_on(store), STATED)
    engine = activated(store, ASKS_FOR_MORE)
    assert labels(ingest(engine, stated_by("dora"))) == {"dead_lettered": 1}
    assert labels(ingest(engine, STATED)) == {"duplicate": 1}


@pytest.mark.parametrize("task", ["JIRA-123", "", f"{'A' * 20}-{'A' * 24}", f"{NO_TASK}0", f" {NO_TASK}"])
def test_an_outcome_whose_id_is_no_task_id_is_dead_lettered_with_a_reason_of_its_own(store: Store, task: str) -> None:
    """It can be of no task of ours, so whoever sent it is told."""
    accounting = ingest(engine_on(store), touchpoint("1", "task.completed", 0, task=task))
    (letter,) = store.dead_letters()
    assert (labels(accounting), letter.letter.reason, letter.letter.field) == (
        {"dead_lettered": 1},
        "no_task_id",
        "data.task",
    )
    assert "should be the id of a task as its messages name it: 20 hex digits, -, 24 hex" in letter.letter.message


def test_outcomes_and_unknown_types_make_no_person(store: Store) -> None:
    """They are in the log and in the accounting, and in no list, lane or metric."""
    engine = engine_on(store)
    outcome = touchpoint("1", "task.completed", 0, task=NO_TASK)._replace(person="Anna")
    unknown = touchpoint("2", "moon.rose", 0)._replace(person="ben")
    assert labels(ingest(engine, outcome, unknown)) == {"folded": 1, "unknown_type": 1, "unmatched": 1}
    advance(engine, at(50 * DAY))
    questions, counts = Questions(store, engine.machine), store.counts()
    assert (list(questions.people()), list(questions.tasks()), questions.count().people) == ([], [], 0)
    assert (counts.people, counts.people_without_next) == (0, 0)
    assert {person: len(log) for person, log in store.read_log({"Anna": None, "ben": None}).items()} == {
        "Anna": 1,
        "ben": 1,
    }


def test_the_metric_and_the_list_agree_on_who_is_a_person(store: Store) -> None:
    """A type that is known and begins no track makes a person without a next obligation, for both."""
    text = TEXT.replace("per: person\n    start: here", "per: person\n    start: here\n    begins: [need.stated]", 1)
    engine = engine_on(store, text)
    ingest(engine, touchpoint("1", "purchase.completed", 0, amount="5 EUR"))
    census, counts = Questions(store, engine.machine).count(), store.counts()
    assert (census.people, census.forgotten) == (counts.people, counts.people_without_next) == (1, 1)


def test_an_outcome_that_came_before_its_person_is_folded_when_they_begin(store: Store) -> None:
    """It waits in the log, under the name it was sent with."""
    engine = engine_on(store)
    ingest(engine, STATED)
    advance(engine, at(1))
    (task,) = Questions(store, engine.machine).tasks()
    done = touchpoint("0", "task.completed", -1, task=task["id"])
    other = engine_on(emptied(store))
    assert labels(ingest(other, done)) == {"folded": 1, "unmatched": 1}
    ingest(other, STATED)
    advance(other, at(1))
    assert open_tasks(other.store, other) == []


def emptied(store: Store) -> Store:
    """Return the same database with nobody in it."""
    with store._database.writing() as connection:
        for table in (touchpoints, people, tasks, outbox):
            connection.execute(delete(table))
    return store


def test_what_reaches_no_instance_and_what_has_no_key_is_labelled(store: Store) -> None:
    """A decision about a need that was never stated, and a reply without a need."""
    engine = engine_on(store)
    decided = touchpoint("2", "decision.made", 1, need="b", outcome="elsewhere")
    reply = touchpoint("3", "reply.sent", 2)
    assert labels(ingest(engine, STATED, decided, reply)) == {"folded": 3, "unreached": 1, "keyless": 1}
    assert store.counts().accounting.unreached == 1


def test_a_repetition_is_not_labelled_again(store: Store) -> None:
    """Labels are of what a batch brought."""
    engine = engine_on(store)
    decided = touchpoint("2", "decision.made", 1, need="b", outcome="elsewhere")
    ingest(engine, decided)
    assert labels(ingest(engine, decided, STATED)) == {"duplicate": 1, "folded": 1, "late": 1}
