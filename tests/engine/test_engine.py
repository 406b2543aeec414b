"""The spine on both stores: outcomes and labels, publishing, waiting, refusals, overtaking, a new policy."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle.engine.engine import Engine
from lifecycle.engine.limits import Limits
from lifecycle.errors import PolicyMismatch, RevisionConflict, StoreUnavailable, ValueRefused
from lifecycle.record import Accounting, Batch, Log, Place, Record, Step
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT, decode
from lifecycle.store.changes import Changes
from lifecycle.store.store import Store, open_store
from lifecycle.touchpoint import Touchpoint
from tests.engine.random_histories import broken_record
from tests.rules.fold.test_fold import NEED
from tests.rules.histories import DAY, HEAD, START, WATCH, at, touchpoint

NOW = at(1_000 * DAY)
TEXT = f"{HEAD}\ntracks:{WATCH}{NEED}"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = open_store(store_url, create=True)
    yield store
    store.close()


@pytest.fixture
def engine(store: Store) -> Engine:
    return engine_on(store)


def engine_on(store: Store, text: str = TEXT, **limits: Any) -> Engine:
    return Engine(store, load_policy(text, name="test.yaml"), opened_at=NOW, limits=Limits(**limits))


def batch_of(*touchpoints: Touchpoint, first: int = 1) -> Batch:
    return Batch(
        tuple(Record(Place("file:t", 0, number), b"{}", each) for number, each in enumerate(touchpoints, first))
    )


def ingest(engine: Engine, *touchpoints: Touchpoint, **options: Any) -> Accounting:
    return engine.ingest(batch_of(*touchpoints), received_at=NOW, ceiling=None, **options)


def advance(engine: Engine, until: datetime, **options: Any) -> int:
    total = 0
    while written := engine.advance(until, at=NOW, **options):
        total += written
    return total


def messages(store: Store) -> list[tuple[str, str]]:
    """Return (type, kind) of what lies in the outbox, in order."""
    events = [json.loads(row.body) for row in store.outbox(None, 1_000)]
    return [(event["type"], event["data"]["kind"]) for event in events]


def stage(store: Store, track: str = "need", key: str = "a") -> str:
    return decode(store.load_people(["anna"])["anna"].snapshot).tracks[track][key].stage


STATED = touchpoint("1", "need.stated", 0, need="a")
OFFER = touchpoint("2", "offer.made", 5, need="a")


def test_every_record_has_exactly_one_outcome(engine: Engine) -> None:
    """received = folded + duplicate + conflicting + future + unknown type + dead-lettered."""
    later = STATED._replace(occurred_at=at(3))
    invalid = touchpoint("3", "decision.made", 6, need="a", outcome="elswhere")
    future = touchpoint("4", "offer.made", 1_002 * DAY, need="a")
    unknown = touchpoint("5", "moon.rose", 7)
    good = [STATED, STATED, later, later, OFFER, invalid, future, unknown]
    records = (*batch_of(*good).records, broken_record(99))
    accounting = engine.ingest(Batch(records), received_at=NOW, ceiling=None)
    assert accounting == Accounting(
        received=9, folded=2, duplicate=2, conflicting=1, future=1, unknown_type=1, dead_lettered=2
    )
    assert engine.store.counts().accounting == accounting


def test_what_was_passed_on_is_counted_and_nothing_else(engine: Engine, store: Store) -> None:
    """Also where a batch is halved: each half counts what lies before its offsets."""
    progress = store.claim_partition("in", 0, Log("t", 0, 9))
    kept = touchpoint("1", "need.stated", 0, need="n1")
    records = tuple(
        Record(Place("in", 0, offset), b"{}", kept if offset == 1 else None, home=None if offset == 1 else 3)
        for offset in range(4)
    )
    batch = Batch(records, (Step("in", 0, progress.epoch, 0, 4),))
    for half in batch.halves():
        engine.ingest(half, received_at=NOW, ceiling=None)
    (row,) = store.progress()
    assert (row.next_offset, row.accounting) == (4, Accounting(received=4, folded=1, passed_on=3, misrouted=0))
    assert [each.person for each in store.iterate_people()] == [kept.person]
    assert store.dead_letters() == []


def test_refused_records_are_kept_with_reason_field_and_original_bytes(engine: Engine) -> None:
    """Nothing is dropped: an invalid field, a time in the future, a broken line."""
    invalid = touchpoint("3", "decision.made", 6, need="a", outcome="elswhere")
    future = touchpoint("4", "offer.made", 1_002 * DAY, need="a")
    engine.ingest(Batch((*batch_of(invalid, future).records, broken_record(99))), received_at=NOW, ceiling=None)
    letters = engine.store.dead_letters()
    found = [(letter.letter.reason, letter.letter.field, letter.letter.body) for letter in letters]
    assert found == [
        ("invalid_data", "data.outcome", b"{}"),
        ("future", "time", b"{}"),
        ("not_json", None, b"{broken"),
    ]
    assert letters[0].letter.message == (
        "decision.made 3 from s: data.outcome should be one of with_us, elsewhere, not_now, got 'elswhere'. "
        "Send it again with a new id and the field mended."
    )


def test_the_smallest_variant_under_one_id_counts_whatever_arrived_first(engine: Engine) -> None:
    """An earlier time under a known id replaces the stored one, and the person is folded again."""
    ingest(engine, STATED._replace(occurred_at=at(9)), OFFER)
    assert stage(engine.store) == "stated"
    accounting = ingest(engine, STATED)
    assert accounting.conflicting == 1
    assert stage(engine.store) == "weighing"


def test_a_late_touchpoint_is_labelled_and_withdraws_what_it_makes_untrue(engine: Engine) -> None:
    """The reply was sent in time, and we heard of it after the escalation."""
    ingest(engine, STATED)
    advance(engine, at(49))
    assert messages(engine.store) == [
        ("task.requested", "acknowledge"),
        ("task.withdrawn", "acknowledge"),
        ("task.requested", "acknowledge/or_else"),
    ]
    accounting = ingest(engine, touchpoint("2", "reply.sent", 4, need="a"), until=at(49))
    assert accounting.late == 1
    assert messages(engine.store)[3:] == [("task.changed", "acknowledge"), ("task.withdrawn", "acknowledge/or_else")]


def test_without_publishing_nothing_goes_out_until_the_next_pass_that_publishes(engine: Engine) -> None:
    """Importing history asks only for what matters at the end."""
    ingest(engine, STATED, OFFER, publish=False)
    assert messages(engine.store) == []
    advance(engine, at(10 * DAY))
    assert messages(engine.store) == [("task.requested", "help")]


def test_touchpoints_later_than_the_ceiling_wait_in_the_log(engine: Engine) -> None:
    """They are folded when time gets there, and the person is due then."""
    engine.ingest(batch_of(STATED, OFFER), received_at=NOW, ceiling=at(1))
    assert stage(engine.store) == "stated"
    row = engine.store.load_people(["anna"])["anna"]
    assert (row.waiting_at, row.next_due_at) == (at(5), at(5))
    advance(engine, at(6))
    assert stage(engine.store) == "weighing"


def test_a_person_with_nothing_due_is_never_written_by_the_clock(engine: Engine) -> None:
    """Time passes over those it has no work for."""
    ingest(engine, STATED)
    before = engine.store.load_people(["anna"])
    assert advance(engine, at(3)) == 0
    assert engine.store.load_people(["anna"]) == before


def test_a_batch_read_again_changes_nothing(engine: Engine) -> None:
    """The keys absorb it: no message, no new revision."""
    ingest(engine, STATED, OFFER)
    before = (engine.store.load_people(["anna"]), messages(engine.store))
    assert ingest(engine, STATED, OFFER) == Accounting(received=2, duplicate=2)
    assert (engine.store.load_people(["anna"]), messages(engine.store)) == before


def test_a_misrouted_touchpoint_is_folded_and_labelled(store: Store) -> None:
    """People belong to partitions by murmur2, wherever their records arrive."""
    store.set_partitions(4)
    engine = engine_on(store)
    progress = [store.claim_partition("touchpoints", partition, Log("topic-1", 0, 9)) for partition in range(4)]
    records = tuple(
        Record(Place("touchpoints", partition, 0), b"{}", STATED._replace(id=str(partition))) for partition in range(4)
    )
    steps = tuple(Step("touchpoints", each.partition, each.epoch, each.next_offset, 1) for each in progress)
    accounting = engine.ingest(Batch(records, steps), received_at=NOW, ceiling=None)
    assert (accounting.folded, accounting.misrouted) == (4, 3)


class Faulty:
    """A store whose commit fails the first times, before or after it was done."""

    def __init__(self, store: Store, failures: Sequence[tuple[str, Exception]]) -> None:
        self._store = store
        self._failures = list(failures)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, changes: Changes) -> None:
        if not self._failures:
            self._store.commit(changes)
            return
        when, error = self._failures.pop(0)
        if when == "after":
            self._store.commit(changes)
        raise error


def with_faults(engine: Engine, *failures: tuple[str, Exception]) -> Engine:
    engine.store = Faulty(engine.store, failures)  # type: ignore[assignment]  # stands in for commit alone
    return engine


def test_a_batch_overtaken_by_another_writer_is_read_and_decided_again(engine: Engine) -> None:
    """A revision conflict is no loss and no error."""
    with_faults(engine, ("before", RevisionConflict("anna")), ("before", RevisionConflict("anna")))
    assert ingest(engine, STATED).folded == 1
    assert stage(engine.store) == "stated"


def test_being_overtaken_again_and_again_is_reported_after_a_bounded_number_of_attempts(store: Store) -> None:
    """The caller retries with a pause instead."""
    engine = with_faults(engine_on(store, commit_attempts=2), *[("before", RevisionConflict("anna"))] * 3)
    with pytest.raises(RevisionConflict, match="anna"):
        ingest(engine, STATED)


def test_a_crash_after_the_commit_loses_nothing_and_repeats_nothing(engine: Engine) -> None:
    """The answer was lost, the commit was not: the same batch again is all duplicates."""
    with_faults(engine, ("after", StoreUnavailable("gone")))
    with pytest.raises(StoreUnavailable):
        ingest(engine, STATED)
    assert ingest(engine, STATED) == Accounting(received=1, duplicate=1)
    assert messages(engine.store) == [("task.requested", "acknowledge")]


def test_a_value_that_the_database_refuses_is_found_by_halving_and_dead_lettered(engine: Engine) -> None:
    """The other records of the batch are not concerned."""
    whole, half, single = [("before", ValueRefused("bad value"))] * 3
    with_faults(engine, whole, half, single)
    accounting = ingest(engine, STATED, OFFER, touchpoint("3", "reply.sent", 6), touchpoint("4", "reply.sent", 7))
    assert (accounting.received, accounting.folded, accounting.dead_lettered) == (4, 3, 1)
    (letter,) = engine.store.dead_letters()
    assert letter.letter.message == "The database refused a value of this record: bad value"


def test_another_policy_than_the_active_one_is_refused_by_name(engine: Engine) -> None:
    """It names both, and the command that changes over."""
    other = TEXT.replace("Answer", "Answer soon")
    with pytest.raises(PolicyMismatch) as refused:
        engine_on(engine.store, other)
    assert str(refused.value) == (
        f"The database is folded by the policy {engine.policy.hash}; this one (test) is "
        f"{load_policy(other).hash}. Run `lifecycle policy activate FILE --db URL` to change over, "
        "or use the policy that is active."
    )


def test_a_new_policy_folds_everybody_again_and_withdraws_what_it_does_not_ask(engine: Engine) -> None:
    """No one is stranded in a stage that is gone; the reason given is `policy`."""
    ingest(engine, STATED)
    other = load_policy(TEXT.replace("acknowledge:", "greet:"), name="other.yaml")
    store = engine.store
    store.activate_policy(other.hash, other.text, snapshot_format=SNAPSHOT_FORMAT, at=NOW, due=START)
    renewed = Engine(store, other, opened_at=NOW)
    assert advance(renewed, at(1)) == 1
    events = [json.loads(row.body) for row in store.outbox(None, 10)][1:]
    assert [(each["type"], each["data"]["kind"], each["data"]["reason"]) for each in events] == [
        ("task.withdrawn", "acknowledge", "policy"),
        ("task.requested", "greet", None),
    ]


PROMISES = f"""{HEAD}
tracks:{WATCH}
  promise:
    per: promise
    start: made
    begins: [promise.made]
    upon: {{promise.kept: kept}}
    stages:
      made: {{means: ., tasks: {{keep: {{ask: Keep, done_by: promise.kept}}}}, later: [{{after: 300 days, to: kept}}]}}
      kept: {{means: ., watched_by: in_touch}}
