"""The text of opening a task that comes once, where nothing else is due: whether and when, when due, when expiring.

The same is asked piece by piece where several things are due at once (fold/timers.py, fold/openings.py). Budgets, which
look at other tasks, are left to the fold.
"""

from __future__ import annotations

from lifecycle.rules.compiled.entering import shown_lines
from lifecycle.rules.compiled.machine import Opening, Step
from lifecycle.rules.compiled.waits import WaitCompiler
from lifecycle.rules.language.policy import ContactKind, TaskRule
from lifecycle.rules.language.schedule import Duration


class OpeningCompiler:
    """Writes when tasks open. Those that open alike, as most of a policy do by its defaults, share one function."""

    def __init__(self, waits: WaitCompiler) -> None:
        self._waits = waits
        self._written: dict[tuple[str, ...], Opening] = {}

    def opening(
        self, track: str, task: TaskRule, contact: ContactKind | None, due: Step, expires: Step, note: str
    ) -> Opening:
        """Return the function that says when the task of a rule opens, is due and expires (machine.Opening)."""
        waits, guards, writer = self._waits, self._waits.guards, self._waits.writer
        lines = ["v = work.seen", *shown_lines(writer)]
        if task.when is not None:
            lines += [f"if not ({guards.text(task.when, track)}): return None"]
        if contact is not None and contact.stops is not None:
            lines += [f"if {guards.text(contact.stops, '')}: return None"]
        if contact is not None and contact.quiet is not None:
            lines += [*waits.quiet_lines(contact), "if until is not None: return until, until, until"]
        for name, wait, start, step in (("due", task.due, "at", due), ("expires", task.expires, "due", expires)):
            if isinstance(wait, Duration):
                lines += waits.led_lines(name, waits.steps.after(wait), start, waits.day_text(start))
            else:
                lines += [f"{name} = {writer.constant(step, 'step')}(v, {start})"]
        lines += ["return at, due, expires if expires > at else at"]
        found = self._written.get(tuple(lines))
        if found is None:
            opening = writer.function("opening", "work, instance, key, at", lines, f"{note} opens, and what does alike")
            found = self._written[tuple(lines)] = opening
        return found
