"""The people who do the tasks of the demo sample: who is asked does most of it in time, some late, some never.

The sample is history, so it holds the outcomes that came back too. Which tasks were asked, and when, follows from
the policy alone: the story of a person is folded as far as the next thing that happens, whatever opened is
taken up, and its outcome becomes a touchpoint that is folded in its turn. Called by sample.py.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from lifecycle.rules.fold import can_append, fold
from lifecycle.rules.machine import Machine
from lifecycle.rules.snapshot import OpenTask, PersonState
from lifecycle.touchpoint import OrderKey, Touchpoint, order_key

IN_TIME, LATE, DECLINED = 0.90, 0.04, 0.03
"""Shares of tasks that are done before they are due, done afterwards, and declined; nobody does the rest."""

OPENS_AT, CLOSES_AT = 8, 17
"""Hours (UTC) in which people work."""


class Outcome(NamedTuple):
    """What came of one task."""

    at: datetime
    type: str
    task_id: str


def outcomes_of(
    machine: Machine, person: str, touchpoints: Iterable[Touchpoint], source: str, until: datetime
) -> Iterator[Outcome]:
    """Yield the outcomes of a person's tasks before `until`, given everything else that happened to them."""
    coming: list[tuple[OrderKey, Touchpoint]] = [(order_key(each), each) for each in touchpoints]
    heapq.heapify(coming)
    past: list[Touchpoint] = []
    state, due = PersonState(), None
    taken_up: set[str] = set()
    while True:
        if coming and (due is None or coming[0][0][0] <= due):
            key, touchpoint = heapq.heappop(coming)
            past.append(touchpoint)
            if can_append(state, key):
                folded = fold(machine, person, state, [touchpoint], None)
            else:  # At the very instant of something that time has done: all that happened is folded again.
                folded = fold(machine, person, PersonState(), sorted(past, key=order_key), None)
        elif due is not None and due < until:
            folded = fold(machine, person, state, (), due)
        else:
            return
        state, due = folded.state, folded.next_due_at
        for task_id in sorted(state.tasks.keys() - taken_up):
            taken_up.add(task_id)
            outcome = _outcome(task_id, state.tasks[task_id])
            if outcome is None or outcome.at >= until:
                continue
            yield outcome
            data: dict[str, Any] = {"task": task_id}
            made = Touchpoint(person, source, task_id, outcome.type, outcome.at, None, data)
            heapq.heappush(coming, (order_key(made), made))


def _outcome(task_id: str, task: OpenTask) -> Outcome | None:
    """Return what becomes of a task; None: nobody does it. The same for the same task."""
    random = Random(task_id)
    what = random.random()
    if what >= IN_TIME + LATE + DECLINED:
        return None
    begins, ends = task.opened_at, task.due_at
    if IN_TIME <= what < IN_TIME + LATE:
        begins, ends = task.due_at, task.expires_at
    at = begins + (ends - begins) * random.uniform(0.1, 0.9)
    at = at.replace(microsecond=0, second=random.randrange(60))
    if not OPENS_AT <= at.hour < CLOSES_AT:
        at = at.replace(hour=random.randrange(OPENS_AT, CLOSES_AT))
    at = max(at, task.opened_at + timedelta(minutes=random.randrange(5, 60)))
    return Outcome(at, "task.declined" if what >= IN_TIME + LATE else "task.completed", task_id)
