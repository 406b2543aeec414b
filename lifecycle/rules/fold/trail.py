"""What a fold tells beside the state: each of its decisions, for explaining, and the tasks that ended in it.

Written by working.py alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from lifecycle.rules.compiled.saying import Said
from lifecycle.rules.language.policy import Choice
from lifecycle.rules.state.snapshot import ClosedTask, OpenTask, Origin


class Closing(NamedTuple):
    """A task that ended during this fold, as it was, how, and what it said then (None: what it would say now)."""

    task: OpenTask
    closed: ClosedTask
    said: Said | None = None


class Step(NamedTuple):
    """One decision of the fold, for explaining: what happened to which instance, and what brought it about.

    `what`: came (a touchpoint, of no instance; `name` is its type), began, moved, held (which alternative of the guard
    that is about to move it; `name` is the stage, or the rule of time), refused and stayed (a line of the list that
    counted did not fit, or said stay; `name` is the stage), opened, waits (for its contact), not_opened,
    dropped (its stage was left before it was due), postponed (`due` is until when), completed, declined, expired,
    withdrawn, retracted (a touchpoint that was left out, in no place of the trail: `detail` is by what, `due` when).
    `name` is the stage or rule, `task_id` "" where there is none, `by` the touchpoint (None: time), `choice` the line
    of the policy that decided, `due` when a rule was to be due, or an opened task is. `detail` is the stage that was
    moved from (for time with its rule), what a guard wanted and got, the reason of an ending, until when a task waits
    and as words for what (openings.holds_back), what of a touchpoint counts as missing, or for not_opened a word:
    stopped (the contact), done (already), open (the last review is), left (its stage was), too_soon (the fact of its
    `every ... after` moved on while it waited), before_start (it was due before the moment from which is asked).
    """

    at: datetime
    what: str
    track: str
    key: str
    name: str
    task_id: str
    by: Origin | None
    detail: str
    choice: Choice | None = None
    due: datetime | None = None
