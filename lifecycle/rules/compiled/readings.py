"""The text of reading a fact: as the value that guards and sentences see, and as the moment that waits count from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lifecycle.rules.compiled import facts
from lifecycle.rules.compiled.comparing import text_as_instant
from lifecycle.rules.compiled.guards import GuardCompiler
from lifecycle.rules.compiled.writing import Writer
from lifecycle.rules.language.facts import facts_in
from lifecycle.rules.language.policy import Fact, Policy

SINGLE = ("first", "last")
"""Kinds of facts that remember one value."""

AS_THEY_ARE = frozenset({"text", "words", "id", "money", "yes_or_no", "task_id"})
"""Kinds of fields of which a fact is read as it is remembered."""


def value_text(guards: GuardCompiler, fact: Fact, kind: str | None, track: str) -> str:
    """Return the text of a fact's value; `kind` is that of the field remembered (None: the time, or no field)."""
    raw, writer = _raw(fact, track), guards.writer
    if fact.kind == "choose":
        return f"{writer.constant(_chooser(guards, fact, track), 'choose')}(v)"
    if fact.kind == "ever":
        return f"({raw} is True)"
    if fact.kind in SINGLE:
        if kind in (None, "time"):
            return f"{writer.constant(facts.as_time, 'k')}({raw})"
        if kind in AS_THEY_ARE:
            return raw
    if fact.kind == "count" and fact.within is None:
        return f"({raw} or 0)"
    read = f"{writer.constant(facts.reader(fact, kind, guards.steps), 'read')}({raw}, v.at)"
    return f"(None if {raw} is None else {read})" if kind in ("zone", "country") and fact.kind in SINGLE else read


def moment_text(writer: Writer, fact: Fact, kind: str | None, track: str) -> str:
    """Return the text of a fact as a moment; of a kind that holds none it is None."""
    raw = _raw(fact, track)
    if fact.kind not in SINGLE:
        return "None"
    if kind is None:
        return raw
    return f"{writer.constant(facts.as_instant if kind == 'time' else text_as_instant, 'k')}({raw})"


def before_their_users(facts: list[tuple[str, Fact]]) -> Iterator[tuple[str, Fact]]:
    """Yield (track or "", fact), what a `choose` fact chooses by before itself: the file's order means nothing."""
    waiting = facts
    while waiting:
        names = {(track, fact.name) for track, fact in waiting}
        later = []
        for track, fact in waiting:
            uses = {name for choice in fact.choices for name in facts_in(choice.when)}
            if any((track, name) in names or ("", name) in names for name in uses):
                later.append((track, fact))
            else:
                yield track, fact
        waiting = later


def kind_of_fact(policy: Policy, fact: Fact) -> str | None:
    """Return the kind of the field that a fact remembers; None where it remembers none."""
    return next((kind for each in fact.fields if (kind := kind_of(policy, fact, each)) is not None), None)


def kind_of(policy: Policy, fact: Fact, type_name: str) -> str | None:
    """Return the kind of the field that a fact remembers of a type; None where it remembers none."""
    field = fact.fields[type_name]
    declared = policy.types[type_name].field(field) if field else None
    return None if declared is None else declared.kind


def _raw(fact: Fact, track: str) -> str:
    return f"v.{'own' if track else 'facts'}.get({fact.name!r})"


def _chooser(guards: GuardCompiler, fact: Fact, track: str) -> Any:
    """Return the function of a `choose` fact: the first line that fits."""
    lines = [f"if {guards.text(choice.when, track)}: return {guards.literal(choice.target)}" for choice in fact.choices]
    return guards.writer.function("choose", "v", [*lines, "return None"], f"fact {track and track + '.'}{fact.name}")
