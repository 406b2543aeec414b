"""Repetitions, medians and their spread, the table that every benchmark prints, and the file where figures are kept.

It measures nothing by itself. Repetitions are interleaved: the first of everything, then the second of
everything, so that a neighbour on a shared machine slows down all of them alike. A ratio is the median of the
ratios within each repetition, not the ratio of two medians.

Figures are kept in build/benchmarks.json, which belongs to one machine. Those that docs/figures.md shows are a copy of
it from a quiet one, docs/benchmarks.json; `make generated` draws them (_drawing.py).
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import Any, TypeVar

from benchmarks._history import ROOT, environment

Figure = TypeVar("Figure")

LOOK_SECONDS = 0.25
"""How often it is asked whether a process is done that would run for ever."""

FILE = ROOT / "build" / "benchmarks.json"


@dataclass(frozen=True, slots=True)
class Run:
    """What one process came to: seconds on the clock, CPU seconds, peak memory in MiB, and what it printed."""

    wall: float
    cpu: float
    peak: float
    output: str


def interleaved(repetitions: int, cases: Mapping[str, Callable[[], Figure]]) -> dict[str, list[Figure]]:
    """Run every case once, then every case again, and so on; return the figures of each case."""
    figures: dict[str, list[Figure]] = {name: [] for name in cases}
    for _ in range(repetitions):
        for name, case in cases.items():
            figures[name].append(case())
    return figures


@dataclass(frozen=True, slots=True)
class Spread:
    """What repetitions came to. As text: the median, and in brackets the least and the most where they were several."""

    median: float
    least: float
    most: float

    def __format__(self, form: str) -> str:
        if self.least == self.most:
            return format(self.median, form)
        return f"{self.median:{form}} ({self.least:{form}}..{self.most:{form}})"


def spread(figures: Iterable[float]) -> Spread:
    """Return the median, the least and the most."""
    found = list(figures)
    return Spread(median(found), min(found), max(found))


def ratio(above: Iterable[float], below: Iterable[float]) -> Spread:
    """Return the spread of the ratios within each repetition."""
    return spread(one / other for one, other in zip(above, below, strict=True))


def run_module(
    module: str,
    arguments: Sequence[str],
    *,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    is_done: Callable[[], bool] | None = None,
) -> Run:
    """Run a module of Python as a process and return what it took. Raises RuntimeError when it fails.

    `settings` are added to its environment. One that would run for ever is asked to stop once `is_done`.

    The peak is the child's own as long as this process is smaller: a child begins with its parent's.
    """
    command = [sys.executable, "-m", module, *arguments]
    with TemporaryFile() as output:
        begun = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=folder, env={**environment(), **(settings or {})}, stdout=output, stderr=output
        )
        if is_done is not None:
            while not is_done() and os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                time.sleep(LOOK_SECONDS)
            child.terminate()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if child.returncode:
        raise RuntimeError(f"{module} ended with {child.returncode}:\n{text[-4000:]}")
    kibibytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Run(wall, usage.ru_utime + usage.ru_stime, kibibytes / 1024, text)


Rows = Mapping[str, Mapping[str, Spread]]
"""Name of a row -> name of a column -> what was measured."""


def report(
    name: str, title: str, on: str, forms: Mapping[str, str], rows: Rows, ratios: Mapping[str, Spread] | None = None
) -> None:
    """Print what a benchmark has found, and keep it in the file of figures, in the place of what it found before.

    `name`: of the benchmark, or of its part. `on`: what it ran on, and how often. `forms`: the columns, each with how
    its figures are written.
    """
    cells = [
        [row, *(format(figures[column], form) if column in figures else "" for column, form in forms.items())]
        for row, figures in rows.items()
    ]
    print(on)
    print_table(title, ["", *forms], cells)
    for each, value in (ratios or {}).items():
        print(f"  ratio {each}: {value:.2f}")
    print()
    keep(name, {"title": title, "on": on, "forms": dict(forms), "rows": plain(rows), "ratios": plain(ratios or {})})


def plain(figures: Any) -> Any:
    """Return figures as JSON knows them, to four digits: what lies behind them is noise."""
    if isinstance(figures, Mapping):
        return {name: plain(each) for name, each in figures.items()}
    return {name: float(f"{value:.4g}") for name, value in asdict(figures).items()}


def keep(name: str, found: Mapping[str, Any]) -> None:
    """Write figures into FILE, beside those of other benchmarks."""
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    kept[name] = {**found, **machine}
    FILE.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column to the left, figures to the right."""
    table = [columns, *rows]
    widths = [max(len(row[index]) for row in table) for index in range(len(columns))]
    print(title)
    for row in table:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  " + "  ".join(cells))


def positive(text: str) -> int:
    """Read a whole number above 0 from the command line (for argparse)."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
