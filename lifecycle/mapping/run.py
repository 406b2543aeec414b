"""An import: foreign rows in, touchpoint lines out, bad rows aside, and every row counted.

It stops for nothing that stands in a row. It needs no database: what it writes is read by `lifecycle run`
or `lifecycle publish`. Called by the command line and by tests.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from lifecycle.errors import Unreadable
from lifecycle.mapping.convert import Converter
from lifecycle.mapping.model import ImportMapping
from lifecycle.mapping.rows import ForeignFile, Row

EXAMPLES = 10
"""Bad rows that the result names; all of them stand in the file."""

PROGRESS_EVERY = 10_000


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of the rows: rows_read = mapped + not_mapped + bad. One row may give several touchpoints.

    `by_rule` counts touchpoints in the order of the mapping. `examples` are the first bad rows as sentences;
    `bad_rows_at` is the file that holds all of them (None: there were none).
    """

    rows_read: int
    touchpoints_written: int
    rows_not_mapped: int
    bad_rows: int
    by_rule: dict[str, int]
    examples: tuple[str, ...]
    bad_rows_at: Path | None

    def as_data(self) -> dict[str, Any]:
        """Return canonical JSON data."""
        return {
            "rows_read": self.rows_read,
            "touchpoints_written": self.touchpoints_written,
            "rows_not_mapped": self.rows_not_mapped,
            "bad_rows": self.bad_rows,
            "by_rule": dict(self.by_rule),
            "bad_rows_at": None if self.bad_rows_at is None else str(self.bad_rows_at),
        }


def bad_rows_path(file: Path, out: Path | None) -> Path:
    """Return where bad rows go by default: beside `out`; for standard output, the present folder."""
    return Path(f"{file.name}.bad.csv") if out is None else out.with_name(f"{out.name}.bad.csv")


def import_to_path(
    mapping: ImportMapping,
    file: Path,
    out: Path,
    *,
    bad_rows: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImportResult:
    """Import into a file, which appears whole or not at all. May be repeated: the same file comes out.

    `bad_rows`: where bad rows go (None: `out` with `.bad.csv`). `progress` is told the rows read so far.
    Raises NotFound, SettingsRefused (columns), Stop (the file breaks off), OSError (cannot write).
    """
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb", buffering=1 << 18) as stream:
            result = import_to_stream(
                mapping, file, stream, bad_rows=bad_rows or bad_rows_path(file, out), progress=progress
            )
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return result


def import_to_stream(
    mapping: ImportMapping,
    file: Path,
    out: BinaryIO,
    *,
    bad_rows: Path,
    progress: Callable[[int], None] | None = None,
) -> ImportResult:
    """Import into an open binary stream, such as standard output; it is flushed and stays open.

    Raises what import_to_path raises; lines written before are whole and stand.
    """
    by_rule = {rule.name: 0 for rule in mapping.rules}
    rows_read = not_mapped = 0
    with ForeignFile(file, mapping) as foreign, _BadRows(bad_rows, foreign.columns) as bad:
        convert, write = Converter(mapping, foreign.columns).convert, out.write
        for row in foreign.rows():
            rows_read += 1
            if progress is not None and rows_read % PROGRESS_EVERY == 0:
                progress(rows_read)
            try:
                if row.fault is not None:
                    raise row.fault
                made = convert(row.fields, row.number)
            except Unreadable as fault:
                bad.add(row, fault)
                continue
            if not made:
                not_mapped += 1
            for name, line in made:
                by_rule[name] += 1
                write(line)
        out.flush()
    return ImportResult(
        rows_read=rows_read,
        touchpoints_written=sum(by_rule.values()),
        rows_not_mapped=not_mapped,
        bad_rows=bad.count,
        by_rule=by_rule,
        examples=tuple(bad.examples),
        bad_rows_at=bad_rows if bad.count else None,
    )


class _BadRows:
    """The file of bad rows: row, line, reason and the columns as they stood. Made with the first one."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.count = 0
        self.examples: list[str] = []
        self._path = path
        self._columns = columns
        self._file: TextIO | None = None
        self._writer: Any = None
        # One of an earlier run would say that rows are bad which no longer are.
        path.unlink(missing_ok=True)

    def __enter__(self) -> _BadRows:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: Row, fault: Unreadable) -> None:
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            self._writer = csv.writer(self._file, lineterminator="\n")
            self._writer.writerow(["row", "line", "reason", *self._columns])
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"row {row.number} (line {row.line}): {fault.message}")
        self._writer.writerow([row.number, row.line, fault.message, *row.fields])
