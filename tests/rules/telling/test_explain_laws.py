"""Laws of explaining, over random histories of the default policy: what is told agrees with what is so."""

import random
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import given, settings, strategies

from lifecycle.policies import DEFAULT_POLICY, shipped_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.tasks import task_of
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, encode
from lifecycle.rules.telling.explain import explain
from lifecycle.rules.telling.standing import Person, ahead_of, stand
from lifecycle.rules.telling.why_not import targets_of, why_not
from lifecycle.touchpoint import Touchpoint, order_key
from tests.cli.stories import START
from tests.engine.random_histories import random_touchpoint

seeds = strategies.integers(min_value=0, max_value=2**32)


@cache
def default_machine() -> Machine:
    return compile_policy(load_policy(shipped_policy(), name=DEFAULT_POLICY))


def history(machine: Machine, seed: int) -> list[Touchpoint]:
    source = random.Random(seed)
    count = source.choice((1, 3, 10, 40))
    made = [random_touchpoint(source, machine.policy, "anna", number, START) for number in range(count)]
    return sorted(made, key=order_key)


def person(machine: Machine, log: list[Touchpoint], seed: int) -> Person:
    at = max(log[-1].occurred_at, START + timedelta(days=random.Random(seed).randrange(700)))
    trail: list[Step] = []
    state = PersonState()
    fold(machine, "anna", state, log, at, trail=trail)
    return Person("anna", state, trail, at)


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_keeping_a_trail_changes_nothing(seed: int) -> None:
    machine = default_machine()
    log = history(machine, seed)
    told = person(machine, log, seed)
    plain = PersonState()
    fold(machine, "anna", plain, log, told.at)
    assert encode(plain) == encode(told.state)


@pytest.mark.slow
@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_why_not_says_now_of_what_is_so_and_of_nothing_else(seed: int) -> None:
    """For every task kind and stage of the policy: a rule says it did it if and only if the state has it."""
    machine = default_machine()
    log = history(machine, seed)
    told = person(machine, log, seed)
    for track, table in machine.tracks.items():
        here = {instance.stage for instance in told.state.tracks.get(track, {}).values()}
        asked = {task.rule for task in told.state.tasks.values() if task.track == track}
        kinds = {rule.name for stage in table.stages.values() for rule in stage.rules.values() if rule.task is not None}
        for name in {*table.stages, *kinds}:
            [target] = {each.what for each in targets_of(machine, f"{track}.{name}")}
            answer = why_not(machine, told, log, f"{track}.{name}")
            assert answer.candidates or (target == "stage" and name != table.start), f"no rule for {track}.{name}"
            assert all(each.fate.because for each in answer.candidates)
            is_so = "now" in {each.fate.verdict for each in answer.candidates}
            assert is_so == (name in (here if target == "stage" else asked)), "\n".join(answer.lines())


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_every_open_task_is_explained_and_everybody_stands_somewhere(seed: int) -> None:
    """The explanation of an open task begins with the touchpoint that began its track and ends with its expiry."""
    machine = default_machine()
    log = history(machine, seed)
    told = person(machine, log, seed)
    ids = {touchpoint.id for touchpoint in log}
    for task_id, each in told.state.tasks.items():
        lines = explain(ahead_of(machine, told), task_of(machine, "anna", told.state, task_id, each), told.trail)
        assert any(f"id {touchpoint})" in lines[1] for touchpoint in ids) or "left out" in lines[1]
        assert any(line.startswith("What comes next: it is open.") for line in lines)
    standing = stand(machine, told)
    assert [(each.track, each.key) for each in standing.here] == [
        (track, key)
        for track in machine.policy.tracks
        for key in sorted(
            told.state.tracks.get(track, {}), key=lambda key: (told.state.tracks[track][key].since, key), reverse=True
        )
    ]
    assert len(standing.tasks) == len(told.state.tasks) + len(told.state.waiting)
