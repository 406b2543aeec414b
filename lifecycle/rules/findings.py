"""What is wrong with a policy, all of it at once, each with its place. Used by the loader and the checker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from lifecycle.errors import PolicyRefused

MAX_FINDINGS = 50
"""Findings shown; the rest are counted. One broken line can cause many."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the policy file: line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong: place, a stable code, and a sentence that ends in what to do."""

    line: int
    column: int
    code: str
    message: str


@dataclass(slots=True)
class Findings:
    """Collects findings while a policy is read; `refuse` raises them together."""

    name: str
    found: list[Finding] = field(default_factory=list)

    def add(self, place: Place, code: str, message: str) -> None:
        """Note one finding."""
        self.found.append(Finding(place.line, place.column, code, message))

    def unknown(self, place: Place, code: str, got: str, what: str, known: Iterable[str]) -> None:
        """Note a name that is not known, with the nearest known one."""
        self.add(place, code, f'"{got}" is not {what}. {nearest(got, known)}')

    def refuse(self) -> None:
        """Raise PolicyRefused with every finding in file order; return when there is none."""
        if not self.found:
            return
        lines = [f"{self.name}:{f.line}:{f.column}: {f.message} [{f.code}]" for f in sorted(set(self.found))]
        more = f"\n... and {len(lines) - MAX_FINDINGS} more" if len(lines) > MAX_FINDINGS else ""
        raise PolicyRefused("\n".join(lines[:MAX_FINDINGS]) + more)


def nearest(got: str, known: Iterable[str]) -> str:
    """Return "Did you mean ...?" or the list of what is known."""
    names = sorted(set(known))
    close = get_close_matches(got, names, n=1, cutoff=0.6)
    if close:
        return f'Did you mean "{close[0]}"?'
    if not names:
        return "None is defined."
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"Known: {shown}."
