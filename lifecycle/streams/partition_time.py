"""Partition time: how far the people of each partition may be moved, given what was heard of their topics.

What it is: arithmetic over marks and timestamps, no input or output. The intake and the clock feed it, the
clock asks it. Guarantee 5 rests on it: nobody is chased for a reply that waits in the backlog.

Heard. For each input topic and partition there is a moment up to which everything that the broker had taken
is committed in the database. Two things move it, and nothing moves it back:

- a *mark*: at a moment `at` the broker said that the partition ends at offset E. Once the database has passed
  E, whoever read it, everything that was taken before `at` has been heard. One mark stands at a time and is
  not replaced before it is passed, so a partition under load is heard as well, a little later.
- a *record*: while behind, the broker's timestamp of the record that was committed last. Records follow in
  the order the broker took them, so what comes next is not older.

A partition is heard as far as the least of its topics. Its time is min(heard, wall clock) less the grace.
Marks are passed by what stands in the database, not by what this worker fetched: so a mark says the same of
partitions that another worker reads, which counts once a record arrived in another partition than its
person's (`misrouted`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from lifecycle.record import TopicPartition


class PartitionTimes:
    """What was heard of every partition of the input topics. Not safe for threads: one event loop uses it.

    `misrouted`: set it once a record arrived in another partition than its person's; it stays set.
    """

    def __init__(self, topics: Iterable[str], partitions: int, *, grace: timedelta) -> None:
        self._topics = tuple(topics)
        self._partitions = partitions
        self._grace = grace
        self._heard: dict[TopicPartition, datetime] = {}
        self._marks: dict[TopicPartition, tuple[datetime, int]] = {}
        self.misrouted = False

    @property
    def places(self) -> list[TopicPartition]:
        """Every (topic, partition) that is listened to."""
        return [(topic, partition) for topic in self._topics for partition in range(self._partitions)]

    def mark(self, at: datetime, ends: Mapping[TopicPartition, int]) -> None:
        """Note that the partitions ended at these offsets at a moment; `at` must be taken before asking."""
        for place, end in ends.items():
            self._marks.setdefault(place, (at, end))

    def passed(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Note how far the database has read; marks that lie behind it count as heard."""
        for place, next_offset in next_offsets.items():
            mark = self._marks.get(place)
            if mark is not None and next_offset >= mark[1]:
                del self._marks[place]
                self._hear(place, mark[0])

    def committed(self, place: TopicPartition, at: datetime) -> None:
        """Note the broker's timestamp of the last record of a partition that was committed."""
        self._hear(place, at)

    def heard(self, partition: int) -> datetime | None:
        """Return up to when everything about this partition's people was heard; None: not known yet."""
        moments = [self._heard.get((topic, partition)) for topic in self._topics]
        known = [moment for moment in moments if moment is not None]
        return min(known) if len(known) == len(moments) else None

    def least(self, partitions: Collection[int], *, now: datetime) -> datetime | None:
        """Return how far people of all these partitions may be moved; None: not at all yet.

        Once a record was misrouted, any partition may hold news of anybody: then it is the least of all.
        """
        wanted = range(self._partitions) if self.misrouted else partitions
        heard = [self.heard(partition) for partition in wanted]
        known = [moment for moment in heard if moment is not None]
        return min(*known, now) - self._grace if known and len(known) == len(heard) else None

    def _hear(self, place: TopicPartition, at: datetime) -> None:
        before = self._heard.get(place)
        if before is None or before < at:
            self._heard[place] = at
