"""Random touchpoints of a policy's vocabulary, from a seeded source: for laws and the simulation."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from lifecycle.record import Batch, Fault, Place, Record
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.policy import FieldKind, Policy
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.touchpoint import RETRACTED, Touchpoint, order_key


def random_touchpoint(source: random.Random, policy: Policy, person: str, number: int, since: datetime) -> Touchpoint:
    """Return one touchpoint; few keys, few distinct instants, so that ties and repeated keys are common."""
    declared = policy.types[source.choice(sorted(policy.types.keys() - {RETRACTED}))]
    occurred_at = since + timedelta(hours=source.choice((0, 0, 1, 7, 24, 24 * source.randrange(500))))
    data: dict[str, Any] = {name: _value(source, kind, occurred_at) for name, kind in declared.required.items()}
    data |= {
        name: _value(source, kind, occurred_at) for name, kind in declared.optional.items() if source.random() < 0.7
    }
    sequence = source.choice((None, None, "1", "2", "10", "b"))
    return Touchpoint(person, source.choice(("crm", "web")), f"t{number}", declared.name, occurred_at, sequence, data)


def _value(source: random.Random, kind: FieldKind, occurred_at: datetime) -> Any:
    day = (occurred_at + timedelta(days=source.randrange(-30, 360))).date().isoformat()
    return {
        "words": lambda: source.choice(kind.words),
        "id": lambda: source.choice(("a", "b")),
        "task_id": lambda: f"{source.randrange(2):020x}-{source.randrange(2):024x}",
        "whole": lambda: source.randrange(9),
        "number": lambda: source.randrange(9),
        "money": lambda: f"{source.randrange(900)}.50 EUR",
        "yes_or_no": lambda: source.random() < 0.5,
        "date": lambda: day,
        "time": lambda: f"{day}T09:00:00Z",
        "until": lambda: (occurred_at + timedelta(hours=source.randrange(1, 9_000))).isoformat(),
        "zone": lambda: "Europe/Vienna",
        "country": lambda: "AT",
        "text": lambda: source.choice(("price", "calm")),
    }[kind.kind]()


def with_outcomes(
    source: random.Random, machine: Machine, touchpoints: Sequence[Touchpoint], until: datetime
) -> list[Touchpoint]:
    """Return the touchpoints and what became of the tasks that they lead to by `until`.

    The tasks are real: their ids are those that a first fold opened. Some are done or declined, early, at the very
    instant, in time, late or twice, some under another id of their question, some are put off, the others expire.
    """
    made: list[Touchpoint] = []
    for person in sorted({each.person for each in touchpoints}):
        log = sorted((each for each in touchpoints if each.person == person), key=order_key)
        trail: list[Step] = []
        fold(machine, person, PersonState(), log, until, trail=trail)
        opened = [(step.task_id, step.at) for step in trail if step.what == "opened"]
        for task_id, opened_at in source.sample(opened, len(opened) * 2 // 3):
            for kind, hours, about in _fate(source, task_id):
                at = opened_at + timedelta(hours=hours)
                put_off = (at + timedelta(hours=source.randrange(1, 9_000))).isoformat()
                data = {"task": about} | ({"until": put_off} if kind == "task.postponed" else {})
                made.append(Touchpoint(person, "tool", f"o{len(made)}", kind, min(at, until), None, data))
    return [*touchpoints, *made]


def _fate(source: random.Random, task_id: str) -> list[tuple[str, int, str]]:
    """Return the outcomes of one task: type, hours after its opening, and the task named."""
    slot, _, cause = task_id.partition("-")
    other = f"{slot}-{cause[::-1]}"
    end = source.choice(("task.completed", "task.completed", "task.declined"))
    in_time, late = source.choice((0, 1, 20)), source.choice((24 * 40, 24 * 120))
    return source.choice(
        (
            [(end, in_time, task_id)],
            [(end, -source.choice((1, 30, 400)), task_id)],
            [(end, late, task_id)],
            [(end, source.choice((-30, 0, 5)), other)],
            [(end, in_time, task_id), ("task.declined", source.choice((in_time, late)), task_id)],
            [("task.postponed", in_time, task_id)],
            [("task.postponed", in_time, task_id), (end, late, task_id)],
        )
    )


def with_retractions(
    source: random.Random, touchpoints: Sequence[Touchpoint], number: int, until: datetime
) -> list[Touchpoint]:
    """Return the touchpoints with so many retractions, of some of them and of each other, at any time to `until`."""
    made: list[Touchpoint] = []
    for index in range(number):
        target = source.choice((*source.sample(touchpoints, 2), *made[-3:]))
        at = target.occurred_at + timedelta(hours=source.choice((-100, -1, 0, 1, 700)))
        data = {"source": target.source, "id": target.id}
        made.append(Touchpoint(target.person, "desk", f"x{index}", RETRACTED, min(at, until), None, data))
    return [*touchpoints, *made]


def variant_of(source: random.Random, touchpoint: Touchpoint) -> Touchpoint:
    """Return another variant under the same id: another time."""
    return touchpoint._replace(occurred_at=touchpoint.occurred_at + timedelta(hours=source.randrange(-48, 48)))


def batches_of(source: random.Random, touchpoints: Sequence[Touchpoint], *, topic: str = "file:test") -> list[Batch]:
    """Return the touchpoints as batches of random sizes, in the order given."""
    records = [Record(Place(topic, 0, number), b"{}", each) for number, each in enumerate(touchpoints, 1)]
    batches = []
    while records:
        size = source.choice((1, 2, 3, 17, 200))
        batches.append(Batch(tuple(records[:size])))
        records = records[size:]
    return batches


def broken_record(number: int, *, topic: str = "file:test") -> Record:
    """Return a record that no codec could read."""
    return Record(Place(topic, 0, number), b"{broken", None, Fault("not_json", None, "not JSON"))
