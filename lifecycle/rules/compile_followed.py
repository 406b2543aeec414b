"""Which facts decide when something is due, compiled: so that a touchpoint which changes none of them costs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lifecycle.rules.guards import Read
from lifecycle.rules.load_facts import facts_in
from lifecycle.rules.machine import Followed
from lifecycle.rules.policy import ByFact, Compare, Fact, Guard, Policy, Stage, TaskRule, TimedMove, Wait


def compile_followed(policy: Policy, fact_readers: Mapping[tuple[str, str], Read]) -> Followed:
    """Return what the timed rules of a policy follow. `fact_readers` as in guards.py."""
    of_person, by_stages, is_due = dict[str, set[str]](), set[str](), False
    for track in policy.tracks.values():
        known = {**policy.facts, **track.facts}
        rules = [rule for stage in track.stages.values() for rule in _rules(stage)]
        followed = _with_those_behind({name for rule in rules for name in _named(rule)}, known)
        for name in followed & policy.facts.keys():
            of_person.setdefault(name, set()).add(track.name)
        if any(_looks_at_stages(choice.when) for name in followed for choice in known[name].choices):
            by_stages.add(track.name)
        is_due |= any(isinstance(rule, TaskRule) and isinstance(rule.due, str) for rule in rules)
    read = tuple((fact_readers["", name], frozenset(tracks)) for name, tracks in sorted(of_person.items()))
    return Followed(read, frozenset(by_stages), is_due)


def _rules(stage: Stage) -> Iterator[TaskRule | TimedMove]:
    """Yield every timed rule of a stage, escalations too."""
    yield from stage.later
    for task in (*stage.tasks, stage.review):
        while task is not None:
            yield task
            task = task.or_else


def _named(rule: TaskRule | TimedMove) -> Iterator[str]:
    """Yield the facts that decide when a rule is due, or the task that it opens."""
    waits: list[Wait | str | None] = [rule.after]
    if rule.at is not None:
        waits += [rule.at.fact, rule.at.offset]
    if isinstance(rule, TaskRule):
        waits += [rule.due, rule.expires]
        if rule.every is not None:
            waits += [rule.every.period, rule.every.after]
    for wait in waits:
        if isinstance(wait, ByFact):
            yield wait.fact
        elif isinstance(wait, str):
            yield wait


def _with_those_behind(names: set[str], known: Mapping[str, Fact]) -> set[str]:
    """Return these facts, and all that `choose` facts among them choose by."""
    found, waiting = set[str](), set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= {each for choice in known[name].choices for each in facts_in(choice.when)} - found
    return found


def _looks_at_stages(guard: Guard | None) -> bool:
    return guard is not None and any(
        each.space in ("stage", "any") if isinstance(each, Compare) else any(map(_looks_at_stages, each.guards))
        for each in guard.conditions
    )
