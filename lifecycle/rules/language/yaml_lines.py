"""The lines of a text as YAML in its usual form has them: a key, a colon, a value, and brackets and quotes that close.

Asked where a text could not be read as YAML, for what may have been meant. A bracket or a quote closes in the line in
which it opens, or further down while the lines stand further in. Called by yaml_faults.py only. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_KEY = re.compile(r"""(?:"[^"]*"|'[^']*'|[^\s"'\[\]{}#,][^"'\[\]{}#,]*?)\s*:(?:\s+|$)""")
_ITEM = re.compile(r"-(?:\s+|$)")
_FOLDED = re.compile(r"[|>][-+0-9]*\s*(#.*)?$")
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in which line and column (from 1), and what to do."""

    line: int
    column: int
    problem: str
    advice: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not empty: `indents` has one column for each list item that begins in it, and one for the rest.

    `body` is what stands behind the items; `value` what stands behind the colon, None where there is no key.
    """

    number: int
    indents: tuple[int, ...]
    body: str
    value: str | None

    @property
    def indent(self) -> int:
        return self.indents[0]

    @property
    def is_item(self) -> bool:
        return len(self.indents) > 1

    @property
    def is_open(self) -> bool:
        """Tell whether its value stands in the lines below."""
        return self.value == "" or (self.is_item and not self.body)


def lines_of(texts: list[str]) -> Iterator[Line | Fault]:
    """Yield the lines outside brackets, quotes and folded texts, and a bracket or quote that is wrong as a fault."""
    number = 0
    while number < len(texts):
        line = line_of(texts[number], number + 1)
        number += 1
        if line is None:
            continue
        value = line.body if line.value is None else line.value
        if _FOLDED.match(value):
            while number < len(texts) and (not texts[number].strip() or indent_of(texts[number]) > line.indent):
                number += 1
        elif value.startswith(("[", "{", '"', "'")):
            reading = _Enclosed()
            begins_at = len(texts[number - 1].rstrip()) - len(value)
            fault = reading.take(value, number, begins_at)
            while fault is None and reading.is_open:
                if number >= len(texts) or (texts[number].strip() and indent_of(texts[number]) <= line.indent):
                    fault = reading.unclosed()
                    break
                number += 1
                fault = reading.take(texts[number - 1], number, 0)
            if fault is not None:
                yield fault
                return
        yield line


def line_of(text: str, number: int) -> Line | None:
    """Return a line as it stands; None for one that is empty or a remark."""
    body = text.strip()
    if not body or body.startswith(("#", "---", "%")):
        return None
    indents, column = [indent_of(text)], indent_of(text)
    while item := _ITEM.match(body):
        body, column = body[item.end() :], column + item.end()
        indents.append(column)
    key = _KEY.match(body)
    value = None if key is None else _bare(body[key.end() :])
    return Line(number, tuple(indents), _bare(body), value)


def line_below(texts: list[str], line: Line) -> Line | None:
    """Return the next line that is not empty."""
    rest = (line_of(text, number) for number, text in enumerate(texts[line.number :], line.number + 1))
    return next((each for each in rest if each is not None), None)


def indent_of(text: str) -> int:
    """Return how many blanks a text begins with."""
    return len(text) - len(text.lstrip(" "))


def _bare(text: str) -> str:
    """Return a text, "" for one that is a remark."""
    return "" if text.startswith("#") else text


@dataclass(slots=True)
class _Enclosed:
    """Reads a value in brackets or quotes, line by line. Signs that are open stand with their line and column."""

    brackets: list[tuple[str, int, int]] = field(default_factory=list)
    quote: tuple[str, int, int] | None = None
    begins: bool = True
    """Whether a value may begin here: only there a bracket or a quote opens."""

    @property
    def is_open(self) -> bool:
        return bool(self.brackets) or self.quote is not None

    def take(self, text: str, number: int, offset: int) -> Fault | None:
        """Read on in a line, whose text begins so many columns in; return what is wrong there."""
        skips = False
        for place, sign in enumerate(text):
            if skips:
                skips = False
            elif self.quote is not None:
                skips = sign == "\\" and self.quote[0] == '"'
                self.quote = None if sign == self.quote[0] else self.quote
            elif sign == "#" and text[place - 1 : place] in ("", " "):
                return None
            elif sign in "\"'" and self.begins:
                self.quote = (sign, number, offset + place + 1)
                self.begins = False
            elif sign in "[]{}":
                fault = self.bracket(sign, number, offset + place + 1)
                if fault is not None:
                    return fault
            elif sign != " ":
                self.begins = sign == "," or (sign == ":" and text[place + 1 : place + 2] in ("", " "))
        return None

    def bracket(self, sign: str, number: int, column: int) -> Fault | None:
        """Take a bracket in; return what is wrong where it closes another one or none."""
        if sign in "[{":
            if self.begins:
                self.brackets.append((sign, number, column))
            return None
        self.begins = False
        if not self.brackets:
            return Fault(number, column, f'"{sign}" closes nothing', "Take it out, or write what it closes.")
        opened, line, at = self.brackets.pop()
        if _CLOSING[opened] == sign:
            return None
        return Fault(line, at, f'"{opened}" is not closed before "{sign}"', f'Close it with "{_CLOSING[opened]}".')

    def unclosed(self) -> Fault:
        """Return what is wrong where the lines below belong to something else."""
        if self.quote is not None:
            sign, line, column = self.quote
            return Fault(line, column, f"a quote ({sign}) is not closed", "Close it where the sentence ends.")
        opened, line, column = self.brackets[-1]
        return Fault(line, column, f'"{opened}" is not closed', f'Close it with "{_CLOSING[opened]}".')
