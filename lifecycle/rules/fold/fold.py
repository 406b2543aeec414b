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
later (following.py). So a touchpoint that moves nothing costs its reading, its facts, and the lists of its type.

Increments: a touchpoint can be folded onto a stored snapshot if and only if `can_append` says so; otherwise
the caller folds again from an older snapshot or from nothing. Both ways end in the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle import ids
from lifecycle.instant import NEVER, Instant, from_microseconds, microseconds
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import ANYTHING, FOLLOWED, PLACE, STOPS, Choices, Machine, TrackTable, TypeTable
from lifecycle.rules.compiled.refusal import held_alternative, refusal
from lifecycle.rules.fold.doing import complete
from lifecycle.rules.fold.fitting import fitted, label_reach
from lifecycle.rules.fold.following import follow, next_due
from lifecycle.rules.fold.judging import judge_anew
from lifecycle.rules.fold.limits import make_place
from lifecycle.rules.fold.openings import look_again, stop_contacts
from lifecycle.rules.fold.outcomes import take_outcome
from lifecycle.rules.fold.timers import fire
from lifecycle.rules.fold.told import keep_said
from lifecycle.rules.fold.trail import Closing, Step
from lifecycle.rules.fold.working import NO_FACTS, Working
from lifecycle.rules.language.policy import Choice
from lifecycle.rules.state.snapshot import Instance, Origin, PersonState
from lifecycle.rules.state.texts import PERSON_BYTES, make_room
from lifecycle.touchpoint import OrderKey, Touchpoint, TouchpointKey, order_key


@dataclass(frozen=True, slots=True)
class Folded:
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
    end = None if until is None else microseconds(until)
    now = NEVER
    for touchpoint, at, ahead in _with_ahead(machine, touchpoints):
        if at != now:
            now = at
            if work.due <= now:
                due = next_due(work)
                while due < now:
                    due = fire(work, due)
        elif work.followed and work.due <= now:
            follow(work, now)
        _take(work, touchpoint, at, ahead)
    reached = max((at for at in (now, end) if at is not None and at != NEVER), default=None)
    if work.last is not None:
        state.last_key = order_key(work.last)
    due = next_due(work)
    while reached is not None and due <= reached:
        due = fire(work, due)
    labels = tuple(work.unmatched), tuple(work.unreached), tuple(work.keyless)
    return Folded(state, None if due == NEVER else from_microseconds(due), tuple(work.closings), *labels)


def _with_ahead(
    machine: Machine, touchpoints: Iterable[Touchpoint]
) -> Iterable[tuple[Touchpoint, Instant, Instant | None]]:
    """Return each touchpoint with when it occurred, and when the next one comes that means something here (None: none).

    The latter is asked for only where windows age.
    """
    if not machine.slides:
        return [(touchpoint, microseconds(touchpoint.occurred_at), None) for touchpoint in touchpoints]
    found: list[tuple[Touchpoint, Instant, Instant | None]] = []
    ahead: Instant | None = None
    for touchpoint in reversed(list(touchpoints)):
        at = microseconds(touchpoint.occurred_at)
        found.append((touchpoint, at, ahead))
        if touchpoint.type in machine.types:
            ahead = at
    return found[::-1]


def _take(work: Working, touchpoint: Touchpoint, at: Instant, ahead: Instant | None) -> None:
    state = work.state
    work.last, work.reached_at = touchpoint, at
    if work.machine.ask_from is not None:
        state.last_key = order_key(touchpoint)  # start.py asks for it
    state.touchpoints += 1
    origin = Origin(touchpoint.source, touchpoint.id, touchpoint.type, at)
    table = work.machine.types.get(touchpoint.type)
    if table is None:
        # A type that this policy does not know stays in the log; a later policy may use it.
        work.note(at, "came", "", "", touchpoint.type, by=origin)
        return
    touchpoint = fitted(work, table, touchpoint, origin)
    data = touchpoint.data
    if work.tells:
        keep_said(work, table, touchpoint)
    view = work.view(data, at)
    touched = _touch(work, table, view, origin)
    view.own = NO_FACTS
    work.remember(state.facts, table.takers, view)
    decided = [(*each, _decide(view, *each[:3], touchpoint.type)) for each in touched]
    if work.trail is not None:
        _note_refusals(work, view, decided, origin)
        # What is put off is not told in time.
        work.dirty |= FOLLOWED if work.followed else 0
    if table.does and (state.tasks or state.waiting or work.due <= at):
        complete(work, table, touchpoint, origin)
    if table.is_outcome:
        take_outcome(work, touchpoint, origin)
    for tracked, key, instance, is_new, choice in decided:
        if is_new or choice is not None:
            _apply(work, tracked, key, instance, is_new, choice, origin)
    label_reach(work, table, touchpoint)
    _settle(work, at, origin, ahead)


