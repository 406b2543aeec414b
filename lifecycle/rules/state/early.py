"""Outcomes that came before their task: kept, bounded, until the task opens.

The clock of a task tool may be slow, and late truth may give a question another cause and so another id. An outcome
whose id opens later closes that task, however much later. For another task of its slot it counts only once, and only
if that task opens while it would still stand if it had been open at the outcome: within its due time and expiry.
Called by openings.py and outcomes.py.
"""

from __future__ import annotations

from lifecycle import ids
from lifecycle.instant import Instant
from lifecycle.rules.state.snapshot import KeptOutcome, PersonState
from lifecycle.task import TaskState

MAX_KEPT = 64
"""Outcomes kept for one person; the oldest give way, and count as unmatched where they closed nothing."""


def keep(state: PersonState, outcome: KeptOutcome) -> bool:
    """Keep an outcome; return whether one that closed nothing had to give way."""
    kept = [*state.kept, outcome]
    gone = kept[:-MAX_KEPT]
    state.kept = kept[-MAX_KEPT:]
    return any(not each.used for each in gone)


def is_kept(state: PersonState, task_id: str) -> bool:
    """Tell whether an outcome of this id is kept: of several the first counts."""
    return any(each.task_id == task_id for each in state.kept)


def take_kept(state: PersonState, task_id: str, opened_at: Instant, expires_at: Instant) -> TaskState | None:
    """Return how a task that opens now was ended before: by its own id, else by the oldest of its slot that counts."""
    if not state.kept:
        return None
    own = next((each for each in state.kept if each.task_id == task_id), None)
    if own is not None:
        state.kept = [each for each in state.kept if each is not own]
        return own.state
    slot, since = ids.slot_of_task(task_id), opened_at - (expires_at - opened_at)
    for index, each in enumerate(state.kept):
        if not each.used and each.at >= since and ids.slot_of_task(each.task_id) == slot:
            used = KeptOutcome(each.task_id, each.state, each.at, used=True)
            state.kept = [*state.kept[:index], used, *state.kept[index + 1 :]]
            return each.state
    return None
