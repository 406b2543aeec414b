"""Why a task is asked, in sentences: the chain of decisions from the first touchpoint to how it ended.

Pure: the caller folds the person again with a trail (working.Step) and hands it over. The lines name each
touchpoint as its source knows it, and the line of the policy that decided. Called by questions.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from lifecycle.rules.compiled.machine import Machine, Rule, spec_of, when
from lifecycle.rules.compiled.refusal import guard_in_words
from lifecycle.rules.fold.start import BEFORE_START
from lifecycle.rules.fold.tasks import said_by
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.findings import line_of
from lifecycle.rules.language.policy import Fact, TaskRule
from lifecycle.rules.telling.prospects import Ahead
from lifecycle.rules.telling.wording import as_part, place_of, quoted, the_start, timing, touchpoint
from lifecycle.task import Task

MAX_STEPS = 30
"""Decisions that are told before the task opened; of a longer way the last ones."""

MAX_RETRACTED = 8
"""Retracted touchpoints that are told; of more the last ones."""

_ENDINGS = {
    "left_stage": "because its stage was left",
    "never_true": "because later news made it untrue",
    "completed_late": "because the task before it was done after all, late",
    "expired": "because nobody did it in time",
    "stopped": "because they do not want this kind of contact",
    "policy": "because the policy changed",
    "retracted": "because a touchpoint that led to it was retracted",
}


def explain(ahead: Ahead, task: Task, trail: Sequence[Step]) -> list[str]:
    """Return the sentences in the order of time: what is asked, what led there, how it ended or what comes next.

    `ahead` is the person as of the moment that is told of, `trail` that of a fold from nothing to there.
    """
    machine = ahead.machine
    opened = _last(trail, "opened", task.id)
    before = list(trail) if opened is None else list(trail[: trail.index(opened)])
    asked = "is asked" if task.state == "open" else "was to be asked" if task.reason == BEFORE_START else "was asked"
    lines = [f"{task.person}, lane {task.lane}: {task.by} {asked}: {quoted(task.ask)} ({task.kind})"]
    lines += way(machine, before, task.why.track, task.why.key or "")
    lines.append(_stage_says(machine, task))
    lines += _parents(machine, task, before)
    lines += _fact_behind(machine, task, before)
    lines += _anew(machine, task, trail)
    lines.append(_opening(machine, task, opened))
    lines += _postponed(machine, task, trail)
    lines += _ending(machine, task, trail)
    lines += _next(ahead, task)
    lines += retractions_in_words(machine, trail)
    return lines


def way(machine: Machine, trail: Sequence[Step], track: str, key: str) -> Iterator[str]:
    """Yield how an instance came to where it stood at the end of a trail: at most the last MAX_STEPS decisions.

    Where the touchpoint that began it led it on at once, it began where that led.
    """
    misfits = {step.by: step.detail for step in trail if step.what == "came" and step.detail}
    steps = [step for step in trail if (step.track, step.key) == (track, key)]
    chain = [step for step in steps if step.what in ("began", "moved")]
    held = {(step.at, step.by, step.name): step.detail for step in steps if step.what == "held"}
    led_on = {
        position
        for position, (step, following) in enumerate(pairwise(chain))
        if step.what == "began" and following.choice is not None and following.by == step.by
    }
    if len(chain) - len(led_on) > MAX_STEPS:
        yield f"{len(chain) - len(led_on) - MAX_STEPS} earlier decisions are left out."
    told = [position for position in range(len(chain)) if position not in led_on]
    for position in told[-MAX_STEPS:]:
        step = chain[position]
        before, _, rule = step.detail.partition(" ")
        because = held.get((step.at, step.by, rule or before), "")
        yield decision(machine, step, began=position - 1 in led_on, held=because) + _read_as(misfits.get(step.by))


def _read_as(misfits: str | None) -> str:
    """Say what of a touchpoint did not fit its type."""
    return f" Of it, {misfits}." if misfits else ""


def retractions_in_words(machine: Machine, trail: Iterable[Step]) -> list[str]:
    """Say of each touchpoint that is left out that it was retracted, and by what; of many the last ones."""
    steps = [step for step in trail if step.what == "retracted"]
    lines = (
        [f"{len(steps) - MAX_RETRACTED} more touchpoints were retracted before."] if len(steps) > MAX_RETRACTED else []
    )
    for step in steps[-MAX_RETRACTED:]:
        on = "" if step.due is None else f" on {when(machine, step.due)}"
        lines.append(f"{when(machine, step.at)}: {touchpoint(step.by)} counts no more: {step.detail} retracted it{on}.")
    return lines


def decision(machine: Machine, step: Step, *, began: bool = False, held: str = "") -> str:
    """Say how an instance began or moved, on what, and which line of the policy decided.

    `began`: it moved at the instant at which it began. `held`: which of the alternatives of a guard held.
    """
    place = place_of(step.track, step.key)
    if step.what == "began":
        line = line_of(machine.tracks[step.track].track.place)
        return f"{when(machine, step.at)}: {place} began at {quoted(step.name)}, on {touchpoint(step.by)} ({line})."
    before, _, decided = step.detail.partition(" ")
    said = "began at" if began else f"moved from {quoted(before)} to"
    moved = f"{when(machine, step.at)}: {place} {said} {quoted(step.name)}"
    if step.choice is None:
        move = spec_of(machine.tracks[step.track].stages[before].rules[decided])
        how, guard, where = f"as time passed: {timing(move, before)}", move.when, move.place
    else:
        how, guard, where = f"on {touchpoint(step.by)}", step.choice.when, step.choice.place
    because = "" if guard is None else f", because {held or guard_in_words(guard)}"
    return f"{moved}, {how}{because} ({line_of(where)})."


def _last(trail: Sequence[Step], what: str, task_id: str) -> Step | None:
    return next((step for step in reversed(trail) if step.what == what and step.task_id == task_id), None)


def _stage_says(machine: Machine, task: Task) -> str:
    stage = machine.tracks[task.why.track].track.stages[task.why.stage]
    return f"There they would say: {quoted(stage.means)}"


def _parents(machine: Machine, task: Task, before: Iterable[Step]) -> Iterator[str]:
    """Say which tasks nobody did before this one was asked instead of them."""
    if "/or_else" not in task.kind:
        return
    for step in before:
        if (
            step.what not in ("opened", "expired")
            or (step.track, step.key) != (task.why.track, task.why.key or "")
            or not task.kind.startswith(f"{step.name}/or_else")
            or step.at < task.why.since
        ):
            continue
        at, rule = when(machine, step.at), _rule(machine, task, step.name)
        if step.what == "opened":
            yield f"{at}: {_asked(rule, task.why.stage)} ({step.task_id})."
        else:
            yield f"{at}: {step.name} ({step.task_id}) expired: nobody did it in time ({line_of(rule.place)})."


def _fact_behind(machine: Machine, task: Task, before: Sequence[Step]) -> Iterator[str]:
    """Say which touchpoint gave the fact that the task's time is counted from."""
    rule = _rule(machine, task, task.kind)
    name = rule.at.fact if rule.at is not None else None if rule.every is None else rule.every.after
    own = machine.tracks[task.why.track].track.facts
    fact = None if name is None else own.get(name) or machine.policy.facts.get(name)
    if fact is None or fact.kind not in ("first", "last") or fact.when is not None:
        return
    reached = None
    if fact.name in own:
        # A fact of this instance counts only touchpoints that carry its key: those that it answered to.
        key = task.why.key or ""
        reached = {step.by for step in before if (step.track, step.key) == (task.why.track, key)}
    came = [step for step in before if _gives(fact, step) and (reached is None or step.by in reached)]
    if came:
        step = came[0] if fact.kind == "first" else came[-1]
        by = touchpoint(step.by)
        yield f"{when(machine, step.at)}: {fact.name} was set by {by} ({line_of(fact.place)}).{_read_as(step.detail)}"


