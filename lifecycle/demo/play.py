"""The demo: the main job on the sample, embedded, and what came of it. `make demo` or `python -m lifecycle.demo`.

It uses what everybody uses, the Python API, and decides nothing itself. It needs neither Kafka nor a server;
all it leaves behind is the folder demo-out. One person's story comes first, then the counts (counts.py).
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from lifecycle.api import open_engine
from lifecycle.demo import counts
from lifecycle.demo.counts import called
from lifecycle.demo.sample import write_sample
from lifecycle.embedded import run
from lifecycle.errors import Unreadable
from lifecycle.rules.language.calendar import zone_of
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.language.schedule import parse_time
from lifecycle.touchpoint import Touchpoint, key_of, order_key
from lifecycle.wire.codec import read_event

FOLDER = Path("demo-out")
KEPT = ("lifecycle.db", "lifecycle.db-wal", "lifecycle.db-shm", "tasks.jsonl")
"""What an earlier demo left; each demo begins anew."""

TOLD_TRACK, TOLD_STAGE, TOLD_TASK = "need", "went_elsewhere", "taken_care_of"
"""The story told is that of somebody who was asked after, once a sale was lost, and bought in the end."""

WIDTH = 80
"""Columns where the output is no terminal, and COLUMNS does not say how many there are."""

NARROWEST = 40
"""Columns below which lines are not made shorter."""

_ENDINGS = {
    "completed": "done",
    "declined": "somebody decided not to",
    "expired": "given up: nobody did it in time",
    "withdrawn": "no longer asked: they have moved on",
}


def main(folder: Path = FOLDER, console: Console | None = None) -> None:
    """Write the sample, run it to its end, and tell one person's story, then the counts, and where to look next.

    `folder` is made where needed; its files of an earlier demo are replaced.
    """
    is_told = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    console = console or Console(width=None if is_told else WIDTH)
    folder.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        (folder / name).unlink(missing_ok=True)
    sample, database = folder / "sample.jsonl", f"sqlite:///{folder / 'lifecycle.db'}"
    lines = write_sample(sample)
    say(
        console,
        f"{lines} lines about invented people are in {sample}: one year of a company, in the order in which news of it "
        "came in. Each line is a touchpoint: something that happened between a person and the company. This takes them "
        "in, and asks people of the company to do what follows from them by the policy, a file of rules:",
    )
    say(console, f"{_program()} run --events {sample} \\", label="  ")
    say(console, f"--db {database} \\", label="    ")
    say(console, f"--tasks {folder / 'tasks.jsonl'} --until end", label="    ")
    result = run([sample], store=database, tasks=folder / "tasks.jsonl", until="end")
    with open_engine(database) as lifecycle:
        policy = lifecycle.engine.policy
        tasks = list(lifecycle.tasks(include_closed=True))
    person = _person(tasks)
    _tell(console, policy, person, _touchpoints(sample, person), [task for task in tasks if task["person"] == person])
    for title, paragraphs in counts.sections(policy, result, tasks, str(folder / "tasks.jsonl")):
        head(console, title)
        for label, text in paragraphs:
            say(console, text, label=label)
    head(console, "Where to look next")
    say(console, f"export LIFECYCLE_DATABASE={database}", label="  ")
    steps = ("people list", f"explain --person {person}", "tasks list", "dead-letters list")
    for step in (*steps, f"policy describe {TOLD_TRACK}.{TOLD_STAGE}"):
        say(console, f"{_program()} {step}", label="  ")
    console.print()


def head(console: Console, title: str) -> None:
    """Print a heading."""
    console.print()
    console.print(title, style="bold", markup=False, highlight=False)


def say(console: Console, text: str, *, label: str = "") -> None:
    """Print a text behind its label, wrapped to the width at hand; further lines stand below the first word."""
    wrapped = textwrap.wrap(
        text,
        max(console.width, NARROWEST),
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
    console.print("\n".join(wrapped), markup=False, highlight=False, soft_wrap=True)


def _person(tasks: Sequence[Mapping[str, Any]]) -> str:
    """Return whose story is told: the first who was asked after when a sale was lost, and began anew with us."""
    asked_after = {
        task["person"]
        for task in tasks
        if (task["track"], task["kind"], task["state"]) == (TOLD_TRACK, TOLD_TASK, "completed")
    }
    with_us = {task["person"] for task in tasks if task["stage"] == "getting_started"}
    return str(min((asked_after & with_us) or asked_after or {task["person"] for task in tasks}))


def _touchpoints(sample: Path, person: str) -> list[Touchpoint]:
    """Return what happened to a person, each once and in order, without what came of tasks."""
    found = {}
    for line in sample.read_bytes().splitlines():
        try:
            touchpoint = read_event(line)
        except Unreadable:
            continue  # The sample holds some lines that nobody can read.
        if touchpoint.person == person and not touchpoint.type.startswith("task."):
            found[key_of(touchpoint)] = touchpoint
    return sorted(found.values(), key=order_key)


def _tell(
    console: Console, policy: Policy, person: str, known: Sequence[Touchpoint], tasks: Sequence[Mapping[str, Any]]
) -> None:
    told = [task for task in tasks if task["track"] == TOLD_TRACK]
    head(console, f"One person's story: {person}")
    say(
        console,
        'Each day begins with what happened, by its kind: "owner.named" says who of us looks after this person from '
        "now on. In quotes stands how this person would put where they stand then. A number in brackets is a task: who "
        "of us is asked to do what by which day, and later what became of it.",
    )
    console.print()
    zone = zone_of(policy.calendar.zone)
    before = ""
    for at, text in sorted([*_news(known), *_asked(policy, told, zone)], key=lambda each: each[0]):
        day = f"{at.astimezone(zone):%d %b}"
        say(console, text, label=f"  {day if day != before else ' ' * len(day)}  ")
        before = day
    console.print()
    others = len(tasks) - len(told)
    say(console, f"{others} more tasks were about this person in that year, for other reasons.")


def _news(known: Sequence[Touchpoint]) -> Iterator[tuple[datetime, str]]:
    for touchpoint in known:
        words = [
            str(value).replace("_", " ")
            if not isinstance(value, bool)
            else f"{name.replace('_', ' ')}: {'yes' if value else 'no'}"
            for name, value in touchpoint.data.items()
            if not str(value).startswith(touchpoint.person)  # the keys of the sample: no words of anybody
        ]
        yield touchpoint.occurred_at, f"{touchpoint.type}{': ' if words else ''}{', '.join(words)}"


def _asked(policy: Policy, tasks: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> Iterator[tuple[datetime, str]]:
    entered = set()
    for number, task in enumerate(sorted(tasks, key=lambda task: (task["requested_at"], task["id"])), 1):
        stage = policy.tracks[task["track"]].stages[task["stage"]]
        asked_at, due_at = _time(task["requested_at"]), _time(task["due_at"]).astimezone(zone)
        if (entry := (stage.name, task["why"]["since"])) not in entered:
            entered.add(entry)
            yield _time(task["why"]["since"]), f'"{stage.means}"'
        yield asked_at, f"({number}) {called(task['by'])} is asked, by {due_at:%d %b}: {task['ask']}"
        if task["closed_at"] is not None:
            yield _time(task["closed_at"]), f"({number}) {_ENDINGS[task['state']]}"


def _time(text: str) -> datetime:
    at = parse_time(text)
    assert at is not None
    return at


def _program() -> str:
    local = Path(".venv") / "bin" / "lifecycle"
    return str(local) if local.exists() else "lifecycle"
