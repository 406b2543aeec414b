"""Limits that never stop a person: what is beyond one goes on later or gives way, and is counted and told.

A policy can have timers that cause each other without end, and a source can send keys without end. Neither may cost
a person their follow-ups, so nothing here raises. What is still due after MAX_ROUNDS at one instant goes on a day
later. Of MAX_INSTANCES instances the finished ones give way, oldest first; where none is finished, what would begin
is counted and does not begin.

Called by steps.py and timers.py. Pure, and the same for every order and split of a history.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from heapq import heapify, heappop, heappush
from typing import Any

from lifecycle.instant import NEVER, Instant
from lifecycle.rules.compiled.machine import TypeTable
from lifecycle.rules.fold.scheduling import is_finished
from lifecycle.rules.fold.working import Finished, Working
from lifecycle.rules.language.schedule import Duration
from lifecycle.rules.state import texts

MAX_ROUNDS = 100
"""Most rounds at one virtual instant; what is due then still goes on at the same clock time next day."""

_DAY = Duration(1, "day")

MAX_INSTANCES = 10_000
"""Most instances of tracks for one person."""


def make_place(work: Working, track: str, table: TypeTable, data: Mapping[str, Any]) -> bool:
    """Make place for one more instance of a track than there may be; False: there is none, and it must not begin.

    `table` and `data` are those of the touchpoint at hand: instances that it may reach do not give way to it.
    """
    if _give_way(work, _reached(table, data)):
        return True
    work.state.not_begun[track] = work.state.not_begun.get(track, 0) + 1
    work.asked.is_stirred = True
    return False


def _reached(table: TypeTable, data: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(each.table.name, data.get(each.table.field, "")) for each in table.steps if each.table.field is not None}


def _give_way(work: Working, reached: Collection[tuple[str, str]]) -> bool:
    """Forget the finished instance that has stood longest, by (since, track, key), but for a count."""
    state = work.state
    if work.finished is None:
        work.finished = [
            (instance.since, track, key)
            for track, instances in state.tracks.items()
            for key, instance in instances.items()
            if is_finished(work, track, key, instance)
        ]
        heapify(work.finished)
    aside: list[Finished] = []
    is_found = False
    while work.finished and not is_found:
        since, track, key = first = heappop(work.finished)
        instance = state.tracks.get(track, {}).get(key)
        if instance is None or instance.since != since or not is_finished(work, track, key, instance):
            continue  # It moved on, or was forgotten, since it was noted.
        if (track, key) in reached or (track, key) in work.asked.ids:
            aside.append(first)
            continue
        is_found = True
        _forget(work, track, key)
    for each in aside:
        heappush(work.finished, each)
    return is_found


def _forget(work: Working, track: str, key: str) -> None:
    state = work.state
    instance = state.tracks[track].pop(key)
    if not state.tracks[track]:
        del state.tracks[track]
    held = (raw for name, raw in instance.facts.items() if (track, name) in work.machine.text_facts)
    state.text_bytes -= sum(texts.size_of(raw) for raw in held)
    work.dirty |= work.machine.tracks[track].marks
    state.forgotten[track] = state.forgotten.get(track, 0) + 1
    work.instances -= 1


def put_off(work: Working, at: Instant) -> None:
    """Move everything that is still due at `at` to the same clock time next day, in our zone.

    `held_until` of an instance keeps news before then from calling its rules earlier.
    """
    later = work.machine.steps.after(_DAY)(at)
    work.asked.is_stirred = True
    for where in [where for where, due in work.dues.items() if due <= at]:
        track, key = where
        instance = work.state.tracks[track][key]
        for rule, due in instance.pending.items():
            if due <= at:
                instance.pending[rule] = instance.held_until = later
        work.dues[where] = min(instance.pending.values(), default=NEVER)
    for task in work.state.tasks.values():
        if task.expires_at <= at:
            task.expires_at = later
    for waiting in work.state.waiting.values():
        if waiting.opens_at <= at:
            waiting.opens_at = waiting.held_until = later
