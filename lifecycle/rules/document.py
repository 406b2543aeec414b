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
from lifecycle.rules.findings import Findings, Place

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 100_000

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
        re.compile(
            r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
        ),
    ),
)
_DECIMAL = re.compile(r"^[-+]?[0-9]+(\.[0-9]+)?$")


def _tag_11(text: str) -> str:
    for tag, pattern in _YAML_11.get(text[:1], ()):
        if pattern.match(text):
            return str(tag).rpartition(":")[2]
    return "str"


def _tag_12(text: str) -> str:
    return next((tag for tag, pattern in _CORE_12 if pattern.match(text)), "str")


class _Reader:
    def __init__(self, text: str, findings: Findings) -> None:
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
            self.findings.add(
                place, "yaml", f"This is not YAML: {problem}. Look at indentation, quotes and braces."
            )
            self.findings.refuse()
            raise AssertionError("refuse raises") from error

    def read(self, event: Any, depth: int) -> Node:
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            limit = f"{MAX_DEPTH} levels" if depth > MAX_DEPTH else f"{MAX_NODES} values"
            self.findings.add(place, "too-large", f"A policy has at most {limit}. Split it.")
            self.findings.refuse()
        if isinstance(event, yaml.AliasEvent):
            self.findings.add(place, "alias", "Aliases are not read here. Write the part out again.")
            return Scalar("", place)
        if event.anchor is not None:
            self.findings.add(place, "anchor", f'The anchor "&{event.anchor}" is not read here. Take it out.')
        if event.tag is not None and event.tag != "!":
            self.findings.add(place, "tag", f'The tag "{event.tag}" is not read here. Take it out.')
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
            value = self.read(self.next(), depth + 1)
            name = key.value if isinstance(key, Scalar) else None
            if not isinstance(name, str):
                self.findings.add(key.place, "key", "A key is a word. Put numbers and the like in quotes.")
            elif name == "<<":
                self.findings.add(
                    key.place, "merge", "Merge keys are not read here. Write the part out again."
                )
            elif name in entries:
                self.findings.add(
                    key.place,
                    "twice",
                    f'"{name}" stands twice here, first in line {places[name].line}. Keep one, or give it another name.',
                )
            else:
                entries[name], places[name] = value, key.place
        return Table(entries, places, place)

    def scalar(self, event: Any, place: Place) -> Scalar:
        text: str = event.value
        if event.style:
            return Scalar(text, place, quoted=True)
        older, newer = _tag_11(text), _tag_12(text)
        if newer == "null":
            self.findings.add(
                place,
                "empty",
                "A value is missing here. If a sentence was cut at a comma, a colon or a #, put the sentence in quotes.",
            )
            return Scalar("", place)
        if older != newer and text != "<<":
            reads = {
                "bool": "true or false",
                "timestamp": "a date",
                "int": "a number",
                "float": "a number",
            }.get(older, older)
            advice = {"yes": ", or true", "on": ", or true", "no": ", or false", "off": ", or false"}.get(
                text.lower(), ""
            )
            self.findings.add(
                place,
                "two-yamls",
                f'Here "{text}" is {_article(newer)} in one YAML and {reads} in another. Write "{text}" in quotes{advice}.',
            )
        return Scalar(self.plain(text, newer, place), place)

    def plain(self, text: str, tag: str, place: Place) -> Value:
        if tag == "bool":
            return text.lower() == "true"
        if tag in ("int", "float"):
            if not _DECIMAL.match(text) or (text.lstrip("+-")[0] == "0" and text.lstrip("+-")[1:2].isdigit()):
                self.findings.add(
                    place,
                    "number",
                    f'Write the number "{text}" in plain digits, or in quotes if it is a word.',
                )
                return 0
            return int(text) if tag == "int" else Decimal(text)
        return text


def _article(tag: str) -> str:
    return {"str": "a word", "int": "a number", "float": "a number", "bool": "true or false"}.get(tag, tag)


def read_document(text: str, *, name: str) -> Table:
    """Return the tree of one policy text. Raises PolicyRefused with every finding of this layer."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise PolicyRefused(
            f"{name}:1:1: A policy is at most {MAX_BYTES // 1024} KiB of text. Split it. [too-large]"
        )
    findings = Findings(name)
    reader = _Reader(text, findings)
    reader.next()
    if isinstance(reader.next(), yaml.StreamEndEvent):
        raise PolicyRefused(
            f"{name}:1:1: The policy is empty. Begin with policy, language, lanes, touchpoints, tracks. [empty]"
        )
    root = reader.read(reader.next(), 0)
    reader.next()
    if not isinstance(reader.next(), yaml.StreamEndEvent):
        findings.add(
            root.place, "documents", "One file holds one policy. Take out the second document (---)."
        )
    if not isinstance(root, Table):
        findings.add(root.place, "shape", "A policy is a list of keys with values, such as policy: my-shop.")
        findings.refuse()
        raise AssertionError("refuse raises")
    findings.refuse()
    return root
