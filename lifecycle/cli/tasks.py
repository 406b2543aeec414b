"""`lifecycle tasks`: the follow-ups that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from lifecycle import canonical_json
from lifecycle.cli.options import Database, Json, asking
from lifecycle.cli.output import minute, plural, print_json, print_table
from lifecycle.questions import Questions

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The follow-ups that are asked for.")


@app.command("list")
def list_tasks(
    db: Database = None,
    include_closed: Annotated[
        bool,
        typer.Option("--all", help="Also those completed, declined, expired and withdrawn, folded again from the log."),
    ] = False,
    lane: Annotated[
        str | None, typer.Option("--lane", metavar="LANE", show_default=False, help="Only people of this lane.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", show_default=False, help="Only this kind, such as acknowledge."),
    ] = None,
    json: Json = False,
) -> None:
    """List the open tasks, lane by lane in the order of service, the first due first.

    With --json they come by person, time of request and id instead, so that two lists compare by byte.

    \b
    Examples:
      lifecycle tasks list --db sqlite:///lifecycle.db --lane customer
      lifecycle tasks list --db sqlite:///lifecycle.db --all --json > tasks.jsonl
    """
    with asking(db) as questions:
        found = (
            task
            for task in questions.tasks(include_closed=include_closed)
            if lane in (None, task["lane"]) and kind in (None, task["kind"])
        )
        if json:
            print_json(found)
        else:
            _print_by_lane(found, questions)


@app.command("show")
def show_task(
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID", help="The task's id, as messages name it.")],
    db: Database = None,
    json: Json = False,
) -> None:
    """Show one task, open or ended.

    \b
    Example:
      lifecycle tasks show TASK_ID --db sqlite:///lifecycle.db
    """
    with asking(db) as questions:
        task = questions.task(task_id)
    if json:
        print_json([task])
        return
    ended = "" if task["closed_at"] is None else f" since {minute(task['closed_at'])}"
    reason = f" ({task['reason']})" if task["reason"] else ""
    rows = [
        ("id", task["id"]),
        ("person", task["person"]),
        ("kind", task["kind"]),
        ("key", task["key"] or ""),
        ("ask", task["ask"]),
        ("by", task["by"]),
        ("lane", task["lane"]),
        ("state", f"{task['state']}{ended}{reason}"),
        ("requested", minute(task["requested_at"])),
        ("due", minute(task["due_at"])),
        ("expires", minute(task["expires_at"])),
        ("why", task["why"]["sentence"]),
        *((f"about {name}", canonical_json.dumps(value)) for name, value in sorted(task["about"].items())),
    ]
    print_table(rows)
    typer.echo(f"More: lifecycle explain {task['id']}")


def _print_by_lane(tasks: Iterator[Mapping[str, Any]], questions: Questions) -> None:
    by_lane: dict[str, list[tuple[str, ...]]] = {}
    for task in tasks:
        state = "" if task["state"] == "open" else task["state"]
        row = (minute(task["due_at"]), task["person"], task["kind"], state, task["id"])
        by_lane.setdefault(task["lane"], []).append((*row, task["ask"]))
    for lane in questions.machine.policy.lanes:
        rows = sorted(by_lane.get(lane.name, ()))
        if rows:
            typer.echo(f"{lane.name}: {plural(len(rows), 'task')}, with the time they are due")
            print_table(rows, indent="  ")
    if not by_lane:
        typer.echo("no tasks")
