"""Opening tasks: whether one opens now, waits for quiet hours or a budget to end, or does not open at all.

Called by timers.py with everything that would open at one instant, and by fold.py when news has changed what a
person wants. All who wait stand in one queue: first whoever was to open first (quiet hours included), then the
earlier due, then the order in the policy, key, id. So a budget is spent alike in every replay, and room that comes
goes to whoever waits longest. A budget counts what reaches the person: an open task from its opening, a done one
from when it was done; one that expired, was declined or withdrawn counts no more, and its room is free at once.

`opens_at` of what waits is when it may open as things stand, set anew by `look_again` after whatever happened: room
that a touchpoint makes is a timer of that instant, and so is given after all its touchpoints. Whoever gets room is
looked at again like a task that opens: `when`, `stops`, `every ... after fact`. What waits, waits with its stage.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterable

from lifecycle.instant import Instant, from_microseconds
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import STOPS, Contact, Rule
from lifecycle.rules.fold.places import beyond, full, may_be_beyond, tell
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.early import take_kept
from lifecycle.rules.state.snapshot import OpenTask, Origin, WaitingTask

Candidate = tuple[str, WaitingTask]
"""Task id, and the task as it would open."""


class _Room:
    """What budgets count of one person at an instant, and so when the next task of a kind may open."""

    def __init__(self, work: Working, at: Instant) -> None:
        self._work = work
        self._at = at
        self._counted: list[Instant] | None = None
        self._known: dict[int, Instant] = {}

    def opens_at(self, contact: Contact | None) -> Instant:
        """Return the first moment, this instant or later, with room for one more of a kind and without quiet."""
        if contact is None:
            return self._at
        if id(contact) not in self._known:
            free_at = self._free_at(contact)
            until = None if contact.quiet_until is None else contact.quiet_until(self._work.view(None, free_at))
            self._known[id(contact)] = free_at if until is None else until
        return self._known[id(contact)]

    def holds_back(self, contact: Contact | None) -> tuple[str, ...]:
        """Return what holds back one more of a kind at this instant: its budget, and quiet hours."""
        if contact is None:
            return ()
        free_at = self._free_at(contact)
        is_quiet = contact.quiet_until is not None and contact.quiet_until(self._work.view(None, free_at)) is not None
        return (*(["budget"] if free_at > self._at else []), *(["quiet"] if is_quiet else []))

    def take(self, task_id: str) -> None:
        """Count a task that opened, unless an outcome that came before it ended it at once."""
        self._known.clear()
        task = self._work.state.tasks.get(task_id)
        if task is None:
            self._counted = None
        elif self._counted is not None and self._work.reaches(self._work.rule_of(task)):
            insort(self._counted, task.opened_at)

    def admits(self, contact: Contact | None) -> int | None:
        """Return how many more of a kind its budget lets open at this instant; None: it has none."""
        if contact is None or contact.most is None or contact.free_again is None:
            return None
        return max(0, contact.most - sum(contact.free_again(each) > self._at for each in self._taken()))

    def _free_at(self, contact: Contact) -> Instant:
        if contact.most is None or contact.free_again is None:
            return self._at
        counted = self._taken()
        if len(counted) < contact.most:
            return self._at
        return max(self._at, contact.free_again(counted[-contact.most]))

    def _taken(self) -> list[Instant]:
        """Return from when each task counts that budgets count, in order."""
        if self._counted is None:
            tasks = self._work.state.tasks.values()
            opened = [task.opened_at for task in tasks if self._work.reaches(self._work.rule_of(task))]
            self._counted = sorted([*opened, *self._work.state.done])
        return self._counted


def look_again(work: Working, at: Instant, by: Origin | None) -> None:
    """Set anew when each task that waits may open, as things stand after what happened at this instant.

    `by` is the touchpoint that it happened on (None: time). What is beyond a limit is told of (places.py) after a
    touchpoint, and by timers.py when nothing more is due at an instant: what waits within it alone is not told of.
    """
    if work.asked.is_stirred:
        _look(work, at, ())
        if by is not None:
            tell(work, at, by)
        work.asked.is_stirred = False


def _look(work: Working, at: Instant, candidates: Collection[Candidate]) -> Collection[str]:
    """Set when each task that waits, and each candidate beside them, may open, as if no other opened before it.

    Where places are short, return those that their budgets leave for a later round: they do not wait for a place.
    """
    room, ready = _Room(work, at), []
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


def _admitted(work: Working, room: _Room, ready: list[Candidate], at: Instant) -> list[Candidate]:
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


def open_tasks(work: Working, candidates: Iterable[Candidate], at: Instant) -> None:
    """Open what may open now, in the order of the queue; the rest waits or is passed over."""
    queue = [(_queue_place(work, task_id, task, at), task) for task_id, task in candidates]
    if not queue:
        return
    if len(queue) > 1:
        queue.sort(key=lambda each: each[0])
    is_alone = len(queue) == 1 and not work.state.waiting and not may_be_beyond(work, 1)
    later = () if is_alone else _look(work, at, [(place[-1], task) for place, task in queue])
    # Somebody got room in this very round, and was not asked whether they still want it: they are in the next round,
    # and whoever is held by a budget is looked at with them, so that nobody comes first by being later.
    is_next = any(task.opens_at <= at for task in work.state.waiting.values())
    room = _Room(work, at)
    for (_, due_at, _, _, task_id), task in queue:
        rule, view = work.rule_of(task), work.view_of(task.track, task.key, at).copy()
        contact = rule.contact
        if contact is not None and contact.stops is not None and contact.stops(view):
            pass_over(work, task_id, task, rule, at, detail="stopped")
            continue
        if _is_too_soon(work, task_id, task, rule, view):
            continue
        if not task.is_beyond:
            task.opens_at = room.opens_at(contact)
        if (
            task.opens_at > at
            or task_id in later
            or (is_next and contact is not None and (contact.most or contact.reaches))
        ):
            work.asked.hold(task_id, task)
            work.note_due(task.opens_at)
            if work.trail is not None:
                why = _why_waits(task, room, rule, at)
                work.note(at, "waits", task.track, task.key, task.rule, task_id=task_id, detail=why)
        else:
            _open(work, task_id, task, rule, view, due_at)
            room.take(task_id)
    work.asked.is_stirred = True


def holds_back(work: Working, task: WaitingTask, at: Instant) -> tuple[str, ...]:
    """Return what a task waits for at an instant, for explanations: budget, quiet (hours), limit (a place), rounds
    or anew.

    rounds: it goes on a day later (limits.py). anew: it has a day (before_start.py).
    """
    return _holds_back(task, _Room(work, at), work.rule_of(task), at)


def _holds_back(task: WaitingTask, room: _Room, rule: Rule, at: Instant) -> tuple[str, ...]:
    if task.is_beyond:
        return ("limit",)
    is_put_off = task.held_until is not None and task.held_until > at
    day = "anew" if task.held_until == task.wanted_at else "rounds"
    return (*room.holds_back(rule.contact), *([day] if is_put_off else []))


def _why_waits(task: WaitingTask, room: _Room, rule: Rule, at: Instant) -> str:
    """Return until when a task waits as things stand, and for what, for the trail."""
    return " ".join([from_microseconds(task.opens_at).isoformat(), *_holds_back(task, room, rule, at)])


def _is_too_soon(work: Working, task_id: str, task: WaitingTask, rule: Rule, view: View) -> bool:
    """Put a repeated task that waited back where the fact of its `every ... after` has moved on meanwhile."""
    floor = None if rule.floor is None else rule.floor(view)
    if floor is None or floor <= view.at:
        return False
    work.note(view.at, "not_opened", task.track, task.key, rule.name, task_id=task_id, detail="too_soon")
    instance = work.state.tracks[task.track][task.key]
    if instance.cause == task.entry and rule.name not in instance.pending:
        work.schedule(instance, rule, view)
        work.active[task.track, task.key] = instance
    return True


def _open(work: Working, task_id: str, task: WaitingTask, rule: Rule, view: View, due_at: Instant) -> None:
    """Open a task now; an outcome that came before it closes it at once."""
    state, at = work.state, view.at
    assert rule.expires is not None
    opened = OpenTask(
        track=task.track,
        key=task.key,
        stage=task.stage,
        rule=task.rule,
        entry=task.entry,
        since=task.since,
        origin=task.origin,
        opened_at=at,
        due_at=due_at,
        expires_at=max(rule.expires(view, due_at), at),
        root=task.root,
    )
    work.asked.open(task_id, opened)
    work.note_due(opened.expires_at)
    work.note(at, "opened", task.track, task.key, rule.name, task_id=task_id, due=due_at)
    early = take_kept(state, task_id, at, opened.expires_at)
    if early is not None:
        work.close(task_id, early, at)


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
    if rule.period is not None and instance.cause == task.entry and rule.name not in instance.pending:
        view = work.view_of(task.track, task.key, at)
        (work.restart if detail == "done" else work.go_on)(instance, rule, view)
        work.active[task.track, task.key] = instance


def stop_contacts(work: Working, at: Instant, by: Origin | None) -> None:
    """Withdraw open tasks, and forget waiting ones, of kinds of contact that the person does not want any more."""
    state = work.state
    work.dirty &= ~STOPS
    stopped = {id(contact) for contact in work.machine.contacts.values() if _stops(contact, work.view(None, at))}
    if not stopped:
        return
    for task_id in sorted(each for each, task in state.tasks.items() if id(work.rule_of(task).contact) in stopped):
        work.close(task_id, "withdrawn", at, reason="stopped", by=by)
    for task_id in sorted(each for each, task in state.waiting.items() if id(work.rule_of(task).contact) in stopped):
        task = work.asked.release(task_id)
        pass_over(work, task_id, task, work.rule_of(task), at, by=by, detail="stopped")


def _stops(contact: Contact, view: View) -> bool:
    return contact.stops is not None and contact.stops(view)
