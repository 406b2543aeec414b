"""Nobody is forgotten: every stage that can be reached is left in bounded time, or is a rest that somebody looks at.

What counts: a timed move without a guard, `after` a wait or `at` a moment that is proved to come; a review; a
track that watches everybody, always. Guarded moves and tasks never count. A moment is proved to come if its fact
is surely there, whichever way led in, and cannot lie any time ahead. Called by check.py only. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle.rules.check_classes import sets
from lifecycle.rules.check_findings import Path, Report
from lifecycle.rules.check_paths import Way, Ways
from lifecycle.rules.findings import Place
from lifecycle.rules.names import PERSON, is_built_in
from lifecycle.rules.policy import Fact, Policy, Stage, TimedMove, Track

MAX_STEPS = 5_000_000
"""Ways followed to find whether facts can be missing; beyond them no `at` is taken as proved."""

_REST = "Add later with an after, a review, or watched_by."


class RestChecker:
    """Checks the stages of one policy. `ways` are those of every track."""

    def __init__(self, policy: Policy, ways: Mapping[str, Ways], report: Report) -> None:
        self.policy, self.ways, self.report = policy, ways, report
        self.steps = 0
        self._missing: dict[tuple[str, str], dict[str, Path]] = {}

    def check(self) -> None:
        """Note the findings of all stages and of the tracks that watch."""
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
        watching = {stage.watched_by: None for ways in self.ways.values() for stage in ways.track.stages.values()}
        for name in watching:
            if name is not None:
                self.watching(self.policy.tracks[name])
        self.beginnings()

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
            code, message, advice, path_there = doubt
            self.report.refuse(code, unguarded[0].place, message, advice, path_there or path)
        elif stage.later:
            message = f'Time moves a person out of "{stage.name}" only if a guard holds, and none is sure to hold.'
            advice = 'Add a timed move without "when", a review, or watched_by.'
            self.report.refuse("no-way-out", stage.later[0].place, message, advice, path)
        else:
            message = f'Nothing moves a person out of "{stage.name}" but news, and news may not come.'
            self.report.refuse("no-way-out", stage.place, message, _REST, path)

    def doubt(self, ways: Ways, stage: Stage, move: TimedMove) -> tuple[str, str, str, Path] | None:
        """Return why an `at` is not sure to come (code, message, advice, path), None where it is."""
        assert move.at is not None  # an after always comes
        name, track = move.at.fact, ways.track
        fact = track.facts.get(name) or self.policy.facts[name]
        for type_name, field in fact.fields.items():
            kind = self.policy.types[type_name].field(field) if field else None
            if kind is not None and kind.within is None:
                message = (
                    f'"{field}" of {type_name} may lie any time ahead, '
                    f'and nothing else is sure to move a person out of "{stage.name}".'
                )
                advice = (
                    f'Write "{field}: date within 5 years" in {type_name}, or add a review.'
                    if kind.kind == "date"
                    else "Wait for a date with a limit, or add a review."
                )
                return "no-limit", message, advice, ()
        missing = self.missing(ways, fact)
        if stage.name in missing:
            message = f'The fact "{name}" may be missing in "{stage.name}", and then time moves nobody out of it.'
            advice = f'Add an after or a review, or let every way in bring "{name}" in a field that must be there.'
            return "no-date", message, advice, missing[stage.name]
        return None

    def missing(self, ways: Ways, fact: Fact) -> dict[str, Path]:
        """Return the stages that can be reached without a fact having a value, each with its path."""
        key = (ways.track.name, fact.name)
        if key not in self._missing:
            self.steps += sum(len(out) for out in ways.out.values())
            if self.steps > MAX_STEPS:
                return dict(ways.paths)

            def leaves_it_missing(way: Way) -> bool:
                if way.move is not None:
                    # A move at this fact comes only when the fact is there.
                    return way.move.at is None or way.move.at.fact != fact.name
                return not sets(self.policy, fact, way.type)

            self._missing[key] = ways.reached(leaves_it_missing)
        return self._missing[key]

    def watching(self, track: Track) -> None:
        """Check that a track watches everybody, always."""
        name = track.name
        advice = "The watching track is per: person, without begins and without watched_by."
        if track.per != PERSON:
            message = f'"{name}" is to watch the person, and is kept for each {track.per}.'
            self.report.refuse("watch", track.place, message, advice)
            return
        late = [each for each in self.policy.types if not is_built_in(each) and each not in track.begins]
        if late:
            named = ", ".join(late[:3]) + (", ..." if len(late) > 3 else "")
            message = f'"{name}" is to watch everybody, and does not begin with {named}.'
            self.report.refuse("watch", track.place, message, advice, (late[0],))
        for stage in track.stages.values():
            if stage.watched_by is not None:
                path = self.ways[name].paths.get(stage.name, ())
                message = f'"{name}" watches people for other tracks, and in "{stage.name}" nobody watches for it.'
                self.report.refuse(
                    "watch", stage.place, message, f"Give it a review or a later instead. {advice}", path
                )

    def beginnings(self) -> None:
        """Warn of types after which a person may stand in no track."""
        lost = [name for name in self.policy.types if not is_built_in(name) and not self._begins(name)]
        if lost:
            place: Place = self.policy.types[lost[0]].place
            named = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
            message = f"Somebody of whom nothing is known but {named} stands in no track, and nobody looks after them."
            advice = 'Add a track with per: person that names no "begins": it begins with anything.'
            self.report.warn("begins-nothing", place, message, advice, (lost[0],))

    def _begins(self, name: str) -> bool:
        required = self.policy.types[name].required
        return any(
            name in track.begins and (track.per == PERSON or track.per in required)
            for track in self.policy.tracks.values()
        )
