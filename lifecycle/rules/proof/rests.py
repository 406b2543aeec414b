"""Nobody is forgotten: every stage that can be reached is left in bounded time, or is a rest that somebody looks at.

What counts: a timed move without a guard, `after` a wait or `at` a moment that is proved to come; a review; a
track that watches everybody, always (begins.py). Guarded moves and tasks never count. A moment is proved to come
if its fact is surely there, whichever way led in, cannot lie any time ahead, and is not put off by news that is not
the person's. Called by check.py only. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.names import PERSON
from lifecycle.rules.language.policy import Fact, FieldKind, Guard, NoneOf, Policy, Stage, TimedMove
from lifecycle.rules.proof.findings import Path, Report
from lifecycle.rules.proof.guards import Decider
from lifecycle.rules.proof.paths import STAY, Ways, meant_by

_REST = "Add later with an after, a review, or watched_by."


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a moment is not sure to come: a finding in parts; an empty path is that to the stage."""

    code: str
    place: Place
    message: str
    advice: str
    path: Path


class RestChecker:
    """Checks the stages of one policy. `ways` are those of every track."""

    def __init__(self, policy: Policy, decider: Decider, ways: Mapping[str, Ways], report: Report) -> None:
        self.policy, self.decider, self.ways, self.report = policy, decider, ways, report

    def check(self) -> None:
        """Note the findings of all stages."""
        for ways in self.ways.values():
            for stage in ways.track.stages.values():
                if stage.name in ways.paths:
                    self.stage(ways, stage)
                elif not stage.later and stage.review is None and stage.watched_by is None:
                    # Nobody is seen to stand here, but every stage says how it ends: lists change.
                    message = f'Nothing moves a person out of "{stage.name}" but news, and news may not come.'
                    self.report.refuse("no-way-out", stage.place, message, _REST)
                else:
                    message = f'Nothing leads to the stage "{stage.name}".'
                    advice = "Name it in a list that can decide for it or in a timed move, or take it out."
                    self.report.refuse("unreachable", stage.place, message, advice)

    def stage(self, ways: Ways, stage: Stage) -> None:
        """Check that time leaves a stage, or that it is a rest."""
        if stage.review is not None or stage.watched_by is not None:
            return
        unguarded = [move for move in stage.later if move.when is None]
        if any(move.after is not None or self.doubt(ways, stage, move) is None for move in unguarded):
            return
        path = ways.paths[stage.name]
        if unguarded:
            doubt = self.doubt(ways, stage, unguarded[0])
            assert doubt is not None  # or it would have counted
            self.report.refuse(doubt.code, doubt.place, doubt.message, doubt.advice, doubt.path or path)
        elif stage.later:
            message = f'Time moves a person out of "{stage.name}" only if a guard holds, and none is sure to hold.'
            advice = 'Add a timed move without "when", a review, or watched_by.'
            self.report.refuse("no-way-out", stage.later[0].place, message, advice, path)
        else:
            message = f'Nothing moves a person out of "{stage.name}" but news, and news may not come.'
            self.report.refuse("no-way-out", stage.place, message, _REST, path)

    def doubt(self, ways: Ways, stage: Stage, move: TimedMove) -> Doubt | None:
        """Return why an `at` is not sure to come, None where it is."""
        assert move.at is not None  # an after always comes
        name, track = move.at.fact, ways.track
        fact = track.facts.get(name) or self.policy.facts[name]
        for type_name, field in fact.fields.items():
            declared = self.policy.types[type_name]
            kind = declared.field(field) if field else None
            if kind is not None and kind.within is None:
                return _no_limit(type_name, field, kind, stage, declared.places.get(field, declared.place))
        lacking = ways.may_lack(fact)
        if stage.name in lacking:
            message = f'The fact "{name}" may be missing in "{stage.name}", and then time moves nobody out of it.'
            advice = f'Add an after or a review, or let every way in bring "{name}" in a field that must be there.'
            path = lacking[stage.name]
            return Doubt("no-date", self.optional(fact, path) or move.place, message, advice, path)
        renewing = self.renewing(ways, stage, fact)
        if renewing is not None:
            message = (
                f'"{name}" is renewed by {renewing}, which is not the person\'s news and need not move them, '
                f'so time may never move a person out of "{stage.name}".'
            )
            advice = (
                f'Let {renewing} enter "{stage.name}" anew or lead elsewhere ("upon"), or add an after or a review.'
            )
            return Doubt(
                "renewed",
                move.places.get("at", move.place),
                message,
                advice,
                (*ways.paths.get(stage.name, ()), renewing),
            )
        return None

    def optional(self, fact: Fact, path: Path) -> Place | None:
        """Return where a fact's field is declared that the last touchpoint of a path need not carry."""
        declared = self.policy.types.get(path[-1]) if path else None
        field = "" if declared is None else fact.fields.get(declared.name, "")
        return declared.places.get(field) if declared is not None and field in declared.optional else None

    def renewing(self, ways: Ways, stage: Stage, fact: Fact) -> str | None:
        """Return a type that is not the person's, renews a fact, and may leave them in a stage; None where none does.

        Such news may come again and again, and a wait for the fact begins anew each time.
        """
        if fact.kind != "last":
            return None
        reaches = ways.track.per == PERSON or fact.name in ways.track.facts
        for name in fact.fields:
            if self.policy.types[name].by != "person" and not (reaches and self.surely_moves(ways, stage, name, fact)):
                return name
        return None

    def surely_moves(self, ways: Ways, stage: Stage, type_name: str, fact: Fact) -> bool:
        """Tell whether a type moves everybody in a stage, or enters it anew, whenever a fact takes it in."""
        choices = ways.list_for(stage, type_name)
        moving = [meant_by(choice, choices) for choice in choices if choice.target != STAY]
        if not moving:
            return False
        if None in moving:
            return True
        fits = tuple(guard for guard in moving if guard is not None)
        taken = () if fact.when is None else fact.when.conditions
        stays = Guard((*taken, NoneOf(fits, stage.place)))
        return not self.decider.can_hold(stays, ways.track.name, type_name)


def _no_limit(type_name: str, field: str, kind: FieldKind, stage: Stage, place: Place) -> Doubt:
    message = (
        f'"{field}" of {type_name} may lie any time ahead, '
        f'and nothing else is sure to move a person out of "{stage.name}".'
    )
    advice = (
        f'Write "{field}: date within 5 years" in {type_name}, or add a review.'
        if kind.kind == "date"
        else "Wait for a date with a limit, or add a review."
    )
    return Doubt("no-limit", place, message, advice, ())
