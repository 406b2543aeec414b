"""The follow-up task as everybody outside sees it: one question asked of somebody about a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

TaskState = Literal["open", "completed", "declined", "expired", "withdrawn"]
"""open -> completed | declined | expired | withdrawn; a late outcome turns expired and withdrawn into completed or
declined, and untrue ground of an outcome turns those into open again."""

MessageType = Literal["task.requested", "task.changed", "task.withdrawn"]
"""What a message tells of a task: it is asked for, something about it changed, it is not asked any more."""

WithdrawnReason = Literal[
    "left_stage", "never_true", "completed_late", "expired", "stopped", "policy", "retracted", "before_start"
]
"""Why a task is not asked any more without having been done: its stage was left; late news made it untrue;
its question was answered after the one before it had expired; nobody did it in time; the person does not
want this kind of contact any more; the policy changed; a touchpoint that led to it was retracted; it was due before the
moment from which we ask."""

ChangeReason = Literal["reopened"]
"""Why an open task is told of again: it was taken for done, and what that rested on was not so."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A touchpoint by name, for reading: enough to find it at its source."""

    source: str
    id: str
    type: str
    occurred_at: datetime

    def as_data(self) -> dict[str, Any]:
        """Return canonical JSON data."""
        return {
            "source": self.source,
            "id": self.id,
            "type": self.type,
            "occurred_at": rfc3339(self.occurred_at),
        }


@dataclass(frozen=True, slots=True)
class Why:
    """Why a task is asked: where in the policy it stands, what led there, and a sentence for people."""

    track: str
    key: str | None
    stage: str
    rule: str
    since: datetime
    touchpoints: tuple[Reference, ...]
    sentence: str

    def as_data(self) -> dict[str, Any]:
        """Return canonical JSON data."""
        return {
            "track": self.track,
            "key": self.key,
            "stage": self.stage,
            "rule": self.rule,
            "since": rfc3339(self.since),
            "touchpoints": [reference.as_data() for reference in self.touchpoints],
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Task:
    """One task. `kind` is its name in the policy (`acknowledge`, `acknowledge/or_else`, `review`).

    `key` names the instance of its track (None in a track per person). `about` has the facts that it is about, by
    name, as canonical JSON data. `lane` is the word of the person's present lane. `requested_at` is when it opened,
    `due_at` when it should be done, `expires_at` when it is given up; `closed_at` belongs to states other than open,
    and so does `reason`, but for `reopened`.
    All times aware UTC.
    """

    id: str
    person: str
    kind: str
    key: str | None
    ask: str
    by: str
    about: Mapping[str, Any]
    lane: str
    state: TaskState
    requested_at: datetime
    due_at: datetime
    expires_at: datetime
    why: Why
    closed_at: datetime | None = None
    reason: WithdrawnReason | ChangeReason | None = None

    def as_data(self) -> dict[str, Any]:
        """Return canonical JSON data, without the version that a message adds."""
        return {
            "id": self.id,
            "person": self.person,
            "kind": self.kind,
            "key": self.key,
            "ask": self.ask,
            "by": self.by,
            "about": dict(self.about),
            "lane": self.lane,
            "state": self.state,
            "requested_at": rfc3339(self.requested_at),
            "due_at": rfc3339(self.due_at),
            "expires_at": rfc3339(self.expires_at),
            "closed_at": None if self.closed_at is None else rfc3339(self.closed_at),
            "reason": self.reason,
            "why": self.why.as_data(),
        }


def rfc3339(at: datetime) -> str:
    """Return an aware UTC time as RFC 3339 with `Z`, without a fraction where there is none."""
    return at.isoformat().replace("+00:00", "Z")
