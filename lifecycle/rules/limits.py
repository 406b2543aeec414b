"""Limits that never stop a person: what is beyond one goes on later, and is told.

A policy can have timers that cause each other without end, and a source can send keys without end. Neither may cost
a person their follow-ups, so nothing here raises: what is still due after MAX_ROUNDS at one instant goes on a day
later.

Called by timers.py. Pure.
"""

from __future__ import annotations

from datetime import datetime

from lifecycle.rules.working import Working

MAX_ROUNDS = 100
"""Most rounds at one virtual instant; what is due then still goes on at the same clock time next day."""


def put_off(work: Working, at: datetime) -> None:
    """Move everything that is still due at `at` to the same clock time next day, in our zone.

    `held_until` of an instance keeps news before then from calling its rules earlier.
    """
    later = work.machine.next_day(at)
    for instance in work.active.values():
        for rule, due in instance.pending.items():
            if due <= at:
                instance.pending[rule] = instance.held_until = later
    for task in work.state.tasks.values():
        if task.expires_at <= at:
            task.expires_at = later
    for waiting in work.state.waiting.values():
        if waiting.opens_at <= at:
            waiting.opens_at = waiting.held_until = later
