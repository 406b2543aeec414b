"""The touchpoint: an immutable fact about a person, and the order in which facts count.

Who calls this: everything. It knows nothing of Kafka, policies or stores. A touchpoint is sent as a
CloudEvent 1.0: `subject` is the person, `time` is occurred_at (see contracts.py for the wire form).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lifecycle import canonical_json
from lifecycle.instant import Instant, microseconds

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2900, 1, 1, tzinfo=UTC)
"""Touchpoints outside EARLIEST to LATEST are refused, so that adding years to a time cannot overflow."""

MAX_ID_BYTES = 256
"""Longest id, source, type, sequence or person, in UTF-8 bytes."""

RETRACTED = "touchpoint.retracted"
"""The type of a touchpoint that takes another one out (rules/fold/retractions.py)."""

SequenceKey = tuple[int, int, str]
OrderKey = tuple[Instant, SequenceKey, str, str]


class Touchpoint(NamedTuple):
    """One fact. Identified by (person, source, id); ordered by `order_key`.

    `occurred_at` is aware UTC, to the microsecond. `sequence` orders facts of one instant; None comes first.
    `data` is canonical JSON data: str, int, Decimal, bool, None, lists and dicts of them; never changed.
    """

    person: str
    source: str
    id: str
    type: str
    occurred_at: datetime
    sequence: str | None
    data: Mapping[str, Any]


TouchpointKey = tuple[str, str, str]
"""(person, source, id)."""


def key_of(touchpoint: Touchpoint) -> TouchpointKey:
    """Return what identifies a touchpoint: (person, source, id)."""
    return touchpoint[:3]


def sequence_key(sequence: str | None) -> SequenceKey:
    """Return the place of a sequence among others: missing, then digits as numbers, then text by code point."""
    if sequence is None:
        return (0, 0, "")
    if sequence.isascii() and sequence.isdigit():
        return (1, int(sequence), "")
    return (2, 0, sequence)


_FIRST: SequenceKey = (0, 0, "")
_PLACES = {str(number): sequence_key(str(number)) for number in range(1_000)}
"""The places of most sequences, which are counted from 0 or 1."""


def order_key(touchpoint: Touchpoint) -> OrderKey:
    """Return the key by which touchpoints of one person are folded: (microseconds, sequence, source, id)."""
    _, source, touchpoint_id, _, occurred_at, sequence, _ = touchpoint
    place = _FIRST if sequence is None else _PLACES.get(sequence) or sequence_key(sequence)
    return microseconds(occurred_at), place, source, touchpoint_id


def content_hash(touchpoint: Touchpoint) -> str:
    """Return 32 hex digits over what a touchpoint says: time, type, sequence and data in canonical form.

    Two variants under one id say the same if and only if these agree. Who sent it, how it travelled and
    which extensions it carried are not content.
    """
    text = canonical_json.dumps(
        [microseconds(touchpoint.occurred_at), touchpoint.type, touchpoint.sequence, touchpoint.data]
    )
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest()


def variant_key(touchpoint: Touchpoint) -> tuple[datetime, str]:
    """Return what decides between variants under one id: the smallest counts, whatever arrived first."""
    return (touchpoint.occurred_at, content_hash(touchpoint))
