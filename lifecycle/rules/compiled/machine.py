"""A policy in the form that folding reads: tables by touchpoint type and stage, guards as functions (writing.py).

Built once for each policy by compile.py, then only read. Tracks are in the order of their names wherever
order could show, so that their order in the file never matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from lifecycle.ask_from import AskFrom
from lifecycle.instant import Instant, from_microseconds
from lifecycle.rules.compiled import facts
from lifecycle.rules.compiled.guards import GuardCompiler, Holds, Read, ReadMoment, View
from lifecycle.rules.compiled.saying import Saying, clock_time
from lifecycle.rules.language.calendar_steps import CalendarSteps, Shift
from lifecycle.rules.language.policy import Choice, Guard, Policy, Stage, TaskRule, TimedMove, Track
from lifecycle.rules.language.vocabulary import ReadData
from lifecycle.rules.language.windows import Window
from lifecycle.rules.state.snapshot import Instance
from lifecycle.rules.state.texts import TextFacts
from lifecycle.touchpoint import Touchpoint

TimeOf = Callable[[View], Instant | None]
Step = Callable[[View, Instant], Instant]
DueOf = Callable[[View, Instance], Instant | None]
"""What can be seen, and an instance -> when a rule is due next for it; None: its fact is missing. It may lie behind."""

Slide = Callable[[View], Iterable[Instant]]
"""What can be seen -> moments at which something of it comes into or leaves a window (slides.py)."""

LANE, STOPS, PLACE, FOLLOWED, TEXTS, CHANGED, TOLD = 1, 2, 4, 8, 16, 32, 64
ANYTHING = LANE | STOPS | PLACE | FOLLOWED
"""What is to be worked out anew: the lane, what is not wanted, quiet hours, when rules are due (dependencies.py).

TEXTS: there are more texts than a person has room for (texts.py). CHANGED: some instance took in what its rules follow.
TOLD: a fold is told of, which looks at all of it each time."""

SETTLED = STOPS | PLACE | FOLLOWED | TEXTS | CHANGED | TOLD
"""What is worked out after each touchpoint. The lane, which nothing in a fold looks at, is judged at its end."""

Take = Callable[[Any, "TypeTable", Touchpoint, Instant, Any], None]
"""(Working, what its type means, a touchpoint, when it occurred, fold/steps.py): takes it in (taking.py)."""

Enter = Callable[[Any, Instance, str, Instant], bool]
"""(Working, instance, its key, now): schedules the rules of a stage; False: it has none (entering.py)."""

Follow = Callable[[View, Instance, str, Instant], Instant]
"""(view, instance, its key, now) -> when its first rule is due, NEVER; sets what is pending (entering.py)."""


Opening = Callable[[Any, Instance, str, Instant], tuple[Instant, Instant, Instant] | None]
"""(Working, instance, its key, now) -> when the task of a rule opens, is due and expires, whatever budgets say.

None: its guard says no, or the person does not want it. In quiet hours it opens later, and the other two say nothing
(opening.py)."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a type does to an instance in a stage: the lines in order, and what decides between them.

    `choose` gives the first line that fits (None: nothing happens); where it is None `sole` is what it would give.
    """

    lines: tuple[Choice, ...]
    choose: Callable[[View], Choice | None] | None
    sole: Choice | None


@dataclass(frozen=True, slots=True)
class Contact:
    """A kind of contact, compiled. `most` is how many, `free_again` when one that counts from a time counts no more.

    `quiet_until` returns when quiet that holds at a moment ends for the person, None where it does not.
    """

    reaches: bool
    most: int | None
    free_again: Shift | None
    quiet_until: Callable[[View, Instant], Instant | None] | None
    stops: Holds | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A timed rule of a stage, compiled. Exactly one of `task` and `move` is given.

    `order` is the place in the stage, `rank` the place in the whole policy. `first` is when it is due first as a
    function of the entry alone (None: facts decide), `due_of` when it is due next as things stand: not to be asked of
    what is done, or asked for now. `is_later`: it has an `after` or an `at`, `is_of_fact`: it has an `at`,
    `is_repeated`: it has an `every`. `floor` is the time before which an `every ... after fact` does not
    open; `due` and `expires` are those of a task, `due_moment` the time of the fact where one says when it is due. All
    are functions of what can be seen, and of the time from which they count. `opening` says all of it at once, of a
    task that comes once. `done_by` maps types to guards.
    """

    name: str
    slot_name: str
    order: int
    rank: int
    task: TaskRule | None
    move: TimedMove | None
    when: Holds | None
    first: Shift | None
    due_of: DueOf
    is_later: bool
    is_repeated: bool
    is_of_fact: bool
    floor: TimeOf | None
    due: Step | None
    due_moment: TimeOf | None
    expires: Step | None
    opening: Opening | None
    contact: Contact | None
    done_by: Mapping[str, Holds | None]
    saying: Saying | None


