"""A foreign file, plain or gzip, as numbered rows, one at a time: whatever it holds, one row is in memory.

A row that cannot be read comes out with its fault and its original text; the rows after it are not
concerned. It knows columns and nothing of touchpoints. Called by run.py; the lines of a JSON file are json_rows.py.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from lifecycle.errors import FileRefused, MappingRefused, Stop, Unreadable, reason_of
from lifecycle.mapping.json_rows import JsonFields
from lifecycle.mapping.model import TWO_ROWS, FileForm, ImportMapping
from lifecycle.rules.language.findings import nearest

STANDARD_INPUT = Path("-")
"""The name of a file that stands for standard input."""

MAX_LINE = 1024 * 1024
"""Longest line that is read, in characters; the rest of a longer one is skipped."""

MAX_LINES = 1000
"""Most lines of one row: a quoted field may hold line breaks, and a forgotten quote must not eat the file."""

_GZIP = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATOR = re.compile(r"sep=(.)\r?\n\Z")


class Row(NamedTuple):
    """One row. `number` counts from 1 below the header, `line` is its first line in the file.

    With a `fault`, `fields` are what could be split, or the original text in one piece. `faults` are those of single
    columns: they concern the rules that use them.
    """

    number: int
    line: int
    fields: list[str]
    fault: Unreadable | None
    faults: Mapping[str, Unreadable] = {}


class _Lines:
    """Lines of a text with the ones since the last row kept, so that a faulty row can be shown as it stands.

    Not a generator: the csv reader passes an exception on, and must be able to go on with the next line.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.readline = text.readline
        self.number = 0
        self.again: str | None = None
        self.pending: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line, self.again = self.readline(MAX_LINE) if self.again is None else self.again, None
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
    """An open foreign file; `columns` are known, and hold what the mapping names."""

    def __init__(self, path: Path, mapping: ImportMapping) -> None:
        """Open a file, or standard input for `-`, and read its header.

        Raises FileRefused, MappingRefused when the columns are not what the mapping says, or Stop for a file that is
        broken where it begins.
        """
        self.name = "standard input" if path == STANDARD_INPUT else str(path)
        self._form = mapping.file
        self._raw = _opened(path)
        self._text: io.TextIOWrapper | None = None
        try:
            try:
                self._text = _decoded(self._raw, self._form)
                self._lines = _Lines(self._text)
                delimiter = _delimiter(self._lines, self._form, self.name)
            except (EOFError, OSError, zlib.error, UnicodeError) as error:
                raise Stop(f"{self.name} cannot be read: {error}. Fetch the file again.") from error
            self._split = _splitter(self._lines, self._form, delimiter)
            self.json = JsonFields(mapping) if self._form.format == "jsonl" else None
            self.columns = self.json.columns if self.json else self._header(mapping)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ForeignFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; standard input stays open. May be repeated."""
        if self._text is not None:
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
            except (EOFError, OSError, zlib.error, UnicodeError) as error:
                raise Stop(
                    f"{self.name} breaks off after row {number} (line {lines.number}): {error}. "
                    "Fetch the file again; what was imported before does no harm."
                ) from error
            lines.pending.clear()
            # Spreadsheets fill a file up with rows of nothing but separators.
            if not any(fields):
                continue
            number += 1
            if self.json is not None:
                yield self._json_row(self.json, number, line, fields[0])
            elif len(fields) != wanted:
                message = f"The row has {len(fields)} columns, wanted {wanted}."
                yield Row(number, line, fields, Unreadable("columns", None, message))
            else:
                yield Row(number, line, fields, None)

    @staticmethod
    def _json_row(json: JsonFields, number: int, line: int, text: str) -> Row:
        try:
            fields, faults = json.fields(text)
            return Row(number, line, fields, None, faults)
        except Unreadable as fault:
            return Row(number, line, [*[""] * (len(json.columns) - 1), text], fault)

    def _header(self, mapping: ImportMapping) -> tuple[str, ...]:
        if not self._form.header:
            return self._form.columns or ()
        try:
            header = tuple(next(self._split, ()))
        except (csv.Error, EOFError, OSError, zlib.error, UnicodeError) as error:
            raise MappingRefused(f"{self.name}:1: The header cannot be read: {error}.") from error
        if not header:
            raise MappingRefused(f"{self.name}:1: Wanted a header, got nothing. Add header: false.")
        missing = [column for column in self._form.columns or () if column not in header]
        if missing:
            raise MappingRefused(
                f"{self.name}:1: The header is {', '.join(header)[:200]}; {', '.join(missing)[:200]} is not there. "
                f"Correct columns: in {mapping.file_name}.{_one_column(header)}"
            )
        _check_columns(header, mapping, self.name)
        return header


def _opened(path: Path) -> io.BufferedReader:
    if path == STANDARD_INPUT:
        # A reader of its own, so that closing it leaves standard input open.
        return io.BufferedReader(cast("io.RawIOBase", _Unclosed(sys.stdin.buffer)))
    try:
        return path.open("rb")
    except OSError as error:
        raise FileRefused(f"{path} cannot be read: {reason_of(error)}. Name a file that can.") from error


class _Unclosed(io.RawIOBase):
    """Reads from a stream that others own."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        got = (
            self._stream.read1(len(buffer))
            if isinstance(self._stream, io.BufferedReader)
            else self._stream.read(len(buffer))
        )
        buffer[: len(got)] = got
        return len(got)


