"""The worker end to end, beside a faust agent that does nothing, and beside loops that write without folding.

What it measures, each as a process, on a real Kafka (4 partitions, the touchpoints already in the topic) and a real
PostgreSQL (fsync on):

- one `lifecycle worker --until end`, which writes the log first and folds everybody at the end, and the same with two
  processes; beside (a) a no-op faust agent on the same topic (_noop_agent.py) and (b) a loop that reads the lines from
  a file and writes touchpoints and people in bulk (_bare_postgres.py);
- a live `lifecycle worker`, which folds as it reads, stopped when all is committed; beside (c) a loop with its
  consumer, its decoder and its statements that writes as many rows and folds nothing (_bare_worker.py).

`whole` is from the start of a process to its end; for a worker that holds loading the program, joining the group and
leaving, and with --until moving time and publishing tasks. `intake` is from the first record or commit to the last.
CPU is of the process (with its children), from its start to its end.

What it does not: tasks of a live worker (what happened long ago asks for none; latency.py has them), redelivery, a
broker on another machine. Broker, database and process share the cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import _figures
from benchmarks._figures import Run, Spread, interleaved, positive, ratio, run_module, spread
from benchmarks._history import History, history
from benchmarks._site import PARTITIONS, Site, committed, has_received, site
from lifecycle.store.store import open_store

WORKER, AGENT, BULK = "lifecycle worker --until end", "(a) no-op faust agent", "(b) bare bulk loop"
TWO, LIVE, LOOP = "lifecycle worker --processes 2", "lifecycle worker, live", "(c) bare live loop"


@dataclass(frozen=True, slots=True)
class Rates:
    """Touchpoints/s of one run, and its process."""

    whole: float
    intake: float
    run: Run


def run_worker(here: Site, touchpoints: History, *more: str) -> Rates:
    """Run a worker over the topic, into a new database."""
    database = here.new_database()
    open_store(database, create=True).close()
    command = ["worker", "--until", "end", *more]
    run = run_module("lifecycle.cli", command, folder=touchpoints.folder, settings=here.settings(database))
    return Rates(touchpoints.lines / run.wall, committed(database, touchpoints.lines), run)


def run_live(here: Site, touchpoints: History) -> Rates:
    """Run a live worker until it has committed the topic, into a new database."""
    database = here.new_database()
    open_store(database, create=True).close()
    run = run_module(
        "lifecycle.cli",
        ["worker"],
        folder=touchpoints.folder,
        settings={**here.settings(database), "LIFECYCLE_ASK_FROM": "beginning"},
        is_done=lambda: has_received(database, touchpoints.lines),
    )
    return Rates(touchpoints.lines / run.wall, committed(database, touchpoints.lines), run)


def run_loop(here: Site, touchpoints: History) -> Rates:
    """Run the loop that stands beside the live worker."""
    database = here.new_database()
    arguments = [here.broker, here.topic, here.name("loop"), database, str(touchpoints.lines)]
    run = run_module("benchmarks._bare_worker", arguments, folder=touchpoints.folder)
    return Rates(touchpoints.lines / run.wall, committed(database, touchpoints.lines), run)


def run_agent(here: Site, touchpoints: History) -> Rates:
    """Run the no-op agent over the topic."""
    arguments = [here.broker, here.topic, here.name("agent"), str(touchpoints.lines)]
    run = run_module("benchmarks._noop_agent", arguments, folder=touchpoints.folder)
    return Rates(touchpoints.lines / run.wall, (touchpoints.lines - 1) / float(run.output.split()[-1]), run)


def run_bulk(here: Site, touchpoints: History) -> Rates:
    """Run the bare loop, into a new database."""
    database = here.new_database()
    run = run_module("benchmarks._bare_postgres", [str(touchpoints.path), database], folder=touchpoints.folder)
    return Rates(touchpoints.lines / run.wall, committed(database, touchpoints.lines), run)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="the worker end to end")
    parser.add_argument("--repetitions", type=positive, default=3)
    parser.add_argument("--touchpoints", type=positive, default=40_000, help="the first so many (default 40000)")
    given = parser.parse_args()
    with history() as found:
        touchpoints = found.head(given.touchpoints)
        with site(touchpoints) as here:
            cases: dict[str, Callable[[], Rates]] = {
                AGENT: lambda: run_agent(here, touchpoints),
                BULK: lambda: run_bulk(here, touchpoints),
                WORKER: lambda: run_worker(here, touchpoints),
                TWO: lambda: run_worker(here, touchpoints, "--processes", "2"),
                LOOP: lambda: run_loop(here, touchpoints),
                LIVE: lambda: run_live(here, touchpoints),
            }
            rates = interleaved(given.repetitions, cases)
    report(touchpoints, rates, given.repetitions)


def report(touchpoints: History, rates: dict[str, list[Rates]], repetitions: int) -> None:
    """Print and keep the figures."""
    rows = {
        name: {
            "wall s": spread(rate.run.wall for rate in each),
            "CPU s per 100k": spread(rate.run.cpu / touchpoints.lines * 100_000 for rate in each),
            "whole, per s": spread(rate.whole for rate in each),
            "intake, per s": spread(rate.intake for rate in each),
        }
        for name, each in rates.items()
    }
    pairs = ((WORKER, AGENT), (WORKER, BULK), (TWO, WORKER), (LIVE, AGENT), (LIVE, LOOP))
    ratios: dict[str, Spread] = {}
    for name, other in pairs:
        for field in ("whole", "intake"):
            both = ([getattr(rate, field) for rate in rates[each]] for each in (name, other))
            ratios[f"{name} / {other}, touchpoints/s, {field}"] = ratio(*both)
        ratios[f"{name} / {other}, CPU"] = ratio(*([rate.run.cpu for rate in rates[each]] for each in (name, other)))
    forms = {"wall s": ".1f", "CPU s per 100k": ".1f", "whole, per s": ",.0f", "intake, per s": ",.0f"}
    on = f"{touchpoints.name}; {touchpoints.lines:,} touchpoints in {PARTITIONS} partitions; {repetitions} repetitions"
    _figures.report("worker", "worker end to end, PostgreSQL", on, forms, rows, ratios)


if __name__ == "__main__":
    main()
