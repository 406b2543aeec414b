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

Increments: a touchpoint can be folded onto a stored snapshot if and only if `can_append` says so; otherwise
the caller folds again from an older snapshot or from nothing. Both ways end in the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle import ids
from lifecycle.rules.doing import complete
from lifecycle.rules.fitting import fitted, label_reach
from lifecycle.rules.following import follow
from lifecycle.rules.guards import View
from lifecycle.rules.limits import make_place
from lifecycle.rules.machine import Choices, Machine, TrackTable, TypeTable
from lifecycle.rules.openings import look_again, stop_contacts
from lifecycle.rules.outcomes import take_outcome
from lifecycle.rules.policy import Choice
from lifecycle.rules.refusal import held_alternative, refusal
from lifecycle.rules.slides import judge
from lifecycle.rules.snapshot import Instance, Origin, PersonState
from lifecycle.rules.texts import make_room
from lifecycle.rules.timers import fire
from lifecycle.rules.told import keep_said
from lifecycle.rules.working import Closing, Step, Working
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
) -> Folded:
    """Fold touchpoints, sorted by order_key, onto a state, and move time to `until` or to the last touchpoint.

    `state` is changed and returned inside; every touchpoint must satisfy `can_append`. With `until` None, or
    earlier than the last touchpoint, time moves to the last touchpoint. `trail` takes in every decision. `closings` are
    those of a fold that this one continues; they stand before its own in what is returned.
    Nothing in a policy or a log makes it raise; what it raises is a defect, and the caller stops this one person.
    """
    work = Working(machine, person, state, trail)
    work.closings += closings
    now: datetime | None = None
    for touchpoint, ahead in _with_ahead(machine, touchpoints):
        if touchpoint.occurred_at != now:
            now = touchpoint.occurred_at
            due = work.next_due()
            while due is not None and due < now:
                due = fire(work, due)
        _take(work, touchpoint, ahead)
    reached = max((at for at in (now, until) if at is not None), default=None)
    due = work.next_due()
    while due is not None and reached is not None and due <= reached:
        due = fire(work, due)
    return Folded(state, due, tuple(work.closings), tuple(work.unmatched), tuple(work.unreached), tuple(work.keyless))


def _with_ahead(machine: Machine, touchpoints: Iterable[Touchpoint]) -> list[tuple[Touchpoint, datetime | None]]:
    """Return each touchpoint with when the next one comes that means something here (None: none)."""
    found: list[tuple[Touchpoint, datetime | None]] = []
    ahead: datetime | None = None
    for touchpoint in reversed(list(touchpoints)):
        found.append((touchpoint, ahead))
        if touchpoint.type in machine.types:
            ahead = touchpoint.occurred_at
    return found[::-1]


def _take(work: Working, touchpoint: Touchpoint, ahead: datetime | None) -> None:
    state = work.state
    state.last_key = order_key(touchpoint)
    state.touchpoints += 1
    origin = Origin(touchpoint.source, touchpoint.id, touchpoint.type, touchpoint.occurred_at)
    table = work.machine.types.get(touchpoint.type)
    if table is None:
        # A type that this policy does not know stays in the log; a later policy may use it.
        if work.trail is not None:
            work.note(touchpoint.occurred_at, "came", "", "", touchpoint.type, by=origin)
        return
    touchpoint = fitted(work, table, touchpoint, origin)
    at = touchpoint.occurred_at
    view = View(touchpoint.data, state.facts, state.tracks, at)
    keep_said(work, table, touchpoint)
    touched = _touch(work, table, view, touchpoint, origin)
    _remember(work, table, view, touchpoint)
    decided = [(*each, _decide(view, *each[:3], touchpoint.type)) for each in touched]
    if work.trail is not None:
        _note_refusals(work, view, decided, origin)
    complete(work, table, touchpoint, origin)
    if table.is_outcome:
        take_outcome(work, touchpoint, origin)
    for tracked, key, instance, is_new, choice in decided:
        _apply(work, tracked, key, instance, is_new, choice, origin)
    label_reach(work, table, touchpoint)
    follow(work, at)
    if state.tasks or state.waiting:
        stop_contacts(work, at, origin)
    look_again(work, at, origin)
    make_room(state, work.machine.text_facts)
    judge(work.machine, state, at, ahead)
    work.said_before = {}


def _touch(
    work: Working, table: TypeTable, view: View, touchpoint: Touchpoint, origin: Origin
) -> list[tuple[TrackTable, str, Instance, bool]]:
    """Return the instances it may begin or move (track, key, instance, is new); those it reaches take it in."""
    touched = []
    for step in table.steps:
        tracked = step.table
        key = "" if tracked.field is None else touchpoint.data.get(tracked.field)
        if key is None:
            continue
        instances = work.state.tracks.get(tracked.name)
        instance = None if instances is None else instances.get(key)
        is_new = instance is None
        if instance is None:
            if not step.begins or not make_place(work, tracked.name, table, touchpoint.data):
                continue
            instance = Instance(tracked.start, touchpoint.occurred_at, "", origin)
        for taker in step.takers:
            view.own, view.key = instance.facts, key
            if taker.when is None or taker.when(view):
                work.remember_fact(instance.facts, taker, touchpoint)
                work.changed.append((tracked.name, key))
        if is_new or touchpoint.type in tracked.stages[instance.stage].upon:
            touched.append((tracked, key, instance, is_new))
    return touched


def _remember(work: Working, table: TypeTable, view: View, touchpoint: Touchpoint) -> None:
    """Let the facts of the person take it in."""
    facts, places = work.state.facts, work.machine.place_facts
    before = [facts.get(name) for name in places]
    for taker in table.takers:
        if taker.when is None or taker.when(view):
            work.remember_fact(facts, taker, touchpoint)
    if before != [facts.get(name) for name in places]:
        work.asked.is_stirred = True  # Their quiet hours may be others now.


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
