"""What a task says, compiled: its sentence with the blanks filled in, who is asked, and the facts it is about.

A text follows its facts while the task is open, so it is no part of a snapshot: it is said anew whenever a task is
told of. What the facts hold comes from outside and may be anything; it leaves here as one line of bounded length.
Called through machine.Rule by fold/tasks.py, fold/working.py and the explanations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from lifecycle import canonical_json
from lifecycle.rules.compiled.guards import Read, View
from lifecycle.rules.language.ask import MAX_ASK
from lifecycle.rules.language.calendar import zone_of
from lifecycle.rules.language.policy import Asked, Blank, NamedBy, TaskRule
from lifecycle.task import rfc3339

_INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Said(NamedTuple):
    """What a task says at a moment: `about` has the facts with a value, as canonical JSON data."""

    ask: str
    by: str
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Saying:
    """What a task says, as functions of what can be seen; `ask` takes the person's id too.

    `types` are the touchpoint types that can change it, `own_types` those that can if they carry its key.
    """

    ask: Callable[[View, str], str]
    by: Callable[[View], str]
    about: Sequence[tuple[str, Read]]
    types: frozenset[str]
    own_types: frozenset[str]

    def said(self, view: View, person: str) -> Said:
        """Return what the task says of a person now. `view` is that of its instance."""
        values = [(name, as_json(read(view))) for name, read in self.about]
        return Said(self.ask(view, person), self.by(view), {name: value for name, value in values if value is not None})


def compile_saying(
    task: TaskRule, zone: str, fact: Callable[[str], Read], types: frozenset[str], own_types: frozenset[str]
) -> Saying:
    """Return what a task says; `fact` gives the reader of a fact as seen from its track, `zone` is the policy's.

    `types` are the touchpoint types behind the facts of the policy that it names (`facts_said`), `own_types` those
    behind facts of its track.
    """
    parts = [part if isinstance(part, str) else _blank(part, zone, fact) for part in task.ask.parts]
    about = tuple((name, fact(name)) for name in task.about)
    if all(isinstance(part, str) for part in parts):
        fixed = "".join(str(part) for part in parts)
        return Saying(lambda view, person: fixed, _by(task.by, fact), about, types, own_types)
    room = MAX_ASK - sum(len(part) for part in parts if isinstance(part, str))

    def ask(view: View, person: str) -> str:
        values = _shortened([part(view, person) for part in parts if not isinstance(part, str)], room)
        waiting = iter(values)
        return " ".join("".join(part if isinstance(part, str) else next(waiting) for part in parts).split())

    return Saying(ask, _by(task.by, fact), about, types, own_types)


def facts_said(task: TaskRule) -> frozenset[str]:
    """Return the names of all facts that a task says, asks by or is about."""
    named = {part.name for part in task.ask.parts if isinstance(part, Blank) and part.of == "fact"}
    by = task.by
    while isinstance(by, NamedBy):
        named.add(by.fact)
        by = by.otherwise
    return frozenset(named | set(task.about))


def _blank(blank: Blank, zone: str, fact: Callable[[str], Read]) -> Callable[[View, str], str]:
    if blank.of == "person":
        return lambda view, person: one_line(person)
    if blank.of == "key":
        return lambda view, person: one_line(view.key)
    read, values = fact(blank.name), blank.values or {}
    missing = f"({blank.name.replace('_', ' ')} not known)" if blank.otherwise is None else blank.otherwise

    def fill(view: View, person: str) -> str:
        value = read(view)
        return values.get(str(value), missing) if values else in_words(value, zone) or missing

    return fill


def _by(by: Asked, fact: Callable[[str], Read]) -> Callable[[View], str]:
    if isinstance(by, str):
        return lambda view: by
    read, otherwise = fact(by.fact), _by(by.otherwise, fact)

    def who(view: View) -> str:
        value = read(view)
        return (one_line(value) if isinstance(value, str) else "") or otherwise(view)

    return who


def _shortened(values: list[str], room: int) -> list[str]:
    """Return the values so that they fit into `room` characters together: the longest give way first."""
    most = room
    while most > 0 and sum(min(len(value), most) for value in values) > room:
        most -= 1
    return [value if len(value) <= most else f"{value[: max(most - 1, 0)].rstrip()}…"[:most] for value in values]


def in_words(value: Any, zone: str) -> str:
    """Return the value of a fact as it stands in a sentence; "" where there is none.

    Times are those of the zone's clock, to the minute and with its name; numbers have no exponent.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return clock_time(value, zone)
    if isinstance(value, Decimal):
        return format(Decimal(as_json(value)), "f")
    return one_line(str(value))


@lru_cache(maxsize=4096)  # Much is due at one moment, when the office opens, and each telling says some moments twice.
def clock_time(at: datetime, zone: str) -> str:
    """Return a time to the minute by the clock of a zone, with the zone's name."""
    if zone == "UTC":
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{at.astimezone(zone_of(zone)):%Y-%m-%d %H:%M %Z}"


def one_line(text: str) -> str:
    """Return a text without line breaks, control and invisible characters; runs of blanks are one."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(_CONTROL.sub(" ", _INVISIBLE.sub("", text)).split())


def as_json(value: Any) -> Any:
    """Return the value of a fact as canonical JSON data: times as RFC 3339, numbers in their one form."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Decimal):
        # 10.50 and 10.5 are one number: reading it back writes it in one way.
        return canonical_json.loads(str(value))
    if isinstance(value, dict):
        return {name: as_json(each) for name, each in value.items()}
    return value
