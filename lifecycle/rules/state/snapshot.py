"""The folded state of one person, and its text form. Mutable while a fold works on it, never shared.

A snapshot holds the key of the last folded touchpoint and the due time of the last timer that fired, and
nothing else about time, so that live running, catching up and replay agree to the byte. Times are whole microseconds
(instant.py). It holds no trail (explaining folds again) and of closed tasks only what matching late outcomes needs.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lifecycle import ids
from lifecycle.instant import Instant
from lifecycle.task import TaskState
from lifecycle.touchpoint import OrderKey

SNAPSHOT_FORMAT = 5
"""Raised when the form or the meaning of a snapshot changes; people of another format are folded again."""


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """The touchpoint behind something, by name."""

    source: str
    id: str
    type: str
    occurred_at: Instant


class Instance(msgspec.Struct, omit_defaults=True):
    """One running instance of a track.

    `cause` names what led into the stage (ids.py): "" for the touchpoint that is its `origin`, the last one on the way
    there; `entry` says it whichever it was. `pending`
    is when each rule of the stage is due next; `spent` the rules that are done for this entry; `counts` how
    often a repeated rule fired. The rhythm of a repeated rule counts from `anchors` (none: from `since`), and goes on
    after `came`, when the last one came (none: after its anchor). `held_until`: no rule of this entry that follows a
    fact is due earlier (fold/limits.py). `facts` are the track's own, in raw form (compiled/facts.py).
    """

    stage: str
    since: Instant
    cause: str
    origin: Origin
    pending: dict[str, Instant] = {}
    spent: list[str] = []
    counts: dict[str, int] = {}
    anchors: dict[str, Instant] = {}
    came: dict[str, Instant] = {}
    held_until: Instant | None = None
    facts: dict[str, Any] = {}

    def entry(self) -> str:
        """Return the name of what led into the stage; most entries are never asked for it."""
        return self.cause or ids.cause_of_touchpoint(self.origin.source, self.origin.id)


class OpenTask(msgspec.Struct, omit_defaults=True):
    """A task that is asked for now. `entry` is the cause of the stage entry it belongs to.

    `root` is the id of the task whose expiry led here ("" for none): when that one is answered late, this
    one is withdrawn. `postponed`: its due time was put off by an outcome, and follows nothing else.
    """

    track: str
    key: str
    stage: str
    rule: str
    entry: str
    since: Instant
    origin: Origin
    opened_at: Instant
    due_at: Instant
    expires_at: Instant
    root: str = ""
    postponed: bool = False


class WaitingTask(msgspec.Struct, omit_defaults=True):
    """A task that would be open but for quiet hours, a budget or a limit; it is looked at again at `opens_at`.

    `wanted_at` is when it was to open: whoever waits longest is served first. `held_until`: not looked at earlier
    (fold/limits.py). `is_beyond`: there is no place for it among the open ones (places.py). The other fields are those
    of OpenTask.
    """

    track: str
    key: str
    stage: str
    rule: str
    entry: str
    since: Instant
    origin: Origin
    opens_at: Instant
    wanted_at: Instant
    root: str = ""
    held_until: Instant | None = None
    is_beyond: bool = False


class ClosedTask(msgspec.Struct, frozen=True, array_like=True):
    """How a task ended. `reason` is a WithdrawnReason or ""."""

    id: str
    state: TaskState
    reason: str
    at: Instant


class Ended(msgspec.Struct, frozen=True, array_like=True):
    """What is known of the tasks of one slot that ended long ago (endings.py): cause and how, oldest first.

    `forgot`: there were more.
    """

    ends: list[tuple[str, TaskState]]
    forgot: bool


class KeptOutcome(msgspec.Struct, frozen=True, array_like=True):
    """An outcome, as of `at`, of a task that has not opened. `used`: another task of its slot was closed by it."""

    task_id: str
    state: TaskState
    at: Instant
    used: bool


class PersonState(msgspec.Struct, omit_defaults=True):
    """Everything that is folded of one person.

    `tracks` maps track -> key -> instance; the key of a `per: person` track is "". `tasks` maps id -> open
    task, `waiting` id -> task that waits to open, `ended` slot -> tasks that ended long ago. `closed`, `kept` and
    `done` (when tasks that reach the person were done, as many as the largest budget) are bounded, oldest first.
    `lane` is the index of the person's lane, `slides_at` when time alone changes it, or a stop, next (slides.py).
    `text_bytes` is how much text the facts hold, `given_way` how many texts were cut, left out or emptied (texts.py).
    `forgotten` counts, by track, finished instances that gave way, `not_begun` what would have begun (fold/limits.py),
    and `told` how many of these somebody was asked to look at (places.py).
    `begun_at` is when the first touchpoint of a known type that is not built in occurred; before that this is no
    person. `missing` counts by `type.field` what was read as missing. `not_asked` counts what was due before the start
    (before_start.py), and `asked_anew` what of that is still owed.
    """

    touchpoints: int = 0
    begun_at: Instant | None = None
    missing: dict[str, int] = {}
    last_key: OrderKey | None = None
    last_fired_at: Instant | None = None
    lane: int = 0
    slides_at: Instant | None = None
    facts: dict[str, Any] = {}
    tracks: dict[str, dict[str, Instance]] = {}
    tasks: dict[str, OpenTask] = {}
    waiting: dict[str, WaitingTask] = {}
    done: list[Instant] = []
    closed: list[ClosedTask] = []
    ended: dict[str, Ended] = {}
    kept: list[KeptOutcome] = []
    text_bytes: int = 0
    given_way: int = 0
    forgotten: dict[str, int] = {}
    not_begun: dict[str, int] = {}
    told: int = 0
    not_asked: int = 0
    asked_anew: int = 0


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(PersonState)


def encode(state: PersonState) -> str:
    """Return the canonical text of a state: sorted keys, times in microseconds."""
    return _encoder.encode(state).decode("utf-8")


def decode(text: str) -> PersonState:
    """Return the state of a snapshot text; a fresh one with every call, so that it may be changed."""
    return _decoder.decode(text)
