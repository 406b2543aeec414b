"""BPI Challenge 2012 whole, embedded on SQLite: the known answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.real.conftest import Baseline
from tests.real.history import (
    A_YEAR_LATER,
    END,
    LOST,
    WITH_US,
    as_data,
    lifecycle,
    need_of,
)

pytestmark = pytest.mark.slow


def test_everybody_stands_where_the_published_answers_say(baseline: Baseline) -> None:
    """2,246 with us, 10,442 lost, 399 open, and nobody without a next obligation."""
    people = as_data(baseline.people)
    stages = [need_of(person)["stage"] for person in people]
    lost = sum(stage in LOST for stage in stages)
    with_us = sum(stage in WITH_US for stage in stages)
    assert (with_us, lost, len(stages) - with_us - lost) == (2_246, 10_442, 399)
    assert all(person["next_obligation"]["at"] > END for person in people)


def test_every_loss_is_followed_by_a_task_that_came_after_it(baseline: Baseline) -> None:
    """Somebody was asked to do something for each of the 10,442 after the sale was lost."""
    lost_since = {
        person["person"]: need_of(person)["since"]
        for person in as_data(baseline.people)
        if need_of(person)["stage"] in LOST
    }
    followed = {
        task["person"]
        for task in as_data(lifecycle("tasks", "list", "--all", "--json", "--db", baseline.url))
        if task["track"] == "need"
        and task["stage"] in LOST
        and task["requested_at"] >= lost_since.get(task["person"], "9")
    }
    assert followed == lost_since.keys()
    assert len(followed) == 10_442


def test_a_year_after_the_end_every_loss_is_at_rest_with_a_review(baseline: Baseline, tmp_path: Path) -> None:
    """Nobody who was lost is still waiting, and somebody will look again."""
    lost = {person["person"] for person in as_data(baseline.people) if need_of(person)["stage"] in LOST}
    database = tmp_path / "later.db"
    shutil.copy(baseline.database, database)
    url = f"sqlite:///{database}"
    lifecycle("run", "--events", str(baseline.lines), "--db", url, "--until", A_YEAR_LATER)
    needs = {
        person["person"]: need_of(person) for person in as_data(lifecycle("people", "list", "--json", "--db", url))
    }
    assert {needs[person]["stage"] for person in lost} == {"never_answered"}
    assert {needs[person]["next"]["what"] for person in lost} == {"review"}
    assert min(needs[person]["next"]["at"] for person in lost) > A_YEAR_LATER
