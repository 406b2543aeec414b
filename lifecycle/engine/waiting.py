"""Log first: while much is read, a person waits, and is folded once, when time moves.

What a batch brings is written to the log; the row says from when it is not folded yet (`waiting_at`) and that the
person is to be looked at in the next pass. So a history costs the same in any order: nobody is folded again because
something came late within it. Bounded runs take all in so, a live worker what it finds when it is behind. Who was
folded already waits too, for what comes after all that was folded; what comes before that is folded at once, from the
log, together with what waits. A part of the engine's gathering and deciding, called by it alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from lifecycle import ids
from lifecycle.engine.sorting import Sorted
from lifecycle.engine.start import state_of
from lifecycle.person import DUE_AT_ONCE, PersonRow
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import can_append
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT, PersonState, encode
from lifecycle.store.store import Store
from lifecycle.touchpoint import RETRACTED, Touchpoint, order_key

UNFOLDED = encode(PersonState())
"""The snapshot of somebody of whom nothing was folded yet."""


def waiting_rows(
    store: Store,
    machine: Machine,
    partitions: int,
    touched: Mapping[str, Sequence[Touchpoint]],
    rows: Mapping[str, PersonRow],
    result: Sorted,
    *,
    recent: datetime | None = None,
) -> dict[str, PersonRow]:
    """Return the rows of those who wait to be folded, by name; the others are to be folded now.

    `touched` are the new touchpoints, `rows` what is stored of these people, `result` the batch sorted. Of whom
    anything occurred at `recent` or later, they are folded now (None: all wait).
    """
    retracted = store.find_retractions([person for person in touched if person in rows])
    replaced = result.written_anew()
    found = {}
    for person in sorted(touched):
        written = [*touched[person], *replaced.get(person, ())]
        if recent is not None and any(each.occurred_at >= recent for each in written):
            continue
        is_mended = person in retracted or person in replaced
        stored = rows.get(person)
        if stored is None:
            found[person] = _new_row(machine, person, ids.partition_of(person, partitions), written)
        elif _may_wait(machine, stored, written, is_mended=is_mended):
            found[person] = _waiting_row(stored, written)
    return found


def _new_row(machine: Machine, person: str, partition: int, written: Sequence[Touchpoint]) -> PersonRow:
    return PersonRow(
        person=person,
        partition=partition,
        revision=1,
        lane=machine.last_lane,
        next_due_at=DUE_AT_ONCE,
        waiting_at=min(each.occurred_at for each in written),
        policy_hash=machine.policy.hash,
        snapshot_format=SNAPSHOT_FORMAT,
        snapshot=UNFOLDED,
        older_snapshot=None,
        stopped=None,
    )


def _may_wait(machine: Machine, row: PersonRow, written: Sequence[Touchpoint], *, is_mended: bool) -> bool:
    """Whether somebody can wait to be folded with what a batch adds to the log or writes anew there.

    `is_mended`: something of it, or that stands there, changes what was before. Whoever is stopped, or was folded by
    another policy or format, is folded now.
    """
    if row.stopped is not None or (row.policy_hash, row.snapshot_format) != (machine.policy.hash, SNAPSHOT_FORMAT):
        return False
    if row.snapshot == UNFOLDED:
        return True
    if is_mended or any(each.type == RETRACTED for each in written):
        return False
    state = state_of(row.snapshot)
    return state is not None and can_append(state, min(map(order_key, written)))


def _waiting_row(row: PersonRow, written: Sequence[Touchpoint]) -> PersonRow:
    waiting_at = min(each.occurred_at for each in written)
    since = waiting_at if row.waiting_at is None else min(row.waiting_at, waiting_at)
    return row._replace(revision=row.revision + 1, waiting_at=since, next_due_at=DUE_AT_ONCE)
