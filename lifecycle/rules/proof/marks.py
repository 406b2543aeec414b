"""Losses that nobody marked: stages that people come to by a word of loss, or that are called so. Only warns.

What a loss is, only the company knows; a forgotten mark would take the follow-up with it. So a stage is told of if its
name says that somebody is lost, if a type says so that leads there, or if a word of the data does. Words that mean many
things (left, cancelled, gone) count only where they speak of the relationship: a lesson may be cancelled, and a message
left. What is reached from a marked loss only is the end of one. Called by check.py only. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from lifecycle.rules.language.names import PERSON
from lifecycle.rules.language.policy import AnyOf, Compare, Guard, OneOf, Policy, Stage, Track
from lifecycle.rules.proof.findings import Report
from lifecycle.rules.proof.paths import Way, Ways

LOSSES = frozenset({"churned", "defected", "elsewhere", "leaves", "lost", "quit", "quits"})
"""Words of data that mean the loss of a person, or of what they came for."""

ENDINGS = frozenset({"cancelled", "canceled", "departed", "ended", "gone", "lapsed", "left", "resigned", "terminated"})
"""Words that mean it where they speak of the relationship."""

NAMES = frozenset({"churned", "defected", "leaving", "lost", "quit"})
"""Words in the name of a stage that mean it wherever they stand."""

GONE = frozenset({"departed", "gone", "lapsed", "left", "resigned"})
"""Names of a stage that mean it in a track of the person or of a relationship; other ENDINGS in the latter only."""

ELSEWHERE = frozenset({"bought", "chose", "gone", "moved", "went"})
"""Words that say with `elsewhere` (with `away`: that and `turned`) that the person has gone there."""

RELATIONSHIPS = frozenset(
    {
        *("account", "client", "contract", "customer", "donor", "enrolment", "enrollment", "lease", "member"),
        *("membership", "need", "patient", "policy", "pupil", "retainer", "student", "subscriber", "subscription"),
        *("tenancy", "tenant"),
    }
)
"""What can be ended so that somebody is lost: a track or its key, or the first word of a type."""

SALES = frozenset({"deal", "offer", "opportunity", "sale"})
"""What can be lost too, but not ended so."""


class MarkChecker:
    """Looks for stages of one policy that look like a loss. `ways` are those of every track."""

    def __init__(self, policy: Policy, ways: Mapping[str, Ways], report: Report) -> None:
        self.policy, self.ways, self.report = policy, ways, report

    def check(self) -> None:
        """Warn of each stage that looks like a loss and is not marked as one, once."""
        for ways in self.ways.values():
            losses = {stage.name for stage in ways.track.stages.values() if stage.loss}
            for stage in ways.track.stages.values():
                if not stage.loss and stage.name in ways.paths and self.looks_like_one(ways, stage, losses):
                    losses.add(stage.name)

    def looks_like_one(self, ways: Ways, stage: Stage, losses: Collection[str]) -> bool:
        """Look at one stage: at the ways that lead there from where no loss is known, then at its name."""
        # Who begins in a stage has not been led there by what their first touchpoint says.
        leading = [way for way in ways.in_ways if way.to == stage.name != ways.track.start]
        for name, out in ways.out.items():
            if name not in losses:
                leading += [way for way in out if way.to == stage.name]
        told_apart = {way.type for name in losses for way in _leading(ways, name) if way.guard is not None}
        said = [word for way in leading if way.type for word in self.words(way, told_apart)]
        if said:
            message = f'"{stage.name}" is reached by {said[0]}, and is not marked as a loss.'
        elif leading and _is_called_a_loss(ways.track, stage.name):
            message = f'"{stage.name}" is called like a loss, and is not marked as one.'
        else:
            return False
        advice = 'Add "loss: true" to it and a task that asks how they fare; or use another word.'
        self.report.warn("loss-mark", stage.place, message, advice, ways.paths[stage.name])
        return True

    def words(self, way: Way, told_apart: Collection[str]) -> Iterator[str]:
        """Yield what sounds like a loss of the touchpoint that leads along a way: its type, or a word of its data.

        The name of a type in `told_apart` says nothing: by what it says besides it leads to a loss, or it does not.
        """
        about, _, what = way.type.partition(".")
        is_relationship = about in RELATIONSHIPS
        if way.type not in told_apart and (
            what == "churned"
            or (what == "lost" and about in SALES)
            or (is_relationship and what != "ended" and what in ENDINGS | LOSSES)
        ):
            yield way.type
        if way.guard is None:
            return
        for each in _wanted(way.guard):
            if each.space != "field" or not isinstance(each.test, OneOf):
                continue
            kind = self.policy.types[way.type].field(each.name)
            is_a_side = kind is not None and "right" in kind.words
            for word in each.test.values:
                if word in LOSSES or (is_relationship and word in ENDINGS and not is_a_side):
                    yield f"{each.name} = {word}"


def _leading(ways: Ways, name: str) -> Iterator[Way]:
    for out in (ways.in_ways, *ways.out.values()):
        yield from (way for way in out if way.to == name)


def _is_called_a_loss(track: Track, name: str) -> bool:
    words = set(name.split("_"))
    about = {*track.per.split("_"), *track.name.split("_")}
    if words & NAMES or ("elsewhere" in words and words & ELSEWHERE):
        return not words & {"never", "not"}
    if "away" in words and words & (ELSEWHERE | {"turned"}):
        return True
    is_relationship = bool(about & RELATIONSHIPS)
    return (name in GONE and (is_relationship or track.per == PERSON)) or (name in ENDINGS and is_relationship)


def _wanted(guard: Guard) -> Iterator[Compare]:
    """Yield the comparisons of which one or more hold where a guard does; not those that must not."""
    for condition in guard.conditions:
        if isinstance(condition, Compare):
            yield condition
        elif isinstance(condition, AnyOf):
            for inner in condition.guards:
                yield from _wanted(inner)
