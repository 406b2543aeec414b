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

from lifecycle.errors import RevisionConflict, StoreUnavailable, ValueRefused

_LOST_RACES = ("40",)
"""SQLSTATE classes of a transaction that was ended for the sake of another: deadlock, serialization."""

_REFUSED_VALUES = ("22", "54")
"""SQLSTATE classes of a value that will never be accepted: data exception, program limit exceeded."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise what the caller acts on instead of what the driver says.

    StoreUnavailable: not reachable, broke off, locked for too long, full or read-only.
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


def _translate(error: DBAPIError, where: str) -> StoreUnavailable | RevisionConflict | ValueRefused:
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
    return StoreUnavailable(
        f"the database at {where} is not available: {said}. Nothing was written; check that it runs, that "
        "this machine reaches it and that the setting `database_url` names it, then try again."
    )
