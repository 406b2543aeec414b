"""The contract of policy, format and number of partitions, on both stores."""

import pytest

from lifecycle.errors import SchemaMismatch
from lifecycle.ids import partition_of
from lifecycle.store import Changes, DatabaseState, Store
from tests.store.made import HOUR, NOON, activate, by, contents, message, person


def test_a_new_database_knows_nothing(store: Store) -> None:
    """No policy, no time, one partition."""
    assert store.state() == DatabaseState(None, None, 0, 1, None, None)
    assert store.progress() == []


def test_the_first_policy_of_a_database_stays(store: Store) -> None:
    """Of two programs that open an empty database, the second finds the policy of the first."""
    for name in ("hash-1", "hash-2"):
        store.begin_with_policy(name, f"text of {name}", snapshot_format=1, at=NOON)
    state = store.state()
    assert (state.policy_hash, state.policy_text, state.snapshot_format) == ("hash-1", "text of hash-1", 1)


def test_another_policy_is_found_by_the_hash_of_each_person(store: Store) -> None:
    """The active policy and its text are known; who stands by another is left as they are and can be asked for."""
    activate(store, "policy-1")
    names = ["ann", "bob", "cid"]
    store.commit(by("policy-1", people=(*map(person, names), person("dan", partition=3))))
    before = store.iterate_people()
    assert activate(store, "policy-2", snapshot_format=2)
    state = store.state()
    assert (state.policy_hash, state.policy_text, state.snapshot_format) == ("policy-2", "text of policy-2", 2)
    assert store.iterate_people() == before
    assert store.people_by_other_policies(None, "policy-2", 2, "", 2) == ["ann", "bob"]
    assert store.people_by_other_policies(None, "policy-2", 2, "bob", 9) == ["cid", "dan"]
    assert store.people_by_other_policies([0], "policy-2", 2, "bob", 9) == ["cid"]
    assert store.people_by_other_policies(None, "policy-1", 1, "", 9) == []
    assert store.count_by_other_policies("policy-2", 2) == store.count_by_other_policies("policy-1", 2) == 4


def test_who_was_stopped_gets_another_chance(store: Store) -> None:
    """By another policy they may come to rest: they are due at once."""
    activate(store, "policy-1")
    resting = person("bob", next_due_at=None, stopped="did not come to rest")
    store.commit(by("policy-1", people=(person("ann"), resting)))
    assert store.people_by_other_policies(None, "policy-2", 1, "", 9) == ["ann"]
    activate(store, "policy-2", due=NOON - HOUR)
    assert store.due_people(None, NOON - HOUR, 10) == ["bob"]
    assert [row.stopped for row in store.iterate_people()] == [None, None]


def test_the_same_policy_again_changes_nothing(store: Store) -> None:
    """Activating what is active leaves everything; a new snapshot format is a reason to fold again."""
    activate(store, "policy-1")
    store.commit(by("policy-1", people=(person("ann"),)))
    before = contents(store)
    assert not activate(store, "policy-1")
    assert contents(store) == before
    assert activate(store, "policy-1", snapshot_format=2)
    assert store.people_by_other_policies(None, "policy-1", 2, "", 9) == ["ann"]


def test_the_format_of_snapshots_only_rises(store: Store) -> None:
    """An older program that activates, or upgrades, is told to be replaced; the newer one stays."""
    assert not store.raise_format(3, due=NOON)
    assert store.state().snapshot_format == 0
    activate(store, "policy-1", snapshot_format=2)
    for refused in (lambda: activate(store, "policy-2"), lambda: store.raise_format(1, due=NOON)):
        with pytest.raises(SchemaMismatch, match=r"have format 2, this program knows up to format 1: a newer program"):
            refused()
    assert store.raise_format(3, due=NOON)
    assert not store.raise_format(3, due=NOON)
    state = store.state()
    assert (state.policy_hash, state.snapshot_format) == ("policy-1", 3)


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
