"""A baseline of the worker: a faust agent that does nothing with each record of a topic.

    python -m benchmarks._noop_agent BROKER TOPIC GROUP COUNT

The form of agent that costs least: plain values, raw bytes, nothing acknowledged by hand. It ends, without
leaving the group politely, when it has seen COUNT records, and prints the seconds from the first to the last.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from typing import Any

import faust


def main(broker: str, topic: str, group: str, count: int) -> None:
    """Run the agent until it has seen everything."""
    app: Any = faust.App(
        id=group,
        broker=f"kafka://{broker}",
        autodiscover=False,
        store="memory://",
        datadir=tempfile.gettempdir(),
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
    )

    async def see(stream: Any) -> None:
        seen, begun = 0, 0.0
        async for _ in stream:
            seen += 1
            if seen == 1:
                begun = time.perf_counter()
            if seen == count:
                print(time.perf_counter() - begun, flush=True)
                os._exit(0)

    source = app.topic(topic, key_serializer="raw", value_serializer="raw", value_type=bytes)
    app.agent(source, name="see")(see)
    worker: Any = faust.Worker(app, loglevel="WARNING", quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
