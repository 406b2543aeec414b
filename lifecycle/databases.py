"""Which database holds whom: a map from the partitions of people to databases.

A person belongs to the partition that Kafka's default partitioner gives their id, and with it to a *shard*: the
partitions whose people one database holds. No commit spans two. One database that holds everybody is a map with one
shard. Values alone: nothing here opens a database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lifecycle import ids

_SHARD = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """Partitions that follow each other, from `first` to `last`, both included."""

    first: int
    last: int

    def __contains__(self, partition: int) -> bool:
        return self.first <= partition <= self.last

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def shard_named(text: str) -> Shard:
    """Return the shard that is written as `0-3`, or `4` where it is one partition. Raises ValueError."""
    found = _SHARD.fullmatch(text.strip())
    first, last = (0, -1) if found is None else (int(found[1]), int(found[2] or found[1]))
    if last < first:
        raise ValueError(f"partitions are given as `0-3`, or `4` for one alone, got {text[:40]!r}")
    return Shard(first, last)


@dataclass(frozen=True, slots=True)
class Databases:
    """The URL of each shard, in the order of their partitions. Together they hold all `partitions`, each once."""

    urls: Mapping[Shard, str]

    @property
    def partitions(self) -> int:
        """How many partitions people belong to; 1 where one database holds everybody, however many there are."""
        return max(shard.last for shard in self.urls) + 1

    @property
    def is_one(self) -> bool:
        """Whether one database holds everybody."""
        return len(self.urls) == 1

    def home(self, person: str) -> Shard:
        """Return the shard that a person belongs to."""
        return self.shard_of(ids.partition_of(person, self.partitions))

    def shard_of(self, partition: int) -> Shard:
        """Return the shard that a partition belongs to."""
        return next(shard for shard in self.urls if partition in shard)


def one_database(url: str) -> Databases:
    """Return the map of one database that holds everybody."""
    return Databases({Shard(0, 0): url})


def databases_of(given: Mapping[str, str]) -> Databases:
    """Return the map that settings give as `partitions` -> URL; one entry is one database that holds everybody.

    Raises ValueError where partitions are left out or given twice, or two shards are in one database.
    """
    if not given:
        raise ValueError("no database is named: give partitions and the URL of their database")
    urls = {shard_named(text): url for text, url in given.items()}
    if len(urls) != len(given):
        raise ValueError(f"partitions are given twice: {', '.join(given)}")
    following = 0
    for shard in sorted(urls):
        if shard.first != following:
            what = "are in no database" if shard.first > following else "are in two databases"
            between = Shard(min(shard.first, following), max(shard.first, following) - 1)
            raise ValueError(f"partitions {between} {what}: each must be in one, from 0 on")
        following = shard.last + 1
    if len(set(urls.values())) != len(urls):
        raise ValueError("two shards are in one database: give each a database of its own, or make them one shard")
    return one_database(*urls.values()) if len(urls) == 1 else Databases(dict(sorted(urls.items())))
