"""Where the folds of a batch start: what was retracted of whom, and what each fold has to begin from.

A part of the engine's gathering, called by it alone. Nothing in a snapshot tells of retractions, so which of them a
stored snapshot knew of is told by its row: all that were stored then, but for those that wait, which occur when
the row's first waiting touchpoint does, or later. What changes against that is looked up in the log, for it may
lie anywhere in what was folded already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.engine.late import from_checkpoint
from lifecycle.engine.sorting import Sorted
from lifecycle.engine.start import Start, start_of, state_of
from lifecycle.instant import from_microseconds
from lifecycle.person import PersonRow
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.retractions import Name, name_of, retracted
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT
from lifecycle.store.store import Store
from lifecycle.touchpoint import RETRACTED, OrderKey, Touchpoint, TouchpointKey, key_of, order_key


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was retracted of one person: `before` when the stored row was written, and `now`."""

    before: frozenset[Name] = frozenset()
    now: frozenset[Name] = frozenset()

    @property
    def changed(self) -> frozenset[Name]:
        """What is to be taken out of the fold, or given back to it."""
        return self.before ^ self.now


def starts_of(
    store: Store,
    machine: Machine,
    touched: Mapping[str, Sequence[Touchpoint]],
    rows: Mapping[str, PersonRow],
    result: Sorted,
    ceiling: datetime | None,
) -> dict[str, Start]:
    """Return where the fold of each person touched starts, by name, in the order of names.

    `touched` are the new touchpoints, `rows` what is stored of these people (read before this is called, so that a
    retraction which comes in between is noticed at the commit), `result` the batch sorted. Touchpoints that occur after
    `ceiling` wait.
    """
    stored = store.find_retractions([person for person in touched if person in rows])
    replaced: dict[str, list[tuple[Touchpoint, Touchpoint]]] = {}
    for key, pair in result.replaced.items():
        replaced.setdefault(key[0], []).append(pair)
    left_out: dict[str, LeftOut] = {}
    for person, fresh in touched.items():
        written = [*fresh, *(after for _, after in replaced.get(person, ()))]
        if person in stored or any(each.type == RETRACTED for each in written):
            left_out[person] = left_out_of(rows.get(person), stored.get(person, ()), written, ceiling)
    found = store.find_touchpoints({(person, *name) for person, each in left_out.items() for name in each.changed})
    changed: dict[str, list[Touchpoint]] = {}
    for key, touchpoint in found.items():
        changed.setdefault(key[0], []).append(touchpoint)
    starts = {}
    for person in sorted(touched):
        gone = left_out.get(person, LeftOut())
        others = changed.get(person, [])
        both = [variant for pair in replaced.get(person, ()) for variant in pair]
        keys = _keys([*(each for each in touched[person] if name_of(each) not in gone.now), *others, *both])
        row = rows.get(person)
        # The row of somebody who is stopped does not tell what its snapshot knew of.
        anew = person in left_out and row is not None and row.stopped is not None
        start = start_of(row, machine, keys, anew=anew, left_out=gone.now, reads_log=bool(others))
        written = [*touched[person], *(after for _, after in replaced.get(person, ()))]
        starts[person] = from_checkpoint(store, machine, person, start, written) if start.late else start
    return starts


def logs_of(store: Store, starts: Mapping[str, Start]) -> dict[str, list[Touchpoint]]:
    """Return what has to be read of the log, by person, for folds that start so."""
    wanted = {person: start.log_since for person, start in starts.items() if start.needs_log}
    return store.read_log(wanted) if wanted else {}


def _keys(touchpoints: Iterable[Touchpoint]) -> list[OrderKey]:
    return [order_key(each) for each in touchpoints if each.type != RETRACTED]


def left_out_of(
    row: PersonRow | None, stored: Iterable[Touchpoint], written: Iterable[Touchpoint], ceiling: datetime | None
) -> LeftOut:
    """Return what the retractions of a person leave out.

    `stored` are the retractions in the database; `written` are touchpoints of this batch that stand in the log
    afterwards, retractions or not. A retraction that occurs after `ceiling` waits, unless it counted already.
    """
    known: dict[TouchpointKey, Touchpoint] = {key_of(each): each for each in stored}
    counted = {}
    if row is not None:
        since = row.waiting_at
        counted = {key: each for key, each in known.items() if since is None or each.occurred_at < since}
        ceiling = None if ceiling is None else max(ceiling, _floor_of(row) or ceiling)
    present = {**known, **{key_of(each): each for each in written}}
    reached = [
        each
        for key, each in present.items()
        if ceiling is None or each.occurred_at <= ceiling or counted.get(key) == each
    ]
    return LeftOut(frozenset(retracted(counted.values())), frozenset(retracted(reached)))


def _floor_of(row: PersonRow) -> datetime | None:
    """Return how far the time of a stored person had moved; None where the snapshot cannot be read, or says nothing."""
    if row.snapshot_format != SNAPSHOT_FORMAT:
        return None
    state = state_of(row.snapshot)
    if state is None:
        return None
    last = None if state.last_key is None else state.last_key[0]
    return max((from_microseconds(at) for at in (state.last_fired_at, last) if at is not None), default=None)
