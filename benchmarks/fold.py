"""The fold per touchpoint, beside a loop that does the least imaginable, and one transition of other state machines.

What it measures: CPU seconds of one core for `rules.fold` on touchpoints that are decoded already, each person's
whole history at once (sorting included), the same with time moved to the end of the log (timers fire), and one
touchpoint at a time with the snapshot read before it and written after it, which is the worst an intake can
do. The baseline sorts and sets one entry of a dict for each touchpoint. Its peers are libraries of state machines
(_peers.py), which for each touchpoint make one transition that a condition guards, and nothing else: no data, no
timers, no tasks, no memory of it.

What it does not: decoding of touchpoints, sorting out repetitions, databases, tasks as messages.

The garbage collector runs as in production: on, with Python's thresholds. A worker holds one batch, not a whole
log, so the log that lies in memory here is put out of its sight (gc.freeze) before anything is timed.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from benchmarks._figures import interleaved, positive, ratio, report, spread
from benchmarks._history import history
from benchmarks._peers import peers
from lifecycle.policies import shipped_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, decode, encode
from lifecycle.touchpoint import Touchpoint, order_key
from lifecycle.wire.codec import read_event

Log = list[tuple[str, list[Touchpoint]]]

BASELINE, WHOLE, MOVED, SINGLY = (
    "sort + dict update",
    "fold, whole history",
    "fold, time to the end",
    "fold, one by one",
)


def least(log: Log) -> None:
    """Do the least imaginable: sort, and note the last time of each type."""
    for _, touchpoints in log:
        last: dict[str, datetime] = {}
        for touchpoint in sorted(touchpoints, key=order_key):
            last[touchpoint.type] = touchpoint.occurred_at


def whole(machine: Machine, log: Log, until: datetime | None) -> None:
    """Fold each person at once, from nothing."""
    for person, touchpoints in log:
        fold(machine, person, PersonState(), sorted(touchpoints, key=order_key), until)


def singly(machine: Machine, log: Log) -> None:
    """Fold each person touchpoint by touchpoint, from snapshot to snapshot."""
    empty = encode(PersonState())
    for person, touchpoints in log:
        text = empty
        for touchpoint in sorted(touchpoints, key=order_key):
            state = decode(text)
            fold(machine, person, state, (touchpoint,), None)
            text = encode(state)


def read_log(every: int) -> tuple[str, Log]:
    """Return what the log is, and the touchpoints of every so manieth person, as they lie in the file."""
    people: dict[str, list[Touchpoint]] = {}
    with history() as found, found.path.open("rb") as lines:
        for line in lines:
            touchpoint = read_event(line)
            people.setdefault(touchpoint.person, []).append(touchpoint)
        return found.name, list(people.items())[::every]


def cpu_seconds(work: Callable[[], None]) -> float:
    """Return the CPU seconds that this process spends on a piece of work."""
    gc.collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="the fold per touchpoint")
    parser.add_argument("--repetitions", type=positive, default=5)
    parser.add_argument("--every", type=positive, default=4, help="take every so manieth person (1: all)")
    given = parser.parse_args()
    machine = compile_policy(load_policy(shipped_policy()))
    name, log = read_log(given.every)
    count = sum(len(touchpoints) for _, touchpoints in log)
    end = max(touchpoint.occurred_at for _, touchpoints in log for touchpoint in touchpoints)
    gc.collect()
    gc.freeze()
    works: dict[str, Callable[[], None]] = {
        BASELINE: lambda: least(log),
        **{peer: partial(transitions, count) for peer, transitions in peers().items()},
        WHOLE: lambda: whole(machine, log, None),
        MOVED: lambda: whole(machine, log, end),
        SINGLY: lambda: singly(machine, log),
    }
    figures = interleaved(given.repetitions, {each: partial(cpu_seconds, work) for each, work in works.items()})
    rows = {
        each: {
            "us/touchpoint": spread(took / count * 1e6 for took in seconds),
            "touchpoints/s": spread(count / took for took in seconds),
        }
        for each, seconds in figures.items()
    }
    ratios = {f"{each} / {BASELINE}": ratio(figures[each], figures[BASELINE]) for each in (WHOLE, MOVED, SINGLY)}
    ratios |= {f"{WHOLE} / {peer}": ratio(figures[WHOLE], figures[peer]) for peer in peers()}
    on = f"{name}; {len(log):,} people with {count:,} touchpoints; {given.repetitions} repetitions"
    report("fold", "fold, CPU of one core", on, {"us/touchpoint": ".2f", "touchpoints/s": ",.0f"}, rows, ratios)


if __name__ == "__main__":
    main()
