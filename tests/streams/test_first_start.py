"""A live worker that starts where nobody is yet does not ask for what was due before."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lifecycle import clock
from lifecycle.task import rfc3339
from tests.streams.site import Site
from tests.streams.test_intake import AT_ONCE

pytestmark = pytest.mark.integration


def stated(person: str, at: datetime) -> bytes:
    event = {"specversion": "1.0", "id": f"of {person}", "source": "/crm", "type": "need.stated", "subject": person}
    return json.dumps({**event, "time": rfc3339(at), "data": {"need": "n", "words": "a roof"}}).encode()


def test_history_does_not_flood_the_first_morning(site: Site, tmp_path: Path) -> None:
    """Of forty needs of long ago nothing is asked that was due then; of the one of this minute it is."""
    started_at = clock.now()
    site.send([stated(f"old-{number}", started_at - timedelta(days=10 + number)) for number in range(40)])
    site.send([stated("new", started_at - timedelta(minutes=1))])
    policy = tmp_path / "at_once.yaml"
    policy.write_text(AT_ONCE)
    worker = site.worker(ask_from=None, policy=str(policy), grace_seconds=0.5)
    worker.wait_for("asking from ")
    site.wait_received(41)
    site.wait_until(
        lambda: any(each.key == b"new" for each in site.records(site.settings.tasks)), "the new one is asked"
    )
    asked = [json.loads(each.value)["data"] for each in site.records(site.settings.tasks)]
    since = rfc3339(started_at)
    assert all(max(each["requested_at"], each["due_at"]) >= since for each in asked)
    settled = site.store.state().ask_from
    assert settled is not None
    assert started_at <= settled.at <= clock.now()


def test_a_bounded_run_says_at_its_end_what_was_not_asked(site: Site) -> None:
    """As `run --from` does."""
    now = clock.now()
    site.send([stated(f"old-{number}", now - timedelta(days=40)) for number in range(5)])
    worker = site.worker(ask_from=rfc3339(now - timedelta(days=20)), until=rfc3339(now - timedelta(days=19)))
    assert worker.code() == 0
    assert re.search(r"\d+ tasks due before \S+Z, when we began, not asked; \d+ of them still owed", worker.output)
    assert " 0 tasks due before" not in worker.output
