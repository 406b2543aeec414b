"""The contract of reading the log as a whole, on both stores: everything once, in one order, in pages of any size."""

import pytest

from lifecycle.store import Changes, Store
from lifecycle.store.log import TypeCount
from lifecycle.touchpoint import Touchpoint, key_of
from tests.store.made import HOUR, NOON, dead_letter, touchpoint

LOG = [
    touchpoint("Zoe", "1"),
    touchpoint("ann", "1"),
    touchpoint("ann", "2", type="odd.thing", occurred_at=NOON + HOUR),
    touchpoint("ann", "2", source="shop", occurred_at=NOON - HOUR),
    touchpoint("é", "1", type="odd.thing"),
]
"""By person, source and id, by code point."""


@pytest.mark.parametrize("limit", [1, 2, 500])
def test_the_log_is_walked_in_the_order_of_keys(store: Store, limit: int) -> None:
    store.commit(Changes(touchpoints=tuple(reversed(LOG))))
    found: list[Touchpoint] = []
    while page := store.iterate_log(key_of(found[-1]) if found else None, limit=limit):
        found += page
    assert found == LOG


def test_the_log_is_walked_for_some_types_alone(store: Store) -> None:
    store.commit(Changes(touchpoints=tuple(LOG)))
    assert store.iterate_log(types={"odd.thing"}) == [LOG[2], LOG[4]]
    assert store.iterate_log(types=set()) == []


@pytest.mark.parametrize("limit", [1, 500])
def test_what_is_kept_beside_the_log_is_walked_too(store: Store, limit: int) -> None:
    beside = [touchpoint("ann", "1", data={"need": need}) for need in ("a", "b", "c")]
    store.commit(Changes(touchpoints=tuple(LOG), conflicts=(*beside, touchpoint("Zoe", "1", type="x.y"))))
    for person, wanted in ((None, [*beside, touchpoint("Zoe", "1", type="x.y")]), ("ann", beside), ("bob", [])):
        found, after = [], None
        while page := store.iterate_conflicts(after, person=person, limit=limit):
            found += [each for _, each in page]
            after = page[-1][0]
        assert sorted(map(repr, found)) == sorted(map(repr, wanted))
        assert [each.person for each in found] == sorted(each.person for each in wanted)


def test_types_are_counted(store: Store) -> None:
    assert store.type_counts() == []
    store.commit(Changes(touchpoints=tuple(LOG)))
    assert store.type_counts() == [
        TypeCount("need.stated", 3, 2, NOON - HOUR, NOON),
        TypeCount("odd.thing", 2, 2, NOON, NOON + HOUR),
    ]


def test_dead_letters_of_a_stretch_are_found_and_forgotten(store: Store) -> None:
    store.commit(Changes(dead_letters=tuple(dead_letter(offset) for offset in (1, 3, 5))))
    found = store.dead_letters_between("touchpoints", 0, 1, 3)
    assert [row.letter.place.offset for row in found] == [1, 3]
    assert store.dead_letters_between("touchpoints", 1, 1, 3) == store.dead_letters_between("other", 0, 1, 3) == []
    for _ in range(2):
        store.delete_dead_letters([row.key for row in found])
    assert [row.letter.place.offset for row in store.dead_letters()] == [5]
    store.delete_dead_letters([])
