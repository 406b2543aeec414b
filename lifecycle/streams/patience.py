"""Trying again: what is done about passing trouble, the same everywhere in the streams.

`patiently` repeats an attempt while it raises an error whose `action` is "retry", with pauses that grow to a
bound, for as long as it takes: giving up would only move the waiting to whoever restarts the process. Every
repetition is logged and counted, so that the waiting is seen.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from lifecycle.errors import Retry
from lifecycle.metrics import Metrics

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class GivenUp(Exception):
    """The attempt was not repeated because `given_up` was set. Not an error: its caller is ending."""


def pauses() -> Iterator[float]:
    """Yield pauses in seconds: doubling up to the bound, each shortened at random so that workers spread."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def patiently(
    attempt: Callable[[], Awaitable[Answer]],
    *,
    doing: str,
    given_up: asyncio.Event,
    metrics: Metrics,
    about: str = "",
) -> Answer:
    """Return what the attempt returns, repeating it on errors that say retry.

    `doing` is one of few words, since it labels a metric; `about` says in the log what it is done to.
    Raises GivenUp once `given_up` is set and the attempt failed (an attempt under way is not cut off), and
    every other error at once.
    """
    for pause in pauses():
        try:
            return await attempt()
        except Retry as trouble:
            metrics.retries.labels(doing).inc()
            if given_up.is_set():
                raise GivenUp(doing) from trouble
            log.warning("%s: %s Trying again in %.1f s.", f"{doing} {about}".strip(), trouble, pause)
        await wait_for(given_up, pause)
        if given_up.is_set():
            raise GivenUp(doing)
    raise AssertionError("pauses never end")


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, at most so long; return whether it is."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return event.is_set()
    return True
