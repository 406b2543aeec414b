"""What a live worker keeps in memory while hours go by: its resident size at a steady rate.

What it measures: the resident size of one live `lifecycle worker` every five seconds, on a real Kafka (4 partitions)
and a real PostgreSQL (fsync on). Of three touchpoints one is the need of a new person, which leads to a task at once,
and two are about people of some minutes before: we replied, and they went elsewhere, which ends one task and leads to
another. So people become ever more, and each is seen three times. Time to task is of the new needs.

What it does not: late news, timers, many partitions, other policies. Broker, database, worker and this process share
the cores, which is why nothing is said of how much a worker can do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks import _figures
from benchmarks._figures import positive, ratio, spread
from benchmarks._site import Site
from benchmarks.latency import STEP_SECONDS, live_worker

LOOK_SECONDS = 5
REPLIED_LATER, LOST_LATER = 3_000, 6_000
"""So many people later somebody is replied to, and goes elsewhere."""
FORMS = {"resident MiB": ".1f", "p50 ms": ".0f", "p99 ms": ".0f"}


def touchpoint(number: int) -> tuple[str, str, bytes]:
    """Return the touchpoint of a number: of whom it is, of which type, and as it is sent."""
    people, kind = divmod(number, 3)
    back = (0, REPLIED_LATER, LOST_LATER)[kind]
    type_ = ("need.stated", "reply.sent", "decision.made")[kind] if people >= back else "need.stated"
    person = f"soak-{people - back}" if people >= back else f"soak-first-{number}"
    data = {"need": "one", **({"outcome": "elsewhere"} if type_ == "decision.made" else {})}
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    event = {"specversion": "1.0", "id": str(number), "source": "urn:soak", "subject": person, "type": type_}
    return person, type_, json.dumps({**event, "time": now, "data": data}).encode()


def resident(process: int) -> float:
    """Return the MiB that a process has in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


class Soak:
    """Produces at a rate for some seconds, and looks at a worker meanwhile."""

    def __init__(self, here: Site, tasks: str, worker: int, rate: int, seconds: int) -> None:
        self.here, self.tasks, self.worker, self.rate, self.seconds = here, tasks, worker, rate, seconds
        self.sizes: list[float] = []
        self.took: list[tuple[float, float]] = []
        """(seconds since the start, milliseconds to the task)"""
        self._sent: dict[str, float] = {}

    async def run(self) -> None:
        """Produce, receive and look until the time is over."""
        self._began_at = time.perf_counter()
        watching = [asyncio.create_task(each) for each in (self._receive(), self._look())]
        await self._produce()
        for each in watching:
            each.cancel()
        await asyncio.gather(*watching, return_exceptions=True)

    async def _produce(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.here.broker, linger_ms=0)
        await producer.start()
        number = 0
        while (passed := time.perf_counter() - self._began_at) < self.seconds:
            for each in range(number, due := int(passed * self.rate)):
                person, type_, body = touchpoint(each)
                if type_ == "need.stated":
                    self._sent[person] = time.perf_counter()
                await producer.send(self.here.topic, body, key=person.encode())
            number = due
            await asyncio.sleep(STEP_SECONDS)
        await producer.stop()

    async def _receive(self) -> None:
        consumer = AIOKafkaConsumer(self.tasks, bootstrap_servers=self.here.broker, auto_offset_reset="earliest")
        await consumer.start()
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    now = time.perf_counter()
                    for record in records:
                        if (sent := self._sent.pop(record.key.decode(), None)) is not None:
                            self.took.append((now - self._began_at, (now - sent) * 1_000))
        finally:
            await consumer.stop()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.sizes.append(resident(self.worker))

    def tenth(self, number: int) -> dict[str, _figures.Spread]:
        """Return what was found in a tenth of the time, counted from 0."""
        first, last = number * self.seconds / 10, (number + 1) * self.seconds / 10
        cut = quantiles([took for at, took in self.took if first <= at < last], n=100)
        sizes = part(self.sizes, number / 10, (number + 1) / 10)
        return {"resident MiB": spread(sizes), "p50 ms": spread([cut[49]]), "p99 ms": spread([cut[98]])}


def part(sizes: Sequence[float], first: float, last: float) -> Sequence[float]:
    """Return what was found between two parts of the time, 0 to 1."""
    return sizes[round(first * len(sizes)) : round(last * len(sizes))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="the resident size of a live worker while hours go by")
    parser.add_argument("--rate", type=positive, default=200, help="touchpoints/s")
    parser.add_argument("--minutes", type=positive, default=60, help="two at the least")
    given = parser.parse_args()
    with live_worker() as (here, tasks, worker):
        soak = Soak(here, tasks, worker, given.rate, given.minutes * 60)
        asyncio.run(soak.run())
    rows = {f"minutes {given.minutes * each / 10:g} to {given.minutes * (each + 1) / 10:g}": each for each in range(10)}
    half = part(soak.sizes, 0.5, 1.0)
    ratios = {
        "last tenth / sixth tenth, resident": ratio(
            [median(part(soak.sizes, 0.9, 1.0))], [median(part(soak.sizes, 0.5, 0.6))]
        ),
        "most / least of the last half, resident": ratio([max(half)], [min(half)]),
    }
    on = f"{given.minutes} minutes at {given.rate:,}/s, {given.rate * given.minutes * 60:,} touchpoints"
    found = {name: soak.tenth(each) for name, each in rows.items()}
    _figures.report("soak", "a live worker's resident size", on, FORMS, found, ratios)


if __name__ == "__main__":
    main()
