"""The simulation of test_simulation.py, in which other policies become active between any two attempts."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle.engine.engine import Engine
from lifecycle.errors import PolicyMismatch
from lifecycle.person import DUE_AT_ONCE
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT, decode
from lifecycle.store.store import open_store
from tests.engine.random_histories import batches_of, random_touchpoint, variant_of
from tests.engine.test_simulation import END, POLICY, SINCE, World, consumed, snapshots
from tests.seeds import seeds

TEXT = Path("lifecycle/policies/customer_first.yaml").read_text(encoding="utf-8")
OTHER = load_policy(TEXT.replace("thank_and_learn:", "say_thanks:"), name="other.yaml")
POLICIES = {policy.hash: policy for policy in (POLICY, OTHER)}


class TakingOver:
    """An engine that is opened again by the active policy when it is refused, as a worker does it."""

    def __init__(self, world: Changing) -> None:
        self._world = world
        self._open()

    def _open(self) -> None:
        active = self._world.store.state().policy_hash or POLICY.hash
        self._engine = Engine(self._world.store, POLICIES[active], opened_at=self._world.now)  # type: ignore[arg-type]

    def _again(self, call: str, *given: Any, **named: Any) -> Any:
        try:
            return getattr(self._engine, call)(*given, **named)
        except PolicyMismatch:
            self._world.taken_over += 1
            self._open()
        return getattr(self._engine, call)(*given, **named)

    def ingest(self, *given: Any, **named: Any) -> Any:
        return self._again("ingest", *given, **named)

    def advance(self, *given: Any, **named: Any) -> Any:
        return self._again("advance", *given, **named)


class Changing(World):
    """A world whose workers take over what is active; `activate` is somebody at a command line."""

    taken_over = 0

    def worker(self) -> Any:
        return TakingOver(self)

    def activate(self, policy: Any) -> None:
        self.store.activate_policy(
            policy.hash, policy.text, snapshot_format=SNAPSHOT_FORMAT, at=self.now, due=DUE_AT_ONCE
        )


@pytest.mark.parametrize("seed", seeds(range(4)))
def test_policies_that_change_between_crashes_leave_the_world_as_the_last_one_would(seed: int, tmp_path: Path) -> None:
    """The same people and the same open tasks at the consumer as if the last policy had been there all along."""
    source = random.Random(seed)
    history = [random_touchpoint(source, POLICY, f"p{number % 5}", number, SINCE) for number in range(120)]
    history += [variant_of(source, each) for each in source.sample(history, 8)]
    world = Changing(f"sqlite:///{tmp_path / 'changing.db'}", seed)
    for number, batch in enumerate(batches_of(source, sorted(history, key=lambda each: (source.gauss(0, 9), each)))):
        world.activate([POLICY, OTHER][number % 2])
        world.step(batch)
        if source.random() < 0.3:
            world.tick(min(END, SINCE + timedelta(days=source.randrange(600))))
    world.activate(POLICY)
    world.activate(OTHER)
    world.tick(END)
    world.relay(crash=True)
    while world.store.outbox(None, 1):
        world.relay(crash=False)
    assert world.taken_over > 1

    calm = open_store(f"sqlite:///{tmp_path / 'calm.db'}", create=True)
    engine = Engine(calm, OTHER, opened_at=SINCE)
    for batch in batches_of(source, history):
        engine.ingest(batch, received_at=END, ceiling=None, publish=False)
    while engine.advance(END, at=END):
        pass
    assert snapshots(world.store) == snapshots(calm)
    assert {row.policy_hash for row in world.store.iterate_people(limit=1_000)} == {OTHER.hash}
    expected = {task_id for text in snapshots(calm).values() for task_id in decode(text).tasks}
    held = consumed(world.topic)
    assert {task_id for task_id, each in held.items() if each["state"] == "open"} == expected
