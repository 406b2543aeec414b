"""Partition time: what was heard of a partition, from marks and from records (guarantee 5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lifecycle.streams.partition_time import Elsewhere, PartitionTimes

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GRACE = timedelta(seconds=5)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def times(partitions: int = 2) -> PartitionTimes:
    return PartitionTimes(("in", "out"), range(partitions), grace=GRACE)


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


ENDS = {("in", 2): 10, ("out", 2): 0}
READ = {("in", 2): 10, ("out", 2): 0}


def test_what_is_heard_elsewhere_counts_once_what_was_passed_on_is_read_here() -> None:
    """The others told at second 1 that they had read all of second 0: what they had passed on by then is here by 2."""
    known = Elsewhere(("in", "out"), [2])
    known.look(at(0), ENDS, offsets=READ, told_at=at(1), here=at(0.9))
    assert known.heard is None
    known.look(at(2), ENDS, offsets=READ, told_at=at(3), here=at(1))
    assert known.heard == at(0)
    known.look(at(4), ENDS, offsets=READ, told_at=at(5), here=at(5))
    assert known.heard == at(2)


def test_what_nobody_has_read_elsewhere_is_not_heard() -> None:
    """Neither what is behind, nor what was never told, nor a log that ends before what was read of it."""
    for offsets in ({}, {("in", 2): 10}, {**READ, ("in", 2): 9}, {**READ, ("in", 2): 11}):
        known = Elsewhere(("in", "out"), [2])
        for second in range(9):
            known.look(at(second), ENDS, offsets=offsets, told_at=at(second), here=at(second))
        assert known.heard is None


def test_the_topic_between_the_databases_is_no_source_elsewhere() -> None:
    """What others have not read of it is about people of theirs."""
    known = Elsewhere(("in", "out"), [2])
    for second in range(3):
        known.look(at(second), {**ENDS, ("between", 2): 7}, offsets=READ, told_at=at(second), here=at(second))
    assert known.heard == at(1)


def test_other_databases_count_once_a_record_was_passed_on() -> None:
    elsewhere = Elsewhere(("in",), [1])
    known = PartitionTimes(("in", "between"), [0], grace=GRACE, elsewhere=elsewhere)
    known.committed(("in", 0), at(-1))
    known.committed(("between", 0), at(-1))
    assert known.least({0}, now=NOW) == at(-1) - GRACE
    known.misrouted = True
    assert known.least({0}, now=NOW) is None
    elsewhere.heard = at(-60)
    assert known.least({0}, now=NOW) == at(-60) - GRACE


def test_a_partition_of_another_database_is_not_listened_to() -> None:
    known = PartitionTimes(("in",), [1, 2], grace=GRACE)
    known.mark(at(0), {("in", 0): 0, ("in", 1): 0, ("in", 2): 5})
    known.passed({("in", 0): 0, ("in", 1): 0, ("in", 2): 4})
    assert (known.heard(0), known.heard(1), known.everywhere()) == (None, at(0), None)
    known.passed({("in", 2): 5})
    assert known.everywhere(["in"]) == at(0)
