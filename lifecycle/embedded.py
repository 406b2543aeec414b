"""The embedded run: files of touchpoint lines in, a file of task messages out, one database, no Kafka.

`run` is the whole of `lifecycle run`, made of the Python API (api.py) and nothing else.

Theory of a run. A file is read from its start every time; the keys of its touchpoints make that harmless, so
a run that was killed is simply started again. While touchpoints come in they are written to the log, and nobody is
folded who can wait (engine/waiting.py): the final advance folds each person once, and reconciles their tasks at the
moment that time then has reached, so ten years of history ask only for what matters there. Messages leave the outbox
when they are on the disk (task_file.py), never before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Literal

from lifecycle import clock
from lifecycle.api import DEFAULT_FUTURE, Lifecycle, open_engine
from lifecycle.ask_from import AskFrom
from lifecycle.files.event_lines import EventLines
from lifecycle.files.half_lines import HalfLines
from lifecycle.files.task_file import require_target
from lifecycle.reading.answers import Census
from lifecycle.record import Accounting
from lifecycle.wire import codec

Until = datetime | Literal["now", "end"]
Phase = Literal["reading", "moving time", "writing tasks"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has got: `done` of `total` bytes read, people moved or messages written (None: unknown)."""

    phase: Phase
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    `accounting` is of the records of this run alone. `reached_at`: the moment that time was moved to (None:
    there was nothing to move to), `zone` the policy's, in which it is told. `census` counts the database afterwards.
    `written` messages were handed over, `waiting` ones stay in the outbox because no task file was named.
    `belongs_to_workers`: workers have claimed topics in this database, so time stayed and no message was taken.
    `ask_from`: the moment from which is asked (None: always was).
    """

    accounting: Accounting
    reached_at: datetime | None
    census: Census
    written: int
    waiting: int
    zone: str
    belongs_to_workers: bool = False
    ask_from: AskFrom | None = None

    @property
    def dead_letters(self) -> int:
        """Records of this run that were refused; `lifecycle dead-letters list` shows them."""
        return self.accounting.dead_lettered + self.accounting.future


def run(
    events: Iterable[Path | str],
    *,
    store: str,
    policy: Path | str | None = None,
    tasks: Path | str | None = None,
    until: Until = "now",
    progress: Callable[[Progress], None] | None = None,
    limits: codec.Limits = codec.DEFAULT_LIMITS,
    future: timedelta = DEFAULT_FUTURE,
    ask_from: datetime | None = None,
    spread_days: int | None = None,
) -> RunResult:
    """Read touchpoint lines, move time, write task messages. May be repeated, and killed at any point.

    `events`: files, plain or gzip, or `-` for standard input. `store`, `policy`, `future`, `ask_from` and
    `spread_days`: as in open_engine.
    `until`: how far time moves: the clock at the start (`now`), the latest touchpoint in the database
    (`end`; or the moment already reached where that is later), or a moment. Touchpoints after `now` or
    a moment wait in the database. `tasks`: the task file, `-` for standard output, None: messages wait in
    the outbox. In a database that belongs to workers touchpoints are added and that is all: `until` and `tasks` are
    theirs. Raises TimeRefused for a moment before the one that was reached, Stop when a file breaks
    off, and what open_engine raises.
    """
    tell = progress or (lambda _: None)
    files = [EventLines(path, limits) for path in events]
    with open_engine(store, policy, future=future, ask_from=ask_from, spread_days=spread_days) as lifecycle:
        if lifecycle.belongs_to_workers:
            accounting = _read_all(lifecycle, files, clock.now(), tell, log_first=False)
            return _result(lifecycle, accounting, lifecycle.reached_at, 0)
        moment = clock.now() if until == "now" else None if until == "end" else until
        if moment is not None:
            lifecycle.require_not_before(moment)
        if tasks is not None:
            # Before hours of work, not after them: a file that cannot be written is refused here.
            require_target(tasks)
        accounting = _read_all(lifecycle, files, moment, tell, log_first=True)
        reached, labels = moment or _end(lifecycle), [accounting]
        if reached is not None:
            lifecycle.advance(
                reached,
                progress=lambda done: tell(Progress("moving time", done, None)),
                labelled=labels.append,
            )
        accounting = reduce(Accounting.plus, labels)
        written = 0
        if tasks is not None:
            written = lifecycle.hand_over(tasks, progress=lambda done: tell(Progress("writing tasks", done, None)))
        return _result(lifecycle, accounting, reached, written)


def _result(lifecycle: Lifecycle, accounting: Accounting, reached: datetime | None, written: int) -> RunResult:
    questions, waiting = lifecycle.questions, lifecycle.store.counts().outbox
    return RunResult(
        accounting,
        reached,
        questions.count(),
        written,
        waiting,
        questions.zone,
        lifecycle.belongs_to_workers,
        questions.machine.ask_from,
    )


def _read_all(
    lifecycle: Lifecycle,
    files: list[EventLines],
    ceiling: datetime | None,
    tell: Callable[[Progress], None],
    *,
    log_first: bool,
) -> Accounting:
    sizes = [each.total_bytes for each in files]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    before, accounting = 0, Accounting()
    for each in files:
        halves = HalfLines(lifecycle.store, each.topic) if each.total_bytes is not None else None

        def report(each: EventLines = each, before: int = before, halves: HalfLines | None = halves) -> None:
            if halves is not None:
                halves.mend()
            tell(Progress("reading", before + each.read_bytes, total))

        records = each.records() if halves is None else halves.watch(each.records())
        taken = lifecycle.ingest_records(records, ceiling=ceiling, log_first=log_first, after_batch=report)
        accounting = accounting.plus(taken)
        before += each.total_bytes or 0
    return accounting


def _end(lifecycle: Lifecycle) -> datetime | None:
    state = lifecycle.store.state()
    # A file read again after time went beyond it is no error: time stays where it is.
    return max((at for at in (state.newest_at, state.reached_at) if at is not None), default=None)
