"""Which lines of a list can hold, and which two can hold at once: decided, for guards are data.

Every combination of classes of values (classes.py) is tried: one bit for each, so a guard is a number and
`and`, `or` and `not` are operations on numbers of at most MAX_COMBINATIONS bits. Facts that remember the same
touchpoints are known to agree (relations.py); any other relation between left sides is not known. Called by the
checker's modules only. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.policy import AnyOf, Choice, Compare, Condition, Fact, Guard, Policy, Test
from lifecycle.rules.proof.classes import Possible
from lifecycle.rules.proof.relations import Pair, counted_within, happened_too, has_happened, ranges
from lifecycle.rules.proof.values import Left, TooComplex, Value, fits, in_words

MAX_COMBINATIONS = 100_000
"""Combinations of values tried for one list; beyond them a simpler list is asked for."""

MAX_EFFORT = 300_000_000
"""Bits written for all lists of a policy: some seconds. Beyond them the rest is not decided, and refused."""

Guards = Sequence[Guard | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of a list of guards (None: always holds).

    `holds`: whether a line fits anything. `first`: whether it fits anything that no line before it fits.
    `overlaps`: pairs of lines, by their numbers from 0, with values that both fit. `may_pass`: whether there are
    values that no line fits. `dead`: alternatives inside `any_of` and `none_of` that fit nothing. `is_complex`:
    nothing was decided, and everything is taken to be possible.
    """

    holds: tuple[bool, ...]
    first: tuple[bool, ...]
    overlaps: tuple[tuple[int, int, str], ...]
    may_pass: bool
    dead: tuple[Place, ...]
    is_complex: bool = False


