"""Reading guards and lists of choices: left sides, tests and literals, each checked against what it names."""

from __future__ import annotations

import re
from decimal import Decimal

from lifecycle.rules.document import Listing, Node, Scalar, Table
from lifecycle.rules.findings import Place
from lifecycle.rules.names import PERSON, Names, Reading, Scope, Value, field_value
from lifecycle.rules.policy import (
    AnyOf,
    Choice,
    Compare,
    Condition,
    Given,
    Guard,
    Has,
    Literal_,
    Money,
    NoneOf,
    OneOf,
    Range,
    Space,
    Test,
    Within,
)

_MONEY = re.compile(r"^(-?[0-9]+(?:\.[0-9]+)?) ([A-Z]{3})$")
_TESTS = ("at_least", "less_than", "within", "has", "given")


def parse_money(text: str) -> Money | None:
    """Return the amount that a text such as `100.00 EUR` names, or None."""
    match = _MONEY.match(text)
    return Money(Decimal(match[1]), match[2]) if match else None


class GuardReader:
    """Reads guards in a scope. One for each policy."""

    def __init__(self, reading: Reading, names: Names) -> None:
        self.reading = reading
        self.findings = reading.findings
        self.names = names

    def choices(self, node: Node, scope: Scope, *, word: str, otherwise: str) -> tuple[Choice, ...]:
        """Return a list of choices, `to:` or `is:` lines; a single word is one choice without a guard."""
        if isinstance(node, Scalar):
            return (Choice(None, self.target(node, otherwise), node.place),)
        found = []
        items = node.items if isinstance(node, Listing) else (node,)
        for number, item in enumerate(items, 1):
            table = self.reading.table(item, "A line of a list that decides", item.place)
            self.reading.keys(table, "a line that decides", ("when", word))
            when = table.entries.get("when")
            target = table.entries.get(word)
            if target is None:
                self.findings.add(table.place, "missing", f'This line needs "{word}:".')
                continue
            if when is None and number < len(items):
                self.findings.add(
                    table.place,
                    "hidden",
                    f'Only the last line may lack "when". Line {number} hides line {number + 1}.',
                )
            guard = None if when is None else self.guard(when, scope)
            found.append(Choice(guard, self.target(target, otherwise), target.place))
        return tuple(found)

    def target(self, node: Node, what: str) -> str | bool:
        """Return a stage name or the word of a `choose` line."""
        if isinstance(node, Scalar) and isinstance(node.value, str | bool):
            return node.value
        self.findings.add(node.place, "word", f"{what} is one word.")
        return ""

    def guard(self, node: Node, scope: Scope) -> Guard:
        """Return a guard: a mapping whose lines must all hold."""
        table = self.reading.table(node, "A guard", node.place)
        if isinstance(node, Table) and not node.entries:
            self.findings.add(node.place, "empty-guard", 'An empty guard always holds. Leave "when" out.')
        conditions: list[Condition] = []
        for key, value in table.entries.items():
            place = table.places[key]
            if key in ("any_of", "none_of"):
                guards = tuple(self.guard(item, scope) for item in self.reading.listing(value))
                conditions.append(AnyOf(guards, place) if key == "any_of" else NoneOf(guards, place))
                continue
            left = self.left(key, scope, place)
            if left is None:
                continue
            space, name, kind = left
            test = self.test(value, kind, key)
            if test is not None:
                conditions.append(Compare(space, name, test, place))
        return Guard(tuple(conditions))

    def left(self, key: str, scope: Scope, place: Place) -> tuple[Space, str, Value] | None:
        """Return what a left side names: its space, name and kind of value."""
        head, dot, name = key.partition(".")
        if not dot:
            return self.field(key, scope, place)
        if head == "fact":
            own = self.names.tracks[scope.track].facts if scope.track in self.names.tracks else {}
            known = {**self.names.facts, **own}
            if name in known:
                return "fact", name, known[name]
            self.findings.unknown(place, "unknown-fact", name, "a fact", known)
        elif head in ("stage", "any"):
            return self.stage(head, name, scope, place)
        else:
            self.findings.unknown(place, "unknown-left", head, "a left side", ("fact", "stage", "any"))
        return None

    def stage(self, head: str, name: str, scope: Scope, place: Place) -> tuple[Space, str, Value] | None:
        track = self.names.tracks.get(name)
        if track is None:
            self.findings.unknown(place, "unknown-track", name, "a track", self.names.tracks)
            return None
        if head == "any":
            return "any", name, Value("words", track.stages)
        own = self.names.tracks[scope.track].per if scope.track in self.names.tracks else PERSON
        if track.per not in (PERSON, own):
            self.findings.add(
                place,
                "other-key",
                f'"stage.{name}" has one stage for each {track.per}, and here is no {track.per}. Use "any.{name}".',
            )
            return None
        return "stage", name, Value("words", track.stages)

    def field(self, name: str, scope: Scope, place: Place) -> tuple[Space, str, Value] | None:
        if scope.types is None:
            self.findings.add(
                place,
                "no-touchpoint",
                f'A timer has no touchpoint; "{name}" is not known here. Keep it as a fact.',
            )
            return None
        kinds = [self.names.types[each].field(name) for each in scope.types if each in self.names.types]
        given = [kind for kind in kinds if kind is not None]
        if not given:
            owners = sorted(each for each, declared in self.names.types.items() if declared.field(name))
            where = f"; it is one of {', '.join(owners[:3])}" if owners else ""
            known = {key for each in scope.types if each in self.names.types for key in self.fields_of(each)}
            self.findings.unknown(
                place, "unknown-field", name, f"a field of {', '.join(scope.types[:3])}{where}", known
            )
            return None
        return "field", name, field_value(given[0])

    def fields_of(self, name: str) -> set[str]:
        declared = self.names.types[name]
        return {*declared.required, *declared.optional}

    def test(self, node: Node, value: Value, left: str) -> Test | None:
        """Return the right side of a line."""
        if not isinstance(node, Table):
            literals = [self.literal(item, value, left) for item in self.reading.listing(node)]
            return OneOf(tuple(literal for literal in literals if literal is not None))
        self.reading.keys(node, "a comparison", _TESTS)
        entries = node.entries
        if "within" in entries:
            duration = self.reading.duration_of(node, "within")
            if value.kind != "time":
                self.findings.add(node.place, "comparison", f'"within" compares a time; "{left}" is none.')
            return None if duration is None else Within(duration)
        if "has" in entries:
            if value.kind != "set":
                self.findings.add(node.place, "comparison", f'"has" looks into a set; "{left}" is none.')
            words = self.reading.words(entries["has"], '"has"')
            for word, place in words:
                self.known_word(word, value, left, place)
            return Has(tuple(word for word, _ in words))
        if "given" in entries:
            return Given(self.reading.flag(node, "given", "a comparison"))
        if value.kind not in ("number", "money", "date", "time"):
            self.findings.add(
                node.place, "comparison", f'"{left}" has no order. Write the words that fit, as a list.'
            )
            return None
        bounds = [self.literal(entries[key], value, left) if key in entries else None for key in _TESTS[:2]]
        return Range(bounds[0], bounds[1])

    def literal(self, node: Node, value: Value, left: str) -> Literal_ | None:
        """Return a value of the policy, checked against the kind of the left side."""
        if not isinstance(node, Scalar):
            self.findings.add(
                node.place, "comparison", f'"{left}" is compared with a value, a list or {{at_least: ...}}.'
            )
            return None
        got = node.value
        wanted = {"flag": bool, "number": (int, Decimal)}.get(value.kind, str)
        if isinstance(got, str) and got.startswith("$"):
            self.findings.add(
                node.place,
                "not-yet",
                f'"{got}": settings are not in this version of the language yet. Write the value.',
            )
            return None
        if not isinstance(got, wanted) or (value.kind == "number" and isinstance(got, bool)):
            said = {"flag": "true or false", "number": "a number", "money": "an amount such as 100 EUR"}
            self.findings.add(
                node.place,
                "comparison",
                f'"{left}" is {said.get(value.kind, "a text")}; "{got}" never fits. Mend the value.',
            )
            return None
        if value.kind == "money":
            amount = parse_money(str(got))
            if amount is None:
                self.findings.add(node.place, "money", f'"{got}" is not an amount. Write it as 100 EUR.')
            return amount
        if isinstance(got, str):
            self.known_word(got, value, left, node.place)
        return got

    def known_word(self, word: str, value: Value, left: str, place: Place) -> None:
        if value.words and word not in value.words:
            known = ", ".join(value.words)
            self.findings.add(
                place, "unknown-word", f'"{word}" is not one of {left} ({known}). This line never fits.'
            )
