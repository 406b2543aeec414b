"""Time alone: firing everything that is due at one instant, round by round.

All timers due at one instant see the state before that instant; within one instance the first timed move of
its stage wins. What they cause at that instant is a next round. A stage that is left at an instant asks for
nothing at that instant. The limit counts rounds at one instant, never over a span.
"""

from __future__ import annotations

from datetime import datetime

from lifecycle import ids
from lifecycle.errors import FoldStopped
from lifecycle.rules.machine import Rule, TrackTable
from lifecycle.rules.snapshot import Instance, OpenTask
from lifecycle.rules.working import Working

MAX_ROUNDS = 100
"""Most rounds at one virtual instant; a policy whose timers cause each other without end is stopped there."""

Escalation = tuple[str, OpenTask]


def fire(work: Working, at: datetime) -> datetime | None:
    """Fire everything due at `at`, until nothing more is due at that instant; return when the next is due.

    Raises FoldStopped.
    """
    escalations: list[Escalation] = []
    for _ in range(MAX_ROUNDS):
        escalations = _round(work, at, escalations)
        work.state.last_fired_at = at
        work.state.lane = work.machine.lane_of(work.view(None, at))
        due = work.next_due()
        if not escalations and (due is None or due > at):
            return due
    busy = sorted(
        f"{track}[{key}]" if key else track
        for (track, key), each in work.active.items()
        if any(when <= at for when in each.pending.values())
    )
    raise FoldStopped(
        f"{work.person} did not come to rest at {at.isoformat()}: {MAX_ROUNDS} rounds of timers caused each other "
        f"in {', '.join(busy[:5]) or 'their tasks'}. Give one of their timers a longer wait and activate the "
        "policy again."
    )


def _round(work: Working, at: datetime, escalations: list[Escalation]) -> list[Escalation]:
    due = [
        (name, key, instance)
        for (name, key), instance in work.active.items()
        if any(when <= at for when in instance.pending.values())
    ]
    due.sort(key=lambda each: each[:2])
    decided = [(*each, *_decide(work, *each, at)) for each in due]
    expired = sorted(task_id for task_id, task in work.state.tasks.items() if task.expires_at <= at)
    following: list[Escalation] = []
    for parent_id, parent in escalations:
        _escalate(work, parent_id, parent, at)
    for task_id in expired:
        task = work.close(task_id, "expired", at, reason="expired")
        if f"{task.rule}/or_else" in work.machine.tracks[task.track].stages[task.stage].rules:
            following.append((task_id, task))
    for name, key, instance, move, openings in decided:
        table = work.machine.tracks[name]
        if move is not None:
            _move(work, table, key, instance, move, at)
            continue
        for rule, holds in openings:
            _open(work, table, key, instance, rule, holds, at)
        work.watch(table, key, instance, table.stages[instance.stage])
    return following


def _decide(
    work: Working, name: str, key: str, instance: Instance, at: datetime
) -> tuple[Rule | None, list[tuple[Rule, bool]]]:
    """Return the move that an instance makes, and its rules that open (or do not), on the state as it is."""
    stage = work.machine.tracks[name].stages[instance.stage]
    rules = sorted(
        (stage.rules[rule] for rule, when in instance.pending.items() if when <= at),
        key=lambda rule: rule.order,
    )
    view = work.view(None, at)
    view.own, view.key = instance.facts, key
    move: Rule | None = None
    openings = []
    for rule in rules:
        holds = rule.when is None or rule.when(view)
        if rule.move is None or not holds:
            openings.append((rule, holds))
        elif move is None:
            move = rule
    return move, openings


def _move(work: Working, table: TrackTable, key: str, instance: Instance, rule: Rule, at: datetime) -> None:
    assert rule.move is not None
    before = instance.stage
    work.leave(table, key, instance, at, None)
    cause = ids.cause_of_timer(instance.cause, rule.slot_name, 1)
    work.enter(table, key, instance, table.stages[rule.move.to], at, cause, instance.origin)
    work.note(at, "moved", table.name, key, instance.stage, detail=f"{before} {rule.name}")


def _open(
    work: Working, table: TrackTable, key: str, instance: Instance, rule: Rule, holds: bool, at: datetime
) -> None:
    """Open a task or note that its guard said no; schedule what is repeated, mark the rest as done."""
    due = instance.pending.pop(rule.name)
    count = instance.counts.get(rule.name, 0) + 1
    if rule.every is None:
        instance.spent = sorted([*instance.spent, rule.name])
    else:
        instance.counts[rule.name] = count
    if rule.task is None or not holds:
        work.note(at, "not_opened", table.name, key, rule.name)
        if rule.every is not None:
            instance.pending[rule.name] = rule.every.period.after(at)
        return
    if rule.task.is_review:
        assert rule.every is not None
        instance.pending[rule.name] = rule.every.period.after(due)
        if any(
            task.track == table.name and task.key == key and task.rule == rule.name and task.entry == instance.cause
            for task in work.state.tasks.values()
        ):
            return  # The last review is still open; a second one would ask the same question twice.
    at_entry = rule.moment is None and rule.every is None and rule.task.after is None
    cause = instance.cause if at_entry else ids.cause_of_timer(instance.cause, rule.slot_name, count)
    work.open_task(table, key, instance, rule, at, cause, None, "")


def _escalate(work: Working, parent_id: str, parent: OpenTask, at: datetime) -> None:
    """Open what follows an expired task, unless its stage was left meanwhile and the task does not stay."""
    table = work.machine.tracks[parent.track]
    instance = work.state.tracks[parent.track][parent.key]
    rule = table.stages[parent.stage].rules[f"{parent.rule}/or_else"]
    assert rule.task is not None
    if instance.cause != parent.entry and not rule.task.stays:
        return
    cause = ids.cause_of_timer(parent_id.partition("-")[2], rule.slot_name, 1)
    work.open_task(table, parent.key, instance, rule, at, cause, parent, parent.root or parent_id)
