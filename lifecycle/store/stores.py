"""Several databases, each with the people of its shard, read as if they were one.

For commands and programs that ask. Nothing is written here: no commit spans two databases. What is about one person is
read in the database of their home; lists are merged in the order that one database would give them in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from lifecycle.databases import Databases, Shard
from lifecycle.errors import ShardMismatch
from lifecycle.person import PersonRow
from lifecycle.store.changes import DatabaseState, DeadLetterKey, DeadLetterRow
from lifecycle.store.log import ConflictKey, TypeCount
from lifecycle.store.store import Store, open_store
from lifecycle.touchpoint import Touchpoint, TouchpointKey, key_of

Row = TypeVar("Row")
Key = TypeVar("Key")


class Stores:
    """The open databases of all shards. Its methods mean what those of Store mean that have their names."""

    def __init__(self, databases: Databases, stores: Mapping[Shard, Store]) -> None:
        self._databases = databases
        self._stores = stores

    def close(self) -> None:
        """Close all connections."""
        for store in self._stores.values():
            store.close()

    @property
    def where(self) -> str:
        """Where each database is, for messages."""
        return ", ".join(store.where for store in self._stores.values())

    def state(self) -> DatabaseState:
        """Return what is known of all databases together.

        The policy is that of the first database that has one: where they differ it is activated in the order of their
        partitions. Raises ShardMismatch where they ask from different moments.
        """
        states = [store.state() for store in self._stores.values()]
        asked = {each.ask_from for each in states if each.ask_from is not None}
        if len(asked) > 1:
            listed = ", ".join(f"{store.where}: {store.state().ask_from}" for store in self._stores.values())
            raise ShardMismatch(f"these databases ask from different moments, so they are no shards of one: {listed}.")
        first = next((each for each in states if each.policy_hash is not None), states[0])
        return replace(
            first,
            snapshot_format=max(each.snapshot_format for each in states),
            partitions=self._databases.partitions,
            reached_at=_latest(each.reached_at for each in states),
            newest_at=_latest(each.newest_at for each in states),
            belongs_to_workers=any(each.belongs_to_workers for each in states),
            ask_from=next(iter(asked), None),
            shard=None,
        )

    def load_people(self, persons: Collection[str]) -> dict[str, PersonRow]:
        """Return the stored row of each person who has one."""
        homes = self._by_home(persons, lambda person: person)
        return _together(store.load_people(mine) for store, mine in homes)

    def iterate_people(self, *, after: str = "", limit: int = 500) -> list[PersonRow]:
        """Return the next people after one id, by id."""
        return self._page(limit, lambda store, most: store.iterate_people(after=after, limit=most), _person_of)

    def read_log(self, after: Mapping[str, datetime | None]) -> dict[str, list[Touchpoint]]:
        """Return the touchpoints of each person after a moment."""
        homes = self._by_home(after, lambda person: person)
        return _together(store.read_log({person: after[person] for person in mine}) for store, mine in homes)

    def find_touchpoints(self, keys: Collection[TouchpointKey]) -> dict[TouchpointKey, Touchpoint]:
        """Return the touchpoints of these keys that are in the log."""
        homes = self._by_home(keys, lambda key: key[0])
        return _together(store.find_touchpoints(mine) for store, mine in homes)

    def find_retractions(self, persons: Collection[str]) -> dict[str, list[Touchpoint]]:
        """Return each person's retractions."""
        homes = self._by_home(persons, lambda person: person)
        return _together(store.find_retractions(mine) for store, mine in homes)

    def iterate_log(
        self, after: TouchpointKey | None = None, *, types: Collection[str] | None = None, limit: int = 500
    ) -> list[Touchpoint]:
        """Return the next touchpoints after a key, by person, source and id."""
        return self._page(limit, lambda store, most: store.iterate_log(after, types=types, limit=most), key_of)

    def iterate_conflicts(
        self, after: ConflictKey | None = None, *, person: str | None = None, limit: int = 500
    ) -> list[tuple[ConflictKey, Touchpoint]]:
        """Return the next variants after a key, by person, source, id and hash."""
        return self._page(
            limit, lambda store, most: store.iterate_conflicts(after, person=person, limit=most), lambda row: row[0]
        )

    def dead_letters(self, after: DeadLetterKey | None = None, limit: int = 500) -> list[DeadLetterRow]:
        """Return the next dead letters after a key, by topic, partition, offset and hash."""
        return self._page(limit, lambda store, most: store.dead_letters(after, most), lambda row: row.key)

    def type_counts(self) -> list[TypeCount]:
        """Count the log by type, by name of the type."""
        counted: dict[str, TypeCount] = {}
        for each in (each for store in self._stores.values() for each in store.type_counts()):
            one = counted.get(each.type, each)
            counted[each.type] = each if one is each else _both(one, each)
        return sorted(counted.values(), key=lambda each: each.type)

    def _page(self, limit: int, read: Callable[[Store, int], list[Row]], key: Callable[[Row], Any]) -> list[Row]:
        """Return the next rows of all databases together by their key: at most so many, and none only at the end.

        Each is asked for its part of them. What comes after the last row of one that may have more is left for the
        next page: rows of that one may come before it.
        """
        most = max(1, limit // len(self._stores))
        pages = [read(store, most) for store in self._stores.values()]
        certain = min((key(page[-1]) for page in pages if len(page) == most), default=None)
        rows = sorted((row for page in pages for row in page), key=key)
        return [row for row in rows if certain is None or key(row) <= certain][:limit]

    def _by_home(self, keys: Iterable[Key], person_of: Callable[[Key], str]) -> list[tuple[Store, list[Key]]]:
        homes: dict[Shard, list[Key]] = {}
        for key in keys:
            homes.setdefault(self._databases.home(person_of(key)), []).append(key)
        return [(self._stores[shard], mine) for shard, mine in homes.items()]


def open_stores(databases: Databases) -> Store | Stores:
    """Open the databases of a map for reading, as one. One that holds everybody is opened as it is.

    Raises ShardMismatch where one does not hold the shard that it is named for, and what open_store raises.
    """
    if databases.is_one:
        return open_store(*databases.urls.values())
    opened: dict[Shard, Store] = {}
    try:
        for shard in databases.urls:
            opened[shard] = open_shard(databases, shard)
    except BaseException:
        for store in opened.values():
            store.close()
        raise
    return Stores(databases, opened)


def open_shard(databases: Databases, shard: Shard) -> Store:
    """Open the database of one shard of a map. Raises as open_stores does."""
    store = open_store(databases.urls[shard])
    try:
        require_shard(store, databases, shard)
    except BaseException:
        store.close()
        raise
    return store


def settle_shard(store: Store, databases: Databases, shard: Shard) -> None:
    """Let a database hold this shard of a map, if nobody is there yet; of one database there is nothing to settle.

    Raises ShardMismatch where it holds another one. May be repeated.
    """
    if databases.is_one or not store.settle_shard(str(shard), databases.partitions):
        require_shard(store, databases, shard)


def require_shard(store: Store, databases: Databases, shard: Shard) -> None:
    """Raise ShardMismatch where a database does not hold this shard of a map, or everybody where it is the one."""
    state = store.state()
    if databases.is_one and state.shard is None:
        return
    if not databases.is_one and (state.shard, state.partitions) == (str(shard), databases.partitions):
        return
    wanted = "everybody" if databases.is_one else f"the people of partitions {shard} of {databases.partitions}"
    holds = f"those of partitions {state.shard} of {state.partitions} alone"
    raise ShardMismatch(
        f"the database at {store.where} should hold {wanted} by the settings, and holds "
        f"{'everybody' if state.shard is None else holds}. A new database is given its partitions by `lifecycle db "
        "upgrade`, and keeps them: correct LIFECYCLE_DATABASES, or move people as docs/operations.md says."
    )


def require_everybody(store: Store) -> None:
    """Raise ShardMismatch where a database holds the people of some partitions alone: touchpoints may be of others."""
    shard = store.state().shard
    if shard is not None:
        raise ShardMismatch(
            f"the database at {store.where} holds the people of partitions {shard} alone, and touchpoints of others "
            "would be in the wrong one. Send them to the topic: lifecycle publish."
        )


def _person_of(row: PersonRow) -> str:
    return row.person


def _together(found: Iterable[Mapping[Key, Row]]) -> dict[Key, Row]:
    return {key: row for each in found for key, row in each.items()}


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((each for each in moments if each is not None), default=None)


def _both(one: TypeCount, other: TypeCount) -> TypeCount:
    """Return two counts of a type as one; nobody is in two databases."""
    return TypeCount(
        one.type,
        one.touchpoints + other.touchpoints,
        one.people + other.people,
        min(one.first_at, other.first_at),
        max(one.last_at, other.last_at),
    )
