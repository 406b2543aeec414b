"""Which facts change as time passes, without news: those that count within a window, and what is chosen by them.

What a task says and whom it asks must not hang on such a fact: it would change with nobody being told. Pure;
called while a policy is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle.rules.load_facts import facts_in
from lifecycle.rules.policy import Compare, Fact, Guard, Within


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


def _looks_back(guard: Guard | None) -> bool:
    """Tell whether a guard asks how long ago something was."""
    return guard is not None and any(
        isinstance(each.test, Within) if isinstance(each, Compare) else any(map(_looks_back, each.guards))
        for each in guard.conditions
    )
