"""A mapping as frozen data: how to read a foreign file and which rows become which touchpoints.

Made by load.py, used by rows.py and convert.py. Nothing here reads a file or decides anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lifecycle.rules.language.findings import Place

Format = Literal["csv", "blanks", "jsonl"]
ValueKind = Literal["text", "id", "whole", "number", "money", "yes_or_no", "date", "time", "zone", "country"]
Change = Literal["trim", "lower", "upper"]
Unclear = Literal["refused", "earlier", "later"]

ROW = "\x00row"
"""What `{row}` in a text stands for: the number of the row, 1 below the header. No column is called so."""

TWO_ROWS = "{row} is the number of the row, and there is a column of that name."
"""Why a mapping is refused that writes `{row}` for a file with such a column."""

RULE = "\x00rule"
"""What `{rule}` in an id stands for: the name of the rule that makes the touchpoint."""

STAMP = "stamp"
"""As a zone: every time in the file carries its own offset."""

ISO = "iso"
"""As a time format: ISO 8601."""

EPOCHS = {"epoch_seconds": 1, "epoch_milliseconds": 1_000}
"""As a time format: how many of them are a second."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How numbers are written. None: not said; then a number that could be read in two ways is refused."""

    decimal: str | None
    thousands: str | None


@dataclass(frozen=True, slots=True)
class FileForm:
    """How to read the file. `columns` are the names in order, None where only the header knows them.

    `delimiter` None: a comma, or what a first line `sep=;` says. `quote` None: quotes mean nothing. Format `blanks`:
    fields are what stands between blanks and tabs; `jsonl`: one JSON object a line. `encoding` None: UTF-8, or
    UTF-16 where the file begins with its mark. `newest_first`: rows of one moment stand with the last one on top.
    """

    format: Format
    delimiter: str | None
    quote: str | None
    header: bool
    columns: tuple[str, ...] | None
    encoding: str | None
    figures: Figures
    newest_first: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A text with columns in it. `parts` alternate: text, column, text, column ... and end with a text.

    `changes` are what is done to each column, in order.
    """

    parts: tuple[str, ...]
    place: Place
    changes: tuple[tuple[Change, ...], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns named, without what stands for the row or the rule, in order."""
        return tuple(name for name in self.parts[1::2] if name not in (ROW, RULE))

    @property
    def varies(self) -> bool:
        """Tell whether it differs from row to row."""
        return any(name != RULE for name in self.parts[1::2])


@dataclass(frozen=True, slots=True)
class Content:
    """An id from what stands in the row: in these columns, or (None) in all of them."""

    columns: tuple[str, ...] | None
    place: Place


@dataclass(frozen=True, slots=True)
class TimeForm:
    """Where a time comes from. `format` is `iso`, `epoch_seconds`, `epoch_milliseconds` or a strptime pattern.

    `zone` is `stamp` or the zone in which the clock is read; with `ignore_offset` an offset in the stamp is
    known to be wrong and is not looked at. `at` is the clock time of a day that has none, as hour, minute, second.
    `unclear` says which reading counts of a clock time that comes twice or never when clocks are changed.
    """

    text: Template
    format: str
    zone: str
    ignore_offset: bool
    at: tuple[int, int, int]
    unclear: Unclear


@dataclass(frozen=True, slots=True)
class Words:
    """What says yes and what says no, to the letter."""

    yes: frozenset[str]
    no: frozenset[str]


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One field of the data. `may_be_empty`: empty leaves the field out; `default` is read in place of empty.

    `currency` belongs to money, `figures` to numbers, `words` to yes_or_no, `format` to a date, `time` to a time.
    """

    name: str
    kind: ValueKind
    text: Template
    place: Place
    currency: Template | None = None
    may_be_empty: bool = False
    default: str | None = None
    figures: Figures = Figures(None, None)
    words: Words | None = None
    format: str = ISO
    time: TimeForm | None = None


@dataclass(frozen=True, slots=True)
class WhenColumn:
    """What one column must be, to the letter: one of `values`, none of `but`, filled or not, fit for a pattern.

    None: not asked for. Filled is what has more in it than blanks.
    """

    column: str
    place: Place
    values: frozenset[str] | None = None
    but: frozenset[str] | None = None
    filled: bool | None = None
    pattern: re.Pattern[str] | None = None

    def excludes(self, other: WhenColumn) -> bool:
        """Tell whether no row can fit this and the other one."""
        if self.column != other.column:
            return False
        if self.filled is not None and other.filled is not None and self.filled != other.filled:
            return True
        if self.values is None:
            return other.values is not None and other.excludes(self)
        return not any(other.holds(value) for value in self.values if self.holds(value))

    def holds(self, text: str) -> bool:
        """Tell whether a text is what is asked for."""
        if self.values is not None and text not in self.values:
            return False
        if self.but is not None and text in self.but:
            return False
        if self.filled is not None and bool(text.strip()) != self.filled:
            return False
        return self.pattern is None or self.pattern.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows for which every `when` holds become one touchpoint of this type.

    `id`: the touchpoint's, whole. `sequence` None: the place of the row among those of its moment.
    """

    name: str
    when: tuple[WhenColumn, ...]
    type: str
    id: Template | Content
    subject: Template
    time: TimeForm
    sequence: Template | None
    data: tuple[FieldValue, ...]
    place: Place

    def excludes(self, other: Rule) -> bool:
        """Tell whether no row can fit both rules, as far as their conditions show."""
        return any(mine.excludes(its) for mine in self.when for its in other.when)

    def templates(self) -> Iterator[Template]:
        """Yield every text with columns in it."""
        found = [self.id if isinstance(self.id, Template) else None, self.subject, self.time.text, self.sequence]
        for value in self.data:
            found += [value.text, value.currency]
        yield from (each for each in found if each is not None)


@dataclass(frozen=True, slots=True)
class ImportMapping:
    """A whole mapping. `file_name` is where it was read, for messages."""

    name: str
    file_name: str
    source: str
    file: FileForm
    rules: tuple[Rule, ...]

    def row_at(self) -> Place | None:
        """Return a place at which `{row}` is written, or None. A column called row could be meant as well."""
        return next((one.place for rule in self.rules for one in rule.templates() if ROW in one.parts[1::2]), None)

    def columns_used(self) -> list[tuple[str, Place]]:
        """Return every column that the mapping names, with the place where it does, in file order."""
        used: list[tuple[str, Place]] = []
        for rule in self.rules:
            if isinstance(rule.id, Content):
                used += [(name, rule.id.place) for name in rule.id.columns or ()]
            used += [(test.column, test.place) for test in rule.when]
            used += [(name, one.place) for one in rule.templates() for name in one.columns]
        return sorted(set(used), key=lambda use: (use[1].line, use[1].column, use[0]))
