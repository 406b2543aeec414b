"""The relay: sends what stands in the outbox, in order per person, and takes it off once all is acknowledged.

Publishing is at least once with stable message ids; consumers keep the highest version. Whatever a commit of this
worker puts in the outbox is handed over in memory as well (`hand_over`), and sent from there: the table is read when
that is not all there is, and nobody waits for it otherwise. That is so at the beginning, after a rebalance, after
trouble, when more came than is held in memory, and every few seconds, since other programs may put messages in too.

A round takes the oldest messages, sorts them so that the lanes that are served first go out first while each person's
keep their order, sends them keyed by person, and notes them as sent after every one was acknowledged. When one was
not, none is noted, and all are read from the table and sent again, in order. What is noted is taken off the table a
moment later, many at once, but before the table is read. After a crash in between it is sent again.

Reading the table: what is held in memory is let go first, since it stands there too. Were it the other way round, what
was committed between the two would be sent by nobody until the table is read again. Once the table gives less than a
round, all of it was read, and the relay goes back to memory: without what it read, which may be handed over only now.
Dead letters are read from their table when there are any, and are marked as sent.

It is a service of the worker. The intake calls `pause` before partitions are given up, so that an old round
does not overlap with the next owner's, and `flush` before it leaves.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence

from lifecycle import clock
from lifecycle.errors import Retry
from lifecycle.person import OutboxRow
from lifecycle.store.changes import DeadLetterRow
from lifecycle.streams.dead_letters import as_message
from lifecycle.streams.equipment import Equipment, WorkerService
from lifecycle.streams.patience import pauses, wait_for
from lifecycle.streams.sending import Sender

ROUND_MESSAGES = 1000
ROUND_DEAD_LETTERS = 100
"""Fewer than messages: each may have several megabytes."""
MOST_HELD = 20_000
"""Messages held in memory, some kilobytes each; beyond them the table is read."""
IDLE_SECONDS = 1.0
TABLE_SECONDS = 5.0
"""How often the table is looked at while there is always something to send from memory."""
TAKE_OFF_SECONDS = 0.25
TAKE_OFF_MESSAGES = 2_000
"""What was sent is taken off the table together: so many, or what there is after so long."""
PAUSE_SECONDS = 5.0
FLUSH_SHARE = 0.5
"""Share of the time allowed for stopping that emptying the outbox may take."""

log = logging.getLogger(__name__)


class Relay(WorkerService):
    """Sends until the worker stops; see the module's docstring."""

    def __init__(self, equipment: Equipment) -> None:
        super().__init__(equipment)
        self._sender = Sender(equipment.settings, equipment.engine.partitions)
        self._sending = asyncio.Lock()
        self._held: deque[OutboxRow] = deque()
        self._reads_table = True
        self._table_at = 0.0
        self._owned: frozenset[int] = frozenset()
        self._read: set[int] = set()
        self._sent: list[OutboxRow] = []
        self._sent_at = 0.0
        equipment.hand_over = self.hand_over

    def hand_over(self, rows: Sequence[OutboxRow]) -> None:
        """Take messages over that stand in the outbox by now. In the engine's thread, in the order of commits."""
        if len(self._held) + len(rows) > MOST_HELD:
            self._reads_table = True
        else:
            self._held.extend(rows)

    def look_at_table(self) -> None:
        """Let the next round read the tables: there are dead letters."""
        self._reads_table = True

    async def run(self) -> None:
        """Send rounds, at once while there is more, otherwise when something was committed or a second passed.

        Ends when the worker stops; what is committed after that is sent by `flush`.
        """
        waits = pauses()
        while not self.equipment.stopping.is_set():
            self.equipment.committed.clear()
            try:
                if await self._round():
                    waits = pauses()
                    continue
                if self._sent and await wait_for(self.equipment.committed, TAKE_OFF_SECONDS):
                    continue
                async with self._sending:
                    await self._take_off()
            except Retry as trouble:
                self.equipment.metrics.retries.labels("sending").inc()
                pause = next(waits)
                log.warning("sending: %s Trying again in %.1f s.", trouble, pause)
                await wait_for(self.equipment.stopping, pause)
                continue
            waits = pauses()
            if not await wait_for(self.equipment.committed, IDLE_SECONDS):
                self._reads_table = True

    async def pause(self) -> None:
        """Wait until the round under way has ended, at most PAUSE_SECONDS. What is owned is read when one begins."""
        try:
            async with asyncio.timeout(PAUSE_SECONDS), self._sending:
                await self._take_off()
        except (Retry, TimeoutError):
            log.warning("messages that were sent may not be noted as sent; the next owner may send them again")

    async def flush(self) -> None:
        """Send until nothing is left of the owned partitions, within a share of the time allowed for stopping."""
        allowed = self.equipment.settings.stop_seconds * FLUSH_SHARE
        try:
            async with asyncio.timeout(allowed):
                self._reads_table = True
                while await self._round() or (self._owned and self._held):
                    pass
                async with self._sending:
                    await self._take_off()
        except (Retry, TimeoutError) as trouble:
            log.warning("messages are left in the outbox, the next owner sends them: %r", trouble)

    async def close(self) -> None:
        """End the round under way and the connection; what is unsent stays in the outbox."""
        await self.pause()
        await self._sender.close()

    async def _round(self) -> int:
        """Send one round of both kinds; return how many were sent. Raises BrokerUnavailable, StoreUnavailable."""
        async with self._sending:
            now = asyncio.get_running_loop().time()
            if self.equipment.owned != self._owned or now - self._table_at > TABLE_SECONDS:
                self._owned, self._reads_table = self.equipment.owned, True
            if not self._owned:
                self._held.clear()
                return 0
            if not self._reads_table:
                # One by one: the engine's thread puts others in meanwhile.
                taken = [self._held.popleft() for _ in range(min(len(self._held), ROUND_MESSAGES))]
                rows = [row for row in taken if row.id not in self._read]
                await self._send(rows)
                if len(self._sent) > TAKE_OFF_MESSAGES or now - self._sent_at > TAKE_OFF_SECONDS:
                    await self._take_off()
                return len(taken)
            self._table_at = now
            return await self._send_table() + await self._send_dead_letters()

    async def _send_table(self) -> int:
        await self._take_off()
        self._held.clear()
        rows = await asyncio.to_thread(self.equipment.store.outbox, self._owned, ROUND_MESSAGES)
        self._reads_table = len(rows) == ROUND_MESSAGES
        self._read = {row.id for row in rows}
        await self._send(rows)
        return len(rows)

    async def _send(self, rows: Sequence[OutboxRow]) -> None:
        if not rows:
            return
        try:
            # Sorting is stable and a person has one lane, so each person's rows stay in the order of their ids.
            await self._sender.send_tasks(sorted(rows, key=lambda row: row.lane))
        except BaseException:
            self._reads_table = True
            raise
        if not self._sent:
            self._sent_at = asyncio.get_running_loop().time()
        self._sent += rows
        for lane, count in Counter(row.lane for row in rows).items():
            self.equipment.metrics.sent_messages.labels("task", str(lane)).inc(count)

    async def _take_off(self) -> None:
        """Take off the table what was sent."""
        if self._sent:
            await asyncio.to_thread(self.equipment.store.delete_outbox, self._sent)
            self._sent = []

    async def _send_dead_letters(self) -> int:
        equipment = self.equipment
        found: Sequence[DeadLetterRow] = await asyncio.to_thread(
            equipment.store.unsent_dead_letters, equipment.settings.input_topics, ROUND_DEAD_LETTERS
        )
        rows = [row for row in found if row.letter.place.partition in self._owned]
        if not rows:
            return 0
        messages = []
        for row in rows:
            value, headers = as_message(row.letter)
            messages.append((value, row.letter.key, headers))
        await self._sender.send(equipment.settings.dead_letters, messages)
        await asyncio.to_thread(equipment.store.mark_dead_letters_sent, [row.key for row in rows], clock.now())
        equipment.metrics.sent_messages.labels("dead_letter", "").inc(len(rows))
        self._reads_table = True  # There may be more.
        return len(rows)