def _decoded(raw: io.BufferedReader, form: FileForm) -> io.TextIOWrapper:
    stream = raw
    if raw.peek(2)[:2] == _GZIP:
        stream = io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=raw)))
    encoding = form.encoding or "utf-8"
    if encoding == "utf-8":
        # The mark at the beginning is sure, whatever it says.
        encoding = "utf-16" if stream.peek(2)[:2] in _UTF_16 else "utf-8-sig"
    errors = "strict" if encoding == "utf-16" else "surrogateescape"
    return io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")


def _delimiter(lines: _Lines, form: FileForm, name: str) -> str:
    """Return the delimiter; a first line such as `sep=;` says it, and is no row."""
    if form.format != "csv":
        return ""
    lines.again = lines.readline(MAX_LINE)
    said = _SEPARATOR.match(lines.again)
    if said is None:
        return form.delimiter or ","
    if form.delimiter not in (None, said[1]):
        message = f"{name}:1: The file says sep={said[1]}, and the mapping delimiter: {form.delimiter}."
        raise MappingRefused(f"{message} Take delimiter: out of the mapping.")
    next(lines)
    lines.pending.clear()
    return said[1]


def _check_columns(header: tuple[str, ...], mapping: ImportMapping, name: str) -> None:
    problems = []
    for column, place in mapping.columns_used():
        where = f"{mapping.file_name}:{place.line}:{place.column}"
        if column not in header:
            problems.append(f'{where}: "{column}" is not a column of {name}. {nearest(column, header)}')
        elif header.count(column) > 1:
            problems.append(f'{where}: "{column}" stands twice in the header of {name}. Rename one there.')
    if "row" in header and (at := mapping.row_at()) is not None:
        problems.append(f"{mapping.file_name}:{at.line}:{at.column}: {TWO_ROWS} Rename it in {name}.")
    if problems:
        raise MappingRefused("\n".join(problems) + _one_column(header))


def _one_column(header: tuple[str, ...]) -> str:
    """Return advice, with a blank before it, where a header was not split."""
    if len(header) != 1 or not re.search(r"[;\t|,]", header[0]):
        return ""
    return " The header is one column: say delimiter: in the mapping."


def _splitter(lines: _Lines, form: FileForm, delimiter: str) -> Iterator[list[str]]:
    if form.format == "jsonl":
        return map(_whole_line, lines)
    if form.format == "blanks":
        return map(str.split, lines)
    if form.quote is None:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=delimiter, quotechar=form.quote, strict=True)


def _whole_line(line: str) -> list[str]:
    # Not a generator, which would end at the first line that is too long.
    return [line] if line.strip() else []
