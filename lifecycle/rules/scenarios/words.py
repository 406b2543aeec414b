"""The words of a scenario table's cells, both ways: touchpoints, stages and tasks as text.

Whatever is written here is read here, so that a printed cell can be pasted. Used by table.py, run.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from lifecycle.rules.language.findings import Findings, Place, shown
from lifecycle.rules.scenarios.clock import CLOCK_TIME, Unreadable, clock_text, read_clock
from lifecycle.task import WithdrawnReason

Mark = Literal["+", "ok", "x", "-", ""]
"""Opened, completed, expired, withdrawn or declined, and for a task that stays open: what else is told of it."""

REASONS = (*(reason for reason in get_args(WithdrawnReason) if reason not in ("expired", "before_start")), "declined")
"""Why a task is not asked any more, where nobody did it and it did not expire."""

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BARE = r'[^\s"\[\]|;,()=]+'
_WORD = re.compile(rf"{_QUOTED}|{_BARE}")
_NAME = re.compile(rf"([a-z][a-z0-9_]*)(?:\[({_QUOTED}|[^\s\"\[\]|;,()]+)\])?")
_RULE = re.compile(r"\.([a-z][a-z0-9_]*(?:/or_else)*)")
_FIELD = re.compile(rf"([a-z][a-z0-9_]*)=({_QUOTED}|[^\s\"|]*)")
_TYPE = re.compile(r"[^\s\"|=]+")
_MARK = re.compile(r"(\+|ok|x|-)\s")
_ATTRIBUTE = re.compile(rf"(lane|by|due|ask|served before|{'|'.join(REASONS)})(?![\w.\[/])")
_KEYS = {"lane": "lane", "by": "by", "due": "due", "ask": "ask", "served before": "before"}
_COMMA = re.compile(",")
_SEMICOLON = re.compile(";")
_STAGE = re.compile(r"\s*=\s*([a-z][a-z0-9_]*)")
_SKIPPED = re.compile(r"(?:\s|\([^()]*\))+")


@dataclass(frozen=True, slots=True)
class InstanceName:
    """One running track: `need[n1]`, or `in_touch` where there is one for each person (key "")."""

    track: str
    key: str

    def __str__(self) -> str:
        return f"{self.track}[{word(self.key)}]" if self.key else self.track


@dataclass(frozen=True, slots=True)
class TaskName:
    """One task of an instance: `need[n1].acknowledge`, `need[n1].acknowledge/or_else`."""

    instance: InstanceName
    rule: str

    def __str__(self) -> str:
        return f"{self.instance}.{self.rule}"


_NOWHERE = Place(1, 1)


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that becomes of a task. What is None is not written, and then not compared.

    `before` names a person whose open tasks of this kind are served after this one. `place` is where it is written.
    """

    mark: Mark
    task: TaskName
    lane: str | None = None
    by: str | None = None
    due: datetime | None = None
    ask: str | None = None
    reason: str | None = None
    before: str | None = None
    place: Place = _NOWHERE

    def changes(self) -> tuple[object, ...]:
        """Return what is said of a task that stays open, of which all counts."""
        return self.lane, self.by, self.due, self.ask

    def said(self, zone: ZoneInfo) -> str:
        """Return it as it is written in a cell."""
        told = {
            "lane": None if self.lane is None else word(self.lane),
            "by": None if self.by is None else word(self.by),
            "due": None if self.due is None else clock_text(self.due, zone),
            "ask": None if self.ask is None else word(self.ask),
        }
        parts = [self.mark, str(self.task), *(f"{key} {text}" for key, text in told.items() if text is not None)]
        said = " ".join(part for part in (*parts, self.reason) if part)
        if self.before is None:
            return said
        owner = f"{self.before}'s"
        return f"{said}, served before {owner if word(owner) == owner else word(self.before)}"


def word(text: str) -> str:
    """Return a text as it stands in a cell: as it is, or in quotes where it would be read as something else."""
    return text if re.fullmatch(_BARE, text) else json.dumps(text, ensure_ascii=False)


