"""Time to task: from producing a touchpoint to the message about the task that it leads to, at a steady rate.

What it measures: milliseconds between `send` of a touchpoint and the arrival of the task's message at a consumer, on
the clock of one process that does both. One live `lifecycle worker` on a real Kafka (4 partitions) and a real
PostgreSQL (fsync on); each touchpoint is a new need of a new person, and leads to one task at once. A rate is kept by
sending what is due every few milliseconds. What comes in the first seconds is not counted.

What it does not: other machines, late news, timers. Broker, database, worker and this process share the cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks import _figures
from benchmarks._figures import Spread, positive, spread
from benchmarks._history import History, environment
from benchmarks._site import Site, site
from lifecycle.settings import Settings
from lifecycle.store.store import open_store

POLICY = """
policy: latency
language: 1
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
touchpoints:
  need.stated: {by: person, data: {need: id}}
  reply.sent: {by: us, data: {need: id}}
  decision.made: {by: person, data: {need: id, outcome: [with_us, elsewhere]}}
  purchase.completed: {by: person, data: {amount: money}}
facts:
  bought: {ever: purchase.completed}
tracks:
  in_touch:
    per: person
    start: here
    stages:
      here: {means: I am here., review: {every: 1 year}}
  need:
    per: need
    start: stated
    begins: [need.stated]
    upon:
      decision.made: [{when: {outcome: with_us}, to: won}, {when: {outcome: elsewhere}, to: lost}]
    stages:
      stated:
        means: I need something.
        tasks:
          answer: {ask: Answer them, due: 1 day, expires: 2 days, done_by: reply.sent}
        later: [{after: 60 days, to: lost}]
      won: {means: I am with you., watched_by: in_touch}
      lost:
        means: I went elsewhere.
        tasks:
          ask_why: {ask: Ask what was missing, due: 3 days}
        watched_by: in_touch
"""
"""Of its own, because the default one asks nobody at night."""

FORMS = {"p50 ms": ".0f", "p90 ms": ".0f", "p99 ms": ".0f", "most ms": ".0f", "worker CPU s per 100k": ".1f"}

WARM_UP_SECONDS = 5
STEP_SECONDS = 0.002
WAIT_SECONDS = 20


def line(person: str) -> bytes:
    """Return a touchpoint of now that leads to a task at once."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    data = {"need": "one"}
    event = {"specversion": "1.0", "id": person, "source": "urn:latency", "subject": person, "type": "need.stated"}
    return json.dumps({**event, "time": now, "data": data}).encode()


async def measure(here: Site, tasks: str, rate: int, seconds: int, run: str) -> list[float]:
    """Produce at a rate, and return the milliseconds that each task took."""
    sent: dict[str, float] = {}
    taken: dict[str, float] = {}
    count = rate * (seconds + WARM_UP_SECONDS)
    producer = AIOKafkaProducer(bootstrap_servers=here.broker, linger_ms=0)
    consumer = AIOKafkaConsumer(tasks, bootstrap_servers=here.broker, auto_offset_reset="latest", fetch_max_wait_ms=50)
    await producer.start()
    await consumer.start()
    await consumer.seek_to_end()

    async def receive() -> None:
        while len(taken) < count:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                now = time.perf_counter()
                for key in (record.key.decode() for record in records):
                    if key in sent:
                        taken.setdefault(key, now)

    receiving = asyncio.create_task(receive())
    begun, number = time.perf_counter(), 0
    while number < count:
        due = min(count, int((time.perf_counter() - begun) * rate) + 1)
        for each in range(number, due):
            person = f"{run}-{each}"
            sent[person] = time.perf_counter()
            await producer.send(here.topic, line(person), key=person.encode())
        number = due
        await asyncio.sleep(STEP_SECONDS)
    try:
        await asyncio.wait_for(receiving, WAIT_SECONDS)
    except TimeoutError:
        raise SystemExit(f"{len(taken):,} of {count:,} tasks came within {WAIT_SECONDS} s") from None
    finally:
        await producer.stop()
        await consumer.stop()
    counted = [f"{run}-{each}" for each in range(rate * WARM_UP_SECONDS, count)]
    return [(taken[person] - sent[person]) * 1_000 for person in counted if person in taken]


@contextmanager
def live_worker() -> Iterator[tuple[Site, str, int]]:
    """Start servers, and a live worker by POLICY on them; yield where it runs, its topic of tasks and its process."""
    with TemporaryDirectory(prefix="lifecycle-benchmark-") as name:
        empty = Path(name) / "none.jsonl"
        empty.touch()
        policy = Path(name) / "policy.yaml"
        policy.write_text(POLICY, encoding="utf-8")
        with site(History("nothing", empty, Path(name), 0)) as here:
            database = here.new_database()
            open_store(database, create=True).close()
            given = {**environment(), **here.settings(database), "LIFECYCLE_POLICY": str(policy)}
            command = [sys.executable, "-m", "lifecycle.cli", "worker"]
            log = (Path(os.environ.get("TMPDIR", "/tmp")) / "lifecycle-latency.log").open("wb")
            worker = subprocess.Popen(command, cwd=name, env=given, stdout=log, stderr=log)
            try:
                yield here, Settings.load(broker=here.broker).tasks, worker.pid
            finally:
                worker.terminate()
                worker.wait()


def measured(rates: Sequence[int], seconds: int) -> dict[str, dict[str, Spread]]:
    """Start a worker, and measure at each rate in turn."""
    rows = {}
    with live_worker() as (here, tasks, worker):
        asyncio.run(measure(here, tasks, 50, 1, "first"))
        for rate in rates:
            usage = cpu_seconds(worker)
            found = asyncio.run(measure(here, tasks, rate, seconds, f"at{rate}"))
            cut = quantiles(found, n=100)
            cpu = (cpu_seconds(worker) - usage) / (rate * (seconds + WARM_UP_SECONDS)) * 100_000
            figures = (cut[49], cut[89], cut[98], max(found), cpu)
            rows[f"{rate:,}/s"] = {name: spread([each]) for name, each in zip(FORMS, figures, strict=True)}
    return rows


def cpu_seconds(process: int) -> float:
    """Return what a process that runs has used so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="time from a touchpoint to its task")
    parser.add_argument("--rate", type=positive, action="append", help="touchpoints/s; may be repeated (500, 1000)")
    parser.add_argument("--seconds", type=positive, default=20)
    given = parser.parse_args()
    rows = measured(given.rate or [500, 1_000], given.seconds)
    _figures.report("latency", "time to task", f"{given.seconds} s at each rate", FORMS, rows)


if __name__ == "__main__":
    main()
