"""Guards written as text (writing.py).

A compiled guard takes a View (what it may look at) and answers True or False. A missing value fits no
comparison; so it fits `none_of`. A value of the wrong kind is as good as missing: never an error. Facts have
taken in the touchpoint; stages are as they were before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

from lifecycle.instant import Instant
from lifecycle.rules.compiled.comparing import NOT_GIVEN, holds_for, in_times, is_of_times, text_as_instant, within
from lifecycle.rules.compiled.facts import Data, Raw
from lifecycle.rules.compiled.writing import Writer
from lifecycle.rules.language.calendar_steps import CalendarSteps
from lifecycle.rules.language.policy import (
    AnyOf,
    Compare,
    Condition,
    Given,
    Guard,
    Money,
    NoneOf,
    OneOf,
    Range,
    Test,
    Within,
)
from lifecycle.rules.language.windows import Window
from lifecycle.rules.state.snapshot import Instance

NOTHING: Data = {}
"""The data where there is no touchpoint: a timer."""


class View:
    """What guards and lanes look at: data of the touchpoint (NOTHING for a timer), facts, stages, the time.

    `stages` maps track -> key -> instance as before this instant; `own` are the facts of the instance at hand.
    """

    __slots__ = ("at", "data", "facts", "key", "own", "stages")

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        facts: dict[str, Raw],
        stages: Mapping[str, Mapping[str, Instance]],
        at: Instant,
    ) -> None:
        self.data: Data = NOTHING if data is None else data
        self.facts = facts
        self.stages = stages
        self.at = at
        self.own: dict[str, Raw] = {}
        self.key = ""

    def copy(self) -> View:
        """Return one that stays as it is."""
        copied = View(self.data, self.facts, self.stages, self.at)
        copied.own, copied.key = self.own, self.key
        return copied


Holds = Callable[[View], bool]
Read = Callable[[View], Any]
ReadMoment = Callable[[View], Instant | None]


Stages = Mapping[str, Mapping[str, Instance]]

_SURE = ("True", "False")
"""Texts of what holds, or not, whatever is seen: of fields that a type does not have."""


class GuardCompiler:
    """Writes guards as text. `values` are the texts of the values of facts, `moments` of the moments that they are.

    Both are keyed by (track or "", fact name) and read a view `v`. `steps` says whose days a `within` counts, and on
    which day a time is.
    """

    def __init__(
        self,
        values: Mapping[tuple[str, str], str],
        moments: Mapping[tuple[str, str], str],
        per: Mapping[str, str],
        steps: CalendarSteps,
        writer: Writer,
    ) -> None:
        self.values = values
        self.moments = moments
        self.per = per
        self.steps = steps
        self.writer = writer
        self._fields: Mapping[str, str] | None = None
        self._told: dict[tuple[int, str], tuple[Callable[[View], Any], object]] = {}

    def of_type(self, fields: Mapping[str, str]) -> GuardCompiler:
        """Return one for texts in which the fields of one type have names of their own; others are missing there."""
        found = copy(self)
        found._fields = fields
        return found

    def guard(self, guard: Guard, track: str, note: str) -> Holds:
        """Return the function of a guard."""
        return self.writer.expression("when", self.text(guard, track), note)

    def told_guard(self, guard: Guard, track: str) -> Holds:
        """Return the function of a guard, or of one alternative in it, for explanations."""
        return self._tell(guard, track, lambda: self.text(guard, track))

    def told_condition(self, condition: Condition, track: str) -> Holds:
        """Return the function of one line of a guard, for explanations."""
        return self._tell(condition, track, lambda: self.condition(condition, track))

    def told_left(self, condition: Compare, track: str) -> Read:
        """Return the reader of the left side of a line, for explanations."""
        return self._tell(condition, f"left {track}", lambda: self.left(condition, track))

    def _tell(self, of: object, what: str, text: Callable[[], str]) -> Callable[[View], Any]:
        """Return a function that nobody but explanations asks for; written once, the first time."""
        found = self._told.get((id(of), what))
        if found is None:
            found = self._told[id(of), what] = self.writer.expression("told", text(), "for explanations"), of
            self.writer.finish()
        return found[0]

    def text(self, guard: Guard | None, track: str) -> str:
        """Return the text of a guard; None always holds."""
        lines = [] if guard is None else [self.condition(condition, track) for condition in guard.conditions]
        if "False" in lines:
            return "False"
        return " and ".join([line for line in lines if line != "True"]) or "True"

    def condition(self, condition: Condition, track: str) -> str:
        """Return the text of one line, in brackets."""
        if isinstance(condition, AnyOf):
            return self.any_of(condition.guards, track)
        if isinstance(condition, NoneOf):
            said = self.any_of(condition.guards, track)
            return f"(not {said})" if said not in _SURE else str(said == "False")
        if condition.space == "any":
            return self.any_stage(condition)
        test, read = condition.test, self.left(condition, track)
        if isinstance(test, Within):
            held = self.known(within(Window(test.duration, self.steps)))
            return f"{held}({self.moment(condition, track, read)}, v.at)"
        if isinstance(test, Range) and is_of_times(test):
            return f"{self.known(in_times(test, self.steps))}({self.moment(condition, track, read)}, {read})"
        return self.compare(read, test)

    def any_of(self, guards: Sequence[Guard], track: str) -> str:
        """Return the text of whether any of several guards holds, in brackets."""
        lines = [self.text(guard, track) for guard in guards]
        if "True" in lines:
            return "True"
        left = [f"({line})" for line in lines if line != "False"]
        return f"({' or '.join(left)})" if left else "False"

    def compare(self, read: str, test: Test) -> str:
        """Return the text of what is read, held against a test that asks for no moment; what is sure needs no test."""
        if read == "None" and isinstance(test, OneOf | Given):
            return str(isinstance(test, Given) and not test.given)
        if isinstance(test, OneOf) and not any(isinstance(value, Money) for value in test.values):
            if len(test.values) == 1 and isinstance(test.values[0], str | bool):
                return f"({read} == {test.values[0]!r})"
            return f"({read} in {self.known(test.values)})"
        if isinstance(test, Given):
            return f"({read} {'not in' if test.given else 'in'} {self.known(NOT_GIVEN)})"
        return f"{self.known(holds_for(test))}({read})"

    def literal(self, value: Any) -> str:
        """Return the text of a value of the policy."""
        return repr(value) if isinstance(value, str | int | None) else self.known(value)

    def known(self, value: Any) -> str:
        """Return the name of a value of the policy, or of a function that looks at values."""
        return self.writer.constant(value, "k")

    def moment(self, condition: Compare, track: str, read: str) -> str:
        """Return the text of a left side as a moment."""
        if condition.space == "fact":
            return self.moments.get((track, condition.name)) or self.moments["", condition.name]
        return f"{self.known(text_as_instant)}({read})"

    def left(self, condition: Compare, track: str) -> str:
        """Return the text of a left side."""
        name = condition.name
        if condition.space == "field":
            return f"v.data.get({name!r})" if self._fields is None else self._fields.get(name, "None")
        if condition.space == "fact":
            return self.values.get((track, name)) or self.values["", name]
        key = "''" if self.per[name] == "person" else "v.key"
        return f"{self.known(stage_in)}(v.stages, {name!r}, {key})"

    def any_stage(self, condition: Compare) -> str:
        """Return the text of a line that asks for any instance of a track."""
        name, test = condition.name, condition.test
        if isinstance(test, Given):
            return f"({'not not' if test.given else 'not'} v.stages.get({name!r}))"
        wanted = frozenset(test.values) if isinstance(test, OneOf) else frozenset()
        return f"({name!r} in v.stages and {self.known(is_any_in)}(v.stages.get({name!r}), {self.known(wanted)}))"


def stage_in(stages: Stages, track: str, key: str) -> str | None:
    """Return the stage of an instance; None where there is none."""
    instances = stages.get(track)
    instance = None if instances is None else instances.get(key)
    return None if instance is None else instance.stage


def is_any_in(instances: Mapping[str, Instance], wanted: frozenset[object]) -> bool:
    """Tell whether any instance of a track stands in one of these stages."""
    for instance in instances.values():  # noqa: SIM110  # `any` with a generator takes twice the time
        if instance.stage in wanted:
            return True
    return False
