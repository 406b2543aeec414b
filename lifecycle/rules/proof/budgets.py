"""More tasks than a person wants to hear from us for ever: budgets against what is asked again and again.

One instance of each track is looked at, in the stages in which people may stand for ever: a stage that time surely
leaves counts only as far as time alone goes round. What excludes each other does not add up: two stages of one track,
stages of two tracks in which nobody stands at the same time, and guards that do not fit together. Called by check.py
only. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from lifecycle.rules.language.names import PERSON
from lifecycle.rules.language.policy import Compare, ContactKind, Guard, Policy, Stage, TaskRule, TimedMove
from lifecycle.rules.proof.findings import Report
from lifecycle.rules.proof.guards import Decider, compares
from lifecycle.rules.proof.loops import loops
from lifecycle.rules.proof.paths import Ways
from lifecycle.rules.proof.spans import shortest_of
from lifecycle.rules.proof.together import Together
from lifecycle.rules.proof.values import fits

DAY = timedelta(days=1)

MAX_CHOICES = 20_000
"""Choices of tasks tried for the most that is asked at once; beyond them the most that was found counts."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """Something that is asked so often (a day, at most) while a person stands in one of these stages of a track."""

    track: str
    stages: tuple[str, ...]
    rate: Fraction
    guard: Guard | None

    @property
    def place(self) -> str:
        """The first of its stages, as a finding names it."""
        return f"{self.track}.{self.stages[0]}"


class BudgetChecker:
    """Checks the budgets of one policy. `ways` are those of every track."""

    def __init__(self, policy: Policy, decider: Decider, ways: Mapping[str, Ways], report: Report) -> None:
        self.policy, self.decider, self.ways, self.report = policy, decider, ways, report
        self.together = Together(ways)
        self.tried = 0

    def check(self) -> None:
        """Note each kind of contact whose budget is less than what is asked for ever."""
        kinds = [kind for kind in self.policy.contacts.values() if kind.most is not None and kind.reaches]
        if not kinds:
            return
        asks = [ask for ways in self.ways.values() for ask in self.asks(ways)]
        asks.sort(key=lambda ask: (-ask.rate, ask.place))
        sure = self.most([ask for ask in asks if ask.guard is None])
        possible = self.most(asks)
        for kind in kinds:
            self.budget(kind, sure, possible)

    def budget(self, kind: ContactKind, sure: Sequence[_Ask], possible: Sequence[_Ask]) -> None:
        """Compare one budget, in tasks a day, with what is asked for ever, surely and where guards hold."""
        assert kind.most is not None
        number, window = kind.most
        allowed = number / Fraction(window.shortest / DAY)
        asked = sum((ask.rate for ask in possible), Fraction(0))
        if asked <= allowed:
            return
        by_stage: dict[str, Fraction] = {}
        for ask in possible:
            by_stage[ask.place] = by_stage.get(ask.place, Fraction(0)) + ask.rate
        message = (
            f'One of each track asks {float(asked * 30):.1f} times in 30 days for ever, and "{kind.name}" allows '
            f'{number} per {window}. Most is asked in "{max(by_stage, key=lambda place: by_stage[place])}".'
        )
        advice = "Ask less often there, allow more, or use a kind of contact that reaches nobody."
        tell = self.report.refuse if sum(ask.rate for ask in sure) > allowed else self.report.warn
        tell("over-budget", kind.places.get("most", kind.place), message, advice)

    def asks(self, ways: Ways) -> Iterator[_Ask]:
        """Yield what one track asks for ever: in stages that time does not surely leave, and going round."""
        track = ways.track
        for name in ways.paths:
            stage = track.stages[name]
            if any(move.when is None and move.after is not None for move in stage.later):
                continue
            for task in self.repeated(stage):
                yield _Ask(track.name, (name,), _a_day(task), task.when)
        for loop in loops(ways, lambda stage, move: move.after is not None):
            yield from self.round(ways, loop)

    def round(self, ways: Ways, loop: Sequence[tuple[str, TimedMove]]) -> Iterator[_Ask]:
        """Yield what a loop of time alone asks, spread over the time of a round."""
        waits = [max(shortest_of(move.after), DAY / 24) if move.after is not None else DAY / 24 for _, move in loop]
        length = Fraction(sum(waits, timedelta(0)) / DAY)
        stages = tuple(name for name, _ in loop)
        for (name, _), wait in zip(loop, waits, strict=True):
            stage = ways.track.stages[name]
            once = [task for task in stage.tasks if task.every is None and self.reaches(task)]
            yield from (_Ask(ways.track.name, stages, 1 / length, task.when) for task in once)
            share = Fraction(wait / DAY) / length
            for task in self.repeated(stage):
                yield _Ask(ways.track.name, stages, _a_day(task) * share, task.when)

    def repeated(self, stage: Stage) -> list[TaskRule]:
        """Return the repeated tasks of a stage that reach the person."""
        return [task for task in stage.tasks if task.every is not None and self.reaches(task)]

    def reaches(self, task: TaskRule) -> bool:
        """Tell whether the person notices a task."""
        return task.contact in self.policy.contacts and self.policy.contacts[task.contact].reaches

    def most(self, asks: Sequence[_Ask]) -> list[_Ask]:
        """Return those of some asks, the most frequent first, that come together and are the most."""
        fitting = {(one, other): self.fit(asks[one], asks[other]) for one in range(len(asks)) for other in range(one)}
        best: list[int] = []
        most = Fraction(0)
        self.tried = 0

        def extend(chosen: list[int], rate: Fraction, left: list[int]) -> None:
            nonlocal best, most
            self.tried += 1
            if rate > most:
                best, most = chosen, rate
            rest = sum((asks[each].rate for each in left), Fraction(0))
            for place, each in enumerate(left):
                if rate + rest <= most or self.tried > MAX_CHOICES:
                    return
                following = [other for other in left[place + 1 :] if fitting[other, each]]
                extend([*chosen, each], rate + asks[each].rate, following)
                rest -= asks[each].rate

        extend([], Fraction(0), list(range(len(asks))))
        return [asks[each] for each in best]

    def fit(self, one: _Ask, other: _Ask) -> bool:
        """Tell whether two asks may come from one person at the same time."""
        if one.track == other.track:
            return one.stages == other.stages and self.guards_fit(one, other, one.track)
        stand = ((first, second) for first in one.stages for second in other.stages)
        if not any(self.together.may_stand((one.track, first), (other.track, second)) for first, second in stand):
            return False
        if not (self.allows(one, other) and self.allows(other, one)):
            return False
        shared = all(
            each.space != "fact" or each.name in self.policy.facts
            for ask in (one, other)
            for each in (() if ask.guard is None else compares(ask.guard))
        )
        return not shared or self.guards_fit(one, other, one.track)

    def guards_fit(self, one: _Ask, other: _Ask, track: str) -> bool:
        """Tell whether the guards of two asks can hold together."""
        if one.guard is None or other.guard is None or one.guard is other.guard:
            return True
        both = Guard((*one.guard.conditions, *other.guard.conditions))
        return self.decider.can_hold(both, track, None)

    def allows(self, one: _Ask, other: _Ask) -> bool:
        """Tell whether the guard of an ask lets the person stand where another one comes from."""
        if one.guard is None or self.ways[other.track].track.per != PERSON:
            return True
        named = (each for each in one.guard.conditions if isinstance(each, Compare) and each.name == other.track)
        return all(
            any(fits(each.test, stage if each.space == "stage" else frozenset({stage})) for stage in other.stages)
            for each in named
            if each.space in ("stage", "any")
        )


def _a_day(task: TaskRule) -> Fraction:
    assert task.every is not None
    return Fraction(1) / Fraction(max(shortest_of(task.every.period), DAY / 24) / DAY)
