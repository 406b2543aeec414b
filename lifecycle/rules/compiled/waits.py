"""The text of everything that waits: durations by the calendar and by facts, moments, rhythms, kinds of contact.

A wait that facts decide is worked out whenever it is asked for, from the view `v`; the steps themselves are the
calendar's (language/calendar_steps.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from lifecycle.instant import DAY, Instant
from lifecycle.rules.compiled.guards import GuardCompiler
from lifecycle.rules.compiled.machine import Contact, DueOf, Step, TimeOf
from lifecycle.rules.compiled.quiet import QuietHours
from lifecycle.rules.compiled.writing import indented
from lifecycle.rules.language.calendar_steps import Shift
from lifecycle.rules.language.policy import ByFact, Calendar, ContactKind, Every, Moment, TaskRule, TimedMove, Wait
from lifecycle.rules.language.schedule import Duration


class WaitCompiler:
    """Writes waits. `guards` knows the texts of facts; `dates` are those that are a date, by (track or "", name)."""

    def __init__(self, guards: GuardCompiler, dates: Collection[tuple[str, str]], calendar: Calendar) -> None:
        self.steps = guards.steps
        self.guards = guards
        self.writer = guards.writer
        self._dates = dates
        self._calendar = calendar
        self._quiets: dict[str, tuple[Callable[..., Instant | None], Callable[[Instant], Instant | None]]] = {}

    def first(self, rule: TaskRule | TimedMove) -> Shift | None:
        """Return when a rule is due first, as a function of the entry into its stage alone; None: a fact decides."""
        every, wait = _every(rule), rule.after
        if rule.at is not None or isinstance(wait, ByFact):
            return None
        if every is not None and (every.after is not None or isinstance(every.period, ByFact)):
            return None
        if wait is not None:
            return self.steps.after(wait)
        if every is None:
            return at_once
        assert isinstance(every.period, Duration)
        beat = self.steps.next_beat(every.period)
        return lambda since: beat(since, since)

    def due_of(self, track: str, rule: TaskRule | TimedMove, note: str) -> DueOf:
        """Return the function that says when a rule is due next for an instance, as things stand (machine.Rule)."""
        every, name, first = _every(rule), repr(rule.name), self.first(rule)
        if first is not None and every is None:
            return lambda view, instance: first(instance.since)
        if rule.at is not None:
            lines = self._moment_lines(track, rule.at)
        else:
            lines = [
                "due = instance.since" if rule.after is None else f"due = {self._after(rule.after, 'instance.since')}"
            ]
        if every is not None:
            beat = self._beat(every.period, f"instance.came.get({name}, anchor)")
            rhythm = [f"anchor = instance.anchors.get({name}, instance.since)", f"due = {beat}"]
            if rule.at is None and rule.after is None:
                lines = rhythm
            else:
                lines = [f"if {name} in instance.counts:", *indented(rhythm), "else:", *indented(lines)]
            if every.after is not None:
                floor = [f"floor = {self._after(every.period, 'floor')}", "if floor > due: due = floor"]
                lines += [
                    f"floor = {self._time(track, every.after)}",
                    "if floor is not None and due is not None:",
                    *indented(floor),
                ]
            if isinstance(every.period, ByFact):
                lines = self._asked_once(every.period, lines)
        return self.writer.function("next", "v, instance", [*lines, "return due"], f"{note} is due next")

    def floor(self, track: str, every: Every | None, note: str) -> TimeOf | None:
        """Return the time before which an `every ... after fact` does not open; None: the rule has no such fact."""
        if every is None or every.after is None:
            return None
        lines = [
            f"at = {self._time(track, every.after)}",
            f"if at is not None: return {self._after(every.period, 'at')}",
        ]
        return self.writer.function("floor", "v", [*lines, "return None"], f"{note} opens no earlier")

    def due(self, track: str, task: TaskRule, note: str) -> Step:
        """Return when a task that opens is due; a date is due at the end of its working hours."""
        if not isinstance(task.due, str):
            return self._step(task.due, f"{note} is due")
        lines = [f"due = {self._due(track, task.due)}", f"if due is None: return {self._after(task.expires, 'at')}"]
        return self.writer.function("due", "v, at", [*lines, "return due"], f"{note} is due")

    def due_moment(self, track: str, task: TaskRule, note: str) -> TimeOf | None:
        """Return when a task whose due time is a fact is due, None while that is missing; None: it is no fact."""
        if not isinstance(task.due, str):
            return None
        return self.writer.expression("due", self._due(track, task.due), f"{note} is due, by its fact")

    def expires(self, task: TaskRule, note: str) -> Step:
        """Return when a task expires, from when it is due."""
        return self._step(task.expires, f"{note} expires")

    def contact(self, kind: ContactKind) -> Contact:
        """Return a kind of contact, compiled."""
        stops = None if kind.stops is None else self.guards.guard(kind.stops, "", f"contact {kind.name} is stopped")
        quiet_until = None if kind.quiet is None else self._quiet(kind)
        most, window = (None, None) if kind.most is None else kind.most
        free_again = None if window is None else self.steps.after(window)
        return Contact(kind.reaches, most, free_again, quiet_until, stops)

    def quiet_lines(self, kind: ContactKind) -> list[str]:
        """Return the lines that set `until` to when quiet ends for the person that `v` shows; None: it is not quiet.

        Most people have told no place of theirs: they are where we are.
        """
        calendar, quiet = self._calendar, self._quiets.get(kind.name)
        if quiet is None:
            assert kind.quiet is not None
            hours = QuietHours(*kind.quiet)
            quiet = self._quiets[kind.name] = hours.until, hours.until_at(calendar.zone)
        asked, here = self.writer.constant(quiet[0], "quiet"), self.writer.constant(quiet[1], "quiet")
        told, zone, country = list[str](), repr(calendar.zone), "None"
        lines = list[str]()
        if calendar.zone_from is not None:
            lines += [f"zone = {self.guards.values['', calendar.zone_from]}"]
            told, zone = ["zone is None"], f"zone or {zone}"
        if calendar.holidays_from is not None:
            lines += [f"country = {self.guards.values['', calendar.holidays_from]}"]
            told, country = [*told, "country is None"], "country"
        if not told:
            return [f"until = {here}(at)"]
        return [*lines, f"until = {here}(at) if {' and '.join(told)} else {asked}(at, {zone}, {country})"]

    def day_text(self, start: str) -> str:
        """Return the text of the day of a moment, as the steps count days."""
        return f"({start} + {self.steps.base}) // {DAY}"

    def led_lines(self, name: str, shift: Shift, start: str, day: str) -> list[str]:
        """Return the lines that set a name to where a step leads from a start; `day` is the text of its day (day_text).

        What a step adds all through a day is looked up here, which takes a third of asking the step.
        """
        asked, days = f"{self.writer.constant(shift, 'after')}({start})", self.steps.added_by_day(shift)
        if days is None:
            return [f"{name} = {asked}"]
        added = f"added = {self.writer.constant(days, 'added')}[{day}]"
        return [added, f"{name} = {asked} if added is None else {start} + added"]

    def _quiet(self, kind: ContactKind) -> Step:
        lines = [*self.quiet_lines(kind), "return until"]
        return self.writer.function("quiet", "v, at", lines, f"contact {kind.name} is quiet")

    def _step(self, wait: Wait, note: str) -> Step:
        if isinstance(wait, Duration):
            shift = self.steps.after(wait)
            return lambda view, at: shift(at)
        return self.writer.function("step", "v, at", [f"return {self._after(wait, 'at')}"], note)

    def _after(self, wait: Wait, start: str) -> str:
        return self._turn(wait, self.steps.after, start)

    def _turn(self, wait: Wait, turn: Callable[[Duration], Shift], start: str) -> str:
        """Return the text of the step so long, forward or back, from a start."""
        known = self.writer.constant
        if isinstance(wait, Duration):
            return f"{known(turn(wait), 'step')}({start})"
        return f"{self._chosen(wait, turn, 'steps')}({start})"

    def _beat(self, period: Wait, last: str) -> str:
        """Return the text of the first moment whole periods after `anchor` that lies after a last one."""
        if isinstance(period, Duration):
            return f"{self.writer.constant(self.steps.next_beat(period), 'beat')}(anchor, {last})"
        return f"{self._chosen(period, self.steps.next_beat, 'beats')}(anchor, {last})"

    def _chosen(self, wait: ByFact, turn: Callable[[Duration], Callable[..., Instant]], stem: str) -> str:
        """Return the text of what a setting's word chooses; its first duration where no line of its fact fits."""
        by_word = {word: turn(duration) for word, duration in wait.values.items()}
        first = self.writer.constant(next(iter(by_word.values())), "first")
        return f"{self.writer.constant(by_word, stem)}.get({self.guards.values['', wait.fact]}, {first})"

    def _asked_once(self, wait: ByFact, lines: list[str]) -> list[str]:
        """Return the lines with the fact of a setting asked for once, before them."""
        value = self.guards.values["", wait.fact]
        return [f"word = {value}", *(line.replace(f".get({value}, ", ".get(word, ") for line in lines)]

    def _fact(self, track: str, name: str) -> tuple[str, str]:
        return (track, name) if (track, name) in self.guards.values else ("", name)

    def _time(self, track: str, name: str) -> str:
        """Return the text of the moment of a fact; a date is the start of that day."""
        return self._moment(track, name, self.steps.start_of_day)

    def _due(self, track: str, name: str) -> str:
        return self._moment(track, name, self.steps.end_of_work)

    def _moment(self, track: str, name: str, of_date: Callable[[str], Instant | None]) -> str:
        key = self._fact(track, name)
        if key not in self._dates:
            return self.guards.moments[key]
        return f"{self.writer.constant(_of_day(of_date), 'day')}({self.guards.values[key]})"

    def _moment_lines(self, track: str, moment: Moment) -> list[str]:
        """Return the lines that set `due` to the time that an `at` names; None while its fact is missing."""
        lines = [f"due = {self._time(track, moment.fact)}"]
        if moment.offset is None:
            return lines
        turn = self.steps.before if moment.direction == "before" else self.steps.after
        return [*lines, f"if due is not None: due = {self._turn(moment.offset, turn, 'due')}"]


def at_once(since: Instant) -> Instant:
    """Return when a rule is due that waits for nothing: on entry."""
    return since


def _of_day(of_date: Callable[[str], Instant | None]) -> Callable[[str | None], Instant | None]:
    return lambda day: None if day is None else of_date(day)


def _every(rule: TaskRule | TimedMove) -> Every | None:
    return rule.every if isinstance(rule, TaskRule) else None
