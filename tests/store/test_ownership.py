"""The contract of who reads each partition, from where, whether its log is the same, and of time; on both stores."""

import pytest

from lifecycle.errors import NotFound, PartitionLost
from lifecycle.record import Accounting, LastRecord, Log
from lifecycle.store import Changes, Store
from lifecycle.store.ownership import Adopted
from tests.store.made import HOUR, NOON, activate, log, step


def test_a_claim_raises_the_epoch(store: Store) -> None:
    """The first claim begins at offset 0; each further one goes on where the last commit was."""
    first = store.claim_partition("touchpoints", 2, log("topic-1"))
    assert (first.topic, first.partition, first.topic_id) == ("touchpoints", 2, "topic-1")
    assert (first.epoch, first.next_offset, first.reached_at, first.accounting) == (1, 0, None, Accounting())
    counted = Accounting(received=4, folded=4)
    store.commit(Changes(steps=(step(first, 40),), accounting=(("touchpoints", 2, counted),)))
    second = store.claim_partition("touchpoints", 2, log("topic-1"))
    assert (second.epoch, second.next_offset, second.accounting) == (2, 40, counted)
    assert store.progress() == [second]


def test_a_partition_that_was_never_claimed_begins_at_the_start_of_its_log(store: Store) -> None:
    """What retention took before this database was there is none of its losses."""
    claimed = store.claim_partition("touchpoints", 0, log(start=40, end=90))
    assert (claimed.next_offset, claimed.stopped, claimed.lost) == (40, None, 0)


def test_a_claim_copies_the_active_policy(store: Store) -> None:
    """So that the commits of this epoch are compared with it."""
    assert store.claim_partition("touchpoints", 0, log()).policy_hash is None
    activate(store, "policy-1")
    (changed,) = store.progress()
    assert (changed.policy_hash, changed.snapshot_format, changed.epoch) == ("policy-1", 1, 1)
    new = store.claim_partition("touchpoints", 1, log())
    assert (new.policy_hash, new.snapshot_format) == ("policy-1", 1)


@pytest.mark.parametrize(
    ("now", "wrong"),
    [
        (
            log("new"),
            "topic touchpoints partition 0 has id new, the database knows it by id topic-1: the topic was deleted and "
            "made anew, so its offsets mean other records.",
        ),
        (
            log(end=39),
            "topic touchpoints partition 0 ends at offset 39, the database has read up to offset 40: the broker lost "
            "the end of its log, so what comes next has offsets that were read already.",
        ),
        (
            log(start=55),
            "topic touchpoints partition 0 begins at offset 55, the database has read up to offset 40: 15 offsets were "
            "gone before they were read.",
        ),
    ],
    ids=["made anew", "end lost", "start gone"],
)
def test_a_partition_whose_log_is_another_is_stopped(store: Store, now: Log, wrong: str) -> None:
    """What is wrong is said with the offsets and stands in the row, whatever later claims find; nothing is moved."""
    first = store.claim_partition("touchpoints", 0, log())
    store.commit(Changes(steps=(step(first, 40),)))
    stopped = store.claim_partition("touchpoints", 0, now)
    assert (stopped.stopped, stopped.next_offset, stopped.topic_id, stopped.epoch) == (wrong, 40, "topic-1", 2)
    assert store.claim_partition("touchpoints", 0, log()).stopped == wrong
    with pytest.raises(PartitionLost):
        store.commit(Changes(steps=(step(first, 50, from_offset=40),)))


@pytest.mark.parametrize("now", [log(start=40), log(end=40), log(start=40, end=40)], ids=str)
def test_a_log_that_begins_or_ends_where_the_database_stands_is_read_on(store: Store, now: Log) -> None:
    """Nothing is missing between what was read and what is there."""
    first = store.claim_partition("touchpoints", 0, log())
    store.commit(Changes(steps=(step(first, 40),)))
    assert store.claim_partition("touchpoints", 0, now).stopped is None


def test_only_the_owner_stops_a_partition(store: Store) -> None:
    """A worker that lost it meanwhile says nothing about it any more."""
    store.claim_partition("touchpoints", 0, log())
    assert store.stop_partition("touchpoints", 0, 1, "wrong")
    assert store.progress()[0].stopped == "wrong"
    store.claim_partition("touchpoints", 0, log())
    assert not store.stop_partition("touchpoints", 0, 1, "other")
    assert store.progress()[0].stopped == "wrong"


def test_the_last_record_stands_with_the_offset(store: Store) -> None:
    """It moves with the step; a step without one keeps what is known; it is told at the next claim."""
    claimed = store.claim_partition("touchpoints", 0, log())
    last = LastRecord(39, NOON, "abc")
    store.commit(Changes(steps=(step(claimed, 40, last=last),)))
    store.commit(Changes(steps=(step(claimed, 44, from_offset=40),)))
    assert store.claim_partition("touchpoints", 0, log()).last == last


