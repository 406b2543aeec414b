"""What a policy's guards and timers may name: collected first, so that the parts can be read in any order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle.rules.language.document import CUT_SENTENCE, Listing, Node, Scalar, Table
from lifecycle.rules.language.findings import Findings, Place, shown
from lifecycle.rules.language.left_sides import Value
from lifecycle.rules.language.policy import ByFact, TouchpointType, Wait
from lifecycle.rules.language.schedule import Duration, parse_duration
from lifecycle.touchpoint import RETRACTED

PERSON = "person"

TOO_MANY = "too_many"
"""The track that every policy has (built_in.py), and the kind of its task."""

NAME = re.compile(r"[a-z][a-z0-9_]*")
_SETTING = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class TrackNames:
    """The names of one track that other parts may use."""

    per: str
    stages: tuple[str, ...]
    facts: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Names:
    """All names of a policy."""

    types: Mapping[str, TouchpointType]
    facts: Mapping[str, Value]
    tracks: Mapping[str, TrackNames]

    def track(self, name: str | None) -> TrackNames | None:
        """Return the names of a track; None for no track, or none that is known."""
        return None if name is None else self.tracks.get(name)

    def fact(self, name: str, track: str | None) -> Value | None:
        """Return what a fact can be, seen from a track or from none; None where it is not known there."""
        own = self.track(track)
        return self.facts.get(name) or (None if own is None else own.facts.get(name))

    def facts_seen(self, track: str | None) -> tuple[str, ...]:
        """Return the names of the facts that can be seen from a track or from none."""
        own = self.track(track)
        return (*self.facts, *(() if own is None else own.facts))


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a guard stands: which touchpoint types lead there (None: a timer, no touchpoint), in which track.

    `fields_only`: the guard sees nothing but fields of the touchpoint.
    """

    types: tuple[str, ...] | None
    track: str | None
    fields_only: bool = False


