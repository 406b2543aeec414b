"""The map from partitions to databases: what it says, and what is refused."""

from __future__ import annotations

import pytest

from lifecycle.databases import Shard, databases_of, one_database, shard_named
from lifecycle.ids import partition_of


def test_every_person_has_one_home_by_the_partition_of_their_id() -> None:
    several = databases_of({"3": "c", "0-1": "a", "2": "b"})
    assert list(map(str, several.urls)) == ["0-1", "2", "3"]
    assert (several.partitions, several.is_one) == (4, False)
    for person in (f"person-{number}" for number in range(100)):
        assert partition_of(person, 4) in several.home(person)


def test_one_database_holds_everybody() -> None:
    for one in (one_database("a"), databases_of({"0-7": "a"})):
        assert one.is_one
        assert {one.urls[one.home(f"person-{number}")] for number in range(100)} == {"a"}


def test_a_shard_is_read_as_it_is_written() -> None:
    for text in ("0-3", "7", "10-11"):
        assert str(shard_named(text)) == text
    assert shard_named(" 4-4 ") == Shard(4, 4)
    assert list(Shard(2, 4)) == [2, 3, 4]


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1-", "0-3-5", "1,2", "0x1"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"given as `0-3`, or `4` for one alone, got"):
        shard_named(text)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "no database is named"),
        ({"1-3": "a"}, "partitions 0 are in no database: each must be in one, from 0 on"),
        ({"0-1": "a", "4": "b"}, "partitions 2-3 are in no database"),
        ({"0-2": "a", "2-3": "b"}, "partitions 2 are in two databases"),
        ({"0-3": "a", "1": "b"}, "partitions 1-3 are in two databases"),
        ({"0": "a", "0-0": "b"}, "partitions are given twice: 0, 0-0"),
        ({"0": "a", "1": "a"}, "two shards are in one database"),
    ],
)
def test_a_map_holds_every_partition_once(given: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        databases_of(given)
