"""What the checker finds: each finding with its code, severity, place, path and advice, and what every code means.

Not the loader's findings (language/findings.py), which say that a policy is not written right; these say what would
happen by one that is. Filled by the checker's modules; read by the command line and by check.py. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lifecycle.rules.language.findings import Place

Severity = Literal["refuses", "warns"]

CODES: dict[str, str] = {
    "overlap": "Two lines of a list fit the same values, so nothing decides between them.",
    "never": "A guard that no values fit.",
    "hidden": "A line that never decides, because what stands before it always does.",
    "too-complex": "A list with more combinations of values than are tried.",
    "undecided": "Two timed moves at one moment without guards.",
    "unreachable": "A stage that nothing leads to.",
    "no-way-out": "A stage that time alone is not sure to move anybody out of, and that is no rest.",
    "no-limit": "A wait for a date that may lie any time ahead.",
    "no-date": "A wait for a fact that may be missing.",
    "renewed": "A wait for a fact that news of others renews, so that it may never end.",
    "watch": "A watching track that does not watch everybody, always.",
    "loss": "A loss after which nobody is sure to be asked for within a year.",
    "loss-at-once": "A loss after which people are asked at once, and nobody looks again within a year.",
    "loss-mark": "A stage reached by a word of loss, and not marked as one.",
    "loop-too-fast": "A loop of time alone that need not wait a day.",
    "loop-without-task": "A loop of time alone that asks nobody for anything.",
    "always-past": "A moment before something that has happened, which has always passed.",
    "no-time": "A task that is given up at the moment at which it is asked.",
    "never-opens": "A task that can never open, because time moves the person on before.",
    "never-used": "A list that no stage uses, because each has one of its own.",
    "over-budget": "More tasks for ever than the budget of a kind of contact allows.",
    "begins-nothing": "A type of touchpoint after which a person may stand in no track.",
    "unheard": "News of a keyed track that may come first, and then begins nothing.",
    "unmoved": "News that begins a keyed track and leaves it in a start that is for other news.",
    "long-chain": "More waits in a row than may end at one instant.",
    "hardly-any-time": "Hours that leave next to no time for working or for being reached.",
    "no-customers": "Several lanes, and none for customers.",
}
"""Every code of the checker, with the sentence that explains it. docs/proof.md holds the same table."""

MAX_PATH = 40
"""Steps shown of a path."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """One thing that would happen by this policy and should not.

    `severity`: `refuses` (run and worker refuse the policy) or `warns`. `path`: the shortest way from a person's
    first touchpoint to where it happens, touchpoint types and waits in order; empty where the place says it all.
    `advice`: what to write instead. `file` is "" for the file that was loaded, else the included one.
    """

    code: str
    severity: Severity
    line: int
    column: int
    message: str
    path: Path
    advice: str
    file: str = ""

    def __str__(self) -> str:
        path = f" Path: {', '.join(self.path)}." if self.path else ""
        return f"{self.line}:{self.column}: {self.message}{path} {self.advice} [{self.code}]"


@dataclass(slots=True)
class Report:
    """Collects findings while a policy is checked."""

    found: dict[CheckFinding, None] = field(default_factory=dict)

    def refuse(self, code: str, place: Place, message: str, advice: str, path: Path = ()) -> None:
        """Note what refuses the policy."""
        self._add(code, "refuses", place, message, advice, path)

    def warn(self, code: str, place: Place, message: str, advice: str, path: Path = ()) -> None:
        """Note what is probably not meant, but proves nothing wrong."""
        self._add(code, "warns", place, message, advice, path)

    def _add(self, code: str, severity: Severity, place: Place, message: str, advice: str, path: Path) -> None:
        assert code in CODES, code
        found = CheckFinding(code, severity, place.line, place.column, message, path, advice, place.file)
        self.found[found] = None

    def sorted(self) -> list[CheckFinding]:
        """Return the findings by place, each once."""
        return sorted(self.found, key=lambda each: (each.file, each.line, each.column, each.code, each.message))


def longer(path: Path, step: str) -> Path:
    """Return a path with one more step; of a very long one only the beginning is kept."""
    if len(path) < MAX_PATH:
        return (*path, step)
    return path if path[-1] == "..." else (*path, "...")
