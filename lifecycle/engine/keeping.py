"""What is kept of a person's way beside the snapshot, so that late news need not be folded from nothing. Pure.

An older snapshot, where the log is short: one, some time before the newest touchpoint. Who has a long log has
checkpoints instead: what they had come to after every so many touchpoints, all along. Both are states that a fold
passed through, taken at the end of an instant: all that had occurred until then is in them, timers included, and
nothing else. So news later than a checkpoint is folded onto it, and whoever folds a changed past and comes to the very
state of a checkpoint has changed nothing behind it (late.py). Were one taken within an instant, a touchpoint of that
instant could come later, and timers would have fired before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.engine.start import NOTHING_BEFORE, Before, Start
from lifecycle.instant import Instant, from_microseconds, microseconds
from lifecycle.person import Checkpoint, Checkpoints
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.trail import Closing
from lifecycle.rules.state.snapshot import PersonState, decode, encode
from lifecycle.touchpoint import Touchpoint, TouchpointKey

OLDER_AFTER = 64
"""The older snapshot is written anew when more than this many touchpoints follow it."""

OLDER_BY = timedelta(hours=24)
"""... and it lies at least this long before the newest touchpoint."""

LONG_LOG = 1_024
"""From this many touchpoints on a person has checkpoints."""

SPACING = 64
"""At least so many touchpoints lie between two checkpoints."""


class Slices:
    """A fold in slices, each from the state that the one before ended in: the same as one fold of all of them.

    `closings`, `labels` and `folded` are those of all slices, and of what went before.
    """

    def __init__(self, machine: Machine, person: str, state: PersonState, before: Before = NOTHING_BEFORE) -> None:
        self._machine = machine
        self.person = person
        self.state = state
        self.next_due_at: datetime | None = None
        self.closings: tuple[Closing, ...] = before.closings
        self.labels: dict[str, tuple[TouchpointKey, ...]] = dict(before.labels)
        self.folded: list[Touchpoint] = list(before.folded)

    def fold(self, touchpoints: Sequence[Touchpoint], until: datetime | None) -> None:
        """Fold the next touchpoints, and move time to `until`, or to the last of them."""
        # An outcome in one slice may be of a task that ended in an earlier one.
        folded = fold(self._machine, self.person, self.state, touchpoints, until, closings=self.closings)
        self.state, self.closings, self.next_due_at = folded.state, folded.closings, folded.next_due_at
        given = {"unmatched": folded.unmatched, "unreached": folded.unreached, "keyless": folded.keyless}
        self.labels = {label: (*self.labels.get(label, ()), *keys) for label, keys in given.items()}
        self.folded += touchpoints

    def fold_on(self, ready: Sequence[Touchpoint], mark: int, rows: list[Checkpoint], *, spare: int) -> int:
        """Fold all of these but what follows the last checkpoint; return how many those are.

        `mark` is how many touchpoints the checkpoint before has folded; new ones are added to `rows`. None is taken
        where fewer than `spare` touchpoints follow.
        """
        first, begun = self.state.touchpoints, 0
        for index in range(len(ready) - spare + 1):
            if first + index - mark < SPACING:
                continue
            reached_at = ready[index - 1].occurred_at if index > begun else reached(self.state)
            if reached_at is None or reached_at >= ready[index].occurred_at:
                continue
            if index > begun:
                self.fold(ready[begun:index], None)
            rows.append(checkpoint_of(self.person, self.state, mark))
            begun, mark = index, self.state.touchpoints
        return len(ready) - begun


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept beside the new snapshot; `checkpoints` is what changes of them, None: nothing."""

    older: str | None = None
    checkpoints: Checkpoints | None = None
    checkpointed: int | None = None


def fold_keeping(slices: Slices, start: Start, ready: Sequence[Touchpoint], until: datetime | None) -> Kept:
    """Fold touchpoints in order from a start, and move time to `until`; return what to keep beside the snapshot."""
    row, before = start.row, start.before.checkpoints
    had = None if row is None else row.checkpointed
    if had is None and slices.state.touchpoints + len(ready) < LONG_LOG:
        return Kept(_fold_with_older(slices, start, ready, until))
    mark = start.checkpointed or 0
    rows = [] if before is None else list(before.rows)
    left = slices.fold_on(ready, mark, rows, spare=1)
    changed = before
    if before is None and (rows or (start.is_full and had is not None)):
        changed = Checkpoints(slices.person, None if start.is_full else reached(start.state), None, tuple(rows))
    if before is not None:
        changed = Checkpoints(slices.person, before.after, before.until, tuple(rows))
    new = rows[len(before.rows) if before is not None else 0 :]
    mark += sum(each.touchpoints for each in new)
    slices.fold(ready[len(ready) - left :], until)
    return Kept(None if mark or row is None else row.older_snapshot, changed, mark or None)


def checkpoint_of(person: str, state: PersonState, mark: int) -> Checkpoint:
    """Return a state as a checkpoint; `mark` is how many touchpoints the checkpoint before it has folded."""
    reached_at = reached(state)
    assert reached_at is not None
    count, state.touchpoints = state.touchpoints, 0
    text = encode(state)
    state.touchpoints = count
    return Checkpoint(person, reached_at, count - mark, text)


def reached(state: PersonState) -> datetime | None:
    """Return when the last of what a state holds happened: a touchpoint or a timer; None: nothing has."""
    last: Instant | None = None if state.last_key is None else state.last_key[0]
    times = [at for at in (last, state.last_fired_at) if at is not None]
    return from_microseconds(max(times)) if times else None


def _fold_with_older(slices: Slices, start: Start, ready: Sequence[Touchpoint], until: datetime | None) -> str | None:
    """Fold, and return the older snapshot to keep beside the new one."""
    older = start.row.older_snapshot if start.row is not None and not start.is_full else None
    base = decode(older).touchpoints if older is not None else 0
    if start.state.touchpoints + len(ready) - base <= OLDER_AFTER or not ready:
        slices.fold(ready, until)
        return older
    newest = ready[-1].occurred_at - OLDER_BY
    cut = _cut(ready, newest)
    if cut == 0:
        # No place among the new ones: the state before them serves, if it is old enough.
        before = start.state.last_key
        if start.text and before is not None and before[0] <= microseconds(newest):
            older = start.text
        slices.fold(ready, until)
        return older
    slices.fold(ready[:cut], None)
    older = encode(slices.state)
    slices.fold(ready[cut:], until)
    return older


def _cut(ready: Sequence[Touchpoint], newest: datetime) -> int:
    """Return after how many touchpoints an older snapshot can be taken: at the end of an instant, old enough."""
    for index in range(len(ready) - 1, 0, -1):
        if ready[index - 1].occurred_at <= newest and ready[index - 1].occurred_at < ready[index].occurred_at:
            return index
    return 0
