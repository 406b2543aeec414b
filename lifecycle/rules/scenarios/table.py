"""Scenario tables: the text in which a policy writer says what should happen, read and written.

A table names a clock, the tracks that are compared, and then, row by row, what happens to a person and which
stages and tasks should follow. Every name in it is checked against the policy, and all findings come at once,
each with file:line:column. Nothing is folded here: run.py runs a table. The words of the cells are read by
words.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from lifecycle.instant import microseconds
from lifecycle.rules.language.findings import Findings, Place, shown
from lifecycle.rules.language.policy import Fact, Policy
from lifecycle.rules.language.schedule import parse_time
from lifecycle.rules.scenarios.clock import Unreadable, read_clock
from lifecycle.rules.scenarios.rows import Row, RowReader, field_value, split_cells
from lifecycle.rules.scenarios.words import plain

MAX_BYTES = 1024 * 1024
MAX_ROWS = 5_000
MAX_LINE = 10_000
"""Characters of a line."""

COLUMNS = ("time", "received", "occurred", "person", "touchpoint", "expected stages", "expected tasks")
HEADERS = ("scenario", "policy", "clock", "tracks", "given", "note", "marks")
_TEXTS = ("scenario", "note", "marks")
_HEADER = re.compile(r"\s*(\S+)(?:\s+(\S+(?: \S+)*))?")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A table that was read. `head` are its header lines as written, `given` raw facts (compiled/facts.py)."""

    name: str
    title: str
    zone: ZoneInfo
    tracks: tuple[str, ...]
    given: Mapping[str, Any]
    head: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_scenario(text: str, policy: Policy, *, name: str, called: Collection[str] = ()) -> Scenario:
    """Return the scenario that a text holds. `name` stands for the file in messages.

    `called` are further names under which the table may mean this policy, such as that of its file.
    Raises PolicyRefused with all findings, sorted by place.
    """
    findings = Findings(name)
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES:
        findings.add(Place(1, 1), "too-large", f"A table has at most {MAX_BYTES // 1024} KiB. Split it.")
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > MAX_LINE:
            findings.add(Place(number, 1), "too-large", f"A line has at most {MAX_LINE} characters. Shorten it.")
    findings.refuse()
    reader = _TableReader(policy, findings, {policy.name, *called})
    scenario = reader.read(text, name)
    findings.refuse()
    assert scenario is not None
    return scenario


def policy_named(text: str) -> str | None:
    """Return the policy that a table says it is about, or None where it does not say."""
    for line in text.splitlines():
        for match in _HEADER.finditer(line):
            if match[1] == "policy" and match[2]:
                return match[2]
            if match[1] in _TEXTS:
                break
        if "|" in line and not line.startswith(_TEXTS):
            break
    return None


def is_called(named: str | None, names: Iterable[str]) -> bool:
    """Tell whether a table about `named` may be run with a policy of these names; - and _ are alike."""
    return named is None or named.replace("_", "-") in {each.replace("_", "-") for each in names}


