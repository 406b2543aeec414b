"""An import: foreign rows in, touchpoint lines out, what was refused aside, and every row counted.

It stops for nothing that stands in a row. It needs no database: what it writes is read by `lifecycle run`
or `lifecycle publish`. Called by the command line and by tests.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from lifecycle.errors import Unreadable
from lifecycle.mapping.convert import Check, Converter
from lifecycle.mapping.model import ImportMapping
from lifecycle.mapping.rows import STANDARD_INPUT, ForeignFile, Row

EXAMPLES = 10
"""What was refused first, as sentences in the result; all of it stands in the file."""

PROGRESS_EVERY = 10_000

WHOLE_ROW = "row"
"""In place of a rule: the row could not be read at all."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of the rows: every row is mapped, not mapped (no rule fits it) or bad (of it something was refused).

    Each rule stands for itself: a bad row may have given touchpoints by other rules. `by_rule` counts touchpoints in
    the order of the mapping, `refused` what was refused by (rule, reason), most frequent first; `repeated` are
    touchpoints that came before in the same file with the same id and content, which are written once. `unseen` are
    columns that stood in no line of a JSON file. `examples` are the first refusals as sentences; `bad_rows_at` is the
    file that holds all of them (None: there were none, or nothing was to be written).
    """

    rows_read: int
    touchpoints_written: int
    rows_not_mapped: int
    bad_rows: int
    repeated: int
    by_rule: dict[str, int]
    refused: dict[tuple[str, str], int]
    unseen: tuple[str, ...]
    examples: tuple[str, ...]
    bad_rows_at: Path | None


def bad_rows_path(file: Path, out: Path | None) -> Path:
    """Return where refused rows go by default: beside `out`; for standard output, the present folder."""
    if out is not None:
        return out.with_name(f"{out.name}.bad.csv")
    return Path("standard-input.bad.csv" if file == STANDARD_INPUT else f"{file.name}.bad.csv")


def import_to_path(
    mapping: ImportMapping,
    file: Path,
    out: Path,
    *,
    bad_rows: Path | None = None,
    check: Check | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImportResult:
    """Import into a file, which appears whole or not at all. May be repeated: the same file comes out.

    `file` may be `-` for standard input. `bad_rows`: where refused rows go (None: `out` with `.bad.csv`). `check`
    refuses lines besides. `progress` is told the rows read so far. Raises FileRefused, MappingRefused (columns), Stop
    (the file breaks off), OSError (cannot write).
    """
    part = out.with_name(f"{out.name}.part")
    aside = bad_rows or bad_rows_path(file, out)
    try:
        with part.open("wb", buffering=1 << 18) as stream:
            result = import_to_stream(mapping, file, stream, bad_rows=aside, check=check, progress=progress)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return result


def import_to_stream(
    mapping: ImportMapping,
    file: Path,
    out: BinaryIO | None,
    *,
    bad_rows: Path | None,
    check: Check | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImportResult:
    """Import into an open binary stream, such as standard output; it is flushed and stays open.

    None in place of `out` and `bad_rows`: nothing is written, and counted as if it were. Raises what import_to_path
    raises; lines written before are whole and stand.
    """
    by_rule = {rule.name: 0 for rule in mapping.rules}
    rows_read = not_mapped = repeated = 0
    with ForeignFile(file, mapping) as foreign, _BadRows(bad_rows, foreign) as bad:
        convert = Converter(mapping, foreign.columns, check).convert
        for row in foreign.rows():
            rows_read += 1
            if progress is not None and rows_read % PROGRESS_EVERY == 0:
                progress(rows_read)
            if row.fault is not None:
                bad.add(row, [(WHOLE_ROW, "", row.fault)])
                continue
            made = convert(row.fields, row.number, row.faults)
            if made.refused:
                bad.add(row, made.refused)
            elif not made.lines and not made.repeated:
                not_mapped += 1
            repeated += made.repeated
            for name, line in made.lines:
                by_rule[name] += 1
                if out is not None:
                    out.write(line)
        if out is not None:
            out.flush()
        unseen = foreign.json.unseen if foreign.json and rows_read else ()
    return ImportResult(
        rows_read=rows_read,
        touchpoints_written=sum(by_rule.values()),
        rows_not_mapped=not_mapped,
        bad_rows=bad.count,
        repeated=repeated,
        by_rule=by_rule,
        refused=dict(bad.refused.most_common()),
        unseen=unseen,
        examples=tuple(bad.examples),
        bad_rows_at=bad_rows if bad.count else None,
    )


class _BadRows:
    """The file of what was refused: row, line, rule, column, reason, the row as it stood. Made with the first one."""

    def __init__(self, path: Path | None, foreign: ForeignFile) -> None:
        self.count = 0
        self.examples: list[str] = []
        self.refused: Counter[tuple[str, str]] = Counter()
        self._path = path
        self._foreign = foreign
        self._file: TextIO | None = None
        self._writer: Any = None
        # One of an earlier run would say that rows are bad which no longer are.
        if path is not None:
            path.unlink(missing_ok=True)

    def __enter__(self) -> _BadRows:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: Row, refused: list[tuple[str, str, Unreadable]]) -> None:
        """Take a row of which something was refused: a line for each rule that could not be filled."""
        self.count += 1
        for rule, column, fault in refused:
            self.refused[rule, fault.reason] += 1
            if len(self.examples) < EXAMPLES:
                where = f"{self._foreign.name}: row {row.number} (line {row.line})"
                where += f", rule {rule}" if rule != WHOLE_ROW else ""
                where += f", column {column}" if column else ""
                self.examples.append(f"{where}: {fault.message}")
            if self._path is not None:
                self._write([row.number, row.line, rule, column, fault.message, *row.fields])

    def _write(self, line: list[Any]) -> None:
        if self._file is None:
            assert self._path is not None
            self._file = self._path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            self._writer = csv.writer(self._file, lineterminator="\n")
            self._writer.writerow(["row", "line", "rule", "column", "reason", *self._foreign.columns])
        self._writer.writerow(line)
