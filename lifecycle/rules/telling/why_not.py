"""Why a task is not asked, or a stage not reached: every rule that could have done it, and what it said.

A rule is a task of a stage, a line of a list that leads to the stage, or time moving somebody there. Each is told for
each instance of its track: the guard that refused with what it wanted and got, the date that has not come, the stage
that was left before, or the touchpoint that never came. Pure: it reads a trail (story.py). Called by questions.py.
What became of a single rule is said in rule_fate.py and choice_fate.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lifecycle.errors import NotFound
from lifecycle.rules.compiled.machine import Machine, Rule, TrackTable, spec_of, when
from lifecycle.rules.compiled.refusal import guard_in_words
from lifecycle.rules.fold.tasks import said_by
from lifecycle.rules.language.findings import line_of, shown
from lifecycle.rules.telling.choice_fate import Way, fate_of_start, fate_of_way, ways_to
from lifecycle.rules.telling.fates import Case, Fate, Verdict
from lifecycle.rules.telling.rule_fate import fate_of_rule
from lifecycle.rules.telling.standing import Person, ahead_of
from lifecycle.rules.telling.story import Story
from lifecycle.rules.telling.wording import begins_in_words, listed, nearest_names, place_of, quoted, rule_in_words
from lifecycle.task import rfc3339
from lifecycle.touchpoint import Touchpoint

MAX_INSTANCES = 20
"""Instances of a track that are told of, those that moved last; the others are counted."""

MAX_WAYS = 3
"""Ways to a stage where an instance never was that are told below a rule of that stage."""

_ORDER: tuple[Verdict, ...] = (
    "now",
    "waiting",
    "refused",
    "stopped",
    "over",
    "left",
    "no_news",
    "not_there",
    "not_begun",
)
"""What is told first: what is nearest to being so."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked about: a task kind or a stage of one track."""

    what: Literal["task", "stage"]
    track: str
    name: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One rule and one instance (key None: the track has none): what the rule says, and what became of it."""

    rule: str
    track: str
    key: str | None
    line: int
    says: str
    fate: Fate

    def as_data(self) -> dict[str, Any]:
        """Return canonical JSON data."""
        return {
            "rule": self.rule,
            "track": self.track,
            "key": self.key or None,
            "line": self.line,
            "says": self.says,
            "verdict": self.fate.verdict,
            "due": None if self.fate.due is None else rfc3339(self.fate.due),
            "because": list(self.fate.because),
        }


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The whole answer: `lines` for people, `as_data` for programs."""

    person: str
    name: str
    at: datetime
    head: str
    candidates: tuple[Candidate, ...]
    others: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """Return canonical JSON data."""
        return {
            "person": self.person,
            "why_not": self.name,
            "at": rfc3339(self.at),
            "answer": self.head,
            "candidates": [each.as_data() for each in self.candidates],
            "others": list(self.others),
        }

    def lines(self) -> list[str]:
        """Return the answer as lines to be read, indented below their headings."""
        lines = [self.head]
        for each in self.candidates:
            place = f"{each.track} (not begun)" if each.key is None else place_of(each.track, each.key)
            lines += ["", f"{place}: {each.says}", *(f"  {sentence}" for sentence in each.fate.because)]
        return lines + (["", *self.others] if self.others else [])


def why_not(machine: Machine, person: Person, log: list[Touchpoint], name: str) -> WhyNot:
    """Tell for each rule that could ask for `name`, or lead there, why it did not as of `person.at`, or that it did.

    `log` is what was folded. Raises NotFound with the nearest names for one that is no task and no stage.
    """
    case = Case(
        machine, person, Story(person.trail), {(each.source, each.id): each for each in log}, ahead_of(machine, person)
    )
    candidates: list[Candidate] = []
    others: list[str] = []
    for target in targets_of(machine, name):
        instances = person.state.tracks.get(target.track, {})
        latest = sorted(instances, key=lambda key: (instances[key].since, key), reverse=True)
        keys: list[str | None] = [*latest[:MAX_INSTANCES]]
        if len(latest) > MAX_INSTANCES:
            others.append(f"{target.track}: {len(latest) - MAX_INSTANCES} more that moved longer ago are left out.")
        for key in keys or [None]:
            candidates += _of_task(case, target, key) if target.what == "task" else _of_stage(case, target, key)
    candidates.sort(key=lambda each: _ORDER.index(each.fate.verdict))
    return WhyNot(person.id, name, person.at, _head(case, name, candidates), tuple(candidates), tuple(others))


