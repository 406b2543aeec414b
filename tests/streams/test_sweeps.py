"""A sweep of the clock and the intake share one thread of the engine: the intake waits for short pages only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from lifecycle.metrics import Metrics
from lifecycle.streams.clock import SHARED_PEOPLE, SHARED_SECONDS, advance

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def page_after(seconds: float) -> int | None:
    """Return how many people are moved at once, so many seconds after records came (None: as many as ever)."""
    asked: list[int | None] = []

    async def in_engine(call: Callable[[], int]) -> int:
        return call()

    def moved(*_: Any, most: int | None, **__: Any) -> int:
        asked.append(most)
        return 0

    async def sweep() -> None:
        equipment: Any = SimpleNamespace(
            taken_at=asyncio.get_running_loop().time() - seconds,
            in_engine=in_engine,
            engine=SimpleNamespace(advance=moved),
            metrics=Metrics(),
            committed=asyncio.Event(),
            hand_over=None,
        )
        await advance(equipment, NOON, [0])

    asyncio.run(sweep())
    (most,) = asked
    return most


def test_pages_are_short_while_records_come() -> None:
    assert page_after(0.0) == SHARED_PEOPLE


def test_pages_are_long_when_nothing_comes() -> None:
    assert page_after(SHARED_SECONDS + 1) is None
