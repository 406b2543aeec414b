"""One person's way from a stored row and new touchpoints to the next row: where the fold starts, and from what.

Called by the engine in two steps, so that it can read the logs of many people at once in between: `start_of`
says where to start and what has to be read, `fold_person` folds. Pure.

A touchpoint later than all that a snapshot has seen is an increment. Otherwise the person is folded again:
from the older snapshot when that has not seen it yet, else from nothing. Both end in the same bytes.

A retraction is never folded, and never an increment: what it takes out, or gives back, is folded anew from before that.
Neither it nor what it takes out leaves anything in the snapshot (starting.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from lifecycle import canonical_json
from lifecycle.instant import Instant, from_microseconds, microseconds
from lifecycle.person import PersonRow
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.defect import defect_in_words
from lifecycle.rules.fold.fold import Folded, can_append, fold
from lifecycle.rules.fold.retractions import Name, is_left_out
from lifecycle.rules.fold.trail import Closing
from lifecycle.rules.language.names import is_built_in
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT, PersonState, decode, encode
from lifecycle.touchpoint import EARLIEST, RETRACTED, OrderKey, Touchpoint, TouchpointKey, key_of, order_key
from lifecycle.version import program_version

OLDER_AFTER = 64
"""The older snapshot is written anew when more than this many touchpoints follow it."""

OLDER_BY = timedelta(hours=24)
"""... and it lies at least this long before the newest touchpoint."""

DUE_AT_ONCE = EARLIEST
"""next_due_at of a person who is to be looked at in the next pass, whatever time it is."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a person's fold starts.

    `state` is the state to fold onto, `text` its snapshot ("" for nothing). `log_since`: touchpoints in the
    log from that time on are needed (None: all of them), if `needs_log`. `is_full`: from nothing.
    `floor`: time must be moved at least to here, because it was there before. `last_key`
    and `last_fired_at` are those of the stored snapshot. `left_out` is what was retracted, and is not folded.
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


@dataclass(frozen=True, slots=True)
class Result:
    """The next row of a person and what its tasks came to. `state` is None where the person is stopped.

    `labels` are touchpoints by what is to be said of them in the accounting besides.
    """

    row: PersonRow
    state: PersonState | None
    closings: tuple[Closing, ...]
    labels: Mapping[str, tuple[TouchpointKey, ...]]
    start: Start


def start_of(
    row: PersonRow | None,
    machine: Machine,
    first: OrderKey | None,
    *,
    anew: bool = False,
    left_out: frozenset[Name] = frozenset(),
    reads_log: bool = False,
) -> Start:
    """Return where to start for touchpoints of which the earliest has the order key `first` (None: only time moves).

    `anew` starts from nothing whatever is stored; so does a row that is stopped, which has not taken in all of its log.
    `reads_log` wants the log also for an increment. `left_out` is what was retracted.
    """
    start = _start_of(row, machine, first, anew=anew)
    if not left_out and not reads_log:
        return start
    # An increment on a stored snapshot counts from its last touchpoint; the other ways read the log anyway.
    return replace(start, left_out=left_out, needs_log=start.needs_log or (reads_log and row is not None))


def _start_of(row: PersonRow | None, machine: Machine, first: OrderKey | None, *, anew: bool) -> Start:
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
        return Start(row, state, row.snapshot, row.waiting_at is not None, since, False, floor, last_key, fired)
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


def known_tasks(result: Result) -> frozenset[str]:
    """Return the ids of the tasks that a fold opened, as far as it tells: from nothing, all of them."""
    open_now = () if result.state is None else result.state.tasks
    return frozenset((*open_now, *(each.closed.id for each in result.closings)))


def is_late(start: Start, touchpoint: Touchpoint) -> bool:
    """Tell whether a touchpoint came after later ones, or after time had already passed it."""
    key = order_key(touchpoint)
    return (start.last_key is not None and key < start.last_key) or (
        start.last_fired_at is not None and key[0] <= start.last_fired_at
    )


def fold_person(
    machine: Machine,
    person: str,
    partition: int,
    start: Start,
    touchpoints: Iterable[Touchpoint],
    *,
    until: datetime | None,
    ceiling: datetime | None,
    is_due: bool,
) -> Result:
    """Fold a person from `start` over their touchpoints, in any order; those already in the start are left out.

    `until`: time moves at least there. Touchpoints later than `ceiling` wait, unless time was already past them.
    `is_due` marks the person for the next pass. Whatever goes wrong in here, it is one person's: the row keeps
    snapshot, lane and tasks and says what failed, nobody else is concerned, and the person is folded from nothing
    the next time (a touchpoint, a newer version of the program, `lifecycle people refold`).
    """
    try:
        return _folded(machine, person, partition, start, touchpoints, until, ceiling, is_due)
    except Exception as error:
        row = _stopped_row(machine, person, partition, start, defect_in_words(error))
        return Result(row, None, (), {}, start)


def stopped_result(machine: Machine, result: Result, error: Exception) -> Result:
    """Return, instead of a fold that something failed with afterwards, that its person is stopped."""
    row = _stopped_row(machine, result.row.person, result.row.partition, result.start, defect_in_words(error))
    return Result(row, None, (), result.labels, result.start)


