"""How much of what people write is remembered: bounds in bytes, and what gives way.

Only values of fields of the kind `text` give way, never dates, times, numbers, amounts, zones, countries, ids or
words of a list: those are short, and rules depend on them. A text is cut at a character: SET_TEXT_BYTES in a
set, TEXT_BYTES elsewhere. A set keeps SET_BYTES in the order in which it took them in. When all texts of a person
pass PERSON_BYTES the longest goes first, then by fact, track and key, until they fit. What went is remembered
as an empty text: so it still counts as given, and it is counted in `given_way` of the snapshot.

Called by compiled/facts.py while it takes in one value, and by fold/steps.py after each touchpoint. All bytes are
UTF-8.
"""

from __future__ import annotations

from typing import Any

from lifecycle.rules.state.snapshot import PersonState

TEXT_BYTES = 1_024
"""Most bytes of a text that `first` and `last` remember."""

SET_TEXT_BYTES = 256
"""Most bytes of each text in a set."""

SET_BYTES = 64 * 1_024
"""Most bytes of all texts in a set; later ones are left out."""

PERSON_BYTES = 256 * 1_024
"""Most bytes of all texts that are remembered of a person."""

SURELY_WHOLE = TEXT_BYTES // 4
"""Most characters of a text of which none can be cut, whatever they are: none takes more than 4 bytes."""

TextFacts = frozenset[tuple[str, str]]
"""The facts that remember texts, as (track or "", name)."""


def size(text: str) -> int:
    """Return how many bytes a text takes."""
    return len(text) if text.isascii() else len(text.encode("utf-8"))


def cut(text: str, limit_bytes: int) -> str:
    """Return a text cut at a character, so that it takes at most so many bytes."""
    if size(text) <= limit_bytes:
        return text
    return text.encode("utf-8")[:limit_bytes].decode("utf-8", errors="ignore")


def size_of(raw: Any) -> int:
    """Return how many bytes of text a raw fact holds (compiled/facts.py)."""
    if isinstance(raw, str):
        return size(raw)
    return sum(size(each) for each in raw if isinstance(each, str)) if isinstance(raw, list) else 0


def is_lost(kind: str, before: Any, after: Any, value: Any) -> bool:
    """Tell whether a fact of this kind, with these raw values before and after, did not take in all of a text."""
    if not isinstance(value, str) or (kind == "first" and before is not None):
        return False
    return value not in after if isinstance(after, list) else value != after


def make_room(state: PersonState, text_facts: TextFacts) -> None:
    """Empty the longest texts of a person until all together take at most PERSON_BYTES."""
    if state.text_bytes <= PERSON_BYTES:
        return
    for bytes_, _, _, _, holder, name, text in _texts(state, text_facts):
        if isinstance(holder[name], list):
            holder[name] = sorted({"", *holder[name]} - {text}, key=str)
        else:
            holder[name] = ""
        state.text_bytes -= bytes_
        state.given_way += 1
        if state.text_bytes <= PERSON_BYTES:
            return


def _texts(state: PersonState, text_facts: TextFacts) -> list[tuple[int, str, str, str, dict[str, Any], str, str]]:
    """Return every text that is not empty, in the order of giving way: (bytes, fact, track, key, facts, fact, text)."""
    holders = [("", "", state.facts)]
    holders += [
        (track, key, instance.facts) for track, instances in state.tracks.items() for key, instance in instances.items()
    ]
    found = []
    for track, key, holder in holders:
        for name, raw in holder.items():
            if (track, name) not in text_facts:
                continue
            for text in raw if isinstance(raw, list) else (raw,):
                if isinstance(text, str) and text:
                    found.append((size(text), name, track, key, holder, name, text))
    return sorted(found, key=lambda each: (-each[0], each[1], each[2], each[3], each[6]))