"""


@pytest.mark.parametrize(
    "hours", [pytest.param(0.0, id="one instant"), pytest.param(0.001, id="many instants", marks=pytest.mark.slow)]
)
def test_a_thousand_promises_stop_nobody_in_any_order_and_split(store_url: str, tmp_path: Path, hours: float) -> None:
    """In one batch, in two, and shuffled in three: the same person to the byte, and the same open tasks."""
    history = [
        touchpoint(f"{number:04}", "promise.made", number * hours, promise=f"p{number}", promised_for="2026-04-01")
        for number in range(1_005)
    ]
    history += [
        touchpoint(f"{number:04}k", "promise.kept", number * hours + hours * 300, promise=f"p{number}")
        for number in range(200)
    ]
    shuffled = random.Random(1).sample(history, len(history))
    people = []
    for number, batches in enumerate(
        ([history], [history[:1_000], history[1_000:]], [shuffled[part::3] for part in range(3)])
    ):
        store = open_store(f"sqlite:///{tmp_path / str(number)}" if number else store_url, create=True)
        engine = engine_on(store, PROMISES)
        for batch in batches:
            ingest(engine, *batch)
        advance(engine, at(30))
        row = store.load_people(["anna"])["anna"]
        people.append(row.snapshot)
        assert row.stopped is None
        assert len(decode(row.snapshot).tasks) == 101, "a hundred, and the one that tells of the others"
        store.close()
    assert people[0] == people[1] == people[2]


def test_how_a_task_ended_long_ago_is_found_in_the_log(engine: Engine) -> None:
    """More tasks ended unpublished than a snapshot remembers: none of them is called untrue."""
    ingest(engine, STATED)
    many = [touchpoint(f"n{number:03}", "need.stated", 1 + number, need=f"k{number}") for number in range(80)]
    replies = [touchpoint(f"r{number:03}", "reply.sent", 100 + number, need=f"k{number}") for number in range(80)]
    first = touchpoint("r", "reply.sent", 0.5, need="a")
    ingest(engine, first, *many, publish=False)
    ingest(engine, *replies, publish=False)
    advance(engine, at(200))
    told = [json.loads(row.body)["data"] for row in engine.store.outbox(None, 1_000)]
    assert [(each["kind"], each["state"], each["reason"]) for each in told if each["why"]["key"] == "a"] == [
        ("acknowledge", "open", None),
        ("acknowledge", "completed", None),
    ]


def test_time_moves_in_bounded_passes(store: Store) -> None:
    """No transaction holds more people than the limit."""
    engine = engine_on(store, advance_people=2)
    ingest(engine, *(STATED._replace(person=f"p{number}") for number in range(5)))
    assert [engine.advance(at(49), at=NOW) for _ in range(4)] == [2, 2, 1, 0]


def test_time_moves_only_for_the_partitions_named(store: Store) -> None:
    """A worker advances the people it owns."""
    store.set_partitions(4)
    engine = engine_on(store)
    ingest(engine, *(STATED._replace(person=f"p{number}") for number in range(20)))
    moved = [advance(engine, at(49), partitions=[partition]) for partition in range(4)]
    assert sum(moved) == 20
    assert all(moved)


def test_messages_are_stamped_with_the_time_of_commit(engine: Engine) -> None:
    """The version is the commit's milliseconds; the message id is task id and version."""
    ingest(engine, STATED)
    (row,) = engine.store.outbox(None, 10)
    event = json.loads(row.body)
    assert event["time"] == NOW.isoformat().replace("+00:00", "Z")
    assert event["data"]["version"] == int(NOW.timestamp() * 1_000)
    assert row.message_id == event["id"] == f"{event['data']['id']}.{event['data']['version']}"
    assert row.person == event["subject"] == "anna"


def test_in_the_future_is_judged_against_the_clock_at_receipt(engine: Engine) -> None:
    """A touchpoint within a day ahead is accepted, and never judged again."""
    soon = touchpoint("9", "need.stated", 1_000 * DAY + 23, need="a")
    assert engine.ingest(batch_of(soon), received_at=NOW, ceiling=NOW).folded == 1
    assert engine.ingest(batch_of(soon), received_at=NOW - timedelta(days=50), ceiling=NOW).duplicate == 1


def test_time_moves_for_so_many_people_at_once_who_are_due_first(engine: Engine) -> None:
    """`most` for one call, `advance_people` otherwise; the rest is due as before."""
    people = [STATED._replace(person=f"p{number}", occurred_at=at(number)) for number in range(5)]
    ingest(engine, *people)
    due = at(60)
    assert [engine.advance(due, at=NOW, most=2), engine.advance(due, at=NOW, most=2)] == [2, 2]
    assert engine.advance(due, at=NOW) == 1
    assert engine.advance(due, at=NOW) == 0
