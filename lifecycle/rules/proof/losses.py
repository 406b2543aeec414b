"""Every loss leads to somebody being asked for: within a year, whatever happens, by a task without a guard.

A task of the loss itself counts if it opens before time can move the person on; else every way out must lead to one,
news included. News that is not the person's may come at any moment, again and again, also before anything is asked and
also into the loss anew: whatever it leads to must still ask within that year. What the person says begins the year
anew. A review counts. What a task must be like to count stands in asking.py. Where people are asked only at
once, and nobody looks again within a year, the checker warns. Called by check.py only. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.names import PERSON
from lifecycle.rules.language.policy import Stage, TaskRule, TimedMove
from lifecycle.rules.language.schedule import Duration
from lifecycle.rules.proof.asking import Asking, does, surely_asks_before
from lifecycle.rules.proof.findings import Path, Report, longer
from lifecycle.rules.proof.paths import Way, Ways
from lifecycle.rules.proof.rests import RestChecker
from lifecycle.rules.proof.spans import DAY, longest, longest_of, opening_of, tasks_of

YEAR = longest(Duration(1, "year"))
"""Within so long somebody must have been asked: a year, which may be a leap year, by a clock that may be set back."""

FOR_EVER = 1_000 * YEAR
"""Longer than any wait of a policy."""

MAX_STEPS = 200_000
"""Stages looked at on the ways from all losses; beyond them no loss is taken as proved."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A stage on the way from a loss: how long after the loss it is entered at the latest, and how one came there.

    `walked` are the stages stood in since the loss or since the person spoke, in order, each with when it was entered.
    `by_chance` are those of them that ask at once, and were left by news at the very instant.
    """

    stage: str
    since: timedelta
    path: Path
    walked: Mapping[str, timedelta]
    by_chance: frozenset[str] = frozenset()

    def goes_round(self, to: str, since: timedelta) -> bool:
        """Tell whether to come to a stage again is to go round for ever and never be asked, by more than chance."""
        names = list(self.walked)
        return since > self.walked[to] and self.by_chance.isdisjoint(names[names.index(to) :])


@dataclass(frozen=True, slots=True)
class _Onward:
    """A stage as it matters after a loss: how long at most until somebody is asked for or leaves, and how they leave.

    By `ends` somebody is asked for, or time has moved them on. `by_time` are the timed moves that may come before
    anything is asked, each with the longest wait; `by_others` the ways by news that is not theirs, and `by_person` by
    news that is, where the stage itself asks for nothing.
    """

    ends: timedelta
    asks_at_once: bool
    by_time: tuple[tuple[Way, timedelta], ...]
    by_others: tuple[Way, ...]
    by_person: tuple[Way, ...]


class LossChecker:
    """Checks the losses of one policy. `ways` are those of every track."""

    def __init__(self, rests: RestChecker, asking: Asking, report: Report) -> None:
        self.policy, self.ways, self.rests, self.asking, self.report = rests.policy, rests.ways, rests, asking, report
        self.calendar = rests.policy.calendar
        self.steps = 0

    def check(self) -> None:
        """Note the findings of all losses."""
        for ways in self.ways.values():
            for stage in ways.track.stages.values():
                if stage.loss and stage.name in ways.paths:
                    self.loss(ways, stage)

    def loss(self, ways: Ways, stage: Stage) -> None:
        """Check that somebody is asked for after one loss."""
        advice = (
            'Add a task without "when", such as {after: 30 days, ask: "Ask whether they are taken care of"}; '
            "it must open before time moves the person on."
        )
        forgotten = self.forgotten(ways, stage, at_once_counts=True)
        if forgotten is not None:
            message = f'"{stage.name}" is a loss and no task follows on every path within a year.'
            first = forgotten[len(ways.paths[stage.name]) :][:1]
            choices = ways.list_for(stage, first[0]) if first and first[0] in self.policy.types else ()
            if choices and self.asking.of(ways, stage, at_once_counts=True):
                message += f" {first[0]} is not their news, and may come before anything is asked, or again and again."
                advice = (
                    f'Let it change nothing there ("{first[0]}: stay"), or lead to a stage that asks within the year.'
                )
                self.report.refuse("loss", choices[0].place, message, advice, forgotten)
                return
            message += f" {self.why(ways, stage)}"
            self.report.refuse("loss", self.place(ways, stage), message, advice, forgotten)
            return
        forgotten = self.forgotten(ways, stage, at_once_counts=False)
        if forgotten is not None:
            message = f'"{stage.name}" is a loss after which people are asked at once and never again within a year.'
            self.report.warn("loss-at-once", self.place(ways, stage), message, advice, forgotten)

    def why(self, ways: Ways, stage: Stage) -> str:
        """Return why the tasks of a loss do not count, where it has some."""
        doubts = {task.name: doubt for task in tasks_of(stage) if (doubt := self.asking.doubt(ways, stage, task))}
        if not doubts:
            return "A guarded task does not count, nor one at entry that stays."
        return " ".join(f'"{name}" does not count: {doubt.reason}.' for name, doubt in list(doubts.items())[:3])

    def place(self, ways: Ways, stage: Stage) -> Place:
        """Return the line to mend: what makes the task of a loss not count, or moves people on before, or the loss."""
        doubts = [doubt for task in tasks_of(stage) if (doubt := self.asking.doubt(ways, stage, task)) is not None]
        later = [doubt for doubt in doubts if not doubt.is_at_once]
        if later:
            return later[0].place
        asked = self.asking.of(ways, stage, at_once_counts=False)
        moves = [move for move, _ in ways.timed(stage.name)]
        for move in moves:
            if asked and not any(self.surely_before(task, move) for task in asked):
                return move.place
        return asked[0].place if asked else stage.place

    def forgotten(self, ways: Ways, loss: Stage, *, at_once_counts: bool) -> Path | None:
        """Return a way on which nobody is asked within a year of a loss, or None where there is none.

        Without `at_once_counts` only what is asked later counts, and only silence is followed.
        """
        nothing = timedelta(0)
        waiting = deque([_Standing(loss.name, nothing, ways.paths[loss.name], {loss.name: nothing})])
        known: dict[str, _Onward] = {}
        latest: dict[str, timedelta] = {}
        while waiting:
            here = waiting.popleft()
            if here.stage in latest and latest[here.stage] >= here.since:
                continue
            latest[here.stage] = here.since
            self.steps += 1
            if self.steps > MAX_STEPS:
                return here.path
            if here.stage not in known:
                known[here.stage] = self.onward(ways, here.stage, at_once_counts=at_once_counts)
            onward = known[here.stage]
            if onward.ends > YEAR - here.since:
                return here.path
            chance = here.by_chance | {here.stage} if onward.asks_at_once else here.by_chance
            others = [(way, onward.ends, chance) for way in onward.by_others]
            for way, wait, by_chance in [*((way, wait, here.by_chance) for way, wait in onward.by_time), *others]:
                since, path = min(here.since + wait, YEAR), longer(here.path, way.step)
                if way.to not in here.walked:
                    waiting.append(_Standing(way.to, since, path, {**here.walked, way.to: since}, by_chance))
                elif replace(here, by_chance=by_chance).goes_round(way.to, since):
                    return path
            for way in onward.by_person:
                path = longer(here.path, way.step)
                waiting.append(_Standing(way.to, nothing, path, {way.to: nothing}))
        return None

    def onward(self, ways: Ways, name: str, *, at_once_counts: bool) -> _Onward:
        """Return what a stage asks of somebody who came there from a loss, and how they can leave before it does."""
        stage, out = ways.track.stages[name], ways.out[name]
        asked = self.asking.of(ways, stage, at_once_counts=at_once_counts)
        opens = [opening for task in asked if (opening := opening_of(task)) is not None]
        leaves = min((self.stays(ways, stage, move) for move, _ in ways.timed(name)), default=FOR_EVER)
        asks = min((longest_of(opening, self.calendar) for opening in opens), default=FOR_EVER)
        by_news = [way for way in out if way.move is None] if at_once_counts else []
        theirs = {way.type for way in by_news if self.policy.types[way.type].by == "person"}
        return _Onward(
            ends=min(leaves, asks),
            asks_at_once=not asks,
            by_time=tuple(
                (way, leaves if way.move.after is None else min(leaves, longest_of(way.move.after, self.calendar)))
                for way in out
                if way.move is not None and not any(self.surely_before(task, way.move) for task in asked)
            ),
            by_others=tuple(
                way for way in by_news if way.type not in theirs and not any(does(ways, task, way) for task in asked)
            ),
            # What somebody says begins the year anew; another loss is proved for itself.
            by_person=()
            if asked
            else tuple(way for way in by_news if way.type in theirs and not ways.track.stages[way.to].loss),
        )

    def stays(self, ways: Ways, stage: Stage, move: TimedMove) -> timedelta:
        """Return how long after entry a timed move comes at the latest, unless they speak."""
        if move.when is not None:
            return FOR_EVER
        if move.after is not None:
            return longest_of(move.after, self.calendar)
        assert move.at is not None  # a timed move has one of the two
        if self.rests.doubt(ways, stage, move) is not None:
            return FOR_EVER
        fact = ways.track.facts.get(move.at.fact) or self.policy.facts[move.at.fact]
        is_renewed_elsewhere = fact.kind != "first" and fact.name not in ways.track.facts and ways.track.per != PERSON
        if is_renewed_elsewhere:
            return FOR_EVER  # by what they say about another key
        ahead = timedelta(0)
        for type_name, field in fact.fields.items():
            kind = self.policy.types[type_name].field(field) if field else None
            if kind is not None and kind.within is not None:
                ahead = max(ahead, longest(kind.within, self.calendar) + DAY)
        if move.at.offset is None or move.at.direction == "before":
            return ahead
        return ahead + longest_of(move.at.offset, self.calendar)

    def surely_before(self, task: TaskRule, move: TimedMove) -> bool:
        """Tell whether a task is always asked before a timed move leaves its stage."""
        return surely_asks_before(task, move, self.asking.put_off(task), self.calendar)
