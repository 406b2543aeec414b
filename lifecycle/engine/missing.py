"""What a policy would read as missing in the log of a database: told before it is activated.

What was accepted stays accepted, so a policy that asks for more than an earlier one loses nobody; but what it asks for
is not there in what came before. This counts it, by the reading that the fold uses (language/vocabulary.py). Reading
only. Called by `lifecycle policy activate`; afterwards the snapshots of people hold the same, and the metrics tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from lifecycle.person import PersonRow
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.fold.retractions import counted, retracted
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.language.vocabulary import ReadData
from lifecycle.touchpoint import Touchpoint

PAGE = 200
"""People whose logs are held in memory at once."""


class Stored(Protocol):
    """The part of a store that is read."""

    def iterate_people(self, *, after: str = "", limit: int = 500) -> Sequence[PersonRow]: ...

    def read_log(self, after: Mapping[str, datetime | None]) -> Mapping[str, Sequence[Touchpoint]]: ...


@dataclass(slots=True)
class Missing:
    """What a policy reads as missing: touchpoints and people of whom anything is, and both by `type.field`."""

    touchpoints: int = 0
    people: int = 0
    fields: dict[str, tuple[int, int]] = field(default_factory=dict)


def count_missing(stored: Stored, policy: Policy, progress: Callable[[int], None] | None = None) -> Missing:
    """Count what a policy would read as missing. Reads the whole log, page by page; writes nothing.

    `progress` is told after each page how many people were read so far, in order of their ids.
    """
    readers = {name: table.read for name, table in compile_policy(policy).types.items()}
    found, after, read = Missing(), "", 0
    while page := stored.iterate_people(after=after, limit=PAGE):
        for log in stored.read_log({row.person: None for row in page}).values():
            _add(found, readers, counted(log, retracted(log)))
        after, read = page[-1].person, read + len(page)
        if progress is not None:
            progress(read)
    return found


def _add(found: Missing, readers: Mapping[str, ReadData], log: Iterable[Touchpoint]) -> None:
    """Add what is missing of one person."""
    own: dict[str, int] = {}
    lacking = 0
    for touchpoint in log:
        read = readers.get(touchpoint.type)
        misfits = () if read is None else read(touchpoint).misfits
        lacking += bool(misfits)
        for misfit in misfits:
            name = f"{touchpoint.type}.{misfit.field}"
            own[name] = own.get(name, 0) + 1
    found.touchpoints += lacking
    found.people += bool(own)
    for name, times in own.items():
        touchpoints, people = found.fields.get(name, (0, 0))
        found.fields[name] = (touchpoints + times, people + 1)
