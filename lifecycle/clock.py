"""The only place that reads the wall clock.

Everything else takes time as an argument, so that replay, tests and live running are one function. Callers
are the edges (command line, stream services); rules and store never call this.
"""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the wall clock as an aware UTC datetime, to the microsecond."""
    return datetime.now(UTC)
