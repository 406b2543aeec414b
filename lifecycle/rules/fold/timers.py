"""Time alone: firing everything that is due at one instant, round by round.

All timers due at one instant see the state before that instant; within one instance the first timed move of
its stage wins. What they cause at that instant is a next round. A stage that is left at an instant asks for
nothing at that instant. The limit on rounds counts those at one instant, never over a span.
"""

from __future__ import annotations

from lifecycle import ids
from lifecycle.instant import Instant
from lifecycle.rules.compiled.machine import FOLLOWED, STOPS, Rule, TrackTable, guard_of
from lifecycle.rules.compiled.refusal import held_alternative, refusal
from lifecycle.rules.fold.before_start import begin_asking
from lifecycle.rules.fold.following import follow
from lifecycle.rules.fold.judging import judge_anew
from lifecycle.rules.fold.limits import MAX_ROUNDS, put_off
from lifecycle.rules.fold.openings import Candidate, look_again, open_tasks, pass_over, stop_contacts
from lifecycle.rules.fold.places import may_tell, tell
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.snapshot import Instance, OpenTask, WaitingTask

Escalation = tuple[str, OpenTask]


def fire(work: Working, at: Instant) -> Instant:
    """Fire everything due at `at`, until nothing more is due at that instant; return when the next is due.

    What is due after MAX_ROUNDS still goes on a day later (limits.py).
    """
    escalations: list[Escalation] = []
    begin_asking(work, at)
    for _ in range(MAX_ROUNDS):
        escalations = _round(work, at, escalations)
        work.state.last_fired_at = at
        judge_anew(work, at)
        due = work.next_due()
        if not escalations and due > at:
            if not may_tell(work):
                return due
            tell(work, at, None)
            due = work.next_due()
            if due > at:
                return due
    for escalation in escalations:
        for task_id, task in _escalate(work, *escalation, at):
            work.asked.hold(task_id, task)
    put_off(work, at)
    look_again(work, at, None)
    tell(work, at, None)
    return work.next_due()


def _round(work: Working, at: Instant, escalations: list[Escalation]) -> list[Escalation]:
    """Decide on the state as it is, then move and open; return what expired with something to follow.

    Expiring comes first, and no guard sees it: what it frees of a budget is there for whoever waits.
    """
    state = work.state
    following = _expire(work, at)
    look_again(work, at, None)
    decided = [(name, key, *_decide(work, name, key, at)) for name, key in _due_at(work, at)]
    waited = _waited(work, at) if state.waiting else ()
    for name, key, move, _ in decided:
        if move is not None:
            _move(work, work.machine.tracks[name], key, move, at)
    candidates = [each for escalation in escalations for each in _escalate(work, *escalation, at)]
    for task_id, holds in waited:
        if task_id not in state.waiting:
            continue  # its stage was left in this round
        task = work.asked.release(task_id)
        if holds:
            candidates.append((task_id, task))
        else:
            rule = work.rule_of(task)
            words = "" if work.trail is None else _refused(work, rule, task.track, task.key, at)
            pass_over(work, task_id, task, rule, at, detail=words)
    for name, key, move, openings in decided:
        if move is None:
            table = work.machine.tracks[name]
            instance = state.tracks[name][key]
            for rule, holds in openings:
                candidates += _due(work, table, key, instance, rule, holds, at)
            work.watch(table, key, instance, table.stages[instance.stage])
    open_tasks(work, candidates, at)
    _settle(work, at)
    return following


def _due_at(work: Working, at: Instant) -> list[tuple[str, str]]:
    """Return the instances of which a rule is due, in order."""
    found = []
    for where, instance in work.active.items():
        for due in instance.pending.values():
            if due <= at:
                found.append(where)
                break
    if len(found) > 1:
        found.sort()
    return found


def _waited(work: Working, at: Instant) -> list[tuple[str, bool]]:
    """Return the tasks that wait no longer, in order, and whether each is still wanted."""
    return [
        (task_id, _holds(work, work.rule_of(task), task.track, task.key, at))
        for task_id, task in sorted(work.state.waiting.items())
        if task.opens_at <= at
    ]


def _settle(work: Working, at: Instant) -> None:
    """Work out anew what depends on what has changed."""
    if work.dirty & STOPS or work.machine.slides:
        stop_contacts(work, at, None)
    if work.dirty & FOLLOWED or work.changed:
        follow(work, at)
    look_again(work, at, None)


def _expire(work: Working, at: Instant) -> list[Escalation]:
    """Close what nobody did in time; return those that something follows."""
    following: list[Escalation] = []
    expired = [each for each, task in work.state.tasks.items() if task.expires_at <= at]
    for task_id in sorted(expired) if len(expired) > 1 else expired:
        task = work.close(task_id, "expired", at, reason="expired")
        if f"{task.rule}/or_else" in work.machine.tracks[task.track].stages[task.stage].rules:
            following.append((task_id, task))
    return following


