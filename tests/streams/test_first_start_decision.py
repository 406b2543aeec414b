"""From when a worker asks that starts where nobody is: the decision alone, without a broker."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle.ask_from import AskFrom
from lifecycle.embedded import run
from lifecycle.errors import SettingsRefused, TimeRefused
from lifecycle.settings import Settings
from lifecycle.store.store import Store, open_store
from lifecycle.streams.first_start import count_not_asked, settle_first_start
from lifecycle.touchpoint import EARLIEST
from tests.cli.stories import POLICY, START, history, write

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
MOMENT = "2026-03-01T00:00:00Z"


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url, create=True)
    yield opened
    opened.close()


def start(store: Store, *, at: datetime = NOW, is_bounded: bool = False, **settings: Any) -> AskFrom | None:
    settle_first_start(store, Settings.load(**settings), at, is_bounded=is_bounded)
    return store.state().ask_from


def test_a_live_worker_asks_from_its_first_start_on(store: Store) -> None:
    """A company is not flooded on its first morning; a later start moves nothing."""
    assert start(store) == AskFrom(NOW, 14)
    assert start(store, at=NOW + timedelta(days=3)) == AskFrom(NOW, 14)
    assert start(store, ask_from="now") == AskFrom(NOW, 14)


def test_several_databases_ask_from_one_moment_that_is_named(store: Store) -> None:
    """The first start of each would be another moment; history from its beginning is one for all."""
    several = {"databases": {"0": "sqlite:///a.db", "1": "sqlite:///b.db"}, "shard": "0"}
    for settings in ({}, {"ask_from": "now"}):
        with pytest.raises(SettingsRefused, match="each of several databases would settle the moment at which its"):
            start(store, **several, **settings)
    assert start(store, is_bounded=True, **several) == AskFrom(EARLIEST)
    assert start(store, **several) == AskFrom(EARLIEST)


@pytest.mark.parametrize(
    ("settings", "is_bounded", "expected"),
    [
        ({}, True, AskFrom(EARLIEST)),
        ({"ask_from": "beginning"}, False, AskFrom(EARLIEST)),
        ({"ask_from": "now"}, True, AskFrom(NOW)),
        ({"ask_from": "now", "spread_days": 5}, False, AskFrom(NOW, 5)),
        ({"ask_from": MOMENT}, False, AskFrom(datetime(2026, 3, 1, tzinfo=UTC))),
        ({"ask_from": MOMENT, "spread_days": 7}, True, AskFrom(datetime(2026, 3, 1, tzinfo=UTC), 7)),
        ({"spread_days": 3}, False, AskFrom(NOW, 3)),
    ],
)
def test_what_is_given_counts(store: Store, settings: Any, is_bounded: bool, expected: AskFrom) -> None:
    """A bounded worker plays history, and asks from its beginning unless told otherwise."""
    assert start(store, is_bounded=is_bounded, **settings) == expected


def test_a_moment_that_is_given_is_not_passed_over(store: Store) -> None:
    """Where another is settled the worker does not start, also for the beginning."""
    start(store)
    for given in (MOMENT, "beginning"):
        with pytest.raises(TimeRefused, match=r"asks from 2026-11-01T09:00:00Z, spread over 14 days: that was settled"):
            start(store, ask_from=given)


def test_a_database_in_use_stays_as_it_is(store: Store) -> None:
    """It always asked; a default does not change that, a moment is refused."""
    store.reached([], NOW)
    assert start(store) is None
    assert start(store, ask_from="beginning") is None
    with pytest.raises(TimeRefused, match="has been in use without such a moment"):
        start(store, ask_from=MOMENT)


def test_a_setting_that_is_no_moment_is_refused() -> None:
    with pytest.raises(SettingsRefused, match=r"setting ask_from: a time with a zone .* LIFECYCLE_ASK_FROM"):
        Settings.load(ask_from="soon")


def test_what_was_not_asked_is_counted_as_the_census_does(sqlite_url: str, tmp_path: Path) -> None:
    """Everybody is read, page by page; the worker says the sum at the end of a bounded run."""
    events = write(tmp_path / "h.jsonl", history(200))
    from_, until = START + timedelta(days=80), START + timedelta(days=100)
    census = run([events], store=sqlite_url, policy=POLICY, until=until, ask_from=from_, spread_days=10).census
    store = open_store(sqlite_url)
    assert count_not_asked(store) == (census.not_asked, census.asked_anew)
    assert census.not_asked > census.asked_anew > 0
    store.close()


def test_nothing_is_counted_where_a_database_asks_from_the_beginning(store: Store) -> None:
    """Neither where that is settled, nor where it never was."""
    assert count_not_asked(store) is None
    start(store, is_bounded=True)
    assert count_not_asked(store) is None
