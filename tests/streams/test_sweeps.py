"""A sweep of the clock and the intake share one thread of the engine: the intake waits for short pages only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle.metrics import Metrics
from lifecycle.streams import clock
from lifecycle.streams.clock import FIRST_PEOPLE, PAGE_SECONDS, REST, REST_BEHIND, SHARED_PEOPLE, SHARED_SECONDS, Clock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PERSON_SECONDS = PAGE_SECONDS / 20


class Sweep:
    """Moves 300 people, so many seconds after records came, by a clock of its own."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        seconds: float,
        is_behind: bool = False,
        person_seconds: float = PERSON_SECONDS,
    ) -> None:
        self.person_seconds = person_seconds
        self.now, self.left, self.pages, self.rested = 1_000.0, 300, list[int](), list[float]()
        monkeypatch.setattr(clock, "wait_for", self.wait_for)
        monkeypatch.setattr(clock, "reached", self.reached)
        self.equipment: Any = SimpleNamespace(
            taken_at=self.now - seconds,
            is_behind=is_behind,
            in_engine=self.in_engine,
            engine=SimpleNamespace(advance=self.advance),
            metrics=Metrics(),
            committed=asyncio.Event(),
            stopping=asyncio.Event(),
            owned=frozenset({0}),
            hand_over=None,
            bound=None,
        )
        asyncio.run(self.run())

    async def run(self) -> None:
        loop: Any = asyncio.get_running_loop()
        loop.time = lambda: self.now
        sweeping: Any = SimpleNamespace(equipment=self.equipment, _most=FIRST_PEOPLE)
        await Clock._move(sweeping, NOON, [0])

    async def in_engine(self, call: Callable[[], Any]) -> Any:
        return call()

    def advance(self, *_: Any, most: int | None, **__: Any) -> int:
        moved = min(self.left, 500 if most is None else most)
        self.left -= moved
        self.now += moved * self.person_seconds
        if moved:
            self.pages.append(moved)
        return moved

    async def wait_for(self, _: asyncio.Event, seconds: float) -> bool:
        self.rested.append(round(seconds, 6))
        return False

    async def reached(self, *_: Any) -> None:
        pass


def test_while_records_come_a_page_takes_no_longer_than_a_batch_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Sweep(monkeypatch, seconds=0).pages == [FIRST_PEOPLE, *[20] * 14, 10]


def test_a_page_has_a_limit_however_little_time_a_person_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Sweep(monkeypatch, seconds=0, person_seconds=0.0).pages == [FIRST_PEOPLE, SHARED_PEOPLE, SHARED_PEOPLE, 90]


def test_between_pages_the_engine_is_left_to_the_records_that_come(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Sweep(monkeypatch, seconds=0).rested[1:-1] == [REST * PAGE_SECONDS] * 14


def test_an_intake_that_is_behind_has_nine_tenths_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Sweep(monkeypatch, seconds=0, is_behind=True).rested[1:-1] == [REST_BEHIND * PAGE_SECONDS] * 14


def test_pages_are_long_and_follow_each_other_when_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Sweep(monkeypatch, seconds=SHARED_SECONDS)
    assert (sweep.pages, sweep.rested) == ([300], [])
