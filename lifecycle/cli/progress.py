"""How far a long command has got: bars on standard error, where that is a terminal. Used by run and policy activate."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str, int, int | None], None]
"""(what is being done, how much of it is done, of how much: None where that is unknown)."""


@contextmanager
def shown_progress() -> Iterator[Tell | None]:
    """Give what is to be told how far the work has got; None where nobody looks, so that nobody counts for it."""
    if not sys.stderr.isatty():
        yield None
        return
    # Loading rich takes as long as a small run; nobody waits for it where nobody looks.
    from rich.console import Console
    from rich.progress import BarColumn, Progress as Bars, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        shown: dict[str, TaskID] = {}

        def tell(phase: str, done: int, total: int | None) -> None:
            if phase not in shown:
                shown[phase] = bars.add_task(phase, total=total)
            bars.update(shown[phase], completed=done)

        yield tell
