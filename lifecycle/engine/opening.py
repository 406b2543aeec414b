"""What an engine asks of a database before it folds anything there: that both mean the same policy and format.

Opening changes neither, except in a database that has no policy yet: what was decided for everybody is changed by
commands, `lifecycle policy activate` and `lifecycle db upgrade`. Called by the engine and by those commands.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from lifecycle.ask_from import AskFrom
from lifecycle.errors import PolicyMismatch, SchemaMismatch, TimeRefused
from lifecycle.person import DUE_AT_ONCE
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.state.snapshot import SNAPSHOT_FORMAT
from lifecycle.store.changes import DatabaseState
from lifecycle.store.store import Store
from lifecycle.task import rfc3339
from lifecycle.touchpoint import EARLIEST
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


def settle_ask_from(store: Store, at: datetime, days: int | None) -> None:
    """Let this be the moment from which a database asks, spread over `days`, or see that it is. May be repeated.

    `days` None: those that are settled, else 1. Raises TimeRefused where another moment is settled, or it is too late.
    """
    found = store.settle_ask_from(AskFrom(at, days or 1))
    if found is None:
        raise TimeRefused(
            f"--from is {_moment(at)}, but the database at {store.where} has been in use without such a moment: what "
            "was asked there cannot be unasked. Leave --from out, or begin with a new database."
        )
    if found.at != at or days not in (None, found.days):
        wanted = _moment(at) if days is None else f"{_moment(at)}, spread over {days} days"
        raise TimeRefused(
            f"--from is {wanted}, but the database at {store.where} asks from {_moment(found.at)}, spread over "
            f"{found.days} days: that was settled once and cannot be moved. Leave --from and --spread out, or begin "
            "with a new database."
        )


def _moment(at: datetime) -> str:
    return "the beginning" if at == EARLIEST else rfc3339(at)


def require_readable(store: Located, state: DatabaseState) -> None:
    """Raise SchemaMismatch when a newer program wrote the snapshots: this one would not know what they say."""
    if state.snapshot_format > SNAPSHOT_FORMAT:
        raise SchemaMismatch(
            f"the snapshots in the database at {store.where} have format {state.snapshot_format}, this program knows "
            f"up to format {SNAPSHOT_FORMAT}: a newer program was here. Nothing was read or written; install the "
            "newer program."
        )


class Located(Protocol):
    """Where a database is, or several are, for messages."""

    @property
    def where(self) -> str: ...


def raise_format(store: Store) -> bool:
    """Let the snapshots of a database have this program's format; return whether theirs was older. May be repeated."""
    return store.raise_format(SNAPSHOT_FORMAT, due=DUE_AT_ONCE)
