"""What time will do with a person, in sentences: when a rule will really ask or move, what holds it back, or what not.

"As things stand" means: nothing is heard, and nobody does a task. What happens then is seen by foresight.py; here it is
said. Called by standing.py, rule_fate.py and explain.py. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lifecycle.instant import from_microseconds
from lifecycle.rules.compiled.machine import Machine, Rule, TrackTable, guard_of, spec_of, when
from lifecycle.rules.compiled.refusal import guard_in_words
from lifecycle.rules.fold.limits import MAX_ROUNDS
from lifecycle.rules.fold.places import MAX_OPEN_OF_RULE, MAX_OPEN_TASKS
from lifecycle.rules.fold.start import BEFORE_START
from lifecycle.rules.fold.tasks import said_by
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.findings import line_of
from lifecycle.rules.state.snapshot import Instance, OpenTask, PersonState, WaitingTask
from lifecycle.rules.telling.foresight import Coming, Foresight
from lifecycle.rules.telling.wording import as_part, listed, place_of, quoted, rule_in_words, the_start, wait_now

REASONS = {
    "done": "it was done already",
    "open": "the last one was still open",
    "left": "its stage had been left before",
    "too_soon": "the fact that it waits after had moved on",
    BEFORE_START: "it was due before the moment from which we ask",
    "": "its guard said no",
}
"""Why a rule did not ask, by the word of its step; other words are those of a guard."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What time will do with one rule, as things stand.

    `at` is when it asks (`then` opens) or moves. Where it will do neither (`then` None), `at` is when it would be
    looked at; None: its stage is left before that, or its date is not known yet. `tail` is the end of the sentence:
    the guard, and what is passed over or waited for.
    """

    at: datetime | None
    name: str
    line: int
    sentence: str
    then: Literal["opens", "moves"] | None = None
    tail: str = ""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A person as of a moment, and what lies ahead of them."""

    machine: Machine
    person: str
    state: PersonState
    at: datetime
    foresight: Foresight

    def waits(self, table: TrackTable, key: str, instance: Instance) -> list[Wait]:
        """Return what time will do with one instance, in the order of time; what will not be, or has no date, last."""
        stage = table.stages[instance.stage]
        waiting = {
            each.rule: from_microseconds(each.wanted_at)
            for each in self.state.waiting.values()
            if (each.track, each.key, each.entry) == (table.name, key, instance.entry())
        }
        again = {
            each.rule: None
            for each in self.state.tasks.values()
            if (each.track, each.key, each.entry) == (table.name, key, instance.entry())
            and stage.rules[each.rule].is_repeated
            and each.rule not in instance.pending
        }
        pending = {name: from_microseconds(due) for name, due in instance.pending.items()}
        dated: dict[str, datetime | None] = {**again, **waiting, **pending}
        found = [
            wait
            for name, due in dated.items()
            if (wait := self._wait(table, key, instance, stage.rules[name], due)) is not None
        ]
        found.sort(key=lambda each: (each.at is None, each.at or self.at, each.name))
        return found + list(self._undated(table, key, instance, dated))

    def _wait(self, table: TrackTable, key: str, instance: Instance, rule: Rule, due: datetime | None) -> Wait | None:
        coming = self.foresight.coming(table.name, key, rule)
        if due is None and coming.what != "opens":
            return None  # Its task is open, and what becomes of that is told with it.
        place = spec_of(rule).place
        words = self.words(table.name, key, instance.stage, rule)
        then = coming.what if coming.what in ("opens", "moves") else None
        tail = f"{self.guard(rule, coming)}.{self.besides(table, key, instance, rule, coming)}"
        if due is None:
            tail += " So it is where nobody does the one that is open."
        told = f"{rule.name}: {words} ({line_of(place)}){tail}"
        if coming.what == "left":
            return Wait(None, rule.name, place.line, f"Not on {self.when(due or self.at)}: {told}")
        at = (coming.at if then is not None else due) or due or self.at
        is_promise = coming.what != "refused" or (guard_of(rule) is not None and coming.passed[0].detail != "stopped")
        head = self.when(at) if is_promise else f"Not on {self.when(at)}"
        return Wait(at, rule.name, place.line, f"{head}: {told}", then, tail)

    def _undated(self, table: TrackTable, key: str, instance: Instance, dated: object) -> Iterator[Wait]:
        """Yield the rules that wait for a fact which is not known yet."""
        for rule in table.stages[instance.stage].following:
            moment = spec_of(rule).at
            gone = rule.name in instance.spent or rule.name in instance.counts
            if moment is None or gone or rule.name in instance.pending:
                continue
            place = spec_of(rule).place
            words = f"{rule.name}: {rule_in_words(rule, instance.stage)}; {moment.fact} is not known yet"
            yield Wait(None, rule.name, place.line, f"No date yet: {words} ({line_of(place)}).")

    def words(self, track: str, key: str, stage: str, rule: Rule) -> str:
        """Say what a rule would do and when, by what is known now."""
        said = None if rule.task is None else said_by(self.machine, self.person, self.state, (track, key), rule)
        return rule_in_words(rule, stage, said, wait_now(self.machine, self.state.facts, self.state.tracks, self.at))

    def when(self, at: datetime) -> str:
        """Return a time as it is told."""
        return when(self.machine, at)

    def guard(self, rule: Rule, coming: Coming) -> str:
        """Return the guard of a rule as the end of a sentence, and what it will say then; "" without one."""
        guard = guard_of(rule)
        if guard is None:
            return ""
        holds = ". As things stand it holds" if coming.what in ("opens", "moves") and not coming.passed else ""
        return f", if {guard_in_words(guard)}{holds}"

    def besides(self, table: TrackTable, key: str, instance: Instance, rule: Rule, coming: Coming) -> str:
        """Return sentences that say what is passed over, what it waits for, or why it does not come to it; or ""."""
        said = ""
        if coming.what == "refused":
            said += f" As things stand it is {self.refusal(rule, coming.passed[0])}."
            if rule.is_repeated:
                said += " It is looked at again after every period."
        elif coming.passed:
            more = len(coming.passed) - 1
            times = "" if not more else f", and {more} more {'time' if more == 1 else 'times'} after that"
            said += f" On {self.when(coming.passed[0].at)} it is {self.refusal(rule, coming.passed[0])}{times}."
        if coming.waits_since is not None and coming.holds and coming.holds != ("anew",):
            said += f" It is due on {self.when(coming.waits_since)} and waits for {self.holds(rule, coming.holds)}."
        if coming.what == "left":
            said += f" Before that {self._leaving(table, key, instance, coming)}."
        if coming.what == "unseen":
            said += " What comes before that is more than was looked through."
        return said

    def refusal(self, rule: Rule, step: Step) -> str:
        """Say why a rule will not ask, or not move anybody: refused by its guard, or not asked as ..."""
        what = "not asked" if rule.move is None else "not done"
        if step.what == "opened":
            return f"{what}: an outcome of it has come already"
        if step.detail == "stopped":
            return f"{what}: {self.stops(rule)}"
        if step.detail == "open":
            return f"{what}: the last one is still open"
        return f"{what}: {REASONS[step.detail]}" if step.detail in REASONS else f"refused: {step.detail}"

    def stops(self, rule: Rule) -> str:
        """Say that a kind of contact is not wanted, and by which guard."""
        return stops_in_words(self.machine, rule, "do")

    def holds(self, rule: Rule, holds: tuple[str, ...]) -> str:
        """Say what a task waits for."""
        return holds_in_words(self.machine, rule, holds)

    def _leaving(self, table: TrackTable, key: str, instance: Instance, coming: Coming) -> str:
        if coming.leaving is None or coming.at is None:
            return "it is of no use any more"
        place = place_of(table.name, key)
        return f"time moves {place} to {quoted(coming.leaving.name)}, on {self.when(coming.at)}"

    def if_nobody(self, task_id: str, task: OpenTask) -> str:
        """Say what becomes of an open task that nobody does."""
        ending = self.foresight.ending(task_id)
        rules = self.machine.tracks[task.track].stages[task.stage].rules
        if ending is not None and ending.what == "withdrawn":
            why = "its stage is left then" if ending.detail == "left_stage" else "they do not want it any more"
            if ending.detail == BEFORE_START:
                why = f"it was due before {the_start(self.machine)}, and is not asked"
            return f"If nobody does it by {self.when(ending.at)} it is withdrawn: {why}."
        expires_at = from_microseconds(task.expires_at) if ending is None else ending.at
        expires = f"If nobody does it by {self.when(expires_at)} it expires"
        after = rules.get(f"{task.rule}/or_else")
        if after is not None and after.task is not None:
            return f"{expires}, {self._instead(task, after, ending)}"
        if not rules[task.rule].is_repeated:
            return f"{expires}, and is not asked again by this rule."
        coming = self.foresight.coming(task.track, task.key, rules[task.rule]) if self._is_here(task) else None
        if coming is not None and coming.what == "opens" and coming.at is not None:
            return f"{expires}, and is asked again on {self.when(coming.at)}."
        return f"{expires}, and as things stand is not asked again."

    def waiting(self, task_id: str, task: WaitingTask) -> str:
        """Say what a task waits for, and until when as things stand."""
        rule = self.machine.tracks[task.track].stages[task.stage].rules[task.rule]
        coming = self.foresight.coming(task.track, task.key, rule) if self._is_here(task) else None
        held = self.holds(rule, self.foresight.holds_of(task) if coming is None else coming.holds)
        head = f"{rule.name} ({task_id}) of {place_of(task.track, task.key)} waits"
        if coming is None or coming.what == "unseen" or coming.at is None:
            return f"{head} for {held}, until {self.when(from_microseconds(task.opens_at))} or longer."
        if coming.what == "opens":
            return f"{head} until {self.when(coming.at)}, for {held}."
        table, instance = self.machine.tracks[task.track], self.state.tracks[task.track][task.key]
        return f"{head} for {held}, and is not asked.{self.besides(table, task.key, instance, rule, coming)}"

    def _is_here(self, task: OpenTask | WaitingTask) -> bool:
        return self.state.tracks[task.track][task.key].entry() == task.entry

    def _instead(self, task: OpenTask, after: Rule, ending: Step | None) -> str:
        """Say who is asked when a task expires."""
        said = said_by(self.machine, self.person, self.state, (task.track, task.key), after)
        asked = f"{said.by} is asked instead"
        coming = None if ending is None else self.foresight.instead(ending, after)
        if coming is None or coming.what == "unseen":
            return f"and {asked}: {as_part(said.ask)}."
        if coming.what != "opens" or coming.at is None:
            step = coming.passed[0]
            return f"and as things stand nobody is asked instead ({after.name}): {self.refusal(after, step)}."
        late = ""
        if coming.at > from_microseconds(task.expires_at):
            late = f" on {self.when(coming.at)}, after {self.holds(after, coming.holds)}"
        return f"and {asked}{late}: {as_part(said.ask)}."


