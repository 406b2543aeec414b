"""One producer for everything that a worker sends: many messages at once, and none lost between two of them.

Tasks go in batches that are packed here, one after another for each partition: handing the producer each message by
itself costs six times as much. A person's messages all go to one partition, so their order holds. Used by the relay,
and by passing.py with a producer of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from lifecycle import ids
from lifecycle.person import OutboxRow
from lifecycle.settings import Settings
from lifecycle.streams.connection import broker_trouble, client_arguments
from lifecycle.streams.topics import MAX_DEAD_LETTER_BYTES

ACKNOWLEDGE_SECONDS = 15.0
CLOSE_SECONDS = 5.0
BATCH_BYTES = 64 * 1024
"""A topic refuses batches beyond its max.message.bytes, a million unless it was set: this is far below."""

CONTENT_TYPE = [("content-type", b"application/cloudevents+json; charset=UTF-8")]

Message = tuple[bytes, bytes | None, Sequence[tuple[str, bytes]]]
"""Value, key and headers."""

log = logging.getLogger(__name__)


class Sender:
    """Sends, and waits for every acknowledgement. `partitions` is the number that people belong to."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        self._settings = settings
        self._partitions = partitions
        self._producer: Any = None

    async def send_tasks(self, rows: Sequence[OutboxRow]) -> None:
        """Send messages about tasks, each person's in the order given. Raises BrokerUnavailable when one is missing."""

        async def send(producer: Any) -> None:
            topic = self._settings.tasks
            count = len(await producer.partitions_for(topic))
            parts: dict[int, list[OutboxRow]] = {}
            for row in rows:
                # Kafka's own partitioner says the same of the person's id; it takes twice as long as all the rest.
                partition = row.partition if count == self._partitions else ids.partition_of(row.person, count)
                parts.setdefault(partition, []).append(row)
            await asyncio.gather(*(_send_packed(producer, topic, partition, part) for partition, part in parts.items()))

        await self._with_producer(send)

    async def send(self, topic: str, messages: Iterable[Message]) -> None:
        """Send messages one by one, which may be large. Raises BrokerUnavailable when one is missing."""

        async def send(producer: Any) -> None:
            answers = [
                await producer.send(topic, value, key=key, headers=list(headers)) for value, key, headers in messages
            ]
            await asyncio.gather(*answers)

        await self._with_producer(send)

    async def send_to(self, topic: str, parts: Mapping[int, Sequence[Message]]) -> None:
        """Send messages to partitions by number, those of each in the order given. Raises BrokerUnavailable."""

        async def send(producer: Any) -> None:
            answers = [
                await producer.send(topic, value, key=key, headers=list(headers), partition=partition)
                for partition, messages in parts.items()
                for value, key, headers in messages
            ]
            await asyncio.gather(*answers)

        await self._with_producer(send)

    async def close(self) -> None:
        """Close the connection; the next call of `send` opens another."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            await asyncio.wait_for(producer.stop(), CLOSE_SECONDS)
        except (KafkaError, TimeoutError) as trouble:
            log.info("the producer did not close in time: %r", trouble)

    async def _with_producer(self, send: Any) -> None:
        try:
            with broker_trouble("sending", self._settings):
                async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                    await send(await self._connected())
        except BaseException:
            # After an error a producer may refuse everything, or hold messages back: begin with a new one.
            await self.close()
            raise

    async def _connected(self) -> Any:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **client_arguments(self._settings),
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                max_request_size=MAX_DEAD_LETTER_BYTES,
                request_timeout_ms=int(ACKNOWLEDGE_SECONDS * 1000),
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer


async def _send_packed(producer: Any, topic: str, partition: int, rows: Sequence[OutboxRow]) -> None:
    answers, batch = [], producer.create_batch()
    for row in rows:
        message = {"key": row.person.encode(), "value": row.body.encode(), "headers": CONTENT_TYPE, "timestamp": None}
        if batch.append(**message) is None:  # It is full; the first message of a batch is always taken.
            answers.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(**message)
    answers.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*answers)
