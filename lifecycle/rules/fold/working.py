"""One person's state while a fold works on it: entering and leaving stages, opening and closing tasks.

Called by fold.py, timers.py and outcomes.py only. Everything that could depend on the order of a dict is
done in the order of names, so that a state built from a snapshot and one built in one go agree to the byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappush
from typing import Any

from lifecycle.instant import NEVER, Instant, from_microseconds
from lifecycle.rules.compiled.facts import Data
from lifecycle.rules.compiled.guards import NOTHING, View
from lifecycle.rules.compiled.machine import FOLLOWED, LANE, STOPS, Machine, Rule, StageTable, Taker, TrackTable
from lifecycle.rules.compiled.saying import Said
from lifecycle.rules.fold.start import BEFORE_START, start_due
from lifecycle.rules.fold.trail import Closing, Step
from lifecycle.rules.language.names import TOO_MANY
from lifecycle.rules.language.policy import Choice
from lifecycle.rules.state import texts
from lifecycle.rules.state.asked import Asked
from lifecycle.rules.state.endings import remember
from lifecycle.rules.state.snapshot import ClosedTask, Instance, OpenTask, Origin, PersonState, WaitingTask
from lifecycle.task import TaskState
from lifecycle.touchpoint import Touchpoint, TouchpointKey

NO_FACTS: dict[str, Any] = {}
"""The own facts of no instance; never written to."""

Finished = tuple[Instant, str, str]
"""An instance that may give way to new ones: (since, track, key)."""


class Working:
    """The state at hand, and what happened to it.

    `due` is no later than the next moment at which time alone has something to do: a bound, made exact by `next_due`.
    `dirty` says what is to be worked out anew (machine.LANE and so on), `changed` which instances took something in
    since following.py looked, and `followed` the tracks whose rules follow a fact of the person that changed: without
    being dirty, where that makes them later only (following.py).
    `reached_at` is when the last touchpoint occurred. `wanted_dues`: what places.py knows of the tasks that wait.
    """

    def __init__(
        self, machine: Machine, person: str, state: PersonState, trail: list[Step] | None, *, tells: bool = False
    ) -> None:
        self.machine = machine
        self.person = person
        self.state = state
        self.trail = trail
        self.tells = tells
        self.closings: list[Closing] = []
        self.said_before: dict[str, Said] = {}
        self.unmatched: list[TouchpointKey] = []
        self.unreached: list[TouchpointKey] = []
        self.keyless: list[TouchpointKey] = []
        self.active: dict[tuple[str, str], Instance] = {}
        self.instances = 0
        self.finished: list[Finished] | None = None
        self.asked = Asked(state)
        self.changed: list[tuple[str, str]] = []
        self.wanted_dues: dict[str, Instant] = {}
        self.followed: set[str] = set()
        self.dirty = LANE | STOPS
        self.due: Instant = 0
        self.last: Touchpoint | None = None
        self.reached_at: Instant = 0
        self._view = View(None, state.facts, state.tracks, 0)
        for name, instances in state.tracks.items():
            table = machine.tracks[name]
            self.instances += 0 if name == TOO_MANY else len(instances)
            for key, instance in instances.items():
                if instance.pending or table.stages[instance.stage].following:
                    self.active[name, key] = instance

    def view(self, data: Data | None, at: Instant) -> View:
        """Return what guards may look at now: one and the same view each time, good until the next is asked for."""
        view = self._view
        view.data, view.at = NOTHING if data is None else data, at
        view.own, view.key = NO_FACTS, ""
        return view

    def view_of(self, track: str, key: str, at: Instant) -> View:
        """Return what the timers of one instance may look at now: as `view`."""
        view = self.view(None, at)
        view.own, view.key = self.state.tracks[track][key].facts, key
        return view

    def next_due(self) -> Instant:
        """Return when time alone has something to do next: a rule, an opening, an expiry, a slide, the start; NEVER."""
        state = self.state
        due = NEVER if state.slides_at is None else state.slides_at
        if self.machine.ask_from is not None:
            due = min(due, start_due(self.machine, state))
        for instance in self.active.values():
            for at in instance.pending.values():
                if at < due:
                    due = at
        for task in state.tasks.values():
            if task.expires_at < due:
                due = task.expires_at
        for waiting in state.waiting.values():
            if waiting.opens_at < due:
                due = waiting.opens_at
        self.due = due
        return due

    def note_due(self, at: Instant) -> None:
        """Take in that time has something to do at a moment."""
        if at < self.due:
            self.due = at

    def note_moved(self, task: OpenTask) -> None:
        """Take in that an open task is due, and expires, at another time than before."""
        self.note_due(task.expires_at)
        if self.machine.ask_from is not None:
            self.note_due(start_due(self.machine, self.state))  # It may be due before the start now.
        self.asked.is_stirred = True  # Who waits for a place waits for an expiry.

    def note(
        self,
        at: Instant,
        what: str,
        track: str,
        key: str,
        name: str,
        *,
        task_id: str = "",
        by: Origin | None = None,
        detail: str = "",
        choice: Choice | None = None,
        due: Instant | None = None,
    ) -> None:
        """Write one step of the trail, where one is kept."""
        if self.trail is not None:
            until = None if due is None else from_microseconds(due)
            self.trail.append(Step(from_microseconds(at), what, track, key, name, task_id, by, detail, choice, until))

    def remember(self, holder: dict[str, Any], takers: Iterable[Taker], view: View) -> bool:
        """Let facts take in the touchpoint of a view; return whether any did. Texts are counted (texts.py)."""
        data, at, is_any = view.data, view.at, False
        for taker in takers:
            if taker.when is not None and not taker.when(view):
                continue
            is_any = True
            name = taker.name
            before = holder.get(name)
            if taker.text_field:
                bytes_before = texts.size_of(before)
                holder[name] = after = taker.take(before, data, at)
                self.state.text_bytes += texts.size_of(after) - bytes_before
                self.state.given_way += texts.is_lost(taker.kind, before, after, data.get(taker.text_field))
            else:
                holder[name] = after = taker.take(before, data, at)
            # A sum is added up in place, so what was before it is not known any more.
            if taker.marks and (before != after or taker.kind == "sum"):
                self.followed |= taker.follows
                self.dirty |= taker.marks & ~FOLLOWED if taker.rises and before is not None else taker.marks
        return is_any

    def begin(self, table: TrackTable, key: str, instance: Instance) -> None:
        """Register a new instance, for which place was made (limits.py)."""
        self.state.tracks.setdefault(table.name, {})[key] = instance

    def enter(
        self,
        table: TrackTable,
        key: str,
        instance: Instance,
        stage: StageTable,
        at: Instant,
        cause: str,
        origin: Origin,
    ) -> None:
        """Put an instance into a stage and schedule the stage's rules. Facts have taken in the touchpoint."""
        self.dirty |= table.marks
        instance.stage = stage.name
        instance.since = at
        instance.cause = cause
        instance.origin = origin
        instance.pending = {}
        instance.spent = []
        instance.counts = {}
        instance.anchors = {}
        instance.came = {}
        instance.held_until = None
        if stage.entry:
            view = self.view(None, at)
            view.own = instance.facts
            view.key = key
            for rule in stage.entry:
                self.schedule(instance, rule, view)
        self.watch(table, key, instance, stage)

    def schedule(self, instance: Instance, rule: Rule, view: View) -> None:
        """Note when a rule is due next, as things stand; a moment that lies behind is now (= view.at)."""
        due = rule.due_of(view, instance)
        if due is None:
            instance.pending.pop(rule.name, None)
        else:
            at, held = view.at, instance.held_until
            if held is not None and held > at:
                at = held
            if due < at:
                due = at
            instance.pending[rule.name] = due
            if due < self.due:
                self.due = due

    def restart(self, instance: Instance, rule: Rule, view: View) -> None:
        """Begin the rhythm of a rule anew: its last task was closed now."""
        instance.anchors[rule.name] = view.at
        instance.came.pop(rule.name, None)
        self.schedule(instance, rule, view)

    def go_on(self, instance: Instance, rule: Rule, view: View) -> None:
        """Go on with the rhythm of a rule: one came now and was not asked, or is a review."""
        instance.came[rule.name] = view.at
        self.schedule(instance, rule, view)

    def watch(self, table: TrackTable, key: str, instance: Instance, stage: StageTable) -> None:
        """Keep an instance among those that time or facts can move, or take it out."""
        if instance.pending or stage.following:
            self.active[table.name, key] = instance
        else:
            self.active.pop((table.name, key), None)
            if self.finished is not None and self.is_finished(table.name, key, instance):
                heappush(self.finished, (instance.since, table.name, key))

    def is_finished(self, track: str, key: str, instance: Instance) -> bool:
        """Tell whether nothing but news can move a keyed instance, and another track watches the person."""
        table = self.machine.tracks[track]
        is_watched = table.stages[instance.stage].stage.watched_by is not None
        return is_watched and table.field is not None and (track, key) not in self.active

    def leave(self, table: TrackTable, key: str, instance: Instance, at: Instant, by: Origin | None) -> None:
        """Withdraw the open tasks of a stage that is left, and forget the waiting ones, but for those that stay."""
        if self.trail is not None:
            for name, due in sorted(instance.pending.items()):
                self.note(at, "dropped", table.name, key, name, by=by, due=due)
        if not self.asked.has(table.name, key):
            return
        tasks, waiting, asked = self.state.tasks, self.state.waiting, self.asked.of(table.name, key)
        for task_id in (each for each in asked if each in tasks and self._is_left(tasks[each], instance)):
            self.close(task_id, "withdrawn", at, reason="left_stage", by=by)
        for task_id in (each for each in asked if each in waiting and self._is_left(waiting[each], instance)):
            left = self.asked.release(task_id)
            self.note(at, "dropped", table.name, key, left.rule, task_id=task_id, by=by, due=left.opens_at)

    def _is_left(self, task: OpenTask | WaitingTask, instance: Instance) -> bool:
        """Tell whether a task of this instance ends with the stage that it stands in."""
        rule = self.rule_of(task).task
        return task.entry == instance.cause and rule is not None and not rule.stays

    def rule_of(self, task: OpenTask | WaitingTask) -> Rule:
        """Return the rule that opened a task, or will."""
        return self.machine.tracks[task.track].stages[task.stage].rules[task.rule]

    def reaches(self, rule: Rule) -> bool:
        """Tell whether the person notices the tasks of a rule, where any kind of contact has a budget."""
        return rule.contact is not None and rule.contact.reaches and self.machine.most > 0

    def count_done(self, at: Instant) -> None:
        """Remember, for budgets, that something that reaches the person was done."""
        self.state.done = [*self.state.done, at][-self.machine.most :]

    def said(self, task: OpenTask) -> Said:
        """Return what an open task says now."""
        saying = self.rule_of(task).saying
        assert saying is not None
        return saying.said(self.view_of(task.track, task.key, task.opened_at), self.person)

    def close(
        self, task_id: str, state: TaskState, at: Instant, *, reason: str = "", by: Origin | None = None
    ) -> OpenTask:
        """Close an open task; a repeated one is scheduled again where its stage goes on."""
        task = self.asked.end(task_id)
        if task.track == TOO_MANY and state in ("completed", "declined"):
            self.state.told = sum(self.state.not_begun.values())
        closed = ClosedTask(task_id, state, reason, at)
        said = (self.said_before.get(task_id) or self.said(task)) if self.tells else None
        self.closings.append(Closing(task, closed, said))
        remember(self.state, closed)
        if state == "completed" and self.reaches(self.rule_of(task)):
            self.count_done(at)
        self.note(at, state, task.track, task.key, task.rule, task_id=task_id, by=by, detail=reason)
        instance = self.state.tracks[task.track][task.key]
        rule = self.rule_of(task)
        if (
            rule.period is not None
            and not rule.task.is_review  # type: ignore[union-attr]  # open tasks have task rules
            and instance.cause == task.entry
            and instance.stage == task.stage
            and reason not in ("left_stage", BEFORE_START)  # what is still owed comes anew (before_start.py)
        ):
            self.restart(instance, rule, self.view_of(task.track, task.key, at))
            self.active[task.track, task.key] = instance
        return task
