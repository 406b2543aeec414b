"""Every loss leads to somebody being asked for: within a year, whatever happens, by a task without a guard.

A task of the loss itself counts if it opens before time can move the person on; else every way out must lead to one,
news included. A review counts. A task that is stopped counts, for then an opt-out is recorded. A task at entry that
stays open (`stays`) is a debt of the moment, such as thanks, and no follow-up. Where people are asked only at once,
and nobody looks again within a year, the checker warns. Called by check.py only. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from lifecycle.rules.check_findings import Path, Report, longer
from lifecycle.rules.check_guards import compares
from lifecycle.rules.check_paths import STAY, Way, Ways
from lifecycle.rules.check_spans import AT_ONCE, longest_of, opening_of, surely_opens_before, tasks_of
from lifecycle.rules.policy import Choice, OneOf, Policy, Stage, TaskRule

YEAR = timedelta(days=366)
"""Within so long somebody must have been asked: a year, which may be a leap year."""

FOR_EVER = 1_000 * YEAR
"""Longer than any wait of a policy."""

MAX_STEPS = 200_000
"""Stages looked at on the ways from all losses; beyond them no loss is taken as proved."""

WORDS = frozenset({"cancelled", "canceled", "churned", "elsewhere", "leaves", "left", "lost", "quit", "quits"})
"""Words of a vocabulary that sound like a loss."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A stage on the way from a loss: how long after the loss it is entered at the latest, and how one came there."""

    stage: str
    since: timedelta
    path: Path


@dataclass(frozen=True, slots=True)
class _Asking:
    """A stage as it matters after a loss: how long at most until somebody is asked for or leaves, and how they leave.

    `onward` are the timed moves that may come before anything is asked, each with the longest wait; `by_news` the
    ways by news, where the stage itself asks for nothing.
    """

    ends: timedelta
    onward: tuple[tuple[Way, timedelta], ...]
    by_news: tuple[Way, ...]


class LossChecker:
    """Checks the losses of one policy. `ways` are those of every track."""

    def __init__(self, policy: Policy, ways: Mapping[str, Ways], report: Report) -> None:
        self.policy, self.ways, self.report = policy, ways, report
        self.calendar = policy.calendar
        self.steps = 0

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
        known: dict[str, _Asking] = {}
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
                known[here.stage] = self.asking(ways, here.stage, at_once_counts=at_once_counts)
            asking = known[here.stage]
            if asking.ends > YEAR - here.since:
                return here.path
            for way, wait in asking.onward:
                waiting.append(_Standing(way.to, min(here.since + wait, YEAR), longer(here.path, way.step)))
            # What somebody says begins the year anew; another loss is proved for itself.
            for way in asking.by_news:
                waiting.append(_Standing(way.to, timedelta(0), longer(here.path, way.step)))
        return None

    def asking(self, ways: Ways, name: str, *, at_once_counts: bool) -> _Asking:
        """Return what a stage asks of somebody who came there from a loss, and how they can leave before it does."""
        stage, out = ways.track.stages[name], ways.out[name]
        asked = [task for task in tasks_of(stage) if _counts(task, at_once_counts=at_once_counts)]
        opens = [opening for task in asked if (opening := opening_of(task)) is not None]
        unguarded = [move.after for move, _ in ways.timed(name) if move.when is None and move.after is not None]
        leaves = min((longest_of(wait, self.calendar) for wait in unguarded), default=FOR_EVER)
        return _Asking(
            ends=min([leaves, *(longest_of(wait, self.calendar) for wait in opens)]),
            onward=tuple(
                (way, leaves if way.move.after is None else min(leaves, longest_of(way.move.after, self.calendar)))
                for way in out
                if way.move is not None and not any(surely_opens_before(task, way.move) for task in asked)
            ),
            by_news=tuple(way for way in out if way.move is None and not ways.track.stages[way.to].loss)
            if at_once_counts and not asked
            else (),
        )

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