def test_an_adopted_topic_begins_again_where_its_log_begins(store: Store) -> None:
    """Under the new id, the counts stay, old workers are refused; other topics are left alone."""
    old = store.claim_partition("touchpoints", 0, log("old"))
    other = store.claim_partition("outcomes", 0, log("other"))
    counted = Accounting(received=1, folded=1)
    moved = step(old, 9, last=LastRecord(8, NOON, "abc"))
    store.commit(Changes(steps=(moved,), accounting=(("touchpoints", 0, counted),)))
    wrong = store.claim_partition("touchpoints", 0, log("new")).stopped
    assert store.adopt_topic("touchpoints", {0: log("new", start=2)}) == [Adopted(0, wrong or "", 9, 2, 0)]
    unchanged, adopted = store.progress()
    assert unchanged == other
    assert (adopted.topic_id, adopted.epoch, adopted.next_offset, adopted.stopped) == ("new", 3, 2, None)
    assert (adopted.accounting, adopted.last, adopted.lost) == (counted, None, 0)
    with pytest.raises(PartitionLost):
        store.commit(Changes(steps=(step(old, 9),)))
    assert store.claim_partition("touchpoints", 0, log("new")).next_offset == 2


def test_adopting_counts_what_was_never_read(store: Store) -> None:
    """Each time, for each partition; those that are as they were known go on where they stand."""
    for partition in (0, 1):
        claimed = store.claim_partition("touchpoints", partition, log())
        store.commit(Changes(steps=(step(claimed, 40),)))
    logs = {0: log(start=55), 1: log(start=40)}
    (adopted,) = store.adopt_topic("touchpoints", logs)
    assert (adopted.partition, adopted.before, adopted.begins, adopted.lost) == (0, 40, 55, 15)
    assert store.adopt_topic("touchpoints", logs) == []
    assert store.adopt_topic("touchpoints", {0: log(start=60), 1: log(start=40)})[0].lost == 5
    assert [(row.next_offset, row.lost, row.epoch) for row in store.progress()] == [(60, 20, 3), (40, 0, 1)]


def test_a_partition_that_the_topic_has_no_more_only_counts(store: Store) -> None:
    """Nobody will claim it; what it received stays in the sums."""
    for partition in (0, 1):
        store.claim_partition("touchpoints", partition, log())
    store.adopt_topic("touchpoints", {0: log("new")})
    assert [row.topic_id for row in store.progress()] == ["new", ""]


def test_a_database_belongs_to_workers_once_a_topic_was_claimed(store: Store) -> None:
    """Files alone do not make it theirs."""
    store.commit(Changes(accounting=(("file:a", 0, Accounting(received=1)),)))
    assert not store.state().belongs_to_workers
    store.claim_partition("touchpoints", 0, log())
    assert store.state().belongs_to_workers


def test_only_a_claimed_topic_is_adopted(store: Store) -> None:
    """A name that nobody claimed is refused with those that somebody did."""
    with pytest.raises(NotFound, match=r"^no partition of topic x was ever claimed here; topics that were: none"):
        store.adopt_topic("x", {})
    store.claim_partition("touchpoints", 0, log("id"))
    store.commit(Changes(accounting=(("x", 0, Accounting(received=1)),)))
    with pytest.raises(NotFound, match=r"topics that were: touchpoints\.$"):
        store.adopt_topic("x", {})


def test_a_place_that_only_counted_can_be_claimed(store: Store) -> None:
    """Accounting without a step leaves no topic id that a claim could contradict."""
    store.commit(Changes(accounting=(("touchpoints", 0, Accounting(received=1)),)))
    claimed = store.claim_partition("touchpoints", 0, log("topic-1"))
    assert (claimed.topic_id, claimed.epoch, claimed.accounting.received) == ("topic-1", 1, 1)


def test_time_never_moves_back(store: Store) -> None:
    """Each partition and the database keep the latest moment; a partition nobody claimed is passed over."""
    store.claim_partition("touchpoints", 0, log("topic-1"))
    store.claim_partition("touchpoints", 1, log("topic-1"))
    store.reached([("touchpoints", 0), ("touchpoints", 1)], NOON)
    store.reached([("touchpoints", 1), ("unknown", 5)], NOON + HOUR)
    store.reached([("touchpoints", 0), ("touchpoints", 1)], NOON - HOUR)
    assert [each.reached_at for each in store.progress()] == [NOON, NOON + HOUR]
    assert store.state().reached_at == NOON + HOUR
    store.reached([], NOON + 2 * HOUR)
    assert store.state().reached_at == NOON + 2 * HOUR
