"""The bounds of one engine: values alone, so that whoever sets one need not know the engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one engine, with their defaults.

    `future`: touchpoints later than this after their receipt are refused. `advance_people`: people moved in
    one transaction. `commit_attempts`: how often a batch overtaken by another writer is decided again, whole
    `whole_attempts` times and then in halves, so that only what is contended waits.
    """

    future: timedelta = timedelta(hours=24)
    advance_people: int = 500
    commit_attempts: int = 8
    whole_attempts: int = 2
