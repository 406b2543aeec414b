"""The embedded run of BPI Challenge 2012, as a whole process, beside a bare bulk loop.

What it measures: `lifecycle run --until end` on a new SQLite database, from the start of the process to its end:
wall clock, CPU, peak memory, touchpoints/s. The import into JSON lines comes first and is not timed. The baseline
(_bare_sqlite.py) is a process too: it decodes the same lines and inserts the touchpoints, and does nothing else. So
the ratio is what finding repetitions, folding, snapshots, moving time and writing tasks cost on top. A second baseline
is the same loop with the strict reader of JSON.

What it does not: a second run over the same file, late touchpoints, other policies, PostgreSQL.
"""

from __future__ import annotations

import argparse
from itertools import count
from pathlib import Path

from benchmarks import _figures
from benchmarks._figures import Run, interleaved, positive, ratio, run_module, spread
from benchmarks._history import History, history

BASELINE, STRICT, PRODUCT = "bare bulk loop", "bare bulk loop, strict reader", "lifecycle run"


def run_product(touchpoints: History, folder: Path) -> Run:
    """Run the product on a new database."""
    options = {"--events": touchpoints.path, "--db": f"sqlite:///{folder / 'run.db'}", "--until": "end"}
    options["--tasks"] = folder / "tasks.jsonl"
    return run_module(
        "lifecycle.cli", ["run", *(str(each) for pair in options.items() for each in pair)], folder=folder
    )


def run_baseline(touchpoints: History, folder: Path, *reader: str) -> Run:
    """Run the bare loop on a new database."""
    arguments = [str(touchpoints.path), str(folder / "bare.db"), *reader]
    return run_module("benchmarks._bare_sqlite", arguments, folder=folder)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="the embedded run as a whole process")
    parser.add_argument("--repetitions", type=positive, default=3)
    parser.add_argument("--touchpoints", type=positive, default=None, help="take only the first so many")
    given = parser.parse_args()
    with history() as found:
        touchpoints = found if given.touchpoints is None else found.head(given.touchpoints)
        numbers = count()

        def folder() -> Path:
            made = touchpoints.folder / str(next(numbers))
            made.mkdir()
            return made

        cases = {
            BASELINE: lambda: run_baseline(touchpoints, folder()),
            STRICT: lambda: run_baseline(touchpoints, folder(), "strict"),
            PRODUCT: lambda: run_product(touchpoints, folder()),
        }
        runs = interleaved(given.repetitions, cases)
    report(touchpoints, runs, given.repetitions)


def report(touchpoints: History, runs: dict[str, list[Run]], repetitions: int) -> None:
    """Print and keep the figures."""
    lines = touchpoints.lines
    rows = {
        name: {
            "wall s": spread(run.wall for run in each),
            "CPU s": spread(run.cpu for run in each),
            "CPU s per 100k": spread(run.cpu / lines * 100_000 for run in each),
            "peak MiB": spread(run.peak for run in each),
            "touchpoints/s": spread(lines / run.wall for run in each),
        }
        for name, each in runs.items()
    }
    ratios = {
        f"{PRODUCT} / {other}, {word}": ratio(
            (getattr(run, field) for run in runs[PRODUCT]), (getattr(run, field) for run in runs[other])
        )
        for other in (BASELINE, STRICT)
        for word, field in (("wall", "wall"), ("CPU", "cpu"), ("memory", "peak"))
    }
    forms = {"wall s": ".1f", "CPU s": ".1f", "CPU s per 100k": ".1f", "peak MiB": ".0f", "touchpoints/s": ",.0f"}
    on = f"{touchpoints.name}; {lines:,} touchpoints; {repetitions} repetitions"
    _figures.report("embedded", "embedded run, whole process, SQLite", on, forms, rows, ratios)


if __name__ == "__main__":
    main()
