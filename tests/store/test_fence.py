"""The contract of the fence, on both stores: nothing that another policy decided is written."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lifecycle.errors import PartitionLost, PolicyMismatch, SchemaMismatch
from lifecycle.record import Accounting
from lifecycle.store import Changes, Store
from tests.store.made import NOON, activate, by, contents, log, on_statement, person, step

ONE_FILE = (("file:a", 0, Accounting(received=1)),)


def of_partition(store: Store) -> Callable[[str], Changes]:
    """A commit that moves an offset."""
    claimed = store.claim_partition("touchpoints", 0, log())
    return lambda name: by(name, steps=(step(claimed, 5),), people=(person("ann"),))


def of_time(store: Store) -> Callable[[str], Changes]:
    """A commit of the clock or a command: people alone."""
    return lambda name: by(name, people=(person("ann"),))


def of_file(store: Store) -> Callable[[str], Changes]:
    """A commit that counts, and moves no offset."""
    return lambda name: by(name, accounting=ONE_FILE, people=(person("ann"),))


KINDS = pytest.mark.parametrize("kind", [of_partition, of_time, of_file])


@KINDS
def test_what_another_policy_decided_is_refused(store: Store, kind: Any) -> None:
    """Both policies are named, and nothing is written; by the active one it is."""
    activate(store, "policy-1")
    made = kind(store)
    activate(store, "policy-2")
    before = contents(store)
    with pytest.raises(PolicyMismatch, match=r"by the policy policy-2 now, this was decided by policy-1\. Nothing was"):
        store.commit(made("policy-1"))
    assert contents(store) == before
    store.commit(made("policy-2"))
    assert [row.person for row in store.iterate_people()] == ["ann"]


@KINDS
def test_what_an_older_program_decided_is_refused(store: Store, kind: Any) -> None:
    """A newer format is active: the program is told to be replaced."""
    activate(store, "policy-1")
    made = kind(store)
    store.raise_format(2, due=NOON)
    before = contents(store)
    with pytest.raises(SchemaMismatch, match=r"have format 2, this program writes format 1: a newer program was here"):
        store.commit(made("policy-1"))
    assert contents(store) == before


def test_a_lost_partition_is_told_before_another_policy(store: Store) -> None:
    """Who does not own it has nothing to take over."""
    activate(store, "policy-1")
    made = of_partition(store)
    activate(store, "policy-2")
    store.claim_partition("touchpoints", 0, log())
    with pytest.raises(PartitionLost, match=r"expected epoch 1 at offset 0, stored is epoch 2 at offset 0"):
        store.commit(made("policy-1"))


@KINDS
def test_an_activation_waits_for_the_commit_in_flight_and_none_comes_after_it(store: Store, kind: Any) -> None:
    """The commit that has passed the fence is there when the activation returns; the next one is refused."""
    activate(store, "policy-1")
    made = kind(store)
    fence_passed, asked = threading.Event(), threading.Event()

    def hold(sql: str, _parameters: Any) -> None:
        if sql.startswith("INSERT INTO people"):
            fence_passed.set()
            assert asked.wait(60)
        elif fence_passed.is_set() and (sql.startswith("BEGIN") or "FOR UPDATE" in sql):
            asked.set()

    def activated() -> list[str]:
        activate(store, "policy-2")
        return [row.person for row in store.iterate_people()]

    with on_statement(store, hold), ThreadPoolExecutor(2) as threads:
        commit = threads.submit(store.commit, made("policy-1"))
        assert fence_passed.wait(60)
        seen = threads.submit(activated)
        commit.result(60)
        assert seen.result(60) == ["ann"]
    with pytest.raises(PolicyMismatch):
        store.commit(by("policy-1", people=(person("ann", revision=2),)))


@KINDS
def test_a_commit_waits_for_the_activation_in_flight_and_is_refused(store: Store, kind: Any) -> None:
    """It began before the activation was over, and must not read what was active before."""
    activate(store, "policy-1")
    made = kind(store)
    locked, asked = threading.Event(), threading.Event()

    def hold(sql: str, _parameters: Any) -> None:
        if sql.startswith("INSERT INTO policies"):
            locked.set()
            assert asked.wait(60)
        elif locked.is_set() and (
            sql.startswith(("BEGIN", "UPDATE partition_progress SET next_offset")) or "FOR SHARE" in sql
        ):
            asked.set()

    with on_statement(store, hold), ThreadPoolExecutor(2) as threads:
        activation = threads.submit(activate, store, "policy-2")
        assert locked.wait(60)
        commit = threads.submit(store.commit, made("policy-1"))
        assert activation.result(60)
        with pytest.raises(PolicyMismatch):
            commit.result(60)
    assert store.iterate_people() == []


def test_a_claim_during_an_activation_is_folded_by_the_new_policy(store: Store) -> None:
    """A partition that is claimed for the first time meanwhile copies what comes out of it."""
    activate(store, "policy-1")
    locked, asked = threading.Event(), threading.Event()

    def hold(sql: str, _parameters: Any) -> None:
        if sql.startswith("INSERT INTO policies"):
            locked.set()
            assert asked.wait(60)
        elif locked.is_set() and (sql.startswith("BEGIN") or "FOR SHARE" in sql):
            asked.set()

    with on_statement(store, hold), ThreadPoolExecutor(2) as threads:
        activation = threads.submit(activate, store, "policy-2")
        assert locked.wait(60)
        claim = threads.submit(store.claim_partition, "touchpoints", 0, log())
        assert activation.result(60)
        assert claim.result(60).policy_hash == "policy-2"


def test_a_commit_does_not_write_the_row_that_everybody_shares(store: Store) -> None:
    """Commits of two workers would wait for each other there."""
    activate(store, "policy-1")
    sent: list[str] = []
    with on_statement(store, lambda sql, _parameters: sent.append(sql)):
        for kind in (of_partition, of_file):
            made = kind(store)("policy-1")
            store.commit(by("policy-1", steps=made.steps, accounting=made.accounting))
    assert not [sql for sql in sent if sql.startswith("UPDATE database_state")]
