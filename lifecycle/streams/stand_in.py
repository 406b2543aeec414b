"""What stands in the place of a record that the Kafka client cannot unpack (careful.py says when)."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.record import Fault, Place, Record


@dataclass(frozen=True, slots=True)
class StandIn:
    """Stands where a record could not be unpacked; has what the intake looks at in a record of the client."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 0

    def as_record(self) -> Record:
        """Return the record that is dead-lettered in its place."""
        sentence = (
            "it cannot be unpacked: in this record, or in one before it in its producer's batch, the name of a "
            f"header is not UTF-8. It stands in topic {self.topic}, partition {self.partition}, offset "
            f"{self.offset}; send it again with other header names."
        )
        place = Place(self.topic, self.partition, self.offset)
        return Record(place, b"", None, Fault("unreadable_header", None, sentence))
