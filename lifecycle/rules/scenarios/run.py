"""Running a scenario table: each row through the fold and the reconciliation that live running uses, then compared.

Theory. A row moves only its own person. Time goes from instant to instant, and after each what is owed about
tasks is reconciled with what was published, as workers do at the present. So a task that opens and expires
within one row happened, and must be written. A touchpoint that comes late, or at an instant whose timers have
fired, folds the person again from the first row; then one reconciliation says what it made untrue.

Everything that happened in the compared tracks and is not written is a problem, and everything written that did
not happen. Stages that are written must hold after the row, whether they changed in it or not. Pure; called by
the command line and by tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lifecycle import canonical_json
from lifecycle.instant import EPOCH
from lifecycle.person import Publication
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import Folded, can_append, fold
from lifecycle.rules.fold.retractions import counted, retracted
from lifecycle.rules.fold.tasks import Request, reconcile
from lifecycle.rules.language.schedule import parse_time
from lifecycle.rules.scenarios.rows import Row
from lifecycle.rules.scenarios.table import Scenario, layout
from lifecycle.rules.scenarios.words import Happening, InstanceName, Mark, TaskName
from lifecycle.rules.state.snapshot import PersonState, decode, encode
from lifecycle.task import WithdrawnReason
from lifecycle.touchpoint import RETRACTED, Touchpoint, order_key

MAX_INSTANTS = 10_000
"""Most instants at which time alone does something within one row."""

_MARKS: dict[str, Mark] = {"completed": "ok", "declined": "-", "expired": "x", "withdrawn": "-"}
_ORDER: tuple[Mark, ...] = ("ok", "x", "-", "", "+")


@dataclass(frozen=True, slots=True)
class RowResult:
    """What a row came to. `stages` and `tasks` are what happened, as cells; `problems` are sentences."""

    row: Row
    stages: str
    tasks: str
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything that happened is written, and everything written happened."""
        return not self.problems


def run_scenario(machine: Machine, scenario: Scenario) -> list[RowResult]:
    """Return what each row came to, in order. A row that cannot be folded is the last one."""
    people: dict[str, _Person] = {}
    results: list[RowResult] = []
    for row in scenario.rows:
        person = people.get(row.person)
        if person is None:
            person = people[row.person] = _Person(machine, scenario, row.person)
        before = person.standing()
        try:
            found = person.take(row)
        except _Stopped as stopped:
            return [*results, RowResult(row, "", "", (str(stopped),))]
        results.append(_compare(scenario, row, before, person, found, people))
    return results


def written(scenario: Scenario, results: Sequence[RowResult]) -> str:
    """Return the table again, its expectations replaced by what happened: read and run again, it passes."""
    rows = [_cells(scenario, each.row, each.stages, each.tasks) for each in results]
    return layout(scenario.head, scenario.columns, rows)


def report(scenario: Scenario, result: RowResult) -> str:
    """Return a failed row for people: where it is, what is wrong, and expected above got, to be pasted."""
    cells = result.row.cells
    expected = ["expected", *(cells[name] for name in scenario.columns)]
    got = ["got", *_cells(scenario, result.row, result.stages, result.tasks)]
    table = layout((), ("", *scenario.columns), (expected, got)).strip("\n")
    lines = [f"{scenario.name}:{result.row.line}: {problem}" for problem in result.problems]
    return "\n".join([*lines, *(f"  {line}" for line in table.splitlines())])


def _cells(scenario: Scenario, row: Row, stages: str, tasks: str) -> list[str]:
    cells = {**row.cells, "expected stages": stages, "expected tasks": tasks}
    return [cells[name] for name in scenario.columns]


class _Stopped(Exception):
    """Why a row cannot be run, as a sentence."""


