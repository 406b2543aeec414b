"""Single values out of the tree of a mapping file, each checked, each fault noted with its place.

What the values mean is the business of its callers, load.py and load_values.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lifecycle.rules.language.document import Listing, Node, Scalar, Table
from lifecycle.rules.language.findings import Findings


class NodeReader:
    """Reads single values. After a finding it returns a harmless value, so that all findings come at once."""

    def __init__(self, findings: Findings) -> None:
        """`findings` takes what is wrong; whoever made it refuses at the end."""
        self.findings = findings

    def text(self, node: Node) -> str:
        """Return a text; anything else is a finding."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value
        got = str(node.value) if isinstance(node, Scalar) else "a list or table"
        advice = "Put it in quotes, or name its kind, such as {whole: ...}."
        self.findings.add(node.place, "text", f"Wanted a text, got {got}. {advice}")
        return ""

    def texts(self, node: Node) -> tuple[str, ...]:
        """Return a list of texts; one alone is a list of one."""
        items: Iterable[Node] = node.items if isinstance(node, Listing) else (node,)
        return tuple(self.text(item) for item in items)

    def table(self, node: Node | None, what: str) -> Table | None:
        """Return the node as a table; None, with a finding, where it is none."""
        if isinstance(node, Table):
            return node
        if node is not None:
            message = f"{what} is a list of keys with values, such as {{key: value}}."
            self.findings.add(node.place, "shape", message)
        return None

    def keys(self, table: Table, what: str, known: Iterable[str], required: Iterable[str] = ()) -> None:
        """Refuse keys that are not known, and note required ones that are missing."""
        for key, place in table.places.items():
            if key not in known:
                self.findings.unknown(place, "key", key, f"a key of {what}", known)
                self.findings.misspell(table.place, key, known)
        for key in required:
            if key not in table.entries:
                self.findings.add(table.place, "missing", f'"{key}" is missing in {what}. Add it.')

    def word(self, table: Table, key: str, shape: re.Pattern[str] | None = None, wanted: str = "") -> str:
        """Return the text of a key, empty where it is missing; `wanted` says what `shape` asks for."""
        node = table.entries.get(key)
        text = self.text(node) if node else ""
        if node and shape and text and not shape.match(text):
            self.findings.add(node.place, key, f'"{text}" is no {key}. Wanted {wanted}.')
        if node and not text and isinstance(node, Scalar) and node.value == "":
            self.findings.add(node.place, key, f'"{key}" is empty. Write a text.')
        return text

    def one_of(self, table: Table, key: str, known: tuple[str, ...], default: str) -> str:
        """Return the text of a key that is one of a few, or the default."""
        node = table.entries.get(key)
        if node is None:
            return default
        text = self.text(node)
        if text not in known:
            self.findings.unknown(node.place, key, text, f"a {key}", known)
            return default
        return text

    def character(self, table: Table, key: str, default: str) -> str:
        """Return the one character of a key, or the default."""
        node = table.entries.get(key)
        text = self.text(node) if node else default
        if node and (len(text) > 1 or (not text and key == "delimiter")):
            self.findings.add(node.place, key, f'"{key}" is one character, such as "{default}".')
            return default
        return text

    def boolean(self, table: Table, key: str, *, default: bool) -> bool:
        """Return true or false of a key, or the default."""
        node = table.entries.get(key)
        if node is None:
            return default
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.findings.add(node.place, key, f'"{key}" is true or false.')
        return default
