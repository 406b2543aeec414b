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
scheduled anew, and contacts that are not wanted any more are stopped. Deciding before moving is what makes the order
of tracks meaningless; completing before moving is what makes a task done rather than withdrawn. Nothing in a fold looks
at the lane: it is judged at the end, but where windows age, for then time changes it too (judging.py).

What costs. Time is counted in whole microseconds (instant.py), and a step of the calendar is remembered by day
(calendar_steps.py). When time alone has work next is known as a bound that is never too late, and worked out exactly
only when time reaches it. What is not wanted, and when rules are due that follow facts, are worked out anew only where
something that they look at has changed (dependencies.py); and not even then where they can only become later
(following.py). What the policy itself says is written out as Python text when it is compiled (writing.py): one function
for each type, in which the steps above stand in their order (taking.py); one for each list of choices; one for what is
due when a stage is entered, and one for what follows (entering.py); one for each task that comes once, which says when
it opens, is due and expires (opening.py). The text calls what is the same for all policies (steps.py). Where one rule
is due and nothing else, which is nine instants in ten, no round is gone through (alone.py). So a touchpoint that moves
nothing costs its fields, its facts, and the lists of its type. A fold that is told of (it has a trail, or what tasks
said; windows age; a start matters) runs the same text, and in the places where something is to be told calls what
writes it down; it ends in the same state.

Increments: a touchpoint can be folded onto a stored snapshot if and only if `can_append` says so; otherwise
the caller folds again from an older snapshot or from nothing. Both ways end in the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from lifecycle.instant import NEVER, Instant, from_microseconds, microseconds
from lifecycle.rules.compiled.machine import LANE, Machine
from lifecycle.rules.fold import steps
from lifecycle.rules.fold.following import follow, next_due
from lifecycle.rules.fold.noting import note_came
from lifecycle.rules.fold.timers import fire
from lifecycle.rules.fold.trail import Closing, Step
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.snapshot import PersonState
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
    reached, is_known = _take_all(work, log)
    end = reached if until is None else microseconds(until)
    if log:
        end = max(end, reached)
        state.last_key = order_key(log[-1])
        state.touchpoints += len(log)
    if work.followed or work.changed:
        follow(work, work.reached_at)
    due = next_due(work)
    while due <= end != NEVER:
        due = fire(work, due)
    if work.dirty & LANE or (is_known and not machine.slides):
        state.lane = machine.lane_of(work.view(None, end))
    due_at = None if due == NEVER else from_microseconds(due)
    labels = tuple(work.unmatched), tuple(work.unreached), tuple(work.keyless)
    return Folded(state, due_at, tuple(work.closings), *labels)


def _take_all(work: Working, log: Sequence[Touchpoint]) -> tuple[Instant, bool]:
    """Take touchpoints in, time before each; return when the last one occurred (NEVER), and whether any is known."""
    types, is_told, aheads = work.machine.types, work.is_told, _aheads(work.machine, log)
    now, is_known = NEVER, False
    for touchpoint in log:
        at = microseconds(touchpoint.occurred_at)
        if at != now:
            now = at
            if work.due <= now:
                due = next_due(work)
                while due < now:
                    due = fire(work, due)
        elif work.followed and work.due <= now:
            follow(work, now)
        work.last, work.reached_at, work.last_origin = touchpoint, at, None
        table = types.get(touchpoint.type)
        if is_told:
            note_came(work, table, touchpoint, at)
            work.ahead = aheads.pop() if aheads else None
        if table is not None:  # One that this policy does not know stays in the log; a later policy may use it.
            is_known = True
            table.take(work, table, touchpoint, at, steps)
    return now, is_known


def _aheads(machine: Machine, log: Sequence[Touchpoint]) -> list[Instant | None]:
    """Return for each touchpoint, the last one first, when the next one comes that means something (None: none).

    Nothing where nothing ages.
    """
    if not machine.slides:
        return []
    found: list[Instant | None] = []
    ahead: Instant | None = None
    for touchpoint in reversed(log):
        found.append(ahead)
        if touchpoint.type in machine.types:
            ahead = microseconds(touchpoint.occurred_at)
    return found