def targets_of(machine: Machine, name: str) -> list[Target]:
    """Return what a name means: `met` or `need.met` a stage, `acknowledge` or `need.acknowledge` a task.

    Raises NotFound with the nearest names.
    """
    known: dict[str, list[Target]] = {}
    for track, table in machine.tracks.items():
        kinds = {rule.name: None for stage in table.stages.values() for rule in stage.rules.values() if rule.task}
        found = [Target("stage", track, stage) for stage in table.stages]
        for target in [*found, *(Target("task", track, kind) for kind in kinds)]:
            known.setdefault(target.name, []).append(target)
            known.setdefault(f"{track}.{target.name}", []).append(target)
    if name not in known:
        raise NotFound(
            f"{quoted(shown(name))} is no task and no stage of this policy. Write its name, or track.name where it is "
            f"in several tracks. {nearest_names(name, known)}"
        )
    return known[name]


def _head(case: Case, name: str, candidates: list[Candidate]) -> str:
    asked = f"{name} of {case.person.id}, as of {when(case.machine, case.person.at)}"
    count = f"{len(candidates)} {'rule' if len(candidates) == 1 else 'rules'}"
    verdicts = [each.fate.verdict for each in candidates]
    stopped = "" if case.person.stopped is None else f" They are not folded any further: {case.person.stopped}"
    if not candidates:
        return f"{asked}: it is not so. No line and no time leads there.{stopped}"
    summed = listed([f"{verdicts.count(each)} {_SUMMARY[each]}" for each in _ORDER if each in verdicts], "and")
    return f"{asked}: {'it is so' if 'now' in verdicts else 'it is not so'}. Of {count}, {summed}.{stopped}"


_SUMMARY: dict[Verdict, str] = {
    "now": "did it",
    "waiting": "not due yet",
    "refused": "refused by a guard",
    "stopped": "stopped, as they do not want such contact",
    "over": "did it once, and that is over",
    "left": "too late, as its stage is left before",
    "no_news": "never got its touchpoint",
    "not_there": "for a stage that was not reached",
    "not_begun": "in a track that has not begun",
}


def _of_task(case: Case, target: Target, key: str | None) -> Iterator[Candidate]:
    table = case.machine.tracks[target.track]
    for stage in table.stages.values():
        rule = stage.rules.get(target.name)
        if rule is None or rule.task is None:
            continue
        if key is None:
            fate = fate_of_start(case, table)
        else:
            fate = fate_of_rule(case, table, stage.name, rule, key)
            if fate.verdict == "not_there":
                fate = fate.below(_ways(case, table, stage.name, key))
        yield _candidate(case, table, stage.name, rule, key, fate)


def _candidate(case: Case, table: TrackTable, stage: str, rule: Rule, key: str | None, fate: Fate) -> Candidate:
    place = spec_of(rule).place
    guard = spec_of(rule).when
    state = case.person.state
    is_there = key is not None and key in state.tracks.get(table.name, {})
    said = said_by(case.machine, case.person.id, state, (table.name, key or ""), rule) if is_there else None
    says = rule_in_words(rule, stage, said) + ("" if guard is None else f", if {guard_in_words(guard)}")
    name = f"{table.name}.{stage}.{rule.name}"
    return Candidate(name, table.name, key, place.line, f"at {quoted(stage)}, {says} ({line_of(place)}).", fate)


def _ways(case: Case, table: TrackTable, stage: str, key: str) -> Iterator[str]:
    """Yield why an instance never got to a stage: the ways there that are nearest to having been gone."""
    fates = [(way, fate_of_way(case, table, way, key)) for way in ways_to(case.machine, table, stage)]
    fates.sort(key=lambda each: _ORDER.index(each[1].verdict))
    for way, fate in fates[:MAX_WAYS]:
        yield f"The way there, {way.says}"
        yield from (f"  {sentence}" for sentence in fate.because)
    if len(fates) > MAX_WAYS:
        yield f"{len(fates) - MAX_WAYS} more ways lead there: ask why not {table.name}.{stage}."


def _of_stage(case: Case, target: Target, key: str | None) -> Iterator[Candidate]:
    table = case.machine.tracks[target.track]
    ways: list[Way] = ways_to(case.machine, table, target.name)
    if target.name == table.start:
        place = table.track.place
        begins = begins_in_words(case.machine, table.name)
        says = f"{table.name} begins at {quoted(table.start)} on {begins} ({line_of(place)})."
        yield Candidate(f"{table.name} begins", table.name, key, place.line, says, fate_of_start(case, table, key))
    for way in ways:
        fate = fate_of_start(case, table) if key is None else fate_of_way(case, table, way, key)
        yield Candidate(f"{table.name}.{way.name}", table.name, key, way.line, way.says, fate)
