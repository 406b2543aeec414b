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

__all__ = [
    "Changes",
    "Counts",
    "DatabaseState",
    "DeadLetterKey",
    "DeadLetterRow",
    "Progress",
    "Store",
    "open_store",
]
