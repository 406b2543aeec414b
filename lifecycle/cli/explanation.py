"""`lifecycle explain`: why a task is asked."""

from __future__ import annotations

from typing import Annotated

import typer

from lifecycle.cli.options import Database, Json, asking
from lifecycle.cli.output import print_json


def explain(
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID", help="The task's id, as messages name it.")],
    db: Database = None,
    json: Json = False,
) -> None:
    """Tell why a task is or was asked, decision by decision.

    Names the touchpoints that led there and the lines of the policy that decided.

    \b
    Example:
      lifecycle explain TASK_ID --db sqlite:///lifecycle.db
    """
    with asking(db) as questions:
        lines = questions.explain(task_id)
    if json:
        print_json([{"task": task_id, "explanation": lines}])
        return
    for line in lines:
        typer.echo(line)
