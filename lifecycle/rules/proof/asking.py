"""Which tasks are sure to be asked: what counts where a policy must ask for somebody, and why something does not.

A task counts if it has no guard, opens a known time after entry, is not kept back by a budget, and is stopped by an
opt-out only. A task at entry that stays open (`stays`) is a debt of the moment, such as thanks, and asks for nothing
that comes. Quiet hours put a task off to their end, and time may have moved the person on by then.
Called by the checker's modules only. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.policy import (
    Calendar,
    ContactKind,
    Guard,
    NoneOf,
    Policy,
    Stage,
    TaskRule,
    TimedMove,
    Wait,
    waits_of,
)
from lifecycle.rules.proof.paths import Way, Ways
from lifecycle.rules.proof.spans import DAY, HOUR, before, longest_of, opening_of, shortest_of, tasks_of
from lifecycle.rules.proof.stops import OptOuts

NIGHT = DAY + HOUR
"""Longest time until quiet hours end: they are shorter than a day, and a clock may be set back."""

HOLIDAYS = 12 * DAY
"""The same where a whole holiday is quiet too: no country has more than ten in a row."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a task does not count, and which line says so. `is_at_once`: it would, if it came later."""

    reason: str
    place: Place
    is_at_once: bool = False


class Asking:
    """Tells which tasks of a policy are sure to be asked. `ways` are those of every track."""

    def __init__(self, policy: Policy, ways: Mapping[str, Ways]) -> None:
        self.policy = policy
        self.opt_outs = OptOuts(policy, ways)

    def of(self, ways: Ways, stage: Stage, *, at_once_counts: bool) -> list[TaskRule]:
        """Return the tasks of a stage that are sure to be asked; without `at_once_counts` a day or more after entry."""
        return [
            task
            for task in tasks_of(stage)
            if self.doubt(ways, stage, task) is None and (at_once_counts or not _is_at_once(task))
        ]

    def doubt(self, ways: Ways, stage: Stage, task: TaskRule) -> Doubt | None:
        """Return why a task of a stage is not sure to be asked after a loss, None where it is."""
        place = task.place
        if task.when is not None:
            at = task.when.conditions[0].place if task.when.conditions else place
            return Doubt("its guard may not hold", at)
        if opening_of(task) is None:
            key = "at" if task.at is not None else "every"
            return Doubt("it waits for a fact", task.places.get(key, place))
        if isinstance(task.due, str):
            at = task.places.get("due", place)
            return Doubt(
                "it is due on a day that may be past by then, and would be given up as soon as it is asked", at
            )
        kind = self.kind(task)
        if kind is not None and kind.most is not None:
            at = task.places.get("contact", place)
            return Doubt(f'its kind of contact "{kind.name}" has a budget, for which it may wait', at)
        if not self.opt_outs.counts(kind, ways, stage.name):
            name = "" if kind is None else kind.name
            at = task.places.get("contact", place)
            return Doubt(f'its kind of contact "{name}" is stopped also where nobody said so', at)
        if task.stays and _is_at_once(task):
            return Doubt("it opens at once and stays, so it is owed for what was", place, is_at_once=True)
        return None

    def kind(self, task: TaskRule) -> ContactKind | None:
        """Return the kind of contact of a task; None for a review, which reaches nobody."""
        return self.policy.contacts.get(task.contact)

    def put_off(self, task: TaskRule) -> timedelta:
        """Return how much later than its time a task opens at most, because of quiet hours."""
        kind = self.kind(task)
        if kind is None or kind.quiet is None:
            return timedelta(0)
        return NIGHT if self.policy.calendar.holidays_from is None else HOLIDAYS


def _is_at_once(task: TaskRule) -> bool:
    opening = opening_of(task)
    return opening is not None and at_once(opening)


def at_once(wait: Wait) -> bool:
    """Tell whether a wait may be over within the day on which it begins."""
    return any(each.number == 0 or (each.unit.endswith("hour") and each.shortest < DAY) for each in waits_of(wait))


def surely_asks_before(task: TaskRule, move: TimedMove, put_off: timedelta, calendar: Calendar) -> bool:
    """Tell whether a task always opens before a timed move leaves its stage; at one instant the move comes first."""
    opening = opening_of(task)
    if task.when is not None or opening is None or move.after is None or not before(opening, move.after):
        return False
    return not put_off or longest_of(opening, calendar) + put_off < shortest_of(move.after)


def does(ways: Ways, task: TaskRule, way: Way) -> bool:
    """Tell whether news that leads along a way does what a task would ask for."""
    if way.type not in task.done_by:
        return False
    wanted: Guard | None = task.done_by[way.type]
    if wanted is None:
        return True
    given = () if way.guard is None else way.guard.conditions
    undone = Guard((*given, NoneOf((wanted,), task.place)))
    return not ways.decider.can_hold(undone, ways.track.name, way.type)
