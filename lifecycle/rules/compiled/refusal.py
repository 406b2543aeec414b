"""What a guard said, in words: which of its lines said no and what each wanted and got, or how it held.

Pure, and nothing here decides: a guard is asked by the same compiled conditions that the fold asks. Called by noting.py
and timers.py where a trail is kept, and by what tells of guards afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from lifecycle.rules.compiled.guards import GuardCompiler, View
from lifecycle.rules.compiled.machine import Machine, when
from lifecycle.rules.language.findings import line_of
from lifecycle.rules.language.policy import AnyOf, Compare, Condition, Given, Guard, Has, OneOf, Test, Within

MAX_VALUES = 8
"""Values shown of what a guard got; of a longer list the first ones, and how many more."""


def refusal(machine: Machine, guard: Guard, view: View, track: str) -> str:
    """Return why a guard says no, in words: each of its lines that fails, what it wanted and got; "" where it holds.

    To be asked at the moment that the guard was: what it looks at changes afterwards.
    """
    compiler = machine.guards
    failed = [each for each in guard.conditions if not compiler.told_condition(each, track)(view)]
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
        value = compiler.told_left(condition, track)(view)
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
        if choice.when is None or compiler.told_guard(choice.when, track)(view):
            because = "otherwise" if choice.when is None else f"as {_held(compiler, choice.when, view, track)}"
            return f" ({because}, {line_of(choice.place)})"
    return ""


def held_alternative(machine: Machine, guard: Guard | None, view: View, track: str) -> str:
    """Return a guard that holds in words, where it has several alternatives and so does not say it itself; else ""."""
    if guard is None or not any(isinstance(each, AnyOf) for each in guard.conditions):
        return ""
    return held_in_words(machine, guard, view, track)


def held_in_words(machine: Machine, guard: Guard, view: View, track: str) -> str:
    """Return a guard that holds as the policy says it, and of an `any_of` only the first of its guards that holds."""
    return _held(machine.guards, guard, view, track)


def _held(compiler: GuardCompiler, guard: Guard, view: View, track: str) -> str:
    parts = []
    for condition in guard.conditions:
        some = condition.guards if isinstance(condition, AnyOf) else ()
        holding = next((each for each in some if compiler.told_guard(each, track)(view)), None)
        parts.append(_condition(condition) if holding is None else _held(compiler, holding, view, track))
    return " and ".join(parts)


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


def got_in_words(value: Any) -> str:
    """Return a value as it stands in an explanation."""
    if value is None or value == [] or value == {}:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{amount} {currency}" for currency, amount in sorted(value.items()))
    return value.isoformat() if isinstance(value, datetime) else str(value)


def wanted_in_words(test: Test) -> str:
    """Return a test in words: what was wanted of a left side."""
    if isinstance(test, OneOf):
        return "= " + " or ".join(got_in_words(value) for value in test.values)
    if isinstance(test, Has):
        return "has " + ", ".join(test.values)
    if isinstance(test, Given):
        return "is given" if test.given else "is not given"
    if isinstance(test, Within):
        return f"within {test.duration}"
    parts = [f"at least {test.at_least}" if test.at_least is not None else ""]
    parts.append(f"less than {test.less_than}" if test.less_than is not None else "")
    return " and ".join(part for part in parts if part)
