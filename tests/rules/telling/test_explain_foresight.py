"""What is told of the future comes: each date, each move and each why-not date is held against what then happens.

Time is moved to just before a moment that was told, and to it; touchpoints that were told to move somebody are sent.
What happens is read from a fold of the whole history, not from the explanation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

import pytest
from hypothesis import assume, given, settings, strategies as st

from lifecycle.instant import microseconds
from lifecycle.policies import DEFAULT_POLICY, shipped_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Machine, TrackTable, when
from lifecycle.rules.fold.fold import can_append, fold
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, decode, encode
from lifecycle.rules.telling.standing import Here, Person, PersonStanding, stand
from lifecycle.rules.telling.why_not import Candidate, why_not
from lifecycle.touchpoint import RETRACTED, Touchpoint, order_key
from tests.cli.stories import START
from tests.engine.random_histories import random_touchpoint, with_outcomes
from tests.rules.fold import test_time_laws as timed
from tests.rules.proof import test_laws as proved
from tests.seeds import seeds

TICK = timedelta(microseconds=1)
FAR = timedelta(days=800)


@cache
def default_machine() -> Machine:
    return compile_policy(load_policy(shipped_policy(), name=DEFAULT_POLICY))


@cache
def timed_machine() -> Machine:
    return compile_policy(load_policy(timed.POLICY))


class Told:
    """One person with a history, as of a moment: what is told of them, and what the fold makes of them at others."""

    def __init__(self, machine: Machine, log: list[Touchpoint], at: datetime) -> None:
        self.machine, self.at = machine, at
        self.log = [each for each in log if each.occurred_at <= at]
        trail: list[Step] = []
        state = PersonState()
        fold(machine, "anna", state, self.log, at, trail=trail)
        self.person = Person("anna", state, trail, at)
        self.standing: PersonStanding = stand(machine, self.person)
        later: list[Step] = []
        fold(machine, "anna", PersonState(), self.log, at + FAR, trail=later)
        self.later = [step for step in later[len(trail) :] if step.what != "retracted"]
        assert later[: len(trail)] == trail

    def state_at(self, at: datetime) -> PersonState:
        return fold(self.machine, "anna", PersonState(), self.log, at).state

    def does(self, track: str, key: str, rule: str, at: datetime, then: str, to: str = "") -> bool:
        """Tell whether a rule opens or moves at this very moment, by the states around it."""
        before, after = self.state_at(at - TICK), self.state_at(at)
        if then == "moves":
            was, now = before.tracks[track][key], after.tracks[track].get(key)
            is_moved = any(
                step.what == "moved" and step.at == at and (step.track, step.key) == (track, key)
                for step in self.later
                if step.detail == f"{was.stage} {rule}"
            )
            return is_moved and now is not None and now.since == microseconds(at)
        asked = {
            task_id for task_id, each in after.tasks.items() if (each.track, each.key, each.rule) == (track, key, rule)
        }
        return any(after.tasks[each].opened_at == microseconds(at) for each in asked - before.tasks.keys())


def hold(told: Told, source: random.Random) -> None:
    """Hold everything that is told of a person against what happens."""
    for here in told.standing.here:
        told_waits_come(told, here)
        told_moves_move(told, here, source)
    told_tasks_end(told)


def told_waits_come(told: Told, here: Here) -> None:
    state = told.person.state.tracks[here.track][here.key]
    for wait in here.waits:
        about = f"{here.track} {here.key}: {wait.sentence}"
        if wait.then is not None:
            assert wait.at is not None
            assert wait.at > told.at, about
            assert told.does(here.track, here.key, wait.name, wait.at, wait.then), about
            assert when(told.machine, wait.at) in wait.sentence
        for step in steps_of_visit(told, here.track, here.key):
            if (step.what == "opened" and step.name == wait.name) or (
                step.what == "moved" and step.detail == f"{here.stage} {wait.name}"
            ):
                # Nothing is asked or moved before the moment that is told, and what is not to come does not come.
                if step.what == "opened" and ended_at_once(told, step):
                    continue
                assert wait.then is not None or "more than was looked through" in wait.sentence, about
                assert wait.at == step.at, about
                break
    named = {wait.name for wait in here.waits}
    assert state.pending.keys() <= named
    for step in steps_of_visit(told, here.track, here.key):
        if step.what == "opened" and "/or_else" not in step.name and not ended_at_once(told, step):
            assert step.name in named, f"{step.name} of {here.track} {here.key} comes at {step.at} and was not told"


def ended_at_once(told: Told, opened: Step) -> bool:
    return any(
        step.task_id == opened.task_id and step.at == opened.at and step.what in ("completed", "declined", "withdrawn")
        for step in told.later
    )


def steps_of_visit(told: Told, track: str, key: str) -> Iterator[Step]:
    """Yield what time does with an instance while it is at its present stage, and how it leaves it."""
    for step in told.later:
        if (step.track, step.key) == (track, key):
            yield step
            if step.what in ("moved", "began"):
                return


def told_tasks_end(told: Told) -> None:
    sentences = dict(told.standing.tasks)
    for task_id, task in told.person.state.tasks.items():
        ending = next(each for each in told.later if each.task_id == task_id and each.what in ("expired", "withdrawn"))
        ends = "expires" if ending.what == "expired" else "is withdrawn"
        said = sentences[task_id]
        assert f"If nobody does it by {when(told.machine, ending.at)} it {ends}" in said, said
        after = f"{task.rule}/or_else"
        if ending.what == "expired":
            rules = told.machine.tracks[task.track].stages[task.stage].rules
            instead = [
                each
                for each in told.later[told.later.index(ending) :]
                if (each.track, each.key, each.name, each.what) == (task.track, task.key, after, "opened")
            ]
            at_once = [each for each in instead if each.at == ending.at and not ended_at_once(told, each)]
            is_asked = after in rules and bool(at_once)
            assert (" is asked instead: " in said) == is_asked, said
    for task_id, waiting in told.person.state.waiting.items():
        said = sentences[task_id]
        opened = next((each for each in told.later if each.task_id == task_id and each.what == "opened"), None)
        assert "waits" in said
        if opened is not None and told.person.state.tracks[waiting.track][waiting.key].cause == waiting.entry:
            assert ended_at_once(told, opened) or f"waits until {when(told.machine, opened.at)}, for" in said, said


def told_moves_move(told: Told, here: Here, source: random.Random) -> None:
    """Send touchpoints of every type: each moves the instance by a line that was told, and by no other."""
    table = told.machine.tracks[here.track]
    types = sorted(
        {name for move in here.moves for name in move.on}
        | set(source.sample(sorted(told.machine.types.keys() - {RETRACTED}), 3))
    )
    at = told.at + timedelta(minutes=1)
    due = fold(told.machine, "anna", decode(encode(told.person.state)), (), None).next_due_at
    if due is not None and due <= at:
        at = told.at + (due - told.at) / 2
    for name in types:
        declared = told.machine.policy.types[name]
        for number in range(3):
            made = random_touchpoint(source, told.machine.policy, "anna", number, at)._replace(occurred_at=at)
            while made.type != name:
                made = random_touchpoint(source, told.machine.policy, "anna", number, at)._replace(occurred_at=at)
            made = made._replace(id=f"new{number}")
            if table.field is not None and declared.field(table.field) is not None:
                made = made._replace(data={**made.data, table.field: here.key})
            if can_append(told.person.state, order_key(made)):
                one_moves(told, here, table, made)


def one_moves(told: Told, here: Here, table: TrackTable, made: Touchpoint) -> None:
    state, trail = decode(encode(told.person.state)), list[Step]()
    fold(told.machine, "anna", state, [made], None, trail=trail)
    moved = [
        step
        for step in trail
        if step.what == "moved" and (step.track, step.key) == (here.track, here.key) and step.by is not None
    ]
    reaches = [move for move in here.moves if made.type in move.on]
    about = f"{made.type} {made.data} of {here.track} {here.key} at {here.stage}: {[move.sentence for move in reaches]}"
    if moved:
        assert moved[0].choice is not None
        told_lines = {(move.to, move.line) for move in reaches}
        assert (moved[0].name, moved[0].choice.place.line) in told_lines, about
        return
    is_named = table.field is None or table.field in made.data
    view = View(made.data, {}, {}, microseconds(made.occurred_at))
    choices = table.stages[here.stage].upon.get(made.type) if is_named else None
    for choice in () if choices is None else choices.lines:
        told_so = any((move.to, move.line) == (str(choice.target), choice.place.line) for move in reaches)
        assert told_so, about
        if choice.target != "stay" and choice.when is None:
            # Otherwise, or always: then a line before it held, and that one says stay.
            assert any(each.target == "stay" for each in choices.lines), about
        if choice.when is not None and only_fields(choice.when) and choice.target != "stay":
            assert not told.machine.guards.told_guard(choice.when, table.name)(view), about


def only_fields(guard: object) -> bool:
    return all(getattr(each, "space", "") == "field" for each in guard.conditions)  # type: ignore[attr-defined]


def told_why_not_comes(told: Told, names: list[str]) -> None:
    for name in names:
        for each in why_not(told.machine, told.person, told.log, name).candidates:
            date_comes(told, each)


def date_comes(told: Told, candidate: Candidate) -> None:
    fate, key = candidate.fate, candidate.key or ""
    track, stage, rule = (*candidate.rule.split(".", 2), "", "")[:3]
    about = "\n".join([candidate.says, *fate.because])
    if fate.due is None or fate.verdict not in ("waiting", "refused", "stopped") or not rule:
        assert fate.verdict != "waiting" or fate.due is not None or "had to wait" in about or "longer" in about, about
        return
    if "more than was looked through" in about:
        return
    is_move = told.machine.tracks[track].stages[stage].rules[rule].move is not None
    comes = told.does(track, key, rule, fate.due, "moves" if is_move else "opens")
    assert comes == (fate.verdict == "waiting"), about


def names_of(machine: Machine) -> list[str]:
    found = []
    for track, table in machine.tracks.items():
        kinds = {rule.name for stage in table.stages.values() for rule in stage.rules.values() if rule.task is not None}
        found += [f"{track}.{name}" for name in sorted({*table.stages, *kinds})]
    return found


def default_told(seed: int) -> tuple[Told, random.Random]:
    source, machine = random.Random(seed), default_machine()
    count = source.choice((1, 3, 8, 20))
    made = [random_touchpoint(source, machine.policy, "anna", number, START) for number in range(count)]
    made = with_outcomes(source, machine, made, START + timedelta(days=600))
    log = sorted(made, key=order_key)
    at = START + timedelta(hours=source.choice((0, 24 * source.randrange(500), source.randrange(12_000))))
    return Told(machine, log, max(at, log[0].occurred_at)), source


def timed_told(seed: int) -> tuple[Told, random.Random]:
    source, machine = random.Random(seed), timed_machine()
    log = timed.history_of(source, machine)
    at = log[0].occurred_at + timedelta(hours=source.choice((0, 24 * source.randrange(80), source.randrange(2_000))))
    return Told(machine, log, at), source


@pytest.mark.parametrize("seed", seeds(range(40), quick=8))
def test_what_is_told_of_the_default_policy_comes(seed: int) -> None:
    told, source = default_told(seed)
    hold(told, source)


@pytest.mark.parametrize("seed", seeds(range(100, 150), quick=10))
def test_what_is_told_under_budgets_quiet_hours_and_opt_outs_comes(seed: int) -> None:
    told, source = timed_told(seed)
    hold(told, source)


@pytest.mark.parametrize("seed", seeds(range(12), quick=3))
def test_why_not_dates_come(seed: int) -> None:
    for told, source in (default_told(seed), timed_told(seed)):
        names = names_of(told.machine)
        told_why_not_comes(told, source.sample(names, min(len(names), 15)))


@given(proved.stages(), proved.HISTORIES, st.integers(0, 400), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_what_is_told_by_random_policies_comes(body: str, log: list[Touchpoint], days: int, seed: int) -> None:
    policy = proved.policy_with(body, per_person=False)
    assume(not proved.refusing(policy, proved.AGAINST_REST))
    told = Told(compile_policy(policy), log, log[-1].occurred_at + timedelta(days=days))
    hold(told, random.Random(seed))
    told_why_not_comes(told, names_of(told.machine))
