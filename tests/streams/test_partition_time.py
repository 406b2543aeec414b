"""Partition time: what was heard of a partition, from marks and from records (guarantee 5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lifecycle.streams.partition_time import PartitionTimes

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GRACE = timedelta(seconds=5)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def times(partitions: int = 2) -> PartitionTimes:
    return PartitionTimes(("in", "out"), partitions, grace=GRACE)


def test_nothing_is_known_before_every_topic_was_heard() -> None:
    known = times()
    assert known.least({0}, now=NOW) is None
    known.mark(at(-1), {("in", 0): 7, ("out", 0): 0})
    known.passed({("in", 0): 7})
    assert known.least({0}, now=NOW) is None
    known.passed({("out", 0): 0})
    assert known.least({0}, now=NOW) == at(-1) - GRACE


def test_a_mark_counts_from_when_it_was_asked_not_from_when_it_was_passed() -> None:
    known = times()
    known.mark(at(0), {("in", 0): 10, ("out", 0): 0})
    known.passed({("in", 0): 9, ("out", 0): 0})
    assert known.heard(0) is None
    known.passed({("in", 0): 10, ("out", 0): 0})
    assert known.least({0}, now=at(60)) == at(0) - GRACE


def test_under_steady_load_a_mark_is_passed_though_the_end_is_never_reached() -> None:
    known = times()
    for second in range(10):
        known.passed({("in", 0): second * 100, ("out", 0): 0})
        known.mark(at(second), {("in", 0): second * 100 + 50, ("out", 0): 0})
    # The end runs ahead by 50 at all times; what was marked a second ago is passed now.
    assert known.least({0}, now=at(9)) == at(8) - GRACE


def test_a_standing_mark_is_not_replaced() -> None:
    known = times()
    known.mark(at(0), {("in", 0): 10, ("out", 0): 0})
    known.mark(at(5), {("in", 0): 99, ("out", 0): 0})
    known.passed({("in", 0): 10, ("out", 0): 0})
    assert known.heard(0) == at(0)


def test_while_behind_time_follows_the_records_of_the_topic_that_is_furthest_behind() -> None:
    known = times()
    known.committed(("in", 0), at(-3600))
    known.committed(("out", 0), at(-60))
    assert known.least({0}, now=NOW) == at(-3600) - GRACE


def test_time_never_goes_back_and_never_beyond_the_wall_clock() -> None:
    known = times()
    for place in known.places:
        known.committed(place, at(-10))
        known.committed(place, at(-20))
    assert known.least({0}, now=NOW) == at(-10) - GRACE
    known.committed(("in", 0), at(9999))
    known.committed(("out", 0), at(9999))
    assert known.least({0}, now=NOW) == NOW - GRACE


def test_partitions_are_apart_until_a_record_was_misrouted() -> None:
    known = times()
    known.committed(("in", 0), at(-1))
    known.committed(("out", 0), at(-1))
    assert known.least({0}, now=NOW) == at(-1) - GRACE
    known.misrouted = True
    assert known.least({0}, now=NOW) is None
    known.committed(("in", 1), at(-500))
    known.committed(("out", 1), at(-1))
    assert known.least({0}, now=NOW) == at(-500) - GRACE


def test_several_partitions_move_with_the_last_of_them() -> None:
    known = times()
    for place in known.places:
        known.committed(place, at(-1 if place[1] == 0 else -30))
    assert known.least({0, 1}, now=NOW) == at(-30) - GRACE
    assert known.least({0}, now=NOW) == at(-1) - GRACE
