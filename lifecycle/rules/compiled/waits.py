"""Everything that waits, compiled: durations by the calendar and by facts, moments, due dates, kinds of contact."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from lifecycle.instant import Instant
from lifecycle.rules.compiled.guards import GuardCompiler, Read, ReadMoment
from lifecycle.rules.compiled.machine import Contact, Rhythm, Step, TimeOf
from lifecycle.rules.compiled.quiet import QuietHours
from lifecycle.rules.language.calendar_steps import CalendarSteps, Shift
from lifecycle.rules.language.policy import Calendar, ContactKind, Moment, Wait
from lifecycle.rules.language.schedule import Duration

Turn = Callable[[Duration], Shift]
"""Forward or back: a duration -> the step so long."""


class WaitCompiler:
    """Compiles waits. `fact_readers` and `moments` as in guards.py; `dates` are the facts that are a date."""

    def __init__(
        self,
        steps: CalendarSteps,
        fact_readers: Mapping[tuple[str, str], Read],
        moments: Mapping[tuple[str, str], ReadMoment],
        dates: Collection[tuple[str, str]],
    ) -> None:
        self.steps = steps
        self.fact_readers = fact_readers
        self.moments = moments
        self.dates = dates

    def after(self, wait: Wait) -> Step:
        """Return the step forward; one that depends on a fact reads it whenever it is asked."""
        return self.step(wait, self.steps.after)

    def rhythm(self, wait: Wait) -> Rhythm:
        """Return the rhythm of a period: the first moment whole periods after an anchor that lies after a last one."""
        if isinstance(wait, Duration):
            beat = self.steps.next_beat(wait)
            return lambda view, anchor, last: beat(anchor, last)
        read = self.fact_readers["", wait.fact]
        rhythms = {word: self.rhythm(duration) for word, duration in wait.values.items()}
        first = next(iter(rhythms.values()))
        return lambda view, anchor, last: rhythms.get(read(view), first)(view, anchor, last)

    def step(self, wait: Wait, turn: Turn) -> Step:
        """Return the step in one direction."""
        if isinstance(wait, Duration):
            shift = turn(wait)
            return lambda view, at: shift(at)
        read = self.fact_readers["", wait.fact]
        shifts = {word: turn(duration) for word, duration in wait.values.items()}
        first = next(iter(shifts.values()))
        # Where none of the fact's lines fits there is no word; the setting's first duration serves.
        return lambda view, at: shifts.get(read(view), first)(at)

    def fact(self, track: str, name: str) -> tuple[str, str]:
        """Return the key of a fact as seen from a track."""
        return (track, name) if (track, name) in self.fact_readers else ("", name)

    def reader(self, track: str, name: str) -> Read:
        """Return the reader of a fact as seen from a track."""
        return self.fact_readers[self.fact(track, name)]

    def time_of(self, track: str, name: str) -> TimeOf:
        """Return the moment of a fact; a date is the start of that day."""
        return self._moment_of(track, name, self.steps.start_of_day)

    def _moment_of(self, track: str, name: str, of_date: Callable[[str], Instant | None]) -> TimeOf:
        key = self.fact(track, name)
        if key not in self.dates:
            return self.moments[key]
        read = self.fact_readers[key]
        return lambda view: None if (day := read(view)) is None else of_date(day)

    def moment(self, track: str, moment: Moment) -> TimeOf:
        """Return the time that an `at` names; None while its fact is missing."""
        time_of = self.time_of(track, moment.fact)
        if moment.offset is None:
            return time_of
        step = self.step(moment.offset, self.steps.before if moment.direction == "before" else self.steps.after)
        return lambda view: None if (at := time_of(view)) is None else step(view, at)

    def floor(self, track: str, period: Wait, fact: str) -> TimeOf:
        """Return the time before which an `every ... after fact` does not open."""
        time_of, step = self.time_of(track, fact), self.after(period)
        return lambda view: None if (at := time_of(view)) is None else step(view, at)

    def due(self, track: str, due: Wait | str, otherwise: Wait) -> Step:
        """Return when a task that opens is due; a date is due at the end of its working hours."""
        if not isinstance(due, str):
            return self.after(due)
        moment, missing = self.due_moment(track, due), self.after(otherwise)
        return lambda view, opened_at: missing(view, opened_at) if (at := moment(view)) is None else at

    def due_moment(self, track: str, fact: str) -> TimeOf:
        """Return when a task whose due time is a fact is due, None while that is missing."""
        return self._moment_of(track, fact, self.steps.end_of_work)


def compile_contact(kind: ContactKind, calendar: Calendar, guards: GuardCompiler, waits: WaitCompiler) -> Contact:
    """Return a kind of contact, compiled."""
    stops = None if kind.stops is None else guards.guard(kind.stops, "")
    quiet_until = None if kind.quiet is None else _quiet(QuietHours(*kind.quiet), calendar, waits)
    if kind.most is None:
        return Contact(kind.reaches, None, None, quiet_until, stops)
    most, window = kind.most
    return Contact(kind.reaches, most, waits.steps.after(window), quiet_until, stops)


def _quiet(quiet: QuietHours, calendar: Calendar, waits: WaitCompiler) -> TimeOf:
    none: Read = lambda view: None  # noqa: E731  # where the calendar names no fact
    zone_from = none if calendar.zone_from is None else waits.fact_readers["", calendar.zone_from]
    holidays_from = none if calendar.holidays_from is None else waits.fact_readers["", calendar.holidays_from]
    return lambda view: quiet.until(view.at, zone_from(view) or calendar.zone, holidays_from(view))
