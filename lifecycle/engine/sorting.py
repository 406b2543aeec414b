"""What becomes of each record of a batch: exactly one outcome, decided before anything is written.

Called by the engine with what the store already holds of the touchpoints named in the batch. Pure.
A touchpoint is identified by (person, source, id). The same again is a repetition, whatever it says: of
several variants under one id the smallest (occurred_at, hash of content) counts, so arrival does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import reduce

from lifecycle.record import Accounting, DeadLetter, Fault, Record, TopicPartition
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.language.vocabulary import fault_of
from lifecycle.touchpoint import Touchpoint, TouchpointKey, content_hash, key_of, variant_key


@dataclass(slots=True)
class Sorted:
    """A batch sorted. `accepted` are new; `replaced` maps a key to (variant stored before, variant that counts now).

    `places` says where each accepted touchpoint came from, for its labels. `newest` is the latest occurred_at of
    each partition, of every variant: which of them comes first must not matter.
    """

    accepted: dict[TouchpointKey, Touchpoint] = field(default_factory=dict)
    replaced: dict[TouchpointKey, tuple[Touchpoint, Touchpoint]] = field(default_factory=dict)
    conflicts: list[Touchpoint] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    counts: dict[TopicPartition, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    places: dict[TouchpointKey, TopicPartition] = field(default_factory=dict)
    newest: dict[TopicPartition, datetime] = field(default_factory=dict)

    def hear(self, place: TopicPartition, at: datetime) -> None:
        """Note when something occurred that was not refused, whichever variant of it will count."""
        newest = self.newest.get(place)
        if newest is None or at > newest:
            self.newest[place] = at

    def count(self, place: TopicPartition, name: str) -> None:
        """Add one to a counter of a partition."""
        self.counts[place][name] += 1

    def touched(self) -> dict[str, list[Touchpoint]]:
        """Return the new touchpoints of each person who is to be folded; none of whom only variants were replaced."""
        touched: dict[str, list[Touchpoint]] = {person: [] for person, _, _ in self.replaced}
        for key, touchpoint in self.accepted.items():
            touched.setdefault(key[0], []).append(touchpoint)
        return touched

    def written_anew(self) -> dict[str, list[Touchpoint]]:
        """Return, by person, the variants that count now in place of ones that were stored before."""
        found: dict[str, list[Touchpoint]] = {}
        for key, (_, after) in self.replaced.items():
            found.setdefault(key[0], []).append(after)
        return found

    def written(self, person: str) -> list[Touchpoint]:
        """Return what the log of a person holds by this batch that it does not hold yet."""
        found = [each for each in self.accepted.values() if each.person == person]
        return found + [after for _, after in self.replaced.values() if after.person == person]

    def label(self, key: TouchpointKey, name: str) -> None:
        """Add a label to a touchpoint that this batch brought; others are not counted again."""
        if key in self.places:
            self.count(self.places[key], name)

    def accounting(self) -> tuple[tuple[str, int, Accounting], ...]:
        """Return (topic, partition, counters), in the order of topics and partitions."""
        known = {each.name for each in fields(Accounting)}
        return tuple(
            (
                topic,
                partition,
                Accounting(**{name: count for name, count in counters.items() if name in known}),
            )
            for (topic, partition), counters in sorted(self.counts.items())
        )

    def total(self) -> Accounting:
        """Return the counters of all partitions together."""
        return reduce(Accounting.plus, (counts for _, _, counts in self.accounting()), Accounting())


class Sorter:
    """Sorts one batch. `stored` and `stored_conflicts` are what the store holds of the keys in it."""

    def __init__(
        self,
        machine: Machine,
        received_at: datetime,
        future: timedelta,
        stored: Mapping[TouchpointKey, Touchpoint],
        stored_conflicts: Mapping[TouchpointKey, set[str]],
    ) -> None:
        self.machine = machine
        self.received_at = received_at
        self.future = future
        self.known = dict(stored)
        self.conflicts = {key: set(hashes) for key, hashes in stored_conflicts.items()}
        self.sorted = Sorted()

    def sort(self, record: Record) -> None:
        """Decide one record. Records of a batch come in the order they were read."""
        place = record.place[:2]
        result = self.sorted
        result.count(place, "received")
        touchpoint = record.touchpoint
        if touchpoint is None:
            if record.fault is None:
                result.count(place, "passed_on")
                return
            self.refuse(record, record.fault, "dead_lettered")
            return
        key = key_of(touchpoint)
        stored = self.known.get(key)
        if stored is not None and self.is_known(key, stored, touchpoint):
            # Judged once, when it came first: never again against a later clock or another policy.
            result.hear(place, touchpoint.occurred_at)
            result.count(place, "duplicate")
            return
        if touchpoint.occurred_at > self.received_at + self.future:
            self.refuse(record, self.in_the_future(touchpoint), "future")
            return
        table = self.machine.types.get(touchpoint.type)
        fault = None if table is None else fault_of(touchpoint, table.read(touchpoint))
        if fault is not None:
            self.refuse(record, fault, "dead_lettered")
            return
        result.hear(place, touchpoint.occurred_at)
        if stored is not None:
            result.count(place, "conflicting")
            self.add_variant(key, stored, touchpoint)
            return
        self.known[key] = result.accepted[key] = touchpoint
        result.places[key] = place
        result.count(place, "folded" if table is not None else "unknown_type")

    def is_known(self, key: TouchpointKey, stored: Touchpoint, touchpoint: Touchpoint) -> bool:
        """Tell whether exactly this was received before, as the variant that counts or as another."""
        content = content_hash(touchpoint)
        return content == content_hash(stored) or content in self.conflicts.get(key, ())

    def add_variant(self, key: TouchpointKey, stored: Touchpoint, touchpoint: Touchpoint) -> None:
        """Keep another variant under a known id: the smaller of the two counts, the other stays beside it."""
        result = self.sorted
        is_smaller = variant_key(touchpoint) < variant_key(stored)
        beside = stored if is_smaller else touchpoint
        self.conflicts.setdefault(key, set()).add(content_hash(beside))
        result.conflicts.append(beside)
        if not is_smaller:
            return
        self.known[key] = touchpoint
        if key in result.accepted:
            result.accepted[key] = touchpoint
        else:
            before = result.replaced[key][0] if key in result.replaced else stored
            result.replaced[key] = (before, touchpoint)

    def refuse(self, record: Record, fault: Fault, outcome: str) -> None:
        """Keep a record as a dead letter, with its original bytes."""
        self.sorted.count(record.place[:2], outcome)
        self.sorted.dead_letters.append(
            DeadLetter(
                record.place,
                fault.reason,
                fault.field,
                fault.message,
                record.body,
                record.key,
                record.headers,
                self.received_at,
            )
        )

    def in_the_future(self, touchpoint: Touchpoint) -> Fault:
        return Fault(
            "future",
            "time",
            f"{touchpoint.type} {touchpoint.id} from {touchpoint.source}: time {touchpoint.occurred_at.isoformat()} "
            f"lies more than {self.future} after its receipt at {self.received_at.isoformat()}. "
            "Check the clock of the source and send it again.",
        )
