"""What a dead letter looks like on its topic: the original value, key and headers, and why it was refused.

The relay calls `as_message`. The headers are named as in KIP-1034 with our prefix (asyncapi.py), so that the
tools which know one of them find their way; a dead letter that is produced again, value, key and headers, is
the original record again, since nobody reads the headers that were added.
"""

from __future__ import annotations

from lifecycle.record import DeadLetter, Headers
from lifecycle.streams.topics import MAX_DEAD_LETTER_BYTES
from lifecycle.wire import asyncapi

HEADROOM_BYTES = 64 * 1024
"""Left free for the added headers and for what a batch of records adds."""


def as_message(letter: DeadLetter) -> tuple[bytes, Headers]:
    """Return value and headers. A value that no longer fits (it was compressed) is left out, and a header says so."""
    why: list[tuple[str, str]] = [
        (asyncapi.EXCEPTION, letter.reason),
        (asyncapi.MESSAGE, letter.message),
        (asyncapi.TOPIC, letter.place.topic),
        (asyncapi.PARTITION, str(letter.place.partition)),
        (asyncapi.OFFSET, str(letter.place.offset)),
    ]
    if letter.field is not None:
        why.append((asyncapi.FIELD, letter.field))
    value, kept = letter.body, tuple(each for each in letter.headers if not each[0].startswith(asyncapi.PREFIX))
    names = sum(len(name.encode()) + len(content) for name, content in kept)
    size = len(value) + len(letter.key or b"") + names
    if size > MAX_DEAD_LETTER_BYTES - HEADROOM_BYTES:
        sentence = f"{size} bytes are more than this topic takes; the database has them: lifecycle dead-letters list"
        why.append((asyncapi.OMITTED, sentence))
        value, kept = b"", ()
    return value, (*kept, *((name, text.encode()) for name, text in why))
