"""One person's way from a start and new touchpoints to the next row.

Called by the engine in two steps, so that it can read the logs of many people at once in between: start.py
says where to start and what has to be read, `fold_person` folds. Pure.

A retraction is never folded, and never an increment: what it takes out, or gives back, is folded anew from before that.
Neither it nor what it takes out leaves anything in the snapshot (starting.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lifecycle import canonical_json
from lifecycle.engine.keeping import Slices, fold_keeping
from lifecycle.engine.start import Start
from lifecycle.instant import from_microseconds
from lifecycle.person import DUE_AT_ONCE, Checkpoints, PersonRow
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.defect import defect_in_words
from lifecycle.rules.fold.retractions import is_left_out
from lifecycle.rules.fold.trail import Closing
from lifecycle.rules.language.names import is_built_in
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT, PersonState, encode
from lifecycle.touchpoint import RETRACTED, Touchpoint, TouchpointKey, key_of, order_key
from lifecycle.version import program_version


@dataclass(frozen=True, slots=True)
class Result:
    """The next row of a person and what its tasks came to. `state` is None where the person is stopped.

    `labels` are touchpoints by what is to be said of them in the accounting besides. `checkpoints` is what changes of
    them (None: nothing).
    """

    row: PersonRow
    state: PersonState | None
    closings: tuple[Closing, ...]
    labels: Mapping[str, tuple[TouchpointKey, ...]]
    start: Start
    checkpoints: Checkpoints | None = None


def known_tasks(result: Result) -> frozenset[str]:
    """Return the ids of the tasks that a fold opened, as far as it tells: from nothing, all of them."""
    open_now = () if result.state is None else result.state.tasks
    return frozenset((*open_now, *(each.closed.id for each in result.closings)))


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
    slices = Slices(machine, person, start.state, start.before)
    kept = fold_keeping(slices, start, ready, reached)
    state = slices.state
    due = [at for at in (slices.next_due_at, waiting_at) if at is not None]
    row = PersonRow(
        person=person,
        partition=partition,
        revision=_revision_after(start),
        lane=state.lane,
        next_due_at=DUE_AT_ONCE if is_due else min(due, default=None),
        waiting_at=waiting_at,
        policy_hash=machine.policy.hash,
        snapshot_format=SNAPSHOT_FORMAT,
        snapshot=encode(state),
        older_snapshot=kept.older,
        stopped=None,
        begun_at=None if state.begun_at is None else from_microseconds(state.begun_at),
        missing=canonical_json.dumps(state.missing) if state.missing else None,
        checkpointed=kept.checkpointed,
    )
    return Result(row, state, slices.closings, _labels_of(slices), start, kept.checkpoints)


def _revision_after(start: Start) -> int:
    return 1 if start.row is None else start.row.revision + 1


def _labels_of(slices: Slices) -> dict[str, tuple[TouchpointKey, ...]]:
    """Return what the accounting says of touchpoints besides their outcome: label -> keys.

    An outcome that is kept for a task to come is of no task that was asked by now, so it is unmatched too.
    """
    kept = {each.task_id for each in slices.state.kept if not each.used}
    ready = slices.folded if kept else []
    early = [key_of(each) for each in ready if is_built_in(each.type) and each.data.get("task") in kept]
    return {**slices.labels, "unmatched": tuple(dict.fromkeys([*slices.labels["unmatched"], *early]))}


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
    return row._replace(revision=row.revision + 1, next_due_at=None, stopped=why, stopped_by=program_version())