def _holds(work: Working, rule: Rule, track: str, key: str, at: Instant) -> bool:
    return rule.when is None or rule.when(work.view_of(track, key, at))


def _decide(work: Working, name: str, key: str, at: Instant) -> tuple[Rule | None, list[tuple[Rule, bool]]]:
    """Return the move that an instance makes, and its rules that open (or do not), on the state as it is."""
    instance = work.state.tracks[name][key]
    stage = work.machine.tracks[name].stages[instance.stage]
    rules = [stage.rules[rule] for rule, when in instance.pending.items() if when <= at]
    move: Rule | None = None
    openings = []
    if len(rules) > 1:
        rules.sort(key=lambda rule: rule.order)
    for rule in rules:
        holds = _holds(work, rule, name, key, at)
        if rule.move is None or not holds:
            openings.append((rule, holds))
        elif move is None:
            move = rule
    if work.trail is not None and move is not None:
        held = held_alternative(work.machine, guard_of(move), work.view_of(name, key, at), name)
        if held:
            work.note(at, "held", name, key, move.name, detail=held)
    if work.trail is not None and move is None:
        # Here, where the guards were asked: what they look at may change before anything opens.
        for rule, holds in openings:
            if not holds:
                work.note(at, "not_opened", name, key, rule.name, detail=_refused(work, rule, name, key, at))
    return move, openings


def _refused(work: Working, rule: Rule, track: str, key: str, at: Instant) -> str:
    """Return what the guard of a rule wanted and got, for the trail."""
    guard = guard_of(rule)
    return "" if guard is None else refusal(work.machine, guard, work.view_of(track, key, at), track)


def _move(work: Working, table: TrackTable, key: str, rule: Rule, at: Instant) -> None:
    assert rule.move is not None
    instance = work.state.tracks[table.name][key]
    before = instance.stage
    work.leave(table, key, instance, at, None)
    cause = ids.cause_of_timer(instance.cause, rule.slot_name, 1)
    work.enter(table, key, instance, table.stages[rule.move.to], at, cause, instance.origin)
    work.note(at, "moved", table.name, key, instance.stage, detail=f"{before} {rule.name}")


def _due(
    work: Working, table: TrackTable, key: str, instance: Instance, rule: Rule, holds: bool, at: Instant
) -> list[Candidate]:
    """Return the task that a rule would open, or none where its guard says no; schedule what is repeated."""
    del instance.pending[rule.name]
    view = work.view_of(table.name, key, at)
    count = instance.counts.get(rule.name, 0) + 1
    if rule.period is None:
        instance.spent = sorted([*instance.spent, rule.name]) if instance.spent else [rule.name]
    else:
        instance.counts[rule.name] = count
        if count == 1 and (rule.wait is not None or rule.moment is not None):
            instance.anchors[rule.name] = at  # A first one of its own: the rhythm counts from it.
    if rule.task is None or not holds:
        if rule.period is not None:
            work.go_on(instance, rule, view)
        return []
    if rule.task.is_review:
        work.go_on(instance, rule, view)
        if any(
            task.track == table.name and task.key == key and task.rule == rule.name and task.entry == instance.cause
            for tasks in (work.state.tasks, work.state.waiting)
            for task in tasks.values()
        ):
            work.note(at, "not_opened", table.name, key, rule.name, detail="open")
            return []  # The last review is still open; a second one would ask the same question twice.
    at_entry = rule.moment is None and rule.period is None and rule.wait is None
    cause = instance.cause if at_entry else ids.cause_of_timer(instance.cause, rule.slot_name, count)
    task_id = ids.task_id(ids.slot_of(work.person, table.slot_name, key, rule.slot_name), cause)
    names = table.name, key, instance.stage, rule.name
    return [(task_id, WaitingTask(*names, instance.cause, instance.since, instance.origin, at, at))]


def _escalate(work: Working, parent_id: str, parent: OpenTask, at: Instant) -> list[Candidate]:
    """Return what follows an expired task, unless its stage was left meanwhile and the task does not stay."""
    table = work.machine.tracks[parent.track]
    instance = work.state.tracks[parent.track][parent.key]
    rule = table.stages[parent.stage].rules[f"{parent.rule}/or_else"]
    assert rule.task is not None
    if instance.cause != parent.entry and not rule.task.stays:
        work.note(at, "not_opened", table.name, parent.key, rule.name, detail="left")
        return []
    cause = ids.cause_of_timer(parent_id.partition("-")[2], rule.slot_name, 1)
    task_id = ids.task_id(ids.slot_of(work.person, table.slot_name, parent.key, rule.slot_name), cause)
    root = parent.root or parent_id
    names = parent.track, parent.key, parent.stage, rule.name
    return [(task_id, WaitingTask(*names, parent.entry, parent.since, parent.origin, at, at, root))]
