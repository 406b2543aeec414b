"""The policy as frozen data: what load.py makes, and the only thing that compiling, drawing and explaining know.

Every part keeps the place it was written at, so that whoever reads it can point there. Names are the words
of the policy file. Nothing here decides anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lifecycle.rules.findings import Place
from lifecycle.rules.schedule import Duration

By = Literal["person", "us", "system"]
Kind = Literal["id", "text", "whole", "number", "money", "yes_or_no", "date", "time", "zone", "country", "words"]
Space = Literal["field", "fact", "stage", "any"]


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What a field of a touchpoint may hold. `words` for kind `words`; `within` limits a date."""

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

    def field(self, name: str) -> FieldKind | None:
        """Return the kind of a field, or None where the type has no such field."""
        return self.required.get(name) or self.optional.get(name)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of all fields, required ones first."""
        return (*self.required, *self.optional)


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency (ISO 4217 letters)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


_MONEY = re.compile(r"(-?[0-9]{1,30}(?:\.[0-9]{1,12})?) ([A-Z]{3})", re.ASCII)


def parse_money(text: str) -> Money | None:
    """Return the amount that a text such as `100.00 EUR` names, or None. At most 30 digits and 12 decimals."""
    match = _MONEY.fullmatch(text)
    return Money(Decimal(match[1]), match[2]) if match else None


Literal_ = str | bool | int | Decimal | Money


@dataclass(frozen=True, slots=True)
class OneOf:
    """Holds if the value equals one of these."""

    values: tuple[Literal_, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Holds if at_least <= value < less_than (None: open). Half-open, so that ranges meet without overlap."""

    at_least: Literal_ | None
    less_than: Literal_ | None


@dataclass(frozen=True, slots=True)
class Within:
    """Holds if the time is at most this long ago."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class Has:
    """Holds if the set contains all of these."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """Holds if the value is there (True) or is not there (False)."""

    given: bool


Test = OneOf | Range | Within | Has | Given


@dataclass(frozen=True, slots=True)
class Compare:
    """One line of a guard: a left side and what it must be."""

    space: Space
    name: str
    test: Test
    place: Place


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds if one of the guards holds."""

    guards: tuple[Guard, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Holds if none of the guards holds."""

    guards: tuple[Guard, ...]
    place: Place


Condition = Compare | AnyOf | NoneOf


@dataclass(frozen=True, slots=True)
class Guard:
    """All conditions must hold."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a list that decides: `when` (None: otherwise) and where to go, or what it is."""

    when: Guard | None
    target: str | bool
    place: Place


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
class Moment:
    """A time taken from a fact: so long `before` it, `after` it, or the fact itself (offset None)."""

    fact: str
    offset: Duration | None
    direction: Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Every:
    """A period; with `after` also no sooner than one period after that fact."""

    period: Duration
    after: str | None


@dataclass(frozen=True, slots=True)
class TaskRule:
    """A follow-up that a stage asks for. `name` is its kind (`acknowledge`, `acknowledge/or_else`, `review`).

    `done_by` maps touchpoint types to a guard (None: always). `due` is a duration from opening, or a fact.
    `slot_name` is the name that goes into task ids, and stays when the rule is renamed (`formerly`).
    """

    name: str
    slot_name: str
    ask: str
    by: str
    after: Duration | None
    at: Moment | None
    every: Every | None
    when: Guard | None
    due: Duration | str
    expires: Duration
    done_by: Mapping[str, Guard | None]
    or_else: TaskRule | None
    stays: bool
    is_review: bool
    place: Place


@dataclass(frozen=True, slots=True)
class TimedMove:
    """What time alone does: to another stage `after` a while in this one, or `at` a moment of a fact."""

    name: str
    slot_name: str
    to: str
    after: Duration | None
    at: Moment | None
    when: Guard | None
    place: Place


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


@dataclass(frozen=True, slots=True)
class Lane:
    """One step of the service order; `when` None means otherwise."""

    name: str
    customers: bool
    when: Guard | None
    place: Place


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy. `hash` names its content (not its comments and layout); `text` is the file as it was."""

    name: str
    means: str
    hash: str
    text: str
    lanes: tuple[Lane, ...]
    types: Mapping[str, TouchpointType]
    facts: Mapping[str, Fact]
    tracks: Mapping[str, Track]
