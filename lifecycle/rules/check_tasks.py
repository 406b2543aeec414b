"""Tasks that can never open, and more tasks than a person wants to hear from us for ever.

The budget of a kind of contact is compared with what one instance of each track asks for ever: repeated tasks of the
stage that asks most, and tasks of stages that time alone goes round. Many instances at once are not decided.
Called by check.py only. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction

from lifecycle.rules.check_findings import Path, Report
from lifecycle.rules.check_loops import loops
from lifecycle.rules.check_paths import Ways
from lifecycle.rules.check_spans import longest_of, never_after, opening_of, said, shortest_of
from lifecycle.rules.policy import ContactKind, Policy, Stage, TaskRule

DAY = timedelta(days=1)


class TaskChecker:
    """Checks the tasks of one policy. `ways` are those of every track."""

    def __init__(self, policy: Policy, ways: Mapping[str, Ways], report: Report) -> None:
        self.policy, self.ways, self.report = policy, ways, report

    def check(self) -> None:
        """Note the findings of all tasks and of all budgets."""
        for ways in self.ways.values():
            for stage in ways.track.stages.values():
                for task in stage.tasks:
                    self.opens(stage, task, ways.paths.get(stage.name, ()))
        for kind in self.policy.contacts.values():
            if kind.most is not None and kind.reaches:
                self.budget(kind, kind.most[0] / Fraction(kind.most[1].shortest / DAY))

    def opens(self, stage: Stage, task: TaskRule, path: Path) -> None:
        """Warn of a task, or of what follows one, that opens only when time has moved the person on."""
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

    def budget(self, kind: ContactKind, allowed: Fraction) -> None:
        """Check a budget, in tasks a day, against what is asked for ever."""
        sure, possible, most = Fraction(0), Fraction(0), ("", Fraction(0))
        for ways in self.ways.values():
            rates = {name: self.rate(ways.track.stages[name], guarded=True) for name in ways.paths}
            turning = self.turning(ways)
            for name, rate in turning.items():
                rates[name] += rate
            highest = max(rates, key=lambda name: rates[name])
            possible += rates[highest]
            most = max(most, (f"{ways.track.name}.{highest}", rates[highest]), key=lambda each: each[1])
            sure += max(
                self.rate(ways.track.stages[name], guarded=False) + turning.get(name, Fraction(0))
                for name in ways.paths
            )
        if possible <= allowed:
            return
        number, window = kind.most or (0, "")
        message = (
            f'One of each track asks {float(possible * 30):.1f} times in 30 days for ever, and "{kind.name}" allows '
            f'{number} per {window}. Most is asked in "{most[0]}".'
        )
        advice = "Ask less often there, allow more, or use a kind of contact that reaches nobody."
        (self.report.refuse if sure > allowed else self.report.warn)("over-budget", kind.place, message, advice)

    def rate(self, stage: Stage, *, guarded: bool) -> Fraction:
        """Return how many repeated tasks that reach the person a stage asks a day, at most."""
        return sum(
            (
                Fraction(1) / Fraction(max(shortest_of(task.every.period), DAY / 24) / DAY)
                for task in stage.tasks
                if task.every is not None and self.reaches(task) and (guarded or task.when is None)
            ),
            Fraction(0),
        )

    def reaches(self, task: TaskRule) -> bool:
        """Tell whether the person notices a task."""
        return task.contact in self.policy.contacts and self.policy.contacts[task.contact].reaches

    def turning(self, ways: Ways) -> dict[str, Fraction]:
        """Return how many tasks a day the stages of loops of time alone ask that are not repeated, at most."""
        found = {}
        for loop in loops(ways, lambda stage, move: True):
            for name, move in loop:
                asked = sum(task.every is None and self.reaches(task) for task in ways.track.stages[name].tasks)
                if asked and move.after is not None:
                    found[name] = asked / Fraction(max(shortest_of(move.after), DAY / 24) / DAY)
        return found