def layout(head: Iterable[str], columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the text of a table, its columns aligned."""
    lines = [list(columns), *map(list, rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    table = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*head, "", *table]) + "\n"


class _TableReader:
    def __init__(self, policy: Policy, findings: Findings, called: Collection[str]) -> None:
        self.policy = policy
        self.findings = findings
        self.called = called
        self.headers: dict[str, tuple[str, Place]] = {}
        self.zone = ZoneInfo("UTC")
        self.tracks: tuple[str, ...] = ()

    def read(self, text: str, name: str) -> Scenario | None:
        """Read the whole table; None where it has no columns to read rows by."""
        lines = list(enumerate(text.splitlines(), 1))
        first = next((number for number, line in lines if "|" in line and not line.startswith(_TEXTS)), None)
        head = [(number, line) for number, line in lines if line.strip() and (first is None or number < first)]
        for number, line in head:
            self.header(line, number)
        given = self.settle()
        if first is None:
            message = f"There is no table here. Write a line of columns with | between them: {', '.join(COLUMNS)}."
            self.findings.add(Place(len(lines) or 1, 1), "no-table", message)
            return None
        columns = self.columns(lines[first - 1][1], first)
        body = [(number, line) for number, line in lines[first:] if line.strip()]
        if not body:
            self.findings.add(Place(first, 1), "no-rows", "The table has no rows, so it checks nothing. Add some.")
        if len(body) > MAX_ROWS:
            self.findings.add(Place(first, 1), "too-large", f"A table has at most {MAX_ROWS} rows. Split it.")
            return None
        reader = RowReader(self.policy, self.findings, self.zone, self.tracks, columns)
        rows = reader.rows(body) if columns else ()
        title = self.headers.get("scenario", (name, Place(1, 1)))[0]
        shown_head = tuple(line for _, line in head)
        return Scenario(name, title, self.zone, self.tracks, given, shown_head, columns, rows)

    def header(self, line: str, number: int) -> None:
        """Read the headers of one line: a key and its value, and more of them after two blanks."""
        for match in _HEADER.finditer(line):
            key, value, place = match[1], match[2] or "", Place(number, match.start(1) + 1)
            if key in _TEXTS:
                value = line[match.end(1) :].strip()
            if key not in HEADERS:
                self.findings.unknown(place, "header", key, "a word above a table", HEADERS)
            elif key in self.headers and key != "note":
                self.findings.add(place, "twice", f'"{key}" stands twice above the table. Keep one.')
            elif not value:
                self.findings.add(place, "header", f'"{key}" says nothing. Write its value after it, or take it out.')
            else:
                self.headers[key] = value, place
            if key in _TEXTS:
                return

    def settle(self) -> dict[str, Any]:
        """Take in what the headers say; return what is given of facts."""
        clock, place = self.headers.get("clock", ("", Place(1, 1)))
        if "clock" not in self.headers:
            self.findings.add(place, "zone", "A table says whose clock it means. Add: clock  Europe/Vienna")
        elif clock in available_timezones():
            self.zone = ZoneInfo(clock)
        else:
            self.findings.unknown(place, "zone", clock, "a time zone", available_timezones())
        named, place = self.headers.get("policy", (self.policy.name, place))
        if not is_called(named, self.called):
            message = f'This table is about "{shown(named)}" and is run with "{self.policy.name}". Name the right one.'
            # Nothing of it is known here, and a finding for each of its names would say no more.
            self.findings.found.clear()
            self.findings.add(place, "policy", message)
            self.findings.refuse()
        listed, place = self.headers.get("tracks", (",".join(self.policy.tracks), place))
        self.tracks = tuple(each.strip() for each in listed.split(","))
        for track in self.tracks:
            if track not in self.policy.tracks:
                self.findings.unknown(place, "unknown-track", track, "a track", self.policy.tracks)
        return self.given()

    def given(self) -> dict[str, Any]:
        """Return the facts that hold before the first row: `bought`, `top_ten=true`, in raw form."""
        text, place = self.headers.get("given", ("", Place(1, 1)))
        found: dict[str, Any] = {}
        for part in re.sub(r"\([^()]*\)", "", text).split(","):
            name, _, value = (each.strip() for each in part.partition("="))
            if not name:
                continue
            fact = self.policy.facts.get(name)
            if fact is None:
                self.findings.unknown(place, "unknown-fact", name, "a fact of the policy", self.policy.facts)
                continue
            raw = self.raw(fact, value)
            if raw is None:
                message = f'"{shown(part.strip())}" cannot be given. Give what was ever, last or first so, or counted '
                self.findings.add(place, "given", message + "without a window, such as bought or top_ten=true.")
            else:
                found[name] = raw
        return found

    def raw(self, fact: Fact, value: str) -> Any:
        """Return the raw value (compiled/facts.py) of a fact that is given, or None where it cannot be."""
        if fact.kind == "ever":
            return True if value in ("", "true") else None
        if fact.kind == "count" and fact.within is None:
            return int(value) if value.isascii() and value.isdigit() else None
        if fact.kind not in ("first", "last") or not value:
            return None
        kind, field = next(iter(fact.fields.items()))
        if field:
            return field_value(self.policy, kind, field, plain(value))
        try:
            return microseconds(parse_time(value) or read_clock(value, self.zone))
        except Unreadable:
            return None

    def columns(self, line: str, number: int) -> tuple[str, ...]:
        """Return the names of the columns, or nothing where rows cannot be read by them."""
        cells = split_cells(line)
        names = [" ".join(cell.split()) for cell, _ in cells]
        before = len(self.findings.found)
        for name, (_, column) in zip(names, cells, strict=True):
            if name not in COLUMNS:
                self.findings.unknown(Place(number, column), "unknown-column", name, "a column", COLUMNS)
            elif names.count(name) > 1:
                self.findings.add(Place(number, column), "twice", f'The column "{name}" stands twice. Keep one.')
        clock = ("received", "occurred") if {"received", "occurred"} & set(names) else ("time",)
        for name in (*clock, "touchpoint", "expected stages", "expected tasks"):
            if name not in names:
                self.findings.add(Place(number, 1), "no-column", f'The column "{name}" is missing. Add it.')
        if len(clock) > 1 and "time" in names:
            message = 'Write either "time", or "received" and "occurred" for news that comes late.'
            self.findings.add(Place(number, 1), "twice", message)
        return tuple(names) if len(self.findings.found) == before else ()
