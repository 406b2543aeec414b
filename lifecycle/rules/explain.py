"""Why a task is asked, in sentences: the chain of decisions from the first touchpoint to how it ended.

Pure: the caller folds the person again with a trail (working.Step) and hands it over. The lines name each
touchpoint as its source knows it, and the line of the policy that decided. Called by questions.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from lifecycle.rules.guards import wanted_in_words
from lifecycle.rules.machine import Machine, Rule
from lifecycle.rules.obligations import next_of_instance
from lifecycle.rules.policy import AnyOf, Choice, Compare, Condition, Guard, TaskRule, TimedMove
from lifecycle.rules.snapshot import Origin, PersonState
from lifecycle.rules.working import Step
from lifecycle.task import Task

MAX_STEPS = 30
"""Decisions that are told before the task opened; of a longer way the last ones."""

_ENDINGS = {
    "left_stage": "because its stage was left",
    "never_true": "because later news made it untrue",
    "completed_late": "because the task before it was done after all, late",
    "expired": "because nobody did it in time",
    "policy": "because the policy changed",
}


def explain(machine: Machine, task: Task, state: PersonState, trail: Sequence[Step]) -> list[str]:
    """Return the sentences in the order of time: what is asked, what led there, how it ended or what comes next.

    `trail` is the trail of a fold of this person from nothing to `state`.
    """
    opened = _last(trail, "opened", task.id)
    before = list(trail) if opened is None else list(trail[: trail.index(opened)])
    key = task.why.key or ""
    chain = [
        step for step in before if (step.track, step.key) == (task.why.track, key) and step.what in ("began", "moved")
    ]
    asked = "is asked" if task.state == "open" else "was asked"
    lines = [f"{task.person}, lane {task.lane}: {task.by} {asked}: {_quoted(task.ask)} ({task.kind})"]
    if len(chain) > MAX_STEPS:
        lines.append(f"{len(chain) - MAX_STEPS} earlier decisions are left out.")
    lines += [_decision(machine, step) for step in chain[-MAX_STEPS:]]
    lines.append(_stage_says(machine, task))
    lines += _parents(machine, task, before)
    lines.append(_opening(machine, task))
    lines += _ending(task, trail)
    lines += _next(machine, task, state)
    return lines


def _last(trail: Sequence[Step], what: str, task_id: str) -> Step | None:
    return next((step for step in reversed(trail) if step.what == what and step.task_id == task_id), None)


def _decision(machine: Machine, step: Step) -> str:
    """Say how an instance began or moved, on what, and which line of the policy decided."""
    place = _place(step.track, step.key)
    if step.what == "began":
        line = machine.policy.tracks[step.track].place.line
        return (
            f"{_when(step.at)}: {place} began at {_quoted(step.name)}, on {_touchpoint(step.by)} (policy line {line})."
        )
    before, _, decided = step.detail.partition(" ")
    moved = f"{_when(step.at)}: {place} moved from {_quoted(before)} to {_quoted(step.name)}"
    if step.by is None:
        move = machine.tracks[step.track].stages[before].rules[decided].move
        assert move is not None
        return f"{moved}, as time passed: {_timing(move, before)} (policy line {move.place.line})."
    number = int(decided.rpartition(" ")[2])
    choice = _choice_at(machine, step.track, number, step.name)
    reason = "" if choice is None or choice.when is None else f", because {_guard(choice.when)}"
    return f"{moved}, on {_touchpoint(step.by)}{reason} (policy line {number})."


def _stage_says(machine: Machine, task: Task) -> str:
    stage = machine.policy.tracks[task.why.track].stages[task.why.stage]
    return f"There they would say: {_quoted(stage.means)}"


def _parents(machine: Machine, task: Task, before: Iterable[Step]) -> Iterator[str]:
    """Say which tasks nobody did before this one was asked instead of them."""
    if "/or_else" not in task.kind:
        return
    for step in before:
        if (
            step.what == "expired"
            and (step.track, step.key) == (task.why.track, task.why.key or "")
            and task.kind.startswith(f"{step.name}/or_else")
            and step.at >= task.why.since
        ):
            line = _rule(machine, task, step.name).place.line
            yield f"{_when(step.at)}: {step.name} ({step.task_id}) expired: nobody did it in time (policy line {line})."


def _opening(machine: Machine, task: Task) -> str:
    rule = _rule(machine, task, task.kind)
    timing = _timing(rule, task.why.stage)
    guard = "" if rule.when is None else f", as {_guard(rule.when)}"
    return (
        f"{_when(task.requested_at)}: {task.kind} was asked for {timing}{guard} (policy line {rule.place.line}), "
        f"to be done by {_when(task.due_at)}."
    )


def _ending(task: Task, trail: Sequence[Step]) -> Iterator[str]:
    if task.closed_at is None:
        return
    steps = [step for step in trail if step.task_id == task.id and step.what == task.state]
    by = steps[-1].by if steps else None
    how = f", on {_touchpoint(by)}" if by is not None else ""
    why = f" {_ENDINGS[task.reason]}" if task.reason is not None else ""
    if task.state == "completed" and _last(trail, "expired", task.id) is not None:
        why = " late, after it had expired"
    ended = "expired" if task.state == "expired" else f"was {task.state}"
    yield f"{_when(task.closed_at)}: it {ended}{why}{how}."


def _next(machine: Machine, task: Task, state: PersonState) -> Iterator[str]:
    """Say what happens when nobody does anything from here on."""
    if task.state == "open":
        after = machine.tracks[task.why.track].stages[task.why.stage].rules.get(f"{task.kind}/or_else")
        then = "and is not asked again by this rule"
        if after is not None and after.task is not None:
            then = f"and {after.task.by} is asked instead: {_quoted(after.task.ask)}"
        elif _repeats(machine, task):
            then = "and is asked again in time"
        yield f"What comes next: it is open. If nobody does it by {_when(task.expires_at)} it expires, {then}."
    instance = state.tracks.get(task.why.track, {}).get(task.why.key or "")
    if instance is None:
        return
    place = _place(task.why.track, task.why.key or "")
    following = next_of_instance(task.why.track, task.why.key or "", instance)
    here = f"{place} is at {_quoted(instance.stage)} since {_when(instance.since)}"
    stage = machine.policy.tracks[task.why.track].stages[instance.stage]
    if following is not None:
        rule = machine.tracks[task.why.track].stages[instance.stage].rules[following.name]
        yield f"{here}; next there, on {_when(following.at)}: {_prospect(rule)}."
    elif stage.watched_by is not None:
        yield f"{here}; nothing more is due there, the track {stage.watched_by} watches this person."
    else:
        yield f"{here}; no time is set for anything more there."


def _repeats(machine: Machine, task: Task) -> bool:
    return _rule(machine, task, task.kind).every is not None


def _prospect(rule: Rule) -> str:
    if rule.move is not None:
        return f"time moves it to {_quoted(rule.move.to)} (policy line {rule.move.place.line})"
    assert rule.task is not None
    return f"{rule.name}, {_quoted(rule.task.ask)} (policy line {rule.task.place.line})"


def _rule(machine: Machine, task: Task, name: str) -> TaskRule:
    rule = machine.tracks[task.why.track].stages[task.why.stage].rules[name].task
    assert rule is not None
    return rule


def _choice_at(machine: Machine, track: str, line: int, target: str) -> Choice | None:
    """Return the choice of a track in this line of the policy that leads to this stage, where only one does."""
    declared = machine.policy.tracks[track]
    lists = [*declared.upon.values(), *declared.any_by.values()]
    for stage in declared.stages.values():
        lists += [*stage.upon.values(), *stage.any_by.values()]
    found = [choice for choices in lists for choice in choices if choice.place.line == line and choice.target == target]
    return found[0] if len(set(map(id, found))) == 1 else None


def _timing(rule: TaskRule | TimedMove, stage: str) -> str:
    """Say when a rule is due, in the words of the policy."""
    if rule.after is not None:
        return f"{rule.after} after entering {_quoted(stage)}"
    if rule.at is not None:
        if rule.at.offset is None:
            return f"at {rule.at.fact}"
        return f"{rule.at.offset} {rule.at.direction} {rule.at.fact}"
    if isinstance(rule, TaskRule) and rule.every is not None:
        floor = "" if rule.every.after is None else f" after {rule.every.after}"
        return f"as it is every {rule.every.period}{floor}"
    if "/or_else" in rule.name:
        return "instead"
    return f"on entering {_quoted(stage)}"


def _guard(guard: Guard) -> str:
    return " and ".join(_condition(condition) for condition in guard.conditions)


def _condition(condition: Condition) -> str:
    if isinstance(condition, Compare):
        left = condition.name if condition.space == "field" else f"{condition.space}.{condition.name}"
        return f"{left} {wanted_in_words(condition.test)}"
    some = " or ".join(f"({_guard(guard)})" for guard in condition.guards)
    return some if isinstance(condition, AnyOf) else f"neither {some}"


def _touchpoint(origin: Origin | None) -> str:
    if origin is None:
        return "the passing of time"
    return f"{origin.type} (source {origin.source}, id {origin.id})"


def _place(track: str, key: str) -> str:
    return f"{track} {key}" if key else track


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _quoted(text: str) -> str:
    return f'"{text}"'
