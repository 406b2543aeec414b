"""The words that explanations are made of: touchpoints, rules, lists and names.

Pure, and nothing here decides. What a guard said stands in refusal.py, for the fold keeps that in its trail. Called by
explain.py, standing.py, why_not.py and their parts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from lifecycle.instant import microseconds
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Machine, Rule, when
from lifecycle.rules.compiled.saying import Said
from lifecycle.rules.language.findings import MAX_SHOWN
from lifecycle.rules.language.names import is_built_in
from lifecycle.rules.language.policy import ByFact, TaskRule, TimedMove, Wait
from lifecycle.rules.state.snapshot import Instance, Origin

NEAREST = 3
"""Names offered for one that is not known ..."""

MAX_KNOWN = 12
"""... or, where none is near, names listed."""


def the_start(machine: Machine) -> str:
    """Return the moment from which is asked, in words."""
    assert machine.ask_from is not None  # where it is spoken of there is one
    return f"we began on {when(machine, machine.ask_from.at)}"


def place_of(track: str, key: str) -> str:
    """Return an instance of a track as it is called: the track, and its key where it has one."""
    return f"{track} {key}" if key else track


def touchpoint(origin: Origin | None) -> str:
    """Return a touchpoint as its source knows it."""
    if origin is None:
        return "the passing of time"
    return f"{origin.type} (source {origin.source}, id {origin.id})"


def quoted(text: str) -> str:
    """Return a text in quotation marks."""
    return f'"{text}"'


def listed(words: Sequence[str], joint: str) -> str:
    """Return one or more words with commas and a last `and` or `or`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"


def nearest_names(got: str, known: Collection[str]) -> str:
    """Return "Did you mean ...?" with up to NEAREST names, or the beginning of the list where none is near."""
    longer = sorted((each for each in known if got and each.startswith(got)), key=lambda each: (len(each), each))
    close = [*longer, *get_close_matches(got[:MAX_SHOWN], known, n=NEAREST, cutoff=0.6)]
    if close:
        return f"Did you mean {listed([quoted(each) for each in dict.fromkeys(close)][:NEAREST], 'or')}?"
    some = sorted(known)[:MAX_KNOWN]
    return f"Known: {', '.join(some)}{', ...' if len(known) > MAX_KNOWN else ''}." if some else "None is known."


def begins_in_words(machine: Machine, track: str) -> str:
    """Return the types that begin an instance of a track, as one word where any of them does."""
    begins = machine.tracks[track].track.begins
    if not begins:
        return "more to be asked than can be open at once"  # built_in.py: no touchpoint begins it
    if not {name for name in machine.policy.types if not is_built_in(name)} - set(begins):
        return "any touchpoint"
    return listed(begins, "or")


def timing(rule: TaskRule | TimedMove, stage: str, say: Callable[[Wait], str] = str) -> str:
    """Say when a rule is due, in the words of the policy; `say` says how long a wait is."""
    repeated = ""
    if isinstance(rule, TaskRule) and rule.every is not None:
        floor = "" if rule.every.after is None else f" after {rule.every.after}"
        repeated = f"every {say(rule.every.period)}{floor}"
    if rule.after is not None:
        first = f"{say(rule.after)} after entering {quoted(stage)}"
    elif rule.at is not None:
        offset = "at" if rule.at.offset is None else f"{say(rule.at.offset)} {rule.at.direction}"
        first = f"{offset} {rule.at.fact}"
    elif repeated:
        return repeated
    elif "/or_else" in rule.name:
        return "instead"
    else:
        return f"on entering {quoted(stage)}"
    return f"{first}, then {repeated}" if repeated else first


def wait_now(machine: Machine, facts: dict[str, Any], tracks: Any, at: datetime) -> Callable[[Wait], str]:
    """Return what says of a wait how long it is, and where that depends on a fact, which one holds now."""
    view = View(None, facts, tracks, microseconds(at))

    def say(wait: Wait) -> str:
        if not isinstance(wait, ByFact):
            return str(wait)
        word = machine.fact_readers["", wait.fact](view)
        if word not in wait.values:
            word = next(iter(wait.values))  # as in compiled/waits.py
        return f"{str(wait).removesuffix(')')}; now {word}: {wait.values[word]})"

    return say


def rule_in_words(rule: Rule, stage: str, said: Said | None = None, say: Callable[[Wait], str] = str) -> str:
    """Say what a rule does and when, without its guard: a question that is asked, or time moving somebody on.

    `said` is what it would say of the person at hand now; without it the words are those of the policy. `say` says how
    long a wait is.
    """
    if rule.move is not None:
        return f"time moves it from {quoted(stage)} to {quoted(rule.move.to)}, {timing(rule.move, stage, say)}"
    assert rule.task is not None
    how = "if nobody does the task before it" if "/or_else" in rule.name else timing(rule.task, stage, say)
    by, ask = (rule.task.by, rule.task.ask.text) if said is None else (said.by, said.ask)
    return f"{by} is asked {as_part(ask)}, {how}"


def as_part(ask: str) -> str:
    """Return what a task asks for, without a full stop, as a part of a longer sentence."""
    return quoted(ask.removesuffix("."))


def view_of(machine: Machine, facts: dict[str, Any], tracks: Any, instance: Instance, key: str, at: datetime) -> View:
    """Return what the guards of an instance's tasks and timers look at: no touchpoint."""
    view = View(None, facts, tracks, microseconds(at))
    view.own, view.key = instance.facts, key
    return view
