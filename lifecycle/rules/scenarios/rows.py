"""The rows of a scenario table, read: each cell by its column, every name checked against the policy.

Called by table.py, which reads what stands above the rows. A row that could fail no check, such as one
that moves no time and sends nothing, is a finding too: whoever wrote it believes that it says something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.findings import Findings, Place, shown
from lifecycle.rules.language.names import PERSON, is_built_in
from lifecycle.rules.language.policy import Policy, Stage, TaskRule
from lifecycle.rules.language.vocabulary import checker
from lifecycle.rules.scenarios.clock import Unreadable, read_clock, read_step
from lifecycle.rules.scenarios.words import Cell, Happening, InstanceName, plain
from lifecycle.touchpoint import Touchpoint

SOURCE = "scenario"
SOMEBODY = "somebody"
"""The person of a table that has no column `person`."""

TIME_ONLY = "(time)"
_CELL = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^|])*')
_SEND_AGAIN = " Send it again with a new id and the field mended."


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `at` is when it is received; `touchpoint` None: only time moves.

    `task` is the task that an outcome is about, as written; its id is known only when the row is run.
    """

    line: int
    at: datetime
    person: str
    touchpoint: Touchpoint | None
    task: str
    stages: Mapping[InstanceName, str]
    tasks: tuple[Happening, ...]
    cells: Mapping[str, str]


def split_cells(line: str) -> list[tuple[str, int]]:
    """Return the cells of a row, each with its column from 1. A | inside quotes divides nothing."""
    cells, at = [], 0
    while at <= len(line):
        match = _CELL.match(line, at)
        assert match is not None
        cell = match[0]
        cells.append((cell.strip(), at + len(cell) - len(cell.lstrip()) + 1))
        at = match.end() + 1
    return cells


def field_value(policy: Policy, kind: str, field: str, text: str) -> Any:
    """Return the text of a field of this type as the value that a sender would send."""
    declared = policy.types[kind].field(field)
    sort = "text" if declared is None else declared.kind
    if sort == "yes_or_no" and text in ("true", "false"):
        return text == "true"
    if sort in ("whole", "number") and re.fullmatch(r"-?[0-9]{1,30}", text):
        return int(text)
    if sort == "number" and re.fullmatch(r"-?[0-9]{1,30}\.[0-9]{1,30}", text):
        return Decimal(text)
    return text