@dataclass(slots=True)
class _Person:
    """One person as far as the table has got: their log, their state, and what was published of their tasks."""

    machine: Machine
    scenario: Scenario
    name: str
    state: PersonState = field(init=False)
    log: list[Touchpoint] = field(default_factory=list)
    published: dict[str, Publication] = field(default_factory=dict)
    due: datetime | None = None

    def __post_init__(self) -> None:
        self.state = self.start()

    def start(self) -> PersonState:
        """Return the state before the first row, a fresh one with every call."""
        return decode(encode(PersonState(facts=dict(self.scenario.given))))

    def standing(self) -> dict[InstanceName, str]:
        """Return the stage of each instance of the compared tracks."""
        return {
            InstanceName(track, key): instance.stage
            for track in self.scenario.tracks
            for key, instance in self.state.tracks.get(track, {}).items()
        }

    def take(self, row: Row) -> list[Happening]:
        """Run one row; return what became of tasks, in order. Raises _Stopped."""
        return list(self.steps(row))

    def steps(self, row: Row) -> Iterator[Happening]:
        """Move time up to the row, take in its touchpoint, and move time through the row's instant."""
        touchpoint = row.touchpoint
        for _ in range(MAX_INSTANTS):
            if self.due is None or self.due > row.at or (touchpoint is not None and self.due == row.at):
                break
            yield from self.told(fold(self.machine, self.name, self.state, (), self.due), self.due)
        else:
            raise _Stopped(f"Time alone does more than {MAX_INSTANTS} things within this row. Divide the row.")
        if touchpoint is None:
            return
        if row.task:
            touchpoint = touchpoint._replace(data={**touchpoint.data, "task": self.task_id(row.task)})
        self.log.append(touchpoint)
        gone = retracted(self.log)
        ready: Sequence[Touchpoint] = counted([touchpoint], gone)
        untrue: WithdrawnReason = "retracted" if touchpoint.type == RETRACTED else "never_true"
        if touchpoint.type == RETRACTED or not can_append(self.state, order_key(touchpoint)):
            self.state = self.start()
            ready = sorted(counted(self.log, gone), key=order_key)
        yield from self.told(fold(self.machine, self.name, self.state, ready, row.at), row.at, untrue)

    def told(self, folded: Folded, at: datetime, untrue: WithdrawnReason = "never_true") -> list[Happening]:
        """Publish what is owed now; return it for the compared tracks, what ends before what opens."""
        found = []
        self.due = folded.next_due_at
        about = self.machine, self.name, folded.state, folded.closings, self.published
        for request in reconcile(*about, at=at, untrue=untrue):
            last = self.published.get(request.publication.task_id)
            self.published[request.publication.task_id] = request.publication
            if request.data["why"]["track"] in self.scenario.tracks:
                found.append(_happening(request, last))
        return sorted(found, key=lambda each: (_ORDER.index(each.mark), str(each.task)))

    def task_id(self, name: str) -> str:
        """Return the id of the open task of this name, else of the one that was asked for last. Raises _Stopped."""
        asked = {task_id: _name(canonical_json.loads(each.body)) for task_id, each in self.published.items()}
        fitting = [task_id for task_id, task in asked.items() if name in (str(task), task.rule)]
        still = [task_id for task_id in fitting if self.published[task_id].state == "open"]
        if len(still) > 1:
            names = ", ".join(sorted(str(asked[task_id]) for task_id in still))
            raise _Stopped(f'"{name}" is the name of {len(still)} open tasks: {names}. Write the whole name of one.')
        if not fitting:
            names = ", ".join(sorted(str(asked[each]) for each in asked if self.published[each].state == "open"))
            raise _Stopped(f'No task "{name}" was asked about {self.name}. Open: {names or "none"}. Name one of them.')
        return (still or fitting)[-1]


def _name(data: Any) -> TaskName:
    why = data["why"]
    return TaskName(InstanceName(why["track"], why["key"] or ""), data["kind"])


