"""`lifecycle explain`: why a task is asked, where a person stands, and why something is not so."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from lifecycle.cli.options import Database, Json, asking, moment_of
from lifecycle.cli.output import print_json, say
from lifecycle.cli.times import Zone
from lifecycle.errors import SettingsRefused
from lifecycle.reading.questions import Questions


def explain(
    task_id: Annotated[
        str | None, typer.Argument(metavar="TASK_ID", show_default=False, help="The task's id, as messages name it.")
    ] = None,
    person: Annotated[
        str | None, typer.Option("--person", metavar="ID", show_default=False, help="Tell about a person instead.")
    ] = None,
    why_not: Annotated[
        str | None,
        typer.Option(
            "--why-not",
            metavar="NAME",
            show_default=False,
            help="With --person: why this task is not asked, or this stage not reached. A name, or track.name.",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", show_default=False, help="As of this past moment, by what is known now."),
    ] = None,
    db: Database = None,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Tell why a task is asked, where a person stands, or why something is not so.

    Decision by decision, from the log: names the touchpoints that led there, the lines of the policy that decided,
    and what a guard that said no wanted and got.

    \b
    Examples:
      lifecycle explain TASK_ID --db sqlite:///lifecycle.db
      lifecycle explain --person anna --db sqlite:///lifecycle.db --at 2026-03-01T09:30:00Z
      lifecycle explain --person anna --why-not need.taken_care_of --db sqlite:///lifecycle.db
    """
    if (task_id is None) == (person is None):
        raise SettingsRefused("name what to explain: either TASK_ID or --person ID.")
    if why_not is not None and person is None:
        raise SettingsRefused("--why-not is asked about a person: name them with --person ID, not a task.")
    moment = None if at is None else moment_of(at, option="--at")
    with asking(db, zone) as questions:
        lines, data = _answer(questions, task_id, person or "", why_not, moment)
    if json:
        print_json([data])
        return
    for line in lines:
        say(line)


def _answer(
    questions: Questions, task_id: str | None, person: str, why_not: str | None, at: datetime | None
) -> tuple[list[str], dict[str, Any]]:
    """Return the lines of an answer, and it as data."""
    if task_id is not None:
        lines = questions.explain(task_id, at=at)
        return lines, {"task": task_id, "explanation": lines}
    if why_not is not None:
        refused = questions.why_not(person, why_not, at=at)
        return refused.lines(), refused.as_data()
    standing = questions.explain_person(person, at=at)
    return standing.lines(), standing.as_data()