def stops_in_words(machine: Machine, rule: Rule, do: Literal["do", "did"]) -> str:
    """Say that a kind of contact is, or was, not wanted, and by which guard."""
    kind = None if rule.task is None else machine.policy.contacts.get(rule.task.contact)
    by = "" if kind is None or kind.stops is None else f" ({kind.name} stops if {guard_in_words(kind.stops)})"
    return f"they {do} not want contact of this kind{by}"


def holds_in_words(machine: Machine, rule: Rule, holds: tuple[str, ...]) -> str:
    """Say what a task waits for: which of quiet hours, a budget of contacts, and a limit of what can be open."""
    kind = None if rule.task is None else machine.policy.contacts.get(rule.task.contact)
    words = []
    for each in holds:
        if each == "limit":
            words.append(
                f"a place among the open tasks (at most {MAX_OPEN_OF_RULE} of one rule, and {MAX_OPEN_TASKS:,} in all)"
            )
        elif each == "anew":
            words.append(f"its day, as it was due before {the_start(machine)} and is still owed")
        elif each == "rounds":
            words.append(f"the next day, as more than {MAX_ROUNDS} things followed from each other at once")
        elif kind is not None and each == "budget" and kind.most is not None:
            words.append(f"the budget of {kind.name} ({kind.most[0]} per {kind.most[1]})")
        elif kind is not None and kind.quiet is not None:
            words.append(f"quiet hours to end ({kind.quiet[0]:%H:%M} to {kind.quiet[1]:%H:%M} where they are)")
    return listed(words, "and") if words else "its turn"
