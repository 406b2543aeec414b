"""The demo: the main job on the sample, embedded, and what came of it. `make demo` or `python -m lifecycle.demo`.

It uses what everybody uses, the Python API, and decides nothing itself. It needs neither Kafka nor a server;
all it leaves behind is the folder demo-out.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lifecycle.api import open_engine
from lifecycle.embedded import RunResult, run
from lifecycle.rules.policy import Policy
from lifecycle.sample import write_sample

FOLDER = Path("demo-out")
KEPT = ("lifecycle.db", "lifecycle.db-wal", "lifecycle.db-shm", "tasks.jsonl")
"""What an earlier demo left; each demo begins anew."""

WORTH_EXPLAINING = ("taken_care_of", "found_help", "point_elsewhere", "thank_and_learn")
"""Tasks that follow a lost sale: they show best what this program is for."""

TASKS_SHOWN = 6
"""Kinds of tasks shown in each lane."""

WIDTH = 140
"""Columns where the output is no terminal: a narrow table would cut the names."""


def main(folder: Path = FOLDER, console: Console | None = None) -> None:
    """Write the sample, run it to its end, and show people, tasks, accounting and where to look next.

    `folder` is made where needed; its files of an earlier demo are replaced.
    """
    console = console or Console(width=None if sys.stdout.isatty() else WIDTH)
    folder.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        (folder / name).unlink(missing_ok=True)
    sample, database = folder / "sample.jsonl", f"sqlite:///{folder / 'lifecycle.db'}"
    lines = write_sample(sample)
    console.print(f"\n{lines} lines about invented people in {sample}: one year, in order of arrival.")
    command = f"run --events {sample} --db {database} --tasks {folder / 'tasks.jsonl'} --until end"
    console.print(f"Now: [bold]{_program()} {command}[/bold]\n", soft_wrap=True)
    result = run([sample], store=database, tasks=folder / "tasks.jsonl", until="end")
    with open_engine(database) as lifecycle:
        policy = lifecycle.engine.policy
        tasks = list(lifecycle.tasks(include_closed=True))
    open_tasks = [task for task in tasks if task["state"] == "open"]
    console.print(_people(policy, result))
    console.print(_tasks(policy, open_tasks))
    console.print(_ended(tasks))
    console.print(_accounting(result), f"in {folder / 'tasks.jsonl'}.", soft_wrap=True)
    console.print(_next_steps(database, open_tasks), soft_wrap=True)


def _people(policy: Policy, result: RunResult) -> Table:
    """Where everybody stands: tracks and stages in the order of the policy, with what the person would say."""
    table = Table(title="People by track and stage", title_justify="left")
    table.add_column("track", no_wrap=True)
    table.add_column("stage", no_wrap=True)
    table.add_column("people", justify="right", no_wrap=True)
    table.add_column("in their words")
    for track in policy.tracks.values():
        shown = track.name
        for stage in track.stages.values():
            if count := result.census.stages.get((track.name, stage.name)):
                table.add_row(shown, stage.name, str(count), stage.means)
                shown = ""
        table.add_section()
    return table


def _tasks(policy: Policy, tasks: Iterable[Mapping[str, Any]]) -> Table:
    """What is asked for now: lanes in service order, in each the most frequent kinds first."""
    table = Table(title="Open tasks, customers first", title_justify="left")
    table.add_column("lane", no_wrap=True)
    table.add_column("task", no_wrap=True)
    table.add_column("open", justify="right", no_wrap=True)
    table.add_column("next due", no_wrap=True)
    table.add_column("what is asked")
    kinds: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for task in tasks:
        kinds.setdefault((task["lane"], f"{task['track']}.{task['kind']}"), []).append(task)
    for lane in policy.lanes:
        mine = sorted(((len(found), kind) for (name, kind), found in kinds.items() if name == lane.name), reverse=True)
        shown = lane.name
        for count, kind in mine[:TASKS_SHOWN]:
            found = kinds[lane.name, kind]
            first = min(found, key=lambda task: (task["due_at"], task["id"]))
            table.add_row(shown, kind, str(count), first["due_at"][:10], first["ask"])
            shown = ""
        if more := mine[TASKS_SHOWN:]:
            table.add_row("", f"and {len(more)} more kinds", str(sum(count for count, _ in more)), "", "")
        table.add_section()
    return table


def _ended(tasks: Iterable[Mapping[str, Any]]) -> Table:
    """What became of all that was ever asked for in that year; published were only the ones open at the end."""
    table = Table(title="What became of every task of the year", title_justify="left")
    table.add_column("state")
    table.add_column("because")
    table.add_column("tasks", justify="right")
    reasons = {
        "left_stage": "the person moved on",
        "completed_late": "it was done after all",
        "expired": "nobody did it in time",
    }
    counts = Counter((task["state"], task["reason"] or "") for task in tasks)
    for (state, reason), count in sorted(counts.items()):
        table.add_row(state, reasons.get(reason, reason), str(count))
    return table


def _accounting(result: RunResult) -> str:
    counted = result.accounting.as_mapping()
    labels = ("late", "misrouted", "unmatched")
    outcomes = " + ".join(
        f"{count} {name.replace('_', ' ')}"
        for name, count in counted.items()
        if count and name not in ("received", *labels)
    )
    late = f"; {counted['late']} of them late" if counted["late"] else ""
    census = result.census
    return (
        f"\n{counted['received']} received = {outcomes}{late}. "
        f"Time reached {result.reached_at:%Y-%m-%d}.\n"
        f"{census.people} people, {census.forgotten} without a next obligation; "
        f"{result.written} task messages"
    )


def _next_steps(database: str, tasks: Iterable[Mapping[str, Any]]) -> str:
    order = {kind: place for place, kind in enumerate(WORTH_EXPLAINING)}
    chosen = min(tasks, key=lambda task: (order.get(task["kind"], len(order)), task["due_at"], task["id"]))
    steps = (
        "people list",
        f"people show {chosen['person']}",
        "tasks list",
        f"explain {chosen['id']}",
        "dead-letters list",
    )
    return "\n".join(["\nWhere to look next:", *(f"  {_program()} {step} --db {database}" for step in steps), ""])


def _program() -> str:
    local = Path(".venv") / "bin" / "lifecycle"
    return str(local) if local.exists() else "lifecycle"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
