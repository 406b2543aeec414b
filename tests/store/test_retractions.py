"""What was retracted, found by person: the same on every store, and always what the log says."""

from datetime import timedelta

from lifecycle.store import Changes, Store
from lifecycle.touchpoint import RETRACTED, Touchpoint
from tests.store.made import NOON, touchpoint


def retraction(identifier: str, of: str, **changed: object) -> Touchpoint:
    return touchpoint("ann", identifier, type=RETRACTED, data={"source": "crm", "id": of}, **changed)


def test_retractions_are_found_by_person(store: Store) -> None:
    """Only of those who are asked for; as touchpoints, with their order and what they retract."""
    ours = retraction("2", "1", sequence="7")
    others = retraction("2", "1")._replace(person="bob")
    store.commit(Changes(touchpoints=(touchpoint("ann", "1"), ours, others)))
    assert store.find_retractions(["ann", "carl"]) == {"ann": [ours]}
    assert store.find_retractions([]) == {}


def test_a_variant_that_counts_now_changes_what_is_retracted(store: Store) -> None:
    """Another target, then no retraction at all, then one again."""
    first = retraction("2", "1")
    store.commit(Changes(touchpoints=(first, touchpoint("ann", "1"))))
    for variant, found in (
        (retraction("2", "9", occurred_at=NOON - timedelta(hours=1)), ["9"]),
        (touchpoint("ann", "2", occurred_at=NOON - timedelta(hours=2)), []),
        (retraction("2", "3", occurred_at=NOON - timedelta(hours=3)), ["3"]),
    ):
        store.commit(Changes(replaced=(variant,)))
        stored = store.find_retractions(["ann"]).get("ann", [])
        assert [each.data["id"] for each in stored] == found
        assert [each.occurred_at for each in stored] == [variant.occurred_at for _ in found]
