"""Where a text that is no YAML went wrong: the line to mend, which is often one before the line where reading stopped.

Theory. A policy is written line by line: a key, a colon, a value; what belongs to a key stands below it, further in,
and in line with what else belongs to it. The first line that does not is at fault, or the single line before it with
which it disagrees: then that one is whose indentation is not what the rest of the file uses. Only asked where YAML
could not be read, so a text that is right is never doubted. Called by document.py only. Pure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from lifecycle.rules.language.yaml_lines import Fault, Line, indent_of, line_below, line_of, lines_of


def find_fault(texts: list[str], until: int) -> Fault | None:
    """Return the first fault in the lines of a text down to a line, where reading stopped; None where none is seen."""
    scan = _Scan(texts, _usual_step(texts))
    before: Line | None = None
    for line in lines_of(texts):
        if isinstance(line, Fault):
            return line if line.line <= until else None
        if line.number > until:
            return None
        fault = scan.place(before, line) or _without_colon(texts, before, line)
        if fault is not None:
            return fault
        before = line
    return None


def find_outside(texts: list[str], number: int) -> Fault | None:
    """Return the line below a key without a value, where what stands below that line shows that it belongs further in.

    `number` is the line of the key.
    """
    key = line_of(texts[number - 1], number) if number <= len(texts) else None
    line = None if key is None else line_below(texts, key)
    child = None if line is None else line_below(texts, line)
    step = _usual_step(texts)
    if key is None or line is None or child is None or not (key.is_open and line.is_open):
        return None
    if line.indent > key.indents[-1] or child.indent < line.indent + 2 * step:
        return None
    return _not_in_line(line, step)


def _usual_step(texts: list[str]) -> int:
    """Return how many blanks further in what belongs to a key mostly stands."""
    indents = [indent_of(text) for text in texts if text.strip() and not text.lstrip().startswith("#")]
    deeper = Counter(other - one for one, other in pairwise(indents) if other > one)
    return max(deeper, key=lambda step: (deeper[step], -step), default=2)


def _not_in_line(line: Line, step: int) -> Fault:
    problem = f"this line begins {line.indent} blanks in, and not in line with what it belongs to"
    return Fault(line.number, line.indent + 1, problem, f"Write what belongs to a key {step} blanks further in.")


def _without_colon(texts: list[str], before: Line | None, line: Line) -> Fault | None:
    """Return a line that is no key, no item of a list and no text that goes on."""
    if line.value is not None:
        return None
    below = line_below(texts, line)
    if line.is_item:
        is_right = (
            below is None or below.indent != line.indents[-1] or line.body.startswith(("{", "[")) or not line.body
        )
    else:
        ends = below is None or below.indent < line.indent or (below.value is None and not below.is_item)
        is_right = ends and before is not None and line.indent > before.indents[-1]
    if is_right:
        return None
    problem = "this line is no key with a value"
    return Fault(line.number, line.indent + 1, problem, "Write a key, a colon, a blank and the value.")


@dataclass(slots=True)
class _Level:
    """Lines that stand in line: their column, the first of them, how many; what they belong to and its column."""

    indent: int
    first: Line
    owner: Line
    outer: int
    is_list: bool
    count: int = 1


@dataclass(slots=True)
class _Scan:
    texts: list[str]
    step: int
    levels: list[_Level] = field(default_factory=list)
    left: dict[Line, tuple[int, ...]] = field(default_factory=dict)
    """The lines that stand further out than the one before them, each with the columns that it left."""

    def place(self, before: Line | None, line: Line) -> Fault | None:
        """Note where a line stands among those above it; return which of them does not stand right."""
        if before is None or not self.levels:
            self.open(line, line, -self.step)
            return None
        if line.indent <= self.levels[-1].indent:
            return self.go_out(before, line)
        if before.is_open:
            self.open(line, before, self.levels[-1].indent)
            return None
        if line.value is None and not line.is_item:
            return None  # the text of the line above goes on
        return _not_in_line(self.at_fault(before, line), self.step)

    def open(self, line: Line, owner: Line, outer: int) -> None:
        """Note the levels that begin with a line, one for each sign of a list item in it too."""
        self.levels.append(_Level(line.indent, line, owner, outer, line.is_item))
        self.open_items(line)

    def open_items(self, line: Line) -> None:
        for outer, inner in pairwise(line.indents):
            self.levels.append(_Level(inner, line, line, outer, is_list=False))

    def go_out(self, before: Line, line: Line) -> Fault | None:
        """Note a line that is not further in than the one before it."""
        left = []
        while self.levels and self.levels[-1].indent > line.indent:
            left.append(self.levels.pop())
        level = self.levels[-1] if self.levels else None
        if level is None or level.indent != line.indent:
            self.levels.extend(reversed(left))
            return _not_in_line(self.at_fault(before, line), self.step)
        level.count += 1
        if line.is_item and not level.is_list:
            if not before.is_open or before.indents[-1] != line.indent:
                return _not_in_line(line, self.step)
            self.levels.append(_Level(line.indent, line, before, line.indent, is_list=True))
        elif level.is_list and not line.is_item:
            self.levels.pop()
            if not self.levels or self.levels[-1].indent != line.indent:
                return _not_in_line(line, self.step)
        inside = (before.indents[-1] + self.step,) if before.is_open else ()
        self.left[line] = (*(each.indent for each in left), *inside)
        self.open_items(line)
        return None

    def at_fault(self, before: Line, line: Line) -> Line:
        """Return the line at fault where one stands in line with nothing: itself, or one before it."""
        for level in reversed(self.levels):
            found = self.first_at_fault(level, line)
            if found is not None:
                return found
        below = line_below(self.texts, line)
        is_alone = line.is_open and (below is None or below.indent <= line.indent)
        return before if line.indent in self.left.get(before, ()) and not is_alone else line

    def first_at_fault(self, level: _Level, line: Line) -> Line | None:
        """Return the first line of a level, or what it belongs to, if that makes a line stand in line with nothing."""
        usual, offset = level.outer + self.step, level.indent - level.outer
        if level.is_list and level.count == 1 and offset not in (0, self.step):
            return level.first
        if level.indent == usual or not (level.outer < line.indent < level.indent or line.indent == usual):
            return None
        is_whole = level.count > 1 or level.first.is_open or self.is_elsewhere(level.owner)
        if is_whole and offset >= 2 * self.step and line.indent in self.left.get(level.owner, ()):
            return level.owner
        is_first = line.indent == usual and (not level.is_list or (line.is_item and level.count == 1))
        return level.first if is_first else None

    def is_elsewhere(self, line: Line) -> bool:
        """Tell whether the key of a line stands elsewhere in the file, and never in the column in which it stands."""
        same = [text for text in self.texts if text.strip().startswith(f"{line.body.partition(':')[0]}:")]
        return line.indent > 0 and len(same) > 2 and sum(indent_of(text) == line.indent for text in same) == 1
