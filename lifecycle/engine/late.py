"""Late news of somebody with a long log: folded from a checkpoint, and only as far as it changes anything.

The fold begins at the last checkpoint before what changed, and goes from checkpoint to checkpoint. Where it comes to
the very state that a checkpoint holds, and nothing that changed lies behind, all the rest stands: the later
checkpoints as they are, and the stored snapshot but for the number of touchpoints. Most news of the past is like that:
what came after it has overwritten what it told. Where it is not, checkpoints are replaced on the way, and the fold ends
where it always does.

The log is read by checkpoints too, four times as far each time, so that news which changes everything behind it costs a
few reads. A part of the engine's gathering, called by it alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from lifecycle.engine import keeping
from lifecycle.engine.keeping import Slices, checkpoint_of
from lifecycle.engine.start import Before, Start, start_of
from lifecycle.errors import LifecycleError
from lifecycle.instant import from_microseconds
from lifecycle.person import Checkpoint, Checkpoints
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.retractions import is_left_out
from lifecycle.rules.state.snapshot import PersonState, decode
from lifecycle.store.store import Store
from lifecycle.touchpoint import RETRACTED, Touchpoint, key_of, order_key

FIRST_READ = 1
"""Checkpoints, and the log up to them, that are read at first; then four times as many each time."""


def from_checkpoint(store: Store, machine: Machine, person: str, start: Start, fresh: Iterable[Touchpoint]) -> Start:
    """Return where the fold of a person starts whose past changed (`start.late`), with all before it folded.

    `fresh` are the touchpoints that a batch brought, and the variants that count now.
    """
    try:
        return _Way(store, machine, person, start, fresh).start()
    except LifecycleError:
        raise
    except Exception:
        # A checkpoint that cannot be read, or a defect: from nothing, where what fails stops this one person.
        return start_of(start.row, machine, start.late, anew=True, left_out=start.left_out)


class _Way:
    """The way from checkpoint to checkpoint of one person."""

    def __init__(self, store: Store, machine: Machine, person: str, start: Start, fresh: Iterable[Touchpoint]) -> None:
        self._store = store
        self._person = person
        self._start = start
        self._fresh = {key_of(each): each for each in fresh}
        self._until = from_microseconds(max(key[0] for key in start.late))
        known = store.checkpoint_before(person, from_microseconds(min(key[0] for key in start.late)))
        state, self._mark, self._since = PersonState(), 0, None if known is None else known[0].reached_at
        if known is not None:
            state, self._mark = decode(known[0].snapshot), known[1]
            state.touchpoints = self._mark
        self._is_full = known is None
        self._before = self._mark  # how many touchpoints the last checkpoint had folded before the past changed
        self._after = self._since
        self._slices = Slices(machine, person, state)
        self._rows: list[Checkpoint] = []

    def start(self) -> Start:
        """Go on until nothing is different any more, or there is no further checkpoint."""
        many = FIRST_READ
        while found := self._store.checkpoints_after(self._person, self._since, many):
            log = self._log(self._since, found[-1].reached_at)
            for stored in found:
                cut = next((at for at, each in enumerate(log) if each.occurred_at > stored.reached_at), len(log))
                if self._is_met(stored, log[:cut]):
                    return self._converged(stored)
                log = log[cut:]
            many *= 4
        state = self._slices.state
        return replace(
            self._start,
            state=state,
            text="",
            needs_log=True,
            log_since=self._since,
            is_full=self._is_full,
            late=(),
            before=self._folded(None),
            checkpointed=self._mark or None,
        )

    def _log(self, after: datetime | None, until: datetime) -> list[Touchpoint]:
        """Return what is to be folded of what occurred between two moments, in order."""
        stored = self._store.log_between(self._person, after, until)
        fresh = (each for each in self._fresh.values() if (after is None or each.occurred_at > after))
        found = [each for each in stored if key_of(each) not in self._fresh]
        found += [each for each in fresh if each.occurred_at <= until]
        gone = self._start.left_out
        return sorted((each for each in found if each.type != RETRACTED and not is_left_out(each, gone)), key=order_key)

    def _is_met(self, stored: Checkpoint, ready: list[Touchpoint]) -> bool:
        """Fold up to a checkpoint; tell whether it stands, with all behind it. If not, it is replaced."""
        slices, kept = self._slices, len(self._rows)
        left = slices.fold_on(ready, self._mark, self._rows, spare=keeping.SPACING)
        self._mark += sum(each.touchpoints for each in self._rows[kept:])
        slices.fold(ready[len(ready) - left :], stored.reached_at)
        self._before += stored.touchpoints
        self._since = stored.reached_at
        last_at = self._rows[-1].reached_at if self._rows else self._after
        reached_at = keeping.reached(slices.state)
        if reached_at is None or reached_at == last_at:
            return False  # Everything between was taken out: the checkpoint before says the same.
        row = checkpoint_of(self._person, slices.state, self._mark)
        self._rows.append(row)
        self._mark = slices.state.touchpoints
        return stored.reached_at >= self._until and row.snapshot == stored.snapshot

    def _converged(self, stored: Checkpoint) -> Start:
        state, row = self._start.state, self._start.row
        assert row is not None
        assert row.checkpointed is not None
        more = self._mark - self._before
        state.touchpoints += more
        return replace(
            self._start,
            text="",
            log_since=None if state.last_key is None else from_microseconds(state.last_key[0]),
            is_full=False,
            late=(),
            before=self._folded(stored.reached_at),
            checkpointed=row.checkpointed + more,
        )

    def _folded(self, until: datetime | None) -> Before:
        """Return what was folded on the way, and the checkpoints that change, up to a moment (None: to the last)."""
        slices = self._slices
        changed = Checkpoints(self._person, self._after, until, tuple(self._rows))
        return Before(slices.closings, tuple(slices.labels.items()), tuple(slices.folded), changed)
