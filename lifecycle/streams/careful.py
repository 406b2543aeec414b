"""Reading one by one, past a record that the Kafka client cannot even unpack.

The client decodes the names of headers as UTF-8 and raises for one that is not, out of the middle of whatever it
was handing out. Left alone that record would end every worker that meets it. So the session rewinds to what is in
flight and reads carefully: one record at a time, until the client raises for exactly one offset. A stand-in takes
its place and is dead-lettered; its bytes stay in the topic, since nobody here has seen them. What follows in the
same batch of the producer can only be unpacked from the start of that batch, so each of those records is
reported too: named one by one, and never dropped in silence.
"""

from __future__ import annotations

from typing import Any

from aiokafka import TopicPartition

from lifecycle.errors import BrokerUnavailable
from lifecycle.streams.claims import Claims
from lifecycle.streams.stand_in import StandIn

MOST_AT_ONCE = 100
"""Most records of a partition read one by one before they are put in flight together."""
POLL_MILLISECONDS = 20


def rewind(consumer: Any, claims: Claims) -> None:
    """Go back to what was put in flight last: a consumer that raised may have moved past records it kept."""
    for place, claim in claims.current().items():
        consumer.seek(place, claim.taken)


async def read_one_by_one(consumer: Any, claims: Claims) -> tuple[dict[TopicPartition, list[Any]], bool]:
    """Return the next records, each read alone, and whether stand-ins are among them.

    Raises BrokerUnavailable when partitions were reassigned meanwhile: what was read means nothing then.
    """
    before = claims.current()
    read: dict[TopicPartition, list[Any]] = {}
    has_stand_in = False
    for place in before:
        for _ in range(MOST_AT_ONCE):
            try:
                handed_out = await consumer.getmany(place, timeout_ms=POLL_MILLISECONDS, max_records=1)
            except UnicodeDecodeError:
                offset = await consumer.position(place)
                handed_out = {place: [StandIn(place.topic, place.partition, offset)]}
                consumer.seek(place, offset + 1)
                has_stand_in = True
            if not handed_out:
                break
            read.setdefault(place, []).extend(handed_out[place])
    now = claims.current()
    if any(now.get(place) is not before[place] for place in before):
        raise BrokerUnavailable("partitions were assigned anew while records were read one by one.")
    return read, has_stand_in
