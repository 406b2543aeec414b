"""Relationship lifecycle engine: touchpoints in, follow-up tasks out.

The public API. `open_engine` opens a database and a policy; `run` does the whole job on files:

    from datetime import UTC, datetime
    from lifecycle import open_engine

    with open_engine("sqlite:///lifecycle.db") as lifecycle:
        lifecycle.ingest([{"specversion": "1.0", "id": "1", "source": "/shop", "type": "inquiry.made",
                           "subject": "anna", "time": "2026-03-02T10:00:00Z", "data": {"channel": "mail"}}])
        lifecycle.advance(datetime(2026, 3, 3, tzinfo=UTC))
        for task in lifecycle.tasks():
            print(task["person"], task["ask"])

Everything else in the package may change without notice. Names are loaded when they are first used, so that
importing a part (lifecycle.rules, say) does not load the database driver.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecycle.api import Lifecycle, open_engine
    from lifecycle.embedded import Progress, RunResult, run
    from lifecycle.errors import LifecycleError, Reject, Retry, Stop
    from lifecycle.record import Accounting
    from lifecycle.touchpoint import Touchpoint

__all__ = [
    "Accounting",
    "Lifecycle",
    "LifecycleError",
    "Progress",
    "Reject",
    "Retry",
    "RunResult",
    "Stop",
    "Touchpoint",
    "open_engine",
    "run",
]

_HOMES = {
    "api": ("Lifecycle", "open_engine"),
    "embedded": ("Progress", "RunResult", "run"),
    "errors": ("LifecycleError", "Reject", "Retry", "Stop"),
    "record": ("Accounting",),
    "touchpoint": ("Touchpoint",),
}
_MODULE_OF = {name: f"lifecycle.{module}" for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'lifecycle' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
