"""The engine as a Python object: open a database and a policy, ingest, advance, read people and tasks.

Small on purpose, and what the command line and embedded.py are made of. It adds to the engine what every
caller without Kafka needs: batches, patience with a database that is away, the wall clock, the task file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Self, TypeVar

from lifecycle import canonical_json, clock
from lifecycle.databases import Databases
from lifecycle.engine.engine import Engine
from lifecycle.engine.limits import Limits
from lifecycle.engine.opening import raise_format, require_readable, settle_ask_from
from lifecycle.errors import BelongsToWorkers, Retry, TimeRefused
from lifecycle.files.task_file import OUTBOX_ROWS, open_target
from lifecycle.policies import active_policy, policy_of
from lifecycle.reading.nobody import nobody
from lifecycle.reading.questions import Questions
from lifecycle.record import Accounting, Place, Record, batches
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.store.store import Store, open_store
from lifecycle.store.stores import Stores, open_stores, require_everybody
from lifecycle.task import rfc3339
from lifecycle.touchpoint import Touchpoint
from lifecycle.wire import codec
from lifecycle.wire.contracts import event_of

BATCH_RECORDS = 4_000
"""Most records that are committed together: the more there are, the fewer rows of people are written twice ..."""

BATCH_BYTES = 16 * 1024 * 1024
"""... and the size of their bodies at which a batch ends, so that large ones do not fill the memory."""

DEFAULT_FUTURE = Limits().future
"""How far ahead of its receipt a touchpoint may occur, where nothing else is said."""

ATTEMPTS = 8
"""How often a step is tried while the database is away, before the run ends with its error."""

FIRST_PAUSE_SECONDS = 0.25
"""Pause before the second attempt; it doubles with each, so that a run waits half a minute in all."""

Value = TypeVar("Value")


class Lifecycle:
    """One database and one policy, open. Synchronous, for one thread; a context manager.

    Touchpoints go in with `ingest`; `advance` moves time and makes the messages about tasks; `people`, `tasks`,
    `explain`, `explain_person` and `why_not` read; `hand_over` writes the messages about tasks. Each call that meets
    a database which is away tries again for half a minute, then raises StoreUnavailable; calling again is harmless.
    """

    def __init__(self, store: Store, engine: Engine) -> None:
        self.store = store
        self.engine = engine
        self.questions = Questions(store, engine.machine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database. What was ingested is safe."""
        self.store.close()

    @property
    def reached_at(self) -> datetime | None:
        """The moment that time was moved to (None: never)."""
        return self.store.state().reached_at

    @property
    def newest_at(self) -> datetime | None:
        """When the latest touchpoint ever accepted occurred (None: there is none)."""
        return self.store.state().newest_at

    def ingest(
        self, touchpoints: Iterable[Touchpoint | Mapping[str, Any] | str | bytes], *, name: str = "python"
    ) -> Accounting:
        """Take touchpoints in, any number, in any order: values, CloudEvents as mappings, or JSON lines.

        What cannot be read is a dead letter, not an error. `name` is their source in accounting and dead
        letters. Nobody is told of tasks before `advance`. May be repeated. Returns what became of them.
        """
        places = (Place(f"file:{name}", 0, number) for number in count(1))
        return self.ingest_records(
            (_record(place, each) for place, each in zip(places, touchpoints, strict=False)), ceiling=None
        )

    def ingest_records(
        self,
        records: Iterable[Record],
        *,
        ceiling: datetime | None,
        log_first: bool = False,
        after_batch: Callable[[], None] | None = None,
    ) -> Accounting:
        """Take records in, in batches. Those that occur after `ceiling` wait in the log until time gets there.

        `log_first`: people wait until `advance`, and are folded once: for a run that ends with it.
        """
        _patiently(lambda: require_everybody(self.store))
        total = Accounting()
        for batch in batches(records, BATCH_RECORDS, BATCH_BYTES):
            total = total.plus(
                _patiently(
                    lambda batch=batch: self.engine.ingest(  # type: ignore[misc]  # a lambda of no arguments
                        batch, received_at=clock.now(), ceiling=ceiling, publish=False, log_first=log_first
                    )
                )
            )
            if after_batch is not None:
                after_batch()
        return total

    def advance(
        self,
        until: datetime,
        *,
        progress: Callable[[int], None] | None = None,
        labelled: Callable[[Accounting], None] | None = None,
    ) -> int:
        """Move time to `until` for everybody, make the messages that are owed, and return how many people changed.

        `progress` is told how many so far, `labelled` of the labels of touchpoints that waited (`log_first`). Raises
        TimeRefused when time has already reached a later moment, BelongsToWorkers where workers move it.
        """
        self._require_own("time is moved")
        self.require_not_before(until)
        moved = 0
        while changed := _patiently(lambda: self.engine.advance(until, at=clock.now(), labelled=labelled)):
            moved += changed
            if progress is not None:
                progress(moved)
        _patiently(lambda: self.store.reached([], until))
        return moved

    def require_not_before(self, until: datetime) -> None:
        """Raise TimeRefused when time has already reached a later moment than `until`."""
        if until.tzinfo is None:
            raise ValueError(f"a time has a zone here, got {until}")
        reached = _patiently(lambda: self.reached_at)
        if reached is not None and until < reached:
            raise TimeRefused(
                f"time was to be moved to {rfc3339(until.astimezone(UTC))}, but the database at "
                f"{self.store.where} has already reached {rfc3339(reached)}: what was decided by then cannot be "
                "undone. Name that moment or a later one, use `end`, or begin with a new database."
            )

    def hand_over(self, tasks: Path | str, *, progress: Callable[[int], None] | None = None) -> int:
        """Write every waiting message to a task file (`-`: standard output); return how many were written.

        One JSON object a line (schemas/task.schema.json), appended; people of the first lane first within
        1,000 messages, each person's in order. A message leaves the database only when it is on the disk.
        Raises BelongsToWorkers where workers send them.
        """
        self._require_own("messages are sent")
        written = 0
        with open_target(tasks) as target:
            while rows := _patiently(lambda: self.store.outbox(None, OUTBOX_ROWS)):
                written += target.write(sorted(rows, key=lambda row: (row.lane, row.id)))
                _patiently(lambda rows=rows: self.store.delete_outbox(rows))  # type: ignore[misc]
                if progress is not None:
                    progress(written)
        return written

    @property
    def belongs_to_workers(self) -> bool:
        """Whether a worker has ever claimed topics in this database; then touchpoints may be added, and no more."""
        return _patiently(self.store.state).belongs_to_workers

    def _require_own(self, what: str) -> None:
        if self.belongs_to_workers:
            raise BelongsToWorkers(
                f"{what} by workers in the database at {self.store.where}: they have claimed topics there, and two "
                "who do it would not know of each other. Touchpoints may be added; for the rest run a worker."
            )

    def refold(self, person: str) -> str | None:
        """Fold one person again from the whole log; return why they are stopped still (None: they are folded).

        For whom a defect of the program had stopped, or folded wrongly. Tasks are told by the next `advance`. May be
        repeated. Raises NotFound when nothing is known under that name.
        """
        row = _patiently(lambda: self.engine.refold(person, at=clock.now()))
        if row is None:
            raise nobody(self.store, person)
        return row.stopped

    def people(self) -> Iterator[dict[str, Any]]:
        """Yield each person, by id: lane, facts, stages, next obligation (as `people list --json`)."""
        return self.questions.people()

    def tasks(self, *, include_closed: bool = False) -> Iterator[dict[str, Any]]:
        """Yield each open task by person, time and id (as `tasks list --json`); or all that ever were."""
        return self.questions.tasks(include_closed=include_closed)

    def explain(self, task_id: str, *, at: datetime | None = None) -> list[str]:
        """Return why a task is asked and what came of it, as sentences; `at`: as of a past moment.

        Raises NotFound, and TimeRefused for a moment that time has not reached.
        """
        return self.questions.explain(task_id, at=at)

    def explain_person(self, person: str, *, at: datetime | None = None) -> list[str]:
        """Return where a person stands, how they came there, and what would move them. Raises as `explain` does."""
        return self.questions.explain_person(person, at=at).lines()

    def why_not(self, person: str, name: str, *, at: datetime | None = None) -> list[str]:
        """Return why a task is not asked of a person, or a stage not reached, rule by rule. Raises as `explain` does.

        `name`: a task kind or a stage, alone or as track.name.
        """
        return self.questions.why_not(person, name, at=at).lines()


