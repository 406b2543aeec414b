"""A mapping as frozen data: how to read a foreign file and which rows become which touchpoints.

Made by load.py, used by rows.py and convert.py. Nothing here reads a file or decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lifecycle.rules.findings import Place

Format = Literal["csv", "blanks"]
ValueKind = Literal["text", "id", "whole", "number", "money", "yes_or_no"]

ROW = "row"
"""In a template, `{row}` is the number of the row: 1 is the first one below the header."""

STAMP = "stamp"
"""As a zone: every time in the file carries its own offset."""

ISO = "iso"
"""As a time format: ISO 8601."""


@dataclass(frozen=True, slots=True)
class FileForm:
    """How to read the file. `columns` are the names in order, None where only the header knows them.

    `quote` None: quotes mean nothing. Format `blanks`: fields are what stands between blanks and tabs.
    """

    format: Format
    delimiter: str
    quote: str | None
    header: bool
    columns: tuple[str, ...] | None
    encoding: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text with columns in it. `parts` alternate: text, column, text, column ... and end with a text."""

    parts: tuple[str, ...]
    place: Place

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns named, without `row`, in order."""
        return tuple(name for name in self.parts[1::2] if name != ROW)


@dataclass(frozen=True, slots=True)
class TimeForm:
    """Where a touchpoint's time comes from. `format` is `iso` or a strptime pattern.

    `zone` is `stamp` or the zone in which the clock is read; with `ignore_offset` an offset in the stamp is
    known to be wrong and is not looked at.
    """

    text: Template
    format: str
    zone: str
    ignore_offset: bool


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One field of the data. `currency` belongs to money; `may_be_empty`: empty leaves the field out."""

    name: str
    kind: ValueKind
    text: Template
    currency: Template | None
    may_be_empty: bool


@dataclass(frozen=True, slots=True)
class WhenColumn:
    """Holds if the column is one of these texts, to the letter."""

    column: str
    values: frozenset[str]
    place: Place


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows for which every `when` holds become one touchpoint of this type."""

    name: str
    when: tuple[WhenColumn, ...]
    type: str
    subject: Template
    time: TimeForm
    sequence: Template | None
    data: tuple[FieldValue, ...]


@dataclass(frozen=True, slots=True)
class ImportMapping:
    """A whole mapping. `file_name` is where it was read, for messages; `id` makes the touchpoint's id.

    A row that fits several rules becomes several touchpoints: the first rule's keeps the id, each further
    one has `-` and the name of its rule after it, so that a rule added below changes no id above.
    """

    name: str
    file_name: str
    source: str
    file: FileForm
    id: Template
    rules: tuple[Rule, ...]

    def columns_used(self) -> list[tuple[str, Place]]:
        """Return every column that the mapping names, with the place where it does, in file order."""
        used = [(name, self.id.place) for name in self.id.columns]
        for rule in self.rules:
            used += [(test.column, test.place) for test in rule.when]
            templates = [rule.subject, rule.time.text, rule.sequence]
            for value in rule.data:
                templates += [value.text, value.currency]
            used += [(name, one.place) for one in templates if one for name in one.columns]
        return sorted(set(used), key=lambda use: (use[1].line, use[1].column, use[0]))
