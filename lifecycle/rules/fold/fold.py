"""The fold: a person's touchpoints through a policy, in virtual time. Pure: no I/O, clock, randomness, logging.

Theory of operation. State = fold(policy, touchpoints in order, until). The loop below knows two events only:
the next touchpoint, and the next instant at which something is due. Whatever is earlier happens first; at
the same instant touchpoints come before timers (news beats silence), so timers due at an instant fire only
when no touchpoint of that instant is left. Moving either comparison by one sign breaks replay: a batch that
ends at an instant and one that ends after it would differ.

What was accepted stays accepted. A touchpoint is checked against its type once, at the door (sorting.py), and never
again from the log: the policy that folds it may ask for more than the one that took it in. So nothing here drops a
touchpoint of a known type. Its data are read once, by its type (vocabulary.py), before anything looks at them: a field
that is missing, not of its kind, or beyond its limit counts as missing for guards, facts, keys, `done_by`, `at` and
`choose` alike; the rest counts, and the person stays. A required date with a limit stands at the end of that limit
instead, counted from its touchpoint, so that what the proof waits for always comes. Were the data read anywhere but
there, two readers could disagree about one field.

A person begins with the first touchpoint of a type that the policy knows and that is not built in. Outcomes before that
are folded in their place (they are kept, facts may count them), and begin neither a person nor an instance.

A touchpoint is seen by all tracks at once: (1) instances it begins are made, but not yet entered among the
stages; (2) facts take it in; (3) every list of choices is decided on the facts as they are now and the
stages as they were before; (4) it completes tasks; (5) instances move; (6) rules that follow facts are
scheduled anew; (7) the lane is judged, and when time alone changes it. Deciding before moving is what makes the order
of tracks meaningless; completing before moving is what makes a task done rather than withdrawn.

What costs. Time is counted in whole microseconds (instant.py), and a step of the calendar is remembered by day
(calendar_steps.py). When time alone has work next is known as a bound that is never too late, and worked out exactly
only when time reaches it. The lane, what is not wanted, and when rules are due that follow facts are worked out anew
only where something that they look at has changed (dependencies.py); and not even then where they can only become
later (following.py). What the policy itself says (which instances a type reaches, facts, guards, waits) is written out
as Python text when it is compiled (writing.py): steps (1) and (2) are one function for each type, (3) one for each list
of choices. Where one rule is due and nothing else, which is nine instants in ten, no round is gone through (alone.py).
So a touchpoint that moves nothing costs its reading, its facts, and the lists of its type. A fold that is told of (it
has a trail, or what tasks said; windows age; a start matters) goes the long way, and ends in the same state.

Increments: a touchpoint can be folded onto a stored snapshot if and only if `can_append` says so; otherwise
the caller folds again from an older snapshot or from nothing. Both ways end in the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import repeat
from typing import NamedTuple

from lifecycle.instant import NEVER, Instant, from_microseconds, microseconds
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import (
    ANYTHING,
    FOLLOWED,
    LANE,
    PLACE,
    STOPS,
    Machine,
    Touched,
    TrackTable,
)
from lifecycle.rules.fold.closing import leave
from lifecycle.rules.fold.doing import complete
from lifecycle.rules.fold.fitting import fitted, label_reach
from lifecycle.rules.fold.following import follow, next_due
from lifecycle.rules.fold.judging import judge_anew
from lifecycle.rules.fold.limits import make_place
from lifecycle.rules.fold.noting import note_came, note_refusals
from lifecycle.rules.fold.openings import look_again, stop_contacts
from lifecycle.rules.fold.outcomes import take_outcome
from lifecycle.rules.fold.scheduling import enter, schedule_stage
from lifecycle.rules.fold.timers import fire
from lifecycle.rules.fold.told import keep_said
from lifecycle.rules.fold.trail import Closing, Step
from lifecycle.rules.fold.working import NO_FACTS, Working
from lifecycle.rules.language.policy import Choice
from lifecycle.rules.state.snapshot import Instance, PersonState
from lifecycle.rules.state.texts import PERSON_BYTES, make_room
from lifecycle.touchpoint import OrderKey, Touchpoint, TouchpointKey, order_key


class Folded(NamedTuple):
    """What a fold ends in. `state` belongs to the caller now.

    `next_due_at`: when time alone has work next (None: never). `closings`: tasks that ended during this fold,
    in order. `unmatched`: outcomes that belong to no task any more. `unreached`: touchpoints of which a key names no
    instance, since none had begun and they begin none. `keyless`: those of a type of keyed tracks without any key.
    """

    state: PersonState
    next_due_at: datetime | None
    closings: tuple[Closing, ...]
    unmatched: tuple[TouchpointKey, ...]
    unreached: tuple[TouchpointKey, ...] = ()
    keyless: tuple[TouchpointKey, ...] = ()


def can_append(state: PersonState, key: OrderKey) -> bool:
    """Tell whether a touchpoint with this order key can be folded onto a state: later than all it has seen."""
    return (state.last_key is None or key > state.last_key) and (
        state.last_fired_at is None or key[0] > state.last_fired_at
    )


def fold(
    machine: Machine,
    person: str,
    state: PersonState,
    touchpoints: Iterable[Touchpoint],
    until: datetime | None,
    *,
    trail: list[Step] | None = None,
    closings: Sequence[Closing] = (),
    tells: bool = False,
) -> Folded:
    """Fold touchpoints, sorted by order_key, onto a state, and move time to `until` or to the last touchpoint.

    `state` is changed and returned inside; every touchpoint must satisfy `can_append`. With `until` None, or
    earlier than the last touchpoint, time moves to the last touchpoint. `trail` takes in every decision. `closings` are
    those of a fold that this one continues; they stand before its own in what is returned. `tells`: what each task said
    when it ended is kept with it, which costs as much as a touchpoint.
    Nothing in a policy or a log makes it raise; what it raises is a defect, and the caller stops this one person.
    """
    work = Working(machine, person, state, trail, tells=tells)
    work.closings += closings
    log = touchpoints if isinstance(touchpoints, list | tuple) else list(touchpoints)
    now = NEVER
    for touchpoint, ahead in zip(log, _aheads(machine, log), strict=False):
        at = microseconds(touchpoint.occurred_at)
        if at != now:
            now = at
            if work.due <= now:
                due = next_due(work)
                while due < now:
                    due = fire(work, due)
        elif work.followed and work.due <= now:
            follow(work, now)
        _take(work, touchpoint, at, ahead)
    end = now if until is None else microseconds(until)
    if log:
        end = max(end, now)
        state.last_key = order_key(log[-1])
        state.touchpoints += len(log)
    if work.followed or work.changed:
        follow(work, work.reached_at)
    due = next_due(work)
    while due <= end != NEVER:
        due = fire(work, due)
    due_at = None if due == NEVER else from_microseconds(due)
    labels = tuple(work.unmatched), tuple(work.unreached), tuple(work.keyless)
    return Folded(state, due_at, tuple(work.closings), *labels)


def _aheads(machine: Machine, log: Sequence[Touchpoint]) -> Iterable[Instant | None]:
    """Return for each touchpoint when the next one comes that means something here (None: none, or nothing ages)."""
    if not machine.slides:
        return repeat(None)
    found: list[Instant | None] = []
    ahead: Instant | None = None
    for touchpoint in reversed(log):
        found.append(ahead)
        if touchpoint.type in machine.types:
            ahead = microseconds(touchpoint.occurred_at)
    return found[::-1]


def _take(work: Working, touchpoint: Touchpoint, at: Instant, ahead: Instant | None) -> None:  # noqa: C901
    # One line for each step, and before it whether there is anything to do: a call that finds nothing costs as much.
    state, is_told = work.state, work.is_told
    work.last, work.reached_at, work.last_origin = touchpoint, at, None
    table = work.machine.types.get(touchpoint.type)
    if is_told:
        note_came(work, table, touchpoint, at)
    if table is None:
        return  # A type that this policy does not know stays in the log; a later policy may use it.
    if not table.fits(touchpoint.data):
        touchpoint = fitted(work, table, touchpoint)
    if state.begun_at is None and not table.is_outcome:
        state.begun_at = at
    if is_told and work.tells:
        keep_said(work, table, touchpoint)
    view = work.seen
    view.data, view.at, view.own, view.key = touchpoint.data, at, NO_FACTS, ""
    touched = table.touch(work, view, _begin)
    decided = _decide(view, touched) if touched else []
    if is_told and work.trail is not None:
        note_refusals(work, view, decided, work.origin())
        # What is put off is not told in time.
        work.dirty |= FOLLOWED if work.followed else 0
    if table.done_by and (state.tasks or state.waiting or work.due <= at):
        complete(work, table, touchpoint, at)
    if table.is_outcome:
        take_outcome(work, touchpoint, work.origin())
    for each in decided:
        if each[3] or each[4] is not None:
            _apply(work, each, at)
    if work.is_missed:
        work.is_missed = False
        label_reach(work, table, touchpoint)
    is_stirred = work.asked.is_stirred or (work.dirty and (state.tasks or state.waiting))
    if is_stirred or work.dirty & ~STOPS or work.changed or is_told or state.text_bytes > PERSON_BYTES:
        _settle(work, at, ahead)


def _settle(work: Working, at: Instant, ahead: Instant | None) -> None:
    """Work out anew what depends on what has changed."""
    state = work.state
    if state.text_bytes > PERSON_BYTES:
        # First, so that what gives way decides nothing any more, in one go as in pieces.
        make_room(state, work.machine.text_facts)
        work.dirty = ANYTHING
        work.followed = frozenset(work.machine.tracks)
    if work.dirty & FOLLOWED or work.changed:
        follow(work, at)
    if (state.tasks or state.waiting) and (work.dirty & STOPS or work.machine.slides):
        stop_contacts(work, at, work.origin())
    if work.dirty & PLACE:
        work.dirty &= ~PLACE
        work.asked.is_stirred = True  # Their quiet hours may be others now.
    if work.asked.is_stirred:
        look_again(work, at, work.origin())
    if work.dirty & LANE or work.machine.slides:
        judge_anew(work, at, ahead)
    if work.said_before:
        work.said_before = {}


_Decided = tuple[TrackTable, str, Instance, bool, Choice | None]
"""Something touched, with the choice that fits; None: nothing happens, but for beginning."""


def _begin(work: Working, tracked: TrackTable, view: View) -> Instance | None:
    """Return a new instance of a track, where there is place for it."""
    origin = work.last_origin or work.origin()
    if not make_place(work, tracked.name, work.machine.types[origin.type], view.data):
        return None
    return Instance(tracked.start, view.at, "", origin)


def _decide(view: View, touched: list[Touched]) -> list[_Decided]:
    """Return the choices that fit, on the stages as they were before."""
    decided: list[_Decided] = []
    for tracked, key, instance, is_new, choices in touched:
        choice = None
        if choices is not None:
            if choices.choose is None:
                choice = choices.sole
            else:
                view.own, view.key = instance.facts, key
                choice = choices.choose(view)
        decided.append((tracked, key, instance, is_new, choice))
    return decided


def _apply(work: Working, each: _Decided, at: Instant) -> None:
    """Begin or move one instance, as decided."""
    table, key, instance, is_new, choice = each
    origin, before = work.last_origin or work.origin(), instance.stage
    target = before if choice is None else str(choice.target)
    if is_new:
        work.begin(table, key, instance)
        if work.trail is not None:
            work.note(at, "began", table.name, key, table.start, by=origin)
        instance.stage = target
        schedule_stage(work, table, key, instance, table.stages[target], at)
    else:
        if work.trail is not None or work.asked.has(table.name, key):
            leave(work, table, key, instance, at, origin)
        enter(work, table, key, instance, table.stages[target], at, "", origin)
    if choice is not None and work.trail is not None:
        work.note(at, "moved", table.name, key, target, by=origin, detail=before, choice=choice)
