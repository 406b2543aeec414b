"""What a touchpoint does, step by step: called from the text that is written of each type (compiled/taking.py).

That text knows which instances a type reaches, what their facts and those of the person take in, and what their
choices look at. What is the same for all types stands here, in the order in which the text calls it: `fitted`,
`told_before`, `begin`, `told_of_choices`, `complete`, `take_outcome`, `begun`, `move`, `label_reach`, `settle`. Where
the stage is known in which an instance begins, the text has what `begun` does, and calls `watch` and
`told_of_beginning` for it. A call that finds nothing to do costs as much as one that does, so the text asks before
whether there is anything. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle.instant import Instant
from lifecycle.rules.compiled.facts import Data
from lifecycle.rules.compiled.machine import ANYTHING, FOLLOWED, PLACE, STOPS, TEXTS, TOLD, TrackTable, TypeTable
from lifecycle.rules.fold import limits
from lifecycle.rules.fold.closing import leave
from lifecycle.rules.fold.doing import complete as complete
from lifecycle.rules.fold.fitting import fitted as fitted, label_reach as label_reach
from lifecycle.rules.fold.following import follow
from lifecycle.rules.fold.judging import judge_anew
from lifecycle.rules.fold.noting import note_refusals
from lifecycle.rules.fold.openings import look_again, stop_contacts
from lifecycle.rules.fold.outcomes import take_outcome as take_outcome
from lifecycle.rules.fold.scheduling import enter, watch as watch
from lifecycle.rules.fold.told import keep_said
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.policy import Choice
from lifecycle.rules.state.snapshot import Instance
from lifecycle.rules.state.texts import make_room
from lifecycle.touchpoint import Touchpoint

Decided = tuple[TrackTable, str, Instance | None, Choice | None]
"""Of one track that a type reaches: the instance, if there is one, and the choice that fits (None: it stays)."""


def told_before(work: Working, table: TypeTable, touchpoint: Touchpoint) -> None:
    """Note what is to be told later of how things were before a touchpoint."""
    if work.tells:
        keep_said(work, table, touchpoint)


def begin(work: Working, track: TrackTable, table: TypeTable, data: Data) -> Instance | None:
    """Return a new instance of a track, not yet among the others; None: there is no place for it."""
    if work.instances >= limits.MAX_INSTANCES and not limits.make_place(work, track.name, table, data):
        return None
    work.instances += 1
    return Instance(track.start, work.reached_at, "", work.last_origin or work.origin())


def told_of_choices(work: Working, data: Data, at: Instant, decided: Sequence[Decided]) -> None:
    """Write down why the lines that were not taken did not fit, where a trail is kept."""
    if work.trail is not None:
        note_refusals(work, work.view(data, at), decided, work.origin())
        # What is put off is not told in time.
        work.dirty |= FOLLOWED if work.followed else 0


def begun(work: Working, table: TrackTable, key: str, instance: Instance, choice: Choice | None, at: Instant) -> None:
    """Let an instance be among the others, in its first stage or where the touchpoint that it began with leads."""
    work.state.tracks.setdefault(table.name, {})[key] = instance
    if choice is not None:
        instance.stage = str(choice.target)
    stage = table.stages[instance.stage]
    if not stage.enter(work, instance, key, at):
        watch(work, table, key, instance, stage)
    told_of_beginning(work, table, key, instance, choice, at)


def told_of_beginning(
    work: Working, table: TrackTable, key: str, instance: Instance, choice: Choice | None, at: Instant
) -> None:
    """Write down that an instance began, and where the touchpoint that it began with led, where a trail is kept."""
    if work.trail is None:
        return
    work.note(at, "began", table.name, key, table.start, by=work.origin())
    if choice is not None:
        work.note(at, "moved", table.name, key, instance.stage, by=work.origin(), detail=table.start, choice=choice)


def move(work: Working, table: TrackTable, key: str, instance: Instance, choice: Choice, at: Instant) -> None:
    """Move an instance to where a choice leads."""
    origin, before, target = work.last_origin or work.origin(), instance.stage, str(choice.target)
    if (table.name, key) in work.asked.ids or work.trail is not None:
        leave(work, table, key, instance, at, origin)
    enter(work, table, key, instance, table.stages[target], at, "", origin)
    if work.trail is not None:
        work.note(at, "moved", table.name, key, target, by=origin, detail=before, choice=choice)


def settle(work: Working, at: Instant) -> None:
    """Work out anew what depends on what has changed."""
    state = work.state
    if work.dirty & TEXTS:
        # First, so that what gives way decides nothing any more, in one go as in pieces.
        make_room(state, work.machine.text_facts)
        work.dirty = ANYTHING | work.dirty & TOLD
        work.followed = work.machine.followed.every
    if work.dirty & FOLLOWED or work.changed:
        follow(work, at)
    if work.dirty & STOPS or work.machine.slides:
        if state.tasks or state.waiting:
            stop_contacts(work, at, work.origin())
        work.dirty &= ~STOPS  # Whatever opens later asks for itself.
    if work.dirty & PLACE:
        work.dirty &= ~PLACE
        work.asked.is_stirred = True  # Their quiet hours may be others now.
    if work.asked.is_stirred:
        look_again(work, at, work.origin())
    if work.machine.slides:
        judge_anew(work, at, work.ahead)
    if work.said_before:
        work.said_before = {}
