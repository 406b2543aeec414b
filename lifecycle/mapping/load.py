"""A mapping file to a checked ImportMapping: every finding at once, with its place and the next step.

Not the place where foreign files are read (rows.py). Called by the command line and by tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from zoneinfo import available_timezones

from lifecycle.errors import NotFound, PolicyRefused, SettingsRefused
from lifecycle.mapping.model import (
    ISO,
    ROW,
    STAMP,
    FieldValue,
    FileForm,
    Format,
    ImportMapping,
    Rule,
    Template,
    TimeForm,
    ValueKind,
    WhenColumn,
)
from lifecycle.mapping.nodes import NodeReader
from lifecycle.rules.document import Listing, Node, Scalar, Table, read_document
from lifecycle.rules.findings import Findings, Place

ENCODINGS = {"utf-8": "utf-8-sig", "latin-1": "latin-1", "cp1252": "cp1252"}
KINDS: dict[str, ValueKind] = {
    "text": "text",
    "id": "id",
    "whole": "whole",
    "number": "number",
    "money": "money",
    "yes_or_no": "yes_or_no",
}
TOP = ("mapping", "language", "source", "file", "id", "subject", "time", "sequence", "rules")
_T = TypeVar("_T")
_NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")
_TYPE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\Z")
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def load_mapping(path: Path) -> ImportMapping:
    """Read one mapping file. Raises NotFound, or SettingsRefused with every finding and its place."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        message = f"The mapping {path} cannot be read: {error.strerror}. Name a file that exists."
        raise NotFound(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: byte {error.start} is not UTF-8. Save the mapping as UTF-8."
        raise SettingsRefused(message) from error
    return parse_mapping(text, name=str(path))


def parse_mapping(text: str, *, name: str) -> ImportMapping:
    """Read the text of a mapping; `name` stands in messages. Raises SettingsRefused with every finding."""
    findings = Findings(name)
    try:
        mapping = _Loader(findings, name).mapping(read_document(text, name=name))
        findings.refuse()
    except PolicyRefused as error:  # the findings are the policy loader's; this file is none
        raise SettingsRefused(f"The mapping cannot be used.\n{error}") from error
    return mapping


class _Loader(NodeReader):
    """Reads the tree part by part. After a finding it goes on with a harmless value; `refuse` comes last."""

    def __init__(self, findings: Findings, name: str) -> None:
        super().__init__(findings)
        self.name = name

    def mapping(self, root: Table) -> ImportMapping:
        self.keys(root, "a mapping", TOP, required=("mapping", "language", "source", "file", "rules"))
        if (language := root.entries.get("language")) and getattr(language, "value", None) != 1:
            self.findings.add(language.place, "language", "This program reads language 1. Write language: 1.")
        name = self.word(root, "mapping", _NAME, "small letters, digits, _ and -, such as bpic2012")
        form = self.file(root.entries.get("file"), root.place)
        default_id = Template((f"{name}-", ROW, ""), root.place)
        identity = self.template(root.entries["id"]) if "id" in root.entries else default_id
        rules = self.rules(root)
        mapping = ImportMapping(name, self.name, self.word(root, "source"), form, identity, rules)
        if form.columns is not None:
            for column, place in mapping.columns_used():
                if column not in form.columns:
                    self.findings.unknown(place, "column", column, "a column of the file", form.columns)
        return mapping

    # -- parts

    def file(self, node: Node | None, fallback: Place) -> FileForm:
        table = self.table(node, "file") or Table({}, {}, fallback)
        known = ("format", "delimiter", "quote", "header", "columns", "encoding")
        self.keys(table, "file", known, ("format",))
        format_ = self.one_of(table, "format", ("csv", "blanks"), "csv")
        if format_ == "blanks":
            for key in ("delimiter", "quote"):
                if key in table.entries:
                    message = f'"{key}" belongs to format: csv. Take it out.'
                    self.findings.add(table.places[key], "blanks", message)
        delimiter, quote = self.character(table, "delimiter", ","), self.character(table, "quote", '"')
        header = self.boolean(table, "header", default=True)
        columns = None
        if "columns" in table.entries:
            columns = self.texts(table.entries["columns"])
            for twice in sorted({column for column in columns if columns.count(column) > 1}):
                message = f'The column "{twice}" stands twice. Rename one.'
                self.findings.add(table.places["columns"], "twice", message)
        elif not header:
            self.findings.add(table.place, "columns", "A file without header needs columns: [a, b, ...].")
            columns = ()
        encoding = ENCODINGS[self.one_of(table, "encoding", tuple(ENCODINGS), "utf-8")]
        kind: Format = "blanks" if format_ == "blanks" else "csv"
        return FileForm(kind, delimiter, quote or None, header, columns, encoding)

    def rules(self, root: Table) -> tuple[Rule, ...]:
        node = root.entries.get("rules")
        if not isinstance(node, Listing) or not node.items:
            if node is not None:
                self.findings.add(node.place, "rules", "rules: is a list with at least one rule.")
            return ()
        rules = tuple(self.rule(item, root) for item in node.items)
        seen: set[str] = set()
        for rule, item in zip(rules, node.items, strict=True):
            if rule.name in seen:
                self.findings.add(item.place, "twice", f'Two rules are called "{rule.name}". Rename one.')
            seen.add(rule.name)
        return rules

    def rule(self, node: Node, root: Table) -> Rule:
        table = self.table(node, "a rule") or Table({}, {}, node.place)
        known = ("name", "when", "type", "subject", "time", "sequence", "data")
        self.keys(table, "a rule", known, ("name", "type"))
        name = self.word(table, "name", _NAME, "small letters, digits, _ and -")
        type_ = self.word(table, "type", _TYPE, "two words with a dot, such as need.stated")
        subject = self.inherited(table, root, "subject", self.template)
        time = self.inherited(table, root, "time", self.time)
        sequence_node = table.entries.get("sequence", root.entries.get("sequence"))
        nothing = Template(("",), node.place)
        return Rule(
            name=name,
            when=self.when(table.entries.get("when")),
            type=type_,
            subject=subject or nothing,
            time=time or TimeForm(nothing, ISO, STAMP, False),
            sequence=self.template(sequence_node) if sequence_node else None,
            data=self.data(table.entries.get("data")),
        )

    def inherited(self, table: Table, root: Table, key: str, read: Callable[[Node], _T]) -> _T | None:
        node = table.entries.get(key, root.entries.get(key))
        if node is None:
            message = f'This rule has no "{key}". Write it here or, for all rules, at the top.'
            self.findings.add(table.place, key, message)
            return None
        return read(node)

    def when(self, node: Node | None) -> tuple[WhenColumn, ...]:
        table = self.table(node, "when") if node else None
        if table is None:
            return ()
        return tuple(
            WhenColumn(column, frozenset(self.texts(value)), table.places[column])
            for column, value in table.entries.items()
        )

    def time(self, node: Node) -> TimeForm:
        table = self.table(node, "time") or Table({}, {}, node.place)
        self.keys(table, "time", ("column", "format", "zone", "offset"), ("column", "zone"))
        column = self.word(table, "column")
        format_ = self.word(table, "format") if "format" in table.entries else ISO
        if format_ != ISO and "%" not in format_:
            message = f'"{format_}" is no format. Write iso, or such as "%Y%m%d".'
            self.findings.add(table.places["format"], "format", message)
        zone = self.word(table, "zone")
        zones = {*available_timezones(), STAMP}
        if zone and zone not in zones:
            self.findings.unknown(table.places["zone"], "zone", zone, "a time zone, nor stamp", zones)
        ignore = self.one_of(table, "offset", ("ignored",), "") == "ignored"
        if ignore and zone == STAMP:
            message = "An ignored offset needs a zone to read the clock in."
            self.findings.add(table.places["offset"], "offset", message)
        text = Template(("", column, ""), table.entries.get("column", node).place)
        return TimeForm(text, format_, zone, ignore)

    def data(self, node: Node | None) -> tuple[FieldValue, ...]:
        table = self.table(node, "data") if node else None
        if table is None:
            return ()
        return tuple(self.field(name, value) for name, value in table.entries.items())

    def field(self, name: str, node: Node) -> FieldValue:
        if isinstance(node, Scalar):
            return FieldValue(name, "text", self.template(node), None, False)
        table = self.table(node, f'the field "{name}"') or Table({}, {}, node.place)
        self.keys(table, f'the field "{name}"', (*KINDS, "currency", "empty"))
        kinds = [kind for kind in KINDS if kind in table.entries]
        if len(kinds) != 1:
            advice = f"Name one kind: {', '.join(KINDS)}."
            self.findings.add(node.place, "kind", f'The field "{name}" has {len(kinds)} kinds. {advice}')
            return FieldValue(name, "text", Template(("",), node.place), None, False)
        currency = self.template(table.entries["currency"]) if "currency" in table.entries else None
        if (kinds[0] == "money") != (currency is not None):
            message = "Money has a currency, such as currency: EUR; nothing else has."
            self.findings.add(node.place, "currency", message)
        empty = self.one_of(table, "empty", ("left_out",), "") == "left_out"
        return FieldValue(name, KINDS[kinds[0]], self.template(table.entries[kinds[0]]), currency, empty)

    # -- single values

    def template(self, node: Node) -> Template:
        text = self.text(node)
        parts, so_far, at = [], "", 0
        for piece in _PIECE.finditer(text):
            so_far += text[at : piece.start()]
            at = piece.end()
            if piece.group() in ("{{", "}}"):
                so_far += piece.group()[0]
            elif piece.group(1):
                parts += [so_far, piece.group(1)]
                so_far = ""
            else:
                advice = "Write {column}, or {{ and }} for the characters themselves."
                self.findings.add(node.place, "template", f'A brace stands alone in "{text[:60]}". {advice}')
        return Template((*parts, so_far + text[at:]), node.place)