def open_engine(
    url: str,
    policy: Path | str | None = None,
    *,
    create: bool = True,
    future: timedelta = DEFAULT_FUTURE,
    ask_from: datetime | None = None,
    spread_days: int | None = None,
) -> Lifecycle:
    """Open a database and a policy.

    `url`: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME. `policy`: a file, or a policy's text (it has
    several lines); None: the one that is active in the database, else the one that comes with this program.
    `create` makes or upgrades the tables first, and lets the snapshots have this program's format unless workers
    were ever there (then `lifecycle db upgrade` does). `future`: touchpoints further ahead of the clock are refused.
    `ask_from`: what was due before that moment is not asked, and what is still owed comes anew then, spread over
    `spread_days`; settled once, in a database without people (None: what is settled there).

    Raises PolicyRefused (findings), PolicyMismatch (another is active), NotFound (no such file), TimeRefused (another
    `ask_from` is settled, or it is too late), SchemaMismatch, SettingsRefused, StoreUnavailable.
    """
    given = None if policy is None else policy_of(policy)
    store = _patiently(lambda: open_store(url, create=create))
    try:
        if create and not _patiently(store.state).belongs_to_workers:
            _patiently(lambda: raise_format(store))
        chosen = given or active_policy(_patiently(store.state).policy_text)
        if ask_from is not None:
            _patiently(lambda: settle_ask_from(store, ask_from, spread_days))
        engine = _patiently(lambda: Engine(store, chosen, opened_at=clock.now(), limits=Limits(future=future)))
    except BaseException:
        store.close()
        raise
    return Lifecycle(store, engine)


