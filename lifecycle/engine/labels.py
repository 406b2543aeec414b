"""What the accounting says of touchpoints besides their one outcome, as things stand at the commit.

A label is given to what a batch brought and, when it is folded at last, to what waited (waiting.py); to nothing else,
so that each is counted once. Called by the engine alone. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from lifecycle import ids
from lifecycle.engine.folding import Result
from lifecycle.engine.sorting import Sorted
from lifecycle.engine.start import Start, is_late
from lifecycle.engine.waiting import UNFOLDED
from lifecycle.record import TopicPartition

FOLDED_LATER: TopicPartition = ("file:", 0)
"""Where labels are counted of what waited: of which file or topic it was is not kept."""


def label_batch(results: Iterable[Result], batch: Sorted, *, partitions: int, is_from_topic: bool) -> None:
    """Label what a sorted batch accepted, by the folds of the people it touched.

    `partitions` is the number that people belong to; only a record of a topic can have come to a wrong one.
    """
    starts = {}
    for each in results:
        starts[each.row.person] = each.start
        waited = _holds_what_waited_alone(each.start)
        for label, keys in each.labels.items():
            for key in keys:
                if key in batch.places:
                    batch.label(key, label)
                elif waited:
                    batch.count(FOLDED_LATER, label)
    for key, touchpoint in batch.accepted.items():
        if starts and (start := starts.get(key[0])) is not None and is_late(start, touchpoint):
            batch.label(key, "late")
        if is_from_topic and ids.partition_of(key[0], partitions) != batch.places[key][1]:
            batch.label(key, "misrouted")


def _holds_what_waited_alone(start: Start) -> bool:
    """Whether such a fold takes in nothing, besides a batch, but what waited: what was folded before has its labels."""
    row = start.row
    return row is not None and row.waiting_at is not None and row.snapshot in (UNFOLDED, start.text)