class RowReader:
    """Reads the rows of one table, from the top."""

    def __init__(
        self, policy: Policy, findings: Findings, zone: ZoneInfo, tracks: Sequence[str], columns: Sequence[str]
    ) -> None:
        self.policy = policy
        self.findings = findings
        self.zone = zone
        self.tracks = tracks
        self.columns = columns
        self.last: datetime | None = None
        self.people: dict[str, datetime] = {}

    def rows(self, lines: Iterable[tuple[int, str]]) -> tuple[Row, ...]:
        """Return the rows that can be read; of the others there are findings."""
        return tuple(row for number, line in lines if (row := self.row(number, line)) is not None)

    def row(self, number: int, line: str) -> Row | None:
        """Return one row, or None with a finding."""
        split = split_cells(line)
        if len(split) != len(self.columns):
            message = f"This row has {len(split)} cells and the table {len(self.columns)} columns. Write | between "
            self.findings.add(Place(number, 1), "cells", message + "cells, and a text that holds | in quotes.")
            return None
        texts = dict(zip(self.columns, (text for text, _ in split), strict=True))
        places = dict(zip(self.columns, (Place(number, column) for _, column in split), strict=True))
        cells = {name: Cell(texts[name], places[name], self.findings) for name in self.columns}
        late = "occurred" in texts
        at = self.time(texts["received" if late else "time"], places["received" if late else "time"])
        person = self.person(texts, places)
        if at is None or person is None:
            return None
        is_time = texts["touchpoint"] == TIME_ONLY or (late and texts["occurred"] == TIME_ONLY)
        occurred = at
        if late and not is_time and texts["occurred"]:
            occurred = self.occurred(texts["occurred"], places["occurred"], at) or at
        touchpoint, task = (None, "") if is_time else self.touchpoint(cells["touchpoint"], person, occurred)
        if is_time:
            self.must_move(at, person, places["touchpoint"], texts["touchpoint"])
        self.people[person] = at
        stages = self.stages(cells["expected stages"])
        tasks = self.tasks(cells["expected tasks"])
        return Row(number, at, person, touchpoint, task, stages, tasks, texts)

    def time(self, text: str, place: Place) -> datetime | None:
        """Return when a row is received: a time by the clock, or a step from the row before."""
        try:
            at = None if self.last is None else read_step(text, self.last, self.zone)
            at = at or read_clock(text, self.zone)
        except Unreadable as error:
            self.findings.add(place, "time", str(error))
            return None
        if self.last is not None and at < self.last:
            message = "This row comes before the one above it. Write rows in the order in which they are received."
            self.findings.add(place, "order", message)
            return None
        self.last = at
        return at

    def occurred(self, text: str, place: Place, at: datetime) -> datetime | None:
        """Return when a touchpoint occurred that was received at `at`."""
        try:
            occurred = read_clock(text, self.zone)
        except Unreadable as error:
            self.findings.add(place, "time", str(error))
            return None
        if occurred > at:
            self.findings.add(place, "order", "This occurred after it was received. Write when it occurred, not later.")
        return occurred

    def person(self, texts: Mapping[str, str], places: Mapping[str, Place]) -> str | None:
        """Return whose row it is."""
        try:
            person = plain(texts.get("person", SOMEBODY))
        except Unreadable as error:
            self.findings.add(places["person"], "person", str(error))
            return None
        if not person:
            self.findings.add(places["person"], "person", "Whose row is this? Write a name in the column person.")
        return person or None

    def must_move(self, at: datetime, person: str, place: Place, text: str) -> None:
        """Report a row of time alone that moves no time, or that has a touchpoint."""
        since = self.people.get(person)
        if text not in ("", TIME_ONLY):
            message = f'This row is of time alone and has "{shown(text)}". Write when it occurred, or take it out.'
            self.findings.add(place, "unused", message)
        elif since is None:
            message = f"Nothing has happened to {person} yet, so time moves nobody. Take this row out."
            self.findings.add(place, "unused", message)
        elif at == since:
            message = f"No time has passed for {person} since the row before. Take this row out, or write a later time."
            self.findings.add(place, "unused", message)

    def touchpoint(self, cell: Cell, person: str, occurred: datetime) -> tuple[Touchpoint | None, str]:
        """Return the touchpoint of a row, and the task that it is about if it is an outcome."""
        place = cell.place
        try:
            kind, fields = cell.touchpoint()
        except Unreadable as error:
            self.findings.add(place, "cell", str(error))
            return None, ""
        declared = self.policy.types.get(kind)
        if declared is None and not kind:
            self.findings.add(place, "cell", f"What happens here? Write a touchpoint, or {TIME_ONLY} for time alone.")
        elif declared is None:
            self.findings.unknown(place, "unknown-type", kind, "a touchpoint", self.policy.types)
        if declared is None:
            return None, ""
        data: dict[str, Any] = {}
        for name, text, at in fields:
            if declared.field(name) is None:
                self.findings.unknown(at, "unknown-field", name, f"a field of {kind}", declared.fields)
            elif name in data:
                self.findings.add(at, "twice", f'"{name}" stands twice in this touchpoint. Keep one.')
            data[name] = field_value(self.policy, kind, name, text)
        found = Touchpoint(person, SOURCE, f"row-{place.line:06}", kind, occurred, None, data)
        fault = checker(declared, WorkingTime(self.policy.calendar))(found)
        # A table names a task in words; its id is known when the row is run.
        if fault is not None and fault.reason != "no_task_id":
            self.findings.add(place, "invalid-data", fault.message.removesuffix(_SEND_AGAIN))
        task = str(data.get("task", "")) if is_built_in(kind) else ""
        if task and task.rpartition(".")[2] not in self.rules():
            self.findings.unknown(place, "unknown-task", task, "a task", self.rules())
        return found, task

    def rules(self) -> set[str]:
        """Return the names of all tasks of the policy."""
        stages = (stage for track in self.policy.tracks.values() for stage in track.stages.values())
        return {rule for stage in stages for rule in _rules(stage)}

    def stages(self, cell: Cell) -> Mapping[InstanceName, str]:
        """Return the stages that are expected."""
        found: dict[InstanceName, str] = {}
        try:
            for name, stage, place in cell.stages():
                if not self.known(name, place):
                    continue
                track = self.policy.tracks[name.track]
                if stage not in track.stages:
                    self.findings.unknown(place, "unknown-stage", stage, f"a stage of {name.track}", track.stages)
                if name in found:
                    self.findings.add(place, "twice", f"{name} stands twice in this cell. Keep one.")
                found[name] = stage
        except Unreadable as error:
            cell.wrong(str(error))
        return found

    def tasks(self, cell: Cell) -> tuple[Happening, ...]:
        """Return what is expected of tasks."""
        found: list[Happening] = []
        try:
            for happening in cell.happenings(self.zone):
                if self.known(happening.task.instance, happening.place) and self.known_task(happening):
                    found.append(happening)
        except Unreadable as error:
            cell.wrong(str(error))
        return tuple(found)

    def known(self, name: InstanceName, place: Place) -> bool:
        """Tell whether an instance can be one of the tracks that are compared; report one that cannot."""
        track = self.policy.tracks.get(name.track)
        if track is None:
            self.findings.unknown(place, "unknown-track", name.track, "a track", self.policy.tracks)
        elif name.track not in self.tracks:
            message = f'"{name.track}" is not compared in this table. Add it to "tracks" above, or take it out here.'
            self.findings.add(place, "not-compared", message)
        elif (track.per == PERSON) == bool(name.key):
            wanted = f"{name.track}[...] with its {track.per}" if track.per != PERSON else name.track
            message = f'"{name}": there is one {name.track} for each {track.per}. Write {wanted}.'
            self.findings.add(place, "key", message)
        else:
            return True
        return False

    def known_task(self, happening: Happening) -> bool:
        """Report a task that its track does not ask for, and words that say nothing about it."""
        task, policy = happening.task, self.policy
        stages = policy.tracks[task.instance.track].stages.values()
        known = {name for stage in stages for name in _rules(stage)}
        if task.rule not in known:
            self.findings.unknown(happening.place, "unknown-task", task.rule, f"a task of {task.instance.track}", known)
        lanes = [lane.name for lane in policy.lanes]
        if happening.lane is not None and happening.lane not in lanes:
            self.findings.unknown(happening.place, "unknown-lane", happening.lane, "a lane", lanes)
        if happening.before is not None and happening.before not in self.people:
            self.findings.unknown(happening.place, "person", happening.before, "a person above this row", self.people)
        if happening.mark == "" and (happening.lane, happening.by, happening.due, happening.ask) == (None,) * 4:
            self.findings.add(happening.place, "cell", f"What becomes of {task}? Write +, ok, x or - before it.")
        if happening.reason is not None and happening.mark != "-":
            message = f'"{happening.reason}" says why a task is not asked any more. Write - before it.'
            self.findings.add(happening.place, "cell", message)
        return task.rule in known


def _rules(stage: Stage) -> Iterable[str]:
    """Yield the names of the tasks of a stage, escalations and review included."""
    for task in (*stage.tasks, stage.review):
        following: TaskRule | None = task
        while following is not None:
            yield following.name
            following = following.or_else
