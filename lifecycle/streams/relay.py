"""The relay: sends what stands in the outbox, in order per person, and takes it off once all is acknowledged.

Publishing is at least once with stable message ids; consumers keep the highest version. A round reads the
oldest unsent rows of the owned partitions (never by a cursor), sorts them so that the lanes that are served
first go out first while each person's rows keep their order, sends them keyed by person, and deletes them
after every one of them was acknowledged. When one was not, none is deleted and the whole round is sent
again, in order. Dead letters go out the same way and are marked as sent.

It is a service of the worker. The intake calls `pause` before partitions are given up, so that an old round
does not overlap with the next owner's, and `flush` before it leaves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from lifecycle import clock
from lifecycle.errors import Retry
from lifecycle.person import OutboxRow
from lifecycle.store.changes import DeadLetterRow
from lifecycle.streams.connection import broker_trouble, client_arguments
from lifecycle.streams.dead_letters import as_message
from lifecycle.streams.equipment import Equipment, WorkerService
from lifecycle.streams.patience import pauses, wait_for
from lifecycle.streams.topics import MAX_DEAD_LETTER_BYTES

ROUND_MESSAGES = 1000
ROUND_DEAD_LETTERS = 100
"""Fewer than messages: each may have several megabytes."""
IDLE_SECONDS = 1.0
PAUSE_SECONDS = 5.0
FLUSH_SHARE = 0.5
"""Share of the time allowed for stopping that emptying the outbox may take."""
ACKNOWLEDGE_SECONDS = 15.0

CONTENT_TYPE = [("content-type", b"application/cloudevents+json; charset=UTF-8")]

log = logging.getLogger(__name__)


class Relay(WorkerService):
    """Sends until the worker stops; see the module's docstring."""

    def __init__(self, equipment: Equipment) -> None:
        super().__init__(equipment)
        self._producer: Any = None
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Send rounds, at once while there is more, otherwise when something was committed or a second passed.

        Ends when the worker stops; what is committed after that is sent by `flush`.
        """
        waits = pauses()
        while not self.equipment.stopping.is_set():
            self.equipment.committed.clear()
            try:
                sent = await self._round()
                waits = pauses()
            except Retry as trouble:
                self.equipment.metrics.retries.labels("sending").inc()
                pause = next(waits)
                log.warning("sending: %s Trying again in %.1f s.", trouble, pause)
                await wait_for(self.equipment.stopping, pause)
                continue
            if not sent:
                await wait_for(self.equipment.committed, IDLE_SECONDS)

    async def pause(self) -> None:
        """Wait until the round under way has ended, at most PAUSE_SECONDS. What is owned is read when one begins."""
        try:
            await asyncio.wait_for(self._sending.acquire(), PAUSE_SECONDS)
        except TimeoutError:
            log.warning("a round of messages is still being sent; the next owner may send them again")
        else:
            self._sending.release()

    async def flush(self) -> None:
        """Send until nothing is left of the owned partitions, within a share of the time allowed for stopping."""
        allowed = self.equipment.settings.stop_seconds * FLUSH_SHARE
        try:
            async with asyncio.timeout(allowed):
                while await self._round():
                    pass
        except (Retry, TimeoutError) as trouble:
            log.warning("messages are left in the outbox, the next owner sends them: %r", trouble)

    async def close(self) -> None:
        """End the round under way and the connection; what is unsent stays in the outbox."""
        await self.pause()
        await self._drop_producer()

    async def _round(self) -> int:
        """Send one round of both kinds; return how many were sent. Raises BrokerUnavailable, StoreUnavailable."""
        async with self._sending:
            return await self._send_messages() + await self._send_dead_letters()

    async def _send_messages(self) -> int:
        equipment = self.equipment
        owned = equipment.owned
        if not owned:
            return 0
        store, topic = equipment.store, equipment.settings.tasks
        rows: Sequence[OutboxRow] = await asyncio.to_thread(store.outbox, owned, ROUND_MESSAGES)
        if not rows:
            return 0
        # Sorting is stable and a person has one lane, so each person's rows stay in the order of their ids.
        ordered = sorted(rows, key=lambda row: row.lane)
        await self._send(
            [(topic, row.body.encode(), row.person.encode(), CONTENT_TYPE) for row in ordered],
        )
        await asyncio.to_thread(store.delete_outbox, rows)
        for row in rows:
            equipment.metrics.sent_messages.labels("task", str(row.lane)).inc()
        return len(rows)

    async def _send_dead_letters(self) -> int:
        equipment = self.equipment
        owned = equipment.owned
        if not owned:
            return 0
        store, topic = equipment.store, equipment.settings.dead_letters
        found: Sequence[DeadLetterRow] = await asyncio.to_thread(
            store.unsent_dead_letters, equipment.settings.input_topics, ROUND_DEAD_LETTERS
        )
        rows = [row for row in found if row.letter.place.partition in owned]
        if not rows:
            return 0
        messages = []
        for row in rows:
            value, headers = as_message(row.letter)
            messages.append((topic, value, row.letter.key, list(headers)))
        await self._send(messages)
        await asyncio.to_thread(store.mark_dead_letters_sent, [row.key for row in rows], clock.now())
        equipment.metrics.sent_messages.labels("dead_letter", "").inc(len(rows))
        return len(rows)

    async def _send(self, messages: Sequence[tuple[str, bytes, bytes | None, Any]]) -> None:
        """Send all and wait for every acknowledgement. Raises BrokerUnavailable when one is missing."""
        try:
            with broker_trouble("sending", self.equipment.settings):
                async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                    producer = await self._connected()
                    answers = [
                        await producer.send(topic, value, key=key, headers=headers)
                        for topic, value, key, headers in messages
                    ]
                    await asyncio.gather(*answers)
        except BaseException:
            # After an error a producer may refuse everything, or hold messages back: begin with a new one.
            await self._drop_producer()
            raise

    async def _connected(self) -> Any:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **client_arguments(self.equipment.settings),
                acks="all",
                enable_idempotence=True,
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

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            await asyncio.wait_for(producer.stop(), PAUSE_SECONDS)
        except (KafkaError, TimeoutError) as trouble:
            log.info("the producer did not close in time: %r", trouble)
