"""A stage of a policy in sentences: what it means, what leads here, what leaves it, and what is asked meanwhile.

Read from the machine that the fold runs, so that a rule which can never reach a stage is not told of it. Not the
checker, which judges, and not explain.py, which tells of one person. Called by the command line; diagram.py draws
the same moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from lifecycle.errors import NotFound
from lifecycle.rules.compiled.machine import Machine, StageTable, TrackTable
from lifecycle.rules.compiled.refusal import guard_in_words
from lifecycle.rules.language.findings import line_of
from lifecycle.rules.language.names import PERSON, is_built_in
from lifecycle.rules.language.policy import Choice, ContactKind, Every, Guard, Moment, Policy, TaskRule, TimedMove, Wait

STAY = "stay"
MANY = 6
"""Types that are listed by name; of more, how many there are."""


@dataclass(slots=True)
class Move:
    """One line of a list that decides: on which news, from which stages (as the fold runs it), and where to.

    `said` is the news in words. `is_anywhere`: written for the track, so it holds where a stage does not say
    otherwise. `is_otherwise`: the last line of several.
    """

    choice: Choice
    said: str
    is_anywhere: bool
    is_otherwise: bool
    stages: list[str] = field(default_factory=list)

    @property
    def target(self) -> str:
        """The stage it leads to, or "stay"."""
        return str(self.choice.target)

    @property
    def condition(self) -> str:
        """Its guard in words, with a blank before it; "" where it has none."""
        if self.choice.when is not None:
            return f" if {guard_in_words(self.choice.when)}"
        return " otherwise" if self.is_otherwise else ""


def moves_of(table: TrackTable) -> list[Move]:
    """Return what news does in a track, each line once, in the order of stages and of lists."""
    track = table.track
    anywhere = {id(choice) for choices in (*track.upon.values(), *track.any_by.values()) for choice in choices}
    everywhere = [track.any_by, *(stage.any_by for stage in track.stages.values())]
    by_whom = {id(choice): by for any_by in everywhere for by, choices in any_by.items() for choice in choices}
    found: dict[int, Move] = {}
    for name in track.stages:
        for kind, choices in table.stages[name].upon.items():
            for choice in choices.lines:
                each = id(choice)
                if each not in found:
                    said = f"any other touchpoint by {by_whom[each]}" if each in by_whom else kind
                    is_otherwise = choice.when is None and len(choices.lines) > 1
                    found[each] = Move(choice, said, each in anywhere, is_otherwise)
                if name not in found[each].stages:
                    found[each].stages.append(name)
    return list(found.values())


def beginning(policy: Policy, table: TrackTable) -> str:
    """Return in words which news begins an instance of a track."""
    begins = table.track.begins
    if set(begins) == {name for name in policy.types if not is_built_in(name)}:
        return "any touchpoint"
    if len(begins) > MANY:
        return f"any of {len(begins)} touchpoints"
    return ", ".join(begins)


def timing(rule: TaskRule | TimedMove) -> str:
    """Return in words when a rule is due after its stage was entered."""
    parts = []
    if rule.after is not None:
        parts.append(f"after {wait_in_words(rule.after)}")
    if rule.at is not None:
        parts.append(_moment(rule.at))
    every: Every | None = rule.every if isinstance(rule, TaskRule) else None
    if every is not None:
        floor = "" if every.after is None else f" after {every.after}"
        parts.append(f"every {wait_in_words(every.period)}{floor}")
    return ", then ".join(parts) or "at once"


def wait_in_words(wait: Wait) -> str:
    """Return a duration in words, or those that it can be."""
    return str(wait)


def _moment(moment: Moment) -> str:
    if moment.offset is None:
        return f"at {moment.fact}"
    return f"{wait_in_words(moment.offset)} {moment.direction} {moment.fact}"


def stages_called(policy: Policy, name: str) -> list[tuple[str, str]]:
    """Return (track, stage) of every stage that a name means: `need.stated`, or `stated` in any track.

    Raises NotFound with the nearest names.
    """
    track, dot, stage = name.rpartition(".")
    found = [
        (each, stage) for each, body in policy.tracks.items() if stage in body.stages and (not dot or each == track)
    ]
    if found:
        return found
    known = [f"{each}.{stage}" for each, body in policy.tracks.items() for stage in body.stages]
    short = {each.partition(".")[2]: each for each in known}
    close = [each for each in (*known, *short) if each.startswith(name[:80])][:3]
    close = close or get_close_matches(name[:80], [*known, *short], n=3, cutoff=0.6)
    close = [short.get(each, each) for each in close]
    advice = f"Did you mean {' or '.join(dict.fromkeys(close))}?" if close else f"Stages: {', '.join(known[:12])}, ..."
    raise NotFound(f'The policy {policy.name} has no stage "{name[:80]}". {advice}')


def describe(machine: Machine, track: str, stage: str) -> list[str]:
    """Return the lines that describe one stage; those that begin with two blanks belong to the one above."""
    table = machine.tracks[track]
    here = table.stages[stage]
    moves = moves_of(table)
    per = "" if table.track.per == PERSON else f", one for each {table.track.per}"
    lines = [
        f"{track}.{stage} ({line_of(here.stage.place)}): a stage of the track {track}{per}.",
        f'They would say: "{here.stage.means}"',
    ]
    if here.stage.loss:
        lines.append("It is a loss: something ended here, and somebody asks how they are.")
    lines += _section("What leads here", _arrivals(machine.policy, table, stage, moves), "Nothing leads here.")
    lines += _section("What leaves it", _departures(here, stage, moves), "Nothing leaves it.")
    asked = [line for task in here.stage.tasks for line in _task(task)]
    asked += [line for kind in _contacts(machine.policy, here.stage.tasks) for line in _limits(kind)]
    lines += _section("What is asked meanwhile", asked, "Nothing is asked meanwhile.")
    return lines + list(_rest(here))


def _section(title: str, lines: Sequence[str], without: str) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else [without]


def _arrivals(policy: Policy, table: TrackTable, stage: str, moves: Sequence[Move]) -> list[str]:
    found = []
    if table.start == stage:
        found.append(f"The track begins here, on {beginning(policy, table)} ({line_of(table.track.place)}).")
    for move in moves:
        if move.target == stage:
            found.append(f"{move.said}{move.condition}, from {_sources(move, table)} ({line_of(move.choice.place)}).")
    for name, each in table.stages.items():
        for timed in each.stage.later:
            if timed.to == stage:
                found.append(f"Time alone, from {name}: {timing(timed)}{_if(timed.when)} ({line_of(timed.place)}).")
    return found


def _sources(move: Move, table: TrackTable) -> str:
    """Return the stages a move starts from, as the shorter list: those, or all but the others."""
    others = [name for name in table.track.stages if name not in move.stages]
    if not others:
        return "every stage"
    if len(others) < len(move.stages):
        return f"every stage but {', '.join(others)}"
    return ", ".join(move.stages)


def _departures(here: StageTable, stage: str, moves: Sequence[Move]) -> list[str]:
    found = []
    for move in moves:
        if stage in move.stages:
            where = {STAY: "nothing happens", stage: f"enters {stage} anew"}.get(move.target, f"to {move.target}")
            found.append(f"{move.said}{move.condition}: {where} ({line_of(move.choice.place)}).")
    for timed in here.stage.later:
        found.append(f"Time alone: {timing(timed)}{_if(timed.when)}, to {timed.to} ({line_of(timed.place)}).")
    return found


def _if(guard: Guard | None) -> str:
    return "" if guard is None else f", if {guard_in_words(guard)}"


def _task(task: TaskRule) -> Iterator[str]:
    """Say who is asked what and when, until when, what does it, and what follows if nobody does."""
    when = "If nobody does it" if "/" in task.name else f"{task.name}: {timing(task)}{_if(task.when)}"
    contact = f" ({task.contact})" if task.contact else ""
    due = f"by the day in {task.due}" if isinstance(task.due, str) else f"within {wait_in_words(task.due)}"
    yield f'{when}, {task.by} is asked{contact}, to be done {due}: "{task.ask}" ({line_of(task.place)}).'
    if task.done_by and "/" not in task.name:
        ways = [
            name + ("" if guard is None else f" if {guard_in_words(guard)}") for name, guard in task.done_by.items()
        ]
        said = " or ".join(ways) if len(ways) <= MANY else f"any of {len(ways)} touchpoints"
        yield f"  {said} does it, as does its outcome."
    if task.about and "/" not in task.name:
        yield f"  With it travel: {', '.join(task.about)}."
    if task.stays and "/" not in task.name:
        yield "  It stays open when the stage is left."
    after = f"{wait_in_words(task.expires)} after that"
    if task.or_else is None:
        yield f"  It is given up {after}."
        return
    yield f"  It expires {after}."
    yield from (f"  {line}" for line in _task(task.or_else))


def _contacts(policy: Policy, tasks: Sequence[TaskRule]) -> Iterator[ContactKind]:
    """Yield the kinds of contact that these tasks and their escalations are, each once, in file order."""
    used = set()
    for task in tasks:
        following: TaskRule | None = task
        while following is not None:
            used.add(following.contact)
            following = following.or_else
    yield from (kind for name, kind in policy.contacts.items() if name in used)


def _limits(kind: ContactKind) -> Iterator[str]:
    """Say when tasks of a kind of contact wait or are not asked."""
    parts = []
    if kind.stops is not None:
        parts.append(f"is not asked while {guard_in_words(kind.stops)}")
    if kind.quiet is not None:
        parts.append(f"waits while it is quiet, from {kind.quiet[0]:%H:%M} to {kind.quiet[1]:%H:%M}")
    if kind.most is not None:
        parts.append(f"waits when {kind.most[0]} have reached the person within {kind.most[1]}")
    if parts:
        yield f"What is {kind.name} {', and '.join(parts)} ({line_of(kind.place)})."


def _rest(here: StageTable) -> Iterator[str]:
    stage = here.stage
    if stage.review is not None:
        yield (
            f'It is a rest with a review: {timing(stage.review)}, {stage.review.by} is asked: "{stage.review.ask}" '
            f"({line_of(stage.review.place)})."
        )
    if stage.watched_by is not None:
        yield f"It is a rest: nothing more is needed here, and the track {stage.watched_by} watches the person."
    if stage.review is None and stage.watched_by is None:
        yield "It is not a rest: time moves everybody on, as above."
