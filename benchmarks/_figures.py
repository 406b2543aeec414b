"""Repetitions, medians and the small table that every benchmark prints.

It measures nothing by itself. Repetitions are interleaved: the first of everything, then the second of
everything, so that a neighbour on a shared machine slows down all of them alike. A ratio is the median of the
ratios within each repetition, not the ratio of two medians.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import TypeVar

from benchmarks._history import environment

Figure = TypeVar("Figure")


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


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Return the median of the ratios within each repetition."""
    return median(one / other for one, other in zip(above, below, strict=True))


def run_module(
    module: str, arguments: Sequence[str], *, folder: Path, settings: Mapping[str, str] | None = None
) -> Run:
    """Run a module of Python as a process and return what it took. Raises RuntimeError when it fails.

    `settings` are added to its environment.

    The peak is the child's own as long as this process is smaller: a child begins with its parent's.
    """
    command = [sys.executable, "-m", module, *arguments]
    with TemporaryFile() as output:
        begun = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=folder, env={**environment(), **(settings or {})}, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if child.returncode:
        raise RuntimeError(f"{module} ended with {child.returncode}:\n{text[-4000:]}")
    kibibytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Run(wall, usage.ru_utime + usage.ru_stime, kibibytes / 1024, text)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column to the left, figures to the right."""
    table = [columns, *rows]
    widths = [max(len(row[index]) for row in table) for index in range(len(columns))]
    print(title)
    for row in table:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  " + "  ".join(cells))


def print_ratios(ratios: Mapping[str, float]) -> None:
    """Print ratios, each with what it is of."""
    for name, value in ratios.items():
        print(f"  ratio {name}: {value:.2f}")
    print()


def positive(text: str) -> int:
    """Read a whole number above 0 from the command line (for argparse)."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
