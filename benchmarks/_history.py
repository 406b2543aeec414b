"""The history that all benchmarks run on: BPI Challenge 2012 as touchpoint lines, or a stand-in of its shape.

It measures nothing. The real log is looked for in the folder that LIFECYCLE_DATA names, else beside the
repository; `History.name` says which of the two a figure was measured on, and every benchmark prints it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("LIFECYCLE_DATA", ROOT / ".." / "shared" / "data"))
LOG = DATA / "bpic2012_events.csv.gz"
MAPPING = ROOT / "examples" / "bpic2012" / "mapping.yaml"

PEOPLE = 13_087
"""As many as in the real log, with 8.2 touchpoints each as there."""

DAYS = 166.0


@dataclass(frozen=True, slots=True)
class History:
    """A file of touchpoint lines, in order of time, in a folder that goes when the benchmark ends."""

    name: str
    path: Path
    folder: Path
    lines: int

    def head(self, lines: int) -> History:
        """Return the first lines as a history of their own; the whole where it has no more."""
        if lines >= self.lines:
            return self
        path = self.folder / f"first-{lines}.jsonl"
        with self.path.open("rb") as source, path.open("wb") as target:
            target.writelines(islice(source, lines))
        return History(f"beginning of {self.name}", path, self.folder, lines)


@contextmanager
def history() -> Iterator[History]:
    """Give the history as lines on the disk. Making it is never part of a figure."""
    with TemporaryDirectory(prefix="lifecycle-benchmark-") as name:
        folder = Path(name)
        path = folder / "touchpoints.jsonl"
        if LOG.is_file():
            _import(path)
            what = "BPI Challenge 2012"
        else:
            with path.open("w", encoding="utf-8") as target:
                target.writelines(f"{json.dumps(event, separators=(',', ':'))}\n" for event in stand_in())
            what = "generated stand-in of the shape of BPI Challenge 2012 (the log is not here)"
        with path.open("rb") as source:
            lines = sum(1 for _ in source)
        yield History(what, path, folder, lines)


def environment() -> dict[str, str]:
    """Return the environment of a process to be measured: ours without the settings of the person who runs it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECYCLE_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


def _import(path: Path) -> None:
    # In a process of its own: a measured child starts with the size of its parent as its peak.
    command = ["-m", "lifecycle.cli", "import", "--mapping", str(MAPPING), str(LOG), "--out", str(path)]
    subprocess.run([sys.executable, *command], check=True, env=environment(), cwd=path.parent, capture_output=True)


def stand_in(people: int = PEOPLE) -> Iterator[dict[str, Any]]:
    """Yield made-up touchpoints of loan applications as CloudEvents, in order of time; the same ones every time."""
    choice = random.Random(2012)
    begin = datetime(2011, 10, 1, tzinfo=UTC)
    events = []
    for number in range(people):
        at = begin + timedelta(days=choice.uniform(0.0, DAYS - 10))
        for place, (kind, data) in enumerate(_story(choice, str(170_000 + 3 * number)), 1):
            events.append((at, str(170_000 + 3 * number), place, kind, data))
            at += timedelta(hours=choice.expovariate(1 / 40))
    events.sort(key=lambda event: event[:3])
    for row, (at, person, place, kind, data) in zip(count(1), events, strict=False):
        yield {
            "data": data,
            "id": f"standin-{row}",
            "sequence": str(place),
            "source": "urn:standin",
            "specversion": "1.0",
            "subject": person,
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "000Z"),
            "type": kind,
        }


def _story(choice: random.Random, need: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what happens to one person, with the proportions of the real log."""
    about = {"need": need}
    yield "need.stated", {**about, "words": f"I need a loan of {choice.randrange(1, 100) * 500} euro."}
    for _ in range(min(int(choice.expovariate(0.36)), 40)):
        yield "reply.sent", about
    if choice.random() < 0.4:
        yield "offer.made", about
        for _ in range(min(int(choice.expovariate(0.145)), 60)):
            yield "conversation.held", {**about, "about": "other"}
        if choice.random() < 0.35:
            yield "offer.withdrawn", {**about, "reason": "replaced or cancelled"}
            yield "offer.made", about
        if choice.random() < 0.6:
            yield "offer.returned", about
        if choice.random() < 0.43:
            yield "decision.made", {**about, "outcome": "with_us"}
            yield "purchase.completed", {**about, "amount": f"{choice.randrange(1, 100) * 500} EUR"}
            return
    end = choice.random()
    if end < 0.7:
        yield "offer.refused", {**about, "reason": "declined by the bank"}
    elif end < 0.96:
        yield "decision.made", {**about, "outcome": "elsewhere", "reason": "cancelled or lapsed"}
