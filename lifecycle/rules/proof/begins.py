"""Who is watched from the beginning: tracks that watch everybody, always, and first touchpoints that reach nobody.

A track that others name under `watched_by` begins with whatever is known first and watches in each of its stages. Of
touchpoints that begin nothing, or that begin an instance and leave it where it does not belong, the checker warns:
real histories begin in the middle. Called by check.py only. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.names import PERSON, is_built_in
from lifecycle.rules.language.policy import Policy, Stage, Track
from lifecycle.rules.proof.findings import Report
from lifecycle.rules.proof.paths import STAY, Ways

_HOW = "The watching track is per: person, without begins and without watched_by."


class BeginChecker:
    """Checks the beginnings of all tracks of one policy. `ways` are those of every track."""

    def __init__(self, policy: Policy, ways: Mapping[str, Ways], report: Report) -> None:
        self.policy, self.ways, self.report = policy, ways, report

    def check(self) -> None:
        """Note the findings of the tracks that watch, and of what is heard first."""
        tracks = self.policy.tracks.values()
        watched: dict[str, list[Stage]] = {}
        for stage in (stage for track in tracks for stage in track.stages.values()):
            if stage.watched_by is not None:
                watched.setdefault(stage.watched_by, []).append(stage)
        for name, stages in watched.items():
            self.watching(self.policy.tracks[name], stages, any(map(self._is_watching, tracks)))
        self.nowhere()
        for track in tracks:
            if track.per != PERSON:
                self.first(track)

    def _late(self, track: Track) -> list[str]:
        """Return the types that a track does not begin with. Outcomes of tasks begin nobody."""
        return [each for each in self.policy.types if each not in track.begins and not is_built_in(each)]

    def _is_watching(self, track: Track) -> bool:
        """Tell whether a track watches everybody, always."""
        if track.per != PERSON or self._late(track):
            return False
        return all(stage.watched_by is None for stage in track.stages.values())

    def watching(self, track: Track, stages: Iterable[Stage], is_another: bool) -> None:
        """Check that a track watches everybody, always. Where another one does, the line that names it is wrong."""
        name = track.name
        if track.per != PERSON:
            message = f'"{name}" is to watch the person, and is kept for each {track.per}.'
            self._refuse(track, "per", stages if is_another else (), message)
            return
        late = self._late(track)
        if late:
            named = ", ".join(late[:3]) + (", ..." if len(late) > 3 else "")
            message = f'"{name}" is to watch everybody, and does not begin with {named}.'
            self._refuse(track, "begins", stages if is_another else (), message, late[0])
        for stage in track.stages.values():
            if stage.watched_by is not None:
                path = self.ways[name].paths.get(stage.name, ())
                message = f'"{name}" watches people for other tracks, and in "{stage.name}" nobody watches for it.'
                place = stage.places.get("watched_by", stage.place)
                self.report.refuse("watch", place, message, f"Give it a review or a later instead. {_HOW}", path)

    def _refuse(self, track: Track, key: str, stages: Iterable[Stage], message: str, first: str = "") -> None:
        places = [stage.places.get("watched_by", stage.place) for stage in stages]
        for place in places or [track.places.get(key, track.place)]:
            self.report.refuse("watch", place, message, _HOW, (first,) if first else ())

    def nowhere(self) -> None:
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

    def first(self, track: Track) -> None:
        """Warn of news of a keyed track that may come first: what begins nothing, and what begins and does not move."""
        place = track.places.get("begins", track.place)
        heard = [name for name in track.upon if not is_built_in(name)]
        heard += [name for by in track.any_by for name in self._by(track, by)]
        for name in (name for name in dict.fromkeys(heard) if name not in track.begins):
            asking = self._asked_after(track, name)
            if asking is None:
                continue  # nothing would be asked either way
            message = (
                f"{name} may be the first that is heard of {_one(track.per)}, and begins nothing: "
                f'then nobody comes to "{asking}", and what is asked there is not asked.'
            )
            advice = f'Name it under "begins" too, and let "{track.start}" lead on from it to where it belongs.'
            self.report.warn("unheard", place, message, advice, (name,))
        ways, start = self.ways[track.name], track.stages[track.start]
        unmoved = [name for name in track.begins if not ways.list_for(start, name)]
        # The first is what the start is for: who says what they need stands where it is said.
        for name in unmoved[1:]:
            message = f'{name} begins "{track.name}" and leaves it in "{track.start}", as {unmoved[0]} does.'
            advice = f'Say in "{track.start}" where it leads, or ("stay") that it belongs there.'
            self.report.warn("unmoved", place, message, advice, (name,))

    def _asked_after(self, track: Track, type_name: str) -> str | None:
        """Return a stage that a type leads to, by time alone after that, and that asks for something; None for none."""
        choices = self.ways[track.name].list_for(None, type_name)
        waiting = [str(choice.target) for choice in choices if choice.target != STAY]
        for name in waiting:
            stage = track.stages[name]
            if stage.tasks or stage.review is not None or stage.loss:
                return name
            waiting += [move.to for move in stage.later if move.to not in waiting]
        return None

    def _by(self, track: Track, by: str) -> list[str]:
        return [
            name
            for name, declared in self.policy.types.items()
            if declared.by == by and not is_built_in(name) and declared.field(track.per) is not None
        ]


def _one(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
