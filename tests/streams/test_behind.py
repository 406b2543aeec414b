"""A live worker that is behind writes old history to the log first: whoever can waits for the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from lifecycle.record import Accounting, Batch
from lifecycle.streams.pipeline import Taken
from lifecycle.streams.session import HISTORY_AGE, Session

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FULL = 200


def taken_in(backlog: int, *, lag: timedelta = timedelta(seconds=6)) -> dict[str, Any]:
    """Return how a batch is taken in, with so many records at the broker, by a worker that has heard all until `lag`."""
    asked: dict[str, Any] = {}

    def ingest(_: Batch, **how: Any) -> Accounting:
        asked.update(how)
        return Accounting()

    equipment = SimpleNamespace(
        settings=SimpleNamespace(batch_records=FULL, publish_lag=timedelta(minutes=15)),
        engine=SimpleNamespace(ingest=ingest),
        hand_over=None,
    )
    session: Any = SimpleNamespace(_equipment=equipment)
    Session._follow(session, Taken([], (), {}, NOON, backlog), Batch(()), NOON, NOON - lag)
    return asked


def test_with_a_full_batch_at_the_broker_those_wait_whose_news_is_history() -> None:
    asked = taken_in(FULL)
    assert (asked["log_first"], asked["recent"]) == (True, NOON - timedelta(seconds=6) - HISTORY_AGE)


def test_with_less_everybody_is_folded_on_arrival() -> None:
    assert taken_in(FULL - 1)["log_first"] is False


def test_whoever_is_folded_on_arrival_is_told_as_ever() -> None:
    for backlog in (1, FULL):
        asked = taken_in(backlog)
        assert (asked["publish"], asked["until"], asked["ceiling"]) == (True, NOON - timedelta(seconds=6), NOON)


def test_where_time_is_far_behind_tasks_wait_for_the_clock_and_all_whose_news_comes_with_a_full_batch() -> None:
    """Nobody is told meanwhile, so nobody loses by it."""
    for backlog in (1, FULL):
        asked = taken_in(backlog, lag=timedelta(hours=1))
        assert (asked["publish"], asked["log_first"], asked["recent"]) == (False, backlog == FULL, None)


class Consumer:
    """Knows where each partition ends, as far as it was told."""

    def __init__(self, ends: dict[str, int | None]) -> None:
        self.ends = ends

    def assignment(self) -> set[str]:
        return set(self.ends)

    def highwater(self, place: str) -> int | None:
        return self.ends[place]


def test_what_is_left_at_the_broker_is_counted_over_all_partitions_that_are_read() -> None:
    """Of one that was assigned and is not claimed nothing is taken; of one never heard of nothing is known."""
    claims = SimpleNamespace(current=lambda: {name: SimpleNamespace(taken=10) for name in ("a", "b", "new", "gone")})
    session: Any = SimpleNamespace(_consumer=Consumer({"a": 25, "b": 10, "new": None, "foreign": 99}), claims=claims)
    assert Session._left(session) == 15
