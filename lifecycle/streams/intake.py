"""The intake: reads all input topics in batches, hands them to the engine, acknowledges after the commit.

Theory of operation. This is a service of the faust worker with a consumer of its own, not an agent: an agent
costs 230 microseconds a record, and its forms lose records when they raise (docs/adr says which). The database
is the authority on what was read: a batch commits together with the step of its partitions from one offset to
the next, compared and set, and a partition is read from where the database stands. So whatever is redelivered,
skipped by Kafka's own offsets or written by a worker that lost its partitions without knowing changes nothing.

What must not be moved:
- in session.py, no await between `getmany` returning and the batch being in flight (Pipeline.take), or a rebalance in
  between would not wait for it;
- no lock around `getmany`: it blocks during a rebalance, and the callbacks would wait for it for ever;
- any surprise of the consumer ends the session: a consumer that raised may have moved its position past
  records that it never handed out. The next session reads from the database's offset, so nothing is lost;
- the consumer never finds a position by itself (`auto_offset_reset` is none): an offset that its log does not hold
  is a surprise like others, and the next claim says what became of the log (watch.py).

Passing trouble: a commit is repeated until it succeeds (pipeline, patience.py); trouble with the broker or a
lost partition ends the session and begins a new one after a pause. Data errors never leave the engine, nor
does a record that the client itself cannot unpack (careful.py).
"""

from __future__ import annotations

import asyncio
import logging

from lifecycle.errors import PartitionLost, Retry
from lifecycle.record import TopicPartition
from lifecycle.streams.equipment import Equipment, WorkerService
from lifecycle.streams.patience import pauses, wait_for
from lifecycle.streams.relay import Relay
from lifecycle.streams.session import Session
from lifecycle.wire import codec

log = logging.getLogger(__name__)


class Intake(WorkerService):
    """Reads until the worker stops; see the module's docstring."""

    def __init__(self, equipment: Equipment, relay: Relay) -> None:
        super().__init__(equipment)
        self._relay = relay
        self._limits = codec.Limits(equipment.settings.max_body_bytes)
        self._session: Session | None = None
        self.ended = asyncio.Event()

    async def run(self) -> None:
        """Run one session after another until the worker stops."""
        stopping = self.equipment.stopping
        waits = pauses()
        try:
            while not stopping.is_set():
                self._session = Session(self.equipment, self._relay, self._limits)
                try:
                    await self._session.run()
                except (Retry, PartitionLost) as trouble:
                    self.equipment.metrics.retries.labels("reading").inc()
                    pause = next(waits)
                    log.warning("reading: %s Joining again in %.1f s.", trouble, pause)
                    await wait_for(stopping, pause)
                if self._session.was_useful:
                    waits = pauses()
        finally:
            self._session = None
            self.ended.set()

    def epochs(self) -> dict[TopicPartition, int]:
        """Return the epoch of each partition that is read at the moment."""
        return {} if self._session is None else self._session.claims.epochs()

    def stopped(self) -> dict[TopicPartition, int]:
        """Return the epoch of each partition that is assigned and not read."""
        return {} if self._session is None else self._session.claims.stopped()

    def join_again(self, why: str) -> None:
        """End the session that runs, if one does; the next one claims anew what it is given."""
        if self._session is not None:
            self._session.claims.failure = Retry(why)
