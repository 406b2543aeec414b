"""How often the database is counted: seldom where that takes long."""

from __future__ import annotations

from lifecycle.streams.gauges import COUNT_EVERY_SECONDS, REST, pause_after


def test_a_database_that_is_counted_quickly_is_counted_every_minute() -> None:
    assert pause_after(0.1) == COUNT_EVERY_SECONDS


def test_counting_takes_a_small_share_of_the_time_however_large_the_database_is() -> None:
    for took in (10.0, 600.0):
        assert took / (took + pause_after(took)) < 1 / REST
