"""What a database failure means to the caller: every driver error becomes a leaf of lifecycle.errors.

database.py wraps every read and write in `translated`. The driver's own sentence is kept; statements and
parameters are not, because they hold personal data, nor is the URL, because it may hold a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import (
    DataError as RefusedValue,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
    TimeoutError as PoolTimeout,
)

from lifecycle.errors import FileRefused, RevisionConflict, StoreUnavailable, ValueRefused

_LOST_RACES = ("40",)
"""SQLSTATE classes of a transaction that was ended for the sake of another: deadlock, serialization."""

_REFUSED_VALUES = ("22", "54")
"""SQLSTATE classes of a value that will never be accepted: data exception, program limit exceeded."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise what the caller acts on instead of what the driver says.

    StoreUnavailable: not reachable, broke off, locked for too long, full. FileRefused: a SQLite file that cannot be
    opened or written, or is none.
    RevisionConflict: a key exists already, a deadlock. ValueRefused: a value the database cannot hold.
    An error in our own SQL (ProgrammingError) is a programmer error and passes as it is.
    """
    try:
        yield
    except UnicodeEncodeError as error:
        raise ValueRefused(
            f"a text holds half of a character (a lone surrogate) at position {error.start}; the database at "
            f"{where} keeps UTF-8 only. Nothing was written; halve the batch to find the record."
        ) from error
    except PoolTimeout as error:
        raise StoreUnavailable(
            f"all connections to the database at {where} are in use and none came free in time; "
            "try again, or run fewer threads."
        ) from error
    except ProgrammingError:
        raise
    except DBAPIError as error:
        raise _translate(error, where) from error


_NOT_OURS = {
    "not a database": "is no SQLite database",
    "unable to open database file": "cannot be opened: its folder is not there, it is a folder, or you may not",
    "readonly database": "cannot be written: it, or its folder, is read-only",
}
"""What SQLite says of a file that waiting will not mend, and what that means."""


def _translate(error: DBAPIError, where: str) -> StoreUnavailable | RevisionConflict | ValueRefused | FileRefused:
    said = " ".join(str(error.orig).split())
    state = getattr(error.orig, "sqlstate", None) or ""
    if isinstance(error, IntegrityError) or state.startswith(_LOST_RACES):
        return RevisionConflict(
            f"the database at {where} ended this write in favour of another: {said}. "
            "Nothing was written; read these people again and fold again."
        )
    if isinstance(error, RefusedValue) or state.startswith(_REFUSED_VALUES):
        return ValueRefused(
            f"the database at {where} refused a value: {said}. Nothing was written; halve the batch to find the record."
        )
    for sign, meaning in _NOT_OURS.items():
        if not state and sign in said:
            return FileRefused(f"the database file {where} {meaning}. Check --db or LIFECYCLE_DATABASE.")
    return StoreUnavailable(
        f"the database at {where} is not available: {said}. Nothing was written; check that it runs, that "
        "this machine reaches it, and that --db or LIFECYCLE_DATABASE names it, then try again."
    )
