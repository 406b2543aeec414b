"""The contract of from when a database asks, on both stores: settled once, while nobody is there."""

import pytest

from lifecycle.ask_from import AskFrom
from lifecycle.errors import PolicyMismatch
from lifecycle.store import Changes, Store
from tests.store.made import HOUR, NOON, activate, by, log, person

NOONS, LATER = AskFrom(NOON, 14), AskFrom(NOON + HOUR)


def test_the_first_moment_stays(store: Store) -> None:
    """Of two that start at once the second finds what the first settled; a policy may be active before."""
    activate(store, "policy-1")
    assert store.state().ask_from is None
    assert store.settle_ask_from(NOONS) == NOONS
    assert store.settle_ask_from(LATER) == NOONS
    store.commit(by("policy-1", ask_from=NOON, people=(person("ann"),)))
    assert store.settle_ask_from(LATER) == NOONS
    assert store.state().ask_from == NOONS


def test_it_is_too_late_once_somebody_is_there(store: Store) -> None:
    store.commit(Changes(people=(person("ann"),)))
    assert store.settle_ask_from(NOONS) is None
    assert store.state().ask_from is None


def test_it_is_too_late_once_time_was_moved_or_a_worker_began(store: Store) -> None:
    store.claim_partition("touchpoints", 0, log())
    assert store.settle_ask_from(NOONS) is None


def test_it_is_too_late_once_time_was_moved(store: Store) -> None:
    store.reached([], NOON)
    assert store.settle_ask_from(NOONS) is None


def test_what_was_decided_before_it_was_settled_is_refused(store: Store) -> None:
    """Somebody read an empty database, and a first start came between."""
    activate(store, "policy-1")
    store.settle_ask_from(NOONS)
    with pytest.raises(PolicyMismatch, match=r"from when is asked was settled in the database at .* open the database"):
        store.commit(by("policy-1", people=(person("ann"),)))
    assert store.iterate_people() == []
