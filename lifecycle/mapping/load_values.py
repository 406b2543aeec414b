"""The parts of a mapping that say how one value is made: texts with columns, conditions, times, fields of the data.

Each fault is noted with its place, and reading goes on. load.py, the only caller, puts the parts together.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from zoneinfo import available_timezones

from lifecycle.mapping.model import (
    EPOCHS,
    ISO,
    ROW,
    STAMP,
    Change,
    FieldValue,
    Figures,
    Template,
    TimeForm,
    Unclear,
    ValueKind,
    WhenColumn,
    Words,
)
from lifecycle.mapping.nodes import NodeReader
from lifecycle.mapping.times import has_clock, lacks
from lifecycle.rules.language.document import Node, Scalar, Table
from lifecycle.rules.language.findings import Findings, Place, shown
from lifecycle.rules.language.vocabulary import NO_ZONES

KINDS: dict[str, ValueKind] = {
    "text": "text",
    "id": "id",
    "whole": "whole",
    "number": "number",
    "money": "money",
    "yes_or_no": "yes_or_no",
    "date": "date",
    "time": "time",
    "zone": "zone",
    "country": "country",
}
BELONGS: dict[str, tuple[str, ...]] = {
    "currency": ("money",),
    "decimal": ("money", "number", "whole"),
    "thousands": ("money", "number", "whole"),
    "says_yes": ("yes_or_no",),
    "says_no": ("yes_or_no",),
    "format": ("date",),
}
"""Keys of a field that mean something for these kinds alone."""

CHANGES: dict[str, Change] = {"trim": "trim", "lower": "lower", "upper": "upper"}
SEPARATORS = (".", ",", "'", " ")
_ROW_ALONE = {"row": ROW}
_NO_FIGURES = Figures(None, None)
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?\Z")
_NOT_READ = re.compile(r"%[^aAbBcdfHIjmMpSxXyYzZGuVUwW%]|%\Z")


class ValueReader(NodeReader):
    """Reads what makes one value. `figures` are how the file writes numbers, where a field says nothing else."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(findings)
        self.figures = _NO_FIGURES

    # -- texts with columns in them

    def template(self, node: Node, *, named: Mapping[str, str] = _ROW_ALONE) -> Template:
        """Return a text with columns; `named` are what stands for something else than a column here."""
        text = self.text(node)
        parts: list[str] = []
        changes: list[tuple[Change, ...]] = []
        so_far, at = "", 0
        for piece in _PIECE.finditer(text):
            so_far += text[at : piece.start()]
            at = piece.end()
            if piece.group() in ("{{", "}}"):
                so_far += piece.group()[0]
            elif piece.group(1):
                column, changed = self.column(piece.group(1), node.place)
                parts += [so_far, named.get(column, column)]
                changes.append(changed)
                so_far = ""
            else:
                advice = "Write {column}, or {{ and }} for the characters themselves."
                self.findings.add(node.place, "template", f'A brace stands alone in "{shown(text)}". {advice}')
        return Template((*parts, so_far + text[at:]), node.place, tuple(changes))

    def column(self, text: str, place: Place) -> tuple[str, tuple[Change, ...]]:
        """Return a column with what is done to it: `email | trim | lower`."""
        column, *words = text.split("|")
        changes = []
        for word in (each.strip() for each in words):
            if word in CHANGES:
                changes.append(CHANGES[word])
            else:
                self.findings.unknown(place, "change", word, "done to a column", CHANGES)
        return column.strip() if words else column, tuple(changes)

    # -- conditions

    def when(self, node: Node | None) -> tuple[WhenColumn, ...]:
        """Return the conditions of a rule, in the order of the file."""
        table = self.table(node, "when") if node else None
        if table is None:
            return ()
        return tuple(self.condition(column, value, table.places[column]) for column, value in table.entries.items())

    def condition(self, column: str, node: Node, place: Place) -> WhenColumn:
        """Return what one column must be."""
        if not isinstance(node, Table):
            return WhenColumn(column, place, values=frozenset(self.texts(node)))
        self.keys(node, "a condition", ("is", "not", "filled", "matches"))
        if not node.entries:
            message = f'"{column}" asks for nothing. Write is:, not:, filled: or matches:.'
            self.findings.add(node.place, "condition", message)
        entries = node.entries
        return WhenColumn(
            column,
            place,
            values=frozenset(self.texts(entries["is"])) if "is" in entries else None,
            but=frozenset(self.texts(entries["not"])) if "not" in entries else None,
            filled=self.boolean(node, "filled", default=True) if "filled" in entries else None,
            pattern=self.pattern(entries["matches"]) if "matches" in entries else None,
        )

    def pattern(self, node: Node) -> re.Pattern[str] | None:
        """Return a regular expression, which the whole text must fit."""
        text = self.text(node)
        try:
            with warnings.catch_warnings(action="error"):  # of what a later Python reads in another way
                return re.compile(text)
        except (re.error, RecursionError, OverflowError, Warning) as error:
            self.findings.add(node.place, "pattern", f'"{shown(text)}" is no pattern: {error}. Correct it.')
            return None

    # -- times

    def time(self, node: Node) -> TimeForm:
        """Return where a time comes from."""
        table = self.table(node, "time")
        if table is None:
            return TimeForm(Template(("",), node.place), ISO, STAMP, False, (0, 0, 0), "refused")
        self.keys(table, "time", ("column", "format", "zone", "offset", "at", "unclear"), ("column",))
        columns = self.texts(table.entries["column"]) if "column" in table.entries else ("",)
        format_ = self.time_format(table)
        zone = self.zone(table, format_)
        ignore = self.one_of(table, "offset", ("ignored",), "") == "ignored"
        if ignore and zone == STAMP:
            message = "An ignored offset needs a zone to read the clock in."
            self.findings.add(table.places["offset"], "offset", message)
        # Several columns, such as a date and a clock time, are read as one text with blanks between.
        parts = ["", *(part for column in columns for part in (column, " "))][:-1]
        place = table.entries.get("column", node).place
        text = Template((*parts, ""), place, ((),) * len(columns))
        unclear: dict[str, Unclear] = {"refused": "refused", "earlier": "earlier", "later": "later"}
        chosen = unclear[self.one_of(table, "unclear", tuple(unclear), "refused")]
        return TimeForm(text, format_, zone, ignore, self.clock(table, format_), chosen)

    def time_format(self, table: Table) -> str:
        """Return how a time or date is written; ISO where nothing is said."""
        format_ = self.word(table, "format") if "format" in table.entries else ISO
        if format_ == ISO or format_ in EPOCHS:
            return format_
        if "%" not in format_:
            message = f'"{shown(format_)}" is no format. Write iso, {", ".join(EPOCHS)}, or such as "%Y%m%d".'
            self.findings.add(table.places["format"], "format", message)
        elif (wrong := _NOT_READ.search(format_)) is not None:
            message = f'"{wrong.group()}" in "{shown(format_)}" stands for nothing. Write such as "%Y-%m-%d %H:%M:%S".'
            self.findings.add(table.places["format"], "format", message)
        elif (lacking := lacks(format_)) is not None:
            self.findings.add(table.places["format"], "format", f'"{shown(format_)}" {lacking}')
        return format_

    def zone(self, table: Table, format_: str) -> str:
        """Return the zone of a clock, or STAMP."""
        if format_ in EPOCHS:
            for key in ("zone", "offset", "unclear"):
                if key in table.entries:
                    message = f'{format_} counts from one moment everywhere. Take "{key}" out.'
                    self.findings.add(table.places[key], key, message)
            return STAMP
        if "zone" not in table.entries:
            advice = (
                "Add the zone of the clock, such as zone: Europe/Vienna, or zone: stamp if each time has an offset."
            )
            self.findings.add(table.place, "missing", f'"zone" is missing in time. {advice}')
            return STAMP
        zone = self.word(table, "zone")
        zones = {*available_timezones(), STAMP}.difference(NO_ZONES)
        if zone and zone not in zones:
            self.findings.unknown(table.places["zone"], "zone", zone, "a time zone, nor stamp", zones)
            return STAMP
        return zone or STAMP

    def clock(self, table: Table, format_: str) -> tuple[int, int, int]:
        """Return the clock time that a day without one stands for; midnight where nothing is said."""
        if "at" not in table.entries:
            return (0, 0, 0)
        text, place = self.word(table, "at"), table.places["at"]
        match = _CLOCK.match(text)
        if match is None:
            self.findings.add(place, "at", f'"{shown(text)}" is no clock time. Write such as at: "18:00".')
            return (0, 0, 0)
        if format_ != ISO and has_clock(format_):
            self.findings.add(place, "at", "The format has a clock time of its own. Take at: out.")
        return int(match[1]), int(match[2]), int(match[3] or 0)

    # -- the data

    def data(self, node: Node | None) -> tuple[FieldValue, ...]:
        """Return the fields of the data."""
        table = self.table(node, "data") if node else None
        if table is None:
            return ()
        return tuple(self.field(name, value, table.places[name]) for name, value in table.entries.items())

    def field(self, name: str, node: Node, place: Place) -> FieldValue:
        """Return one field: a text, or a table that names its kind."""
        if isinstance(node, Scalar):
            return FieldValue(name, "text", self.template(node), place)
        what = f'the field "{shown(name)}"'
        table = self.table(node, what)
        if table is None:
            return FieldValue(name, "text", Template(("",), node.place), place)
        self.keys(table, what, (*KINDS, *BELONGS, "empty", "default"))
        kinds = [kind for kind in KINDS if kind in table.entries]
        if len(kinds) != 1:
            self.findings.add(
                node.place, "kind", f"T{what[1:]} has {len(kinds)} kinds. Name one kind: {', '.join(KINDS)}."
            )
            return FieldValue(name, "text", Template(("",), node.place), place)
        kind = KINDS[kinds[0]]
        self.belonging(table, what, kind)
        empty = self.one_of(table, "empty", ("left_out",), "") == "left_out"
        default = self.word(table, "default") if "default" in table.entries else None
        if empty and default is not None:
            self.findings.add(table.places["default"], "default", "What is left out needs no default. Take one out.")
        source = table.entries[kinds[0]]
        time = self.time(source) if kind == "time" else None
        return FieldValue(
            name,
            kind,
            text=time.text if time else self.template(source),
            place=place,
            currency=self.template(table.entries["currency"]) if "currency" in table.entries else None,
            may_be_empty=empty,
            default=default,
            figures=self.figures_of(table, self.figures),
            words=self.yes_and_no(table),
            format=self.time_format(table),
            time=time,
        )

    def belonging(self, table: Table, what: str, kind: ValueKind) -> None:
        """Note keys that mean nothing for this kind, and a currency that is missing."""
        for key, kinds in BELONGS.items():
            if key in table.entries and kind not in kinds:
                message = f"{key}: belongs to {' and '.join(kinds)}, and {what} is {kind}. Take it out."
                self.findings.add(table.places[key], key, message)
        if kind == "money" and "currency" not in table.entries:
            message = f'"currency" is missing in {what}, which is money. Add it, such as currency: EUR.'
            self.findings.add(table.place, "missing", message)

    def yes_and_no(self, table: Table) -> Words | None:
        """Return the words of a yes_or_no; None: true and false, small or capital."""
        known = ("says_yes", "says_no")
        given = {key: frozenset(self.texts(table.entries[key])) for key in known if key in table.entries}
        if len(given) == 1:
            missing = "says_no" if "says_yes" in given else "says_yes"
            self.findings.add(table.place, missing, f'"{missing}" is missing. Name the words for both.')
        if len(given) < len(known):
            return None
        for both in sorted(given["says_yes"] & given["says_no"]):
            self.findings.add(table.places["says_no"], "twice", f'"{shown(both)}" says yes and no. Take one out.')
        return Words(given["says_yes"], given["says_no"])

    def figures_of(self, table: Table, otherwise: Figures) -> Figures:
        """Return how numbers are written, as a table says it; what it does not say is as otherwise."""
        said = {
            key: self.one_of(table, key, SEPARATORS, "") for key in ("decimal", "thousands") if key in table.entries
        }
        decimal = said.get("decimal") or otherwise.decimal
        thousands = said.get("thousands") or otherwise.thousands
        if said and decimal is not None and decimal == thousands:
            place = table.places[next(iter(said))]
            self.findings.add(
                place, "thousands", f'"{decimal}" cannot part decimals and thousands. Name two characters.'
            )
        return Figures(decimal, thousands)