def _gives(fact: Fact, step: Step) -> bool:
    return step.what == "came" and step.name in fact.types


def _opening(machine: Machine, task: Task, opened: Step | None) -> str:
    asked = _asked(_rule(machine, task, task.kind), task.why.stage)
    due_at = task.due_at if opened is None or opened.due is None else opened.due
    return f"{when(machine, task.requested_at)}: {asked}, to be done by {when(machine, due_at)}."


def _anew(machine: Machine, task: Task, trail: Iterable[Step]) -> Iterator[str]:
    """Say that it was due before the start and is still owed."""
    for step in trail:
        if step.what == "waits" and step.task_id == task.id and step.due is not None:
            at = when(machine, step.due)
            yield f"{when(machine, step.at)}: it was due before {the_start(machine)} and is still owed: anew on {at}."


def _postponed(machine: Machine, task: Task, trail: Iterable[Step]) -> Iterator[str]:
    """Say when it was put off, and until when."""
    for step in trail:
        if step.what == "postponed" and step.task_id == task.id and step.due is not None:
            yield f"{when(machine, step.at)}: it was put off until {when(machine, step.due)}, on {touchpoint(step.by)}."


def _asked(rule: TaskRule, stage: str) -> str:
    guard = "" if rule.when is None else f", as {guard_in_words(rule.when)}"
    repeated = "," if rule.every is not None else ""
    return f"{rule.name} was asked for{repeated} {timing(rule, stage)}{guard} ({line_of(rule.place)})"


