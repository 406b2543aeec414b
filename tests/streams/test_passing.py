"""Passing on without a broker: which records, and where to; and which partitions a shard's workers are given."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle.databases import Shard
from lifecycle.ids import partition_of
from lifecycle.record import Batch, Place, Record
from lifecycle.settings import Settings
from lifecycle.streams import passing as module
from lifecycle.streams.connection import assignor_of
from lifecycle.streams.passing import Passing
from lifecycle.wire.codec import read_record
from tests.wire.test_codec import body_of

PARTITIONS = 4
AT_HOME, AWAY = (next(name for name in map("p{}".format, range(99)) if partition_of(name, 4) == at) for at in (1, 3))


@pytest.fixture
def settings() -> Settings:
    return Settings.load(databases={"0-1": "postgresql://a/a", "2-3": "postgresql://b/b"}, shard="0-1")


@pytest.fixture
def passing(settings: Settings) -> Passing:
    return Passing(settings, Shard(0, 1), PARTITIONS)


def record(person: str, topic: str = "touchpoints", partition: int = 0, **more: Any) -> Record:
    return read_record(Place(topic, partition, 7), body_of(subject=person), b"key", **more)


def test_what_is_about_people_of_another_database_goes_to_their_partition(passing: Passing) -> None:
    at_home, away = passing.sort(record(AT_HOME)), passing.sort(record(AWAY))
    assert at_home == record(AT_HOME)
    assert (away.touchpoint, away.fault, away.home, away.body) == (None, None, 3, record(AWAY).body)


def test_what_cannot_be_read_is_refused_where_it_came(passing: Passing) -> None:
    bad = read_record(Place("touchpoints", 0, 7), b"{", b"key")
    assert passing.sort(bad) is bad


def test_what_was_passed_on_is_at_home_or_refused(passing: Passing) -> None:
    """It is never passed on again, whoever put it on the wrong partition."""
    assert passing.sort(record(AT_HOME, "touchpoints-passed-on", 1)).touchpoint is not None
    for person in (AT_HOME, AWAY):
        refused = passing.sort(record(person, "touchpoints-passed-on", 0))
        assert refused.fault is not None
        assert (refused.fault.reason, refused.home) == ("misplaced", None)
        assert f"about {person}, whose partition is {partition_of(person, 4)}, and came on" in refused.fault.message


def test_what_the_topic_would_not_take_is_refused(passing: Passing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PASSED_BYTES", 1_000)
    large = passing.sort(record(AWAY, headers=(("trace", b"x" * 1_000),)))
    assert large.fault is not None
    assert (large.fault.reason, large.home) == ("too_large", None)
    assert passing.sort(record(AWAY)).home == 3


def test_a_batch_is_passed_on_in_its_order(passing: Passing, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, Mapping[int, Sequence[Any]]]] = []

    async def send_to(topic: str, parts: Mapping[int, Sequence[Any]]) -> None:
        sent.append((topic, parts))

    monkeypatch.setattr(passing._sender, "send_to", send_to)
    records = [
        passing.sort(read_record(Place("touchpoints", 0, number), body_of(subject=person, id=str(number)), None))
        for number, person in enumerate([AWAY, AT_HOME, AWAY])
    ]
    asyncio.run(passing.pass_on(Batch(tuple(records))))
    ((topic, parts),) = sent
    assert topic == "touchpoints-passed-on"
    assert {partition: [value for value, _, _ in messages] for partition, messages in parts.items()} == {
        3: [records[0].body, records[2].body]
    }
    asyncio.run(passing.pass_on(Batch((records[1],))))
    assert len(sent) == 1, "nothing is sent where nothing is to be passed on"


def test_workers_of_a_shard_are_given_its_partitions_alone(settings: Settings) -> None:
    cluster = SimpleNamespace(partitions_for_topic=lambda topic: {3, 2, 1, 0} if topic != "gone" else None)
    members = {name: SimpleNamespace(subscription=["in", "gone"]) for name in ("a", "b")}

    def given(settings: Settings) -> dict[str, list[tuple[str, list[int]]]]:
        assigned = assignor_of(settings).assign(cluster, members)
        return {
            name: [(topic, list(partitions)) for topic, partitions in each.assignment]
            for name, each in assigned.items()
        }

    assert given(settings) == {"a": [("in", [0])], "b": [("in", [1])]}
    assert given(Settings.load(database="sqlite:///x")) == {"a": [("in", [0, 1])], "b": [("in", [2, 3])]}
