"""A mapping file to a checked ImportMapping: every finding at once, with its place and the next step.

Not the place where foreign files are read (rows.py). Called by the command line and by tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import TypeVar

from lifecycle.errors import FileRefused, MappingRefused, PolicyRefused, reason_of
from lifecycle.mapping.load_values import ValueReader
from lifecycle.mapping.model import (
    ISO,
    ROW,
    RULE,
    STAMP,
    TWO_ROWS,
    Content,
    Figures,
    FileForm,
    Format,
    ImportMapping,
    Rule,
    Template,
    TimeForm,
)
from lifecycle.rules.language.document import Listing, Node, Scalar, Table, read_document
from lifecycle.rules.language.findings import Finding, Findings, HasFindings, Place, shown

ENCODINGS = ("utf-8", "utf-16", "latin-1", "cp1252")
FORMATS: dict[str, Format] = {"csv": "csv", "blanks": "blanks", "jsonl": "jsonl"}
TOP = ("mapping", "language", "source", "file", "id", "subject", "time", "sequence", "rules")
NOT_OF = {"blanks": ("delimiter", "quote"), "jsonl": ("delimiter", "quote", "header", "columns")}
"""Keys of `file` that mean nothing in a format."""

CONTENT = "content"
"""As an id: a mark of what stands in the row."""

_T = TypeVar("_T")
_NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")
_TYPE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\Z")
_BARE = re.compile(r"(?<!\")\{[^{}:,\"']+\}")
_NO_FIGURES = Figures(None, None)


def load_mapping(path: Path) -> ImportMapping:
    """Read one mapping file. Raises FileRefused, or MappingRefused with every finding and its place."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        message = f"The mapping {path} cannot be read: {reason_of(error)}. Name a file that can."
        raise FileRefused(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: byte {error.start} is not UTF-8. Save the mapping as UTF-8."
        raise FileRefused(message) from error
    return parse_mapping(text, name=str(path))


def parse_mapping(text: str, *, name: str) -> ImportMapping:
    """Read the text of a mapping; `name` stands in messages. Raises MappingRefused with every finding."""
    findings = Findings(name)
    try:
        mapping = _Loader(findings, name).mapping(read_document(text, name=name))
        findings.refuse()
    except PolicyRefused as error:  # the findings are the policy loader's; this file is none
        found = error.found if isinstance(error, HasFindings) else ()
        advice = _unquoted(text, found)
        raise MappingRefused(f"The mapping cannot be used.\n{error}{advice}", found) from error
    return mapping


def _unquoted(text: str, found: Sequence[Finding]) -> str:
    """Return a line of advice where a column stands without quotes: to YAML `{customer}` is a table without a value."""
    lines = text.splitlines()
    for finding in found:
        line = lines[finding.line - 1] if finding.code == "empty" and finding.line <= len(lines) else ""
        for bare in _BARE.finditer(line):
            if bare.start() < finding.column <= bare.end():
                return f'\nA text with a column in it stands in quotes: "{bare.group()}".'
    return ""


class _Loader(ValueReader):
    """Reads the tree part by part. After a finding it goes on with a harmless value; `refuse` comes last."""

    def __init__(self, findings: Findings, name: str) -> None:
        super().__init__(findings)
        self.file_name = name
        self.name = ""

    def mapping(self, root: Table) -> ImportMapping:
        self.keys(root, "a mapping", TOP, required=("mapping", "language", "source", "file", "rules"))
        if (language := root.entries.get("language")) and getattr(language, "value", None) != 1:
            self.findings.add(language.place, "language", "This program reads language 1. Write language: 1.")
        self.name = self.word(root, "mapping", _NAME, "small letters, digits, _ and -, such as bpic2012")
        form = self.file(root.entries.get("file"), root.place)
        self.figures = form.figures
        rules = self.rules(root)
        mapping = ImportMapping(self.name, self.file_name, self.word(root, "source"), form, rules)
        if form.columns is not None and not form.header:
            for column, place in mapping.columns_used():
                if column and column not in form.columns:  # an empty one was said to be missing
                    self.findings.unknown(place, "column", column, "a column of the file", form.columns)
            if "row" in form.columns and (at := mapping.row_at()) is not None:
                self.findings.add(at, "row", f"{TWO_ROWS} Rename it in columns:.")
        return mapping

    # -- the file

    def file(self, node: Node | None, fallback: Place) -> FileForm:
        table = self.table(node, "file") or Table({}, {}, fallback)
        known = ("format", "delimiter", "quote", "header", "columns", "encoding", "decimal", "thousands", "order")
        self.keys(table, "file", known, ("format",) if node is not None else ())
        form = FORMATS[self.one_of(table, "format", tuple(FORMATS), "csv")]
        for key in NOT_OF.get(form, ()):
            if key in table.entries:
                message = f'"{key}" means nothing in format: {form}. Take it out.'
                self.findings.add(table.places[key], "format", message)
        quote = self.character(table, "quote", '"')
        header = self.boolean(table, "header", default=True)
        return FileForm(
            format=form,
            delimiter=self.character(table, "delimiter", ",") if "delimiter" in table.entries else None,
            quote=quote or None,
            header=header,
            columns=self.columns(table, header=header),
            encoding=self.one_of(table, "encoding", ENCODINGS, "") or None,
            # JSON says what parts decimals.
            figures=self.figures_of(table, Figures(".", None) if form == "jsonl" else _NO_FIGURES),
            newest_first=self.one_of(table, "order", ("newest_first", "oldest_first"), "") == "newest_first",
        )

    def columns(self, table: Table, *, header: bool) -> tuple[str, ...] | None:
        if "columns" not in table.entries:
            if header:
                return None
            self.findings.add(table.place, "columns", "A file without header needs columns: [a, b, ...].")
            return ()
        columns = self.texts(table.entries["columns"])
        for twice in sorted({column for column in columns if columns.count(column) > 1}):
            message = f'The column "{twice}" stands twice. Rename one.'
            self.findings.add(table.places["columns"], "twice", message)
        return columns

    # -- the rules

    def rules(self, root: Table) -> tuple[Rule, ...]:
        node = root.entries.get("rules")
        if not isinstance(node, Listing) or not node.items:
            if node is not None:
                self.findings.add(node.place, "rules", "rules: is a list with at least one rule.")
            return ()
        rules = tuple(self.rule(item, root) for item in node.items)
        seen: set[str] = set()
        for rule in rules:
            if rule.name in seen:
                self.findings.add(rule.place, "twice", f'Two rules are called "{rule.name}". Rename one.')
            seen.add(rule.name)
        for one, other in combinations(rules, 2):
            if one.name != other.name and _same_id(one, other) and not one.excludes(other):
                message = f'A row may fit "{one.name}" and "{other.name}", and both would have this id.'
                self.findings.add(other.id.place, "same-id", f"{message} Put {{rule}} into it, or take it out.")
        return rules

    def rule(self, node: Node, root: Table) -> Rule:
        table = self.table(node, "a rule") or Table({}, {}, node.place)
        known = ("name", "when", "type", "id", "subject", "time", "sequence", "data")
        self.keys(table, "a rule", known, ("name", "type") if table is node else ())
        name = self.word(table, "name", _NAME, "small letters, digits, _ and -")
        type_ = self.word(table, "type", _TYPE, "two words with a dot, such as need.stated")
        nothing = Template(("",), node.place)
        subject = self.inherited(table, root, "subject", self.template)
        time = self.inherited(table, root, "time", self.time)
        sequence = table.entries.get("sequence", root.entries.get("sequence"))
        return Rule(
            name=name,
            when=self.when(table.entries.get("when")),
            type=type_,
            id=self.id(table, root, name) or nothing,
            subject=subject or nothing,
            time=time or TimeForm(nothing, ISO, STAMP, False, (0, 0, 0), "refused"),
            sequence=self.template(sequence) if sequence else None,
            data=self.data(table.entries.get("data")),
            place=node.place,
        )

    def inherited(self, table: Table, root: Table, key: str, read: Callable[[Node], _T]) -> _T | None:
        node = table.entries.get(key, root.entries.get(key))
        if node is None:
            message = f'This rule has no "{key}". Write it here or, for all rules, at the top.'
            self.findings.add(table.place, key, message)
            return None
        return read(node)

    def id(self, table: Table, root: Table, rule: str) -> Template | Content | None:
        """Return the id of a rule: its own whole, else the one at the top with the name of the rule in it."""
        node = table.entries.get("id", root.entries.get("id"))
        if node is None:
            # Said once, at the top: it is missing for every rule.
            message = (
                "Nothing says which id a touchpoint has, and the number of its row moves when a row is put in. "
                'Write id: "NAME-{column}" with columns that are different in every row, or id: content.'
            )
            self.findings.add(root.place, "id", message)
            return None
        if isinstance(node, Table):
            self.keys(node, "id", (CONTENT,), (CONTENT,))
            of = node.entries.get(CONTENT)
            return Content(self.texts(of) if of else None, node.place)
        if isinstance(node, Scalar) and node.value == CONTENT:
            return Content(None, node.place)
        template = self.template(node, named={"row": ROW, "rule": RULE})
        if template.parts != ("",) and not template.varies:
            message = f'"{shown("".join(template.parts))}" names no column: all rows would have one id.'
            self.findings.add(node.place, "id", f"{message} Write {{column}} into it, or id: content.")
        named = RULE in template.parts[1::2] or "id" in table.entries
        return _with_rule(template if named else _ending(template), rule)


def _same_id(one: Rule, other: Rule) -> bool:
    mine, its = one.id, other.id
    # One that could not be read is no id: that was said.
    return isinstance(mine, Template) and isinstance(its, Template) and mine.varies and mine.parts == its.parts


def _ending(template: Template) -> Template:
    *before, last = template.parts
    return Template((*before, f"{last}-", RULE, ""), template.place, (*template.changes, ()))


def _with_rule(template: Template, rule: str) -> Template:
    """Return the template with the name of the rule written out."""
    parts, changes = [template.parts[0]], []
    for at, column in enumerate(template.parts[1::2]):
        after = template.parts[2 * at + 2]
        if column == RULE:
            parts[-1] += rule + after
        else:
            parts += [column, after]
            changes.append(template.changes[at])
    return Template(tuple(parts), template.place, tuple(changes))
