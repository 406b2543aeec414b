"""The store: SQLAlchemy Core tables, the one writer, the readers, and the migrations."""

from lifecycle.store.changes import (
    Changes,
    Counts,
    DatabaseState,
    DeadLetterKey,
    DeadLetterRow,
    Progress,
)
from lifecycle.store.store import Store, open_store
from lifecycle.store.stores import Stores, open_stores, require_shard, settle_shard

__all__ = [
    "Changes",
    "Counts",
    "DatabaseState",
    "DeadLetterKey",
    "DeadLetterRow",
    "Progress",
    "Store",
    "Stores",
    "open_store",
    "open_stores",
    "require_shard",
    "settle_shard",
]
