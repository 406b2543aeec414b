"""Random touchpoints of a policy's vocabulary, from a seeded source: for laws and the simulation."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from lifecycle.record import Batch, Fault, Place, Record
from lifecycle.rules.policy import FieldKind, Policy
from lifecycle.touchpoint import Touchpoint


def random_touchpoint(source: random.Random, policy: Policy, person: str, number: int, since: datetime) -> Touchpoint:
    """Return one touchpoint; few keys, few distinct instants, so that ties and repeated keys are common."""
    declared = policy.types[source.choice(sorted(policy.types))]
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
        "zone": lambda: "Europe/Vienna",
        "country": lambda: "AT",
        "text": lambda: source.choice(("price", "calm")),
    }[kind.kind]()


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
