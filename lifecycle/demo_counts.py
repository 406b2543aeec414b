"""The counts of the demo, as headings and lines of text: where everybody stands, what is asked, what became of it all.

Every word of the program is said in plain words here, for whoever reads this has seen nothing else of it. Pure;
called by demo.py, which prints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lifecycle.embedded import RunResult
from lifecycle.rules.policy import Lane, Policy
from lifecycle.rules.schedule import parse_time
from lifecycle.task import rfc3339

Lines = list[tuple[str, str]]
"""Each line with what stands before it: further lines of a long one stand below its first word."""

SHOWN_TRACKS = {"need": "How far they have got with what they need", "in_touch": "How we are in touch"}
"""The tracks shown, of all that the policy follows, and what they are about."""

TASKS_SHOWN = 3
"""Open tasks shown of each lane."""

_CAME_TO = {
    "folded": "taken in",
    "duplicate": "came a second time, and changed nothing",
    "conflicting": "under the id of another, and kept beside it",
    "future": "of days to come, and kept apart",
    "unknown_type": "of a kind that is not known yet, and kept for the day when it is",
    "erased": "about people who are erased",
    "dead_lettered": "that cannot be read, and kept with the reason",
}
"""What became of the lines that came in."""

_ENDED = {
    ("completed", ""): "done",
    ("declined", ""): "not done, as somebody decided",
    ("expired", "expired"): "given up, as nobody did them in time",
    ("withdrawn", "left_stage"): "no longer asked, as the person had moved on",
    ("withdrawn", "stopped"): "no longer asked, as the person did not want to hear from us",
    ("withdrawn", "completed_late"): "no longer asked, as what they were about was done late after all",
}
"""What became of tasks, by state and reason."""


def sections(
    policy: Policy, result: RunResult, tasks: Sequence[Mapping[str, Any]], messages: str
) -> Iterator[tuple[str, Lines]]:
    """Yield each heading with its lines. `tasks` are all of the year, `messages` the file that the open ones are in."""
    assert result.reached_at is not None  # the sample has touchpoints
    day = f"{result.reached_at:%d %B %Y}"
    yield f"Where all {result.census.people} stand on {day}", _standing(policy, result)
    yield "What is to be done now, customers first", _open(policy, rfc3339(result.reached_at), tasks)
    yield "What became of all that was asked in that year", _ended(tasks)
    yield "What came in", _came_in(result, messages)


def _standing(policy: Policy, result: RunResult) -> Lines:
    lines: Lines = [("", "In their own words, with how many would say so.")]
    for name, about in SHOWN_TRACKS.items():
        lines += [("", ""), ("", f"{about}:")]
        for stage in policy.tracks[name].stages.values():
            if count := result.census.stages.get((name, stage.name)):
                lines.append((f"  {count:>4}  ", stage.means))
    others = len(policy.tracks) - len(SHOWN_TRACKS)
    lines.append(("", ""))
    lines.append(("", f"{others} more such roads are followed: promises, renewals, calls for help, introductions ..."))
    lines.append(("", f"People for whom nothing is ever to come: {result.census.forgotten}."))
    return lines


def _open(policy: Policy, now: str, tasks: Sequence[Mapping[str, Any]]) -> Lines:
    found = [task for task in tasks if task["state"] == "open"]
    late = sum(task["due_at"] < now for task in found)
    lines: Lines = [
        ("", f"{len(found)} tasks are open; {late} of them should have been done by now. Before each stands by when."),
        ("", 'Where nobody of us is named for a person, "owner" stands for whoever looks after them.'),
    ]
    for lane in policy.lanes:
        mine = sorted((task for task in found if task["lane"] == lane.name), key=_by_due)
        if not mine:
            continue
        lines += [("", ""), ("", f"{_called(lane)}: {len(mine)}, the first of them")]
        for task in mine[:TASKS_SHOWN]:
            due = parse_time(task["due_at"])
            lines.append((f"  {due:%d %b}  ", f"{task['by']}, about {task['person']}: {task['ask']}"))
    return lines


def _by_due(task: Mapping[str, Any]) -> tuple[str, str]:
    return task["due_at"], task["id"]


def _called(lane: Lane) -> str:
    """Return a lane's name as words: people who are served alike."""
    name = lane.name.replace("_", " ")
    return f"{name[0].upper()}{name[1:]}"


def _ended(tasks: Sequence[Mapping[str, Any]]) -> Lines:
    counts = Counter((task["state"], task["reason"] or "") for task in tasks)
    still = counts.pop(("open", ""), 0)
    rows = sorted(((count, _ENDED.get(ending, " ".join(ending))) for ending, count in counts.items()), reverse=True)
    return [(f"  {count:>4}  ", said) for count, said in [*rows, (still, "still to be done")] if count]


def _came_in(result: RunResult, messages: str) -> Lines:
    counted = result.accounting.as_mapping()
    lines: Lines = [("", f"Of {counted['received']} lines were")]
    lines += [(f"  {counted[name]:>4}  ", said) for name, said in _CAME_TO.items() if counted.get(name)]
    if counted["late"]:
        late = f"{counted['late']} of them came after later ones, and count from when they happened."
        lines.append(("", late))
    lines.append(("", f"{result.written} tasks, those still to be done, were written to {messages}."))
    return lines
