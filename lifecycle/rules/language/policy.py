"""The policy as frozen data: what load.py makes, and the only thing that compiling, drawing and explaining know.

Every part keeps the place it was written at, so that whoever reads it can point there. Names are the words
of the policy file. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field as defaulted
from datetime import time
from typing import Literal

# What tasks ask and the guards are parts of the policy: whoever knows the policy takes them from here.
from lifecycle.rules.language.ask import Ask as Ask, Asked as Asked, Blank as Blank, NamedBy as NamedBy
from lifecycle.rules.language.conditions import (
    AnyOf as AnyOf,
    Choice as Choice,
    Compare as Compare,
    Condition as Condition,
    Given as Given,
    Guard as Guard,
    Has as Has,
    Literal_ as Literal_,
    Money as Money,
    NoneOf as NoneOf,
    OneOf as OneOf,
    Range as Range,
    Space as Space,
    Test as Test,
    Within as Within,
    parse_money as parse_money,
)
from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.schedule import Duration

By = Literal["person", "us", "system"]
Places = Mapping[str, Place]
"""Where each key of a part stands (of a type: each field), so that a finding can point at the line to mend."""

Kind = Literal[
    "id",
    "text",
    "whole",
    "number",
    "money",
    "yes_or_no",
    "date",
    "time",
    "zone",
    "country",
    "task_id",
    "until",
    "words",
]


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What a field of a touchpoint may hold. `words` for kind `words`; `within` limits a date.

    The kind `task_id` is that of outcomes alone, which are built in; no policy names it.
    """

    kind: Kind
    words: tuple[str, ...] = ()
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class TouchpointType:
    """One type of the vocabulary. `required` fields must be there, `optional` ones may."""

    name: str
    by: By
    required: Mapping[str, FieldKind]
    optional: Mapping[str, FieldKind]
    means: str
    place: Place
    places: Places = defaulted(default_factory=dict, compare=False)

    def field(self, name: str) -> FieldKind | None:
        """Return the kind of a field, or None where the type has no such field."""
        return self.required.get(name) or self.optional.get(name)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of all fields, required ones first."""
        return (*self.required, *self.optional)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something remembered. `types` are touchpoint types; `choices` belong to kind `choose`.

    `fields` maps each type to the field remembered ("": the time of the touchpoint, or nothing for ever and count).
    """

    name: str
    kind: Literal["ever", "count", "sum", "first", "last", "set", "choose"]
    types: tuple[str, ...]
    fields: Mapping[str, str]
    within: Duration | None
    when: Guard | None
    choices: tuple[Choice, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class ByFact:
    """A duration that depends on the word of a `choose` fact; it is read when the wait begins.

    `values` has every word of the fact. `name` is the setting it was written as, for explanations.
    """

    name: str
    fact: str
    values: Mapping[str, Duration]

    def __str__(self) -> str:
        listed = ", ".join(f"{word}: {duration}" for word, duration in self.values.items())
        return f"{self.name} by {self.fact} ({listed})"


Wait = Duration | ByFact
"""How long something waits."""


def waits_of(wait: Wait) -> tuple[Duration, ...]:
    """Return every duration that a wait can be."""
    return tuple(wait.values.values()) if isinstance(wait, ByFact) else (wait,)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time taken from a fact: so long `before` it, `after` it, or the fact itself (offset None)."""

    fact: str
    offset: Wait | None
    direction: Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Every:
    """A period; with `after` also no sooner than one period after that fact."""

    period: Wait
    after: str | None


@dataclass(frozen=True, slots=True)
class TaskRule:
    """A follow-up that a stage asks for. `name` is its kind (`acknowledge`, `acknowledge/or_else`, `review`).

    `done_by` maps touchpoint types to a guard (None: always). `due` is a duration from opening, or a fact.
    `about` are the facts that travel with the task. `contact` is the kind of contact ("" for a review, which
    reaches nobody).
    `slot_name` is the name that goes into task ids, and stays when the rule is renamed (`formerly`).
    """

    name: str
    slot_name: str
    ask: Ask
    by: Asked
    about: tuple[str, ...]
    contact: str
    after: Wait | None
    at: Moment | None
    every: Every | None
    when: Guard | None
    due: Wait | str
    expires: Wait
    done_by: Mapping[str, Guard | None]
    or_else: TaskRule | None
    stays: bool
    is_review: bool
    place: Place
    places: Places = defaulted(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class TimedMove:
    """What time alone does: to another stage `after` a while in this one, or `at` a moment of a fact."""

    name: str
    slot_name: str
    to: str
    after: Wait | None
    at: Moment | None
    when: Guard | None
    place: Place
    places: Places = defaulted(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a person can stand in a track. `upon` maps types to choices; `any_by` those for `any by`."""

    name: str
    means: str
    upon: Mapping[str, tuple[Choice, ...]]
    any_by: Mapping[By, tuple[Choice, ...]]
    tasks: tuple[TaskRule, ...]
    later: tuple[TimedMove, ...]
    review: TaskRule | None
    watched_by: str | None
    loss: bool
    place: Place
    places: Places = defaulted(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Track:
    """One state machine. `per` is "person" or the field whose values name the instances.

    `begins` are the types that begin an instance; `slot_name` the name in task ids (`formerly`).
    """

    name: str
    slot_name: str
    per: str
    start: str
    begins: tuple[str, ...]
    facts: Mapping[str, Fact]
    upon: Mapping[str, tuple[Choice, ...]]
    any_by: Mapping[By, tuple[Choice, ...]]
    stages: Mapping[str, Stage]
    place: Place
    places: Places = defaulted(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Lane:
    """One step of the service order; `when` None means otherwise."""

    name: str
    customers: bool
    when: Guard | None
    place: Place


@dataclass(frozen=True, slots=True)
class Calendar:
    """Whose clock and working days count.

    `zone` and `holidays` (a country, None: none) are ours, `opens` and `closes` the working hours there, Monday
    to Friday. `zone_from` and `holidays_from` are facts about the person; they apply to quiet hours.
    """

    zone: str = "UTC"
    zone_from: str | None = None
    holidays: str | None = None
    holidays_from: str | None = None
    opens: time = time(9)
    closes: time = time(17)
    places: Places = defaulted(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class ContactKind:
    """A kind of contact that a task can be.

    `reaches` tells whether the person notices. `most`: so many tasks that reach the person within so long;
    more of this kind wait. `quiet`: from and to, in the person's zone; tasks open when it ends. `stops`: while
    it holds, tasks of this kind do not open, and open ones are withdrawn.
    """

    name: str
    means: str
    reaches: bool
    most: tuple[int, Duration] | None
    quiet: tuple[time, time] | None
    stops: Guard | None
    place: Place
    places: Places = defaulted(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy. `hash` names its content (not its comments and layout); `text` is the file as it was."""

    name: str
    means: str
    hash: str
    text: str
    calendar: Calendar
    contacts: Mapping[str, ContactKind]
    lanes: tuple[Lane, ...]
    types: Mapping[str, TouchpointType]
    facts: Mapping[str, Fact]
    tracks: Mapping[str, Track]
