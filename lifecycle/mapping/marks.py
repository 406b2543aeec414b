"""What stays with a row wherever it stands in the file: a mark of its content, and its place among those of its moment.

The number of a row moves when another one is put in above it. Its content does not, nor does its place among the rows
of one person at one time, as long as none of these is put in. Both are counted for every row, mapped or not, so that a
rule more or less changes nothing either. Some 100 bytes are kept for each row and each of the two. Called by
convert.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from lifecycle import canonical_json
from lifecycle.errors import Unreadable
from lifecycle.mapping.model import Content, Rule
from lifecycle.mapping.times import moment_reader
from lifecycle.mapping.values import Fields, Index, text_reader

IDS_KEPT = 1_000_000
"""So many ids are held against each other; what comes twice beyond them is seen when it is folded."""

Moments = Callable[[str], datetime]

_LAST = 1_000_000_000
"""In a file with the newest rows on top, the place of the first row of a moment."""


class Contents:
    """Marks of rows: twenty hex digits, and for genuine duplicates the count."""

    def __init__(self, content: Content, index: Index, columns: tuple[str, ...]) -> None:
        """`columns` are those that count where the mapping names none; their order does not matter."""
        names = sorted(content.columns or columns)
        self._at = tuple(index[name] for name in names)
        self._names = names
        self._seen: dict[bytes, int] = {}

    def mark(self, fields: Fields) -> str:
        """Return the mark of the next row."""
        text = canonical_json.dumps([self._names, [fields[at] for at in self._at]])
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:10]
        count = self._seen.get(digest, 0) + 1
        self._seen[digest] = count
        return digest.hex() if count == 1 else f"{digest.hex()}-{count}"


class Places:
    """The place of each row among those of one person at one moment, for each way in which rules say these two.

    A moment is the same however it is written, such as with another offset or a month as a word. A row whose time
    cannot be read has no place there, for it makes no touchpoint.
    """

    def __init__(self, rules: tuple[Rule, ...], index: Index, *, newest_first: bool) -> None:
        self._clocks: dict[object, tuple[Callable[[Fields], str], Callable[[Fields], str], Moments]] = {}
        for rule in rules:
            if rule.sequence is None and clock_of(rule) not in self._clocks:
                subject, time = text_reader(rule.subject, index), text_reader(rule.time.text, index)
                self._clocks[clock_of(rule)] = subject, time, moment_reader(rule.time)
        self._seen: dict[bytes, int] = {}
        self._newest_first = newest_first

    def of_row(self, fields: Fields) -> dict[object, str]:
        """Return the places of the next row, by what `clock_of` gives for a rule."""
        places = {}
        for number, (clock, (subject, time, moment)) in enumerate(self._clocks.items()):
            try:
                text = f"{number}\x00{subject(fields)}\x00{moment(time(fields)).isoformat()}"
            except Unreadable:
                continue
            digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            count = self._seen[digest] = self._seen.get(digest, 0) + 1
            places[clock] = str(_LAST - count if self._newest_first else count)
        return places


def clock_of(rule: Rule) -> object:
    """Return what a rule has in common with others that take their person and time from the same columns alike."""
    return rule.subject.parts, rule.subject.changes, rule.time


class Ids:
    """The ids made so far: one that comes again says the same, or it is refused."""

    def __init__(self) -> None:
        self._seen: dict[bytes, bytes] = {}

    def is_repeated(self, subject: str, identity: str, content: str, row: int) -> bool:
        """Tell whether this id came before with the same content. Raises Unreadable if it came with another one."""
        name = hashlib.blake2b(f"{subject}\x00{identity}".encode(), digest_size=8).digest()
        said = hashlib.blake2b(content.encode(), digest_size=8).digest()
        before = self._seen.get(name)
        if before is None:
            if len(self._seen) < IDS_KEPT:
                self._seen[name] = said + row.to_bytes(8)
            return False
        if before[:8] == said:
            return True
        message = f'The id "{identity[:60]}" came before, in row {int.from_bytes(before[8:])}, and said something else.'
        raise Unreadable("same_id", "id", f"{message} Put a column into id: that tells them apart.")
