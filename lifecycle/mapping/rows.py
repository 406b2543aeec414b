"""A foreign file, plain or gzip, as numbered rows, one at a time: memory is bounded whatever the file holds.

A row that cannot be read comes out with its fault and its original text; the rows after it are not
concerned. It knows columns and nothing of touchpoints. Called by run.py.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lifecycle.errors import NotFound, SettingsRefused, Stop, Unreadable
from lifecycle.mapping.model import FileForm, ImportMapping
from lifecycle.rules.findings import nearest

MAX_LINE = 1024 * 1024
"""Longest line that is read, in characters; the rest of a longer one is skipped."""

MAX_LINES = 1000
"""Most lines of one row: a quoted field may hold line breaks, and a forgotten quote must not eat the file."""

_GZIP = b"\x1f\x8b"


class Row(NamedTuple):
    """One row. `number` counts from 1 below the header, `line` is its first line in the file.

    With a `fault`, `fields` are what could be split, or the original text in one piece.
    """

    number: int
    line: int
    fields: list[str]
    fault: Unreadable | None


class _Lines:
    """Lines of a text with the ones since the last row kept, so that a faulty row can be shown as it stands.

    Not a generator: the csv reader passes an exception on, and must be able to go on with the next line.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.readline = text.readline
        self.number = 0
        self.pending: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.readline(MAX_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        self.pending.append(line)
        if len(line) >= MAX_LINE and line[-1] not in "\r\n":
            rest = line
            while rest and rest[-1] not in "\r\n":
                rest = self.readline(MAX_LINE)
            raise csv.Error(f"the line is longer than {MAX_LINE} characters")
        if len(self.pending) > MAX_LINES:
            raise csv.Error(f"a quoted field goes on for more than {MAX_LINES} lines; a quote is missing")
        return line


class ForeignFile:
    """An open file and its columns. Iterate `rows` once; `close` when done, or use it in a `with`."""

    def __init__(self, path: Path, mapping: ImportMapping) -> None:
        """Open the file and settle its columns.

        Raises NotFound, and SettingsRefused where header and mapping do not agree.
        """
        self.path = path
        self._form = mapping.file
        try:
            raw = path.open("rb")
            zipped = raw.read(2) == _GZIP
            raw.seek(0)
        except OSError as error:
            raise NotFound(f"{path} cannot be read: {error.strerror}. Name a file that exists.") from error
        self._raw = raw
        stream = io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 18) if zipped else raw
        # Bytes that are no text survive as surrogates, so that they spoil their own row and no other.
        self._text = io.TextIOWrapper(stream, encoding=self._form.encoding, errors="surrogateescape", newline="")
        self._lines = _Lines(self._text)
        self._split = _splitter(self._lines, self._form)
        try:
            self.columns = self._header(mapping)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ForeignFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. May be repeated."""
        self._text.close()
        self._raw.close()

    def rows(self) -> Iterator[Row]:
        """Yield every row that is not blank, in file order. Raises Stop where the file itself breaks off."""
        wanted = len(self.columns)
        number, lines, split = 0, self._lines, self._split
        lines.pending.clear()
        while True:
            line = lines.number + 1
            try:
                fields = next(split)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                fault = Unreadable("bad_row", None, f"The row cannot be read: {error}.")
                yield Row(number, line, ["".join(lines.pending)], fault)
                lines.pending.clear()
                continue
            except (EOFError, OSError, zlib.error) as error:
                raise Stop(
                    f"{self.path} breaks off after row {number} (line {lines.number}): {error}. "
                    "Fetch the file again; what was imported before does no harm."
                ) from error
            lines.pending.clear()
            if not fields:
                continue
            number += 1
            if len(fields) != wanted:
                message = f"The row has {len(fields)} columns, wanted {wanted}."
                yield Row(number, line, fields, Unreadable("columns", None, message))
            else:
                yield Row(number, line, fields, None)

    def _header(self, mapping: ImportMapping) -> tuple[str, ...]:
        if not self._form.header:
            return self._form.columns or ()
        try:
            header = tuple(next(self._split, ()))
        except (csv.Error, EOFError, OSError, zlib.error) as error:
            raise SettingsRefused(f"{self.path}:1: The header cannot be read: {error}.") from error
        if not header:
            raise SettingsRefused(f"{self.path}:1: Wanted a header, got nothing. Add header: false.")
        if self._form.columns is not None and header != self._form.columns:
            wanted, got = ", ".join(self._form.columns), ", ".join(header)
            raise SettingsRefused(
                f"{self.path}:1: The header is {got[:200]}; wanted {wanted[:200]}. "
                f"Correct columns: in {mapping.file_name}."
            )
        _check_columns(header, mapping, self.path)
        return header


def _check_columns(header: tuple[str, ...], mapping: ImportMapping, path: Path) -> None:
    problems = []
    for column, place in mapping.columns_used():
        where = f"{mapping.file_name}:{place.line}:{place.column}"
        if column not in header:
            problems.append(f'{where}: "{column}" is not a column of {path}. {nearest(column, header)}')
        elif header.count(column) > 1:
            problems.append(f'{where}: "{column}" stands twice in the header of {path}. Rename one there.')
    if problems:
        raise SettingsRefused("\n".join(problems))


def _splitter(lines: _Lines, form: FileForm) -> Iterator[list[str]]:
    if form.format == "blanks":
        return map(str.split, lines)
    if form.quote is None:
        return csv.reader(lines, delimiter=form.delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote, strict=True)
