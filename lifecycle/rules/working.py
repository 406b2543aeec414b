"""One person's state while a fold works on it: entering and leaving stages, opening and closing tasks.

Called by fold.py, timers.py and outcomes.py only. Everything that could depend on the order of a dict is
done in the order of names, so that a state built from a snapshot and one built in one go agree to the byte.
"""

from __future__ import annotations

from datetime import datetime
from heapq import heappush
from typing import Any, NamedTuple

from lifecycle import ids
from lifecycle.rules import texts
from lifecycle.rules.asked import Asked
from lifecycle.rules.endings import remember
from lifecycle.rules.guards import View
from lifecycle.rules.machine import Machine, Rule, StageTable, Taker, TrackTable
from lifecycle.rules.names import TOO_MANY
from lifecycle.rules.policy import Choice
from lifecycle.rules.saying import Said
from lifecycle.rules.snapshot import ClosedTask, Instance, OpenTask, Origin, PersonState, WaitingTask
from lifecycle.rules.start import BEFORE_START, start_due
from lifecycle.task import TaskState
from lifecycle.touchpoint import EPOCH, Touchpoint, TouchpointKey

Finished = tuple[datetime, str, str]
"""An instance that may give way to new ones: (since, track, key)."""


class Closing(NamedTuple):
    """A task that ended during this fold, as it was, how, and what it said then (None: what it would say now)."""

    task: OpenTask
    closed: ClosedTask
    said: Said | None = None


class Step(NamedTuple):
    """One decision of the fold, for explaining: what happened to which instance, and what brought it about.

    `what`: came (a touchpoint, of no instance; `name` is its type), began, moved, held (which alternative of the guard
    that is about to move it; `name` is the stage, or the rule of time), refused and stayed (a line of the list that
    counted did not fit, or said stay; `name` is the stage), opened, waits (for its contact), not_opened,
    dropped (its stage was left before it was due), postponed (`due` is until when), completed, declined, expired,
    withdrawn, retracted (a touchpoint that was left out, in no place of the trail: `detail` is by what, `due` when).
    `name` is the stage or rule, `task_id` "" where there is none, `by` the touchpoint (None: time), `choice` the line
    of the policy that decided, `due` when a rule was to be due, or an opened task is. `detail` is the stage that was
    moved from (for time with its rule), what a guard wanted and got, the reason of an ending, until when a task waits
    and as words for what (openings.holds_back), what of a touchpoint counts as missing, or for not_opened a word:
    stopped (the contact), done (already), open (the last review is), left (its stage was), too_soon (the fact of its
    `every ... after` moved on while it waited), before_start (it was due before the moment from which is asked).
    """

    at: datetime
    what: str
    track: str
    key: str
    name: str
    task_id: str
    by: Origin | None
    detail: str
    choice: Choice | None = None
    due: datetime | None = None


