"""The relay: sends from memory what was committed, and from the table whatever else stands there; nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle.errors import BrokerUnavailable
from lifecycle.metrics import Metrics
from lifecycle.person import OutboxRow
from lifecycle.settings import Settings
from lifecycle.streams import relay as module
from lifecycle.streams.relay import Relay

SECONDS = 10.0


@pytest.fixture(autouse=True)
def never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is not read for the reason alone that nothing happens."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 1_000.0)


def row(number: int, person: str = "anna", *, lane: int = 0, partition: int = 0) -> OutboxRow:
    return OutboxRow(number, person, partition, lane, f"m{number}", "{}")


class Table:
    """Stands in for the store: the outbox as rows, and what was asked of it."""

    def __init__(self, *rows: OutboxRow) -> None:
        self.rows = list(rows)
        self.reads = 0
        self.taken_off: list[list[int]] = []

    def outbox(self, partitions: frozenset[int], limit: int) -> list[OutboxRow]:
        self.reads += 1
        return [each for each in self.rows if each.partition in partitions][:limit]

    def delete_outbox(self, rows: Sequence[OutboxRow]) -> None:
        gone = [each.id for each in rows]
        self.taken_off.append(gone)
        self.rows = [each for each in self.rows if each.id not in gone]

    def unsent_dead_letters(self, topics: Sequence[str], limit: int) -> list[Any]:
        return []


class Broker:
    """Stands in for the sender: what arrived, round by round; `fail` lets the next round fail."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.failures = 0
        self.arrived: Callable[[], None] = lambda: None

    async def send_tasks(self, rows: Sequence[OutboxRow]) -> None:
        if self.failures:
            self.failures -= 1
            raise BrokerUnavailable("gone")
        self.rounds.append([each.id for each in rows])
        self.arrived()

    async def close(self) -> None:
        return

    @property
    def ids(self) -> list[int]:
        return [number for each in self.rounds for number in each]


class Bench:
    """A relay at work on a table and a broker that stand in for the real ones."""

    def __init__(self, *rows: OutboxRow, owned: frozenset[int] = frozenset({0})) -> None:
        self.table, self.broker = Table(*rows), Broker()
        self.equipment: Any = SimpleNamespace(
            settings=Settings.load(),
            store=self.table,
            engine=SimpleNamespace(partitions=4),
            metrics=Metrics(),
            owned=owned,
            committed=asyncio.Event(),
            stopping=asyncio.Event(),
            hand_over=None,
        )
        self.relay = Relay(self.equipment)
        self.relay._sender = self.broker  # type: ignore[assignment]  # stands in for it

    def commit(self, *rows: OutboxRow) -> None:
        """Do what a commit of this worker does."""
        self.table.rows += rows
        self.equipment.hand_over(rows)
        self.equipment.committed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds after a round."""
        while not holds():
            arrived = asyncio.Event()
            self.broker.arrived = arrived.set
            if not holds():
                await arrived.wait()

    async def __aenter__(self) -> Bench:
        self._running = asyncio.create_task(self.relay.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.equipment.stopping.set()
        self.equipment.committed.set()
        await self._running


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, SECONDS))


def test_what_stands_in_the_table_at_the_start_is_sent_and_taken_off() -> None:
    async def test() -> None:
        async with Bench(row(1), row(2)) as bench:
            await bench.until(lambda: bench.broker.ids == [1, 2])
        await bench.relay.close()
        assert bench.table.rows == []

    run(test())


def test_what_is_committed_later_is_sent_without_reading_the_table() -> None:
    """The table is read until it gives nothing, and then no more."""

    async def test() -> None:
        async with Bench(row(1)) as bench:
            for number in range(2, 30):
                bench.commit(row(number))
                await bench.until(lambda number=number: number in bench.broker.ids)  # type: ignore[misc]
        await bench.relay.close()
        assert bench.broker.ids == list(range(1, 30))
        assert (bench.table.rows, bench.table.reads <= 4) == ([], True)

    run(test())


def test_a_table_with_more_than_a_round_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUND_MESSAGES", 2)

    async def test() -> None:
        bench = Bench()
        bench.commit(*(row(number) for number in range(1, 6)))
        async with bench:
            await bench.until(lambda: len(bench.broker.ids) == 5)
            bench.commit(row(6))
            await bench.until(lambda: 6 in bench.broker.ids)
        assert bench.broker.rounds == [[1, 2], [3, 4], [5], [6]]

    run(test())


def test_what_is_handed_over_after_the_table_gave_it_is_not_sent_again() -> None:
    """A commit can be seen a moment before it is told of."""

    async def test() -> None:
        async with Bench(row(1)) as bench:
            await bench.until(lambda: bench.broker.ids == [1])
            bench.equipment.hand_over([row(1)])
            bench.commit(row(2))
            await bench.until(lambda: 2 in bench.broker.ids)
        assert bench.broker.ids == [1, 2]

    run(test())


def test_lanes_served_first_go_first_and_each_persons_messages_keep_their_order() -> None:
    async def test() -> None:
        bench = Bench()
        rows = [row(1, "bob", lane=1), row(2, "anna"), row(3, "bob", lane=1), row(4, "anna")]
        bench.table.rows += rows
        async with bench:
            await bench.until(lambda: len(bench.broker.ids) == 4)
        assert bench.broker.ids == [2, 4, 1, 3]

    run(test())


def test_what_could_not_be_sent_is_read_from_the_table_and_sent_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what was committed while the broker was away; nothing overtakes what failed."""
    monkeypatch.setattr(module, "pauses", lambda: iter([0.0] * 9))

    async def test() -> None:
        async with Bench(row(1)) as bench:
            await bench.until(lambda: bench.broker.ids == [1])
            bench.broker.failures = 2
            bench.commit(row(2))
            bench.commit(row(3))
            await bench.until(lambda: bench.broker.ids[-1] == 3)
        assert bench.broker.ids == [1, 2, 3]

    run(test())


