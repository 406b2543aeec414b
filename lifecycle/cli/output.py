"""How commands print: canonical JSON lines and CSV for programs, aligned words for people. Nothing is decided here."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from lifecycle import canonical_json
from lifecycle.cli.terminal import safe, safe_lines, table_lines
from lifecycle.errors import SettingsRefused

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_ACTING_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""What canonical JSON leaves as it is, and a terminal would act on; it can only stand in a text."""


def print_json(values: Iterable[Mapping[str, Any]]) -> None:
    """Print one object a line, in the order given."""
    for value in values:
        text = canonical_json.dumps(value)
        typer.echo(_ACTING_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below the names of their columns, with commas, one row a line."""
    typer.echo(_csv_line(columns), nl=False)
    for row in rows:
        typer.echo(_csv_line([safe(each) for each in row]), nl=False)


def _csv_line(row: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(row)
    return line.getvalue()


def one_form(*, json: bool, as_csv: bool) -> None:
    """Raise SettingsRefused where an answer is asked for in two forms."""
    if json and as_csv:
        raise SettingsRefused("--json and --csv are two forms of one answer. Give one of them.")


def say(line: str) -> None:
    """Print a line for people; nothing in it acts on the terminal."""
    typer.echo(safe(line))


def say_lines(text: str) -> None:
    """Print a text of several lines for people; nothing in it acts on the terminal but its line ends."""
    typer.echo(safe_lines(text))


def print_table(rows: Iterable[Sequence[str]], *, indent: str = "", right: Sequence[int] = ()) -> None:
    """Print rows in columns as wide as their longest text; those in `right` are aligned to the right."""
    for line in table_lines(rows, indent=indent, right=right):
        typer.echo(line)


def number(count: int) -> str:
    """Return a count with separators, for people."""
    return f"{count:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def visible(body: bytes) -> str:
    """Return bytes as text, with whatever is not printable text written as its escape."""
    text = body.decode("utf-8", "backslashreplace")
    return safe(_CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text))
