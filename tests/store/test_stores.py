"""Several databases: each holds its shard and no other, and all are read as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lifecycle.ask_from import AskFrom
from lifecycle.databases import Databases, Shard, databases_of, one_database
from lifecycle.errors import ShardMismatch
from lifecycle.record import Place
from lifecycle.store import Changes, Store, Stores, open_store, open_stores, require_shard, settle_shard
from tests.store.made import HOUR, NOON, dead_letter, log, person, touchpoint

NAMES = [f"person-{number:02}" for number in range(40)]


@pytest.fixture
def several(tmp_path: Path) -> Databases:
    """Three databases of four partitions, made and settled."""
    made = databases_of({name: f"sqlite:///{tmp_path / name}.db" for name in ("0", "1-2", "3")})
    for shard, url in made.urls.items():
        store = open_store(url, create=True)
        settle_shard(store, made, shard)
        store.close()
    return made


@pytest.fixture
def both(several: Databases, tmp_path: Path) -> Iterator[tuple[Store, Stores]]:
    """One database with everybody, and several with the same."""
    one = open_store(f"sqlite:///{tmp_path / 'one.db'}", create=True)
    for number, name in enumerate(NAMES):
        first, second = touchpoint(name), touchpoint(name, "2", type="need.met", occurred_at=NOON + number * HOUR)
        changes = Changes(
            touchpoints=(first, second),
            conflicts=(touchpoint(name, type="need.other"),),
            people=(person(name),),
            dead_letters=(dead_letter(number, place=Place(f"topic-{number % 3}", 0, number)),),
        )
        home = open_store(several.urls[several.home(name)])
        for store in (one, home):
            store.commit(changes)
        home.close()
    stores = open_stores(several)
    assert isinstance(stores, Stores)
    yield one, stores
    one.close()
    stores.close()


def walked(read: Callable[[Any], list[Any]], after: Any, key: Callable[[Any], Any]) -> list[Any]:
    found = []
    while page := read(after):
        assert len(page) <= 7
        found += page
        after = key(page[-1])
    return found


def everything_listed(store: Any) -> list[list[Any]]:
    """Every list that a store gives, page by page."""
    return [
        walked(lambda after: store.iterate_people(after=after, limit=7), "", lambda row: row.person),
        walked(lambda after: store.iterate_log(after, limit=7), None, lambda each: each[:3]),
        walked(lambda after: store.iterate_log(after, types=["need.met"], limit=7), None, lambda each: each[:3]),
        walked(lambda after: store.iterate_conflicts(after, limit=7), None, lambda row: row[0]),
        walked(lambda after: store.dead_letters(after, 7), None, lambda row: row.key),
        store.type_counts(),
    ]


def test_what_is_listed_comes_in_the_order_of_one_database(both: tuple[Store, Stores]) -> None:
    """Whole, once, and page by page, whatever is in which database."""
    one, several = map(everything_listed, both)
    assert one == several
    assert list(map(len, one)) == [40, 80, 40, 40, 40, 2]


def test_a_page_smaller_than_the_number_of_databases_leaves_nobody_out(both: tuple[Store, Stores]) -> None:
    several = both[1]
    rows = walked(lambda after: several.iterate_people(after=after, limit=1), "", lambda row: row.person)
    assert [row.person for row in rows] == NAMES


def test_what_is_about_a_person_is_read_at_their_home(both: tuple[Store, Stores]) -> None:
    keys = {(name, "crm", "1") for name in (*NAMES, "nobody")}
    for read in (
        lambda store: store.load_people([*NAMES, "nobody"]),
        lambda store: {who: sorted(mine) for who, mine in store.read_log(dict.fromkeys(NAMES)).items()},
        lambda store: store.read_log({NAMES[0]: NOON + HOUR}),
        lambda store: store.find_touchpoints(keys),
        lambda store: store.find_retractions(NAMES),
    ):
        assert read(both[0]) == read(both[1])


def test_time_is_the_latest_of_all(several: Databases, both: tuple[Store, Stores]) -> None:
    for hours, url in enumerate(several.urls.values()):
        store = open_store(url)
        store.reached([], NOON + hours * HOUR)
        store.close()
    assert both[1].state().reached_at == NOON + 2 * HOUR
    assert both[1].state().partitions == 4


def test_databases_that_ask_from_different_moments_are_no_shards_of_one(several: Databases) -> None:
    for hours, url in enumerate(several.urls.values()):
        store = open_store(url)
        store.settle_ask_from(AskFrom(NOON + hours * HOUR))
        store.close()
    with pytest.raises(ShardMismatch, match="these databases ask from different moments"):
        open_stores(several).state()


def test_a_shard_is_settled_while_nobody_is_there_and_stays(store: Store) -> None:
    assert store.settle_shard("0-1", 4)
    assert store.settle_shard("0-1", 4)
    assert not store.settle_shard("2-3", 4)
    assert not store.settle_shard("0-1", 8)
    assert (store.state().shard, store.state().partitions) == ("0-1", 4)


def test_a_database_in_use_is_no_shard(store: Store) -> None:
    store.commit(Changes(people=(person(),)))
    assert not store.settle_shard("0-1", 4)
    assert (store.state().shard, store.state().partitions) == (None, 1)


def test_a_database_that_was_claimed_is_no_shard(store: Store) -> None:
    store.claim_partition("touchpoints", 0, log())
    assert not store.settle_shard("0-1", 4)


def test_a_database_with_other_people_is_refused(store: Store) -> None:
    several = databases_of({"0-1": "a", "2-3": "b"})
    with pytest.raises(ShardMismatch, match="hold the people of partitions 0-1 of 4 by the settings, and holds every"):
        require_shard(store, several, Shard(0, 1))
    settle_shard(store, several, Shard(0, 1))
    require_shard(store, several, Shard(0, 1))
    for wanted, shard in ((several, Shard(2, 3)), (databases_of({"0-1": "a", "2": "b"}), Shard(0, 1))):
        with pytest.raises(ShardMismatch, match="and holds those of partitions 0-1 of 4 alone"):
            settle_shard(store, wanted, shard)
    with pytest.raises(ShardMismatch, match="should hold everybody by the settings, and holds those of partitions"):
        settle_shard(store, one_database("a"), Shard(0, 0))


def test_databases_changed_round_are_not_read(several: Databases) -> None:
    first, *others = several.urls.values()
    changed = databases_of(dict(zip(map(str, several.urls), [*others, first], strict=True)))
    with pytest.raises(ShardMismatch, match="should hold the people of partitions 0 of 4"):
        open_stores(changed)
