"""What time will do with one person if nothing is heard and nobody does anything: asked of the fold itself.

An explanation that worked out for itself what a timer will do would have to know opt-outs, quiet hours, budgets, limits
and what moves first, and would be wrong as soon as the fold learned something. So a copy of the state is folded
ahead, with a trail, and what is told is read from that trail. Nothing is changed, and no clock is read.

Looked at is as much as answers what the present stages ask: the first time that each rule which is due, waits or comes
again is asked, moves somebody, or turns out not to; and how each open task ends. It ends at the latest after
MAX_INSTANTS, for somebody with very many instances sooner (MAX_LOOKS), or HORIZON from now; what was not seen by then
is said not to have been looked through. Called by standing.py, why_not.py and explain.py. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lifecycle.instant import DAY, NEVER, from_microseconds
from lifecycle.rules.compiled.machine import Machine, Rule
from lifecycle.rules.fold.following import next_due
from lifecycle.rules.fold.openings import holds_back
from lifecycle.rules.fold.timers import fire
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.snapshot import OpenTask, PersonState, WaitingTask, decode, encode

MAX_INSTANTS = 500
"""Most moments at which something is due that are gone through ..."""

MAX_LOOKS = 2_000_000
"""... and most looks that they may cost: every instance that time can move and every task is looked at each time ..."""

LOOKS_OF_WAITING = 10
"""... and what waits so many times: its place in the queue is worked out anew."""

HORIZON = 3_660 * DAY
"""How far ahead is looked."""

Name = tuple[str, str, str]
"""(track, key, rule)."""


@dataclass(frozen=True, slots=True)
class Coming:
    """What becomes of one rule of the stage where an instance stands.

    `what`: opens (its task is asked), moves, refused (it is looked at, and not asked; a repeated one again and again),
    left (the stage is left before, by `leaving`; None: it is of no use any more), unseen (not within what was looked
    at). `at` is that moment (refused: the first time). `passed` are the times before at which it was not asked,
    `waits_since` and `holds` since when it waits, and for what ("quiet", "budget", "limit", "rounds").
    """

    what: Literal["opens", "moves", "refused", "left", "unseen"]
    at: datetime | None = None
    passed: tuple[Step, ...] = ()
    waits_since: datetime | None = None
    holds: tuple[str, ...] = ()
    leaving: Step | None = None


UNSEEN = Coming("unseen")


class Foresight:
    """What lies ahead of one person as of a moment. Of a person who is stopped nothing does."""

    def __init__(self, machine: Machine, person: str, state: PersonState, *, is_stopped: bool = False) -> None:
        self._machine = machine
        self._person = person
        self._state = state
        self._steps: dict[tuple[str, str], list[Step]] = {}
        self._endings: dict[str, Step] = {}
        self._is_seen = is_stopped
        self._work = Working(machine, person, state, None)
        last = (state.last_fired_at, None if state.last_key is None else state.last_key[0], 0)
        self._at = max(each for each in last if each is not None)
        self._waiting = {(each.track, each.key, each.entry, each.rule): each for each in state.waiting.values()}

    def _see(self) -> None:
        """Look ahead, once: when it is first asked for."""
        if self._is_seen:
            return
        self._is_seen = True
        for step in _trail_of(self._machine, self._person, self._state):
            if step.track:
                self._steps.setdefault((step.track, step.key), []).append(step)
            if step.what in ("expired", "withdrawn"):
                self._endings.setdefault(step.task_id, step)

    def coming(self, track: str, key: str, rule: Rule) -> Coming:
        """Return what becomes of a rule of the stage where an instance stands now: the next time that it is asked."""
        self._see()
        passed: list[Step] = []
        waiting = self._waiting.get((track, key, self._state.tracks[track][key].entry(), rule.name))
        since = None if waiting is None else from_microseconds(waiting.wanted_at)
        holds = {} if waiting is None else dict.fromkeys(self.holds_of(waiting))
        steps = self._steps.get((track, key), [])
        for index, step in enumerate(steps):
            if step.what in ("moved", "began") or (step.what == "dropped" and step.name == rule.name):
                move = next((each for each in steps[index:] if each.what == "moved"), None)
                if move is not None and move.detail == f"{self._stage(track, key)} {rule.name}":
                    return Coming("moves", move.at, tuple(passed))
                return Coming("left", step.at, tuple(passed), since, tuple(holds), move)
            if step.name != rule.name:
                continue
            if step.what == "opened" and not _ends_at_once(steps, index):
                return Coming("opens", step.at, tuple(passed), since, tuple(holds))
            if step.what == "waits":
                since = since or step.at
                holds |= dict.fromkeys(step.detail.split()[1:])
            elif step.what in ("not_opened", "opened"):
                passed.append(step)
                if not rule.is_repeated:
                    break
        if passed:
            return Coming("refused", passed[0].at, tuple(passed), since, tuple(holds))
        return Coming("unseen", waits_since=since, holds=tuple(holds))

    def ending(self, task_id: str) -> Step | None:
        """Return how an open task ends: it expires, or is withdrawn before; None where that was not seen."""
        self._see()
        return self._endings.get(task_id)

    def instead(self, ending: Step, rule: Rule) -> Coming:
        """Return what becomes of the rule that follows an open task which expires (`ending`)."""
        since, holds = None, dict[str, None]()
        steps = self._steps.get((ending.track, ending.key), [])
        start = next((index for index, step in enumerate(steps) if step is ending), len(steps))
        for index, step in enumerate(steps[start:], start):
            if step.name != rule.name:
                continue
            if step.what == "opened" and not _ends_at_once(steps, index):
                return Coming("opens", step.at, (), since, tuple(holds))
            if step.what == "waits":
                since, holds = since or step.at, holds | dict.fromkeys(step.detail.split()[1:])
            elif step.what in ("not_opened", "opened", "dropped"):
                return Coming("refused", step.at, (step,), since, tuple(holds))
        return UNSEEN

    def _stage(self, track: str, key: str) -> str:
        return self._state.tracks[track][key].stage

    def holds_of(self, task: WaitingTask) -> tuple[str, ...]:
        """Return what a task waits for at present."""
        return holds_back(self._work, task, self._at)


def _ends_at_once(steps: list[Step], index: int) -> bool:
    """Tell whether a task that opens is ended in the same breath, by an outcome that came before it."""
    if index + 1 == len(steps):
        return False
    opened, following = steps[index], steps[index + 1]
    return following.task_id == opened.task_id and following.what in ("completed", "declined")


def _trail_of(machine: Machine, person: str, state: PersonState) -> list[Step]:
    """Fold a copy ahead until everything that is asked of the future is known, or a bound is met."""
    trail: list[Step] = []
    copy = decode(encode(state))
    work = Working(machine, person, copy, trail)
    asked = _Asked(machine, copy)
    due = next_due(work)
    last = due + HORIZON
    looks = len(work.dues) + len(copy.tasks) + LOOKS_OF_WAITING * len(copy.waiting)
    instants = min(MAX_INSTANTS, MAX_LOOKS // max(1, looks))
    seen = 0
    for _ in range(max(1, instants)):
        if due == NEVER or due > last or not asked.is_open:
            break
        due = fire(work, due)
        for index in range(seen, len(trail)):
            asked.take(trail[index], is_void=_ends_at_once(trail, index))
        seen = len(trail)
        asked.note(copy.tasks)
    return trail


class _Asked:
    """What of the future is not known yet: rules that come, and open tasks that end."""

    def __init__(self, machine: Machine, state: PersonState) -> None:
        self._machine = machine
        self._tasks: dict[str, OpenTask] = {}
        self._followed: set[Name] = set()
        self._ends: set[str] = set()
        self._rules: set[Name] = set()
        self._repeated: set[Name] = set()
        for track, instances in state.tracks.items():
            table = machine.tracks[track]
            for key, instance in instances.items():
                rules = table.stages[instance.stage].rules
                self._rules |= {(track, key, name) for name in instance.pending}
                self._repeated |= {(track, key, rule.name) for rule in rules.values() if rule.is_repeated}
        self._rules |= {(each.track, each.key, each.rule) for each in state.waiting.values()}
        self.note(state.tasks)
        self._rules |= {(each.track, each.key, each.rule) for each in self._tasks.values()} & self._repeated

    @property
    def is_open(self) -> bool:
        """Whether anything is not known yet."""
        return bool(self._rules or self._ends)

    def note(self, tasks: dict[str, OpenTask]) -> None:
        """Ask how tasks end: those open at first, and of each rule the first that opens with something to follow."""
        for task_id in tasks.keys() - self._tasks.keys():
            task = self._tasks[task_id] = tasks[task_id]
            name = task.track, task.key, task.rule
            if name not in self._followed:
                self._followed.add(name)
                self._ends.add(task_id)

    def take(self, step: Step, *, is_void: bool) -> None:
        """Take in what a step tells. `is_void`: a task opened, and an outcome that came before it ended it at once."""
        name = step.track, step.key, step.name
        is_asked = step.what == "opened" and not is_void
        is_passed = step.what == "not_opened" or is_void
        if is_asked or step.what == "dropped" or (is_passed and name not in self._repeated):
            self._rules.discard(name)
        elif step.what == "moved":
            self._rules = {each for each in self._rules if each[:2] != name[:2]}
        elif step.what in ("expired", "withdrawn"):
            self._ends.discard(step.task_id)
            task = self._tasks.get(step.task_id)
            after = f"{step.name}/or_else"
            if step.what == "expired" and task is not None and after in self._rules_of(task):
                self._rules.add((step.track, step.key, after))

    def _rules_of(self, task: OpenTask) -> Collection[str]:
        return self._machine.tracks[task.track].stages[task.stage].rules