def _folded(
    machine: Machine,
    person: str,
    partition: int,
    start: Start,
    touchpoints: Iterable[Touchpoint],
    until: datetime | None,
    ceiling: datetime | None,
    is_due: bool,
) -> Result:
    times = [at for at in (until, start.floor) if at is not None]
    reached = max(times, default=None)
    if ceiling is not None and start.floor is not None:
        ceiling = max(ceiling, start.floor)
    ready, waiting_at = _ready(start, touchpoints, ceiling)
    folded, older = _fold_with_older(machine, person, start, ready, reached)
    due = [at for at in (folded.next_due_at, waiting_at) if at is not None]
    row = PersonRow(
        person=person,
        partition=partition,
        revision=_revision_after(start),
        lane=folded.state.lane,
        next_due_at=DUE_AT_ONCE if is_due else min(due, default=None),
        waiting_at=waiting_at,
        policy_hash=machine.policy.hash,
        snapshot_format=SNAPSHOT_FORMAT,
        snapshot=encode(folded.state),
        older_snapshot=older,
        stopped=None,
        begun_at=None if folded.state.begun_at is None else from_microseconds(folded.state.begun_at),
        missing=canonical_json.dumps(folded.state.missing) if folded.state.missing else None,
    )
    return Result(row, folded.state, folded.closings, _labels_of(folded, ready), start)


def _revision_after(start: Start) -> int:
    return 1 if start.row is None else start.row.revision + 1


def _labels_of(folded: Folded, ready: Iterable[Touchpoint]) -> dict[str, tuple[TouchpointKey, ...]]:
    """Return what the accounting says of touchpoints besides their outcome: label -> keys.

    An outcome that is kept for a task to come is of no task that was asked by now, so it is unmatched too.
    """
    kept = {each.task_id for each in folded.state.kept if not each.used}
    early = [key_of(each) for each in ready if is_built_in(each.type) and each.data.get("task") in kept] if kept else []
    unmatched = tuple(dict.fromkeys([*folded.unmatched, *early]))
    return {"unmatched": unmatched, "unreached": folded.unreached, "keyless": folded.keyless}


def _ready(
    start: Start, touchpoints: Iterable[Touchpoint], ceiling: datetime | None
) -> tuple[list[Touchpoint], datetime | None]:
    """Return the touchpoints to be folded, in order, and when the first of those that wait occurs."""
    last, gone = start.state.last_key, start.left_out
    keyed = ((order_key(each), each) for each in touchpoints if not is_left_out(each, gone))
    known = sorted((each for each in keyed if last is None or each[0] > last), key=lambda each: each[0])
    reached = [each for _, each in known if ceiling is None or each.occurred_at <= ceiling]
    waiting_at = known[len(reached)][1].occurred_at if len(reached) < len(known) else None
    return [each for each in reached if each.type != RETRACTED], waiting_at


def _fold_with_older(
    machine: Machine, person: str, start: Start, ready: Sequence[Touchpoint], reached: datetime | None
) -> tuple[Folded, str | None]:
    """Fold, and return the older snapshot to keep beside the new one."""
    older = start.row.older_snapshot if start.row is not None and not start.is_full else None
    base = decode(older).touchpoints if older is not None else 0
    if start.state.touchpoints + len(ready) - base <= OLDER_AFTER or not ready:
        return fold(machine, person, start.state, ready, reached), older
    newest = ready[-1].occurred_at - OLDER_BY
    cut = _cut(ready, newest)
    if cut == 0:
        # No place among the new ones: the state before them serves, if it is old enough.
        before = start.state.last_key
        if start.text and before is not None and before[0] <= microseconds(newest):
            older = start.text
        return fold(machine, person, start.state, ready, reached), older
    first = fold(machine, person, start.state, ready[:cut], None)
    older = encode(first.state)
    # An outcome in the second half may be of a task that ended in the first.
    second = fold(machine, person, first.state, ready[cut:], reached, closings=first.closings)
    folded = Folded(
        second.state,
        second.next_due_at,
        second.closings,
        (*first.unmatched, *second.unmatched),
        (*first.unreached, *second.unreached),
        (*first.keyless, *second.keyless),
    )
    return folded, older


def _cut(ready: Sequence[Touchpoint], newest: datetime) -> int:
    """Return after how many touchpoints an older snapshot can be taken: at the end of an instant, old enough."""
    for index in range(len(ready) - 1, 0, -1):
        if ready[index - 1].occurred_at <= newest and ready[index - 1].occurred_at < ready[index].occurred_at:
            return index
    return 0


def _stopped_row(machine: Machine, person: str, partition: int, start: Start, why: str) -> PersonRow:
    """Return the row of somebody who could not be folded: as it was, and why; who is new is served last."""
    row = start.row or PersonRow(
        person=person,
        partition=partition,
        revision=0,
        lane=machine.last_lane,
        next_due_at=None,
        waiting_at=None,
        policy_hash=machine.policy.hash,
        snapshot_format=SNAPSHOT_FORMAT,
        snapshot=encode(PersonState()),
        older_snapshot=None,
        stopped=None,
    )
    return replace(row, revision=row.revision + 1, next_due_at=None, stopped=why, stopped_by=program_version())
