"""A batch is sorted by what the store holds already of the touchpoints in it. A part of the engine's gathering."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from lifecycle.engine.sorting import Sorted, Sorter
from lifecycle.person import PersonRow
from lifecycle.record import Batch
from lifecycle.rules.compiled.machine import Machine
from lifecycle.store.store import Store
from lifecycle.touchpoint import key_of


def sort_batch(
    store: Store,
    machine: Machine,
    future: timedelta,
    batch: Batch,
    rows: Mapping[str, PersonRow],
    *,
    received_at: datetime,
) -> Sorted:
    """Return what becomes of each record of a batch.

    `rows` is what is stored of the people in it, `future` how long after `received_at` a touchpoint may occur.
    """
    # Whoever has no row has no log: a touchpoint is written together with its person.
    keys = {key_of(each.touchpoint) for each in batch.records if each.touchpoint and each.touchpoint.person in rows}
    stored = store.find_touchpoints(keys) if keys else {}
    conflicts = store.find_conflicts(stored.keys()) if stored else {}
    sorter = Sorter(machine, received_at, future, stored, conflicts)
    for record in batch.records:
        sorter.sort(record)
    return sorter.sorted
