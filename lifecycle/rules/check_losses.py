"""Every loss leads to somebody being asked for: within a year, whatever happens, by a task without a guard.

A task of the loss itself counts if it opens before time can move the person on; else every way out must lead to one,
news included. A review counts. A task that is stopped counts, for then an opt-out is recorded. A task at entry that
stays open (`stays`) is a debt of the moment, such as thanks, and no follow-up. Where people are asked only at once,
and nobody looks again within a year, the checker warns. Called by check.py only. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from lifecycle.rules.check_findings import Path, Report, longer
from lifecycle.rules.check_guards import compares
from lifecycle.rules.check_paths import STAY, Ways
from lifecycle.rules.check_spans import AT_ONCE, longest_of, opening_of, surely_opens_before, tasks_of
from lifecycle.rules.policy import Choice, OneOf, Policy, Stage, TaskRule

YEAR = timedelta(days=366)
"""Within so long somebody must have been asked: a year, which may be a leap year."""

WORDS = frozenset({"cancelled", "canceled", "churned", "elsewhere", "leaves", "left", "lost", "quit", "quits"})
"""Words of a vocabulary that sound like a loss."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A stage on the way from a loss: how long after the loss it is entered at the latest, and how one came there."""

    stage: str
    since: timedelta
    path: Path


class LossChecker:
    """Checks the losses of one policy. `ways` are those of every track."""

    def __init__(self, policy: Policy, ways: Mapping[str, Ways], report: Report) -> None:
        self.policy, self.ways, self.report = policy, ways, report
        self.calendar = policy.calendar

    def check(self) -> None:
        """Note the findings of all losses, and of stages that look like one."""
        for ways in self.ways.values():
            for stage in ways.track.stages.values():
                if stage.loss and stage.name in ways.paths:
                    self.loss(ways, stage)
            self.marks(ways)

    def loss(self, ways: Ways, stage: Stage) -> None:
        """Check that somebody is asked for after one loss."""
        advice = (
            'Add a task without "when", such as {after: 30 days, ask: "Ask whether they are taken care of"}; '
            "it must open before time moves the person on."
        )
        forgotten = self.forgotten(ways, stage, at_once_counts=True)
        if forgotten is not None:
            message = (
                f'"{stage.name}" is a loss and no task follows on every path within a year. '
                "A guarded task does not count, nor one at entry that stays."
            )
            self.report.refuse("loss", stage.place, message, advice, forgotten)
            return
        forgotten = self.forgotten(ways, stage, at_once_counts=False)
        if forgotten is not None:
            message = f'"{stage.name}" is a loss after which people are asked at once and never again within a year.'
            self.report.warn("loss-at-once", stage.place, message, advice, forgotten)

    def forgotten(self, ways: Ways, loss: Stage, *, at_once_counts: bool) -> Path | None:
        """Return a way on which nobody is asked within a year of a loss, or None where there is none.

        Without `at_once_counts` only what is asked later counts, and only silence is followed.
        """
        waiting = deque([_Standing(loss.name, timedelta(0), ways.paths[loss.name])])
        latest: dict[str, timedelta] = {}
        while waiting:
            here = waiting.popleft()
            if here.stage in latest and latest[here.stage] >= here.since:
                continue
            latest[here.stage] = here.since
            stage = ways.track.stages[here.stage]
            asked = [task for task in tasks_of(stage) if _counts(task, at_once_counts=at_once_counts)]
            if self.may_stay(ways, stage, asked, YEAR - here.since):
                return here.path
            waiting += self.onward(ways, stage, asked, here)
            if not asked and at_once_counts:
                waiting += self.by_news(ways, here)
        return None

    def may_stay(self, ways: Ways, stage: Stage, asked: Sequence[TaskRule], rest: timedelta) -> bool:
        """Tell whether somebody may stand in a stage for the rest of the year, and not be asked for."""
        opens = [opening for task in asked if (opening := opening_of(task)) is not None]
        leaves = [move.after for move, _ in ways.timed(stage.name) if move.when is None and move.after is not None]
        return all(longest_of(wait, self.calendar) > rest for wait in (*opens, *leaves))

    def onward(self, ways: Ways, stage: Stage, asked: Sequence[TaskRule], here: _Standing) -> Iterator[_Standing]:
        """Yield where time can move somebody on before they are asked for."""
        leaves = [move.after for move, _ in ways.timed(stage.name) if move.when is None and move.after is not None]
        stays = min((longest_of(wait, self.calendar) for wait in leaves), default=YEAR)
        for way in ways.out[stage.name]:
            if way.move is not None and not any(surely_opens_before(task, way.move) for task in asked):
                waits = stays if way.move.after is None else min(stays, longest_of(way.move.after, self.calendar))
                yield _Standing(way.to, min(here.since + waits, YEAR), longer(here.path, way.step))

    def by_news(self, ways: Ways, here: _Standing) -> Iterator[_Standing]:
        """Yield where news can move somebody; another loss is proved for itself, and the year begins anew."""
        for way in ways.out[here.stage]:
            if way.move is None and not ways.track.stages[way.to].loss:
                yield _Standing(way.to, timedelta(0), longer(here.path, way.step))

    def marks(self, ways: Ways) -> None:
        """Warn of stages that are reached by a word of loss and not marked as one."""
        stages = ways.track.stages
        lists = [choices for each in (ways.track.upon, ways.track.any_by) for choices in each.values()]
        for stage in stages.values():
            if not stage.loss:
                lists += [choices for each in (stage.upon, stage.any_by) for choices in each.values()]
        for choice in (choice for choices in lists for choice in choices):
            if choice.target == STAY or stages[str(choice.target)].loss:
                continue
            for field, word in _words_of_loss(choice):
                message = f'"{choice.target}" is reached by {field} = {word}, and is not marked as a loss.'
                advice = 'Add "loss: true" to it and a task that asks how they fare; or use another word.'
                path = ways.paths.get(str(choice.target), ())
                self.report.warn("loss-mark", choice.place, message, advice, path)


def _counts(task: TaskRule, *, at_once_counts: bool) -> bool:
    """Tell whether a task is sure to ask for somebody: no guard, no fact that may be missing, no debt of the moment."""
    opening = opening_of(task)
    if task.when is not None or opening is None:
        return False
    return opening != AT_ONCE or (at_once_counts and not task.stays)


def _words_of_loss(choice: Choice) -> Iterator[tuple[str, str]]:
    """Yield the fields and words of loss that lead along a choice."""
    for each in compares(choice.when) if choice.when is not None else ():
        if each.space == "field" and isinstance(each.test, OneOf):
            yield from ((each.name, word) for word in each.test.values if isinstance(word, str) and word in WORDS)
