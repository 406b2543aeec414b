"""A policy in the form that folding reads: tables by touchpoint type and stage, guards as closures.

Built once for each policy by compile.py, then only read. Tracks are in the order of their names wherever
order could show, so that their order in the file never matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lifecycle.ask_from import AskFrom
from lifecycle.instant import Instant, from_microseconds
from lifecycle.rules.compiled import facts
from lifecycle.rules.compiled.guards import Holds, Read, ReadMoment, View
from lifecycle.rules.compiled.saying import Saying, clock_time
from lifecycle.rules.language.calendar_steps import CalendarSteps, Shift
from lifecycle.rules.language.policy import Choice, Guard, Policy, Stage, TaskRule, TimedMove, Track
from lifecycle.rules.language.vocabulary import ReadData
from lifecycle.rules.state.snapshot import Instance
from lifecycle.rules.state.texts import TextFacts

TimeOf = Callable[[View], Instant | None]
Step = Callable[[View, Instant], Instant]
Rhythm = Callable[[View, Instant, Instant], Instant]
"""(view, anchor, last) -> the first moment that lies whole periods after the anchor, and after the last one."""

Slide = Callable[[View], Iterable[Instant]]
"""What can be seen -> moments at which something of it comes into or leaves a window (slides.py)."""

LANE, STOPS, PLACE, FOLLOWED = 1, 2, 4, 8
ANYTHING = LANE | STOPS | PLACE | FOLLOWED
"""What is to be worked out anew: the lane, what is not wanted, quiet hours, when rules are due (dependencies.py)."""

Choices = tuple[tuple[Holds | None, Choice], ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """A kind of contact, compiled. `most` is how many, `free_again` when one that counts from a time counts no more.

    `quiet_until` returns when quiet ends for the person, None where it is not quiet.
    """

    reaches: bool
    most: int | None
    free_again: Shift | None
    quiet_until: TimeOf | None
    stops: Holds | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A timed rule of a stage, compiled. Exactly one of `task` and `move` is given.

    `order` is the place in the stage, `rank` the place in the whole policy. `wait` is `after`, `period` is `every`,
    `moment` the time of the fact for `at` rules, `floor` the time before which an `every ... after fact` does not
    open; `due` and `expires` are those of a task, `due_moment` the time of the fact where one says when it is due. All
    are functions of what can be seen, and of the time from which they count. `done_by` maps types to guards.
    """

    name: str
    slot_name: str
    order: int
    rank: int
    task: TaskRule | None
    move: TimedMove | None
    when: Holds | None
    wait: Step | None
    period: Rhythm | None
    moment: TimeOf | None
    floor: TimeOf | None
    due: Step | None
    due_moment: TimeOf | None
    expires: Step | None
    contact: Contact | None
    done_by: Mapping[str, Holds | None]
    saying: Saying | None

    def due_of(self, view: View, instance: Instance) -> Instant | None:
        """Return when this rule is due next for an instance, as things stand; None: its fact is missing.

        It may lie behind. Not to be asked of what is done, or asked for now.
        """
        name = self.name
        if self.period is not None and (name in instance.counts or (self.moment is None and self.wait is None)):
            anchor = instance.anchors.get(name, instance.since)
            due: Instant | None = self.period(view, anchor, instance.came.get(name, anchor))
        elif self.moment is not None:
            due = self.moment(view)
        elif self.wait is not None:
            due = self.wait(view, instance.since)
        else:
            due = instance.since
        floor = None if self.floor is None else self.floor(view)
        return due if due is None or floor is None else max(due, floor)


@dataclass(frozen=True, slots=True)
class StageTable:
    """A stage compiled: what touchpoints do (by type, precedence resolved), and its rules in order.

    `entry` are the rules that are scheduled on entry, `following` those of them whose moment
    or length a fact decides.
    """

    name: str
    stage: Stage
    upon: Mapping[str, Choices]
    rules: Mapping[str, Rule]
    entry: tuple[Rule, ...]
    following: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class TrackTable:
    """A track compiled. `field` is the data field of the key (None: per person).

    `marks` is what is to be worked out anew when an instance begins, moves or goes (LANE and so on).
    """

    name: str
    slot_name: str
    field: str | None
    start: str
    stages: Mapping[str, StageTable]
    track: Track
    marks: int = 0


