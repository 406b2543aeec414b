"""A worker in a process of its own, with faults that a test can order. Run by tests/streams/site.py.

    python -m tests.streams.worker_process '{"settings": {...}, "until": "end", "fault": "..."}'

Faults, each at the commit of a batch of records:
- `hold`: says `holding` on standard output and waits for a line on standard input, then goes on;
- `raise`: raises a programmer's error, once the database holds something.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from lifecycle.engine.engine import Engine
from lifecycle.errors import LifecycleError
from lifecycle.record import Accounting, Batch
from lifecycle.settings import Settings
from lifecycle.streams.worker import run_worker

_ingest = Engine.ingest


def _hold(engine: Engine, batch: Batch, **given: Any) -> Accounting:
    if batch.records:
        print("holding", flush=True)
        sys.stdin.readline()
    return _ingest(engine, batch, **given)


def _raise(engine: Engine, batch: Batch, **given: Any) -> Accounting:
    if engine.store.counts().accounting.received:
        raise KeyError("a programmer's error")
    return _ingest(engine, batch, **given)


def main(order: dict[str, Any]) -> int:
    """Run the worker and return its exit code; an error of ours is printed, as the command line does."""
    if order["fault"] is not None:
        Engine.ingest = {"hold": _hold, "raise": _raise}[order["fault"]]  # type: ignore[method-assign, assignment]
    until = order["until"]
    try:
        moment = until if until in (None, "end") else datetime.fromisoformat(until)
        return run_worker(Settings.load(**order["settings"]), until=moment)
    except LifecycleError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
