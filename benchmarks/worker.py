"""The worker end to end, beside a faust agent that does nothing and a bare bulk loop on the same database.

What it measures: one `lifecycle worker --until end` as a process, on a real Kafka (4 partitions, the touchpoints
already in the topic) and a real PostgreSQL (fsync on), beside (a) a no-op faust agent on the same broker and
topic (_noop_agent.py) and (b) a bare loop of bulk statements on the same server (_bare_postgres.py). `whole` is
from the start of a process to its end; for the worker that holds moving time, publishing tasks and leaving.
`intake` is from the first record or commit to the last, without start and end. CPU is of the process alone.

What it does not: live running (here people are folded once, and tasks asked for, at the end), time to task
(latency.py), redelivery, a broker on another machine. Broker, database and process share the cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks._figures import Run, interleaved, positive, print_ratios, print_table, ratio, run_module
from benchmarks._history import History, history
from benchmarks._site import PARTITIONS, Site, committed, site
from lifecycle.store.store import open_store

WORKER, AGENT, BULK = "lifecycle worker", "(a) no-op faust agent", "(b) bare bulk loop"
TWO = "lifecycle worker --processes 2"


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
            }
            rates = interleaved(given.repetitions, cases)
    print(f"{touchpoints.name}; {touchpoints.lines:,} touchpoints in {PARTITIONS} partitions")
    report(rates, given.repetitions)


def report(rates: dict[str, list[Rates]], repetitions: int) -> None:
    """Print the table and the ratios."""
    rows = []
    for name, each in rates.items():
        whole, intake = median(rate.whole for rate in each), median(rate.intake for rate in each)
        wall, cpu = median(rate.run.wall for rate in each), median(rate.run.cpu for rate in each)
        rows.append((name, f"{wall:.1f}", f"{cpu:.1f}", f"{whole:,.0f}", f"{intake:,.0f}"))
    columns = ("process", "wall s", "CPU s", "whole, per s", "intake, per s")
    print_table(f"worker end to end; {repetitions} repetitions, medians", columns, rows)
    ratios = {}
    for other in (AGENT, BULK):
        for field in ("whole", "intake"):
            above, below = ([getattr(rate, field) for rate in rates[name]] for name in (WORKER, other))
            ratios[f"{WORKER} / {other}, touchpoints/s, {field}"] = ratio(above, below)
        cpus = ([rate.run.cpu for rate in rates[name]] for name in (WORKER, other))
        ratios[f"{WORKER} / {other}, CPU"] = ratio(*cpus)
    for field in ("whole", "intake"):
        above, below = ([getattr(rate, field) for rate in rates[name]] for name in (TWO, WORKER))
        ratios[f"{TWO} / {WORKER}, touchpoints/s, {field}"] = ratio(above, below)
    print_ratios(ratios)


if __name__ == "__main__":
    main()