class Reading:
    """The findings and small readers that all loader modules share. One for each policy read."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.values: Mapping[str, Scalar] = {}  # settings that are one value: replaced before, but for those in a text
        self.settings: dict[str, Table] = {}  # those that depend on a fact
        self.words_of: Mapping[str, tuple[str, ...]] = {}  # the words of each `choose` fact of the policy
        self.aging: Collection[str] = ()  # the facts of the policy that change as time passes

    def setting(self, value: Any, place: Place) -> bool:
        """Report a `$name` where it cannot stand; False for any other value."""
        if not isinstance(value, str) or not _SETTING.fullmatch(value):
            return False
        message = f'"{shown(value)}" depends on a fact, so it can only be a duration. Write the value itself here.'
        self.findings.add(place, "setting", message)
        return True

    def name(self, word: str, place: Place, what: str) -> None:
        """Report a word that cannot be the name of something."""
        if not NAME.fullmatch(word):
            message = f'"{shown(word)}" cannot be the name of {what}. Write lower case letters, digits and _.'
            self.findings.add(place, "name", message)

    def table(self, node: Node | None, what: str, place: Place) -> Table:
        """Return the node as a table; anything else is a finding and reads as an empty one."""
        if isinstance(node, Table):
            return node
        if node is not None:
            self.findings.add(node.place, "shape", f"{what} is written as keys with values, {{key: value}}.")
        return Table({}, {}, place if node is None else node.place)

    def keys(self, table: Table, what: str, known: Iterable[str]) -> None:
        """Report keys that are not known."""
        names = tuple(known)
        for key, place in table.places.items():
            if key in names:
                continue
            if " " in key:
                message = f'"{shown(key)}" is not a key of {what}. {CUT_SENTENCE}'
                self.findings.add(place, "cut-sentence", message)
            else:
                self.findings.unknown(place, "unknown-key", key, f"a key of {what}", names)
                self.findings.misspell(table.place, key, (each for each in names if each not in table.entries))

    def text(self, table: Table, key: str, what: str, default: str | None = None) -> str:
        """Return a text, or the default; without a default its absence is a finding."""
        node = table.entries.get(key)
        if node is None:
            if default is None:
                self.findings.add(table.place, "missing", f'{what} needs "{key}".')
            return default or ""
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.strip():
            return (default or "") if self.setting(node.value, node.place) else node.value
        self.findings.add(node.place, "text", f'"{key}" of {what} is a text. Put it in quotes.')
        return default or ""

    def flag(self, table: Table, key: str, what: str, default: bool = False) -> bool:
        """Return true or false, or the default where there is none."""
        node = table.entries.get(key)
        if node is None:
            return default
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        if not isinstance(node, Scalar) or not self.setting(node.value, node.place):
            self.findings.add(node.place, "flag", f'"{key}" of {what} is true or false.')
        return False

    def listing(self, node: Node | None) -> tuple[Node, ...]:
        """Return the items of a list, or a single node as a list of one."""
        if node is None:
            return ()
        return node.items if isinstance(node, Listing) else (node,)

    def words(self, node: Node | None, what: str) -> tuple[tuple[str, Place], ...]:
        """Return one word or a list of words, each with its place."""
        found = []
        if isinstance(node, Listing) and not node.items:
            self.findings.add(node.place, "empty-list", f"{what} is a word or a list of words, and this list is empty.")
        for item in self.listing(node):
            if not isinstance(item, Scalar) or not isinstance(item.value, str) or not item.value:
                self.findings.add(item.place, "word", f"{what} is a word or a list of words.")
            elif not self.setting(item.value, item.place):
                found.append((item.value, item.place))
        self.findings.twice(found)
        return tuple(found)

    def duration(self, text: str, place: Place) -> Wait | None:
        """Return how long something waits; what is no duration is a finding that says how one is written."""
        name = text.removeprefix("$")
        if name != text and name in self.settings:
            return self.by_fact(name)
        duration = parse_duration(text)
        if duration is None:
            message = f'"{shown(text)}" is not a duration. Write number, blank, unit: "14 days"; '
            units = "units are hours, days, weeks, months, years, business hours, business days; 100 years at most."
            self.findings.add(place, "duration", f"{message}{units}")
        return duration

    def plain_duration(self, text: str, place: Place) -> Duration | None:
        """Return a duration that is the same for everybody and counts elapsed time: for windows and budgets."""
        duration = self.duration(text, place)
        if isinstance(duration, Duration) and not duration.is_business:
            return duration
        if duration is not None:
            message = f'"{shown(text)}" cannot stand here: this time is the same for everybody, in hours or days.'
            self.findings.add(place, "duration", message)
        return None

    def by_fact(self, name: str) -> ByFact:
        """Return a setting that depends on a fact; it must name each of the fact's words."""
        table = self.settings[name]
        fact = self.text(table, "depends_on", f"the setting {name}")
        words = self.words_of.get(fact)
        place = table.entries["depends_on"].place
        if words is None:
            self.findings.unknown(place, "unknown-fact", fact, 'a "choose" fact', self.words_of)
        if fact in self.aging:
            message = (
                f'The fact "{fact}" changes as time passes, by "within", and how long something waits must not. '
                "Let the setting depend on a fact that only news can change."
            )
            self.findings.add(place, "aging", message)
        values: dict[str, Duration] = {}
        for word, node in table.entries.items():
            if word == "depends_on":
                continue
            if words is not None and word not in words:
                self.findings.unknown(table.places[word], "unknown-word", word, f"a word of {fact}", words)
            text = node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
            duration = parse_duration(text)
            if duration is None:
                message = f'"{shown(text)}" is not a duration. Write one such as "14 days" for {word}.'
                self.findings.add(node.place, "duration", message)
            else:
                values[word] = duration
        for missing in (word for word in words or () if word not in table.entries):
            message = f'"{missing}" of the fact "{fact}" has no duration here. Add "{missing}: 14 days".'
            self.findings.add(table.place, "missing", message)
        return ByFact(name, fact, values)

    def duration_of(self, table: Table, key: str) -> Wait | None:
        """Return the duration under a key, or None where there is none."""
        read = self.phrase(table, key, '"14 days"')
        return None if read is None else self.duration(*read)

    def plain_duration_of(self, table: Table, key: str) -> Duration | None:
        """Return the plain duration under a key, or None where there is none."""
        read = self.phrase(table, key, '"30 days"')
        return None if read is None else self.plain_duration(*read)

    def phrase(self, table: Table, key: str, example: str) -> tuple[str, Place] | None:
        """Return the text under a key with its place; None where there is none, or, with a finding, no text."""
        node = table.entries.get(key)
        if node is None:
            return None
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
            return node.value, node.place
        self.findings.add(node.place, "duration", f'"{key}" is a text such as {example}.')
        return None

    def types(self, word: str, place: Place, names: Names) -> tuple[str, ...]:
        """Return the types that a word stands for; what is no type, or stands for none, is a finding."""
        types = types_named(word, names)
        if types == (RETRACTED,):
            message = f'"{word}" takes a touchpoint out as if it had never been; nothing follows from it. Take it out.'
            self.findings.add(place, "built-in", message)
            return ()
        if types is None:
            self.findings.unknown(place, "unknown-type", word, "a touchpoint", names.types)
        elif not types:
            message = f'"{word}" stands for no touchpoint: none is by {word[7:]}. Take it out.'
            self.findings.add(place, "unknown-type", message)
        return types or ()


def types_named(text: str, names: Names) -> tuple[str, ...] | None:
    """Return the types that a name stands for: `any by person` for all by the person. None: no such name."""
    if text in names.types:
        return (text,)
    if text.startswith("any by "):
        by = text[7:]
        found = tuple(name for name, declared in names.types.items() if declared.by == by and not is_built_in(name))
        return found if by in ("person", "us", "system") else None
    return None


def is_built_in(name: str) -> bool:
    """Tell whether every policy has this type: what became of a task, and retractions."""
    return name in ("task.completed", "task.declined", "task.postponed", RETRACTED)
