"""`lifecycle policy`: which policy folds the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lifecycle import clock
from lifecycle.cli import policies, policy_check
from lifecycle.cli.noun import noun
from lifecycle.cli.options import Database, closing_store
from lifecycle.cli.output import plural
from lifecycle.folding import DUE_AT_ONCE
from lifecycle.policies import read_policy
from lifecycle.rules.snapshot import SNAPSHOT_FORMAT
from lifecycle.settings import Settings
from lifecycle.store import open_store

app = noun("Which policy folds the database.")
app.command("check")(policy_check.check)


@app.command("activate")
def activate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy, in YAML.")],
    db: Database = None,
) -> None:
    """Make a policy the active one. Everybody is folded again by it, at the next run or by the workers.

    From then on nothing that was decided by the former policy is written. Workers that run take the new one
    over from the database; where LIFECYCLE_POLICY names a file, change it before they are started again.

    \b
    Example:
      lifecycle policy activate my_policy.yaml --db sqlite:///lifecycle.db
    """
    policy = read_policy(file)
    with closing_store(open_store(Settings.load(database=db).need_database())) as store:
        changed = store.activate_policy(
            policy.hash, policy.text, snapshot_format=SNAPSHOT_FORMAT, at=clock.now(), due=DUE_AT_ONCE
        )
        behind = store.count_by_other_policies(policy.hash, SNAPSHOT_FORMAT)
    said = f"{policy.name} ({policy.hash}) is active{'' if changed else ' already'}."
    if behind:
        said += (
            f" {plural(behind, 'person', 'people')} will be folded again by the next `lifecycle run`, or by the "
            "workers as time goes on."
        )
    typer.echo(said)


policies.register(app)
