"""What an engine asks of a database before it folds anything there: that both mean the same policy and format.

Opening changes neither, except in a database that has no policy yet: what was decided for everybody is changed by
commands, `lifecycle policy activate` and `lifecycle db upgrade`. Called by the engine and by those commands.
"""

from __future__ import annotations

from datetime import datetime

from lifecycle.errors import PolicyMismatch, SchemaMismatch
from lifecycle.folding import DUE_AT_ONCE
from lifecycle.rules.policy import Policy
from lifecycle.rules.snapshot import SNAPSHOT_FORMAT
from lifecycle.store.changes import DatabaseState
from lifecycle.store.store import Store
from lifecycle.version import program_version


def state_to_fold_by(store: Store, policy: Policy, *, opened_at: datetime) -> DatabaseState:
    """Return the state of a database that this policy may fold; in an empty one it becomes active.

    Raises PolicyMismatch when another policy is active, SchemaMismatch when the snapshots have another format.
    """
    state = store.state()
    if state.policy_hash is None:
        store.begin_with_policy(policy.hash, policy.text, snapshot_format=SNAPSHOT_FORMAT, at=opened_at)
        state = store.state()
    require_readable(store, state)
    if state.policy_hash != policy.hash:
        raise PolicyMismatch(
            f"The database is folded by the policy {state.policy_hash}; this one ({policy.name}) is {policy.hash}. "
            "Run `lifecycle policy activate FILE --db URL` to change over, or use the policy that is active."
        )
    if state.snapshot_format < SNAPSHOT_FORMAT:
        raise SchemaMismatch(
            f"the snapshots in the database at {store.where} have format {state.snapshot_format}, this program writes "
            f"format {SNAPSHOT_FORMAT}. Run `lifecycle db upgrade`: everybody is folded again, and older programs "
            "that still run write nothing from then on."
        )
    # What stopped somebody was a defect; this program may have it no more.
    store.retry_stopped(program_version(), due=DUE_AT_ONCE)
    return state


def require_readable(store: Store, state: DatabaseState) -> None:
    """Raise SchemaMismatch when a newer program wrote the snapshots: this one would not know what they say."""
    if state.snapshot_format > SNAPSHOT_FORMAT:
        raise SchemaMismatch(
            f"the snapshots in the database at {store.where} have format {state.snapshot_format}, this program knows "
            f"up to format {SNAPSHOT_FORMAT}: a newer program was here. Nothing was read or written; install the "
            "newer program."
        )


def raise_format(store: Store) -> bool:
    """Let the snapshots of a database have this program's format; return whether theirs was older. May be repeated."""
    return store.raise_format(SNAPSHOT_FORMAT, due=DUE_AT_ONCE)
