"""The embedded run of BPI Challenge 2012, as a whole process, beside a bare bulk loop.

What it measures: `lifecycle run --until end` on a new SQLite database, from the start of the process to its end:
wall clock, CPU, peak memory, touchpoints/s. The import into JSON lines comes first and is not timed. The baseline
(_bare_sqlite.py) is a process too: it decodes the same lines and inserts the touchpoints, and does nothing else. So
the ratio is what finding repetitions, folding, snapshots, moving time and writing tasks cost on top.

What it does not: a second run over the same file, late touchpoints, other policies, PostgreSQL.
"""

from __future__ import annotations

import argparse
from itertools import count
from pathlib import Path
from statistics import median

from benchmarks._figures import Run, interleaved, positive, print_ratios, print_table, ratio, run_module
from benchmarks._history import History, history

BASELINE, PRODUCT = "bare bulk loop", "lifecycle run"


def run_product(touchpoints: History, folder: Path) -> Run:
    """Run the product on a new database."""
    options = {"--events": touchpoints.path, "--db": f"sqlite:///{folder / 'run.db'}", "--until": "end"}
    options["--tasks"] = folder / "tasks.jsonl"
    return run_module(
        "lifecycle.cli", ["run", *(str(each) for pair in options.items() for each in pair)], folder=folder
    )


def run_baseline(touchpoints: History, folder: Path) -> Run:
    """Run the bare loop on a new database."""
    return run_module("benchmarks._bare_sqlite", [str(touchpoints.path), str(folder / "bare.db")], folder=folder)


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
            PRODUCT: lambda: run_product(touchpoints, folder()),
        }
        runs = interleaved(given.repetitions, cases)
    report(touchpoints, runs, given.repetitions)


def report(touchpoints: History, runs: dict[str, list[Run]], repetitions: int) -> None:
    """Print the table and the ratios."""
    rows = []
    for name, each in runs.items():
        wall, cpu, peak = (median(getattr(run, field) for run in each) for field in ("wall", "cpu", "peak"))
        rows.append((name, f"{wall:.1f}", f"{cpu:.1f}", f"{peak:.0f}", f"{touchpoints.lines / wall:,.0f}"))
    print(f"{touchpoints.name}; {touchpoints.lines:,} touchpoints; {repetitions} repetitions, medians")
    print_table("embedded, whole process", ("process", "wall s", "CPU s", "peak MiB", "touchpoints/s"), rows)
    print_ratios(
        {
            f"{PRODUCT} / {BASELINE}, {word}": ratio(
                [getattr(run, field) for run in runs[PRODUCT]], [getattr(run, field) for run in runs[BASELINE]]
            )
            for word, field in (("wall", "wall"), ("CPU", "cpu"), ("memory", "peak"))
        }
    )


if __name__ == "__main__":
    main()
