"""Text that others wrote, made fit for a terminal: nothing in it acts, and columns stay columns.

Ids and facts come from outside. An escape sequence in one would act on the terminal of whoever looks, a line break
would make two lines of one, and a mark that turns the direction of writing would mix up what stands beside it. Wide
letters take two columns, combining ones none. Called by output.py for whatever is shown to people.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from rich.cells import cell_len

BLOCK = 1_000
"""Rows held in memory at once: columns are as wide as the widest text so far."""

_ACTING = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_JOINERS = "\u200c\u200d"
_RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))
_ISOLATE, _END = "\u2068", "\u2069"


def safe(text: str) -> str:
    """Return a text with everything that acts instead of being seen written as its escape, on one line."""
    # Letters of all scripts are printable; blanks other than the usual one are not, and stay as they are.
    if text.isprintable():
        return text
    return "".join(each if _is_seen(each) else each.encode("unicode_escape").decode("ascii") for each in text)


def safe_lines(text: str) -> str:
    """Return a text of several lines, safe but for its line ends."""
    return "\n".join(map(safe, text.split("\n")))


def cell(text: str) -> str:
    """Return a text for a column: safe, and what is written from right to left kept apart from its neighbours."""
    shown = safe(text)
    if shown.isascii() or not any(unicodedata.bidirectional(each) in _RIGHT_TO_LEFT for each in shown):
        return shown
    return f"{_ISOLATE}{shown}{_END}"


def table_lines(rows: Iterable[Sequence[str]], *, indent: str = "", right: Sequence[int] = ()) -> Iterator[str]:
    """Yield rows in columns as wide as their longest text; those in `right` are aligned to the right."""
    widths: list[int] = []
    remaining = iter(rows)
    while block := [[cell(text) for text in row] for row in islice(remaining, BLOCK)]:
        widths = widths or [0] * len(block[0])
        widths = [max(width, *(_width(row[at]) for row in block)) for at, width in enumerate(widths)]
        for row in block:
            blanks = [" " * (width - _width(text)) for width, text in zip(widths, row, strict=True)]
            padded = (blanks[at] + text if at in right else text + blanks[at] for at, text in enumerate(row))
            yield (indent + "  ".join(padded)).rstrip()


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text.replace(_ISOLATE, "").replace(_END, ""))


def _is_seen(letter: str) -> bool:
    return letter in _JOINERS or unicodedata.category(letter) not in _ACTING
