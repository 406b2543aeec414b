"""From when a database asks: a value that is settled once, and is an input of every fold like the policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lifecycle import ids
from lifecycle.instant import Instant, microseconds

MAX_SPREAD_DAYS = 366
"""Most days over which what is still owed can be spread."""

FIRST_START_DAYS = 14
"""Days over which it is spread where nobody named a moment: the first start of a worker."""


@dataclass(frozen=True, slots=True)
class AskFrom:
    """What was due before `at` (aware UTC) is not asked; what is still owed comes anew, spread over `days` (from 1)."""

    at: datetime
    days: int = 1

    @property
    def instant(self) -> Instant:
        """The moment, as the fold counts."""
        return microseconds(self.at)

    def day_of(self, person: str) -> int:
        """Return on which day what is still owed about a person comes anew, from 0; the same in every replay."""
        return ids.share_of(person, self.days)
