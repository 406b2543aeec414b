"""A seeded simulation: two workers, a clock, a relay and a consumer, with crashes wherever a crash can be.

The script is one random list of steps; a crash fires once, so what follows resumes. At the end the world must
look as if nothing had ever failed: the same snapshots, the same open tasks at the consumer, and a message
history in which no id has two contents and no task is requested twice without a withdrawal between.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle.engine.engine import Engine
from lifecycle.errors import RevisionConflict, StoreUnavailable
from lifecycle.instant import from_microseconds
from lifecycle.record import Batch
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import decode
from lifecycle.store.changes import Changes
from lifecycle.store.store import Store, open_store
from lifecycle.task import rfc3339
from tests.engine.random_histories import (
    batches_of,
    random_touchpoint,
    variant_of,
    with_outcomes,
    with_retractions,
)
from tests.seeds import seeds

POLICY = load_policy(Path("lifecycle/policies/customer_first.yaml").read_text(encoding="utf-8"))
SINCE = datetime(2024, 1, 8, 9, tzinfo=UTC)
END = SINCE + timedelta(days=600)
CRASHES = ("before commit", "after commit", "overtaken")


class CrashingStore:
    """The real store, whose next commit crashes as armed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.armed: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, changes: Changes) -> None:
        armed, self.armed = self.armed, None
        if armed == "before commit":
            raise StoreUnavailable("crash")
        if armed == "overtaken":
            raise RevisionConflict("overtaken")
        self._store.commit(changes)
        if armed == "after commit":
            raise StoreUnavailable("crash")


class World:
    """Everything that lives through a simulation."""

    def __init__(self, url: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.store = CrashingStore(open_store(url, create=True))
        self.now = SINCE
        self.engine = self.worker()
        self.topic: list[str] = []

    def worker(self) -> Engine:
        return Engine(self.store, POLICY, opened_at=self.now)  # type: ignore[arg-type]  # stands in for the store

    def step(self, batch: Batch) -> None:
        """Take one batch in, with whatever befalls it, until it is through."""
        self.now += timedelta(seconds=self.random.randrange(1, 5_000))
        pending = True
        while pending:
            self.store.armed = self.random.choice((*CRASHES, None, None, None))
            try:
                until = None if self.random.random() < 0.5 else SINCE
                publish = self.random.random() < 0.7
                self.engine.ingest(batch, received_at=END, ceiling=None, until=until, publish=publish)
                pending = False
            except StoreUnavailable:
                self.engine = self.worker()
        if self.random.random() < 0.5:
            self.relay()

    def tick(self, until: datetime) -> None:
        """Move time, crashing now and then."""
        while True:
            self.store.armed = self.random.choice((*CRASHES, None, None, None, None, None))
            self.now += timedelta(milliseconds=1)
            try:
                if self.engine.advance(until, at=self.now) == 0:
                    return
            except StoreUnavailable:
                self.engine = self.worker()

    def relay(self, *, crash: bool | None = None) -> None:
        """Publish what lies in the outbox; a crash after publishing leaves the rows to be sent again."""
        rows = self.store.outbox(None, 50)
        self.topic += [row.body for row in rows]
        if not (self.random.random() < 0.3 if crash is None else crash):
            self.store.delete_outbox(rows)


def consumed(topic: list[str]) -> dict[str, dict[str, Any]]:
    """Return each task as a consumer holds it in the end, by id; check the history of messages on the way."""
    contents: dict[str, str] = {}
    versions: dict[str, dict[int, str]] = defaultdict(dict)
    data: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    for body in topic:
        event = json.loads(body)
        assert contents.setdefault(event["id"], body) == body, "one message id, two contents"
        versions[event["data"]["id"]][event["data"]["version"]] = event["type"]
        data[event["data"]["id"]][event["data"]["version"]] = event["data"]
    for task_id, told in versions.items():
        state = "withdrawn"
        for version in sorted(told):
            asked, now = told[version] == "task.requested", data[task_id][version]
            assert asked == (state in ("withdrawn", "expired") and now["state"] == "open"), (
                f"{task_id} asked from {state}"
            )
            is_undone = state in ("completed", "declined") and now["state"] == "open"
            assert (now["reason"] == "reopened") == is_undone, f"{task_id} is open again without a word"
            state = now["state"]
    return {task_id: each[max(each)] for task_id, each in data.items()}


def snapshots(store: Any) -> dict[str, str]:
    return {row.person: row.snapshot for row in store.iterate_people(limit=1_000)}


@pytest.mark.parametrize("seed", seeds(range(8)))
def test_crashes_anywhere_leave_the_world_as_if_nothing_had_failed(seed: int, tmp_path: Path) -> None:
    """Crash before commit, after commit, overtaken by another writer, after publishing before marking."""
    source = random.Random(seed)
    history = [random_touchpoint(source, POLICY, f"p{number % 5}", number, SINCE) for number in range(150)]
    history = with_retractions(source, with_outcomes(source, compile_policy(POLICY), history, END), 15, END)
    early = [each for each in history if each.occurred_at < END - timedelta(days=3)]
    history += [variant_of(source, each) for each in source.sample(early, 10)]
    delivered = sorted(
        [*history, *source.choices(history, k=20)], key=lambda each: (source.gauss(0, 9), each.occurred_at)
    )

    world = World(f"sqlite:///{tmp_path / 'crashing.db'}", seed)
    for batch in batches_of(source, delivered):
        world.step(batch)
        if source.random() < 0.3:
            world.tick(min(END, SINCE + timedelta(days=source.randrange(600))))
    world.tick(END)
    world.relay(crash=True)
    while world.store.outbox(None, 1):
        world.relay(crash=False)

    calm = open_store(f"sqlite:///{tmp_path / 'calm.db'}", create=True)
    engine = Engine(calm, POLICY, opened_at=SINCE)
    for batch in batches_of(source, history):
        engine.ingest(batch, received_at=END, ceiling=None, publish=False)
    while engine.advance(END, at=END):
        pass
    assert snapshots(world.store) == snapshots(calm)
    held, states = consumed(world.topic), [decode(text) for text in snapshots(calm).values()]
    assert {task_id: each["due_at"] for task_id, each in held.items() if each["state"] == "open"} == {
        task_id: rfc3339(from_microseconds(task.due_at)) for state in states for task_id, task in state.tasks.items()
    }
    ended = {closed.id: closed.state for state in states for closed in state.closed}
    assert {task_id: each["state"] for task_id, each in held.items() if task_id in ended} == {
        task_id: how for task_id, how in ended.items() if task_id in held
    }
