"""Passing on: a record about somebody of another database goes to the topic between them, to its person's partition.

Producers hash keys differently, so a record may come on a partition of the wrong database. It is sent on, as it came,
and the broker has acknowledged that *before* the batch is committed that it came with: what the offsets say was read
is in our database or in that topic. A worker that is killed in between passes it on again, which is a repetition for
whoever folds it. Nothing is decided here that the policy decides: the record is judged, and counted for what it is,
where the person is. It goes to their partition by number, in the order read, and is never passed on twice.

Used by the session alone, and with several databases alone.
"""

from __future__ import annotations

from lifecycle import ids
from lifecycle.databases import Shard
from lifecycle.record import Batch, Fault, Record
from lifecycle.settings import Settings
from lifecycle.streams.sending import Message, Sender
from lifecycle.streams.topics import MAX_DEAD_LETTER_BYTES

PREFIX = "lifecycle.passed-on."
TOPIC, PARTITION, OFFSET = (f"{PREFIX}{name}" for name in ("topic", "partition", "offset"))
"""Headers that say where a record that was passed on had come."""


MAX_PASSED_BYTES = MAX_DEAD_LETTER_BYTES - 64 * 1024
"""Most bytes of a record that is passed on: what the topic takes, less what is added."""


class Passing:
    """Tells which records are about people of other databases, and sends them there."""

    def __init__(self, settings: Settings, shard: Shard, partitions: int) -> None:
        self._topic = settings.passed_on
        self._shard = shard
        self._partitions = partitions
        self._sender = Sender(settings, partitions)

    def sort(self, record: Record) -> Record:
        """Return a record as it is, or as one to be passed on; safe for threads.

        What came by the topic between the databases is at home; what is not was put there by somebody else, and is
        refused: passed on once more it could go round for ever.
        """
        if record.touchpoint is None:
            return record
        home = ids.partition_of(record.touchpoint.person, self._partitions)
        if record.place.topic == self._topic:
            if home == record.place.partition:
                return record
            sentence = (
                f"it is about {record.touchpoint.person}, whose partition is {home}, and came on partition "
                f"{record.place.partition} of the topic that workers alone send to; send it to another input topic"
            )
            return record._replace(touchpoint=None, fault=Fault("misplaced", "subject", sentence))
        if home in self._shard:
            return record
        size = len(record.body) + len(record.key or b"") + sum(len(name) + len(value) for name, value in record.headers)
        if size > MAX_PASSED_BYTES:
            sentence = f"it has {size} bytes with its headers, and more than {MAX_PASSED_BYTES} cannot be passed on"
            return record._replace(touchpoint=None, fault=Fault("too_large", None, sentence))
        return record._replace(touchpoint=None, home=home)

    async def pass_on(self, batch: Batch) -> None:
        """Send what is to be passed on of a batch, in its order, and wait for every acknowledgement.

        May be repeated. Raises BrokerUnavailable.
        """
        parts: dict[int, list[Message]] = {}
        for record in batch.records:
            if record.home is not None:
                parts.setdefault(record.home, []).append(_message(record))
        if parts:
            await self._sender.send_to(self._topic, parts)

    async def close(self) -> None:
        """Close the connection, where there is one."""
        await self._sender.close()


def _message(record: Record) -> Message:
    place = record.place
    came = ((TOPIC, place.topic), (PARTITION, str(place.partition)), (OFFSET, str(place.offset)))
    kept = (each for each in record.headers if not each[0].startswith(PREFIX))
    return record.body, record.key, (*kept, *((name, value.encode()) for name, value in came))
