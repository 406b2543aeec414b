"""What a policy's guards and timers may name: collected first, so that the parts can be read in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lifecycle.rules.document import Listing, Node, Scalar, Table
from lifecycle.rules.findings import Findings, Place
from lifecycle.rules.policy import FieldKind, TouchpointType
from lifecycle.rules.schedule import Duration, parse_duration

ValueKind = Literal["flag", "number", "money", "time", "date", "text", "words", "set"]
PERSON = "person"


@dataclass(frozen=True, slots=True)
class Value:
    """What a left side of a guard can be. `words` lists the possible words where they are known."""

    kind: ValueKind
    words: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a guard stands: which touchpoint types lead there (None: a timer, no touchpoint), in which track."""

    types: tuple[str, ...] | None
    track: str | None


def field_value(kind: FieldKind) -> Value:
    """Return what a guard may do with a field of this kind."""
    if kind.kind in ("whole", "number"):
        return Value("number")
    if kind.kind == "yes_or_no":
        return Value("flag")
    if kind.kind in ("money", "date", "time"):
        return Value(kind.kind)  # type: ignore[arg-type]  # the three names agree
    if kind.kind == "words":
        return Value("words", kind.words)
    return Value("text")


class Reading:
    """The findings and small readers that all loader modules share. One for each policy read."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def table(self, node: Node | None, what: str, place: Place) -> Table:
        """Return the node as a table; anything else is a finding and reads as an empty one."""
        if isinstance(node, Table):
            return node
        if node is not None:
            self.findings.add(node.place, "shape", f"{what} is written as keys with values, {{key: value}}.")
        return Table({}, {}, place if node is None else node.place)

    def keys(
        self, table: Table, what: str, known: Iterable[str], later: Mapping[str, str] | None = None
    ) -> None:
        """Report keys that are not known, and by name those of the notation that this version does not read yet."""
        names = tuple(known)
        for key, place in table.places.items():
            if later and key in later:
                self.findings.add(
                    place,
                    "not-yet",
                    f'"{key}" ({later[key]}) is not in this version of the language yet. Take it out.',
                )
            elif key not in names:
                cut = (
                    " A comma ends the sentence inside braces; put the sentence in quotes."
                    if " " in key
                    else ""
                )
                self.findings.unknown(place, "unknown-key", key, f"a key of {what}", names)
                if cut:
                    self.findings.add(place, "cut-sentence", f'"{key[:40]}" is not a key of {what}.{cut}')

    def text(self, table: Table, key: str, what: str, default: str | None = None) -> str:
        """Return a text, or the default; without a default its absence is a finding."""
        node = table.entries.get(key)
        if node is None:
            if default is None:
                self.findings.add(table.place, "missing", f'{what} needs "{key}".')
            return default or ""
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.strip():
            return node.value
        self.findings.add(node.place, "text", f'"{key}" of {what} is a text. Put it in quotes.')
        return default or ""

    def flag(self, table: Table, key: str, what: str) -> bool:
        """Return true or false; absent is false."""
        node = table.entries.get(key)
        if node is None:
            return False
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
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
        for item in self.listing(node):
            if isinstance(item, Scalar) and isinstance(item.value, str):
                found.append((item.value, item.place))
            else:
                self.findings.add(item.place, "word", f"{what} is a word or a list of words.")
        return tuple(found)

    def duration(self, text: str, place: Place) -> Duration | None:
        """Return a duration; what is none is a finding that says how one is written."""
        duration = parse_duration(text)
        if duration is not None:
            return duration
        if text.startswith("$"):
            message = (
                f'"{text}": settings are not in this version of the language yet. Write the duration itself.'
            )
        elif "business" in text:
            message = (
                f'"{text}": business time is not in this version of the language yet. Write hours or days.'
            )
        else:
            message = (
                f'"{text}" is not a duration. Write number, blank, unit: "14 days"; '
                "units are hours, days, weeks, months, years, 100 years at most."
            )
        self.findings.add(
            place, "not-yet" if text.startswith("$") or "business" in text else "duration", message
        )
        return None

    def duration_of(self, table: Table, key: str) -> Duration | None:
        """Return the duration under a key, or None where there is none."""
        node = table.entries.get(key)
        if node is None:
            return None
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return self.duration(node.value, node.place)
        self.findings.add(node.place, "duration", f'"{key}" is a duration such as "14 days".')
        return None


def types_named(text: str, names: Names) -> tuple[str, ...] | None:
    """Return the types that a name stands for: `any by person` for all by the person. None: no such name."""
    if text in names.types:
        return (text,)
    if text.startswith("any by "):
        by = text[7:]
        found = tuple(
            name for name, declared in names.types.items() if declared.by == by and not is_built_in(name)
        )
        return found if by in ("person", "us", "system") else None
    return None


def is_built_in(name: str) -> bool:
    """Tell whether a type is a task outcome, which every policy has."""
    return name in ("task.completed", "task.declined")