def _happening(request: Request, last: Publication | None) -> Happening:
    """Return one message as a thing that happened, with everything a table can say about it."""
    data = request.data
    due = parse_time(data["due_at"])
    if request.type == "task.requested" or data["reason"] == "reopened":
        return Happening("+", _name(data), lane=data["lane"], by=data["by"], due=due, ask=data["ask"])
    if data["state"] != "open":
        reason = "declined" if data["state"] == "declined" else data["reason"]
        mark = _MARKS[data["state"]]
        return Happening(mark, _name(data), reason=reason if mark == "-" else None)
    before = canonical_json.loads("{}" if last is None else last.body)
    return Happening(
        "",
        _name(data),
        lane=data["lane"] if data["lane"] != before.get("lane") else None,
        by=data["by"] if data["by"] != before.get("by") else None,
        due=due if data["due_at"] != before.get("due_at") else None,
        ask=data["ask"] if data["ask"] != before.get("ask") else None,
    )


def _compare(
    scenario: Scenario,
    row: Row,
    before: dict[InstanceName, str],
    person: _Person,
    found: Sequence[Happening],
    people: dict[str, _Person],
) -> RowResult:
    """Hold what happened against what is written."""
    after = person.standing()
    changed = {name: stage for name, stage in after.items() if before.get(name) != stage}
    problems = [
        f"{name} should be at {stage} and is {f'at {after[name]}' if name in after else 'nowhere'}."
        for name, stage in row.stages.items()
        if after.get(name) != stage
    ]
    problems += [f"{name} went to {changed[name]}. This is not written." for name in changed if name not in row.stages]
    left = list(found)
    cells = {}
    for wanted in row.tasks:
        happened = next((each for each in left if _fits(wanted, each)), None)
        if happened is None:
            problems.append(f'"{wanted.said(scenario.zone)}" did not happen.')
            continue
        left.remove(happened)
        cells[id(happened)] = _as_written(wanted, happened)
        if wanted.before is not None and (problem := _not_before(person, happened.task, people[wanted.before])):
            problems.append(problem)
            cells[id(happened)] = replace(cells[id(happened)], before=None)
    for happened in left:
        near = next((each for each in row.tasks if (each.mark, each.task) == (happened.mark, happened.task)), None)
        cells[id(happened)] = _as_written(near or _USUAL, happened)
        problems.append(f'"{cells[id(happened)].said(scenario.zone)}" happened. This is not written.')
    standing = [f"{name}={stage}" for name, stage in after.items() if name in changed or name in row.stages]
    tasks = "; ".join(cells[id(each)].said(scenario.zone) for each in found)
    return RowResult(row, ", ".join(sorted(standing)), tasks, tuple(problems))


def _fits(wanted: Happening, happened: Happening) -> bool:
    """Tell whether what happened is what is written; what is not written of it may be anything."""
    if (wanted.mark, wanted.task) != (happened.mark, happened.task):
        return False
    if wanted.mark == "":
        return wanted.changes() == happened.changes()
    return all(
        written is None or written == true
        for written, true in (
            (wanted.lane, happened.lane),
            (wanted.by, happened.by),
            (wanted.due, happened.due),
            (wanted.ask, happened.ask),
            (wanted.reason, happened.reason),
        )
    )


_USUAL = Happening("+", TaskName(InstanceName("", ""), ""), due=EPOCH)
"""What is told of an opened task about which nothing is written: when it is due, and who does an escalation."""


def _as_written(wanted: Happening, happened: Happening) -> Happening:
    """Return what happened, told in the detail in which it is written."""
    if happened.mark != "+":
        return replace(happened, before=wanted.before)
    says_by = wanted.by is not None or (wanted is _USUAL and "/" in happened.task.rule)
    return replace(
        happened,
        lane=None if wanted.lane is None else happened.lane,
        by=happened.by if says_by else None,
        due=None if wanted.due is None else happened.due,
        ask=None if wanted.ask is None else happened.ask,
        before=wanted.before,
    )


def _not_before(person: _Person, task: TaskName, other: _Person) -> str:
    """Return why a task is not served before the one of somebody else; "" where it is."""
    if not any(each.rule == task.rule for each in other.state.tasks.values()):
        return f"{task} is served before nothing: {other.name} has no open task {task.rule}."
    if person.state.lane < other.state.lane:
        return ""
    lanes = person.machine.policy.lanes
    mine, theirs = lanes[person.state.lane].name, lanes[other.state.lane].name
    return f"{task} is not served before that of {other.name}: the lanes are {mine} and {theirs}."
