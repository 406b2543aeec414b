"""What is sure about durations without knowing when they begin: which of two ends first, how long one can be.

Durations of one family (hours; days and weeks; months and years; business days) are compared exactly. Across
families only what holds for every calendar counts: a month is 28 to 31 days, a day 23 to 25 hours. A business
day is at least a day; how long working time can take at the most is counted in working.py.
Called by the checker's modules only. Pure.
"""

from __future__ import annotations

from datetime import timedelta

from lifecycle.rules.language.policy import Calendar, Stage, TaskRule, TimedMove, Wait, waits_of
from lifecycle.rules.language.schedule import Duration
from lifecycle.rules.proof.working import longest_working

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
AT_ONCE = Duration(0, "hour")

_FAMILIES = {
    "hour": ("hour", 1),
    "day": ("day", 1),
    "week": ("day", 7),
    "month": ("month", 1),
    "year": ("month", 12),
    "business hour": ("business hour", 1),
    "business day": ("business day", 1),
}
_USUAL = Calendar()


def shortest(duration: Duration) -> timedelta:
    """Return an elapsed time that a duration is never shorter than."""
    if duration.number == 0 or duration.unit.endswith("hour"):
        return duration.shortest
    return duration.shortest - HOUR


def longest(duration: Duration, calendar: Calendar = _USUAL) -> timedelta:
    """Return an elapsed time that a duration is never longer than."""
    number = duration.number
    if number == 0 and not duration.is_business:
        return timedelta(0)
    if duration.unit == "hour":
        return number * HOUR
    if duration.is_business:
        return longest_working(number, duration.unit, calendar)
    family, factor = _FAMILIES[duration.unit]
    days = number * factor
    if family == "month":
        days = 366 * (days // 12) + 31 * (days % 12)
    return days * DAY + HOUR


def surely_within(one: Duration, other: Duration) -> bool:
    """Tell whether one duration from a moment never ends after the other from the same moment."""
    family, factor = _FAMILIES[one.unit]
    other_family, other_factor = _FAMILIES[other.unit]
    if family == other_family:
        return one.number * factor <= other.number * other_factor
    return longest(one) <= shortest(other)


def never_after(one: Wait, other: Wait) -> bool:
    """Tell whether one wait never ends after the other, whatever the facts that they depend on say."""
    return one == other or all(surely_within(first, second) for first in waits_of(one) for second in waits_of(other))


def before(one: Wait, other: Wait) -> bool:
    """Tell whether one wait always ends before the other."""
    return all(
        surely_within(first, second) and not surely_within(second, first)
        for first in waits_of(one)
        for second in waits_of(other)
    )


def moment_of(move: TimedMove) -> tuple[object, ...]:
    """Return when a timed move comes, in a form that is equal for moves that always come at one moment."""
    if move.after is not None:
        return _counted(move.after)
    assert move.at is not None  # a timed move has one of the two
    return move.at.fact, move.at.direction, () if move.at.offset is None else _counted(move.at.offset)


def _counted(wait: Wait) -> tuple[object, ...]:
    families = ((*_FAMILIES[each.unit], each.number) for each in waits_of(wait))
    counted = tuple((family, factor * number) for family, factor, number in families)
    return counted if isinstance(wait, Duration) else (wait.fact, *counted)


def shortest_of(wait: Wait) -> timedelta:
    """Return an elapsed time that a wait is never shorter than."""
    return min(shortest(each) for each in waits_of(wait))


def longest_of(wait: Wait, calendar: Calendar) -> timedelta:
    """Return an elapsed time that a wait is never longer than."""
    return max(longest(each, calendar) for each in waits_of(wait))


def opening_of(task: TaskRule) -> Wait | None:
    """Return how long after entry a task opens (a repeated one: first); None where a fact has a say in it."""
    if task.at is not None or (task.every is not None and task.every.after is not None):
        return None
    if task.after is not None:
        return task.after
    return AT_ONCE if task.every is None else task.every.period


def tasks_of(stage: Stage) -> tuple[TaskRule, ...]:
    """Return the tasks of a stage, its review last."""
    return stage.tasks if stage.review is None else (*stage.tasks, stage.review)


def said(wait: Wait) -> str:
    """Return a wait as a path shows it: `60 days`, or the name of the setting."""
    return str(wait) if isinstance(wait, Duration) else f"${wait.name}"


def time_in_words(move: TimedMove) -> str:
    """Return what passes before a timed move, as a path shows it: `(60 days pass)`."""
    if move.after is not None:
        is_one = isinstance(move.after, Duration) and move.after.number == 1
        return f"({said(move.after)} {'passes' if is_one else 'pass'})"
    assert move.at is not None  # a timed move has one of the two
    offset = "" if move.at.offset is None else f"{said(move.at.offset)} {move.at.direction} "
    return f"({offset}{move.at.fact})"
