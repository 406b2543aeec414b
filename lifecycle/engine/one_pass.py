"""What one pass of the engine is about: a batch that is taken in, or time that moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.engine.messages import outbox_rows
from lifecycle.person import OutboxRow
from lifecycle.record import Accounting
from lifecycle.store.changes import Changes
from lifecycle.store.store import Store


@dataclass(frozen=True, slots=True)
class Pass:
    """How far one pass may move time, whether it publishes, folds from nothing, or lets people wait (waiting.py).

    `recent`: whoever has news from then on does not wait (None: all wait).
    `labelled` is told of the labels of what waited, `told` of the messages that were written, each after its commit.
    """

    at: datetime
    until: datetime | None
    ceiling: datetime | None
    publish: bool
    anew: bool = False
    log_first: bool = False
    recent: datetime | None = None
    labelled: Callable[[Accounting], None] | None = None
    told: Callable[[Sequence[OutboxRow]], None] | None = None

    def __post_init__(self) -> None:
        if self.until is not None and self.ceiling is not None and self.until > self.ceiling:
            raise ValueError(
                f"time was to move to {self.until.isoformat()}, and touchpoints after {self.ceiling.isoformat()} wait: "
                "one between the two would be folded after the timers of its instant. Name an earlier `until`."
            )

    def commit(self, store: Store, changes: Changes) -> None:
        """Commit what was decided, and tell of the messages that stand in the outbox by it."""
        numbers = store.commit(changes)
        if self.told is not None and numbers:
            self.told(outbox_rows(changes, numbers))
