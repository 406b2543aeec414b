"""Policy text to a tree of nodes with places: the safe part of YAML, read as YAML 1.2, and nothing else.

Nothing is constructed or executed. Refused, each with its place: anchors, aliases, tags, merge keys, nulls,
several documents, the same key twice, and every plain word that YAML 1.1 and 1.2 read differently (`no`,
`20:00`, `012`, bare dates). Size, depth and number of nodes are bounded before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from lifecycle.errors import PolicyRefused
from lifecycle.rules.language.findings import Findings, Place, shown
from lifecycle.rules.language.yaml_faults import find_fault, find_outside

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 20_000
"""Keys, values, lists and tables of one file; the default policy has some 2,500."""

MAX_DIGITS = 30
"""Digits of a number."""

Value = str | int | bool | Decimal


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `quoted` tells a text in quotes from a plain word."""

    value: Value
    place: Place
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of nodes."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping in file order. `places` has the place of each key."""

    entries: dict[str, Node]
    places: dict[str, Place]
    place: Place


Node = Scalar | Listing | Table

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_YAML_11: Any = yaml.SafeLoader.yaml_implicit_resolvers
_CORE_12 = (
    ("null", re.compile(r"^(~|null|Null|NULL|)$")),
    ("bool", re.compile(r"^(true|True|TRUE|false|False|FALSE)$")),
    ("int", re.compile(r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")),
    (
        "float",
        re.compile(r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"),
    ),
)
_DECIMAL = re.compile(r"^[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?$")
# What is no character to YAML, ends a line in YAML 1.1 only, or stands for nothing that can be seen.
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
CUT_SENTENCE = "A comma ends the sentence inside braces; put the sentence in quotes."
_LINE_END = re.compile(r"\r\n|\r|\n")
_CUT = "If a sentence was cut at a comma, a colon or a #, put the sentence in quotes."


def _tag_11(text: str) -> str:
    if text in ("y", "Y", "n", "N"):  # YAML 1.1 has them, PyYAML's tables do not.
        return "bool"
    for tag, pattern in _YAML_11.get(text[:1], ()):
        if pattern.match(text):
            return str(tag).rpartition(":")[2]
    return "str"


def _tag_12(text: str) -> str:
    return next((tag for tag, pattern in _CORE_12 if pattern.match(text)), "str")


class _Reader:
    def __init__(self, text: str, findings: Findings, file: str) -> None:
        self.file = file
        self.lines = _LINE_END.split(text)
        self.events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self.findings = findings
        self.nodes = 0

    def next(self) -> Any:
        try:
            return next(self.events)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
            problem = getattr(error, "problem", None) or str(error)
            advice = "Look at indentation, quotes and braces."
            tab = self.tab(place)
            fault = find_fault(self.lines, place.line) if tab is None else None
            if tab is not None:
                place, problem, advice = tab, "here stands a tab", "Put blanks in its place: only they indent."
            elif fault is not None:
                place, problem, advice = Place(fault.line, fault.column), fault.problem, fault.advice
            self.findings.add(place, "yaml", f"This is not YAML: {problem}. {advice}")
            self.findings.refuse()
            raise AssertionError("refuse raises") from error

    def tab(self, place: Place) -> Place | None:
        """Return the tab in what a line begins with, at the place of an error or in the line before it."""
        for number in (place.line, place.line - 1):
            line = self.lines[number - 1] if 0 < number <= len(self.lines) else ""
            column = line[: len(line) - len(line.lstrip())].find("\t")
            if column >= 0:
                return Place(number, column + 1)
        return None

    def read(self, event: Any, depth: int) -> Node:
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1, self.file)
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            limit = f"{MAX_DEPTH} levels" if depth > MAX_DEPTH else f"{MAX_NODES} values"
            self.findings.add(place, "too-large", f"A file has at most {limit}. Split it.")
            self.findings.refuse()
        if isinstance(event, yaml.AliasEvent):
            self.findings.add(place, "alias", "Aliases are not read here. Write the part out again.")
            return Scalar("", place)
        if event.anchor is not None:
            self.findings.add(place, "anchor", f'The anchor "&{shown(event.anchor)}" is not read here. Take it out.')
        if event.tag is not None:
            self.findings.add(place, "tag", f'The tag "{shown(event.tag)}" is not read here. Take it out.')
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, place)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(following := self.next(), yaml.SequenceEndEvent):
                items.append(self.read(following, depth + 1))
            return Listing(tuple(items), place)
        return self.table(place, depth)

    def table(self, place: Place, depth: int) -> Table:
        entries: dict[str, Node] = {}
        places: dict[str, Place] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.read(event, depth + 1)
            name = key.value if isinstance(key, Scalar) else None
            following = self.next()
            if isinstance(name, str) and " " in name and _is_null(following):
                message = f'"{shown(name)}" is not a key, for it has no value. {CUT_SENTENCE}'
                self.findings.add(key.place, "cut-sentence", message)
                continue
            value = self.read(following, depth + 1)
            if not isinstance(name, str):
                self.findings.add(key.place, "key", "A key is a word. Put numbers and the like in quotes.")
            elif name == "<<":
                self.findings.add(key.place, "merge", "Merge keys are not read here. Write the part out again.")
            elif name in entries:
                message = f'"{shown(name)}" stands twice here, first in line {places[name].line}. '
                self.findings.add(key.place, "twice", f"{message}Keep one, or give it another name.")
            else:
                entries[name], places[name] = value, key.place
        return Table(entries, places, place)

    def scalar(self, event: Any, place: Place) -> Scalar:
        text: str = event.value
        if event.style:
            if _UNREADABLE.search(text):
                message = "A text here holds a character that cannot be seen. Write it without."
                self.findings.add(place, "character", message)
            return Scalar(text, place, quoted=True)
        if text.endswith(('"', ".'", "?'", "!'", "}'")) and text.count(text[-1]) % 2:
            message = f"A quote ({text[-1]}) ends a text here that begins without one. Write both, or none."
            self.findings.add(place, "quote", message)
        older, newer = _tag_11(text), _tag_12(text)
        if newer == "null":
            self.empty(place)
            return Scalar("", place)
        if older != newer and text != "<<":
            advice = _ADVICE.get(text.lower(), "")
            self.findings.add(
                place,
                "two-yamls",
                f'Here "{shown(text)}" is {_article(newer)} in one YAML and {_article(older)} in another. '
                f'Write "{shown(text)}" in quotes{advice}.',
            )
            return Scalar(text, place)
        return Scalar(self.plain(text, newer, place), place)

    def empty(self, place: Place) -> None:
        outside = find_outside(self.lines, place.line)
        if outside is None:
            self.findings.add(place, "empty", f"A value is missing here. {_CUT}")
        else:
            problem = f"{outside.problem[0].upper()}{outside.problem[1:]}, line {place.line}. {outside.advice}"
            self.findings.add(Place(outside.line, outside.column, self.file), "empty", problem)

    def plain(self, text: str, tag: str, place: Place) -> Value:
        if tag == "bool":
            return text.lower() == "true"
        if tag in ("int", "float"):
            if not _DECIMAL.match(text) or len(text) > MAX_DIGITS:
                message = f'Write the number "{shown(text)}" in at most {MAX_DIGITS} plain digits, '
                self.findings.add(place, "number", f"{message}or in quotes if it is a word.")
                return 0
            return int(text) if tag == "int" else Decimal(text)
        return text


def _is_null(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and not event.style and _tag_12(event.value) == "null"


_ARTICLES = {
    "str": "a word",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "timestamp": "a date",
    "null": "nothing",
}
_ADVICE = dict.fromkeys(("y", "yes", "on"), ", or true") | dict.fromkeys(("n", "no", "off"), ", or false")


def _article(tag: str) -> str:
    return _ARTICLES.get(tag, "something else")


def read_document(text: str, *, name: str, file: str = "") -> Table:
    """Return the tree of one file. Raises PolicyRefused with every finding of this layer."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        message = f"A file has at most {MAX_BYTES // 1024} KiB of text. Split it. [too-large]"
        raise PolicyRefused(f"{name}:1:1: {message}")
    text = text.removeprefix("\ufeff")
    _check_characters(text, name)
    findings = Findings(name)
    reader = _Reader(text, findings, file)
    reader.next()
    if isinstance(reader.next(), yaml.StreamEndEvent):
        raise PolicyRefused(f"{name}:1:1: The file is empty. Begin with its keys, such as language: 1. [empty]")
    root = reader.read(reader.next(), 0)
    reader.next()
    following = reader.next()
    if not isinstance(following, yaml.StreamEndEvent):
        place = Place(following.start_mark.line + 1, following.start_mark.column + 1)
        findings.add(place, "documents", "One file holds one document. Take out the second one (---).")
    if not isinstance(root, Table):
        findings.add(root.place, "shape", "A file is a list of keys with values, such as language: 1.")
        findings.refuse()
        raise AssertionError("refuse raises")
    findings.refuse()
    return root


def _check_characters(text: str, name: str) -> None:
    match = _UNREADABLE.search(text)
    if match is None:
        return
    lines = _LINE_END.split(text[: match.start()])
    findings = Findings(name)
    findings.add(
        Place(len(lines), len(lines[-1]) + 1),
        "character",
        f"Here stands the character U+{ord(match[0]):04X}, which cannot be seen. Take it out.",
    )
    findings.refuse()
