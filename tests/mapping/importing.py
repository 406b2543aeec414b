"""A small import for tests: what a mapping makes of some text, as events that the engine reads."""

import json
from pathlib import Path
from typing import Any

from lifecycle.mapping import ImportResult, import_to_path, parse_mapping
from lifecycle.wire.codec import read_event

HEAD = """\
mapping: shop
language: 1
source: urn:shop
"""

Event = dict[str, Any]


def imported(mapping: str, content: bytes | str, folder: Path) -> tuple[ImportResult, list[Event]]:
    """Return the result and the events."""
    source, out = folder / "rows.csv", folder / "out.jsonl"
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    result = import_to_path(parse_mapping(HEAD + mapping, name="map.yaml"), source, out)
    lines = out.read_bytes().splitlines()
    for line in lines:
        read_event(line)
    return result, [json.loads(line) for line in lines]