def plain(text: str) -> str:
    """Return what a word in a cell means: the same, or what stands in its quotes."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError as error:
        raise Unreadable(f"{shown(text)} cannot be read. In quotes, write a backslash twice.") from error


class Cell:
    """Reads the text of one cell from left to right. `place` is where the text begins in the file."""

    def __init__(self, text: str, place: Place, findings: Findings) -> None:
        self.text = text
        self.start = place
        self.findings = findings
        self.at = 0

    @property
    def place(self) -> Place:
        """Where reading stands."""
        return Place(self.start.line, self.start.column + self.at)

    def wrong(self, message: str) -> None:
        """Note what is wrong here."""
        self.findings.add(self.place, "cell", message)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what fits a pattern here, and the blanks and comments in parentheses before it."""
        self.skip()
        match = pattern.match(self.text, self.at)
        if match is not None and match.end() > match.start():
            self.at = match.end()
            return match
        return None

    def skip(self) -> None:
        """Pass blanks and comments."""
        if (match := _SKIPPED.match(self.text, self.at)) is not None:
            self.at = match.end()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        self.skip()
        return self.at >= len(self.text)

    def rest(self, ends: str) -> str:
        """Return what stands here up to `ends`, for messages."""
        return shown(self.text[self.at :].partition(ends)[0].strip())

    def go_to(self, ends: str) -> None:
        """Pass everything up to `ends`."""
        self.at = len(self.text) if (found := self.text.find(ends, self.at)) < 0 else found

    def instance(self) -> InstanceName | None:
        """Read `need[n1]` or `in_touch`."""
        return None if (match := self.take(_NAME)) is None else InstanceName(match[1], plain(match[2] or ""))

    def task(self) -> TaskName | None:
        """Read `need[n1].acknowledge`."""
        instance = self.instance()
        match = None if instance is None else self.take(_RULE)
        return None if match is None or instance is None else TaskName(instance, match[1])

    def stages(self) -> Iterator[tuple[InstanceName, str, Place]]:
        """Read `in_touch=met, need[n1]=stated`."""
        while not self.is_over:
            place = self.place
            said = self.rest(",")
            instance = self.instance()
            stage = self.take(_STAGE)
            ended = self.is_over or self.take(_COMMA)  # type: ignore[redundant-expr]  # reading has moved on
            if instance is None or stage is None or not ended:
                self.findings.add(place, "cell", f'"{said}" is no stage. Write TRACK=STAGE or TRACK[KEY]=STAGE.')
                return
            yield instance, stage[1], place

    def happenings(self, zone: ZoneInfo) -> Iterator[Happening]:
        """Read `+ need[n1].acknowledge due 2026-03-03 10:00; ok need[n1].greet`."""
        while not self.is_over:
            found = self.happening(zone)
            if found is not None:
                yield found
            if not self.is_over and self.text[self.at] != ";":  # type: ignore[redundant-expr]  # as above
                self.wrong(
                    f'"{self.rest(";")}" is not understood. After a task come lane, by, due, ask or why it ended; '
                    "write ; between tasks and comments in ( )."
                )
                self.go_to(";")
            self.take(_SEMICOLON)

    def happening(self, zone: ZoneInfo) -> Happening | None:
        """Read one task and what became of it."""
        self.skip()
        place, said = self.place, self.rest(";")
        mark = self.take(_MARK)
        name = self.task()
        if name is None:
            message = f'"{said}" is no task. Write +, ok, x or - and TRACK.TASK or TRACK[KEY].TASK.'
            self.findings.add(place, "cell", message)
            self.go_to(";")
            return None
        told: dict[str, str] = {}
        while self.attribute(told):
            pass
        due = None
        if "due" in told:
            try:
                due = read_clock(told.pop("due"), zone)
            except Unreadable as error:
                self.findings.add(place, "time", str(error))
        sign: Mark = mark[1] if mark else ""  # type: ignore[assignment]  # the pattern allows marks only
        return Happening(sign, name, due=due, place=place, **told)

    def attribute(self, told: dict[str, str]) -> bool:
        """Read one of lane, by, due, ask, served before and the reason into `told`; False where none stands here."""
        self.take(_COMMA)
        place = self.place
        match = self.take(_ATTRIBUTE)
        if match is None:
            return False
        key = _KEYS.get(match[1], "reason")
        value = match if key == "reason" else self.take(CLOCK_TIME if key == "due" else _WORD)
        if value is None:
            self.wrong(f'"{match[1]}" is not followed by {"a time" if key == "due" else "a word"}. Add it.')
            return False
        if key in told:
            self.findings.add(place, "twice", f'"{match[1]}" is a second {key} of one task. Keep one.')
        told[key] = plain(value[0]).removesuffix("'s") if key == "before" else plain(value[0])
        return True

    def touchpoint(self) -> tuple[str, list[tuple[str, str, Place]]]:
        """Read `need.stated need=n1 words="a door"`: the type, and the fields with their text and place."""
        kind = self.take(_TYPE)
        fields = []
        while not self.is_over:
            place = self.place
            match = self.take(_FIELD)
            if match is None:
                self.wrong(f'"{self.rest(" ")}" is no field. Write key=value, or key="text with blanks".')
                break
            fields.append((match[1], plain(match[2]), place))
        return (kind[0] if kind else ""), fields
