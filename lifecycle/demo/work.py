"""The people who do the tasks of the demo sample: who is asked does most of it in time, some late, some never.

The sample is history, so it holds the outcomes that came back too. Which tasks were asked, and when, follows from
the policy alone: the story of a person is folded as far as the next thing that happens, whatever opened is
taken up, and its outcome becomes a touchpoint that is folded in its turn. Called by sample.py.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from lifecycle.instant import from_microseconds
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import can_append, fold
from lifecycle.rules.state.snapshot import OpenTask, PersonState
from lifecycle.task import rfc3339
from lifecycle.touchpoint import OrderKey, Touchpoint, order_key

IN_TIME, PUT_OFF, LATE, DECLINED = 0.9, 0.03, 0.03, 0.025
"""Shares of tasks that are done before they are due, put off and then done, done late, and declined."""

OPENS_AT, CLOSES_AT = 8, 17
"""Hours (UTC) in which people work."""


class Outcome(NamedTuple):
    """What came of one task, or what was said about it."""

    at: datetime
    type: str
    data: Mapping[str, Any]


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
        if coming and (due is None or coming[0][1].occurred_at <= due):
            key, touchpoint = heapq.heappop(coming)
            if touchpoint.occurred_at >= until:
                return
            if "task" in touchpoint.data:
                if touchpoint.data["task"] not in state.tasks:
                    continue  # Done or withdrawn meanwhile, so nobody tells of it.
                yield Outcome(touchpoint.occurred_at, touchpoint.type, touchpoint.data)
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
            for outcome in _outcomes(task_id, state.tasks[task_id]):
                name = f"{outcome.type} {task_id}"
                made = Touchpoint(person, source, name, outcome.type, outcome.at, None, outcome.data)
                heapq.heappush(coming, (order_key(made), made))


def _outcomes(task_id: str, task: OpenTask) -> Iterator[Outcome]:
    """Yield what becomes of a task, nothing where nobody does it. The same for the same task."""
    random = Random(task_id)
    what, data = random.random(), {"task": task_id}
    opened_at, due_at, expires_at = map(from_microseconds, (task.opened_at, task.due_at, task.expires_at))
    in_time, put_off = what < IN_TIME, IN_TIME <= what < IN_TIME + PUT_OFF
    if what >= IN_TIME + PUT_OFF + LATE + DECLINED:
        return
    if put_off:
        at = _moment(random, opened_at, opened_at, due_at)
        until = due_at + timedelta(days=7)
        yield Outcome(at, "task.postponed", {**data, "until": rfc3339(until), "reason": "they asked for another week"})
        yield Outcome(_moment(random, opened_at, due_at, until), "task.completed", data)
    elif in_time:
        yield Outcome(_moment(random, opened_at, opened_at, due_at), "task.completed", data)
    elif what < IN_TIME + PUT_OFF + LATE:
        yield Outcome(_moment(random, opened_at, due_at, expires_at), "task.completed", data)
    else:
        yield Outcome(_moment(random, opened_at, opened_at, due_at), "task.declined", data)


def _moment(random: Random, opened_at: datetime, begins: datetime, ends: datetime) -> datetime:
    """Return a moment between two, while people work."""
    at = begins + (ends - begins) * random.uniform(0.1, 0.9)
    at = at.replace(microsecond=0, second=random.randrange(60))
    if not OPENS_AT <= at.hour < CLOSES_AT:
        at = at.replace(hour=random.randrange(OPENS_AT, CLOSES_AT))
    return max(at, opened_at + timedelta(minutes=random.randrange(5, 60)))
