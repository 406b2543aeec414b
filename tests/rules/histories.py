"""Short ways to write a policy and a history for tests of the fold. Times are 2026-03-02 10:00 UTC plus hours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from lifecycle.instant import Instant, microseconds
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold import steps
from lifecycle.rules.fold.fold import Folded, fold
from lifecycle.rules.fold.tasks import task_of
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, decode, encode
from lifecycle.touchpoint import Touchpoint, order_key

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = 24.0

HEAD = """
policy: test
language: 1
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
touchpoints:
  need.stated: {by: person, data: {need: id}}
  offer.made: {by: us, data: {need: id}}
  decision.made: {by: person, data: {need: id, outcome: [with_us, elsewhere, not_now]}, optional: {reason: text}}
  purchase.completed: {by: person, data: {amount: money}}
  reply.sent: {by: us, optional: {need: id}}
  promise.made: {by: us, data: {promise: id, promised_for: date within 1 year}}
  promise.kept: {by: us, data: {promise: id}}
facts:
  bought: {ever: purchase.completed}
  heard: {last: any by person}
  stated: {count: need.stated}
"""

HAPPENED = ("began", "moved", "opened", "not_opened", "completed", "declined", "expired", "withdrawn")

WATCH = """
  in_touch:
    per: person
    start: here
    stages:
      here: {means: Here., review: {every: 1 year}}
"""


def at(hours: float) -> datetime:
    """Return the test's time so many hours after START."""
    return START + timedelta(hours=hours)


def take_facts(work: Working, touchpoint: Touchpoint) -> None:
    """Let the facts of a person take a touchpoint in, and let nothing else happen."""
    still: Any = SimpleNamespace(**dict.fromkeys(vars(steps), lambda *_: None) | {"fitted": steps.fitted})
    table, moment = work.machine.types[touchpoint.type], microseconds(touchpoint.occurred_at)
    table.take(work, table, touchpoint, moment, still)


def instant(hours: float) -> Instant:
    """Return the same as the fold counts it."""
    return microseconds(at(hours))


def machine_of(tracks: str, *, head: str = HEAD, watch: str = WATCH) -> Machine:
    """Return a compiled policy made of the usual head, the watching track and more tracks."""
    return compile_policy(load_policy(f"{head}\ntracks:{watch}{tracks}", name="test.yaml"))


def touchpoint(name: str, kind: str, hours: float, *, sequence: str | None = None, **data: Any) -> Touchpoint:
    """Return a touchpoint of anna from the source s."""
    return Touchpoint("anna", "s", name, kind, at(hours), sequence, data)


def folded(
    machine: Machine, touchpoints: Iterable[Touchpoint], hours: float | None = None, trail: list[Step] | None = None
) -> Folded:
    """Fold a history from nothing, in order, until so many hours after START (None: its last touchpoint)."""
    ordered = sorted(touchpoints, key=order_key)
    return fold(machine, "anna", PersonState(), ordered, None if hours is None else at(hours), trail=trail, tells=True)


def continued(machine: Machine, state: PersonState, touchpoints: Iterable[Touchpoint], hours: float | None) -> Folded:
    """Fold on from a state, by way of its text."""
    ordered = sorted(touchpoints, key=order_key)
    return fold(machine, "anna", decode(encode(state)), ordered, None if hours is None else at(hours))


def stages(result: Folded) -> dict[str, str]:
    """Return track[key] -> stage."""
    return {
        f"{track}[{key}]" if key else track: instance.stage
        for track, instances in result.state.tracks.items()
        for key, instance in instances.items()
    }


def open_tasks(result: Folded) -> list[str]:
    """Return the open tasks as track[key].rule, sorted."""
    return sorted(f"{task.track}[{task.key}].{task.rule}" for task in result.state.tasks.values())


def endings(result: Folded) -> list[tuple[str, str, str]]:
    """Return (rule, state, reason) of every task that ended, in order."""
    return [(each.task.rule, each.closed.state, each.closed.reason) for each in result.closings]


def said(result: Folded, task_id: str, machine: Machine | None = None) -> str:
    """Return the text of an open task."""
    task = result.state.tasks[task_id]
    machine = machine or machine_of("")
    return task_of(machine, "anna", result.state, task_id, task).ask


def happened(trail: list[Step]) -> list[tuple[float, str, str]]:
    """Return (hours after START, what, name) of every step of a trail but those of the watching track."""
    return [
        ((step.at - START).total_seconds() / 3600, step.what, step.name)
        for step in trail
        if step.track != "in_touch" and step.what in HAPPENED
    ]
