"""Limits: nobody is stopped by one; what gives way, and in what order, is a function of the history alone."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, strategies as st

from lifecycle.rules.language.names import TOO_MANY
from lifecycle.rules.state.snapshot import PersonState, encode
from lifecycle.touchpoint import Touchpoint
from tests.rules.histories import DAY, continued, folded, machine_of, said, touchpoint

PROMISE = """
  promise:
    per: promise
    start: made
    begins: [promise.made]
    upon: {promise.kept: kept}
    stages:
      made: {means: You promised., later: [{after: 300 days, to: broken}]}
      kept: {means: You kept it., watched_by: in_touch}
      broken: {means: You did not., watched_by: in_touch, tasks: {sorry: {ask: Say sorry., stays: true}}}
"""
MACHINE = machine_of(PROMISE)


def made(key: str, hours: float) -> Touchpoint:
    return touchpoint(f"m-{key}", "promise.made", hours, promise=key, promised_for="2026-06-01")


def kept(key: str, hours: float) -> Touchpoint:
    return touchpoint(f"k-{key}", "promise.kept", hours, promise=key)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four instances at most, that of in_touch included."""
    monkeypatch.setattr("lifecycle.rules.fold.limits.MAX_INSTANCES", 4)


@pytest.mark.usefixtures("few")
def test_the_finished_instance_that_has_stood_longest_gives_way() -> None:
    """It is counted; the others stand as they stood."""
    history = [made("a", 0), made("b", 1), made("c", 2), kept("b", 3), kept("a", 4), made("d", 5)]
    state = folded(MACHINE, history).state
    assert sorted(state.tracks["promise"]) == ["a", "c", "d"]
    assert (state.forgotten, state.not_begun) == ({"promise": 1}, {})


@pytest.mark.usefixtures("few")
def test_where_none_is_finished_a_new_key_is_counted_and_not_begun() -> None:
    """What has begun goes on; nobody is stopped."""
    history = [made("a", 0), made("b", 1), made("c", 2), made("d", 3), kept("a", 4)]
    result = folded(MACHINE, history)
    assert sorted(result.state.tracks["promise"]) == ["a", "b", "c"]
    assert (result.state.forgotten, result.state.not_begun) == ({}, {"promise": 1})


@pytest.mark.usefixtures("few")
def test_somebody_is_told_of_keys_that_did_not_begin_until_they_answer() -> None:
    """Once it is done, only further keys are told of."""
    history = [made(key, number) for number, key in enumerate("abcd")]
    result = folded(MACHINE, history, 4)
    (task_id,) = result.state.tasks
    assert said(result, task_id) == (
        "Look at anna: more is to be asked than can be open at once (new keys without end; the first is due at once). "
        "Do or decline what is open."
    )
    done = [*history, touchpoint("done", "task.completed", 5, task=task_id)]
    assert TOO_MANY not in folded(MACHINE, done).state.tracks
    assert TOO_MANY in folded(MACHINE, [*done, made("e", 6)]).state.tracks


@pytest.mark.usefixtures("few")
def test_an_instance_with_an_open_task_does_not_give_way() -> None:
    """Its task is still owed: the next one goes, although it has stood for less long."""
    history = [made("a", 0), made("b", 300 * DAY), made("c", 300 * DAY + 1), kept("c", 300 * DAY + 2)]
    state = folded(MACHINE, [*history, made("d", 300 * DAY + 3)]).state
    assert sorted(state.tracks["promise"]) == ["a", "b", "d"]


@pytest.mark.usefixtures("few")
def test_an_instance_that_the_touchpoint_reaches_does_not_give_way_to_it() -> None:
    """A touchpoint of two tracks may begin the one and move the other."""
    machine = machine_of(
        PROMISE
        + """
  other:
    per: promise
    start: noted
    begins: [promise.kept]
    stages: {noted: {means: Noted., watched_by: in_touch}}
"""
    )
    history = [made("a", 0), made("b", 1), kept("a", 2), kept("a", 3)._replace(id="again")]
    state = folded(machine, [*history, kept("b", 4)]).state
    assert sorted(state.tracks["other"]) == ["b"], "the note on a has stood longer than that on b"
    assert sorted(state.tracks["promise"]) == ["a", "b"]


KEYS = st.sampled_from(["a", "b", "c", "d", "e", "f"])


@pytest.mark.usefixtures("few")
@given(
    events=st.lists(st.tuples(KEYS, st.booleans(), st.integers(0, 400)), max_size=25),
    cuts=st.sets(st.integers(1, 24), max_size=3),
)
def test_what_gives_way_does_not_depend_on_how_the_history_is_split(
    events: list[tuple[str, bool, int]], cuts: set[int]
) -> None:
    """In one go, or in several by way of the snapshot."""
    history = sorted(
        (
            (kept if is_kept else made)(key, days * DAY + number / 100)._replace(id=f"{number}")
            for number, (key, is_kept, days) in enumerate(events)
        ),
        key=lambda each: each.occurred_at,
    )
    state = PersonState()
    for begin, end in itertools.pairwise([0, *sorted(cut for cut in cuts if cut < len(history)), len(history)]):
        state = continued(MACHINE, state, history[begin:end], None).state
    assert encode(state) == encode(folded(MACHINE, history).state)