@dataclass(frozen=True, slots=True)
class StageTable:
    """A stage compiled: what touchpoints do (by type, precedence resolved), and its rules in order.

    `enter` schedules on entry, `follow` anew those that are `following`, whose moment or length a fact decides (None:
    there are none).
    """

    name: str
    stage: Stage
    upon: Mapping[str, Choices]
    rules: Mapping[str, Rule]
    enter: Enter
    following: tuple[Rule, ...]
    follow: Follow | None


@dataclass(frozen=True, slots=True)
class TrackTable:
    """A track compiled. `field` is the data field of the key (None: per person).

    `marks` is what is to be worked out anew when an instance begins, moves or goes (LANE and so on). `bit` is the
    track's own, where tracks are named by bits.
    """

    name: str
    slot_name: str
    field: str | None
    start: str
    stages: Mapping[str, StageTable]
    track: Track
    marks: int = 0
    bit: int = 0


@dataclass(frozen=True, slots=True)
class Taker:
    """How one fact, of a kind such as `last`, takes in one type. `is_time`: it takes in when that occurred.

    `is_plain`: it has no window; `window` is that of a count by whole days. `field` is what it remembers (""),
    `is_as_it_is`: as it stands there.

    `text_field` is the field whose texts are bounded (texts.py), or "". `marks` is what is to be worked out anew when
    it changes (LANE and so on), `follows` the bits of the tracks whose rules follow it, `followers` their names, and
    `rises` says that what follows it can only become later by it (dependencies.py).
    """

    name: str
    take: facts.Take
    kind: str
    is_time: bool
    is_plain: bool
    window: Window | None = None
    field: str = ""
    is_as_it_is: bool = False
    text_field: str = ""
    marks: int = 0
    follows: int = 0
    followers: Sequence[str] = ()
    rises: bool = False


class TrackStep(NamedTuple):
    """What one type means for one track; `takes`: some of its facts take it in."""

    table: TrackTable
    takes: bool


@dataclass(frozen=True, slots=True)
class TypeTable:
    """What one touchpoint type means for a person. `read` says what counts of its data, and what does not fit.

    `take` takes a touchpoint of it in.

    `steps` are the tracks that it reaches, `does` those with tasks that it can do, `done_by` their rules, each
    as (track, stage, rule). `keys` are the fields that can name
    an instance, each with the tracks that this type has something to say to. `is_said`: it can change what tasks of
    any instance say.
    """

    read: ReadData
    take: Take
    steps: tuple[TrackStep, ...]
    does: tuple[TrackTable, ...]
    done_by: frozenset[tuple[str, str, str]]
    keys: tuple[tuple[str, tuple[str, ...]], ...]
    is_outcome: bool
    is_said: bool


@dataclass(frozen=True, slots=True)
class Followed:
    """What decides when timed rules are due, beside the clock and the facts of their own instance.

    `by_stages` are the bits of the tracks in which it depends on where the person stands, `by_due` of those in which a
    fact says when some task is due, `every` those of all; `named` gives the tracks of bits. Which facts of the person
    are followed stands in `Taker.follows`.
    """

    by_stages: int
    by_due: int
    every: int
    named: Callable[[int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Machine:
    """A compiled policy. `fact_readers` reads a fact by (track or "", name).

    `moments` reads those that are a moment.
    `text_facts` are those that remember texts, bounded by texts.py.
    `contacts` has every kind of contact; `most` is the largest budget of any: so many done tasks are remembered.
    `lane_of` gives the index of the first lane whose guard holds; the last lane takes everybody else.
    `guards` writes guards for explanations, and has the text of all that was written (writing.py).
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
    lane_of: Callable[[View], int]
    guards: GuardCompiler
    fact_readers: Mapping[tuple[str, str], Read]
    moments: Mapping[tuple[str, str], ReadMoment]
    text_facts: TextFacts
    steps: CalendarSteps
    followed: Followed
    slides: tuple[Slide, ...]
    told_in: str = ""
    ask_from: AskFrom | None = None

    @property
    def last_lane(self) -> int:
        """The lane of everybody else."""
        return len(self.policy.lanes) - 1


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
