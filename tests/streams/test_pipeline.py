"""The pipeline: order, overlap, one failure breaks what follows, letting go waits for what is in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from lifecycle.errors import PartitionLost, StoreUnavailable
from lifecycle.metrics import Metrics
from lifecycle.record import Accounting, Batch, Step
from lifecycle.streams.patience import GivenUp, patiently, pauses
from lifecycle.streams.pipeline import MAX_IN_FLIGHT, READ_AHEAD_RECORDS, Pipeline, Taken

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECONDS = 5.0


class Recorder:
    """Plays engine and database: batch N is committed once `let` has allowed it. Notes what happened, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.started = [asyncio.Event() for _ in range(9)]
        self.allowed = [asyncio.Event() for _ in range(9)]
        self.failures: dict[int, Exception] = {}
        self.pipeline = Pipeline(self._read, self._commit, self._committed)

    async def _read(self, taken: Taken) -> Batch:
        self.seen.append(f"read {taken.steps[0].from_offset}")
        return Batch((), taken.steps)

    async def _commit(self, taken: Taken, batch: Batch, abandoned: asyncio.Event) -> Accounting:
        number = taken.steps[0].from_offset
        self.started[number].set()
        await self.allowed[number].wait()
        if number in self.failures:
            raise self.failures[number]
        self.seen.append(f"committed {number}")
        return Accounting()

    def _committed(self, taken: Taken, accounting: Accounting) -> None:
        self.seen.append(f"noted {taken.steps[0].from_offset}")

    def take(self, number: int, records: int = READ_AHEAD_RECORDS) -> None:
        self.pipeline.take(Taken([None] * records, (Step("in", 0, 1, number, number + 1),), {}, NOW))


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, SECONDS))


def test_the_next_batch_is_read_while_one_commits_and_they_commit_in_order() -> None:
    async def test() -> None:
        recorder = Recorder()
        recorder.take(0)
        recorder.take(1)
        await recorder.started[0].wait()
        for event in recorder.allowed:
            event.set()
        assert await recorder.pipeline.settle(SECONDS) is None
        assert recorder.seen == ["read 0", "read 1", "committed 0", "noted 0", "committed 1", "noted 1"]

    run(test())


def test_room_waits_for_the_oldest_of_two() -> None:
    async def test() -> None:
        assert MAX_IN_FLIGHT == 2
        recorder = Recorder()
        recorder.take(0)
        await recorder.pipeline.room()
        recorder.take(1)
        room = asyncio.create_task(recorder.pipeline.room())
        await recorder.started[0].wait()
        assert not room.done()
        recorder.allowed[0].set()
        await room
        assert "noted 0" in recorder.seen
        recorder.allowed[1].set()
        await recorder.pipeline.settle(SECONDS)

    run(test())


def test_behind_a_small_batch_there_is_no_room_until_it_is_committed() -> None:
    """What comes meanwhile goes together, and does not wait for two batches."""

    async def test() -> None:
        recorder = Recorder()
        recorder.take(0, READ_AHEAD_RECORDS - 1)
        room = asyncio.create_task(recorder.pipeline.room())
        await recorder.started[0].wait()
        assert not room.done()
        recorder.allowed[0].set()
        await room
        assert recorder.seen[-1] == "noted 0"

    run(test())


def test_a_batch_that_fails_breaks_the_pipeline_and_none_behind_it_is_tried() -> None:
    async def test() -> None:
        recorder = Recorder()
        recorder.failures[0] = PartitionLost("another worker owns this now")
        recorder.take(0)
        recorder.take(1)
        for event in recorder.allowed:
            event.set()
        with pytest.raises(PartitionLost, match="another worker owns this now"):
            await recorder.pipeline.room()
        assert await recorder.pipeline.settle(SECONDS) is None
        assert recorder.seen == ["read 0", "read 1"]

    run(test())


def test_settling_waits_for_what_is_in_flight_and_says_what_failed() -> None:
    async def test() -> None:
        recorder = Recorder()
        recorder.failures[1] = KeyError("a programmer's error")
        recorder.take(0)
        recorder.take(1)
        settled = asyncio.create_task(recorder.pipeline.settle(SECONDS))
        await recorder.started[0].wait()
        assert not settled.done()
        for event in recorder.allowed:
            event.set()
        assert isinstance(await settled, KeyError)
        assert recorder.seen[-1] == "noted 0"

    run(test())


def test_settling_does_not_wait_for_ever() -> None:
    async def test() -> None:
        recorder = Recorder()
        recorder.take(0)
        assert await recorder.pipeline.settle(0.01) is None
        assert recorder.seen == ["read 0"]
        recorder.allowed[0].set()
        await recorder.started[0].wait()

    run(test())


def test_patience_repeats_what_says_retry_until_it_is_given_up() -> None:
    async def test() -> None:
        metrics, given_up, attempts = Metrics(), asyncio.Event(), 0

        async def attempt() -> str:
            nonlocal attempts
            attempts += 1
            if attempts < 3:
                raise StoreUnavailable("away")
            return "done"

        def counted() -> float | None:
            return metrics.registry.get_sample_value("lifecycle_retries_total", {"doing": "x"})

        assert await patiently(attempt, doing="x", given_up=given_up, metrics=metrics) == "done"
        assert counted() == 2
        attempts = 0
        given_up.set()
        with pytest.raises(GivenUp):
            await patiently(attempt, doing="x", given_up=given_up, metrics=metrics)
        assert attempts == 1

        async def lost() -> str:
            raise PartitionLost("stop")

        with pytest.raises(PartitionLost):
            await patiently(lost, doing="x", given_up=asyncio.Event(), metrics=metrics)

    run(test())


def test_pauses_grow_to_a_bound() -> None:
    some = [pause for pause, _ in zip(pauses(), range(20), strict=False)]
    assert 0.1 <= some[0] <= 0.2
    assert all(5 <= pause <= 10 for pause in some[8:])
