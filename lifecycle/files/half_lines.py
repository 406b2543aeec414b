"""Half a last line that was read while its file was being written: its dead letter goes when the line is read whole.

A file may be read while somebody writes it, so its last line may be half there; it is refused, as it should be. The
next run reads it whole, and then nothing of it was lost. Only lines of files count: a place in a stream is another
one with every run. Called by embedded.py, after what was read is committed: to repeat it is harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lifecycle.record import DeadLetter, Record
from lifecycle.store.store import Store

TORN = frozenset(("not_json", "not_utf8"))
"""Reasons that half a line is refused for."""


class HalfLines:
    """Watches the records of one file (`topic`), and forgets the halves of those that are whole now."""

    def __init__(self, store: Store, topic: str) -> None:
        self._store = store
        self._topic = topic
        self._seen: dict[int, bytes] = {}
        first = store.dead_letters((topic, 0, 0, ""), 1)
        self._is_needed = bool(first) and first[0].letter.place.topic == topic

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Pass records on, and keep those of the present batch in mind."""
        if not self._is_needed:
            yield from records
            return
        for record in records:
            self._seen[record.place.offset] = record.body
            yield record

    def mend(self) -> None:
        """Take off the dead letters that are the first half of a line seen since; to be called after each batch."""
        if not self._seen:
            return
        kept = self._store.dead_letters_between(self._topic, 0, min(self._seen), max(self._seen))
        self._store.delete_dead_letters([row.key for row in kept if self._is_half(row.letter)])
        self._seen.clear()

    def _is_half(self, letter: DeadLetter) -> bool:
        whole = self._seen.get(letter.place.offset, b"")
        return letter.reason in TORN and len(whole) > len(letter.body) and whole.startswith(letter.body)