class Decider:
    """Decides lists of guards of one policy, each list once."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.possible = Possible(policy, self._may_be_missing)
        self.effort = 0
        self._lefts: dict[object, tuple[tuple[str, str], ...]] = {}
        self._asked: list[Guards] = []  # kept, for they are known by their ids
        self._known: dict[tuple[object, object], Verdict] = {}

    def guards(self, guards: Guards, track: str, type_name: str | None) -> Verdict:
        """Return the verdict of a list as seen from a track ("": none), for a type (None: no touchpoint at hand)."""
        if guards == (None,):
            return _ALWAYS
        listed = (tuple(id(guard) for guard in guards), track)
        if listed not in self._lefts:
            named = (each for guard in guards if guard is not None for each in compares(guard))
            self._lefts[listed] = tuple(dict.fromkeys((each.space, each.name) for each in named))
            self._asked.append(guards)
        # Many types are alike in all that a list looks at; they share a verdict.
        seen = tuple(self.possible.seen_of(space, name, track, type_name) for space, name in self._lefts[listed])
        if (listed, seen) not in self._known:
            self._known[listed, seen] = self._decide(guards, track, type_name)
        return self._known[listed, seen]

    def choices(self, choices: Sequence[Choice], track: str, type_name: str | None) -> Verdict:
        """Return the verdict of a list of choices; its last line may lack `when` and means otherwise."""
        return self.guards(tuple(choice.when for choice in choices), track, type_name)

    def can_hold(self, guard: Guard | None, track: str, type_name: str | None) -> bool:
        """Tell whether a single guard fits anything."""
        return self.guards((guard,), track, type_name).holds[0]

    def _may_be_missing(self, fact: Fact, track: str) -> bool:
        return self.choices(fact.choices, track, None).may_pass

    def _decide(self, guards: Guards, track: str, type_name: str | None) -> Verdict:
        try:
            table = _Table(self, [guard for guard in guards if guard is not None], track, type_name)
        except TooComplex:
            every = (True,) * len(guards)
            return Verdict(every, every, (), True, (), is_complex=True)
        masks = [table.all if guard is None else table.guard(guard) for guard in guards]
        # A last line without "when" takes what is left; it overlaps with nothing.
        seen, first, overlaps = 0, [], []
        for number, (guard, mask) in enumerate(zip(guards, masks, strict=True)):
            if guard is not None and mask & seen:
                other = next(each for each in range(number) if masks[each] & mask)
                used = [each for each in (guards[other], guard) if each is not None]
                overlaps.append((other, number, table.example(masks[other] & mask, used)))
            first.append(bool(mask & ~seen))
            seen |= mask
        return Verdict(
            holds=tuple(bool(mask) for mask in masks),
            first=tuple(first),
            overlaps=tuple(overlaps),
            may_pass=seen != table.all,
            dead=tuple(table.dead),
        )


_ALWAYS = Verdict((True,), (True,), (), False, ())


def compares(guard: Guard) -> Iterator[Compare]:
    """Yield every comparison in a guard."""
    for condition in guard.conditions:
        if isinstance(condition, Compare):
            yield condition
        else:
            for inner in condition.guards:
                yield from compares(inner)


class _Table:
    """All combinations of the classes of values that some guards tell apart, a bit for each."""

    def __init__(self, decider: Decider, guards: Sequence[Guard], track: str, type_name: str | None) -> None:
        self.possible, self.track = decider.possible, track
        self.dead: list[Place] = []
        tests: dict[Left, dict[Test, None]] = {}
        for guard in guards:
            for each in compares(guard):
                for left in self._lefts(each):
                    tests.setdefault(left, {})[each.test] = None
        if decider.effort > MAX_EFFORT:
            raise TooComplex
        related, parts = self._relations(tests)
        happening, counted = ({left for pair in pairs for left in pair} for pairs in (related, parts))
        self.classes: dict[Left, tuple[Value, ...]] = {}
        spans: dict[Left, list[tuple[int, int]]] = {}
        for left, known in tests.items():
            by_answers: dict[tuple[bool, ...], list[Value]] = {}
            for value in self.possible.values(left, tuple(known), track, type_name):
                answers = (*(fits(test, value) for test in known), left in happening and has_happened(value))
                by_answers.setdefault(answers, []).append(value)
            self.classes[left] = tuple(values[0] for values in by_answers.values())
            if left in counted:
                spans[left] = ranges(by_answers.values())
        self.size = prod(len(values) for values in self.classes.values())
        if self.size > MAX_COMBINATIONS:
            raise TooComplex
        decider.effort += self.size * (1 + sum(map(len, tests.values())))
        self.strides: dict[Left, int] = {}
        stride = 1
        for left, values in self.classes.items():
            self.strides[left] = stride
            stride *= len(values)
        self._masks: dict[tuple[Left, Test], int] = {}
        self.all = (1 << self.size) - 1
        self._relate(related, parts, spans)

    def _relations(self, lefts: Iterable[Left]) -> tuple[list[Pair], list[Pair]]:
        """Return pairs of which the second has happened if the first has, and pairs of a part and a whole."""
        policy = self.possible.policy
        own = policy.tracks[self.track].facts if self.track in policy.tracks else {}
        facts = {left: self.possible.fact(left.name, self.track) for left in lefts if left.space == "fact"}
        names = policy.facts.keys(), own.keys()
        return list(happened_too(facts, *names)), list(counted_within(facts, *names))

    def _relate(
        self, related: Iterable[Pair], parts: Iterable[Pair], spans: Mapping[Left, Sequence[tuple[int, int]]]
    ) -> None:
        """Take out the combinations in which related facts do not agree."""
        for one, other in related:
            has, has_other = ([has_happened(value) for value in self.classes[left]] for left in (one, other))
            self.all &= self._where(other, has_other) | ~self._where(one, has)
        for part, whole in parts:
            for number, (least, _) in enumerate(spans[part]):
                here = self._where(part, [each == number for each in range(len(spans[part]))])
                self.all &= self._where(whole, [most >= least for _, most in spans[whole]]) | ~here

    def _lefts(self, compare: Compare) -> list[Left]:
        currencies = self.possible.currencies(compare.space, compare.name, self.track, compare.test)
        return [Left(compare.space, compare.name, currency) for currency in currencies]

    def guard(self, guard: Guard) -> int:
        """Return the combinations that a guard fits."""
        mask = self.all
        for condition in guard.conditions:
            mask &= self._condition(condition)
        return mask

    def _condition(self, condition: Condition) -> int:
        if isinstance(condition, Compare):
            found = 0
            for left in self._lefts(condition):
                found |= self._fitting(left, condition.test)
            return found
        found = 0
        for inner in condition.guards:
            mask = self.guard(inner)
            if not mask:
                self.dead.append(inner.conditions[0].place if inner.conditions else condition.place)
            found |= mask
        return found if isinstance(condition, AnyOf) else self.all & ~found

    def _fitting(self, left: Left, test: Test) -> int:
        key = (left, test)
        if key not in self._masks:
            self._masks[key] = self._where(left, [fits(test, value) for value in self.classes[left]])
        return self._masks[key]

    def _where(self, left: Left, answers: Sequence[bool]) -> int:
        """Return the combinations in which a left side is in one of its classes that answer yes."""
        stride = self.strides[left]
        run = (1 << stride) - 1
        mask = 0
        for number, answer in enumerate(answers):
            if answer:
                mask |= run << (number * stride)
        width = stride * len(answers)
        while width < self.size:
            mask |= mask << width
            width *= 2
        return mask & ((1 << self.size) - 1)

    def example(self, mask: int, guards: Sequence[Guard]) -> str:
        """Return the values of one combination, of the left sides that these guards look at."""
        lowest = (mask & -mask).bit_length() - 1
        used = dict.fromkeys(left for guard in guards for each in compares(guard) for left in self._lefts(each))
        return ", ".join(
            in_words(left, self.classes[left][lowest // self.strides[left] % len(self.classes[left])]) for left in used
        )
