"""The contract of ownership, time, policy and topics, on both stores."""

import pytest

from lifecycle.errors import NotFound, PartitionLost, RevisionConflict, TopicChanged
from lifecycle.ids import partition_of
from lifecycle.record import Accounting
from lifecycle.store import Changes, DatabaseState, Store
from tests.store.made import HOUR, NOON, message, person, step


def test_a_new_database_knows_nothing(store: Store) -> None:
    """No policy, no time, one partition."""
    assert store.state() == DatabaseState(None, None, 0, 1, None, None)
    assert store.progress() == []


def test_a_claim_raises_the_epoch(store: Store) -> None:
    """The first claim begins at offset 0; each further one goes on where the last commit was."""
    first = store.claim_partition("touchpoints", 2, "topic-1")
    assert (first.topic, first.partition, first.topic_id) == ("touchpoints", 2, "topic-1")
    assert (first.epoch, first.next_offset, first.reached_at, first.accounting) == (1, 0, None, Accounting())
    counted = Accounting(received=4, folded=4)
    store.commit(Changes(steps=(step(first, 40),), accounting=(("touchpoints", 2, counted),)))
    second = store.claim_partition("touchpoints", 2, "topic-1")
    assert (second.epoch, second.next_offset, second.accounting) == (2, 40, counted)
    assert store.progress() == [second]


def test_a_topic_made_anew_is_noticed(store: Store) -> None:
    """Another topic id is refused, with both ids and the command; the epoch stays."""
    claimed = store.claim_partition("touchpoints", 0, "old")
    with pytest.raises(TopicChanged) as refused:
        store.claim_partition("touchpoints", 0, "new")
    assert str(refused.value) == (
        "topic touchpoints partition 0 has id new, the database knows it by id old: the topic was deleted "
        "and made anew, so its offsets mean other records. When that was meant, run `lifecycle topics adopt "
        "touchpoints`."
    )
    assert store.progress() == [claimed]


def test_an_adopted_topic_begins_again(store: Store) -> None:
    """All its partitions are at offset 0 under the new id, the counts stay, old workers are refused."""
    old = store.claim_partition("touchpoints", 0, "old")
    other = store.claim_partition("outcomes", 0, "other")
    counted = Accounting(received=1, folded=1)
    store.commit(Changes(steps=(step(old, 9),), accounting=(("touchpoints", 0, counted),)))
    store.adopt_topic("touchpoints", "new")
    unchanged, adopted = store.progress()
    assert unchanged == other
    assert (adopted.topic_id, adopted.epoch, adopted.next_offset) == ("new", 2, 0)
    assert adopted.accounting == counted
    with pytest.raises(PartitionLost):
        store.commit(Changes(steps=(step(old, 9),)))
    assert store.claim_partition("touchpoints", 0, "new").epoch == 3


def test_only_a_claimed_topic_is_adopted(store: Store) -> None:
    """A name that nobody claimed is refused with those that somebody did."""
    with pytest.raises(NotFound, match=r"^no partition of topic x was ever claimed here; topics that were: none"):
        store.adopt_topic("x", "id")
    store.claim_partition("touchpoints", 0, "id")
    store.commit(Changes(accounting=(("x", 0, Accounting(received=1)),)))
    with pytest.raises(NotFound, match=r"topics that were: touchpoints\.$"):
        store.adopt_topic("x", "id")


def test_a_place_that_only_counted_can_be_claimed(store: Store) -> None:
    """Accounting without a step leaves no topic id that a claim could contradict."""
    store.commit(Changes(accounting=(("touchpoints", 0, Accounting(received=1)),)))
    claimed = store.claim_partition("touchpoints", 0, "topic-1")
    assert (claimed.topic_id, claimed.epoch, claimed.accounting.received) == ("topic-1", 1, 1)


def test_time_never_moves_back(store: Store) -> None:
    """Each partition and the database keep the latest moment; a partition nobody claimed is passed over."""
    store.claim_partition("touchpoints", 0, "topic-1")
    store.claim_partition("touchpoints", 1, "topic-1")
    store.reached([("touchpoints", 0), ("touchpoints", 1)], NOON)
    store.reached([("touchpoints", 1), ("unknown", 5)], NOON + HOUR)
    store.reached([("touchpoints", 0), ("touchpoints", 1)], NOON - HOUR)
    assert [each.reached_at for each in store.progress()] == [NOON, NOON + HOUR]
    assert store.state().reached_at == NOON + HOUR
    store.reached([], NOON + 2 * HOUR)
    assert store.state().reached_at == NOON + 2 * HOUR


def test_another_policy_makes_everybody_due(store: Store) -> None:
    """Stopped people are started again; the active policy and its text are known."""
    store.activate_policy("hash-1", "text 1", snapshot_format=1, at=NOON, due=NOON)
    resting = person("bob", next_due_at=None, stopped="did not come to rest")
    store.commit(Changes(people=(person("ann"), resting)))
    assert store.activate_policy("hash-2", "text 2", snapshot_format=1, at=NOON + HOUR, due=NOON - HOUR) == 2
    state = store.state()
    assert (state.policy_hash, state.policy_text, state.snapshot_format) == ("hash-2", "text 2", 1)
    assert store.due_people(None, NOON - HOUR, 10) == ["ann", "bob"]
    assert [row.stopped for row in store.iterate_people()] == [None, None]
    assert store.activate_policy("hash-1", "text 1", snapshot_format=1, at=NOON, due=NOON) == 2


def test_the_same_policy_again_changes_nothing(store: Store) -> None:
    """Activating what is active leaves people alone; a new snapshot format is a reason to fold again."""
    store.activate_policy("hash-1", "text", snapshot_format=1, at=NOON, due=NOON)
    store.commit(Changes(people=(person("ann"),)))
    assert store.activate_policy("hash-1", "text", snapshot_format=1, at=NOON, due=NOON) == 0
    assert store.load_people(["ann"])["ann"] == person("ann")
    assert store.activate_policy("hash-1", "text", snapshot_format=2, at=NOON, due=NOON) == 1


def test_a_batch_folded_before_the_activation_is_refused(store: Store) -> None:
    """Otherwise it would write back its old due time, and the person would stay under the old policy."""
    store.commit(Changes(people=(person("ann"),)))
    store.activate_policy("hash-1", "text", snapshot_format=1, at=NOON, due=NOON)
    with pytest.raises(RevisionConflict, match="person ann is at revision 2, wanted 1"):
        store.commit(Changes(people=(person("ann", revision=2),)))


def test_people_move_when_partitions_change(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """People and their unsent messages are where the hash of the new count puts them, over many pages."""
    monkeypatch.setattr("lifecycle.store.administration._PAGE", 7)
    names = [f"p{number}" for number in range(40)]
    store.commit(Changes(people=tuple(map(person, names)), messages=tuple(map(message, names))))
    assert store.set_partitions(1) == 0
    moved = store.set_partitions(4)
    expected = {name: partition_of(name, 4) for name in names}
    assert {row.person: row.partition for row in store.iterate_people()} == expected
    assert {row.person: row.partition for row in store.outbox(None)} == expected
    assert moved == sum(1 for partition in expected.values() if partition != 0)
    assert {row.revision for row in store.iterate_people() if row.partition} == {2}
    assert store.state().partitions == 4


def test_there_is_at_least_one_partition(store: Store) -> None:
    """A count of none is a programmer error."""
    with pytest.raises(ValueError, match="there is at least one partition, got 0"):
        store.set_partitions(0)
