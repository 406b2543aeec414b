"""How commands print: canonical JSON lines for programs, aligned words for people. Nothing is decided here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from lifecycle import canonical_json

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def print_json(values: Iterable[Mapping[str, Any]]) -> None:
    """Print one object a line, in the order given."""
    for value in values:
        typer.echo(canonical_json.dumps(value))


def print_table(rows: Sequence[Sequence[str]], *, indent: str = "", right: Sequence[int] = ()) -> None:
    """Print rows in columns as wide as their longest text; those in `right` are aligned to the right."""
    if not rows:
        return
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    for row in rows:
        cells = [
            text.rjust(widths[index]) if index in right else text.ljust(widths[index]) for index, text in enumerate(row)
        ]
        typer.echo((indent + "  ".join(cells)).rstrip())


def minute(at: str) -> str:
    """Return an RFC 3339 time in UTC to the minute, for people."""
    return f"{at[:10]} {at[11:16]}"


def number(count: int) -> str:
    """Return a count with separators, for people."""
    return f"{count:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def visible(body: bytes) -> str:
    """Return bytes as text, with whatever is not printable text written as its escape."""
    text = body.decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def value_in_words(value: Any) -> str:
    """Return a fact's value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{amount} {name}" for name, amount in sorted(value.items())) or "nothing"
    return str(value)
