"""`lifecycle tasks`: the follow-ups that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from lifecycle import canonical_json
from lifecycle.cli.commands.people import place_in_words
from lifecycle.cli.filters import TaskFilter, is_overdue, lanes_of
from lifecycle.cli.noun import noun
from lifecycle.cli.options import Csv, Database, Json, asking
from lifecycle.cli.output import one_form, plural, print_csv, print_json, print_table, say
from lifecycle.cli.times import Times, Zone
from lifecycle.reading.questions import Questions

app = noun("The follow-ups that are asked for.")

COLUMNS = (
    *("due_at", "overdue", "person", "track", "key", "kind", "by", "lane", "state", "reason", "ask", "id"),
    *("requested_at", "expires_at", "closed_at"),
)
"""Columns of CSV; times are RFC 3339 in UTC."""


@app.command("list")
def list_tasks(
    db: Database = None,
    include_closed: Annotated[
        bool,
        typer.Option("--all", help="Also those completed, declined, expired and withdrawn, folded again from the log."),
    ] = False,
    person: Annotated[
        str | None, typer.Option("--person", metavar="ID", show_default=False, help="Only of this person.")
    ] = None,
    lane: Annotated[
        str | None, typer.Option("--lane", metavar="LANE", show_default=False, help="Only people of this lane.")
    ] = None,
    track: Annotated[
        str | None, typer.Option("--track", metavar="TRACK", show_default=False, help="Only of this track.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", show_default=False, help="Only this kind, such as acknowledge."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="WHO", show_default=False, help="Only those that are asked of WHO.")
    ] = None,
    only_overdue: Annotated[
        bool, typer.Option("--overdue", help="Only open ones that were to be done by the moment that time has reached.")
    ] = False,
    zone: Zone = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """List the open tasks, lane by lane in the order of service, the first due first.

    With --json they come by person, time of request and id instead, so that two lists compare by byte.

    \b
    Examples:
      lifecycle tasks list --db sqlite:///lifecycle.db --lane customer --overdue
      lifecycle tasks list --db sqlite:///lifecycle.db --by owner --csv > today.csv
      lifecycle tasks list --db sqlite:///lifecycle.db --all --json > tasks.jsonl
    """
    one_form(json=json, as_csv=csv)
    wanted = TaskFilter(lane=lane, kind=kind, track=track, by=by, only_overdue=only_overdue)
    with asking(db, zone) as questions:
        known, now = questions.tasks(include_closed=include_closed, person=person), questions.reached_at
        found = wanted.select(known, questions.machine, now)
        if json:
            print_json(found)
        elif csv:
            print_csv(COLUMNS, (_csv_row(task, now) for tasks in _by_lane(found, questions).values() for task in tasks))
        else:
            _print_by_lane(_by_lane(found, questions), Times(questions.zone), now)


@app.command("show")
def show_task(
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID", help="The task's id, as messages name it.")],
    db: Database = None,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Show one task, open or ended.

    \b
    Example:
      lifecycle tasks show TASK_ID --db sqlite:///lifecycle.db
    """
    with asking(db, zone) as questions:
        task = questions.task(task_id)
        times, now = Times(questions.zone), questions.reached_at
    if json:
        print_json([task])
        return
    ended = "" if task["closed_at"] is None else f" since {times(task['closed_at'])}"
    reason = f" ({task['reason']})" if task["reason"] else ""
    rows = [
        ("id", task["id"]),
        ("person", task["person"]),
        ("kind", task["kind"]),
        ("of", place_in_words(task["track"], task["key"])),
        ("ask", task["ask"]),
        ("by", task["by"]),
        ("lane", task["lane"]),
        ("state", f"{task['state']}{ended}{reason}{', overdue' if is_overdue(task, now) else ''}"),
        ("requested", times(task["requested_at"])),
        ("due", times(task["due_at"])),
        ("expires", times(task["expires_at"])),
        ("why", task["why"]["sentence"]),
        *((f"about {name}", canonical_json.dumps(value)) for name, value in sorted(task["about"].items())),
    ]
    say(f"{times.as_of(now)}:")
    print_table(rows)
    say(f"More: lifecycle explain {task['id']}")


def _csv_row(task: dict[str, Any], now: datetime | None) -> list[str]:
    told = {**task, "overdue": "yes" if is_overdue(task, now) else ""}
    return ["" if told[name] is None else str(told[name]) for name in COLUMNS]


def _by_lane(tasks: Iterable[dict[str, Any]], questions: Questions) -> dict[str, list[dict[str, Any]]]:
    """Return the tasks of each lane, lanes in the order of service, the first due first."""
    lanes: dict[str, list[dict[str, Any]]] = {lane: [] for lane in lanes_of(questions.machine)}
    for task in tasks:
        lanes[task["lane"]].append(task)
    for mine in lanes.values():
        mine.sort(key=lambda task: (task["due_at"], task["person"], task["id"]))
    return lanes


def _print_by_lane(by_lane: Mapping[str, Sequence[dict[str, Any]]], times: Times, now: datetime | None) -> None:
    count = sum(map(len, by_lane.values()))
    say(f"{times.as_of(now)}: {plural(count, 'task') if count else 'no tasks'}")
    for lane, tasks in by_lane.items():
        if tasks:
            late = sum(is_overdue(task, now) for task in tasks)
            overdue = f", {late} of them overdue" if late else ""
            say(f"{lane}: {plural(len(tasks), 'task')}{overdue}, with the time they are due")
            print_table((_row(task, times, is_late=is_overdue(task, now)) for task in tasks), indent="  ")


def _row(task: dict[str, Any], times: Times, *, is_late: bool) -> tuple[str, ...]:
    state = "overdue" if is_late else "" if task["state"] == "open" else task["state"]
    of = place_in_words(task["track"], task["key"])
    return times(task["due_at"]), state, task["person"], task["kind"], of, f"by {task['by']}", task["id"], task["ask"]
