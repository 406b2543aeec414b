"""What there is under a name that nobody has: refused records, touchpoints that begin nobody, names that are near.

Somebody who looks for a person and finds none should learn why. Reading only; called by questions.py when a name is
not known, and by the list of refused records.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from lifecycle import canonical_json
from lifecycle.errors import NotFound
from lifecycle.person import PersonRow
from lifecycle.record import DeadLetter
from lifecycle.rules.language.findings import shown
from lifecycle.rules.telling.wording import nearest_names
from lifecycle.touchpoint import Touchpoint

PAGE = 500

MAX_NEAR = 20_000
"""People among whom one is looked for whose id is near to one that is not known."""

MAX_LETTERS = 10_000
"""Refused records that are looked through for a name; each may hold 4 MiB."""

MAX_REASONS = 5
"""Reasons and types that are told; the rest are counted."""

LETTERS_AT_ONCE = 100

_SUBJECT = re.compile(r'"subject"\s*:\s*("(?:[^"\\]|\\.)*")')


class LetterRow(Protocol):
    """A refused record as stored."""

    @property
    def letter(self) -> DeadLetter: ...

    @property
    def key(self) -> Any: ...


class Stored(Protocol):
    """The part of a store that is looked through."""

    def iterate_people(self, *, after: str = "", limit: int = 500) -> Sequence[PersonRow]: ...

    def load_people(self, persons: Collection[str]) -> Mapping[str, PersonRow]: ...

    def read_log(self, after: Mapping[str, datetime | None]) -> Mapping[str, Sequence[Touchpoint]]: ...

    def dead_letters(self, after: Any = None, limit: int = 500) -> Sequence[LetterRow]: ...


def nobody(stored: Stored, person: str) -> NotFound:
    """Return the error that says that nobody is known by a name, and what there is under it instead."""
    log = stored.read_log({person: None}).get(person, ())
    refused = Counter(letter.reason for letter in _letters(stored) if subject_of(letter) == person)
    said = [f"nobody is known as {shown(person)}."]
    if log:
        types, row = Counter(each.type for each in log), stored.load_people([person]).get(person)
        begins = "waits to be folded when the worker, or the run, has read the rest"
        if row is None or not row.waits:
            begins = "begins nobody by this policy"
        said.append(
            f"What is in the log under this name {begins}: {_counted(types)}. "
            f"`lifecycle touchpoints list --person {person}` shows it."
        )
    if refused:
        said.append(
            f"{'Records' if refused.total() > 1 else 'A record'} about them {'were' if refused.total() > 1 else 'was'} "
            f"refused: {_counted(refused)}. `lifecycle dead-letters list --person {person}` says why."
        )
    if not log and not refused:
        said.append(nearest_names(person, _ids_near(stored, person)))
        said.append("Ids are case-sensitive and may hold blanks: `lifecycle people list` shows them.")
    return NotFound(" ".join(said))


def subject_of(letter: DeadLetter) -> str | None:
    """Return whom a refused record is about, as far as that can be read: from its attributes, its text, or its key."""
    for name, value in letter.headers:
        if name.lower() == "ce_subject":
            return value.decode("utf-8", "replace")
    found = _in_body(letter.body)
    if found is not None:
        return found
    return None if letter.key is None else letter.key.decode("utf-8", "replace")


def _in_body(body: bytes) -> str | None:
    try:
        event = canonical_json.loads(body)
        subject = event.get("subject") if isinstance(event, dict) else None
        return subject if isinstance(subject, str) else None
    except canonical_json.NotCanonical:
        # Whatever is wrong with it, the name may stand in it.
        match = _SUBJECT.search(body.decode("utf-8", "replace"))
    try:
        return None if match is None else str(json.loads(match[1]))
    except ValueError:
        return None


def _letters(stored: Stored) -> Iterator[DeadLetter]:
    after, seen = None, 0
    while seen < MAX_LETTERS and (page := stored.dead_letters(after, LETTERS_AT_ONCE)):
        yield from (row.letter for row in page)
        after, seen = page[-1].key, seen + len(page)


def _counted(names: Counter[str]) -> str:
    told = [f"{count} {name}" for name, count in sorted(names.items(), key=lambda each: (-each[1], each[0]))]
    more = [f"{len(told) - MAX_REASONS} more"] if len(told) > MAX_REASONS else []
    return ", ".join(told[:MAX_REASONS] + more)


def _ids_near(stored: Stored, person: str) -> Collection[str]:
    """Return ids that a mistyped one may have meant: those around it, and the first of all; bounded."""
    found = {row.person for row in stored.iterate_people(after=person[: len(person) // 2], limit=PAGE)}
    after = ""
    while len(found) < MAX_NEAR and (page := stored.iterate_people(after=after, limit=PAGE)):
        found.update(row.person for row in page)
        after = page[-1].person
    return sorted(found)
