"""What budgets and quiet hours leave of a person at an instant: when one more of a kind of contact may open.

A budget counts what reaches the person: an open task from its opening, a done one from when it was done. Called by
openings.py and alone.py. Pure.
"""

from __future__ import annotations

from bisect import insort

from lifecycle.instant import Instant
from lifecycle.rules.compiled.machine import Contact
from lifecycle.rules.fold.working import Working


def may_be_spent(work: Working, contact: Contact | None) -> bool:
    """Tell whether the budget of a kind may be spent, if all that is open or remembered as done counted."""
    if contact is None or contact.most is None:
        return False
    return len(work.state.tasks) + len(work.state.done) >= contact.most


def opens_at(work: Working, contact: Contact | None, at: Instant) -> Instant:
    """Return the same as `Room.opens_at` for one task, where nothing was looked at yet."""
    if contact is None:
        return at
    if may_be_spent(work, contact):
        return Room(work, at).opens_at(contact)
    until = None if contact.quiet_until is None else contact.quiet_until(work.seen, at)
    return at if until is None else until


class Room:
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
            until = None if contact.quiet_until is None else contact.quiet_until(self._work.seen, free_at)
            self._known[id(contact)] = free_at if until is None else until
        return self._known[id(contact)]

    def holds_back(self, contact: Contact | None) -> tuple[str, ...]:
        """Return what holds back one more of a kind at this instant: its budget, and quiet hours."""
        if contact is None:
            return ()
        free_at = self._free_at(contact)
        is_quiet = contact.quiet_until is not None and contact.quiet_until(self._work.seen, free_at) is not None
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
        if not may_be_spent(self._work, contact):
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