def test_what_another_program_put_in_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there is always something to send from memory, and taking off what was sent leaves it alone."""
    monkeypatch.setattr(module, "TABLE_SECONDS", 0.0)

    async def test() -> None:
        async with Bench() as bench:
            bench.commit(row(1))
            await bench.until(lambda: 1 in bench.broker.ids)
            bench.table.rows.insert(0, row(0, "zoe"))
            bench.commit(row(2))
            await bench.until(lambda: {0, 2} <= set(bench.broker.ids))
        await bench.relay.close()
        assert bench.table.rows == []

    run(test())


def test_only_what_was_sent_is_taken_off() -> None:
    """A message with a smaller id may be committed later, by somebody else."""

    async def test() -> None:
        async with Bench(row(1)) as bench:
            await bench.until(lambda: bench.broker.ids == [1])
            bench.commit(row(9))
            await bench.until(lambda: 9 in bench.broker.ids)
            bench.table.rows.insert(0, row(5, "zoe", partition=1))
        await bench.relay.close()
        assert [each.id for each in bench.table.rows] == [5]

    run(test())


def test_more_than_is_held_in_memory_is_read_from_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_HELD", 2)

    async def test() -> None:
        bench = Bench()
        bench.commit(row(1))
        bench.commit(row(2), row(3))
        async with bench:
            await bench.until(lambda: len(bench.broker.ids) == 3)
        assert bench.broker.ids == [1, 2, 3]

    run(test())


def test_other_partitions_than_before_are_read_from_the_table() -> None:
    """The owner before may have left something; what is held of partitions that are given up is let go."""

    async def test() -> None:
        async with Bench(row(1)) as bench:
            await bench.until(lambda: bench.broker.ids == [1])
            bench.table.rows.append(row(2, "zoe", partition=3))
            bench.equipment.owned = frozenset({0, 3})
            bench.equipment.committed.set()
            await bench.until(lambda: 2 in bench.broker.ids)
            bench.equipment.owned = frozenset({3})
            bench.commit(row(3), row(4, "zoe", partition=3))
            await bench.until(lambda: 4 in bench.broker.ids)
        assert bench.broker.ids == [1, 2, 4]

    run(test())


def test_before_partitions_are_given_up_what_was_sent_is_taken_off() -> None:
    async def test() -> None:
        async with Bench(row(1)) as bench:
            await bench.until(lambda: bench.broker.ids == [1])
            bench.commit(row(2))
            await bench.until(lambda: 2 in bench.broker.ids)
            await bench.relay.pause()
            assert bench.table.rows == []

    run(test())


def test_what_is_committed_while_stopping_is_sent_by_flush() -> None:
    async def test() -> None:
        async with Bench(row(1)) as bench:
            await bench.until(lambda: bench.broker.ids == [1])
        bench.commit(row(2))
        await bench.relay.flush()
        assert (bench.broker.ids, bench.table.rows) == ([1, 2], [])

    run(test())


def test_flush_ends_where_nothing_is_owned() -> None:
    """As after a rebalance that took everything away."""

    async def test() -> None:
        bench = Bench(row(1), owned=frozenset())
        bench.commit(row(2))
        await bench.relay.flush()
        assert (bench.broker.ids, [each.id for each in bench.table.rows]) == ([], [1, 2])

    run(test())
