"""The words that explanations are made of: times, touchpoints, rules and guards, and what a guard said no to.

Pure, and nothing here decides: what a guard says is asked of the same compiled conditions that the fold asks. Called
by explain.py, standing.py and why_not.py, and by fold.py and timers.py where they keep a trail.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from lifecycle.rules.findings import MAX_SHOWN, Place
from lifecycle.rules.guards import GuardCompiler, View, got_in_words, wanted_in_words
from lifecycle.rules.machine import Machine, Rule
from lifecycle.rules.names import is_built_in
from lifecycle.rules.policy import AnyOf, ByFact, Compare, Condition, Guard, TaskRule, TimedMove, Wait
from lifecycle.rules.saying import Said, clock_time
from lifecycle.rules.snapshot import Instance, Origin
from lifecycle.rules.vocabulary import Misfit

MAX_VALUES = 8
"""Values shown of what a guard got; of a longer list the first ones, and how many more."""

NEAREST = 3
"""Names offered for one that is not known ..."""

MAX_KNOWN = 12
"""... or, where none is near, names listed."""


def when(machine: Machine, at: datetime) -> str:
    """Return a time to the minute, by the clock of the policy's calendar, or of the zone that was asked for."""
    return clock_time(at, machine.told_in or machine.policy.calendar.zone)


def the_start(machine: Machine) -> str:
    """Return the moment from which is asked, in words."""
    assert machine.ask_from is not None  # where it is spoken of there is one
    return f"we began on {when(machine, machine.ask_from.at)}"


def line_of(place: Place) -> str:
    """Return where in the policy something stands."""
    if not place.line:
        return "in every policy"
    return f"{place.file} line {place.line}" if place.file else f"policy line {place.line}"


def place_of(track: str, key: str) -> str:
    """Return an instance of a track as it is called: the track, and its key where it has one."""
    return f"{track} {key}" if key else track


def touchpoint(origin: Origin | None) -> str:
    """Return a touchpoint as its source knows it."""
    if origin is None:
        return "the passing of time"
    return f"{origin.type} (source {origin.source}, id {origin.id})"


def misfits_in_words(misfits: Sequence[Misfit]) -> str:
    """Say which fields of a touchpoint count as missing, or stand at the end of their limit; "" where all fit."""
    return "; ".join(_misfit(each) for each in misfits)


def _misfit(misfit: Misfit) -> str:
    why = "is not there" if misfit.got == "none" else f"is {misfit.got}, wanted {misfit.wanted}"
    counts = "counts as missing" if misfit.stands_at is None else f"stands at {misfit.stands_at}, the end of its limit"
    return f"its {misfit.field} {why}: it {counts}"


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
    view = View(None, facts, tracks, at)

    def say(wait: Wait) -> str:
        if not isinstance(wait, ByFact):
            return str(wait)
        word = machine.fact_readers["", wait.fact](view)
        if word not in wait.values:
            word = next(iter(wait.values))  # as in compile_waits.py
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


def spec_of(rule: Rule) -> TaskRule | TimedMove:
    """Return a rule as it was written."""
    spec = rule.task if rule.task is not None else rule.move
    assert spec is not None
    return spec


def guard_of(rule: Rule) -> Guard | None:
    """Return the guard that a rule was written with."""
    return spec_of(rule).when


def held_in_words(machine: Machine, guard: Guard, view: View, track: str) -> str:
    """Return a guard that holds as the policy says it, and of an `any_of` only the first of its guards that holds."""
    return _held(_compiler(machine), guard, view, track)


def held_alternative(machine: Machine, guard: Guard | None, view: View, track: str) -> str:
    """Return a guard that holds in words, where it has several alternatives and so does not say it itself; else ""."""
    if guard is None or not any(isinstance(each, AnyOf) for each in guard.conditions):
        return ""
    return held_in_words(machine, guard, view, track)


