"""The text of entering a stage, and of following what changed while an instance stands there: when rules are due."""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle.instant import NEVER
from lifecycle.rules.compiled.guards import NOTHING
from lifecycle.rules.compiled.machine import Enter, Follow, Rule
from lifecycle.rules.compiled.waits import WaitCompiler, at_once
from lifecycle.rules.compiled.writing import Writer
from lifecycle.rules.language.calendar_steps import Shift


def enter_function(waits: WaitCompiler, track: str, marks: int, rules: Sequence[Rule], note: str) -> Enter:
    """Return the function that sets when the rules are due of a stage that is entered now (machine.Enter)."""
    writer = waits.writer
    known = [rule for rule in rules if rule.first is not None]
    asked = [rule for rule in rules if rule.first is None]
    lines = [f"work.dirty = work.dirty | {marks}"] if marks else []
    dues, due_lines = _dues(waits, [rule.first for rule in known if rule.first is not None])
    lines += due_lines
    pending = ", ".join(f"{rule.name!r}: {due}" for due, rule in zip(dues, known, strict=True))
    lines += [f"instance.pending = {'pending = ' if asked else ''}{{{pending}}}"]
    lines += ["v = work.seen", *shown_lines(writer)] if asked else []
    for rule in asked:
        due = f"if due is not None: pending[{rule.name!r}] = due if due > at else at"
        lines += [f"due = {writer.constant(rule.due_of, 'next')}(v, instance)", due]
    if not rules:
        return writer.function("enter", "work, instance, key, at", [*lines, "return False"], note)
    first = "first" if asked else _least(dues)
    lines += [f"first = {_first(writer)}"] if asked else []
    lines += [f"first = {writer.constant(min, 'least')}({', '.join(dues)})"] if first == "first" and not asked else []
    lines += [f"work.dues[{track!r}, key] = {first}", f"if {first} < work.due: work.due = {first}", "return True"]
    return writer.function("enter", "work, instance, key, at", lines, note)


def _dues(waits: WaitCompiler, shifts: Sequence[Shift]) -> tuple[list[str], list[str]]:
    """Return the names of when steps lead that begin now, and the lines that set them."""
    dues = ["at" if shift is at_once else f"due_{number}" for number, shift in enumerate(shifts, start=1)]
    later = [(due, shift) for due, shift in zip(dues, shifts, strict=True) if due != "at"]
    is_by_day = any(waits.steps.added_by_day(shift) is not None for _, shift in later)
    lines = [f"day = {waits.day_text('at')}"] if is_by_day else []
    return dues, lines + [line for due, shift in later for line in waits.led_lines(due, shift, "at", "day")]


def follow_function(writer: Writer, rules: Sequence[Rule], note: str) -> Follow:
    """Return the function that sets anew when rules are due whose moment or length a fact decides (following.py).

    One that is asked for now, or done, is left alone. None is due before what was put off goes on.
    """
    lines = ["pending = instance.pending", *shown_lines(writer), "held_until = instance.held_until"]
    lines += ["if held_until is not None and held_until > at: at = held_until"]
    for rule in rules:
        name = repr(rule.name)
        is_open = f"{name} in pending"
        if rule.is_of_fact:
            is_open += f" or ({name} not in instance.spent and {name} not in instance.counts)"
        lines += [f"if {is_open}:", f"    due = {writer.constant(rule.due_of, 'next')}(v, instance)"]
        lines += [f"    if due is not None: pending[{name}] = due if due > at else at"]
        lines += [f"    elif {name} in pending: pending.pop({name})"]
    return writer.function("follow", "v, instance, key, at", [*lines, f"return {_first(writer)}"], note)


def shown_lines(writer: Writer) -> list[str]:
    """Return the lines by which `v` shows an instance, its key and the moment, and no touchpoint."""
    return [f"v.data = {writer.constant(NOTHING, 'nothing')}", "v.at = at", "v.own = instance.facts", "v.key = key"]


def _first(writer: Writer) -> str:
    return f"{writer.constant(min, 'least')}(pending.values()) if pending else {NEVER}"


def _least(dues: Sequence[str]) -> str:
    """Return the name of the first of these; no step leads back."""
    if "at" in dues:
        return "at"
    return dues[0] if len(dues) == 1 else "first"
