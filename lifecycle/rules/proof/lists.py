"""Every list and guard of a policy, told of: lines that overlap, that never fit, that never decide.

guards.py decides; this module knows where guards stand and how a finding names the place. Called by check.py
only. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.policy import Choice, Fact, Guard, Policy, Stage, TaskRule, TimedMove
from lifecycle.rules.proof.findings import Path, Report, longer
from lifecycle.rules.proof.guards import Decider, Verdict
from lifecycle.rules.proof.paths import Ways, overtaken
from lifecycle.rules.proof.spans import moment_of, time_in_words

_APART = 'Change one "when" so that no values fit both. It is easiest to see with one left side in every line.'
_TAKE_OUT = "Mend it or take it out."
_SIMPLER = "Use fewer left sides, or name fewer values; a choose fact can put several into one word."


@dataclass(frozen=True, slots=True)
class _List:
    """A list that decides: where it stands in words, its guards and their places."""

    where: str
    guards: tuple[Guard | None, ...]
    places: tuple[Place, ...]


def _of_choices(where: str, choices: Sequence[Choice]) -> _List:
    return _List(where, tuple(choice.when for choice in choices), tuple(choice.place for choice in choices))


class ListChecker:
    """Checks the lists of one policy. `ways` are those of every track."""

    def __init__(self, policy: Policy, decider: Decider, ways: Mapping[str, Ways], report: Report) -> None:
        self.policy, self.decider, self.ways, self.report = policy, decider, ways, report

    def check(self) -> None:
        """Note the findings of all lists and guards."""
        policy = self.policy
        lanes = _List("lanes", tuple(lane.when for lane in policy.lanes), tuple(lane.place for lane in policy.lanes))
        self.listed(lanes, "", (None,), ())
        self.facts(policy.facts, "")
        for kind in policy.contacts.values():
            self.single(f'"stops" of {kind.name}', kind.stops, "", (None,), ())
        for name, ways in self.ways.items():
            self.facts(ways.track.facts, name)
            self.track(ways)

    def facts(self, facts: Mapping[str, Fact], track: str) -> None:
        """Check the `choose` lists of facts, and what other facts take in."""
        for fact in facts.values():
            if fact.choices:
                self.listed(_of_choices(f"the fact {fact.name}", fact.choices), track, (None,), ())
            self.single(f"the fact {fact.name}", fact.when, track, tuple(fact.fields), ())

    def track(self, ways: Ways) -> None:
        """Check the lists of a track and of its stages."""
        track, meant = ways.track, _meant(ways)
        for stage in track.stages.values():
            for name, choices in stage.upon.items():
                self.upon(ways, f"{stage.name} upon {name}", choices, meant)
            for by, choices in stage.any_by.items():
                self.upon(ways, f"{stage.name} upon any by {by}", choices, meant)
            self.stage(ways, stage)
        for name, choices in track.upon.items():
            self.upon(ways, f"{track.name} upon {name}", choices, meant)
        for by, choices in track.any_by.items():
            self.upon(ways, f"{track.name} upon any by {by}", choices, meant)

    def upon(self, ways: Ways, where: str, choices: Sequence[Choice], meant: Mapping[int, dict[str, Stage]]) -> None:
        """Check one list of `upon`; `meant` are the types that each list decides on, with a stage in which it does."""
        listed, types = _of_choices(where, choices), meant.get(id(choices), {})
        if not types:
            message = f"{where}: no stage uses this list, because each has its own for what it is about."
            self.report.warn("never-used", listed.places[0], message, "Take it out, or a list that stands in its way.")
            return
        name, stage = next(iter(types.items()))
        path = ways.paths.get(stage.name)
        self.listed(listed, ways.track.name, tuple(types), () if path is None else longer(path, name))

    def stage(self, ways: Ways, stage: Stage) -> None:
        """Check the guards of a stage's tasks and timed moves."""
        track, path = ways.track.name, ways.paths.get(stage.name, ())
        for task in stage.tasks:
            self.task(task, stage, track, path)
        never = overtaken(stage)
        for move in stage.later:
            where = f'{stage.name} later, to "{move.to}"'
            self.single(where, move.when, track, (None,), path)
            if move.name in never:
                self.overtaken(stage, move, never[move.name], path)
        guarded = [move for move in stage.later if move.when is not None]
        for moment in dict.fromkeys(map(moment_of, guarded)):
            self.same_time(stage, [move for move in guarded if moment_of(move) == moment], track, path)

    def overtaken(self, stage: Stage, move: TimedMove, first: TimedMove, path: Path) -> None:
        """Note a timed move that another always comes before."""
        if move.when is None and moment_of(move) == moment_of(first):
            message = f'{stage.name} goes to "{first.to}" and to "{move.to}" at one moment {time_in_words(move)}.'
            advice = 'Nothing decides between them: give the first a "when", or one of them another time.'
            self.report.refuse("undecided", move.place, message, advice, longer(path, time_in_words(move)))
            return
        message = (
            f'{stage.name} never goes to "{move.to}" {time_in_words(move)}: '
            f'"{first.to}" {time_in_words(first)} always comes before.'
        )
        self.report.refuse("hidden", move.place, message, "Make it earlier than the other, or take it out.", path)

    def same_time(self, stage: Stage, moves: Sequence[TimedMove], track: str, path: Path) -> None:
        """Check that of the guarded moves at one moment only one can hold."""
        if len(moves) < 2:
            return
        verdict = self.decider.guards(tuple(move.when for move in moves), track, None)
        for one, other, example in verdict.overlaps:
            first, move = moves[one], moves[other]
            message = (
                f'{stage.name} later: "{first.to}" and "{move.to}" both fit {example} '
                f"at one moment {time_in_words(move)}. Nothing decides between them."
            )
            self.report.refuse("overlap", move.place, message, _APART, longer(path, time_in_words(move)))

    def task(self, task: TaskRule, stage: Stage, track: str, path: Path) -> None:
        """Check the guards of one task and of what follows it."""
        where = f"the task {stage.name}.{task.name}"
        self.single(where, task.when, track, (None,), path)
        done_by: Mapping[str, Guard | None] = {}
        following: TaskRule | None = task
        while following is not None:
            # What follows a task takes its "done_by" from it, and is not told of twice.
            if following.done_by is not done_by:
                done_by = following.done_by
                for name, guard in done_by.items():
                    self.single(f"{where}, done by {name}", guard, track, (name,), path)
            following = following.or_else

    def single(self, where: str, guard: Guard | None, track: str, types: Sequence[str | None], path: Path) -> None:
        """Check a guard that stands alone."""
        if guard is None or not guard.conditions:
            return
        place = guard.conditions[0].place
        verdicts = [self.decider.guards((guard,), track, name) for name in types]
        if not any(verdict.holds[0] for verdict in verdicts):
            self.report.refuse("never", place, f'{where}: no values fit its "when".', _TAKE_OUT, path)
        self.alternatives(where, verdicts, place, path)

    def listed(self, listed: _List, track: str, types: Sequence[str | None], path: Path) -> None:
        """Check a list that decides, for every type it decides on: what one type lacks another may have."""
        verdicts = [self.decider.guards(listed.guards, track, name) for name in types]
        where = listed.where
        overlaps = {(one, other): example for verdict in verdicts for one, other, example in verdict.overlaps}
        for (one, other), example in overlaps.items():
            message = f"{where}: line {one + 1} and line {other + 1} both fit {example}. Nothing decides between them."
            self.report.refuse("overlap", listed.places[other], message, _APART, path)
        for number, place in enumerate(listed.places):
            if not any(verdict.holds[number] for verdict in verdicts):
                message = f'{where}: no values fit the "when" of line {number + 1}.'
                self.report.refuse("never", place, message, _TAKE_OUT, path)
            elif not any(verdict.first[number] for verdict in verdicts):
                message = f"{where}: line {number + 1} never decides, for the lines before it fit all that it fits."
                self.report.refuse("hidden", place, message, _TAKE_OUT, path)
        self.alternatives(where, verdicts, listed.places[0], path)

    def alternatives(self, where: str, verdicts: Sequence[Verdict], place: Place, path: Path) -> None:
        """Note what inside a guard fits nothing, and guards that are too complex to decide."""
        dead = [set(verdict.dead) for verdict in verdicts]
        for each in sorted(set.intersection(*dead), key=lambda place: (place.line, place.column)) if dead else ():
            self.report.refuse("never", each, f"{where}: no values fit this alternative.", _TAKE_OUT, path)
        if any(verdict.is_complex for verdict in verdicts):
            message = f"{where}: too many combinations of values to decide which lines fit."
            self.report.refuse("too-complex", place, message, _SIMPLER, path)


def _meant(ways: Ways) -> dict[int, dict[str, Stage]]:
    """Return the types that each list of a track decides on (by its id), each with the first stage in which it does."""
    found: dict[int, dict[str, Stage]] = {}
    # Stages that can be reached first: their paths are the examples.
    for stage in sorted(ways.track.stages.values(), key=lambda stage: stage.name not in ways.paths):
        for name in ways.types:
            choices = ways.list_for(stage, name)
            if choices:
                found.setdefault(id(choices), {}).setdefault(name, stage)
    return found
