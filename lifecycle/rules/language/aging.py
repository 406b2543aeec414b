"""What changes a fact: time alone, where it counts within a window or is chosen by one that does; and which news.

What a task says and whom it asks must not hang on such a fact: it would change with nobody being told. Pure;
called while a policy is loaded and compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lifecycle.rules.language.facts import facts_in
from lifecycle.rules.language.policy import Compare, Fact, Guard, Within


def aging_facts(facts: Mapping[str, Fact]) -> frozenset[str]:
    """Return the names of those among these facts that time alone can change."""
    aging = {
        name
        for name, fact in facts.items()
        if fact.within is not None or any(_looks_back(choice.when) for choice in fact.choices)
    }
    while more := {
        name
        for name, fact in facts.items()
        if name not in aging and any(facts_in(choice.when) & aging for choice in fact.choices)
    }:
        aging |= more
    return frozenset(aging)


def types_behind(names: Iterable[str], facts: Mapping[str, Fact], types: Iterable[str]) -> frozenset[str]:
    """Return the touchpoint types that can change one of these facts; where one is chosen by stages, all `types`."""
    waiting, seen, found = list(names), set[str](), set[str]()
    while waiting:
        fact = facts.get(waiting.pop())
        if fact is None:
            continue  # One that is built in: no touchpoint tells it.
        found |= set(fact.types)
        for choice in fact.choices:
            if _looks_at_stages(choice.when):
                return frozenset(types)
            waiting += facts_in(choice.when) - seen
            seen |= facts_in(choice.when)
    return frozenset(found)


def _looks_at_stages(guard: Guard | None) -> bool:
    return guard is not None and any(
        each.space in ("stage", "any") if isinstance(each, Compare) else any(map(_looks_at_stages, each.guards))
        for each in guard.conditions
    )


def _looks_back(guard: Guard | None) -> bool:
    """Tell whether a guard asks how long ago something was."""
    return guard is not None and any(
        isinstance(each.test, Within) if isinstance(each, Compare) else any(map(_looks_back, each.guards))
        for each in guard.conditions
    )
