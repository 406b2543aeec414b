"""Opening tasks: whether one opens now, waits for quiet hours or a budget to end, or does not open at all.

Called by timers.py with everything that would open at one instant, and by steps.py when news has changed what a
person wants. All who wait stand in one queue: first whoever was to open first (quiet hours included), then the
earlier due, then the order in the policy, key, id. So a budget is spent alike in every replay, and room that comes
goes to whoever waits longest. A budget counts what reaches the person: an open task from its opening, a done one
from when it was done; one that expired, was declined or withdrawn counts no more, and its room is free at once.

`opens_at` of what waits is when it may open as things stand, set anew by `look_again` after whatever happened: room
that a touchpoint makes is a timer of that instant, and so is given after all its touchpoints. Whoever gets room is
looked at again like a task that opens: `when`, `stops`, `every ... after fact`. What waits, waits with its stage.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lifecycle.instant import Instant, from_microseconds
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import STOPS, Contact, Rule
from lifecycle.rules.fold.closing import close
from lifecycle.rules.fold.places import beyond, full, may_be_beyond, may_tell, tell
from lifecycle.rules.fold.room import Room, opens_at
from lifecycle.rules.fold.scheduling import go_on, restart, schedule
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.early import take_kept
from lifecycle.rules.state.snapshot import Instance, OpenTask, Origin, WaitingTask

Candidate = tuple[str, WaitingTask]
"""Task id, and the task as it would open."""


def look_again(work: Working, at: Instant, by: Origin | None) -> None:
    """Set anew when each task that waits may open, as things stand after what happened at this instant.

    `by` is the touchpoint that it happened on (None: time). What is beyond a limit is told of (places.py) after a
    touchpoint, and by timers.py when nothing more is due at an instant: what waits within it alone is not told of.
    """
    if work.state.waiting:
        _look(work, at, ())
    if by is not None and may_tell(work):
        tell(work, at, by)
    work.asked.is_stirred = False


def _look(work: Working, at: Instant, candidates: Collection[Candidate]) -> Collection[str]:
    """Set when each task that waits, and each candidate beside them, may open, as if no other opened before it.

    Where places are short, return those that their budgets leave for a later round: they do not wait for a place.
    """
    room, ready = Room(work, at), []
    for task_id, task in (*work.state.waiting.items(), *candidates):
        opens_at = room.opens_at(work.rule_of(task).contact)
        task.opens_at = opens_at if task.held_until is None else max(opens_at, task.held_until)
        task.is_beyond = False
        work.note_due(task.opens_at)
        if task.opens_at <= at:
            ready.append((task_id, task))
    if not may_be_beyond(work, len(ready)):
        return ()
    admitted = _admitted(work, room, ready, at)
    no_place = beyond(work, admitted)
    for task_id, task in admitted:
        if task_id in no_place:
            task.opens_at, task.is_beyond = no_place[task_id], True
    return {task_id for task_id, _ in ready} - {task_id for task_id, _ in admitted}


def _admitted(work: Working, room: Room, ready: list[Candidate], at: Instant) -> list[Candidate]:
    """Return what budgets let open now, in the order of the queue, and what has no place whatever its budget lets."""
    contacts = {id(contact): contact for _, task in ready if (contact := work.rule_of(task).contact) is not None}
    if all(contact.most is None for contact in contacts.values()):
        return ready  # No budget leaves any of them for later.
    is_full, left, found = full(work), dict[int, int](), []
    for (*_, task_id), task in sorted((_queue_place(work, *each, at), each[1]) for each in ready):
        contact = work.rule_of(task).contact
        many = room.admits(contact)
        if many is not None and not is_full(task):
            left.setdefault(id(contact), many)
            left[id(contact)] -= 1
            if left[id(contact)] < 0:
                continue
        found.append((task_id, task))
    return found


_QueuePlace = tuple[Instant, Instant, int, str, str]
"""(when it was to open, when it would be due, rank in the policy, key, task id)."""


def _queue_place(work: Working, task_id: str, task: WaitingTask, at: Instant) -> _QueuePlace:
    rule = work.rule_of(task)
    assert rule.due is not None
    return task.wanted_at, rule.due(work.view_of(task.track, task.key, at), at), rule.rank, task.key, task_id


def open_tasks(work: Working, candidates: Sequence[Candidate], at: Instant) -> None:
    """Open what may open now, in the order of the queue; the rest waits or is passed over."""
    queue = [
        (place[-1], task) for place, task in sorted((_queue_place(work, *each, at), each[1]) for each in candidates)
    ]
    later = _look(work, at, queue)
    # Somebody got room in this very round, and was not asked whether they still want it: they are in the next round,
    # and whoever is held by a budget is looked at with them, so that nobody comes first by being later.
    is_next = any(task.opens_at <= at for task in work.state.waiting.values())
    room = Room(work, at)
    for task_id, task in queue:
        rule = work.rule_of(task)
        if not _is_wanted(work, task_id, task, rule, at):
            continue
        contact = rule.contact
        if not task.is_beyond:
            task.opens_at = room.opens_at(contact)
        if (
            task.opens_at > at
            or task_id in later
            or (is_next and contact is not None and (contact.most or contact.reaches))
        ):
            _hold(work, task_id, task, rule, at)
        else:
            _open(work, task_id, task, rule, at)
            room.take(task_id)
    work.asked.is_stirred = True


def open_alone(work: Working, task_id: str, task: WaitingTask, at: Instant) -> None:
    """Do the same for one task, where nothing waits and no limit is near: most openings are so."""
    rule = work.rule_of(task)
    if not _is_wanted(work, task_id, task, rule, at):
        return
    task.opens_at = opens_at(work, rule.contact, at)
    if task.opens_at > at:
        _hold(work, task_id, task, rule, at)
        work.asked.is_stirred = True
        return
    _open(work, task_id, task, rule, at)


def _is_wanted(work: Working, task_id: str, task: WaitingTask, rule: Rule, at: Instant) -> bool:
    """Tell whether a task may be asked for at all now; put it back otherwise."""
    contact = rule.contact
    if (contact is None or contact.stops is None) and rule.floor is None:
        return True
    instance = work.state.tracks[task.track][task.key]
    view = work.view_at(instance, task.key, at)
    if contact is not None and contact.stops is not None and contact.stops(view):
        pass_over(work, task_id, task, rule, at, detail="stopped")
        return False
    return rule.floor is None or not _is_too_soon(work, task_id, task, rule, instance, view)


def _hold(work: Working, task_id: str, task: WaitingTask, rule: Rule, at: Instant) -> None:
    """Let a task wait until it may open."""
    work.asked.hold(task_id, task)
    work.note_due(task.opens_at)
    if work.trail is not None:
        why = _why_waits(task, Room(work, at), rule, at)
        work.note(at, "waits", task.track, task.key, task.rule, task_id=task_id, detail=why)


def holds_back(work: Working, task: WaitingTask, at: Instant) -> tuple[str, ...]:
    """Return what a task waits for at an instant, for explanations: budget, quiet (hours), limit (a place), rounds
    or anew.

    rounds: it goes on a day later (limits.py). anew: it has a day (before_start.py).
    """
    return _holds_back(task, Room(work, at), work.rule_of(task), at)


def _holds_back(task: WaitingTask, room: Room, rule: Rule, at: Instant) -> tuple[str, ...]:
    if task.is_beyond:
        return ("limit",)
    is_put_off = task.held_until is not None and task.held_until > at
    day = "anew" if task.held_until == task.wanted_at else "rounds"
    return (*room.holds_back(rule.contact), *([day] if is_put_off else []))


def _why_waits(task: WaitingTask, room: Room, rule: Rule, at: Instant) -> str:
    """Return until when a task waits as things stand, and for what, for the trail."""
    return " ".join([from_microseconds(task.opens_at).isoformat(), *_holds_back(task, room, rule, at)])


def _is_too_soon(work: Working, task_id: str, task: WaitingTask, rule: Rule, instance: Instance, view: View) -> bool:
    """Put a repeated task that waited back where the fact of its `every ... after` has moved on meanwhile."""
    floor = None if rule.floor is None else rule.floor(view)
    if floor is None or floor <= view.at:
        return False
    work.note(view.at, "not_opened", task.track, task.key, rule.name, task_id=task_id, detail="too_soon")
    if rule.name not in instance.pending and instance.entry() == task.entry:
        schedule(work, (task.track, task.key), instance, rule, view)
    return True


def _open(work: Working, task_id: str, task: WaitingTask, rule: Rule, at: Instant) -> None:
    """Open a task now; an outcome that came before it closes it at once."""
    assert rule.due is not None
    assert rule.expires is not None
    key = task.key
    view = work.view_at(work.state.tracks[task.track][key], key, at)
    due_at = rule.due(view, at)
    expires_at = rule.expires(view, due_at)
    if expires_at < at:
        expires_at = at
    names = task.track, key, task.stage, task.rule
    opened = OpenTask(*names, task.entry, task.since, task.origin, at, due_at, expires_at, task.root)
    work.asked.open(task_id, opened)
    if expires_at < work.due:
        work.due = expires_at
    if work.trail is not None:
        work.note(at, "opened", task.track, key, rule.name, task_id=task_id, due=due_at)
    if work.state.kept:
        early = take_kept(work.state, task_id, at, expires_at)
        if early is not None:
            close(work, task_id, early, at)


def pass_over(
    work: Working,
    task_id: str,
    task: WaitingTask | OpenTask,
    rule: Rule,
    at: Instant,
    *,
    by: Origin | None = None,
    detail: str = "",
) -> None:
    """Do not open a task; a repeated one tries again after a period, where its stage goes on."""
    work.note(at, "not_opened", task.track, task.key, rule.name, task_id=task_id, by=by, detail=detail)
    instance = work.state.tracks[task.track][task.key]
    if rule.is_repeated and rule.name not in instance.pending and instance.entry() == task.entry:
        view = work.view_of(task.track, task.key, at)
        (restart if detail == "done" else go_on)(work, (task.track, task.key), instance, rule, view)


def stop_contacts(work: Working, at: Instant, by: Origin | None) -> None:
    """Withdraw open tasks, and forget waiting ones, of kinds of contact that the person does not want any more."""
    state = work.state
    work.dirty &= ~STOPS
    stopped = {id(contact) for contact in work.machine.contacts.values() if _stops(contact, work.view(None, at))}
    if not stopped:
        return
    for task_id in sorted(each for each, task in state.tasks.items() if id(work.rule_of(task).contact) in stopped):
        close(work, task_id, "withdrawn", at, reason="stopped", by=by)
    for task_id in sorted(each for each, task in state.waiting.items() if id(work.rule_of(task).contact) in stopped):
        task = work.asked.release(task_id)
        pass_over(work, task_id, task, work.rule_of(task), at, by=by, detail="stopped")


def _stops(contact: Contact, view: View) -> bool:
    return contact.stops is not None and contact.stops(view)
