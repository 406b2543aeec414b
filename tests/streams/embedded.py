"""What the embedded run makes of the same touchpoints: what the tests hold workers on Kafka against."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lifecycle import clock
from lifecycle.embedded import run
from lifecycle.store.store import open_store
from tests.streams.site import Site, open_tasks, people_of


class Outcome(NamedTuple):
    """What came of touchpoints."""

    people: list[tuple[Any, ...]]
    """Where everybody stands."""
    open_tasks: set[tuple[str, str]]
    """(person, task id) of what was published as open last."""
    asked: dict[str, dict[str, Any]]
    """What a consumer of the messages holds as open: by task id the whole task, but for its version."""


def embedded(lines: Path, folder: Path, until: datetime | Literal["end"] = "end") -> Outcome:
    """Run touchpoint lines embedded, in a database of the folder."""
    url, tasks = f"sqlite:///{folder / 'embedded.db'}", folder / "embedded_tasks.jsonl"
    run([lines], store=url, tasks=tasks, until=until)
    store = open_store(url)
    found = Outcome(people_of(store), open_tasks(store), consumed(tasks.read_bytes().splitlines()))
    store.close()
    return found


def on_kafka(site: Site) -> Outcome:
    """Return what workers made of what was sent to a site."""
    messages = [record.value for record in site.records(site.settings.tasks)]
    return Outcome(site.people(), site.open_tasks(), consumed(messages))


def consumed(messages: Iterable[bytes]) -> dict[str, dict[str, Any]]:
    """Keep the highest version of each task, as the README tells consumers; return those that are open."""
    newest: dict[str, dict[str, Any]] = {}
    for message in messages:
        task = json.loads(message)["data"]
        if task["id"] not in newest or task["version"] > newest[task["id"]]["version"]:
            newest[task["id"]] = task
    return {
        name: {field: value for field, value in task.items() if field != "version"}
        for name, task in newest.items()
        if task["state"] == "open"
    }


def check_ends_as_embedded(site: Site, folder: Path) -> None:
    """Let a last worker move time on, and hold people, open tasks and a consumer's view against the embedded run.

    Some days on from now, so that it lies after whatever moment the workers had reached, and tasks fall due between.
    """
    until = clock.now() + timedelta(days=5)
    last = site.worker(until=until.isoformat())
    assert last.code() == 0, last.output
    site.wait_until(lambda: site.store.counts().outbox == 0, "everything was told")
    sent = folder / "sent.jsonl"
    sent.write_bytes(b"\n".join(site.sent) + b"\n")
    wanted, got = embedded(sent, folder, until), on_kafka(site)
    assert len(wanted.asked) > 0, "tasks that are compared"
    assert got.people == wanted.people
    assert got.open_tasks == wanted.open_tasks
    assert got.asked == wanted.asked