def _settle(work: Working, at: Instant, origin: Origin, ahead: Instant | None) -> None:
    """Work out anew what depends on what has changed."""
    state = work.state
    if state.text_bytes > PERSON_BYTES:
        # First, so that what gives way decides nothing any more, in one go as in pieces.
        make_room(state, work.machine.text_facts)
        work.dirty = ANYTHING
        work.followed.update(work.machine.tracks)
    if work.dirty & FOLLOWED or work.changed:
        follow(work, at)
    if (state.tasks or state.waiting) and (work.dirty & STOPS or work.machine.slides):
        stop_contacts(work, at, origin)
    if work.dirty & PLACE:
        work.dirty &= ~PLACE
        work.asked.is_stirred = True  # Their quiet hours may be others now.
    look_again(work, at, origin)
    judge_anew(work, at, ahead)
    if work.said_before:
        work.said_before = {}


def _touch(work: Working, table: TypeTable, view: View, origin: Origin) -> list[tuple[TrackTable, str, Instance, bool]]:
    """Return the instances it may begin or move (track, key, instance, is new); those it reaches take it in."""
    touched = []
    data, tracks = view.data, work.state.tracks
    for step in table.steps:
        tracked = step.table
        key = "" if tracked.field is None else data.get(tracked.field)
        if key is None:
            continue
        instances = tracks.get(tracked.name)
        instance = None if instances is None else instances.get(key)
        is_new = instance is None
        if instance is None:
            if not step.begins or not make_place(work, tracked.name, table, data):
                continue
            instance = Instance(tracked.start, view.at, "", origin)
        if step.takers:
            view.own, view.key = instance.facts, key
            if work.remember(instance.facts, step.takers, view):
                work.changed.append((tracked.name, key))
        if is_new or origin.type in tracked.stages[instance.stage].upon:
            touched.append((tracked, key, instance, is_new))
    return touched


def _decide(view: View, table: TrackTable, key: str, instance: Instance, type_name: str) -> Choice | None:
    """Return the choice that fits, on the stages as they were before; None: nothing happens."""
    choices: Choices | None = table.stages[instance.stage].upon.get(type_name)
    if choices is None:
        return None
    view.own, view.key = instance.facts, key
    for holds, choice in choices:
        if holds is None or holds(view):
            return choice if choice.target != "stay" else None
    return None


def _note_refusals(
    work: Working, view: View, decided: list[tuple[TrackTable, str, Instance, bool, Choice | None]], origin: Origin
) -> None:
    """Write down what the lines that were not taken wanted and got, and where one said stay: for why-not."""
    at = origin.occurred_at
    for table, key, instance, _, chosen in decided:
        view.own, view.key = instance.facts, key
        for _, choice in table.stages[instance.stage].upon.get(origin.type, ()):
            if choice is chosen:
                held = held_alternative(work.machine, choice.when, view, table.name)
                if held:
                    work.note(at, "held", table.name, key, instance.stage, by=origin, detail=held, choice=choice)
                continue
            words = "" if choice.when is None else refusal(work.machine, choice.when, view, table.name)
            stays = choice.target == "stay" and chosen is None and not words
            if not stays and not words:
                words = "another line of the list fits first"
            what = "stayed" if stays else "refused"
            work.note(at, what, table.name, key, instance.stage, by=origin, detail=words, choice=choice)


def _apply(
    work: Working,
    table: TrackTable,
    key: str,
    instance: Instance,
    is_new: bool,
    choice: Choice | None,
    origin: Origin,
) -> None:
    """Begin or move one instance, as decided."""
    at = origin.occurred_at
    if is_new:
        work.begin(table, key, instance)
        work.note(at, "began", table.name, key, table.start, by=origin)
    if choice is None:
        if is_new:
            cause = ids.cause_of_touchpoint(origin.source, origin.id)
            work.enter(table, key, instance, table.stages[table.start], at, cause, origin)
        return
    before = instance.stage
    if not is_new:
        work.leave(table, key, instance, at, origin)
    cause = ids.cause_of_touchpoint(origin.source, origin.id)
    work.enter(table, key, instance, table.stages[str(choice.target)], at, cause, origin)
    work.note(at, "moved", table.name, key, instance.stage, by=origin, detail=before, choice=choice)
