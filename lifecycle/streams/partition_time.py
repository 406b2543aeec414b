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

With several databases a record that arrived in a partition of another one is passed on (passing.py). So, once one was,
what counts besides is what the workers of the others have heard (`Elsewhere`): how far they have read is what they
tell the broker, after their commits, and what they had passed on by then has arrived here once our partitions of the
topic between the databases were read beyond the moment at which they told it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from lifecycle.record import TopicPartition


class Elsewhere:
    """What was heard of the partitions of other databases, `heard` (None: not known yet). One event loop uses it.

    `topics` are those that others send touchpoints to. What came by them may be about people of ours, and then comes by
    the topic between the databases.
    """

    def __init__(self, topics: Iterable[str], partitions: Iterable[int]) -> None:
        self._times = PartitionTimes(topics, partitions, grace=timedelta(0))
        self._told: tuple[datetime, datetime] | None = None
        self.heard: datetime | None = None

    def look(
        self,
        asked_at: datetime,
        ends: Mapping[TopicPartition, int],
        *,
        offsets: Mapping[TopicPartition, int],
        told_at: datetime,
        here: datetime | None,
    ) -> None:
        """Take in what was asked for: first `offsets`, up to which the others have read, then the `ends` of their logs.

        `asked_at` is when that began, `told_at` when the offsets were there. `here` is up to when everything was heard
        that came by our partitions of the topic between the databases. All moments are of one clock, ours.
        """
        # An offset beyond the end is of a log that was lost: nobody has read what comes there now.
        read = {place: offset for place, offset in offsets.items() if offset <= ends.get(place, -1)}
        self._times.passed(read)
        self._times.mark(asked_at, ends)
        self._times.passed(read)
        if self._told is not None and here is not None and here >= self._told[0]:
            self.heard, self._told = self._told[1], None
        heard = self._times.everywhere()
        if self._told is None and heard is not None:
            self._told = told_at, heard


class PartitionTimes:
    """What was heard of every partition of the input topics. Not safe for threads: one event loop uses it.

    `misrouted`: set it once a record arrived in another partition than its person's; it stays set. `elsewhere` is what
    was heard of the partitions of other databases, where there are several.
    """

    def __init__(
        self,
        topics: Iterable[str],
        partitions: Iterable[int],
        *,
        grace: timedelta,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._topics = tuple(topics)
        self._partitions = frozenset(partitions)
        self._grace = grace
        self.elsewhere = elsewhere
        self._heard: dict[TopicPartition, datetime] = {}
        self._marks: dict[TopicPartition, tuple[datetime, int]] = {}
        self.misrouted = False

    def mark(self, at: datetime, ends: Mapping[TopicPartition, int]) -> None:
        """Note that the partitions ended at these offsets at a moment; `at` must be taken before asking."""
        for place, end in ends.items():
            if place[1] not in self._partitions:
                continue
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
        wanted = self._partitions if self.misrouted else partitions
        heard = [self.heard(partition) for partition in wanted]
        if self.misrouted and self.elsewhere is not None:
            heard.append(self.elsewhere.heard)
        known = [moment for moment in heard if moment is not None]
        return min(*known, now) - self._grace if known and len(known) == len(heard) else None

    @property
    def places(self) -> list[TopicPartition]:
        """Every (topic, partition) that is listened to."""
        return [(topic, partition) for topic in self._topics for partition in sorted(self._partitions)]

    def everywhere(self, topics: Collection[str] | None = None) -> datetime | None:
        """Return up to when everything in all partitions of some topics (None: all) was heard; None: not known yet."""
        heard = [self._heard.get(place) for place in self.places if topics is None or place[0] in topics]
        known = [moment for moment in heard if moment is not None]
        return min(known) if len(known) == len(heard) else None

    def _hear(self, place: TopicPartition, at: datetime) -> None:
        before = self._heard.get(place)
        if before is None or before < at:
            self._heard[place] = at
