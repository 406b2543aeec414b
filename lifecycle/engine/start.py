"""Where one person's fold starts, and from what: the stored snapshot, an earlier one, or nothing. Pure.

A touchpoint later than all that a snapshot has seen is an increment. Otherwise the person is folded again: from the
older snapshot when that has not seen it yet, else from nothing; who has a long log, from a checkpoint (late.py). All
end in the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import msgspec

from lifecycle.instant import Instant, from_microseconds
from lifecycle.person import Checkpoints, PersonRow
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import can_append
from lifecycle.rules.fold.retractions import Name
from lifecycle.rules.fold.trail import Closing
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT, PersonState, decode
from lifecycle.touchpoint import OrderKey, Touchpoint, TouchpointKey, order_key


class Before(NamedTuple):
    """What a fold did that another one goes on from: the tasks that ended, the labels that it gave, by label, and the
    touchpoints that it took in. `checkpoints` are those that it changed, None: it had none.
    """

    closings: tuple[Closing, ...] = ()
    labels: tuple[tuple[str, tuple[TouchpointKey, ...]], ...] = ()
    folded: tuple[Touchpoint, ...] = ()
    checkpoints: Checkpoints | None = None


NOTHING_BEFORE = Before()


@dataclass(frozen=True, slots=True)
class Start:
    """Where a person's fold starts.

    `state` is the state to fold onto, `text` its snapshot ("" for nothing). `log_since`: touchpoints in the
    log from that time on are needed (None: all of them), if `needs_log`. `is_full`: from nothing.
    `floor`: time must be moved at least to here, because it was there before. `last_key`
    and `last_fired_at` are those of the stored snapshot. `left_out` is what was retracted, and is not folded. `late`:
    the order keys of what changes in the past of somebody who has checkpoints; late.py finds the state to start from.
    `before` is what was folded on the way to it, `checkpointed` how many touchpoints the newest checkpoint has folded
    then (None: there is none).
    """

    row: PersonRow | None
    state: PersonState
    text: str
    needs_log: bool
    log_since: datetime | None
    is_full: bool
    floor: datetime | None
    last_key: OrderKey | None
    last_fired_at: Instant | None
    left_out: frozenset[Name] = frozenset()
    late: tuple[OrderKey, ...] = ()
    before: Before = NOTHING_BEFORE
    checkpointed: int | None = None


def start_of(
    row: PersonRow | None,
    machine: Machine,
    changed: Collection[OrderKey],
    *,
    anew: bool = False,
    left_out: frozenset[Name] = frozenset(),
    reads_log: bool = False,
) -> Start:
    """Return where to start for touchpoints that have these order keys (none: only time moves).

    `anew` starts from nothing whatever is stored; so does a row that is stopped, which has not taken in all of its log.
    `reads_log` wants the log also for an increment. `left_out` is what was retracted.
    """
    start = _start_of(row, machine, changed, anew=anew)
    if not left_out and not reads_log:
        return start
    # An increment on a stored snapshot counts from its last touchpoint; the other ways read the log anyway.
    return replace(start, left_out=left_out, needs_log=start.needs_log or (reads_log and row is not None))


def _start_of(row: PersonRow | None, machine: Machine, changed: Collection[OrderKey], *, anew: bool) -> Start:
    first = min(changed, default=None)
    if row is None:
        return Start(None, PersonState(), "", False, None, True, None, None, None)
    if row.snapshot_format != SNAPSHOT_FORMAT:
        # Another format may not even decode; where time had reached is then told by the log and `until`.
        return Start(row, PersonState(), "", True, None, True, None, None, None)
    state = state_of(row.snapshot)
    if state is None:
        return Start(row, PersonState(), "", True, None, True, None, None, None)
    anew = anew or row.stopped is not None
    last_key, fired = state.last_key, state.last_fired_at
    since = None if last_key is None else from_microseconds(last_key[0])
    fired_at = None if fired is None else from_microseconds(fired)
    floor = max((at for at in (fired_at, since) if at is not None), default=None)
    if row.policy_hash != machine.policy.hash:
        return Start(row, PersonState(), "", True, None, True, floor, None, None)
    late = first is not None and not can_append(state, first)
    if not late and not anew:
        needs_log = row.waiting_at is not None
        known = row.checkpointed
        return Start(row, state, row.snapshot, needs_log, since, False, floor, last_key, fired, checkpointed=known)
    if row.checkpointed is not None and not anew:
        keys = tuple(key for key in changed if not can_append(state, key))
        needs_log = row.waiting_at is not None
        return Start(row, state, row.snapshot, needs_log, None, False, floor, last_key, fired, late=keys)
    if row.older_snapshot is not None and not anew and first is not None:
        older = state_of(row.older_snapshot)
        if older is not None and can_append(older, first) and older.last_key is not None:
            since = from_microseconds(older.last_key[0])
            return Start(row, older, row.older_snapshot, True, since, False, floor, last_key, fired)
    return Start(row, PersonState(), "", True, None, True, floor, last_key, fired)


def state_of(text: str) -> PersonState | None:
    """Return the state of a snapshot; None where it was damaged: nothing is lost, the log is what it was made of."""
    try:
        return decode(text)
    except msgspec.MsgspecError:
        return None


def is_late(start: Start, touchpoint: Touchpoint) -> bool:
    """Tell whether a touchpoint came after later ones, or after time had already passed it."""
    key = order_key(touchpoint)
    return (start.last_key is not None and key < start.last_key) or (
        start.last_fired_at is not None and key[0] <= start.last_fired_at
    )
