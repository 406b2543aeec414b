"""The spine: touchpoints and time both enter here, and nowhere else. The only place where rules and store meet.

Theory of operation. Every change goes gather, decide, commit, in this order, and twice for nothing:

1. Gather: bulk reads without locks (what is known of the touchpoints in the batch, the people, their logs
   where a person must be folded again, what was published of their tasks).
2. Decide: pure functions on what was read (sorting.py, folding.py, rules). Nothing is written yet.
3. Commit: one transaction. It compares and sets each person's revision, each partition's (epoch, offset) and the
   policy, so what was read may have been overtaken, but a decision on overtaken reads, or by a policy that is not
   active any more, is never written: the whole batch is read and decided again, in halves once that happened
   twice. Messages are rows in that transaction; nothing is published inside it.

If the commit were moved before the last decision, a crash between would leave a log that no snapshot knows;
if publishing were moved into it, a rollback would leave a task that nobody asked for. Acknowledging is the
caller's, after `ingest` returned. Repeating a batch is harmless: the keys of its touchpoints absorb it.

Tasks are reconciled at the present only. With `publish=False` a commit writes log and snapshots and marks
the people due at once; the next `advance` that publishes reconciles them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce

from lifecycle import ids
from lifecycle.engine.folding import Result, fold_person, known_tasks, stopped_result
from lifecycle.engine.gathering import sort_batch
from lifecycle.engine.labels import label_batch
from lifecycle.engine.limits import Limits
from lifecycle.engine.messages import message_of
from lifecycle.engine.one_pass import Pass
from lifecycle.engine.opening import state_to_fold_by
from lifecycle.engine.refolding import Walk
from lifecycle.engine.sorting import Sorted
from lifecycle.engine.start import Start, start_of
from lifecycle.engine.starting import logs_of, starts_of
from lifecycle.engine.waiting import waiting_rows
from lifecycle.errors import RevisionConflict, ValueRefused
from lifecycle.person import OutboxRow, PersonRow
from lifecycle.record import Accounting, Batch, Fault
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.fold.retractions import Name
from lifecycle.rules.fold.tasks import Request, reconcile, strangers
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT
from lifecycle.store.changes import Changes
from lifecycle.store.store import Store
from lifecycle.task import WithdrawnReason
from lifecycle.touchpoint import Touchpoint, key_of


class Engine:
    """Folds batches and moves time, on one store, by one policy. Synchronous; call it from a thread.

    `opened_at` is the wall clock, kept with a policy that becomes active. The first policy that a database
    sees becomes active; with another one active, opening raises PolicyMismatch, with another format of snapshots
    SchemaMismatch. When another becomes active later, every call that writes raises that: make another engine.
    """

    def __init__(self, store: Store, policy: Policy, *, opened_at: datetime, limits: Limits | None = None) -> None:
        self.store = store
        self.policy = policy
        self.limits = limits or Limits()
        state = state_to_fold_by(store, policy, opened_at=opened_at)
        self.machine = replace(compile_policy(policy), ask_from=state.ask_from)
        self._walk = Walk(store, policy.hash, SNAPSHOT_FORMAT)
        self.partitions = state.partitions

    def ingest(
        self,
        batch: Batch,
        *,
        received_at: datetime,
        ceiling: datetime | None,
        until: datetime | None = None,
        publish: bool = True,
        log_first: bool = False,
        recent: datetime | None = None,
        told: Callable[[Sequence[OutboxRow]], None] | None = None,
    ) -> Accounting:
        """Fold a batch and commit it: log, people, tasks, outbox, offsets, accounting, in one transaction.

        `received_at`: wall clock at receipt, judges "in the future" and stamps messages and dead letters. `ceiling`:
        touchpoints that occur later wait in the log (live: the wall clock; bounded run: its `--until`; None: nothing
        waits). `until`: how far time may move for the people touched; None: each to their own newest touchpoint.
        `publish=False`: write log and snapshots only and mark the people due; a later `advance` reconciles their
        tasks. `log_first`: whoever can waits until then (waiting.py), but for those of whom something in the batch
        occurred at `recent` or later (None: all). `told` is told, after each commit, of the messages that it put in
        the outbox. May be repeated with the same batch: touchpoints are absorbed by their keys (a moved partition
        raises PartitionLost instead). Returns what became of the records.

        Raises ValueError for an `until` after the `ceiling`, StoreUnavailable and, after `commit_attempts`,
        RevisionConflict (retry), PartitionLost (stop). A value that the database refuses is dead-lettered.
        """
        taken = Pass(received_at, until, ceiling, publish, log_first=log_first, recent=recent, told=told)
        return self._take(batch, taken)

    def advance(
        self,
        until: datetime,
        *,
        at: datetime,
        ceiling: datetime | None = None,
        partitions: Collection[int] | None = None,
        most: int | None = None,
        publish: bool = True,
        labelled: Callable[[Accounting], None] | None = None,
        told: Callable[[Sequence[OutboxRow]], None] | None = None,
    ) -> int:
        """Move time to `until` for at most `most` people who are due (None: `advance_people`); return how many it was.

        When nobody is due, those follow who still stand by another policy. Call it until it returns 0, and note then
        that the pass has come to its end (Store.reached). `at`: wall clock, stamps messages. `ceiling`: what occurs
        waits on (None: `until`). `partitions`: of people (None: all). After each commit `labelled` is told of the
        labels of what waited, `told` of messages. Raises StoreUnavailable, RevisionConflict (retry), PolicyMismatch
        (stop).
        """
        most = most or self.limits.advance_people
        people = self.store.due_people(partitions, until, most) or self._walk.page(partitions, most)
        if not people:
            return 0
        return self._move(people, Pass(at, until, ceiling or until, publish, labelled=labelled, told=told))

    def refold(self, person: str, *, at: datetime) -> PersonRow | None:
        """Fold a person from nothing, and return the new row (None: there is none); the next `advance` tells of tasks.

        For whom a defect had stopped, or folded wrongly. `at`: wall clock. Raises as `advance` does.
        """
        state = self.store.state()
        ceiling = at if state.belongs_to_workers else state.reached_at or at
        self._move([person], Pass(at, None, ceiling, publish=False, anew=True))
        return self.store.load_people([person]).get(person)

    def _move(self, people: Sequence[str], moment: Pass) -> int:
        for attempt in range(1, self.limits.commit_attempts + 1):
            with self.store.together():
                rows = self.store.load_people(people)
                if moment.anew:
                    rows = {name: row._replace(stopped="anew") for name, row in rows.items()}
                results = self._fold({name: [] for name in rows}, rows, Sorted(), moment)
                labels = Sorted()
                label_batch(results, labels, partitions=self.partitions, is_from_topic=False)
                changes = self._changes(results, moment, labels, Batch(()))
            try:
                moment.commit(self.store, changes)
            except RevisionConflict:
                if attempt == self.limits.whole_attempts and len(people) > 1:
                    return self._move_halves(people, moment)
                if attempt == self.limits.commit_attempts:
                    raise
                continue
            if moment.labelled is not None:
                moment.labelled(labels.total())
            return len(results)
        raise AssertionError("commit_attempts is at least 1")

    def _move_halves(self, people: Sequence[str], moment: Pass) -> int:
        """Move both halves; whoever is contended in the first does not keep the second waiting."""
        moved, overtaken, middle = 0, None, len(people) // 2
        for half in (people[:middle], people[middle:]):
            try:
                moved += self._move(half, moment)
            except RevisionConflict as conflict:
                overtaken = conflict
        if overtaken is not None:
            raise overtaken
        return moved

    def _take(self, batch: Batch, moment: Pass) -> Accounting:
        try:
            return self._decide_and_commit(batch, moment)
        except ValueRefused as refused:
            if len(batch.records) > 1:
                return self._take_halves(batch, moment)
            record = batch.records[0]
            fault = Fault("refused_by_database", None, f"The database refused a value of this record: {refused}")
            unreadable = type(record)(record.place, record.body, None, fault, record.key, record.headers)
            return self._decide_and_commit(Batch((unreadable,), batch.steps), moment)

    def _take_halves(self, batch: Batch, moment: Pass) -> Accounting:
        return reduce(Accounting.plus, (self._take(half, moment) for half in batch.halves()))

    def _decide_and_commit(self, batch: Batch, moment: Pass) -> Accounting:
        for attempt in range(1, self.limits.commit_attempts + 1):
            with self.store.together():
                rows = self.store.load_people(batch.persons())
                result = sort_batch(self.store, self.machine, self.limits.future, batch, rows, received_at=moment.at)
                touched = result.touched()
                known = self.store, self.machine, self.partitions, touched, rows, result
                waiting = waiting_rows(*known, recent=moment.recent) if moment.log_first else {}
                results = self._fold({who: touched[who] for who in touched if who not in waiting}, rows, result, moment)
                label_batch(results, result, partitions=self.partitions, is_from_topic=bool(batch.steps))
                changes = self._changes(results, moment, result, batch, waiting.values())
            try:
                moment.commit(self.store, changes)
            except RevisionConflict:
                if attempt == self.limits.whole_attempts and len(batch.records) > 1:
                    return self._take_halves(batch, moment)
                if attempt == self.limits.commit_attempts:
                    raise
                continue
            return result.total()
        raise AssertionError("commit_attempts is at least 1")

    def _fold(
        self,
        touched: Mapping[str, list[Touchpoint]],
        rows: Mapping[str, PersonRow],
        result: Sorted,
        moment: Pass,
    ) -> list[Result]:
        """Fold every person touched, each once, in the order of their names."""
        replaced = result.written_anew()
        starts = starts_of(self.store, self.machine, touched, rows, result, moment.ceiling)
        logs = logs_of(self.store, starts)
        return [
            self._fold_one(person, start, logs.get(person, ()), [*touched[person], *replaced.get(person, ())], moment)
            for person, start in starts.items()
        ]

    def _fold_one(
        self,
        person: str,
        start: Start,
        log: Sequence[Touchpoint],
        fresh: Sequence[Touchpoint],
        moment: Pass,
    ) -> Result:
        # What this batch writes stands in place of what the log holds under the same key.
        both = {key_of(each): each for each in (*log, *fresh)} if log and fresh else None
        return fold_person(
            self.machine,
            person,
            ids.partition_of(person, self.partitions),
            start,
            log or fresh if both is None else both.values(),
            until=moment.until,
            ceiling=moment.ceiling,
            is_due=not moment.publish,
        )

    def _changes(
        self,
        results: Iterable[Result],
        moment: Pass,
        result: Sorted,
        batch: Batch,
        waiting: Iterable[PersonRow] = (),
    ) -> Changes:
        people = list(results)
        requests = self._owed(people, moment, result) if moment.publish else []
        return Changes(
            steps=batch.steps,
            accounting=result.accounting(),
            touchpoints=tuple(result.accepted.values()),
            replaced=tuple(after for _, after in result.replaced.values()),
            conflicts=tuple(result.conflicts),
            people=(*(each.row for each in people), *waiting),
            checkpoints=tuple(each.checkpoints for each in people if each.checkpoints is not None),
            publications=tuple(request.publication for request in requests),
            messages=tuple(message_of(request, self.partitions, moment.at) for request in requests),
            dead_letters=tuple(result.dead_letters),
            newest=tuple((*place, at) for place, at in sorted(result.newest.items())),
            policy_hash=self.policy.hash,
            snapshot_format=SNAPSHOT_FORMAT,
            ask_from=None if self.machine.ask_from is None else self.machine.ask_from.at,
        )

    def _owed(self, people: list[Result], moment: Pass, batch: Sorted) -> list[Request]:
        """Return what is owed to consumers; a person who is stopped, here at last, keeps their tasks as they are."""
        folded = [(each, each.state) for each in people if each.state is not None]
        published = self.store.publications([each.row.person for each, _ in folded if each.start.row is not None])
        requests: list[Request] = []
        for each, state in folded:
            told = published.get(each.row.person, {})
            closings, retracted = each.closings, frozenset[str]()
            if strangers(state, closings, told) and not each.start.is_full:
                # Tasks ended so long ago that the snapshot forgot how: the log still knows.
                closings = (*self._fold_anew(each.row, moment, each.start.left_out, batch).closings, *closings)
            if each.start.left_out and strangers(state, closings, told):
                # A task that would have been asked but for the retractions is withdrawn by them.
                retracted = known_tasks(self._fold_anew(each.start.row or each.row, moment, frozenset(), batch))
            changed = each.start.row is not None and each.start.row.policy_hash != self.policy.hash
            untrue: WithdrawnReason = "policy" if changed else "never_true"
            about = self.machine, each.row.person, state, closings, told
            try:
                requests += reconcile(*about, at=moment.at, untrue=untrue, retracted=retracted)
            except Exception as error:
                people[people.index(each)] = stopped_result(self.machine, each, error)
        return requests

    def _fold_anew(self, row: PersonRow, moment: Pass, left_out: frozenset[Name], batch: Sorted) -> Result:
        start = start_of(row, self.machine, (), anew=True, left_out=left_out)
        log = self.store.read_log({row.person: None}).get(row.person, ())
        return self._fold_one(row.person, start, log, batch.written(row.person), moment)
