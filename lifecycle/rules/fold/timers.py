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
from lifecycle.rules.fold.alone import fire_alone
from lifecycle.rules.fold.before_start import begin_asking
from lifecycle.rules.fold.closing import close, leave
from lifecycle.rules.fold.following import follow, next_due
from lifecycle.rules.fold.judging import judge_anew
from lifecycle.rules.fold.limits import MAX_ROUNDS, put_off
from lifecycle.rules.fold.openings import Candidate, look_again, open_alone, open_tasks, pass_over, stop_contacts
from lifecycle.rules.fold.places import may_be_beyond, may_tell, tell
from lifecycle.rules.fold.scheduling import enter, go_on, watch
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.snapshot import Instance, OpenTask, WaitingTask

Escalation = tuple[str, OpenTask]


def fire(work: Working, at: Instant) -> Instant:
    """Fire everything due at `at`, until nothing more is due at that instant; return when the next is due.

    What is due after MAX_ROUNDS still goes on a day later (limits.py).
    """
    rounds = MAX_ROUNDS
    if fire_alone(work, at):
        due = next_due(work)
        if due > at:
            return due
        rounds -= 1
    if work.machine.ask_from is not None:
        begin_asking(work, at)
    escalations: list[Escalation] = []
    for _ in range(rounds):
        escalations = _round(work, at, escalations)
        work.state.last_fired_at = at
        if work.machine.slides:
            judge_anew(work, at)
        due = next_due(work)
        if due > at and not escalations:
            if may_tell(work):
                tell(work, at, None)
                due = next_due(work)
            if due > at:
                return due
    return _go_on_later(work, at, escalations)


def _go_on_later(work: Working, at: Instant, escalations: list[Escalation]) -> Instant:
    """Put off what is still due at an instant, and what expired there last; return when the next is due."""
    for escalation in escalations:
        for task_id, task in _escalate(work, *escalation, at):
            work.asked.hold(task_id, task)
    put_off(work, at)
    if work.asked.is_stirred:
        look_again(work, at, None)
    tell(work, at, None)
    return next_due(work)


def _round(work: Working, at: Instant, escalations: list[Escalation]) -> list[Escalation]:
    """Decide on the state as it is, then move and open; return what expired with something to follow.

    Expiring comes first, and no guard sees it: what it frees of a budget is there for whoever waits.
    """
    state = work.state
    following = _expire(work, at) if state.tasks else []
    if work.asked.is_stirred:
        look_again(work, at, None)
    decided = [_decide(work, *each, at) for each in _due_at(work, at)]
    waited = _waited(work, at) if state.waiting else []
    for table, key, instance, move, _ in decided:
        if move is not None:
            _move(work, table, key, instance, move, at)
    candidates = [each for escalation in escalations for each in _escalate(work, *escalation, at)]
    candidates += _wait_no_longer(work, waited, at)
    for table, key, instance, move, openings in decided:
        if move is None:
            found = [_due(work, table, key, instance, rule, holds, at) for rule, holds in openings]
            candidates += [each for each in found if each is not None]
            watch(work, table, key, instance, table.stages[instance.stage])
    if len(candidates) == 1 and not state.waiting and not may_be_beyond(work, 1):
        open_alone(work, *candidates[0], at)
    elif candidates:
        open_tasks(work, candidates, at)
    _settle(work, at)
    return following


def _wait_no_longer(work: Working, waited: list[tuple[str, bool]], at: Instant) -> list[Candidate]:
    """Let tasks wait no longer, unless their stage was left in this round; return those that are still wanted."""
    found = []
    for task_id, holds in waited:
        if task_id not in work.state.waiting:
            continue
        task = work.asked.release(task_id)
        if holds:
            found.append((task_id, task))
        else:
            rule = work.rule_of(task)
            words = "" if work.trail is None else _refused(work, rule, task.track, task.key, at)
            pass_over(work, task_id, task, rule, at, detail=words)
    return found


def _due_at(work: Working, at: Instant) -> list[tuple[tuple[str, str], Instance]]:
    """Return the instances of which a rule is due, by (track, key), in order."""
    found = sorted([where for where, due in work.dues.items() if due <= at])
    tracks = work.state.tracks
    return [((track, key), tracks[track][key]) for track, key in found]


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
    if work.state.waiting and work.asked.is_stirred:
        look_again(work, at, None)
    work.asked.is_stirred = False