@dataclass(frozen=True, slots=True)
class Taker:
    """How one fact, of a kind such as `last`, takes in one type.

    `text_field` is the field whose texts are bounded (texts.py), or "". `marks` is what is to be worked out anew when
    it changes (LANE and so on), `follows` the tracks whose rules follow it, and `rises`
    says that what follows it can only become later by it (dependencies.py).
    """

    name: str
    when: Holds | None
    take: facts.Take
    kind: str
    text_field: str = ""
    marks: int = 0
    follows: frozenset[str] = frozenset()
    rises: bool = False


@dataclass(frozen=True, slots=True)
class TrackStep:
    """What one type means for one track: may it begin an instance, and which of its facts take it in."""

    table: TrackTable
    begins: bool
    takers: tuple[Taker, ...]


@dataclass(frozen=True, slots=True)
class TypeTable:
    """What one touchpoint type means for a person. `read` says what counts of its data, and what does not fit.

    `does` are the tracks with tasks that it can do. `keys` are the fields that can name an instance, each with the
    tracks that this type has something to say to. `is_said`: it can change what tasks of any instance say.
    """

    read: ReadData
    takers: tuple[Taker, ...]
    steps: tuple[TrackStep, ...]
    does: tuple[TrackTable, ...]
    keys: tuple[tuple[str, tuple[str, ...]], ...]
    is_outcome: bool
    is_said: bool


@dataclass(frozen=True, slots=True)
class Followed:
    """What decides when timed rules are due, beside the clock and the facts of their own instance.

    `by_stages` are the tracks in which it depends on where the person stands. `is_due`: a fact says when some task is
    due. Which facts of the person are followed stands in `Taker.follows`.
    """

    by_stages: frozenset[str]
    is_due: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """A compiled policy. `fact_readers` reads a fact by (track or "", name).

    `moments` reads those that are a moment.
    `text_facts` are those that remember texts, bounded by texts.py.
    `contacts` has every kind of contact; `most` is the largest budget of any: so many done tasks are remembered.
    `steps` is our calendar.
    `slides`: what of lanes and stops ages (slides.py).
    `told_in` is the zone of times in sentences ("": that of the policy's calendar); nothing is decided by it.
    `ask_from` is no part of the policy, but decides beside it from when is asked (None: always was).
    """

    policy: Policy
    types: Mapping[str, TypeTable]
    tracks: Mapping[str, TrackTable]
    contacts: Mapping[str, Contact]
    most: int
    lanes: tuple[Holds | None, ...]
    fact_readers: Mapping[tuple[str, str], Read]
    moments: Mapping[tuple[str, str], ReadMoment]
    text_facts: TextFacts
    steps: CalendarSteps
    followed: Followed
    slides: tuple[Slide, ...]
    told_in: str = ""
    ask_from: AskFrom | None = None

    def lane_of(self, view: View) -> int:
        """Return the index of the first lane whose guard holds; the last lane takes everybody else."""
        for index, holds in enumerate(self.lanes):
            if holds is None or holds(view):
                return index
        return len(self.lanes) - 1


def when(machine: Machine, at: datetime | Instant) -> str:
    """Return a moment to the minute, by the clock of the policy's calendar, or of the zone that was asked for."""
    moment = from_microseconds(at) if isinstance(at, int) else at
    return clock_time(moment, machine.told_in or machine.policy.calendar.zone)


def spec_of(rule: Rule) -> TaskRule | TimedMove:
    """Return a rule as it was written."""
    spec = rule.task if rule.task is not None else rule.move
    assert spec is not None
    return spec


def guard_of(rule: Rule) -> Guard | None:
    """Return the guard that a rule was written with."""
    return spec_of(rule).when