def open_questions(databases: Databases, *, told_in: str | None = None) -> tuple[Store | Stores, Questions]:
    """Open databases for reading alone, by the policy that is active there. Raises as open_engine does.

    And ShardMismatch, where one of several does not hold what the map says.
    `told_in`: the zone of times in sentences (None: the policy's); data have times in UTC.
    """
    store = _patiently(lambda: open_stores(databases))
    try:
        state = _patiently(store.state)
        require_readable(store, state)
        machine = compile_policy(active_policy(state.policy_text))
        return store, Questions(store, replace(machine, told_in=told_in or "", ask_from=state.ask_from))
    except BaseException:
        store.close()
        raise


def _record(place: Place, given: Touchpoint | Mapping[str, Any] | str | bytes) -> Record:
    if isinstance(given, Touchpoint):
        # Written out and read again, so that a value made by hand meets the same rules as a line.
        given = event_of(given)
    if isinstance(given, Mapping):
        given = canonical_json.dumps(given)
    return codec.read_record(place, given.encode("utf-8", "surrogatepass") if isinstance(given, str) else given)


def _patiently(step: Callable[[], Value]) -> Value:
    """Do a step; when the database is away or was written by somebody else, pause and do it again, bounded."""
    pause = FIRST_PAUSE_SECONDS
    for _ in range(ATTEMPTS - 1):
        try:
            return step()
        except Retry:
            time.sleep(pause)
            pause *= 2
    return step()
