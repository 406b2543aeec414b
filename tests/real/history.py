"""BPI Challenge 2012 as touchpoint lines, and what the program says of it: for the tests on real data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LIFECYCLE_DATA", ROOT / ".." / "shared" / "data"))
LOG = DATA / "bpic2012_events.csv.gz"
MAPPING = ROOT / "examples" / "bpic2012" / "mapping.yaml"
END = "2012-03-14T15:04:54.681000Z"
A_YEAR_LATER = "2013-03-14T15:04:54.681000Z"
WITH_US = {"getting_started", "slow_start", "met_or_not", "met"}
LOST = {"went_elsewhere", "turned_away", "turned_away_twice"}


def lifecycle(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run the program; return its standard output. A failure shows what it said."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, env=environment(env), cwd=ROOT, timeout=600, check=False
    )
    assert done.returncode == 0, f"lifecycle {' '.join(arguments)}\n{done.stderr}"
    return done.stdout


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lifecycle.cli", *arguments]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECYCLE_")}
    return {**kept, "PYTHONPATH": str(ROOT), **(more or {})}


def answers(url: str) -> tuple[str, str]:
    """Return what is compared by byte: people, and open tasks."""
    return lifecycle("people", "list", "--json", "--db", url), lifecycle("tasks", "list", "--json", "--db", url)


def as_data(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def need_of(person: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one need of an applicant."""
    (need,) = person["tracks"]["need"]
    return dict(need)


def check_messages(bodies: list[str]) -> set[str]:
    """Return the ids a consumer holds as open; no message id has two contents, no task is requested twice in a row."""
    contents: dict[str, str] = {}
    told: dict[str, dict[int, tuple[str, str]]] = defaultdict(dict)
    for body in bodies:
        event = json.loads(body)
        assert contents.setdefault(event["id"], body) == body, f"two contents under {event['id']}"
        told[event["data"]["id"]][event["data"]["version"]] = (event["type"], event["data"]["state"])
    for task_id, versions in told.items():
        is_open = False
        for version in sorted(versions):
            kind = versions[version][0]
            assert not (kind == "task.requested" and is_open), f"{task_id} was requested twice"
            is_open = kind != "task.withdrawn"
    return {task_id for task_id, versions in told.items() if versions[max(versions)][1] == "open"}
