"""A rule that is due alone: what it must leave to a round, and that it ends where a round ends."""

from __future__ import annotations

import pytest

from lifecycle.instant import microseconds
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold import limits, timers
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, encode
from lifecycle.touchpoint import Touchpoint
from tests.rules.histories import DAY, at, touchpoint

HEAD = """
policy: alone
language: 1
lanes: [{is: everybody}]
contact:
  offered: {reaches: person, most: 1 per 10 days}
  owed: {reaches: person}
touchpoints:
  need.stated: {by: person, data: {need: id}}
  reply.sent: {by: us, data: {need: id}}
tracks:
  need:
    per: need
    start: stated
    begins: need.stated
    stages:
      stated:
        means: I said it.
        tasks: TASKS
        later: [{after: 200 days, to: over}]
      over: {means: Over., review: {every: 1 year}}
"""


def machine_of(tasks: str) -> Machine:
    return compile_policy(load_policy(HEAD.replace("TASKS", tasks), name="alone.yaml"))


def stated(need: str, hours: float = 0) -> Touchpoint:
    return touchpoint(f"stated-{need}", "need.stated", hours, need=need)


def open_tasks(state: PersonState) -> list[str]:
    return sorted(task.rule for task in state.tasks.values())


def both(machine: Machine, history: list[Touchpoint], hours: float) -> PersonState:
    """Return the state at a time, and see that a fold that never takes the short way ends in the same bytes."""
    state = fold(machine, "anna", PersonState(), history, at(hours)).state
    assert encode(fold(machine, "anna", PersonState(), history, at(hours), tells=True).state) == encode(state)
    return state


def test_what_opens_takes_the_room_of_whoever_waits() -> None:
    """A task without a budget counts in those of others: who waits is looked at again at that very instant."""
    machine = machine_of(
        "{one: {ask: A, contact: offered, expires: 90 days}, two: {ask: B, contact: offered, expires: 90 days},"
        " three: {after: 4 days, ask: C, contact: owed, expires: 90 days}}"
    )
    state = both(machine, [stated("a")], 12 * DAY)
    assert open_tasks(state) == ["one", "three"]
    assert state.last_fired_at == microseconds(at(4 * DAY))
    (waiting,) = state.waiting.values()
    assert waiting.opens_at == microseconds(at(14 * DAY))


def test_what_expires_at_the_same_instant_frees_its_room_first() -> None:
    """Nobody waits for a budget that is free."""
    machine = machine_of(
        "{one: {ask: A, contact: offered, due: 1 day, expires: 4 days}, two: {after: 5 days, ask: B, contact: offered}}"
    )
    assert open_tasks(both(machine, [stated("a")], 5 * DAY)) == ["two"]


def test_what_is_done_at_the_instant_at_which_it_is_due_leaves_nothing_to_fire() -> None:
    """News beats silence, and time has nothing to do then."""
    machine = machine_of("{one: {after: 2 days, ask: A, contact: owed, done_by: reply.sent}}")
    history = [stated("a"), touchpoint("r", "reply.sent", 2 * DAY, need="a"), stated("b", 3 * DAY)]
    assert both(machine, history, 3 * DAY).last_fired_at is None


def test_two_that_are_due_at_once_are_a_round() -> None:
    """Of one instance, and of two."""
    machine = machine_of("{one: {after: 2 days, ask: A, contact: owed}, two: {after: 2 days, ask: B, contact: owed}}")
    assert len(both(machine, [stated("a"), stated("b")], 2 * DAY).tasks) == 4


def test_entries_that_time_led_to_have_names_of_their_own() -> None:
    """Two entries after one touchpoint are two, and so are their tasks."""
    machine = compile_policy(
        load_policy(
            HEAD.replace("TASKS", "{one: {ask: A, contact: owed}}").replace(
                "over: {means: Over., review: {every: 1 year}}",
                "over: {means: Over., tasks: {one: {ask: B, contact: owed}}, later: [{after: 200 days, to: stated}]}",
            ),
            name="alone.yaml",
        )
    )
    state = both(machine, [stated("a")], 450 * DAY)
    causes = [task_id.partition("-")[2] for task_id in [*(each.id for each in state.closed), *state.tasks]]
    assert len(causes) == len(set(causes)) == 3


def test_what_is_put_off_does_not_hold_back_what_comes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an instance with a rule that goes on a day later, another one that is due within that day is on time."""
    monkeypatch.setattr(timers, "MAX_ROUNDS", 1)
    monkeypatch.setattr(limits, "MAX_ROUNDS", 1)
    machine = compile_policy(
        load_policy(
            HEAD.replace("TASKS", "{one: {after: 1 hour, ask: A, contact: owed}}").replace(
                "later: [{after: 200 days, to: over}]",
                "later: [{after: 0 days, to: next}]\n"
                "      next: {means: Next., tasks: {at_once: {ask: B, contact: owed},"
                " soon: {after: 3 hours, ask: C, contact: owed}}, later: [{after: 200 days, to: over}]}",
            ),
            name="alone.yaml",
        )
    )
    state = fold(machine, "anna", PersonState(), [stated("a")], at(12)).state
    assert open_tasks(state) == ["soon"]
    assert open_tasks(fold(machine, "anna", state, [], at(30)).state) == ["at_once", "soon"]
