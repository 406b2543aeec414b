"""The counts of the demo, as headings and lines of text: where everybody stands, what is asked, what became of it all.

Every word of the program is said in plain words here, for whoever reads this has seen nothing else of it. Pure;
called by play.py, which prints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lifecycle.embedded import RunResult
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.language.schedule import parse_time
from lifecycle.task import rfc3339

Lines = list[tuple[str, str]]
"""Each line with what stands before it: further lines of a long one stand below its first word."""

SHOWN_TRACKS = {"need": "How far they have got with what they need", "in_touch": "How we are in touch"}
"""The tracks shown, of all that the policy follows, and what they are about."""

TASKS_SHOWN = 3
"""Open tasks shown of each lane."""

_LANES = {
    "customer_in_trouble": "Customers for whom something of ours went wrong",
    "customer": "Other customers",
    "prospect": "People who are no customers yet",
}
"""Who is served in each lane of the default policy."""

_CAME_TO = {
    "folded": "taken in",
    "duplicate": "came a second time, and changed nothing",
    "conflicting": "said something else under the id of an earlier line, kept beside it",
    "future": "of days to come, kept apart",
    "unknown_type": "of a kind that is not known yet, kept for the day when it is",
    "erased": "about people who are erased",
    "dead_lettered": "not to be read, kept with the reason",
}
"""What became of the lines that came in."""

_ENDED = {
    ("completed", ""): "done",
    ("declined", ""): "not done, as somebody decided against it",
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
    lines: Lines = [
        (
            "",
            "Before each sentence stands how many would say it. Somebody may have several needs, or none.",
        )
    ]
    for name, about in SHOWN_TRACKS.items():
        lines += [("", ""), ("", f"{about}:")]
        for stage in policy.tracks[name].stages.values():
            if count := result.census.stages.get((name, stage.name)):
                lines.append((f"  {count:>4}  ", stage.means))
    others = len(policy.tracks) - len(SHOWN_TRACKS)
    lines.append(("", ""))
    lines.append(
        ("", f"{others} more things are followed like these: promises, renewals, calls for help, introductions ...")
    )
    lines.append(
        ("", f"People who may be forgotten, as nothing is to come for them on any day: {result.census.forgotten}.")
    )
    return lines


def _open(policy: Policy, now: str, tasks: Sequence[Mapping[str, Any]]) -> Lines:
    found = [task for task in tasks if task["state"] == "open"]
    late = sum(task["due_at"] < now for task in found)
    lines: Lines = [
        ("", f"{len(found)} tasks are open; {late} of them should have been done by now."),
        (
            "",
            "Each has the day by which it is to be done, who of us is asked, and whom it is about. Asked is whoever "
            'looks after the person, by name, or as "owner" where nobody is named; "team lead" is who is asked when '
            "nobody acted.",
        ),
    ]
    for lane in policy.lanes:
        mine = sorted((task for task in found if task["lane"] == lane.name), key=_by_due)
        if not mine:
            continue
        lines += [("", ""), ("", f"{_LANES.get(lane.name, called(lane.name))}: {len(mine)}, the first of them")]
        for task in mine[:TASKS_SHOWN]:
            due = parse_time(task["due_at"])
            lines.append((f"  {due:%d %b}  ", f"{called(task['by'])}, about {task['person']}: {task['ask']}"))
    return lines


def _by_due(task: Mapping[str, Any]) -> tuple[str, str]:
    return task["due_at"], task["id"]


def called(name: str) -> str:
    """Return a name of the policy as words."""
    return name.replace("_", " ")


def _ended(tasks: Sequence[Mapping[str, Any]]) -> Lines:
    counts = Counter((task["state"], task["reason"] or "") for task in tasks)
    still = counts.pop(("open", ""), 0)
    rows = sorted(((count, _ENDED.get(ending, " ".join(ending))) for ending, count in counts.items()), reverse=True)
    return [(f"  {count:>4}  ", said) for count, said in [*rows, (still, "still to be done")] if count]


def _came_in(result: RunResult, messages: str) -> Lines:
    counted = result.accounting.as_mapping()
    lines: Lines = [("", f"Of the {counted['received']} lines")]
    lines += [(f"  {counted[name]:>4}  ", said) for name, said in _CAME_TO.items() if counted.get(name)]
    if counted["late"]:
        late = (
            f"{counted['late']} of them came late, after news of later days, and count from the day when they happened."
        )
        lines.append(("", late))
    lines.append(("", f"{result.written} tasks, those still to be done, were written to {messages}."))
    return lines
