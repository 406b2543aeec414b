"""One person's state while a fold works on it: entering and leaving stages, opening and closing tasks.

Called by fold.py, steps.py, timers.py and what stands beside them. Everything that could depend on the order of a dict
is done in the order of names, so that a state built from a snapshot and one built in one go agree to the byte.
"""

from __future__ import annotations

from typing import Any

from lifecycle.instant import NEVER, Instant, from_microseconds
from lifecycle.rules.compiled.facts import Data
from lifecycle.rules.compiled.guards import NOTHING, View
from lifecycle.rules.compiled.machine import STOPS, TEXTS, TOLD, Machine, Rule, Taker
from lifecycle.rules.compiled.readings import SINGLE
from lifecycle.rules.compiled.saying import Said
from lifecycle.rules.fold.start import start_due
from lifecycle.rules.fold.trail import Closing, Step
from lifecycle.rules.language.names import TOO_MANY
from lifecycle.rules.language.policy import Choice
from lifecycle.rules.state import texts
from lifecycle.rules.state.asked import Asked
from lifecycle.rules.state.snapshot import Instance, OpenTask, Origin, PersonState, WaitingTask
from lifecycle.touchpoint import Touchpoint, TouchpointKey

NO_FACTS: dict[str, Any] = {}
"""The own facts of no instance; never written to."""

Where = tuple[str, str]
"""An instance, by (track, key)."""

Finished = tuple[Instant, str, str]
"""An instance that may give way to new ones: (since, track, key)."""


class Working:
    """The state at hand, and what happened to it.

    `due` is no later than the next moment at which time alone has something to do: a bound, made exact by `next_due`
    (following.py).
    `dirty` says what is to be worked out anew (machine.LANE and so on), `changed` which instances took something in
    since following.py looked, and `followed` the bits of the tracks whose rules follow a fact of the person that
    changed: without being dirty, where that makes them later only (following.py).
    `dues` is when the first rule of each instance is due that time or facts can move, by (track, key).
    `reached_at` is when the last touchpoint occurred, `last_origin` its name once somebody asked for it. `ahead`:
    when the next one comes that means something (None: none, or nothing ages). `is_told`: somebody wants to know more
    than the state, or what time is matters.
    `seen` is the view that is handed out. `wanted_dues`: what places.py knows of the tasks that wait.
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
        self.dues: dict[Where, Instant] = {}
        self.instances = 0
        self.finished: list[Finished] | None = None
        self.asked = Asked(state)
        self.changed: list[Where] = []
        self.wanted_dues: dict[str, Instant] = {}
        self.is_told = tells or trail is not None or bool(machine.slides) or machine.ask_from is not None
        self.followed = 0
        self.dirty = (STOPS if state.tasks or state.waiting else 0) | (TOLD if self.is_told else 0)
        self.due: Instant = 0 if state.tracks or self.is_told else NEVER
        self.last: Touchpoint | None = None
        self.last_origin: Origin | None = None
        self.reached_at: Instant = 0
        self.ahead: Instant | None = None
        self.seen = View(None, state.facts, state.tracks, 0)
        for name, instances in state.tracks.items():
            table = machine.tracks[name]
            self.instances += 0 if name == TOO_MANY else len(instances)
            for key, instance in instances.items():
                if instance.pending or table.stages[instance.stage].follow is not None:
                    self.dues[name, key] = min(instance.pending.values(), default=NEVER)

    def origin(self) -> Origin:
        """Return the last touchpoint, by name: of most nobody asks for it."""
        found = self.last_origin
        if found is None:
            last = self.last
            assert last is not None
            found = self.last_origin = Origin(last.source, last.id, last.type, self.reached_at)
        return found

    def view(self, data: Data | None, at: Instant) -> View:
        """Return what guards may look at now: one and the same view each time, good until the next is asked for."""
        view = self.seen
        view.data, view.at = NOTHING if data is None else data, at
        view.own, view.key = NO_FACTS, ""
        return view

    def view_at(self, instance: Instance, key: str, at: Instant) -> View:
        """Return what the timers of one instance may look at now: as `view`."""
        view = self.seen
        view.data, view.at, view.own, view.key = NOTHING, at, instance.facts, key
        return view

    def view_of(self, track: str, key: str, at: Instant) -> View:
        """Return what the timers of one instance may look at now: as `view`."""
        return self.view_at(self.state.tracks[track][key], key, at)

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

    def remember_text(self, held: dict[str, Any], taker: Taker, view: View) -> None:
        """Let a fact take in a text, and keep account of the texts of the person (texts.py)."""
        name, state = taker.name, self.state
        before, text = held.get(name), view.data[taker.text_field]
        if before is None and taker.kind in SINGLE and len(text) <= texts.SURELY_WHOLE and not taker.marks:
            held[name] = text  # as nearly all are
            state.text_bytes += texts.size(text)
            if state.text_bytes > texts.PERSON_BYTES:
                self.dirty |= TEXTS
            return
        held[name] = after = taker.take(before, view.data, view.at)
        state.text_bytes += texts.size_of(after) - texts.size_of(before)
        state.given_way += texts.is_lost(taker.kind, before, after, text)
        if taker.marks and before != after:
            self.followed |= taker.follows
            self.dirty |= taker.marks
        if state.text_bytes > texts.PERSON_BYTES:
            self.dirty |= TEXTS

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
