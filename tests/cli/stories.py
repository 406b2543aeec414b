"""A small policy and small histories for it, made from a seed: the same lines every time."""

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

POLICY = Path(__file__).parent / "policy.yaml"
START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def line(person: str, number: str, kind: str, at: datetime, **data: Any) -> str:
    """One touchpoint as a JSON line without its line end."""
    event = {"specversion": "1.0", "id": number, "source": "/test", "type": kind, "subject": person}
    return json.dumps({**event, "time": at.isoformat(), "data": data})


def history(people: int = 30, seed: int = 1) -> list[str]:
    """Lines about a number of people over four months, by time: answered or not, won, lost, still open."""
    chance = random.Random(seed)
    told: list[tuple[datetime, str]] = []
    for each in range(people):
        person = f"person-{each:03}"
        at = START + timedelta(hours=chance.randrange(24 * 90))
        steps: list[tuple[int, str, dict[str, Any]]] = [(0, "need.stated", {"need": "n1"})]
        if chance.random() < 0.6:
            steps.append((chance.randrange(1, 40), "reply.sent", {"need": "n1"}))
        if chance.random() < 0.8:
            outcome = chance.choice(["with_us", "elsewhere"])
            steps.append((chance.randrange(50, 900), "decision.made", {"need": "n1", "outcome": outcome}))
            if outcome == "with_us":
                steps.append((901, "purchase.completed", {"amount": f"{chance.randrange(9, 99)}.50 EUR"}))
        for index, (hours, kind, data) in enumerate(steps):
            when = at + timedelta(hours=hours)
            told.append((when, line(person, f"{each}-{index}", kind, when, **data)))
    return [text for _, text in sorted(told)]


def write(path: Path, lines: Iterable[str]) -> Path:
    """Write lines to a file and return its path."""
    path.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    return path
