"""The text of remembering: how the facts that take in a type do so.

The facts that most policies are made of (ever, the last time, a count) are written out; what else there is, such as
sums, sets, windows and texts that are counted, is asked of facts.py. Called by taking.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lifecycle.rules.compiled.machine import FOLLOWED, Taker
from lifecycle.rules.compiled.writing import Writer, indented
from lifecycle.rules.language.windows import QUARTER, Window


def taker_lines(
    writer: Writer, fields: Mapping[str, str], takers: Sequence[tuple[Taker, str]], *besides: str
) -> list[str]:
    """Return the lines by which facts, of those that are `held`, take in the touchpoint of a view.

    Each comes with the text of its guard (""). `besides` are lines for where any of them took something in.
    """
    lines: list[str] = []
    for taker, guard in takers:
        if guard == "False":  # It asks for a field that is not there.
            continue
        name, taken = repr(taker.name), [*_taken(writer, fields, taker), *besides]
        if taker.kind == "ever" and not besides:
            guard, taken = f"held.get({name}) is not True{guard and ' and '}{guard}", taken[1:]
            lines += [f"if {guard}:", *taken]
        else:
            lines += [f"if {guard}:", *indented(taken)] if guard else taken
    return lines


def _taken(writer: Writer, fields: Mapping[str, str], taker: Taker) -> list[str]:
    """Return the lines by which one fact, of those that are `held`, takes in the touchpoint of a view."""
    name, marked = repr(taker.name), _marked(taker)
    is_there = not taker.field or taker.field in fields
    if not is_there and (taker.text_field or (taker.kind == "last" and taker.is_plain and taker.is_as_it_is)):
        return [f"if {name} not in held: held[{name}] = None"]
    if taker.text_field:
        text = fields[taker.text_field]
        take = f"work.remember_text(held, {writer.constant(taker, 'taker')}, v)"
        return [f"if {text} is not None: {take}", f"elif {name} not in held: held[{name}] = None"]
    if taker.kind == "ever":
        return [f"if held.get({name}) is not True:", f"    held[{name}] = True", *indented(marked)]
    if taker.kind == "last" and taker.is_time:
        return _taken_time(taker, marked)
    if taker.kind == "last" and taker.is_plain and taker.is_as_it_is:
        given = fields[taker.field]
        changed = [f"if held.get({name}) != {given}:", f"    held[{name}] = {given}", *indented(marked)]
        new = changed if marked else [f"held[{name}] = {given}"]
        return [f"if {given} is not None:", *indented(new), f"elif {name} not in held: held[{name}] = None"]
    if taker.kind == "count" and taker.is_plain:
        return [f"held[{name}] = (held.get({name}) or 0) + 1", *marked]
    if taker.window is not None and not marked:
        return _counted_by_day(writer, taker, taker.window)
    taken = f"{writer.constant(taker.take, 'take')}(held.get({name}), data, at)"
    if not marked:
        return [f"held[{name}] = {taken}"]
    if not taker.is_plain or taker.kind == "sum":  # Changed in place: what was before is not known any more.
        return [f"held[{name}] = {taken}", *marked]
    return [f"before = held.get({name})", f"held[{name}] = after = {taken}", "if before != after:", *indented(marked)]


def _taken_time(taker: Taker, marked: list[str]) -> list[str]:
    name = repr(taker.name)
    if not marked:
        return [f"held[{name}] = at"]
    if not taker.rises:
        return [f"if held.get({name}) != at:", f"    held[{name}] = at", *indented(marked)]
    left = taker.marks & ~FOLLOWED
    later = [f"work.dirty = work.dirty | {left}"] if left else []
    # Of a track that only begins with this touchpoint the rules are scheduled on entry, which comes after the facts.
    is_followed = " or ".join(f"{track!r} in tracks" for track in taker.followers)
    first = f"if {name} not in held and ({is_followed}): work.dirty = work.dirty | {FOLLOWED}"
    return [first, f"held[{name}] = at", *later, *_followed(taker)]


def _counted_by_day(writer: Writer, taker: Taker, window: Window) -> list[str]:
    """Return the lines of one more today, where no day has left the window since the last time, as nearly always."""
    name, days = repr(taker.name), writer.constant(window.by_quarter, "days")
    first_counted = f"{writer.constant(next, 'first')}({writer.constant(iter, 'each')}(counted))"
    return [
        f"counted = held.get({name})",
        f"days = {days}[at // {QUARTER}]",
        f"if counted and days is not None and days[1] <= {first_counted}:",
        "    counted[days[0]] = (counted.get(days[0]) or 0) + 1",
        f"else: held[{name}] = {writer.constant(taker.take, 'take')}(counted, data, at)",
    ]


def _marked(taker: Taker) -> list[str]:
    return [f"work.dirty = work.dirty | {taker.marks}", *_followed(taker)] if taker.marks else []


def _followed(taker: Taker) -> list[str]:
    return [f"work.followed = work.followed | {taker.follows}"] if taker.follows else []
