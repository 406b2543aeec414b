"""The moment from which we ask, at work: what was due before it ends, and what of that is still owed comes anew.

A database that begins in the middle of history knows of questions that nobody was ever asked. At that moment, before
anything else that is due then, each of them that was due earlier ends as BEFORE_START: nothing follows it, no budget
counts it. Still owed is what the policy would ask again in time anyway (a repeated task, a review), and what a loss
asks for. That waits, as one new task each, until the person's day (or not at all, where time moves its stage on before
that): due from there, under the rules of whatever waits (guards, contacts, budgets, limits), and dropped with its
stage. Called by timers.py. Pure.
"""

from __future__ import annotations

from lifecycle.instant import Instant, from_microseconds
from lifecycle.rules.fold.closing import close
from lifecycle.rules.fold.places import wanted_due
from lifecycle.rules.fold.start import BEFORE_START, again_id
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.schedule import Duration
from lifecycle.rules.state.snapshot import OpenTask, WaitingTask


def begin_asking(work: Working, at: Instant) -> None:
    """End what was due before this instant, where it is the moment from which we ask."""
    ask_from = work.machine.ask_from
    if ask_from is None or at != ask_from.instant:
        return
    state = work.state
    ended: list[tuple[str, OpenTask | WaitingTask]] = []
    for task_id in sorted(each for each, task in state.tasks.items() if task.due_at < at):
        ended.append((task_id, close(work, task_id, "withdrawn", at, reason=BEFORE_START)))
    for task_id in sorted(each for each, task in state.waiting.items() if wanted_due(work, each, task) < at):
        task = work.asked.release(task_id)
        work.note(at, "not_opened", task.track, task.key, task.rule, task_id=task_id, detail=BEFORE_START)
        ended.append((task_id, task))
    state.not_asked += len(ended)
    opens_at = work.machine.steps.after(Duration(ask_from.day_of(work.person), "day"))(at)
    for task_id, ending in ended:
        if _is_owed(work, ending):
            state.asked_anew += 1
            _ask_anew(work, again_id(task_id), ending, at, at if _is_left_by(work, ending, opens_at) else opens_at)


def _is_owed(work: Working, task: OpenTask | WaitingTask) -> bool:
    if work.machine.tracks[task.track].stages[task.stage].stage.loss:
        return True
    is_current = work.state.tracks[task.track][task.key].entry() == task.entry
    return is_current and work.rule_of(task).is_repeated


def _is_left_by(work: Working, task: OpenTask | WaitingTask, day: Instant) -> bool:
    """Tell whether time moves the stage of a task on by then, as things stand: to wait so long were never to ask."""
    instance = work.state.tracks[task.track][task.key]
    rules = work.machine.tracks[task.track].stages[task.stage].rules
    if instance.entry() != task.entry:
        return False
    return any(rules[name].move is not None and due <= day for name, due in instance.pending.items())


def _ask_anew(work: Working, task_id: str, task: OpenTask | WaitingTask, at: Instant, opens_at: Instant) -> None:
    names = task.track, task.key, task.stage, task.rule
    # It keeps what it followed: whoever answers that late has answered this one too.
    anew = WaitingTask(*names, task.entry, task.since, task.origin, opens_at, opens_at, task.root, opens_at)
    work.asked.hold(task_id, anew)
    work.note_due(opens_at)
    until = f"{from_microseconds(opens_at).isoformat()} anew"
    work.note(at, "waits", task.track, task.key, task.rule, task_id=task_id, detail=until, due=opens_at)
