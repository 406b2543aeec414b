"""`lifecycle policy`: which policy folds the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lifecycle import clock
from lifecycle.cli.commands import policies, policy_check
from lifecycle.cli.noun import noun
from lifecycle.cli.options import Database, in_each
from lifecycle.cli.output import plural, print_table
from lifecycle.cli.progress import shown_progress
from lifecycle.engine.missing import Missing, count_missing
from lifecycle.person import DUE_AT_ONCE
from lifecycle.policies import read_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT
from lifecycle.store import Store

app = noun("Which policy folds the database.")
app.command("check")(policy_check.check)


@app.command("activate")
def activate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy, in YAML.")],
    db: Database = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what the policy would read as missing, and change nothing.")
    ] = False,
) -> None:
    """Make a policy the active one. Everybody is folded again by it, at the next run or by the workers.

    What was accepted stays accepted. Where the policy asks for what earlier touchpoints do not have, it is told
    before how many they are, by type and field: those fields count as missing, and the rest counts.

    From then on nothing that was decided by the former policy is written. Workers that run take the new one
    over from the database; where LIFECYCLE_POLICY names a file, change it before they are started again. Of several
    databases it becomes active in one after the other; one that fails is named, and the command may be run again.

    \b
    Example:
      lifecycle policy activate my_policy.yaml --db sqlite:///lifecycle.db --dry-run
      lifecycle policy activate my_policy.yaml --db sqlite:///lifecycle.db
    """
    policy = read_policy(file)
    in_each(db, lambda store: _activate(store, policy, dry_run=dry_run))


def _activate(store: Store, policy: Policy, *, dry_run: bool) -> None:
    if dry_run or store.state().policy_hash != policy.hash:
        _tell_missing(policy, _missing(store, policy))
    if dry_run:
        behind = store.count_by_other_policies(policy.hash, SNAPSHOT_FORMAT)
        typer.echo(f"Nothing was changed. {plural(behind, 'person', 'people')} would be folded again.")
        return
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


def _missing(store: Store, policy: Policy) -> Missing:
    with shown_progress() as tell:
        if tell is None:
            return count_missing(store, policy)
        people = store.counts().people
        return count_missing(store, policy, lambda done: tell("reading the log of people", done, people))


def _tell_missing(policy: Policy, missing: Missing) -> None:
    """Say what a policy will read as missing, the most touchpoints first; nothing where everything fits."""
    if not missing.fields:
        return
    touchpoints = plural(missing.touchpoints, "touchpoint")
    typer.echo(
        f"{touchpoints} of {plural(missing.people, 'person', 'people')} in the log do not have all that {policy.name} "
        "asks for. They stay, with these fields as missing:"
    )
    ranked = sorted(missing.fields.items(), key=lambda each: (-each[1][0], each[0]))
    rows = [(name, plural(times, "touchpoint"), plural(people, "person", "people")) for name, (times, people) in ranked]
    print_table(rows, indent="  ")


policies.register(app)
