"""One process that sweeps: it moves time for the due people of some partitions until nobody is due.

Run by sweeps.py alone, as a process of its own: DATABASE POLICY UNTIL PARTITION... It prints, as JSON, how many
people it moved, between which moments of the wall clock, and in how many CPU seconds of its own.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from lifecycle.engine.engine import Engine
from lifecycle.rules.language.load import load_policy
from lifecycle.store.store import open_store
from lifecycle.streams.worker import COLLECT_AFTER


def main() -> None:
    """Sweep and print."""
    database, policy, until, *partitions = sys.argv[1:]
    moment, mine = datetime.fromisoformat(until), [int(each) for each in partitions]
    with closing(open_store(database)) as store:
        engine = Engine(store, load_policy(Path(policy).read_text(encoding="utf-8")), opened_at=datetime.now(UTC))
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        begun, spent, people = time.time(), time.process_time(), 0
        while moved := engine.advance(moment, at=moment, partitions=mine):
            people += moved
        cpu = time.process_time() - spent
        print(json.dumps({"people": people, "begun": begun, "ended": time.time(), "cpu": cpu}))


if __name__ == "__main__":
    main()
