"""What a task asks, of whom, as frozen data: a sentence with blanks that facts fill in. A part of policy.py.

Read by saying.py, filled in by compiled/saying.py. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MAX_ASK = 200
"""Characters of a task's text, as it is written and as it is said."""


@dataclass(frozen=True, slots=True)
class Blank:
    """A place in a sentence that is filled in: with a fact, the key of the instance, or the person's id.

    `name` is that of the fact. `otherwise` stands there while the fact is missing (None: that it is not known).
    `values` puts another text for each word of the fact: so a setting that depends on a fact is said.
    """

    of: Literal["fact", "key", "person"]
    name: str = ""
    otherwise: str | None = None
    values: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked: `text` as it was written, `parts` the words and blanks of it in order."""

    text: str
    parts: tuple[str | Blank, ...]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class NamedBy:
    """Who is asked, where a fact of the person names them; `otherwise` while it names nobody."""

    fact: str
    otherwise: Asked

    def __str__(self) -> str:
        return f"whoever fact.{self.fact} names (else {self.otherwise})"


Asked = str | NamedBy
"""Who is asked: a word the company knows, or whoever a fact names."""
