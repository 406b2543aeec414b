"""How many tasks of one person may be open: of one rule, and in all. What is beyond waits, and is told.

More than MAX_OPEN_OF_RULE open questions of one kind are asked of nobody in earnest, and a thousand promises of one
person must not cost that person the others. What would open beyond a limit waits in the queue of openings.py; places
go to the earlier due first, then to whoever waits longest, the order in the policy, key, id. The due time that counts
is the one it would have had on the moment it was to open; on opening it is counted anew. What a budget holds back
wants no place: whom the budget lets come, by its own order, is decided before.

While anything waits for a place when an instant is over, or a key could not begin (limits.py) and nobody was told, the
person stands in the built-in track TOO_MANY, whose one task asks somebody to look, and again 30 days after that was
closed. It is counted in no limit. Its facts are written here: the rules that wait and the earliest due stand in its
text, the numbers travel beside. Called by openings.py, and by timers.py at the end of an instant. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable

from lifecycle import ids
from lifecycle.instant import Instant, microseconds
from lifecycle.rules.fold.closing import leave
from lifecycle.rules.fold.scheduling import enter, unwatch
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.names import TOO_MANY
from lifecycle.rules.state.snapshot import Instance, OpenTask, Origin, WaitingTask
from lifecycle.touchpoint import LATEST

MAX_OPEN_OF_RULE = 100
"""Most open tasks of one rule of a stage for one person."""

MAX_OPEN_TASKS = 1_000
"""Most open tasks for one person."""

_NOBODY_KNOWS = microseconds(LATEST)
"""When there may be a place, where no open task takes it: a touchpoint or the end of a round comes before."""

MAX_NAMED = 3
"""Rules that are named in the text of the task TOO_MANY; of more the number."""

RuleName = tuple[str, str, str]
"""(track, stage, rule)."""


def _rule_name(task: OpenTask | WaitingTask) -> RuleName:
    return task.track, task.stage, task.rule


def may_be_beyond(work: Working, wanting: int) -> bool:
    """Tell whether so many tasks more could be beyond a limit, as nearly never."""
    return len(work.state.tasks) + wanting > min(MAX_OPEN_OF_RULE, MAX_OPEN_TASKS)


def full(work: Working) -> Callable[[WaitingTask], bool]:
    """Return what tells whether the rule of a task, or the person, has no place at all."""
    tasks = [task for task in work.state.tasks.values() if task.track != TOO_MANY]
    open_now, is_all = Counter(map(_rule_name, tasks)), len(tasks) >= MAX_OPEN_TASKS
    return lambda task: task.track != TOO_MANY and (is_all or open_now[_rule_name(task)] >= MAX_OPEN_OF_RULE)


def beyond(work: Working, wanting: Collection[tuple[str, WaitingTask]]) -> dict[str, Instant]:
    """Return those of the tasks (id, task) that would open now for which there is no place, and when there may be one.

    That is the earliest expiry among the open tasks that take the place: somebody's doing one of them comes before.
    """
    counted = [(task_id, task) for task_id, task in wanting if task.track != TOO_MANY]
    tasks = [task for task in work.state.tasks.values() if task.track != TOO_MANY]
    open_now, wanted = Counter(map(_rule_name, tasks)), Counter(_rule_name(task) for _, task in counted)
    if len(tasks) + len(counted) <= MAX_OPEN_TASKS and all(
        open_now[name] + number <= MAX_OPEN_OF_RULE for name, number in wanted.items()
    ):
        return {}
    found: dict[str, Instant] = {}
    soonest = _first_expiries(tasks)
    in_all = len(tasks)
    for task_id, task in sorted(counted, key=lambda each: _order(work, *each)):
        name = _rule_name(task)
        if open_now[name] >= MAX_OPEN_OF_RULE:
            found[task_id] = soonest.get(name, _NOBODY_KNOWS)
        elif in_all >= MAX_OPEN_TASKS:
            found[task_id] = min(soonest.values(), default=_NOBODY_KNOWS)
        else:
            in_all += 1
            open_now[name] += 1
    return found


def _first_expiries(tasks: Iterable[OpenTask]) -> dict[RuleName, Instant]:
    """Return when the first open task of each rule expires. Where none is open yet, one is in this very round."""
    found: dict[RuleName, Instant] = {}
    for task in tasks:
        name = _rule_name(task)
        found[name] = min(task.expires_at, found.get(name, _NOBODY_KNOWS))
    return found


def _order(work: Working, task_id: str, task: WaitingTask) -> tuple[Instant, Instant, int, str, str]:
    rule = work.rule_of(task)
    return wanted_due(work, task_id, task), task.wanted_at, rule.rank, task.key, task_id


def wanted_due(work: Working, task_id: str, task: WaitingTask) -> Instant:
    """Return when a task would be due if it had opened when it was to: known until following.py forgets it."""
    known = work.wanted_dues.get(task_id)
    if known is None:
        rule = work.rule_of(task)
        assert rule.due is not None
        known = rule.due(work.view_of(task.track, task.key, task.wanted_at), task.wanted_at)
        work.wanted_dues[task_id] = known
    return known


def may_tell(work: Working) -> bool:
    """Tell whether there may be anything to tell of limits, as nearly never."""
    state = work.state
    return bool(state.waiting or state.not_begun or TOO_MANY in state.tracks)


def tell(work: Working, at: Instant, by: Origin | None) -> None:
    """Let the person enter or leave TOO_MANY, as things stand, and write down what its task says."""
    state = work.state
    if not may_tell(work):
        return
    waiting = [each for each in state.waiting.items() if each[1].is_beyond]
    not_begun = sum(state.not_begun.values()) - state.told
    instance = state.tracks.get(TOO_MANY, {}).get("")
    table = work.machine.tracks[TOO_MANY]
    if not waiting and not not_begun:
        if instance is not None:
            leave(work, table, "", instance, at, by)
            del state.tracks[TOO_MANY]
            unwatch(work, TOO_MANY, "")
        return
    if instance is None:
        if waiting:
            task_id, first = min(waiting, key=lambda each: _order(work, *each))
            cause, origin = task_id.partition("-")[2], first.origin
        else:
            assert by is not None  # only a touchpoint would have begun something
            cause, origin = ids.cause_of_touchpoint(by.source, by.id), by
        instance = Instance(table.start, at, cause, origin)
        state.tracks[TOO_MANY] = {"": instance}
        work.note(at, "began", TOO_MANY, "", table.start, by=origin)
        enter(work, table, "", instance, table.stages[table.start], at, cause, origin)
    instance.facts = _facts(work, waiting, not_begun)


def _facts(work: Working, waiting: Collection[tuple[str, WaitingTask]], not_begun: int) -> dict[str, object]:
    """Return the raw facts of TOO_MANY."""
    names = sorted({f"{task.track}.{task.rule}" for _, task in waiting})
    more = [f"{len(names) - MAX_NAMED} more"] if len(names) > MAX_NAMED else []
    found: dict[str, object] = {"waiting": len(waiting)}
    if names:
        found["rules"] = " and ".join(filter(None, [", ".join(names[:MAX_NAMED]), *more]))
        found["first_due"] = min(wanted_due(work, *each) for each in waiting)
    if not_begun:
        found["not_begun"] = not_begun
    return found
