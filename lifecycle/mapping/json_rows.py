"""The columns of a JSON line: the keys that the mapping names, `customer.id` for a key inside another one.

Called by rows.py for files of format `jsonl`. It knows nothing of touchpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lifecycle import canonical_json
from lifecycle.errors import Unreadable
from lifecycle.mapping.model import ImportMapping

LINE = "line of JSON"
"""The last column: the whole object in canonical form, which is the content of the row."""


class JsonFields:
    """Takes the columns that a mapping names out of JSON objects. A key that is not there, or null, is empty."""

    def __init__(self, mapping: ImportMapping) -> None:
        self._used = tuple(dict.fromkeys(column for column, _ in mapping.columns_used()))
        self.columns = (*self._used, LINE)
        self._unseen = set(self._used)

    @property
    def unseen(self) -> tuple[str, ...]:
        """The columns that stood in no object so far, sorted."""
        return tuple(sorted(self._unseen))

    def fields(self, line: str) -> tuple[list[str], dict[str, Unreadable]]:
        """Return the columns of one line, and why those of them are no value that are lists or objects.

        Raises Unreadable for a line that is no object.
        """
        try:
            row = canonical_json.loads(line)
        except canonical_json.NotCanonical as error:
            raise Unreadable("not_json", None, f"The line is no JSON: {error}.") from error
        if not isinstance(row, dict):
            raise Unreadable("not_an_object", None, "The line is no JSON object, such as {...}.")
        faults: dict[str, Unreadable] = {}
        return [*(self._text(row, column, faults) for column in self._used), canonical_json.dumps(row)], faults

    def _text(self, row: Mapping[str, Any], column: str, faults: dict[str, Unreadable]) -> str:
        value: Any = row
        for key in (column,) if column in row else column.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return ""
        self._unseen.discard(column)
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | Decimal):
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
        message = f"{column} is a list or an object; wanted one value, such as {{{column}.name}}."
        faults[column] = Unreadable("columns", column, message)
        return canonical_json.dumps(value)  # for conditions: it is filled
