"""The classes of values that a left side of a guard can have: finitely many, and every test is alike within one.

What is possible is read from the vocabulary and the facts, never from people. Called by guards.py only. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain, combinations, pairwise
from math import ceil, floor
from typing import TypeVar

from lifecycle.rules.language.names import PERSON
from lifecycle.rules.language.policy import (
    Fact,
    FieldKind,
    Given,
    Has,
    Money,
    OneOf,
    Policy,
    Range,
    Test,
    Track,
    Within,
)
from lifecycle.rules.proof.spans import surely_within
from lifecycle.rules.proof.values import OTHER, Left, TooComplex, Value, When, instant_of

_Named = TypeVar("_Named")

MAX_NAMED = 12
"""Most words of one set, or windows of one time, that a list may tell apart: each more doubles the classes."""


class Possible:
    """What the left sides of a policy can be.

    `may_be_missing` tells whether a `choose` fact, seen from a track, may have no line that fits.
    """

    def __init__(self, policy: Policy, may_be_missing: Callable[[Fact, str], bool]) -> None:
        self.policy = policy
        self.may_be_missing = may_be_missing

    def fact(self, name: str, track: str) -> Fact:
        """Return a fact as seen from a track ("": from none)."""
        own = self.policy.tracks.get(track)
        return (own.facts.get(name) if own is not None else None) or self.policy.facts[name]

    def seen_of(self, space: str, name: str, track: str, type_name: str | None) -> object:
        """Return all that a left side is, of a type at hand: equal for two types of which it can be the same."""
        if type_name is None or space in ("stage", "any"):
            return None
        if space == "fact":
            return sets(self.policy, self.fact(name, track), type_name)
        declared = self.policy.types[type_name]
        return declared.field(name), name in declared.required

    def currencies(self, space: str, name: str, track: str, test: Test) -> tuple[str, ...]:
        """Return the currencies that a test of a sum of money names; ("",) for any other left side."""
        if space != "fact" or isinstance(test, Given) or self.fact(name, track).kind != "sum":
            return ("",)
        found = {each.currency for each in _literals((test,)) if isinstance(each, Money)}
        return tuple(sorted(found)) or ("",)

    def values(self, left: Left, tests: Sequence[Test], track: str, type_name: str | None) -> tuple[Value, ...]:
        """Return one value or more for each class; `type_name` is the touchpoint at hand (None: a timer)."""
        if left.space == "field":
            declared = None if type_name is None else self.policy.types[type_name]
            kind = None if declared is None else declared.field(left.name)
            if declared is None or kind is None:
                return (None,)
            found = _of_kind((kind,), tests, is_now=False)
            return found if left.name in declared.required else (*found, None)
        if left.space == "fact":
            return self._fact_values(left, self.fact(left.name, track), tests, track, type_name)
        return _stage_values(self.policy.tracks[left.name], tests, is_any=left.space == "any")

    def _fact_values(
        self, left: Left, fact: Fact, tests: Sequence[Test], track: str, type_name: str | None
    ) -> tuple[Value, ...]:
        is_set_now = type_name is not None and sets(self.policy, fact, type_name)
        if fact.kind == "ever":
            return (True,) if is_set_now else (False, True)
        if fact.kind == "count":
            return tuple(each for each in _wholes(tests) if each >= (1 if is_set_now else 0))
        if fact.kind == "sum":
            return _sums(left.currency, tests)
        if fact.kind == "choose":
            words = tuple(dict.fromkeys(choice.target for choice in fact.choices))
            return (*words, None) if self.may_be_missing(fact, track) else words
        kinds = tuple(
            kind for each, name in fact.fields.items() if name and (kind := self.policy.types[each].field(name))
        )
        if fact.kind == "set":
            known = {word for kind in kinds for word in kind.words} if all(kind.words for kind in kinds) else None
            return tuple(_sets(tests, known, is_empty_too=not is_set_now))
        is_now = is_set_now and fact.kind == "last" and not kinds
        found = _of_kind(kinds or (FieldKind("time"),), tests, is_now=is_now)
        return found if is_set_now else (*found, None)


def sets(policy: Policy, fact: Fact, type_name: str) -> bool:
    """Tell whether a touchpoint of this type surely gives the fact a value: it needs no guard and no optional field."""
    field = fact.fields.get(type_name)
    return field is not None and fact.when is None and (not field or field in policy.types[type_name].required)


def _literals(tests: Iterable[Test]) -> list[object]:
    found: list[object] = []
    for test in tests:
        if isinstance(test, OneOf | Has):
            found += test.values
        elif isinstance(test, Range):
            found += [bound for bound in (test.at_least, test.less_than) if bound is not None]
    return list(dict.fromkeys(found))


def _of_kind(kinds: Sequence[FieldKind], tests: Sequence[Test], *, is_now: bool) -> tuple[Value, ...]:
    """Return the values of a field of these kinds, which are alike; `is_now`: it is the time of this very instant."""
    kind = kinds[0].kind
    if all(each.words for each in kinds):
        return tuple(dict.fromkeys(word for each in kinds for word in each.words))
    if kind == "yes_or_no":
        return (True, False)
    if kind == "whole":
        return tuple(_wholes(tests))
    if kind == "number":
        return tuple(_numbers(tests))
    if kind == "money":
        currencies = {each.currency for each in _literals(tests) if isinstance(each, Money)}
        known = chain.from_iterable(_amounts(currency, tests) for currency in sorted(currencies))
        return (*known, Money(Decimal(1), OTHER))
    if kind == "date":
        return tuple(each.date().isoformat() for each in _instants(tests, with_next=True))
    if kind == "time":
        return tuple(_times(tests, is_now=is_now))
    return (*(each for each in _literals(tests) if isinstance(each, str)), OTHER)


def _wholes(tests: Sequence[Test]) -> list[int]:
    """Return whole numbers at, between and beyond the numbers named; 0 and 1 among them."""
    named = [each for each in _literals(tests) if isinstance(each, int | Decimal)]
    around = {floor(each) + step for each in named for step in (-1, 0, 1)} | {ceil(each) for each in named}
    return sorted(around | {0, 1}, key=lambda each: (each < 0, each))


def _numbers(tests: Sequence[Test]) -> list[Decimal]:
    return _between(each for each in _literals(tests) if isinstance(each, int | Decimal))


def _sums(currency: str, tests: Sequence[Test]) -> tuple[Value, ...]:
    """Return sums at, between and beyond those named, and that of nothing."""
    known = _amounts(currency, tests) if currency else _numbers(tests)
    nothing: Value = Money(Decimal(0), currency) if currency else Decimal(0)
    return tuple(dict.fromkeys((*known, nothing)))


def _amounts(currency: str, tests: Sequence[Test]) -> tuple[Value, ...]:
    named = (each.amount for each in _literals(tests) if isinstance(each, Money) and each.currency == currency)
    return tuple(Money(each, currency) for each in _between(named))


def _between(named: Iterable[int | Decimal]) -> list[Decimal]:
    bounds = sorted({Decimal(each) for each in named})
    if not bounds:
        return [Decimal(0)]
    middles = [(one + other) / 2 for one, other in pairwise(bounds)]
    return [*bounds, *middles, bounds[-1] + 1, bounds[0] - 1]


def _instants(tests: Sequence[Test], *, with_next: bool) -> list[datetime]:
    bounds = sorted({at for each in _literals(tests) if (at := instant_of(each)) is not None})
    if not bounds:
        return [datetime(2026, 1, 1, tzinfo=UTC)]
    earlier = [bounds[0] - timedelta(days=1)] if bounds[0].date() > date.min else []
    later = [at + timedelta(days=1) for at in bounds if with_next and at.date() < date.max]
    return [*bounds, *earlier, *later]


def _times(tests: Sequence[Test], *, is_now: bool) -> Iterable[When]:
    """Yield times: each instant with each possible choice of windows; a longer window holds what a shorter one does."""
    named = list(dict.fromkeys(test.duration for test in tests if isinstance(test, Within)))
    _check_named(named)
    for within in [frozenset(named)] if is_now else [frozenset(each) for each in _subsets(named)]:
        if all(other in within for each in within for other in named if surely_within(each, other)):
            yield from (When(at, within) for at in _instants(tests, with_next=False))


def _sets(tests: Sequence[Test], known: set[str] | None, *, is_empty_too: bool) -> Iterable[frozenset[str]]:
    named = [each for each in _literals(tests) if isinstance(each, str)]
    _check_named(named)
    if known is None or known - set(named):
        named.append(OTHER)
    for chosen in _subsets(named):
        if chosen or is_empty_too:
            yield frozenset(chosen)


def _stage_values(track: Track, tests: Sequence[Test], *, is_any: bool) -> tuple[Value, ...]:
    if not is_any:
        return (*track.stages, None)
    if track.per == PERSON:
        return (*(frozenset({stage}) for stage in track.stages), frozenset())
    return tuple(_sets(tests, set(track.stages), is_empty_too=True))


def _subsets(named: Sequence[_Named]) -> Iterable[tuple[_Named, ...]]:
    return chain.from_iterable(combinations(named, size) for size in range(len(named) + 1))


def _check_named(named: Sequence[object]) -> None:
    if len(named) > MAX_NAMED:
        raise TooComplex
