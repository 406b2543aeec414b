"""The text of taking a touchpoint in, by type; and of entering a stage.

What a type means for each track is known when a policy is compiled, so it is written out, track by track: which
instances it reaches or begins, and which of their facts take it in, then the facts of the person. The facts that most
policies are made of (ever, the last time, a count) are written out too; what else there is, such as sums, sets, windows
and texts that are counted, is asked of facts.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lifecycle.instant import NEVER
from lifecycle.rules.compiled.machine import FOLLOWED, Choices, Enter, Rule, Taker, Touch, TrackTable
from lifecycle.rules.compiled.writing import Writer


class Reach(NamedTuple):
    """What one type means for one track: may it begin an instance, and how its facts take it in, each with its guard.

    A guard is the text of one ("" for none). `is_followed`: such a fact decides when a rule of the track is due.
    """

    table: TrackTable
    begins: bool
    takers: Sequence[tuple[Taker, str]]
    is_followed: bool


def touch_function(
    writer: Writer, type_name: str, reaches: Sequence[Reach], takers: Sequence[tuple[Taker, str]], is_hidden: bool
) -> Touch:
    """Return the function that finds what a type reaches, and lets facts take it in (machine.Touch)."""
    is_keyed = is_hidden or any(reach.table.field is not None for reach in reaches)
    lines = ["data = v.data", "tracks = v.stages", "touched = []"]
    lines += [f"is_missed = {is_hidden}", "is_reached = False"] if is_keyed else []
    for reach in reaches:
        lines += _reach_lines(writer, type_name, reach)
    if is_keyed:
        lines += ["if is_missed or not is_reached: work.is_missed = True"]
    if takers:
        lines += ["v.own = {}", "v.key = ''"] if any(reach.takers for reach in reaches) else []
        lines += ["held = v.facts", *_taker_lines(writer, takers)]
    return writer.function("touch", "work, v, begin", [*lines, "return touched"], f"{type_name} comes")


def _reach_lines(writer: Writer, type_name: str, reach: Reach) -> list[str]:
    table, name = reach.table, repr(reach.table.name)
    upon = {stage.name: stage.upon[type_name] for stage in table.stages.values() if type_name in stage.upon}
    known, field = writer.constant(table, "track"), table.field
    key = "''" if field is None else "key"
    there = [f"instance = tracks[{name}][{key}]", *_own_lines(writer, reach, key)]
    if upon:
        there += [f"choices = {writer.constant(upon, 'upon')}.get(instance.stage)"]
        there += [f"if choices is not None: touched.append(({known}, {key}, instance, False, choices))"]
    reached, missed = ([], []) if field is None else (["is_reached = True"], ["is_missed = True"])
    first: Choices | None = upon.get(table.start)
    begun = [f"instance = begin(work, {known}, v)", "if instance is not None:"]
    begun += _inner([*_own_lines(writer, reach, key), *reached])
    begun += [
        f"    touched.append(({known}, {key}, instance, True, {writer.constant(first, 'choices') if first else None}))"
    ]
    begun += [f"else: {missed[0]}"] if missed else []
    other = begun if reach.begins else missed
    if field is None:
        if not upon and not reach.takers:
            return [f"if {name} not in tracks:", *_inner(begun)]
        return [f"if {name} in tracks:", *_inner(there), *(["else:", *_inner(other)] if other else [])]
    found = [f"if {name} in tracks and key in tracks[{name}]:"]
    found += _inner([*(there if upon or reach.takers else []), *reached])
    return [f"if {field!r} in data:", *_inner([f"key = data[{field!r}]", *found, "else:", *_inner(other)])]


def _own_lines(writer: Writer, reach: Reach, key: str) -> list[str]:
    """Return the lines by which the facts of an instance take the touchpoint in."""
    if not reach.takers:
        return []
    lines = ["held = instance.facts", "v.own = held", f"v.key = {key}"]
    if not reach.is_followed:
        return [*lines, *_taker_lines(writer, reach.takers)]
    changed = f"work.changed.append(({reach.table.name!r}, {key}))"
    return [*lines, "is_any = False", *_taker_lines(writer, reach.takers, "is_any = True"), f"if is_any: {changed}"]


def _taker_lines(writer: Writer, takers: Sequence[tuple[Taker, str]], *besides: str) -> list[str]:
    lines: list[str] = []
    for taker, guard in takers:
        taken = [*_taken(writer, taker), *besides]
        lines += [f"if {guard}:", *_inner(taken)] if guard else taken
    return lines


def _taken(writer: Writer, taker: Taker) -> list[str]:
    """Return the lines by which one fact, of those that are `held`, takes in the touchpoint of a view."""
    name, marked = repr(taker.name), _marked(writer, taker)
    if taker.text_field:
        take = f"work.remember_text(held, {writer.constant(taker, 'taker')}, v)"
        return [f"if {taker.text_field!r} in data: {take}", f"elif {name} not in held: held[{name}] = None"]
    if taker.kind == "ever":
        return [f"if held.get({name}) is not True:", f"    held[{name}] = True", *_inner(marked)]
    if taker.kind == "last" and taker.is_time:
        return _taken_time(writer, taker, marked)
    if taker.kind == "count" and taker.is_plain:
        return [f"held[{name}] = (held.get({name}) or 0) + 1", *marked]
    taken = f"{writer.constant(taker.take, 'take')}(held.get({name}), data, v.at)"
    if not marked:
        return [f"held[{name}] = {taken}"]
    if not taker.is_plain or taker.kind == "sum":  # Changed in place: what was before is not known any more.
        return [f"held[{name}] = {taken}", *marked]
    return [f"before = held.get({name})", f"held[{name}] = after = {taken}", "if before != after:", *_inner(marked)]


def _taken_time(writer: Writer, taker: Taker, marked: list[str]) -> list[str]:
    name = repr(taker.name)
    if not marked:
        return [f"held[{name}] = v.at"]
    lines = [f"before = held.get({name})", f"held[{name}] = v.at"]
    if not taker.rises:
        return [*lines, "if before != v.at:", *_inner(marked)]
    left = taker.marks & ~FOLLOWED
    later = [f"work.dirty = work.dirty | {left}"] if left else []
    return [*lines, f"if before is None: work.dirty = work.dirty | {taker.marks}", *later, *_followed(writer, taker)]


def _marked(writer: Writer, taker: Taker) -> list[str]:
    return [f"work.dirty = work.dirty | {taker.marks}", *_followed(writer, taker)] if taker.marks else []


def _followed(writer: Writer, taker: Taker) -> list[str]:
    return [f"work.followed = work.followed | {writer.constant(taker.follows, 'tracks')}"] if taker.follows else []


def _inner(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def enter_function(writer: Writer, rules: Sequence[Rule], note: str) -> Enter:
    """Return the function that sets when the rules are due of a stage that is entered now (machine.Enter).

    Those that a fact decides are left out.
    """
    known = [rule for rule in rules if rule.first is not None]
    if not known:
        return writer.function("enter", "instance, at", ["instance.pending = {}", f"return {NEVER}"], note)
    dues = [f"due_{number}" for number, _ in enumerate(known)]
    lines = [f"{due} = {writer.constant(rule.first, 'after')}(at)" for due, rule in zip(dues, known, strict=True)]
    pending = ", ".join(f"{rule.name!r}: {due}" for due, rule in zip(dues, known, strict=True))
    first = dues[0] if len(dues) == 1 else f"{writer.constant(min, 'least')}({', '.join(dues)})"
    return writer.function(
        "enter", "instance, at", [*lines, f"instance.pending = {{{pending}}}", f"return {first}"], note
    )
