"""The contract of the one transaction, on both stores: atomic, fenced, compare-and-set, ordered."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from lifecycle.errors import LifecycleError, PartitionLost, RevisionConflict
from lifecycle.record import Accounting
from lifecycle.store import Changes, Store
from lifecycle.store.writer import MAX_CONFLICTS
from lifecycle.touchpoint import content_hash, key_of, variant_key
from tests.store.made import (
    BEFORE,
    HOUR,
    NOON,
    contents,
    dead_letter,
    everything,
    log,
    message,
    on_statement,
    person,
    publication,
    step,
    touchpoint,
)


class Crash(Exception):
    """What a test throws into the middle of a commit."""


def test_a_commit_writes_all_its_parts(store: Store) -> None:
    """Everything in Changes can be read back as it was given."""
    store.commit(BEFORE)
    changes = everything(store.claim_partition("touchpoints", 0, log("topic-1")))

    store.commit(changes)

    assert store.iterate_people() == list(changes.people)
    assert store.read_log({"ann": None, "bob": None}) == {
        "ann": [touchpoint("ann", type="need.changed")],
        "bob": [touchpoint("bob")],
    }
    assert store.find_conflicts([("ann", "crm", "1")]) == {("ann", "crm", "1"): {content_hash(changes.conflicts[0])}}
    assert store.publications(["ann", "bob"]) == {"bob": {"slot-cause": publication("bob")}}
    assert [(row.person, row.message_id, row.lane) for row in store.outbox(None)] == [("bob", "slot-cause.7", 1)]
    assert [row.letter for row in store.dead_letters()] == [dead_letter()]
    file, partition = store.progress()
    assert (file.topic_id, file.next_offset, file.accounting) == ("", 0, changes.accounting[1][2])
    assert (partition.topic_id, partition.next_offset) == ("topic-1", 10)
    assert partition.accounting == changes.accounting[0][2]
    assert store.state().newest_at == NOON


def test_a_crash_at_any_statement_leaves_nothing(store: Store) -> None:
    """A commit that ends before any one of its statements has written nothing; repeated, it writes all."""
    store.commit(BEFORE)
    changes = everything(store.claim_partition("touchpoints", 0, log("topic-1")))
    before = contents(store)
    crashes = 0
    while True:
        sent = 0

        def crash(_sql: str, _parameters: Any, at: int = crashes) -> None:
            nonlocal sent
            if sent == at:
                raise Crash
            sent += 1

        try:
            with on_statement(store, crash):
                store.commit(changes)
        except Crash:
            crashes += 1
            assert contents(store) == before
        else:
            break
    # What is newest, the policy and the format travel with the fence.
    assert crashes >= len(Changes.__dataclass_fields__) - 3
    assert contents(store)["people"] == list(changes.people)


def test_a_batch_that_only_moves_offsets_may_be_empty(store: Store) -> None:
    """A step without records moves the partition, from an offset to itself as well."""
    claimed = store.claim_partition("touchpoints", 0, log("topic-1"))
    store.commit(Changes(steps=(step(claimed, 5),)))
    store.commit(Changes(steps=(step(claimed, 5, from_offset=5),)))
    store.commit(Changes())
    assert store.progress()[0].next_offset == 5


def test_accounting_adds_up(store: Store) -> None:
    """Counts of one place are added, within a commit and from commit to commit, with a step and without."""
    claimed = store.claim_partition("touchpoints", 0, log("topic-1"))
    one = Accounting(received=2, folded=1, late=1, duplicate=1)
    twice = (("touchpoints", 0, one), ("touchpoints", 0, one), ("file:a", 0, one), ("file:a", 0, one))
    store.commit(Changes(steps=(step(claimed, 5),), accounting=twice))
    store.commit(Changes(steps=(step(claimed, 9, from_offset=5),), accounting=twice))
    four = one.plus(one).plus(one).plus(one)
    assert [each.accounting for each in store.progress()] == [four, four]
    assert store.counts().accounting == four.plus(four)


def test_newest_at_only_rises(store: Store) -> None:
    """An older newest_at, or none, leaves the stored one; files have theirs, and the database has the latest."""
    claimed = store.claim_partition("touchpoints", 0, log())
    place = ("touchpoints", 0)
    store.commit(Changes(steps=(step(claimed, 5),), newest=((*place, NOON),)))
    store.commit(Changes(steps=(step(claimed, 5, from_offset=5),), newest=((*place, NOON - HOUR),)))
    store.commit(Changes(steps=(step(claimed, 5, from_offset=5),)))
    assert store.state().newest_at == NOON
    for at in (NOON + HOUR, NOON):
        store.commit(Changes(accounting=(("file:a", 0, Accounting(received=1)),), newest=(("file:a", 0, at),)))
    assert store.state().newest_at == NOON + HOUR


def test_a_late_worker_is_refused(store: Store) -> None:
    """When another has claimed the partition, a commit with the old epoch writes nothing."""
    old = store.claim_partition("touchpoints", 3, log("topic-1"))
    store.claim_partition("touchpoints", 3, log("topic-1"))
    with pytest.raises(PartitionLost) as refused:
        store.commit(Changes(steps=(step(old, 5),), people=(person(),)))
    assert str(refused.value) == (
        "topic touchpoints partition 3: expected epoch 1 at offset 0, stored is epoch 2 at offset 0. Another "
        "worker owns this now, or it was reset. Nothing was written; end this worker and let it join again."
    )
    assert store.iterate_people() == []


def test_a_wrong_offset_is_refused(store: Store) -> None:
    """The same batch a second time finds the offset moved; the other partitions of the batch stay as well."""
    first = store.claim_partition("touchpoints", 0, log("topic-1"))
    second = store.claim_partition("touchpoints", 1, log("topic-1"))
    store.commit(Changes(steps=(step(second, 7),)))
    with pytest.raises(PartitionLost) as refused:
        store.commit(Changes(steps=(step(first, 5), step(second, 7)), people=(person(),)))
    assert str(refused.value).startswith(
        "topic touchpoints partition 1: expected epoch 1 at offset 0, stored is epoch 1 at offset 7. Another"
    )
    assert [each.next_offset for each in store.progress()] == [0, 7]
    assert store.iterate_people() == []


def test_a_partition_that_nobody_claimed_is_refused(store: Store) -> None:
    """A step of an unknown partition is lost, not made."""
    claimed = store.claim_partition("touchpoints", 0, log("topic-1"))
    with pytest.raises(PartitionLost, match="partition 8: expected epoch 1 at offset 0, stored is nothing: it"):
        store.commit(Changes(steps=(step(claimed, 5, partition=8),)))


def test_an_id_is_written_once(store: Store) -> None:
    """A touchpoint whose key is in the log already undoes its whole batch and is named."""
    store.commit(BEFORE)
    before = contents(store)
    with pytest.raises(RevisionConflict) as refused:
        store.commit(Changes(touchpoints=(touchpoint("bob"), touchpoint("ann")), people=(person("bob"),)))
    assert str(refused.value) == (
        "somebody else wrote meanwhile: touchpoint 1 of source crm, person ann, is in the log already. "
        "Nothing was written; read these people again and fold again."
    )
    assert contents(store) == before


def test_one_id_under_two_people_is_two_touchpoints(store: Store) -> None:
    """The person and the source belong to the key."""
    three = (touchpoint("ann"), touchpoint("bob"), touchpoint("ann", source="web"))
    store.commit(Changes(touchpoints=three))
    assert set(store.find_touchpoints([key_of(each) for each in three])) == {key_of(each) for each in three}


def test_a_stale_revision_undoes_the_batch(store: Store) -> None:
    """One person written meanwhile undoes the whole batch; at most three are named, with both revisions."""
    names = ["ann", "bob", "cid", "dan", "eve"]
    store.commit(Changes(people=tuple(person(name) for name in names)))
    store.commit(Changes(people=tuple(person(name, revision=2) for name in names[:4])))
    before = contents(store)
    with pytest.raises(RevisionConflict) as refused:
        store.commit(
            Changes(
                touchpoints=(touchpoint("eve"),),
                people=(person("new"), *(person(name, revision=2, lane=9) for name in names)),
                messages=(message("eve"),),
            )
        )
    assert str(refused.value) == (
        "somebody else wrote meanwhile: person ann is at revision 2, wanted 1; person bob is at revision 2, "
        "wanted 1; person cid is at revision 2, wanted 1 and 1 more. Nothing was written; read these people "
        "again and fold again."
    )
    assert contents(store) == before


def test_a_person_is_new_once(store: Store) -> None:
    """Revision 1 is refused when the person exists, revision 2 when they do not."""
    store.commit(Changes(people=(person("ann"),)))
    with pytest.raises(RevisionConflict, match="person ann is at revision 1, wanted 0"):
        store.commit(Changes(people=(person("ann"),)))
    with pytest.raises(RevisionConflict, match="person bob is at revision 0, wanted 1"):
        store.commit(Changes(people=(person("bob", revision=2),)))


def test_only_what_is_in_the_log_is_replaced(store: Store) -> None:
    """A smaller variant of a touchpoint that is not there is refused."""
    with pytest.raises(RevisionConflict, match=r"1 of 1 touchpoints to be replaced, the first \('ann', 'crm', '1'\)"):
        store.commit(Changes(replaced=(touchpoint(),)))


def test_of_two_writers_at_once_one_wins(store: Store) -> None:
    """Two threads that read the same revision: one commits, the other is told to read again."""
    store.commit(Changes(people=(person(),)))
    both_ready = threading.Barrier(2, timeout=60)

    def write(lane: int) -> LifecycleError | None:
        both_ready.wait()
        try:
            store.commit(Changes(people=(person(revision=2, lane=lane),), messages=(message(partition=lane),)))
        except RevisionConflict as conflict:
            return conflict
        return None

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(write, [1, 2]))
    (lost,) = [outcome for outcome in outcomes if outcome is not None]
    assert "person ann is at revision 2, wanted 1" in str(lost)
    winner = outcomes.index(None) + 1
    assert store.load_people(["ann"])["ann"].lane == winner
    assert [row.partition for row in store.outbox(None)] == [winner]


def test_a_claim_waits_for_the_commit_in_flight(store: Store) -> None:
    """Who takes a partition over while its owner commits begins after that commit, not before."""
    claimed = store.claim_partition("touchpoints", 0, log("topic-1"))
    fence_passed, claim_sent = threading.Event(), threading.Event()

    def hold(sql: str, _parameters: Any) -> None:
        if sql.startswith("INSERT INTO people"):
            fence_passed.set()
            assert claim_sent.wait(60)
        elif fence_passed.is_set() and sql.startswith(("BEGIN", "INSERT INTO partition_progress")):
            claim_sent.set()

    with on_statement(store, hold), ThreadPoolExecutor(2) as threads:
        commit = threads.submit(store.commit, Changes(steps=(step(claimed, 5),), people=(person(),)))
        assert fence_passed.wait(60)
        taken = threads.submit(store.claim_partition, "touchpoints", 0, log("topic-1"))
        commit.result(60)
        assert (taken.result(60).epoch, taken.result(60).next_offset) == (2, 5)


def test_outbox_ids_rise_in_the_order_given(store: Store) -> None:
    """Messages are read in the order of their commit, and within a commit in the order given."""
    batches = [[message(f"p{number % 7}", f"{batch}.{number}") for number in range(50)] for batch in range(3)]
    for batch in batches:
        store.commit(Changes(messages=tuple(batch)))
    rows = store.outbox(None)
    assert [row.message_id for row in rows] == [each.message_id for batch in batches for each in batch]
    assert [row.id for row in rows] == sorted({row.id for row in rows})


def test_an_outbox_id_is_never_given_again(store: Store) -> None:
    """After the newest message was deleted the next one still has a higher id."""
    store.commit(Changes(messages=(message(),)))
    (first,) = store.outbox(None)
    store.delete_outbox([first])
    store.commit(Changes(messages=(message(),)))
    assert store.outbox(None)[0].id > first.id


def test_a_publication_is_overwritten(store: Store) -> None:
    """Of each task what was published last is kept."""
    store.commit(Changes(publications=(publication(), publication(task_id="other"))))
    changed = publication(version=8, state="withdrawn", content="c", body="{}")
    store.commit(Changes(publications=(changed,)))
    assert store.publications(["ann"]) == {"ann": {"slot-cause": changed, "other": publication(task_id="other")}}


@pytest.mark.parametrize("together", [True, False], ids=["in one commit", "one by one"])
def test_the_smallest_conflicts_are_kept(store: Store, together: bool) -> None:
    """Of the variants of one id the eight smallest stay, in whatever order they come; no other is touched."""
    later = [touchpoint(occurred_at=NOON + number * HOUR) for number in range(6)]
    same_time = [touchpoint(data={"variant": number}) for number in range(6)]
    variants = [*reversed(later[1:]), *same_time, later[1]]
    other = touchpoint(identifier="2")
    store.commit(Changes(conflicts=(other,)))
    for batch in [variants] if together else [[each] for each in variants]:
        store.commit(Changes(conflicts=tuple(batch)))
    smallest = sorted(set(map(variant_key, variants)))[:MAX_CONFLICTS]
    assert store.find_conflicts([key_of(touchpoint()), key_of(other), ("x", "y", "z")]) == {
        key_of(touchpoint()): {content for _, content in smallest},
        key_of(other): {content_hash(other)},
    }


def test_a_dead_letter_read_again_is_the_same(store: Store) -> None:
    """Reading a file again adds nothing, keeps what was noted, and tells another body at the same place."""
    store.commit(Changes(dead_letters=(dead_letter(),)))
    (row,) = store.dead_letters()
    store.mark_dead_letters_sent([row.key], NOON)
    again = replace(dead_letter(), refused_at=NOON + HOUR)
    store.commit(Changes(dead_letters=(again, dead_letter(body=b""), dead_letter(body=b""))))
    assert store.counts().dead_letters == 2
    assert replace(row, sent_at=NOON) in store.dead_letters()


def test_a_dead_letter_is_never_refused_itself(store: Store) -> None:
    """What no database keeps is written as its escape in the texts; body, key and headers keep all bytes."""
    letter = dead_letter(
        field="data.\0",
        message="the key \ud800 stands twice",
        key=None,
        headers=(("h\0\udfff", b"\x00\xff"),),
    )
    store.commit(Changes(dead_letters=(letter,)))
    (row,) = store.dead_letters()
    assert (row.letter.field, row.letter.message) == ("data.\\u0000", "the key \\ud800 stands twice")
    assert (row.letter.body, row.letter.key) == (b"{\x00\xff", None)
    assert [value for _, value in row.letter.headers] == [b"\x00\xff"]
