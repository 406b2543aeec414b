"""Which version of the program this is, as its distribution says."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def program_version() -> str:
    """Return the version, such as 0.1.0; "unknown" where the program runs from a folder without being installed."""
    try:
        return version("lifecycle")
    except PackageNotFoundError:
        return "unknown"
