"""`lifecycle policy`: which policy folds the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lifecycle import clock
from lifecycle.cli import policies, policy_check
from lifecycle.cli.options import Database, closing_store
from lifecycle.cli.output import plural
from lifecycle.folding import DUE_AT_ONCE
from lifecycle.policies import read_policy
from lifecycle.rules.snapshot import SNAPSHOT_FORMAT
from lifecycle.settings import Settings
from lifecycle.store import open_store

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Which policy folds the database.")
app.command("check")(policy_check.check)


@app.command("activate")
def activate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy, in YAML.")],
    db: Database = None,
) -> None:
    """Make a policy the active one. Everybody is folded again by it, at the next run or by the workers.

    Workers that run with another policy stop and say so; start them again with this one.

    \b
    Example:
      lifecycle policy activate my_policy.yaml --db sqlite:///lifecycle.db
    """
    policy = read_policy(file)
    with closing_store(open_store(Settings.load(database=db).need_database())) as store:
        if store.state().policy_hash == policy.hash:
            typer.echo(f"{policy.name} ({policy.hash}) is active already.")
            return
        due = store.activate_policy(
            policy.hash, policy.text, snapshot_format=SNAPSHOT_FORMAT, at=clock.now(), due=DUE_AT_ONCE
        )
        typer.echo(
            f"{policy.name} ({policy.hash}) is active. {plural(due, 'person', 'people')} will be folded again "
            "by the next `lifecycle run`, or by the workers as time goes on."
        )


policies.register(app)
