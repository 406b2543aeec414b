"""Watching that the log of each partition stays the one that was read so far.

A broker hands out records of a topic that was made anew under their old offsets, and a client that may move a
position by itself passes over what is gone. So nothing of that kind is left to the client: at every claim and every
tick the topic's id and the start and end of each partition are asked for, and compared with where the database
stands. What differs is noted in the database, and the partition is read by nobody until `topics adopt` names it; its
people are not moved meanwhile, since their news is not heard, but what is in the outbox is sent.

Claims compare when partitions are assigned; the clock and a bounded run at each of their rounds, through this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from lifecycle.record import TopicPartition
from lifecycle.store.changes import Progress
from lifecycle.store.ownership import why_not_read
from lifecycle.streams.equipment import Equipment
from lifecycle.streams.intake import Intake


class Watch:
    """Compares, notes, and lets the intake join anew when what it may read has changed.

    `stopped` says of each partition that nobody reads why, as of the last look.
    """

    def __init__(self, equipment: Equipment, intake: Intake) -> None:
        self._equipment = equipment
        self._intake = intake
        self.stopped: dict[TopicPartition, str] = {}

    async def look(self, rows: Iterable[Progress]) -> dict[TopicPartition, int]:
        """Return where the partitions that may be read end now; those that are stopped are left out.

        With several databases those of others too, once a record was misrouted.

        `rows` must have been read before: what was read up to then lies before the end, or the end was lost. Raises
        BrokerUnavailable, and TopicChanged when a topic has another number of partitions.
        """
        known = {(row.topic, row.partition): row for row in rows if row.topic_id}
        everywhere = self._equipment.times.misrouted
        now = await asyncio.to_thread(lambda: self._equipment.logs.look(everywhere=everywhere))
        stopped: dict[TopicPartition, str] = {
            place: row.stopped for place, row in known.items() if row.stopped is not None
        }
        reading = self._intake.epochs()
        for place, row in known.items():
            seen = now.get(place)
            if seen is None or place in stopped:
                continue
            # That records are gone before they were read is for the consumer to meet: it may hold them already.
            wrong = why_not_read(row, replace(seen, start=min(seen.start, row.next_offset)))
            store = self._equipment.store
            if wrong is not None and await asyncio.to_thread(store.stop_partition, *place, row.epoch, wrong):
                stopped[place] = wrong
        for place in reading.keys() & stopped.keys():
            self._intake.join_again(stopped[place])
        # Adopting raises the epoch, as every later claim does: rows read before our own claim say nothing.
        assigned = self._intake.stopped().items()
        adopted = [
            place
            for place, epoch in assigned
            if place not in stopped and (known_now := known.get(place)) is not None and known_now.epoch > epoch
        ]
        if adopted:
            listed = ", ".join(f"{topic}[{partition}]" for topic, partition in sorted(adopted))
            self._intake.join_again(f"{listed} may be read again.")
        self.stopped = stopped
        self._tell(known.values(), stopped)
        return {
            place: seen.end
            for place, seen in now.items()
            if place not in stopped and (place not in known or known[place].topic_id == seen.id)
        }

    def _tell(self, rows: Iterable[Progress], stopped: dict[TopicPartition, str]) -> None:
        equipment = self._equipment
        metrics, owned = equipment.metrics, equipment.owned
        equipment.stopped = {place: why for place, why in stopped.items() if place[1] in owned}
        metrics.stopped_partitions.clear()
        metrics.lost_offsets.clear()
        for row in rows:
            if row.partition in owned:
                is_stopped = (row.topic, row.partition) in stopped
                metrics.stopped_partitions.labels(row.topic, str(row.partition)).set(is_stopped)
                metrics.lost_offsets.labels(row.topic, str(row.partition)).set(row.lost)