class Working:
    """The state at hand, and what happened to it.

    `changed`: instances whose own facts took something in since following.py looked, `followed`: what the facts of the
    person that anything follows said then. `wanted_dues`: what places.py knows of the tasks that wait.
    """

    def __init__(self, machine: Machine, person: str, state: PersonState, trail: list[Step] | None) -> None:
        self.machine = machine
        self.person = person
        self.state = state
        self.trail = trail
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
        self.wanted_dues: dict[str, datetime] = {}
        self.followed = machine.followed.values(self.view(None, EPOCH))
        for name, instances in state.tracks.items():
            table = machine.tracks[name]
            self.instances += 0 if name == TOO_MANY else len(instances)
            for key, instance in instances.items():
                if instance.pending or table.stages[instance.stage].following:
                    self.active[name, key] = instance

    def view(self, data: Any, at: datetime) -> View:
        """Return what guards may look at now."""
        return View(data, self.state.facts, self.state.tracks, at)

    def view_of(self, track: str, key: str, at: datetime) -> View:
        """Return what the timers of one instance may look at now."""
        view = self.view(None, at)
        view.own, view.key = self.state.tracks[track][key].facts, key
        return view

    def next_due(self) -> datetime | None:
        """Return when time alone has something to do next: a rule, an opening, an expiry, a slide, the start."""
        due = self.state.slides_at
        start = start_due(self.machine, self.state)
        if start is not None and (due is None or start < due):
            due = start
        for instance in self.active.values():
            for at in instance.pending.values():
                if due is None or at < due:
                    due = at
        for task in self.state.tasks.values():
            if due is None or task.expires_at < due:
                due = task.expires_at
        for waiting in self.state.waiting.values():
            if due is None or waiting.opens_at < due:
                due = waiting.opens_at
        return due

    def note(
        self,
        at: datetime,
        what: str,
        track: str,
        key: str,
        name: str,
        *,
        task_id: str = "",
        by: Origin | None = None,
        detail: str = "",
        choice: Choice | None = None,
        due: datetime | None = None,
    ) -> None:
        """Write one step of the trail, where one is kept."""
        if self.trail is not None:
            self.trail.append(Step(at, what, track, key, name, task_id, by, detail, choice, due))

    def remember_fact(self, holder: dict[str, Any], taker: Taker, touchpoint: Touchpoint) -> None:
        """Let one fact take in a touchpoint, and keep account of the texts of the person (texts.py)."""
        before = holder.get(taker.name)
        if not taker.text_field:
            holder[taker.name] = taker.take(before, touchpoint)
            return
        bytes_before = texts.size_of(before)
        holder[taker.name] = after = taker.take(before, touchpoint)
        self.state.text_bytes += texts.size_of(after) - bytes_before
        self.state.given_way += texts.is_lost(taker.kind, before, after, touchpoint.data.get(taker.text_field))

    def begin(self, table: TrackTable, key: str, instance: Instance) -> None:
        """Register a new instance, for which place was made (limits.py)."""
        self.state.tracks.setdefault(table.name, {})[key] = instance

    def enter(
        self,
        table: TrackTable,
        key: str,
        instance: Instance,
        stage: StageTable,
        at: datetime,
        cause: str,
        origin: Origin,
    ) -> None:
        """Put an instance into a stage and schedule the stage's rules. Facts have taken in the touchpoint."""
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
            instance.pending[rule.name] = max(due, instance.held_until or view.at, view.at)

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

    def leave(self, table: TrackTable, key: str, instance: Instance, at: datetime, by: Origin | None) -> None:
        """Withdraw the open tasks of a stage that is left, and forget the waiting ones, but for those that stay."""
        if self.trail is not None:
            for name, due in sorted(instance.pending.items()):
                self.note(at, "dropped", table.name, key, name, by=by, due=due)
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

    def count_done(self, at: datetime) -> None:
        """Remember, for budgets, that something that reaches the person was done."""
        self.state.done = [*self.state.done, at][-self.machine.most :]

    def rule_of_slot(self, slot: str) -> Rule | None:
        """Return the rule that a task id belongs to by its slot, None where no instance has it any more."""
        for name, instances in sorted(self.state.tracks.items()):
            table = self.machine.tracks[name]
            for rule in (rule for stage in table.stages.values() for rule in stage.rules.values() if rule.task):
                if any(ids.slot_of(self.person, table.slot_name, key, rule.slot_name) == slot for key in instances):
                    return rule
        return None

    def said(self, task: OpenTask) -> Said:
        """Return what an open task says now."""
        saying = self.rule_of(task).saying
        assert saying is not None
        return saying.said(self.view_of(task.track, task.key, task.opened_at), self.person)

    def says_other(self, task: OpenTask, type_name: str) -> bool:
        """Tell whether a touchpoint of this type can change what an open task says."""
        saying = self.rule_of(task).saying
        return saying is not None and (type_name in saying.types or type_name in saying.own_types)

    def close(
        self, task_id: str, state: TaskState, at: datetime, *, reason: str = "", by: Origin | None = None
    ) -> OpenTask:
        """Close an open task; a repeated one is scheduled again where its stage goes on."""
        task = self.asked.end(task_id)
        if task.track == TOO_MANY and state in ("completed", "declined"):
            self.state.told = sum(self.state.not_begun.values())
        closed = ClosedTask(task_id, state, reason, at)
        self.closings.append(Closing(task, closed, self.said_before.get(task_id) or self.said(task)))
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
