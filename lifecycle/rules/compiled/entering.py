"""The text of entering a stage, and of following what changed while an instance stands there: when rules are due."""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle.instant import NEVER
from lifecycle.rules.compiled.guards import NOTHING
from lifecycle.rules.compiled.machine import Enter, Follow, Rule
from lifecycle.rules.compiled.writing import Writer


def enter_function(writer: Writer, track: str, marks: int, rules: Sequence[Rule], note: str) -> Enter:
    """Return the function that sets when the rules are due of a stage that is entered now (machine.Enter)."""
    known = [rule for rule in rules if rule.first is not None]
    asked = [rule for rule in rules if rule.first is None]
    dues = [f"due_{number}" for number, _ in enumerate(known, start=1)]
    lines = [f"work.dirty = work.dirty | {marks}"] if marks else []
    lines += [f"{due} = {writer.constant(rule.first, 'after')}(at)" for due, rule in zip(dues, known, strict=True)]
    pending = ", ".join(f"{rule.name!r}: {due}" for due, rule in zip(dues, known, strict=True))
    lines += [f"instance.pending = {'pending = ' if asked else ''}{{{pending}}}"]
    lines += ["v = work.seen", *_view(writer)] if asked else []
    for rule in asked:
        due = f"if due is not None: pending[{rule.name!r}] = due if due > at else at"
        lines += [f"due = {writer.constant(rule.due_of, 'next')}(v, instance)", due]
    if not rules:
        return writer.function("enter", "work, instance, key, at", [*lines, "return False"], note)
    lines += [f"first = {_first(writer)}" if asked else f"first = {_least(writer, dues)}"]
    lines += [f"work.dues[{track!r}, key] = first", "if first < work.due: work.due = first", "return True"]
    return writer.function("enter", "work, instance, key, at", lines, note)


def follow_function(writer: Writer, rules: Sequence[Rule], note: str) -> Follow:
    """Return the function that sets anew when rules are due whose moment or length a fact decides (following.py).

    One that is asked for now, or done, is left alone. None is due before what was put off goes on.
    """
    lines = ["pending = instance.pending", *_view(writer), "held_until = instance.held_until"]
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


def _view(writer: Writer) -> list[str]:
    return [f"v.data = {writer.constant(NOTHING, 'nothing')}", "v.at = at", "v.own = instance.facts", "v.key = key"]


def _first(writer: Writer) -> str:
    return f"{writer.constant(min, 'least')}(pending.values()) if pending else {NEVER}"


def _least(writer: Writer, dues: Sequence[str]) -> str:
    return dues[0] if len(dues) == 1 else f"{writer.constant(min, 'least')}({', '.join(dues)})"
