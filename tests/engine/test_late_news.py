"""News that comes late starts where nothing that was folded saw it: neither an older snapshot nor time goes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.engine.engine import Engine
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import decode
from lifecycle.store.store import open_store
from lifecycle.touchpoint import Touchpoint
from tests.engine.test_engine import NOW, TEXT, advance, batch_of, ingest
from tests.rules.histories import at, instant, touchpoint

POLICY = load_policy(TEXT, name="test.yaml")
STATED = touchpoint("1", "need.stated", 0, need="a")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with closing(open_store(f"sqlite:///{tmp_path / 'late.db'}", create=True)) as store:
        yield Engine(store, POLICY, opened_at=NOW)


def snapshot_of(tmp_path: Path, *touchpoints: Touchpoint) -> str:
    """Return anna's snapshot where everything came in order, in one batch."""
    with closing(open_store(f"sqlite:///{tmp_path / 'ordered.db'}", create=True)) as store:
        ingest(Engine(store, POLICY, opened_at=NOW), *touchpoints)
        return store.load_people(["anna"])["anna"].snapshot


def test_an_older_snapshot_does_not_serve_where_its_timers_fired_after_the_news(engine: Engine, tmp_path: Path) -> None:
    """It knows of no touchpoint so late, and of time that had passed: the reply came before the expiry."""
    ingest(engine, STATED)
    advance(engine, at(49))
    many = [touchpoint(f"r{number:03}", "purchase.completed", 100, amount="5 EUR") for number in range(70)]
    ingest(engine, *many)
    older = decode(engine.store.load_people(["anna"])["anna"].older_snapshot or "{}")
    assert (older.touchpoints, older.last_fired_at) == (1, instant(48)), (
        "the state before the batch is the older snapshot"
    )
    reply = touchpoint("2", "reply.sent", 40, need="a")
    ingest(engine, reply)
    assert engine.store.load_people(["anna"])["anna"].snapshot == snapshot_of(tmp_path, STATED, reply, *many)


def test_what_was_folded_does_not_wait_again_under_an_earlier_ceiling(engine: Engine, tmp_path: Path) -> None:
    """Time had passed it already; late news folds the person again, up to where they were."""
    offer = touchpoint("3", "offer.made", 10, need="a")
    ingest(engine, STATED, offer)
    reply = touchpoint("2", "reply.sent", 5, need="a")
    engine.ingest(batch_of(reply), received_at=NOW, ceiling=at(6))
    row = engine.store.load_people(["anna"])["anna"]
    assert (row.snapshot, row.waiting_at) == (snapshot_of(tmp_path, STATED, reply, offer), None)
