"""One row of columns to the touchpoints that its rules make of it, as lines of canonical JSON.

Each rule stands for itself: what one cannot make takes nothing from the others. Rules are compiled once into closures
and found through a table of the column that they share, because a file has hundreds of thousands of rows. It reads no
file and writes none. Called by run.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lifecycle import canonical_json
from lifecycle.errors import Unreadable
from lifecycle.mapping.marks import Contents, Ids, Places, clock_of
from lifecycle.mapping.model import ROW, Content, ImportMapping, Rule, Template
from lifecycle.mapping.times import moment_reader
from lifecycle.mapping.values import Fields, Index, identifier, text_reader, value_reader
from lifecycle.task import rfc3339

Check = Callable[[bytes], None]
"""A line -> nothing; raises Unreadable for what would be refused later."""


class Made(NamedTuple):
    """What became of a row: (rule, line) and (rule, column, why not), in the order of the rules.

    `repeated` counts touchpoints that were made of an earlier row.
    """

    lines: list[tuple[str, bytes]]
    refused: list[tuple[str, str, Unreadable]]
    repeated: int


_NOTHING = Made([], [], 0)


class Converter:
    """The rules of a mapping, compiled for the columns of one file; rows are given in the order of the file."""

    def __init__(self, mapping: ImportMapping, columns: tuple[str, ...], check: Check | None = None) -> None:
        """Compile. Every column that the mapping names is known to be among `columns`."""
        index = {name: at for at, name in enumerate(columns)} | {ROW: len(columns)}
        # One counter for each set of columns: rules that share it see the same count.
        contents = {rule.id.columns: rule.id for rule in mapping.rules if isinstance(rule.id, Content)}
        self._contents = {of: Contents(content, index, columns) for of, content in contents.items()}
        self._places = Places(mapping.rules, index, newest_first=mapping.file.newest_first)
        self._check = check
        ids = Ids()
        compiled = [_CompiledRule(rule, mapping, index, ids) for rule in mapping.rules]
        shared = [set(rule.tests) for rule in compiled]
        common = sorted(set.intersection(*shared)) if shared else []
        # Without a column that every rule tests for values, all of them are tried on every row.
        self._by = common[0] if common else None
        self._all = tuple(compiled)
        self._table: dict[str, tuple[_CompiledRule, ...]] = {}
        if self._by is not None:
            for value in sorted(set().union(*(rule.tests[self._by] for rule in compiled))):
                self._table[value] = tuple(rule for rule in compiled if value in rule.tests[self._by])

    def convert(self, fields: Fields, number: int, faults: Mapping[str, Unreadable] | None = None) -> Made:
        """Return what the rules that fit make of the next row; nothing at all where none fits.

        `faults` are columns that no rule can use, each with the reason.
        """
        full = [*fields, str(number)]
        marks = {of: contents.mark(full) for of, contents in self._contents.items()}
        places = self._places.of_row(full)
        candidates = self._all if self._by is None else self._table.get(fields[self._by])
        if not candidates:
            return _NOTHING
        lines, refused, repeated = [], [], 0
        for rule in candidates:
            if not rule.fits(fields):
                continue
            try:
                if faults:
                    rule.refuse(faults)
                line = rule.line(full, number, marks, places)
                if line is None:
                    repeated += 1
                    continue
                if self._check is not None:
                    self._check(line)
                lines.append((rule.name, line))
            except Unreadable as fault:
                refused.append((rule.name, rule.column_of(fault), fault))
        return Made(lines, refused, repeated)


class _CompiledRule:
    def __init__(self, rule: Rule, mapping: ImportMapping, index: Index, ids: Ids) -> None:
        self.name = rule.name
        self.tests = {index[test.column]: test.values for test in rule.when if test.values is not None}
        self._tests = tuple((index[test.column], test) for test in rule.when)
        self._fixed = {"source": mapping.source, "specversion": "1.0", "type": rule.type}
        self._content = rule.id.columns if isinstance(rule.id, Content) else None
        self._id = text_reader(rule.id, index) if isinstance(rule.id, Template) else None
        self._of_content = f"{mapping.name}-{{}}-{rule.name}"
        # What has the row's number or a count in it comes once.
        may_come_again = isinstance(rule.id, Template) and ROW not in rule.id.parts[1::2]
        self._ids = ids if may_come_again else None
        self._subject = text_reader(rule.subject, index)
        self._stamp, self._moment = text_reader(rule.time.text, index), moment_reader(rule.time)
        self._sequence = text_reader(rule.sequence, index) if rule.sequence else None
        self._clock = clock_of(rule)
        self._data = tuple((value.name, value_reader(value, index)) for value in rule.data)
        texts = [("subject", rule.subject), ("id", rule.id), ("sequence", rule.sequence)]
        texts += [(value.name, value.text) for value in rule.data]
        self._columns = {name: ", ".join(text.columns) for name, text in texts if isinstance(text, Template)}

        self._used = frozenset(name for text in rule.templates() for name in text.columns)

    def refuse(self, faults: Mapping[str, Unreadable]) -> None:
        """Raise the fault of a column that this rule uses, if there is one."""
        for column in sorted(self._used & faults.keys()):
            raise faults[column]

    def column_of(self, fault: Unreadable) -> str:
        """Return the columns that a fault is about; empty where it is about none."""
        field = fault.field or ""
        return self._columns.get(field, field)

    def fits(self, fields: Fields) -> bool:
        return all(test.holds(fields[column]) for column, test in self._tests)

    def line(self, fields: Fields, number: int, marks: dict[Any, str], places: dict[object, str]) -> bytes | None:
        """Return the touchpoint; None: the same one came before."""
        made = self._id(fields) if self._id is not None else self._of_content.format(marks[self._content])
        identity = identifier("id", made)
        subject = identifier("subject", self._subject(fields))
        time = rfc3339(self._moment(self._stamp(fields)))
        sequence = places[self._clock] if self._sequence is None else self._sequence(fields)
        data = {name: value for name, read in self._data if (value := read(fields)) is not None}
        # In canonical JSON keys are sorted, and the sequence stands between these two halves.
        before = canonical_json.dumps({"data": data, "id": identity})[:-1]
        after = canonical_json.dumps({**self._fixed, "subject": subject, "time": time})[1:]
        between = f',"sequence":{canonical_json.dumps(identifier("sequence", sequence))},' if sequence else ","
        try:
            line = f"{before}{between}{after}".encode() + b"\n"
            # Of two that differ in their place alone the second one says nothing new.
            said = f"{before},{after}" if self._sequence is None else f"{before}{between}{after}"
            if self._ids is not None and self._ids.is_repeated(subject, identity, said, number):
                return None
        except UnicodeEncodeError as error:
            message = "The row holds bytes that are no text in this encoding. Name the encoding: of the file."
            raise Unreadable("encoding", None, message) from error
        return line