def _held(compiler: GuardCompiler, guard: Guard, view: View, track: str) -> str:
    parts = []
    for condition in guard.conditions:
        some = condition.guards if isinstance(condition, AnyOf) else ()
        holding = next((each for each in some if compiler.guard(each, track)(view)), None)
        parts.append(_condition(condition) if holding is None else _held(compiler, holding, view, track))
    return " and ".join(parts)


def _compiler(machine: Machine) -> GuardCompiler:
    per = {name: each.per for name, each in machine.policy.tracks.items()}
    return GuardCompiler(machine.fact_readers, per, machine.time)


def guard_in_words(guard: Guard) -> str:
    """Return a guard as the policy says it."""
    return " and ".join(map(_condition, guard.conditions))


def _condition(condition: Condition) -> str:
    if isinstance(condition, Compare):
        return f"{_left(condition)} {wanted_in_words(condition.test)}"
    some = " or ".join(f"({guard_in_words(guard)})" for guard in condition.guards)
    return some if isinstance(condition, AnyOf) else f"neither {some}"


def _left(condition: Compare) -> str:
    return condition.name if condition.space == "field" else f"{condition.space}.{condition.name}"


def view_of(machine: Machine, facts: dict[str, Any], tracks: Any, instance: Instance, key: str, at: datetime) -> View:
    """Return what the guards of an instance's tasks and timers look at: no touchpoint."""
    view = View(None, facts, tracks, at)
    view.own, view.key = instance.facts, key
    return view


def refusal(machine: Machine, guard: Guard, view: View, track: str) -> str:
    """Return why a guard says no, in words: each of its lines that fails, what it wanted and got; "" where it holds.

    To be asked at the moment that the guard was: what it looks at changes afterwards.
    """
    compiler = _compiler(machine)
    failed = [each for each in guard.conditions if not compiler.condition(each, track)(view)]
    return "; ".join(_refused(machine, compiler, each, view, track) for each in failed)


def _refused(machine: Machine, compiler: GuardCompiler, condition: Condition, view: View, track: str) -> str:
    wanted = f"wanted {_condition(condition)}"
    if isinstance(condition, Compare):
        return f"{wanted}, got {_got(machine, compiler, condition, view, track)}"
    found = {
        _left(each): f"{_left(each)} = {_got(machine, compiler, each, view, track)}" for each in _compared(condition)
    }
    return f"{wanted}, got {' and '.join(found.values())}"


def _compared(condition: Condition) -> Iterator[Compare]:
    if isinstance(condition, Compare):
        yield condition
        return
    for guard in condition.guards:
        for each in guard.conditions:
            yield from _compared(each)


def _got(machine: Machine, compiler: GuardCompiler, condition: Compare, view: View, track: str) -> str:
    if condition.space == "any":
        value: Any = sorted({instance.stage for instance in view.stages.get(condition.name, {}).values()})
    else:
        value = compiler.left(condition, track)(view)
    return _value(machine, value) + _chosen(machine, compiler, condition, view, track)


def _value(machine: Machine, value: Any) -> str:
    if isinstance(value, datetime):
        return when(machine, value)
    if isinstance(value, list) and len(value) > MAX_VALUES:
        return f"{got_in_words(value[:MAX_VALUES])} and {len(value) - MAX_VALUES} more"
    return got_in_words(value)


def _chosen(machine: Machine, compiler: GuardCompiler, condition: Compare, view: View, track: str) -> str:
    """Say why a `choose` fact is what it is: the line of the policy that chose it."""
    if condition.space != "fact":
        return ""
    own = machine.tracks[track].track.facts if track else {}
    fact = own.get(condition.name) or machine.policy.facts[condition.name]
    for choice in fact.choices:
        if choice.when is None or compiler.guard(choice.when, track)(view):
            because = "otherwise" if choice.when is None else f"as {_held(compiler, choice.when, view, track)}"
            return f" ({because}, {line_of(choice.place)})"
    return ""
