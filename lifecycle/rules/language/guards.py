"""Reading guards and lists of choices: left sides, tests and literals, each checked against what it names."""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle.rules.language.document import Listing, Node, Scalar, Table
from lifecycle.rules.language.findings import Finding, Place, shown
from lifecycle.rules.language.left_sides import KINDS_SAID, Value, common_value, field_value, literal_of
from lifecycle.rules.language.names import PERSON, Names, Reading, Scope
from lifecycle.rules.language.policy import (
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
from lifecycle.rules.language.schedule import parse_day

_TESTS = ("at_least", "less_than", "within", "has", "given")
_NO_TEST = {"at_most": "less_than", "more_than": "at_least"}
_ORDERED = ("number", "money", "date", "time")
_HELD = {
    "time": ("times", "10:00+02:00", "08:00Z"),
    "number": ("numbers", "3.0", "3"),
    "money": ("amounts", "100.00 EUR", "100 EUR"),
    "flag": ("true and false", "true", '"true"'),
}
"""What a set cannot be searched for: how it is called, and two ways to write one of it."""


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
        if not items:
            self.findings.add(node.place, "empty-list", "This list decides nothing. Add a line or take it out.")
        for number, item in enumerate(items, 1):
            table = self.reading.table(item, "A line of a list that decides", item.place)
            self.reading.keys(table, "a line that decides", ("when", word))
            when = table.entries.get("when")
            target = table.entries.get(word)
            if when is None and number < len(items):
                message = f'Only the last line may lack "when". Line {number} hides line {number + 1}.'
                self.findings.add(table.place, "hidden", message)
            guard = None if when is None else self.guard(when, scope)
            if target is None:
                self.findings.add(table.place, "missing", f'This line needs "{word}:".')
            else:
                found.append(Choice(guard, self.target(target, otherwise), target.place))
        return tuple(found)

    def target(self, node: Node, what: str) -> str | bool:
        """Return a stage name or the word of a `choose` line."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or (isinstance(value, str) and value):
            return "" if self.reading.setting(value, node.place) else value
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
                if not guards:
                    self.findings.add(place, "empty-list", f'"{key}" needs a list of guards, such as [{{a: b}}].')
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
        if head in ("fact", "stage", "any") and scope.fields_only:
            message = f'"when" of a fact sees fields of the touchpoint only, not "{shown(key)}". Use "choose" for that.'
            self.findings.add(place, "fields-only", message)
        elif head == "fact":
            value = self.names.fact(name, scope.track)
            if value is not None:
                return "fact", name, value
            self.findings.unknown(place, "unknown-fact", name, "a fact", self.names.facts_seen(scope.track))
        elif head in ("stage", "any"):
            return self.stage(head, name, scope, place)
        else:
            self.findings.unknown(place, "unknown-left", head, "a left side", ("fact", "stage", "any"))
        return None

    def stage(self, head: str, name: str, scope: Scope, place: Place) -> tuple[Space, str, Value] | None:
        """Return what `stage.TRACK` or `any.TRACK` names."""
        track = self.names.tracks.get(name)
        if track is None:
            self.findings.unknown(place, "unknown-track", name, "a track", self.names.tracks)
            return None
        if head == "any":
            return "any", name, Value("words", track.stages)
        own = self.names.track(scope.track)
        if track.per == PERSON or (own is not None and track.per == own.per):
            return "stage", name, Value("words", track.stages)
        key = shown(track.per)
        message = f'"stage.{name}" has one stage for each {key}, and here is no {key}. Use "any.{name}".'
        self.findings.add(place, "other-key", message)
        return None

    def field(self, name: str, scope: Scope, place: Place) -> tuple[Space, str, Value] | None:
        """Return what a field of the touchpoint at hand is."""
        if scope.types is None:
            message = f'A timer has no touchpoint; "{shown(name)}" is not known here. Keep it as a fact.'
            self.findings.add(place, "no-touchpoint", message)
            return None
        kinds = [kind for each in scope.types if (kind := self.names.types[each].field(name)) is not None]
        if not kinds:
            self.unknown_field(name, scope.types, place)
            return None
        value = common_value(field_value(kind) for kind in kinds)
        if value is None:
            message = f'"{name}" is of different kinds in the touchpoints that lead here. Name them alike or apart.'
            self.findings.add(place, "mixed", message)
            return None
        return "field", name, value

    def unknown_field(self, name: str, types: Sequence[str], place: Place) -> None:
        """Report a field that none of these types has, with the types that have it or the nearest field."""
        owners = sorted(each for each, declared in self.names.types.items() if declared.field(name))
        here = ", ".join(types[:3])
        if owners:
            message = f'"{shown(name)}" is no field of {here}; it is one of {", ".join(owners[:3])}.'
            self.findings.add(place, "unknown-field", message)
            return
        known = {field for each in types for field in self.names.types[each].fields}
        self.findings.unknown(place, "unknown-field", name, f"a field of {here}", known)

    def test(self, node: Node, value: Value, left: str) -> Test | None:
        """Return the right side of a line."""
        if not isinstance(node, Table):
            return self.one_of(node, value, left)
        entries = node.entries
        for key in entries.keys() & _NO_TEST.keys():
            message = f'There is no "{key}", so that ranges meet without overlap. Write "{_NO_TEST[key]}".'
            self.findings.add(node.places[key], "comparison", message)
        self.reading.keys(node, "a comparison", (*_TESTS, *_NO_TEST))
        found = [key for key in _TESTS if key in entries]
        if not found:
            if not entries:
                self.findings.add(node.place, "comparison", f'"{left}" needs a comparison, such as {{given: true}}.')
            return None
        if len(found) > 1 and found != ["at_least", "less_than"]:
            message = f'"{found[0]}" and "{found[1]}" are two comparisons. Only at_least and less_than go together.'
            self.findings.add(node.place, "comparison", message)
        return self.comparison(node, found[-1], value, left)

    def comparison(self, node: Table, key: str, value: Value, left: str) -> Test | None:
        """Return the test of a right side that is a table; `key` is the last of its comparisons."""
        if key == "given":
            return Given(self.reading.flag(node, "given", "a comparison"))
        if key == "has":
            if value.kind != "set":
                self.findings.add(node.place, "comparison", f'"has" looks into a set; "{left}" is none.')
                return None
            return self.has(node.entries["has"], value, left)
        if key == "within":
            duration = self.reading.plain_duration_of(node, "within")
            if value.kind != "time":
                self.findings.add(node.place, "comparison", f'"within" compares a time; "{left}" is none.')
            return None if duration is None else Within(duration)
        if value.kind not in _ORDERED:
            message = f'"{left}" has no order. Write the words that fit, as a list.'
            self.findings.add(node.place, "comparison", message)
            return None
        bounds = [
            self.literal(node.entries[each], value, left) if each in node.entries else None for each in _TESTS[:2]
        ]
        if len({bound.currency for bound in bounds if isinstance(bound, Money)}) > 1:
            message = f'The two ends of "{left}" are in different currencies, which are never compared. Use one.'
            self.findings.add(node.place, "comparison", message)
        return Range(bounds[0], bounds[1])

    def has(self, node: Node, value: Value, left: str) -> Test | None:
        """Return the test of what a set contains; one of what can be written in several ways is refused."""
        for kind in (each for each in value.holds if each in _HELD):
            what, one, other = _HELD[kind]
            message = (
                f'"{left}" is a set of {what}, and "has" compares texts: {one} would not be found as {other}. '
                "Keep the last of them, or words."
            )
            self.findings.add(node.place, "comparison", message)
            return None
        words = self.reading.words(node, '"has"')
        for word, place in words:
            if value.holds == ("date",) and parse_day(word) is None:
                message = (
                    f'"{left}" is a set of dates such as "2026-03-02"; "{shown(word)}" never fits. Mend the value.'
                )
                self.findings.add(place, "comparison", message)
            self.known_word(word, value, left, place)
        return Has(tuple(word for word, _ in words))

    def one_of(self, node: Scalar | Listing, value: Value, left: str) -> Test | None:
        """Return the test of a right side that is a value or a list of values."""
        if value.kind in ("set", "time"):
            advice = "{has: ...}" if value.kind == "set" else "within, at_least, less_than or given"
            self.findings.add(node.place, "comparison", f'"{left}" is a {value.kind} and equals nothing. Use {advice}.')
            return None
        items = self.reading.listing(node)
        if not items:
            self.findings.add(node.place, "empty-list", f'"{left}" fits nothing in an empty list. Write a value.')
        literals = [self.literal(item, value, left) for item in items]
        self.findings.twice(
            [(each, item.place) for each, item in zip(literals, items, strict=True) if each is not None]
        )
        return OneOf(tuple(literal for literal in literals if literal is not None))

    def literal(self, node: Node, value: Value, left: str) -> Literal_ | None:
        """Return a value of the policy, checked against the kind of the left side."""
        if not isinstance(node, Scalar):
            message = f'"{left}" is compared with a value, a list or {{at_least: ...}}.'
            self.findings.add(node.place, "comparison", message)
            return None
        got = node.value
        if self.reading.setting(got, node.place):
            return None
        literal = literal_of(got, value)
        if literal is None:
            message = f'"{left}" is {KINDS_SAID.get(value.kind, "a text")}; "{_said(got)}" never fits. Mend the value.'
            self.findings.add(node.place, "comparison", message)
        elif isinstance(literal, str):
            self.known_word(literal, value, left, node.place)
        return literal

    def known_word(self, word: str, value: Value, left: str, place: Place) -> None:
        """Report a word that the left side can never be."""
        if value.words and word not in value.words:
            known = ", ".join(value.words[:12]) + (", ..." if len(value.words) > 12 else "")
            message = f'"{shown(word)}" is not one of {left} ({known}). This line never fits.'
            self.findings.found.append(
                Finding(
                    place.file, place.line, place.column, "unknown-word", message, word, value.words, is_listed=True
                )
            )


def _said(got: Literal_) -> str:
    return str(got).lower() if isinstance(got, bool) else shown(str(got))
