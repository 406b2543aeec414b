"""Everything that waits, compiled: durations by the calendar and by facts, moments, due dates, kinds of contact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache

from lifecycle.rules.calendar import Quiet, WorkingTime, holidays_of, zone_of
from lifecycle.rules.guards import GuardCompiler, Read, View
from lifecycle.rules.machine import Contact, Rhythm, Step, TimeOf
from lifecycle.rules.policy import Calendar, ContactKind, Moment, Wait
from lifecycle.rules.schedule import Duration, parse_day

KEPT_STEPS = 1_024
"""Results kept for each duration: most rules that follow a fact ask for the same one again and again."""

Count = Callable[[Duration, datetime], datetime]


class WaitCompiler:
    """Compiles waits. `fact_readers` as in guards.py."""

    def __init__(self, time: WorkingTime, fact_readers: Mapping[tuple[str, str], Read]) -> None:
        self.time = time
        self.fact_readers = fact_readers

    def after(self, wait: Wait) -> Step:
        """Return the step forward; one that depends on a fact reads it whenever it is asked."""
        return self.step(wait, self.time.after)

    def rhythm(self, wait: Wait) -> Rhythm:
        """Return the rhythm of a period: the first moment whole periods after an anchor that lies after a last one."""
        if isinstance(wait, Duration):
            kept = lru_cache(maxsize=KEPT_STEPS)(lambda anchor, last: self.time.next_beat(wait, anchor, last))
            return lambda view, anchor, last: kept(anchor, last)
        read = self.fact_readers["", wait.fact]
        rhythms = {word: self.rhythm(duration) for word, duration in wait.values.items()}
        first = next(iter(rhythms.values()))
        return lambda view, anchor, last: rhythms.get(read(view), first)(view, anchor, last)

    def step(self, wait: Wait, count: Count) -> Step:
        """Return the step by `count`."""
        if isinstance(wait, Duration):
            kept = lru_cache(maxsize=KEPT_STEPS)(lambda at: count(wait, at))
            return lambda view, at: kept(at)
        read = self.fact_readers["", wait.fact]
        steps = {word: self.step(duration, count) for word, duration in wait.values.items()}
        first = next(iter(steps.values()))
        # Where none of the fact's lines fits there is no word; the setting's first duration serves.
        return lambda view, at: steps.get(read(view), first)(view, at)

    def fact(self, track: str, name: str) -> Read:
        """Return the reader of a fact as seen from a track."""
        return self.fact_readers.get((track, name)) or self.fact_readers["", name]

    def time_of(self, track: str, name: str) -> TimeOf:
        """Return the time of a fact; a date is the start of that day."""
        read = self.fact(track, name)

        def time_of(view: View) -> datetime | None:
            value = read(view)
            if value is None or isinstance(value, datetime):
                return value
            day = parse_day(value)
            return None if day is None else self.time.start_of_day(day)

        return time_of

    def moment(self, track: str, moment: Moment) -> TimeOf:
        """Return the time that an `at` names; None while its fact is missing."""
        time_of = self.time_of(track, moment.fact)
        if moment.offset is None:
            return time_of
        step = self.step(moment.offset, self.time.before if moment.direction == "before" else self.time.after)
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
        return lambda view, opened_at: moment(view) or missing(view, opened_at)

    def due_moment(self, track: str, fact: str) -> TimeOf:
        """Return when a task whose due time is a fact is due, None while that is missing."""
        read = self.fact(track, fact)

        def due_at(view: View) -> datetime | None:
            value = read(view)
            if isinstance(value, datetime):
                return value
            day = parse_day(value)
            return None if day is None else self.time.end_of_work(day)

        return due_at


def compile_contact(kind: ContactKind, calendar: Calendar, guards: GuardCompiler, waits: WaitCompiler) -> Contact:
    """Return a kind of contact, compiled."""
    stops = None if kind.stops is None else guards.guard(kind.stops, "")
    quiet_until = None if kind.quiet is None else _quiet(Quiet(*kind.quiet), calendar, waits)
    if kind.most is None:
        return Contact(kind.reaches, None, None, quiet_until, stops)
    most, window = kind.most
    return Contact(kind.reaches, most, lambda opened_at: waits.time.after(window, opened_at), quiet_until, stops)


def _quiet(quiet: Quiet, calendar: Calendar, waits: WaitCompiler) -> TimeOf:
    ours = zone_of(calendar.zone)
    none: Read = lambda view: None  # noqa: E731  # where the calendar names no fact
    zone_from = none if calendar.zone_from is None else waits.fact("", calendar.zone_from)
    holidays_from = none if calendar.holidays_from is None else waits.fact("", calendar.holidays_from)

    def quiet_until(view: View) -> datetime | None:
        theirs, country = zone_from(view), holidays_from(view)
        zone = ours if theirs is None else zone_of(theirs)
        return quiet.until(view.at, zone, frozenset() if country is None else holidays_of(country))

    return quiet_until
