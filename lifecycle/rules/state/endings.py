"""How tasks ended, remembered as long as an outcome may still name them: bounded, and the same after any replay.

Two memories in the snapshot. `closed` holds the newest MAX_CLOSED endings of the person, whole. What leaves it goes to
`ended`, by slot, as no more than its cause and how it ended, so that the newest MAX_OF_SLOT of every slot are known
in all. Of a slot that lost more than that nobody can tell whether an id was ever asked, and `has_forgotten` says so:
an outcome of it must not be taken for one of another task. Called by fold/working.py, outcomes.py and fold/tasks.py.
"""

from __future__ import annotations

from lifecycle.rules.state.snapshot import ClosedTask, Ended, PersonState
from lifecycle.task import TaskState

MAX_CLOSED = 64
"""Endings of a person that are remembered whole; the oldest give way ..."""

MAX_OF_SLOT = 8
"""... but for these, the newest of each slot, of which the id and the state stay known."""


def remember(state: PersonState, closed: ClosedTask) -> None:
    """Take in how a task ended; an earlier ending of the same task is forgotten."""
    kept = [each for each in state.closed if each.id != closed.id]
    if not state.ended and len(kept) < MAX_CLOSED:
        state.closed = [*kept, closed]
        return
    slot, _, cause = closed.id.partition("-")
    if len(kept) == len(state.closed) and slot in state.ended:
        ends = state.ended[slot]
        state.ended[slot] = Ended([end for end in ends.ends if end[0] != cause], ends.forgot)
    state.closed = [*kept, closed]
    if len(state.closed) > MAX_CLOSED:
        oldest = state.closed.pop(0)
        slot_before, _, cause_before = oldest.id.partition("-")
        ends = state.ended.get(slot_before, Ended([], forgot=False))
        state.ended[slot_before] = Ended([*ends.ends, (cause_before, oldest.state)], ends.forgot)
        _trim(state, slot_before)
    _trim(state, slot)


def _trim(state: PersonState, slot: str) -> None:
    """Forget what is beyond the newest of a slot."""
    ends = state.ended.get(slot)
    if ends is None:
        return
    of_slot = f"{slot}-"
    room = max(0, MAX_OF_SLOT - sum([each.id.startswith(of_slot) for each in state.closed]))
    left = ends.ends[max(0, len(ends.ends) - room) :]
    forgot = ends.forgot or len(left) < len(ends.ends)
    if left or forgot:
        state.ended[slot] = Ended(left, forgot)
    else:
        del state.ended[slot]


def state_of(state: PersonState, task_id: str) -> TaskState | None:
    """Return how a task ended last; None: it is open, was never asked, or is forgotten."""
    for closed in reversed(state.closed):
        if closed.id == task_id:
            return closed.state
    slot, _, cause = task_id.partition("-")
    ends = state.ended.get(slot)
    return None if ends is None else next((how for name, how in ends.ends if name == cause), None)


def has_forgotten(state: PersonState, slot: str) -> bool:
    """Tell whether there were tasks of this slot of which nothing is known any more."""
    ends = state.ended.get(slot)
    return ends is not None and ends.forgot
