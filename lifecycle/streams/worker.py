"""The worker: one process that reads, folds, moves time and sends, until it is stopped or its bounded run ends.

`run_worker` is what `lifecycle worker` calls. It makes the faust app, puts the services into it and returns
when they have ended. How a worker ends:

- SIGTERM or SIGINT: the batch in flight is committed, the outbox sent, offsets committed, the group left;
- an error of ours that says stop: the same, and the error is raised to the caller;
- any other error: the same as far as it goes, and exit code 1;
- none of this within `stop_seconds`: the watchdog ends the process. Nothing is lost by it: the next worker
  reads on from where the database stands.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
from datetime import datetime
from typing import Any, Literal

import faust
from mode import Service

from lifecycle import clock
from lifecycle.engine.engine import Engine
from lifecycle.engine.limits import Limits
from lifecycle.errors import LifecycleError, SettingsRefused, TopicChanged
from lifecycle.metrics import Metrics
from lifecycle.policies import active_policy, read_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.settings import Settings
from lifecycle.store.store import Store
from lifecycle.store.stores import open_shard
from lifecycle.streams.app import build_app
from lifecycle.streams.claims import how_to_go_on
from lifecycle.streams.clock import Clock
from lifecycle.streams.drain import Drain, check_until
from lifecycle.streams.equipment import Bound, Equipment, WorkerService
from lifecycle.streams.first_start import settle_first_start
from lifecycle.streams.gauges import Gauges
from lifecycle.streams.intake import Intake
from lifecycle.streams.logs import Logs
from lifecycle.streams.partition_time import Elsewhere, PartitionTimes
from lifecycle.streams.passing import Passing
from lifecycle.streams.patience import GivenUp, patiently
from lifecycle.streams.relay import Relay
from lifecycle.streams.topics import Found, read_end_offsets, read_topics

Until = datetime | Literal["end"] | None

log = logging.getLogger(__name__)

COLLECT_AFTER = (50_000, 20, 50)
"""After how many new objects Python looks for circles of garbage, and how many looks at younger ones come before one at
older ones. A batch makes many objects and frees them by itself; the defaults are 700, 10 and 10."""


def run_worker(settings: Settings, *, until: Until = None) -> int:
    """Run one worker in this process, from the main thread; return its exit code.

    `until` None: live, until stopped. "end" or a moment: read everything that is there now, move time there,
    publish and return. Raises the LifecycleError that ended it: SettingsRefused, PolicyRefused, PolicyMismatch,
    SchemaMismatch, TopicChanged, TimeRefused, NotFound.
    """
    _set_up_logging()
    policy = None if settings.policy is None else read_policy(settings.policy)
    settings.need_shard()
    # Threads hand over to each other at every commit: the default of 5 ms would be most of a small batch.
    sys.setswitchinterval(0.0005)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    work = Work(settings, policy, until)
    app = build_app(settings, work.metrics, health=work.health, ready=work.ready)
    app.service(work)
    worker = WatchedWorker(app, settings.stop_seconds, loop)
    work.ends = worker
    code = 0
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        code = int(ended.code or 0)
    if work.failure is not None:
        raise work.failure
    return code


def _set_up_logging() -> None:
    """Log to standard error, unless whoever calls us has set up logging already."""
    if logging.root.handlers:
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for others in ("aiokafka", "alembic", "faust", "kafka"):
        logging.getLogger(others).setLevel(logging.WARNING)


class WatchedWorker(faust.Worker):
    """faust's worker with a watchdog on its stopping."""

    def __init__(self, app: Any, stop_seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(app, loop=loop, loglevel="INFO", quiet=True, override_logging=False)
        self.spinner = None  # it writes to standard output, which is ours
        self._watchdog = threading.Timer(stop_seconds, _end_process, [stop_seconds])
        self._watchdog.daemon = True

    async def stop(self) -> None:
        """Stop everything; the process ends by itself when that takes too long."""
        if not self._watchdog.is_alive() and not self._watchdog.finished.is_set():
            self._watchdog.start()
        await super().stop()

    def stop_and_shutdown(self) -> None:
        """Stop, close the loop, and call off the watchdog."""
        try:
            super().stop_and_shutdown()
        finally:
            self._watchdog.cancel()


def _end_process(seconds: float) -> None:
    log.critical("did not stop within %.0f s, ending now; the next worker reads on from the database", seconds)
    logging.shutdown()
    os._exit(1)


class Work(Service):
    """The root of our services: opens what they share, starts them, and stops them in the order that loses nothing."""

    def __init__(self, settings: Settings, policy: Policy | None, until: Until) -> None:
        super().__init__()
        self.settings = settings
        self.metrics = Metrics()
        self.failure: LifecycleError | None = None
        self.ends: Any = None
        self._policy = policy
        self._until = until
        self._stopping = asyncio.Event()
        self._equipment: Equipment | None = None
        self._intake: Intake | None = None
        self._relay: Relay | None = None

    @Service.task
    async def _begin(self) -> None:
        try:
            equipment = await self._equip()
        except GivenUp:
            return
        except LifecycleError as error:
            self.end(error)
            return
        # What is open by now stays: the collector need not look through it again and again.
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        self._equipment = equipment
        self._relay = Relay(equipment)
        intake = Intake(equipment, self._relay)
        time: WorkerService = (
            Clock(equipment, intake) if equipment.bound is None else Drain(equipment, intake, equipment.bound)
        )
        for service in (self._relay, intake, time, Gauges(equipment)):
            await self.add_runtime_dependency(service)
        self._intake = intake  # from here on stopping waits for it

    def end(self, error: LifecycleError | None) -> None:
        """Stop the worker in order; `error` is what its caller will see."""
        if error is not None and self.failure is None:
            self.failure = error
            log.error("%s", error)
        self._stopping.set()
        asyncio.ensure_future(self.ends.stop())  # noqa: RUF006  # the worker waits for its own end

    async def health(self) -> str | None:
        """Say what is wrong with this worker, or None: it has opened everything and the database answers."""
        if self._equipment is None:
            return "starting: waiting for the database or the broker"
        try:
            await asyncio.to_thread(self._equipment.store.state)
        except LifecycleError as error:
            return str(error)
        return None

    async def ready(self) -> str | None:
        """Say why this worker does not do all its work, or None: it is healthy, and all that it owns is read."""
        wrong = await self.health()
        if wrong is not None or self._equipment is None:
            return wrong
        told = [f"{why} {how_to_go_on(topic)}" for (topic, _), why in sorted(self._equipment.stopped.items())]
        return " ".join(told) or None

    async def on_stop(self) -> None:
        """Finish what is in flight, send, leave; only then are the services stopped."""
        self._stopping.set()
        if self._intake is not None:
            await self._intake.ended.wait()
        if self._relay is not None:
            await self._relay.close()
        if self._equipment is not None and self._equipment.passing is not None:
            await self._equipment.passing.close()

    async def on_shutdown(self) -> None:
        """Close what was opened."""
        if self._equipment is not None:
            self._equipment.close()

    async def _equip(self) -> Equipment:
        settings = self.settings
        databases, shard = settings.need_databases(), settings.need_shard()
        store = await self._patiently("opening the database", open_shard, databases, shard)
        inputs = await self._patiently("reading topics", self._read_inputs)
        partitions = inputs[settings.touchpoints].partitions
        if not databases.is_one and partitions != databases.partitions:
            raise SettingsRefused(
                f"topic {settings.touchpoints} has {partitions} partitions, and databases are given for "
                f"{databases.partitions}. Correct LIFECYCLE_DATABASES: another number moves people."
            )
        await self._patiently("checking partitions", _check_partitions, store, inputs, partitions)
        bound = await self._patiently("reading end offsets", self._bound, store, inputs)
        await self._patiently("settling from when is asked", self._settle, store)
        engine = await self._patiently("opening the engine", self._open_engine, store, self._policy)
        return Equipment(
            settings=settings,
            store=store,
            engine=engine,
            inputs=inputs,
            logs=Logs(settings, inputs),
            times=times_of(settings, partitions),
            metrics=self.metrics,
            bound=bound,
            end=self.end,
            reopen=lambda: self._open_engine(store, None),
            passing=None if databases.is_one else Passing(settings, shard, partitions),
            stopping=self._stopping,
        )

    async def _patiently(self, doing: str, call: Any, *arguments: Any) -> Any:
        return await patiently(
            lambda: asyncio.to_thread(call, *arguments), doing=doing, given_up=self._stopping, metrics=self.metrics
        )

    def _read_inputs(self) -> dict[str, Found]:
        topics = read_topics(self.settings)
        inputs = {name: topics[name] for name in self.settings.input_topics}
        for topic in inputs.values():
            if not topic.keeps_broker_time:
                log.warning(
                    "topic %s keeps the producers' time (CreateTime): while behind, time follows their clocks. "
                    "Set message.timestamp.type=LogAppendTime.",
                    topic.name,
                )
        return inputs

    def _bound(self, store: Store, inputs: dict[str, Found]) -> Bound | None:
        if self._until is None:
            return None
        until = None if self._until == "end" else self._until
        check_until(until, store.state())
        return Bound(until, read_end_offsets(self.settings, inputs.values()))

    def _settle(self, store: Store) -> None:
        settle_first_start(store, self.settings, clock.now(), is_bounded=self._until is not None)

    def _open_engine(self, store: Store, policy: Policy | None) -> Engine:
        """Open the engine by a policy; None: by the one that is active."""
        policy = policy or active_policy(store.state().policy_text)
        return Engine(store, policy, opened_at=clock.now(), limits=Limits(future=self.settings.future))


def times_of(settings: Settings, partitions: int) -> PartitionTimes:
    """Return what is listened to: every partition of the one database, or those of our shard and, apart, the others."""
    if settings.several is None:
        return PartitionTimes(settings.input_topics, range(partitions), grace=settings.grace)
    shard = settings.need_shard()
    elsewhere = Elsewhere(settings.source_topics, (each for each in range(partitions) if each not in shard))
    return PartitionTimes(settings.input_topics, shard, grace=settings.grace, elsewhere=elsewhere)


def _check_partitions(store: Store, inputs: dict[str, Found], partitions: int) -> None:
    """Let people belong to as many partitions as the topics have, or raise TopicChanged once that was settled."""
    stored = store.state().partitions
    if stored == partitions:
        return
    claimed = sorted(row.topic for row in store.progress() if row.topic in inputs and row.topic_id)
    if claimed:
        raise TopicChanged(
            f"topic {claimed[0]} has {partitions} partitions, the database knows it with {stored}: people belong to "
            "other partitions then. When that was meant, stop all workers and run `lifecycle topics adopt`."
        )
    store.set_partitions(partitions)