def _expire(work: Working, at: Instant) -> list[Escalation]:
    """Close what nobody did in time; return those that something follows."""
    following: list[Escalation] = []
    expired = None
    for task_id, task in work.state.tasks.items():
        if task.expires_at <= at:
            expired = [task_id] if expired is None else [*expired, task_id]
    if expired is None:
        return following
    for task_id in sorted(expired) if len(expired) > 1 else expired:
        task = close(work, task_id, "expired", at, reason="expired")
        if f"{task.rule}/or_else" in work.machine.tracks[task.track].stages[task.stage].rules:
            following.append((task_id, task))
    return following


def _holds(work: Working, rule: Rule, track: str, key: str, at: Instant) -> bool:
    return rule.when is None or rule.when(work.view_of(track, key, at))


_Decided = tuple[TrackTable, str, Instance, Rule | None, list[tuple[Rule, bool]]]
"""Of an instance with something due: the move that it makes, and its rules that open (or do not)."""


def _decide(work: Working, where: tuple[str, str], instance: Instance, at: Instant) -> _Decided:
    """Return what is due of an instance, decided on the state as it is."""
    name, key = where
    table = work.machine.tracks[name]
    stage = table.stages[instance.stage]
    rules = [stage.rules[rule] for rule, when in instance.pending.items() if when <= at]
    move: Rule | None = None
    openings = []
    if len(rules) > 1:
        rules.sort(key=lambda rule: rule.order)
    for rule in rules:
        holds = rule.when is None or rule.when(work.view_at(instance, key, at))
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
    return table, key, instance, move, openings


def _refused(work: Working, rule: Rule, track: str, key: str, at: Instant) -> str:
    """Return what the guard of a rule wanted and got, for the trail."""
    guard = guard_of(rule)
    return "" if guard is None else refusal(work.machine, guard, work.view_of(track, key, at), track)


def _move(work: Working, table: TrackTable, key: str, instance: Instance, rule: Rule, at: Instant) -> None:
    assert rule.move is not None
    before = instance.stage
    leave(work, table, key, instance, at, None)
    cause = ids.cause_of_timer(instance.entry(), rule.slot_name, 1)
    enter(work, table, key, instance, table.stages[rule.move.to], at, cause, instance.origin)
    if work.trail is not None:
        work.note(at, "moved", table.name, key, instance.stage, detail=f"{before} {rule.name}")


def _due(
    work: Working, table: TrackTable, key: str, instance: Instance, rule: Rule, holds: bool, at: Instant
) -> Candidate | None:
    """Return the task that a rule would open, or none where its guard says no; schedule what is repeated."""
    name = rule.name
    del instance.pending[name]
    if not rule.is_repeated:
        count = 1
        instance.spent = sorted([*instance.spent, name]) if instance.spent else [name]
    else:
        count = instance.counts[name] = instance.counts.get(name, 0) + 1
        if count == 1 and (rule.is_later):
            instance.anchors[name] = at  # A first one of its own: the rhythm counts from it.
    if rule.task is None or not holds:
        if rule.is_repeated:
            go_on(work, (table.name, key), instance, rule, work.view_at(instance, key, at))
        return None
    entry = instance.entry()
    if rule.task.is_review:
        go_on(work, (table.name, key), instance, rule, work.view_at(instance, key, at))
        if any(
            task.track == table.name and task.key == key and task.rule == name and task.entry == entry
            for tasks in (work.state.tasks, work.state.waiting)
            for task in tasks.values()
        ):
            work.note(at, "not_opened", table.name, key, name, detail="open")
            return None  # The last review is still open; a second one would ask the same question twice.
    at_entry = not rule.is_later and not rule.is_repeated
    cause = entry if at_entry else ids.cause_of_timer(entry, rule.slot_name, count)
    task_id = ids.task_id(ids.slot_of(work.person, table.slot_name, key, rule.slot_name), cause)
    return task_id, WaitingTask(table.name, key, instance.stage, name, entry, instance.since, instance.origin, at, at)


def _escalate(work: Working, parent_id: str, parent: OpenTask, at: Instant) -> list[Candidate]:
    """Return what follows an expired task, unless its stage was left meanwhile and the task does not stay."""
    table = work.machine.tracks[parent.track]
    instance = work.state.tracks[parent.track][parent.key]
    rule = table.stages[parent.stage].rules[f"{parent.rule}/or_else"]
    assert rule.task is not None
    if instance.entry() != parent.entry and not rule.task.stays:
        work.note(at, "not_opened", table.name, parent.key, rule.name, detail="left")
        return []
    cause = ids.cause_of_timer(parent_id.partition("-")[2], rule.slot_name, 1)
    task_id = ids.task_id(ids.slot_of(work.person, table.slot_name, parent.key, rule.slot_name), cause)
    root = parent.root or parent_id
    names = parent.track, parent.key, parent.stage, rule.name
    return [(task_id, WaitingTask(*names, parent.entry, parent.since, parent.origin, at, at, root))]