def _ending(machine: Machine, task: Task, trail: Sequence[Step]) -> Iterator[str]:
    if task.closed_at is None:
        return
    steps = [step for step in trail if step.task_id == task.id and step.what == task.state]
    by = steps[-1].by if steps else None
    how = f", on {touchpoint(by)}" if by is not None else ""
    why = f" {_ENDINGS.get(task.reason, f'({task.reason})')}" if task.reason is not None else ""
    if task.state in ("completed", "declined") and _last(trail, "expired", task.id) is not None:
        why = " late, after it had expired"
    elif task.state in ("completed", "declined") and _last(trail, "withdrawn", task.id) is not None:
        why = " after it had been withdrawn"
    if task.reason == BEFORE_START:
        yield f"{when(machine, task.closed_at)}: it was due before {the_start(machine)}, so it is not asked."
        return
    ended = "expired" if task.state == "expired" else f"was {task.state}"
    yield f"{when(machine, task.closed_at)}: it {ended}{why}{how}."


def _next(ahead: Ahead, task: Task) -> Iterator[str]:
    """Say what happens when nobody does anything from here on."""
    machine, state = ahead.machine, ahead.state
    if task.id in state.tasks:
        yield f"What comes next: it is open. {ahead.if_nobody(task.id, state.tasks[task.id])}"
    track, key = task.why.track, task.why.key or ""
    instance = state.tracks.get(track, {}).get(key)
    if instance is None:
        return
    here = f"{place_of(track, key)} is at {quoted(instance.stage)} since {when(machine, instance.since)}"
    table = machine.tracks[track]
    dated = [each for each in ahead.waits(table, key, instance) if each.at is not None]
    waits = [each for each in dated if each.then is not None] or dated
    watched_by = table.track.stages[instance.stage].watched_by
    if waits and waits[0].at is not None:
        rule = table.stages[instance.stage].rules[waits[0].name]
        yield f"{here}; next there, on {when(machine, waits[0].at)}: {_prospect(ahead, task, rule)}{waits[0].tail}"
    elif watched_by is not None:
        yield f"{here}; nothing more is due there, the track {watched_by} watches this person."
    else:
        yield f"{here}; no time is set for anything more there."


def _prospect(ahead: Ahead, task: Task, rule: Rule) -> str:
    line = line_of(spec_of(rule).place)
    if rule.move is not None:
        return f"time moves it to {quoted(rule.move.to)} ({line})"
    said = said_by(ahead.machine, task.person, ahead.state, (task.why.track, task.why.key or ""), rule)
    return f"{rule.name}, {as_part(said.ask)} ({line})"


def _rule(machine: Machine, task: Task, name: str) -> TaskRule:
    rule = machine.tracks[task.why.track].stages[task.why.stage].rules[name].task
    assert rule is not None
    return rule
