"""A policy activated under running workers, on a real broker and database."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lifecycle.cli.app import app
from lifecycle.policies import read_policy
from tests.rules.histories import HEAD, WATCH
from tests.streams.site import Site, every_person

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# Words that stay open from the touchpoints' day on, whenever this runs: no quiet hours, and expiries of years.
NEED = """
  need:
    per: need
    start: stated
    begins: [need.stated]
    stages:
      stated:
        means: I said it.
        tasks: {greet: {ask: Say hello, due: 1 day, expires: 20 years, done_by: reply.sent}}
        later: [{after: 25 years, to: rest}]
      rest: {means: I rest., watched_by: in_touch}
"""
BEFORE = f"{HEAD}\ntracks:{WATCH}{NEED}"
AFTER = (
    BEFORE.replace("greet:", "welcome:")
    .replace("Say hello", "Say welcome")
    .replace("data: {need: id}", "data: {need: id, words: text}", 1)
)


def stated(start: int, count: int) -> list[bytes]:
    """News of 40 people; every tenth lacks what only the second policy asks for."""
    return [
        json.dumps(
            {
                "specversion": "1.0",
                "id": f"e{number}",
                "source": "/crm",
                "type": "need.stated",
                "subject": f"p{number % 40}",
                "time": f"2026-02-{1 + number // 600:02d}T{number // 60 % 10:02d}:{number % 60:02d}:00Z",
                "data": {"need": f"n{number % 3}"} | ({} if number % 10 == 0 else {"words": "a roof"}),
            }
        ).encode()
        for number in range(start, start + count)
    ]


def consumed(site: Site) -> dict[str, dict[str, Any]]:
    """Each task as a consumer holds it: the highest version told."""
    held: dict[str, dict[str, Any]] = {}
    for record in site.records(site.settings.tasks):
        told = json.loads(record.value)["data"]
        if told["version"] >= held.get(told["id"], told)["version"]:
            held[told["id"]] = told
    return held


def activate(site: Site, text: str, folder: Path) -> str:
    """Activate a policy as an operator does; return its hash."""
    file = folder / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["policy", "activate", str(file), "--db", str(site.settings.database)])
    assert done.exit_code == 0, done.output
    return read_policy(file).hash


def test_workers_take_over_a_policy_that_is_activated_under_them(site: Site, tmp_path: Path) -> None:
    old = activate(site, BEFORE, tmp_path)
    workers = [site.worker(), site.worker()]
    for worker in workers:
        worker.wait_for("owns partitions [")
    site.wait_until(lambda: sum(row.epoch > 0 for row in site.store.progress()) == 8, "all partitions are claimed")
    site.send(stated(0, 400))
    site.wait_received(400)
    site.wait_until(lambda: len(consumed(site)) == 40 * 3, "consumers know the first words")
    sender = threading.Thread(target=lambda: [site.send(stated(400 + 50 * n, 50)) for n in range(20)])
    sender.start()
    new = activate(site, AFTER, tmp_path)
    at_once = {row.person: (row.revision, row.policy_hash) for row in every_person(site.store)}
    seen_by_old: list[str] = []

    def everybody_stands_by_the_new_one() -> bool:
        rows = list(every_person(site.store))
        seen_by_old.extend(
            row.person for row in rows if row.policy_hash == old and at_once.get(row.person) != (row.revision, old)
        )
        return {row.policy_hash for row in rows} == {new}

    site.wait_until(everybody_stands_by_the_new_one, "everybody stands by the new policy")
    sender.join()
    site.wait_received(1400)
    assert everybody_stands_by_the_new_one()
    assert seen_by_old == [], "folded by the old policy after the activation"
    site.wait_until(
        lambda: (
            {(task["kind"], task["state"]) for task in consumed(site).values()}
            == {("greet", "withdrawn"), ("welcome", "open")}
        ),
        "consumers know the new words",
    )
    for worker in workers:
        assert f"going on by test ({new}) from the database" in worker.output
        worker.signal(signal.SIGTERM)
        assert worker.code(seconds=12) == 0, worker.output
