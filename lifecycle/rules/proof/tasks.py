"""Tasks that can never open, because time moves people on before, and moments that have always passed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from lifecycle.rules.language.policy import Moment, Policy, Stage, TaskRule, TimedMove, waits_of
from lifecycle.rules.proof.findings import Path, Report
from lifecycle.rules.proof.paths import Ways
from lifecycle.rules.proof.spans import AT_ONCE, longest_of, never_after, opening_of, said, shortest_of, time_in_words


def _is_not_before(one: Moment, other: Moment) -> bool:
    """Tell whether one moment of a fact never comes before another of the same fact."""
    first, second = one.offset or AT_ONCE, other.offset or AT_ONCE
    is_after = one.direction == "after" or one.offset is None
    other_is_after = other.direction == "after" or other.offset is None
    if is_after and other_is_after:
        return never_after(second, first)
    if is_after or other_is_after:
        return is_after
    return never_after(first, second)


class TaskChecker:
    """Checks the tasks of one policy. `ways` are those of every track."""

    def __init__(self, policy: Policy, ways: Mapping[str, Ways], report: Report) -> None:
        self.policy, self.ways, self.report = policy, ways, report

    def check(self) -> None:
        """Note the findings of all tasks."""
        for ways in self.ways.values():
            for stage in ways.track.stages.values():
                self.comes(ways, stage)
                for task in stage.tasks:
                    self.can_be_done(task, ways.paths.get(stage.name, ()))
                    self.opens(stage, task, ways.paths.get(stage.name, ()))

    def comes(self, ways: Ways, stage: Stage) -> None:
        """Refuse a moment before something that has happened, which has always passed already."""
        timed: list[TimedMove | TaskRule] = [*stage.later, *stage.tasks]
        for each in timed:
            at = each.at
            if at is None or at.direction != "before" or at.offset is None:
                continue
            fact = ways.track.facts.get(at.fact) or self.policy.facts[at.fact]
            if any(fact.fields.values()) or not any(wait.number for wait in waits_of(at.offset)):
                continue
            message = f'"{at.fact}" is when something happened, so {said(at.offset)} before it has always passed.'
            advice = f'Write "{said(at.offset)} after {at.fact}", or a fact of a date that lies ahead.'
            path = ways.paths.get(stage.name, ())
            self.report.refuse("always-past", each.places.get("at", each.place), message, advice, path)

    def can_be_done(self, task: TaskRule, path: Path) -> None:
        """Refuse a task, or what follows one, that is given up at the moment at which it is asked."""
        while True:
            if not isinstance(task.due, str) and not any(
                each.number for each in waits_of(task.due) + waits_of(task.expires)
            ):
                message = f'The task "{task.name}" is given up at the moment at which it is asked.'
                place = task.places.get("expires", task.places.get("due", task.place))
                self.report.refuse("no-time", place, message, 'Give "due" or "expires" some time.', path)
            if task.or_else is None:
                return
            task = task.or_else

    def opens(self, stage: Stage, task: TaskRule, path: Path) -> None:
        """Warn of a task, or of what follows one, that opens only when time has moved the person on."""
        if task.at is not None:
            self.opens_at(stage, task, task.at, path)
        opening = opening_of(task)
        leaves = [move.after for move in stage.later if move.when is None and move.after is not None]
        if opening is None or not leaves:
            return
        for wait in leaves:
            if never_after(wait, opening):
                message = f'The task "{task.name}" never opens: "{stage.name}" is left after {said(wait)}.'
                self.report.warn("never-opens", task.place, message, "Let it open earlier, or take it out.", path)
                return
        earliest = shortest_of(opening)
        latest = min(longest_of(wait, self.policy.calendar) for wait in leaves)
        while task.or_else is not None and not task.or_else.stays and not isinstance(task.due, str):
            earliest += shortest_of(task.due) + shortest_of(task.expires)
            task = task.or_else
            if earliest >= latest:
                message = f'What follows "{task.name.rpartition("/")[0]}" never opens: "{stage.name}" is left before.'
                advice = 'Shorten "due" and "expires" of the task it follows, or let the stage last longer.'
                self.report.warn("never-opens", task.place, message, advice, path)
                return

    def opens_at(self, stage: Stage, task: TaskRule, at: Moment, path: Path) -> None:
        """Warn of a task at a moment that lies behind the end of its stage."""
        for move in stage.later:
            if move.when is not None:
                continue
            if move.at is not None and move.at.fact == at.fact and _is_not_before(at, move.at):
                when = time_in_words(move)
            elif (
                move.after is not None and never_after(move.after, at.offset or AT_ONCE) and self.since_entry(stage, at)
            ):
                when = f"after {said(move.after)}"
            else:
                continue
            message = f'The task "{task.name}" never opens: "{stage.name}" is left {when}.'
            place = task.places.get("at", task.place)
            self.report.warn("never-opens", place, message, "Let it open earlier, or take it out.", path)
            return

    def since_entry(self, stage: Stage, at: Moment) -> bool:
        """Tell whether a moment is so long after a fact that is the time of entry, or a later one, whoever comes."""
        ways = next(each for each in self.ways.values() if each.track.stages.get(stage.name) is stage)
        fact = ways.track.facts.get(at.fact) or self.policy.facts[at.fact]
        leading = [way for way in (*ways.in_ways, *chain.from_iterable(ways.out.values())) if way.to == stage.name]
        return (
            fact.kind == "last"
            and fact.when is None
            and (at.offset is None or at.direction == "after")
            and bool(leading)
            and all(fact.fields.get(way.type) == "" for way in leading)
        )
