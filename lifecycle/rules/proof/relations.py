"""What two facts have to do with each other: what was counted has happened, and a part is never more than the whole.

What a fact has taken from touchpoints (a sum that is not 0, a word of a set, a value) is related to `ever`, `count` and
the time of a `first` or `last`, and only where they remember the same types (or fewer) under the same `when`. Any
other relation is not known. Called by guards.py only. Pure.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from lifecycle.rules.language.policy import Compare, Condition, Fact, Guard, Money
from lifecycle.rules.language.schedule import Duration
from lifecycle.rules.proof.spans import DAY, longest, shortest, surely_within
from lifecycle.rules.proof.values import Left, Value

Facts = Mapping[Left, Fact]
Pair = tuple[Left, Left]


def happened_too(
    facts: Mapping[Left, Fact], shared: Collection[str], own: Collection[str]
) -> Iterator[tuple[Left, Left]]:
    """Yield pairs of facts of which the second has happened whenever the first has (`has_happened`).

    `shared` are the names of the policy's facts, `own` those of the track that is looked at.
    """
    taken = {left: fact for left, fact in facts.items() if fact.kind != "choose"}
    told = {left: fact for left, fact in taken.items() if fact.kind in ("ever", "count") or _is_time(fact)}
    for one, first in taken.items():
        for other, second in told.items():
            if one != other and _is_no_longer(first.within, second.within) and _covers(second, first, shared, own):
                yield one, other


def has_happened(value: Value) -> bool:
    """Tell whether a fact shows by its value that something happened."""
    return bool(value.amount) if isinstance(value, Money) else bool(value)


def counted_within(
    facts: Mapping[Left, Fact], shared: Collection[str], own: Collection[str]
) -> Iterator[tuple[Left, Left]]:
    """Yield pairs of counts of which the first is never more than the second."""
    counts = {left: fact for left, fact in facts.items() if fact.kind == "count"}
    for one, first in counts.items():
        for other, second in counts.items():
            if one != other and _is_no_longer(first.within, second.within) and _covers(second, first, shared, own):
                yield one, other


def ranges(classes: Iterable[Sequence[Value]]) -> list[tuple[int, int]]:
    """Return the least and the most of each class of whole numbers; the class of the highest has no end."""
    numbers = [[each for each in values if isinstance(each, int)] for values in classes]
    highest = max(max(each) for each in numbers)
    return [(min(each), sys.maxsize if highest in each else max(each)) for each in numbers]


def meaning(guard: Guard | None) -> object:
    """Return what a guard says, without its places: equal for guards that say the same."""
    return None if guard is None else frozenset(_meaning(condition) for condition in guard.conditions)


def _meaning(condition: Condition) -> object:
    if isinstance(condition, Compare):
        return condition.space, condition.name, condition.test
    return type(condition).__name__, frozenset(meaning(guard) for guard in condition.guards)


def _covers(second: Fact, first: Fact, shared: Collection[str], own: Collection[str]) -> bool:
    """Tell whether whatever the first fact has seen, the second has seen too."""
    # A fact of the policy may have seen what came before the instance began.
    is_kept_longer = second.name in shared or first.name in own
    return (
        is_kept_longer
        and first.fields.keys() <= second.fields.keys()
        and (second.when is None or meaning(first.when) == meaning(second.when))
    )


def _is_no_longer(one: Duration | None, other: Duration | None) -> bool:
    """Tell whether a window never reaches further back than another; those of days count whole days."""
    if other is None or one is None:
        return other is None
    if one.unit == other.unit:
        return surely_within(one, other)
    return longest(one) + DAY <= shortest(other)


def _is_time(fact: Fact) -> bool:
    return fact.kind in ("first", "last") and not any(fact.fields.values())
