"""What an engine does when the database is, or becomes, another than the one it folds by; on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from lifecycle.engine.engine import Engine
from lifecycle.engine.limits import Limits
from lifecycle.errors import PolicyMismatch, RevisionConflict, SchemaMismatch
from lifecycle.person import DUE_AT_ONCE
from lifecycle.record import Accounting
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT
from lifecycle.store.changes import Changes
from lifecycle.store.store import Store, open_store
from tests.engine.test_engine import NOW, STATED, TEXT, advance, batch_of, ingest, messages
from tests.rules.histories import at, touchpoint

POLICY = load_policy(TEXT, name="test.yaml")
RENAMED = load_policy(TEXT.replace("acknowledge:", "greet:"), name="renamed.yaml")
STRICTER = load_policy(TEXT.replace("data: {need: id}}", "data: {need: id, words: text}}", 1), name="stricter.yaml")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, create=True)
    yield opened
    opened.close()


def engine_by(store: Any, policy: Policy = POLICY, **limits: Any) -> Engine:
    return Engine(store, policy, opened_at=NOW, limits=Limits(**limits))


def activate(store: Store, policy: Policy) -> None:
    store.activate_policy(policy.hash, policy.text, snapshot_format=SNAPSHOT_FORMAT, at=NOW, due=DUE_AT_ONCE)


def set_format(store: Store, snapshot_format: int) -> None:
    with store._database.writing() as connection:
        connection.execute(text("UPDATE database_state SET snapshot_format = :is"), {"is": snapshot_format})


def test_an_engine_writes_nothing_once_another_policy_is_active(store: Store) -> None:
    """Neither news nor time; the error says that the database is to be opened again."""
    engine = engine_by(store)
    ingest(engine, STATED)
    activate(store, RENAMED)
    before = (store.iterate_people(), store.progress(), messages(store))
    for write in (
        lambda: ingest(engine, touchpoint("2", "reply.sent", 3, need="a")),
        lambda: advance(engine, at(100)),
    ):
        with pytest.raises(
            PolicyMismatch, match=f"by the policy {RENAMED.hash} now, this was decided by {POLICY.hash}"
        ):
            write()
    assert (store.iterate_people(), store.progress(), messages(store)) == before


def test_the_batch_that_was_refused_is_sorted_again_as_well(store: Store) -> None:
    """The door is part of the decision: what the old policy would have let in, the new one counts as it must."""
    old = engine_by(store)
    activate(store, STRICTER)
    batch = batch_of(STATED._replace(data={"need": "a"}))
    with pytest.raises(PolicyMismatch):
        old.ingest(batch, received_at=NOW, ceiling=None)
    accounting = engine_by(store, STRICTER).ingest(batch, received_at=NOW, ceiling=None)
    assert accounting == Accounting(received=1, dead_lettered=1)
    assert store.iterate_people() == []


def test_everybody_stands_by_the_new_policy_at_last(store: Store) -> None:
    """Also who has nothing due, in pages, and each person once; consumers are told."""
    old = engine_by(store)
    ingest(old, *(STATED._replace(person=f"p{number}") for number in range(7)))
    advance(old, at(1))
    activate(store, RENAMED)
    new = engine_by(store, RENAMED, advance_people=3)
    assert advance(new, at(1)) == 7
    assert {row.policy_hash for row in store.iterate_people()} == {RENAMED.hash}
    assert {row.revision for row in store.iterate_people()} == {2}
    assert messages(store)[7:] == [("task.withdrawn", "acknowledge"), ("task.requested", "greet")] * 7
    assert advance(new, at(1)) == 0


def test_the_walk_passes_nobody_who_is_written_behind_it(store: Store) -> None:
    """Somebody of the old policy whom the walk has passed already is met in its next pass."""
    old = engine_by(store)
    ingest(old, *(STATED._replace(person=f"p{number}") for number in range(4)))
    activate(store, RENAMED)
    new = engine_by(store, RENAMED, advance_people=2)
    assert new.advance(at(1), at=NOW) == 2
    with store._database.writing() as connection:
        connection.execute(text("UPDATE people SET policy_hash = 'another' WHERE person = 'p0'"))
    assert advance(new, at(1)) == 3
    assert {row.policy_hash for row in store.iterate_people()} == {RENAMED.hash}


def test_people_of_partitions_that_come_later_are_folded_again_as_well(store: Store) -> None:
    """What was walked for the partitions of before says nothing of those that are owned now."""
    store.set_partitions(4)
    old = engine_by(store)
    ingest(old, *(STATED._replace(person=f"p{number}") for number in range(9)))
    activate(store, RENAMED)
    new = engine_by(store, RENAMED)
    advance(new, at(1), partitions=[0, 1])
    by_new = {row.partition for row in store.iterate_people() if row.policy_hash == RENAMED.hash}
    assert by_new == {0, 1}
    advance(new, at(1), partitions=[0, 1, 2, 3])
    assert {row.policy_hash for row in store.iterate_people()} == {RENAMED.hash}


def test_opening_a_database_of_an_older_format_changes_nothing(store: Store) -> None:
    """The command that changes it is named; after it everybody is folded again."""
    ingest(engine_by(store), STATED)
    set_format(store, SNAPSHOT_FORMAT - 1)
    with pytest.raises(SchemaMismatch, match=rf"have format {SNAPSHOT_FORMAT - 1}, .* Run `lifecycle db upgrade`"):
        engine_by(store)
    assert store.state().snapshot_format == SNAPSHOT_FORMAT - 1
    store.raise_format(SNAPSHOT_FORMAT, due=DUE_AT_ONCE)
    assert store.state().snapshot_format == SNAPSHOT_FORMAT
    assert ingest(engine_by(store), STATED).duplicate == 1


def test_a_program_older_than_the_snapshots_neither_opens_nor_activates(store: Store) -> None:
    """It never goes back, whatever policy it is given."""
    ingest(engine_by(store), STATED)
    set_format(store, SNAPSHOT_FORMAT + 1)
    for policy in (POLICY, RENAMED):
        with pytest.raises(SchemaMismatch, match=r"a newer program was here"):
            engine_by(store, policy)
    with pytest.raises(SchemaMismatch, match=r"a newer program was here"):
        activate(store, RENAMED)
    assert store.state().snapshot_format == SNAPSHOT_FORMAT + 1


class Contended:
    """A store where somebody else always writes one person first."""

    def __init__(self, store: Store, person: str) -> None:
        self._store = store
        self._person = person

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, changes: Changes) -> None:
        if any(row.person == self._person for row in changes.people):
            raise RevisionConflict(self._person)
        self._store.commit(changes)


def test_a_batch_overtaken_again_and_again_is_halved_so_that_only_what_is_contended_waits(store: Store) -> None:
    """What comes before the contended record is in; the caller hears of the rest."""
    engine = engine_by(Contended(store, "p5"))
    with pytest.raises(RevisionConflict, match="p5"):
        ingest(engine, *(STATED._replace(person=f"p{number}") for number in range(6)))
    assert [row.person for row in store.iterate_people()] == ["p0", "p1", "p2", "p3", "p4"]


def test_time_moves_for_everybody_but_the_contended_person(store: Store) -> None:
    """Wherever in the page they stand."""
    ingest(engine_by(store), *(STATED._replace(person=f"p{number}") for number in range(6)), publish=False)
    with pytest.raises(RevisionConflict, match="p1"):
        advance(engine_by(Contended(store, "p1")), at(1))
    assert store.due_people(None, at(1), 9) == ["p1"]
