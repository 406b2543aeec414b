"""How many tasks may be open: what is beyond waits in a defined order, nobody is stopped, and somebody is told."""

from __future__ import annotations

import itertools
import sys

import pytest
from hypothesis import given, strategies as st

from lifecycle.instant import HOUR, from_microseconds
from lifecycle.rules.fold.fold import Folded, fold
from lifecycle.rules.fold.places import MAX_OPEN_OF_RULE
from lifecycle.rules.fold.tasks import task_of
from lifecycle.rules.language.names import TOO_MANY
from lifecycle.rules.state.snapshot import PersonState, encode
from lifecycle.touchpoint import Touchpoint, order_key
from tests.rules.histories import (
    DAY,
    HEAD,
    at,
    continued,
    endings,
    folded,
    instant,
    machine_of,
    open_tasks,
    said,
    touchpoint,
)

PROMISE = """
  promise:
    per: promise
    start: made
    begins: [promise.made]
    facts: {promised_for: {last: promise.made.promised_for}}
    upon: {promise.kept: kept}
    stages:
      made:
        means: You promised.
        tasks:
          keep: {ask: "Keep {key}", due: promised_for, expires: 10 days, done_by: promise.kept}
        later: [{after: 300 days, to: kept}]
      kept: {means: You kept it., watched_by: in_touch, tasks: {thank: {ask: Thank, after: 1 day, due: 2 days}}}
"""
MACHINE = machine_of(PROMISE)


def made(number: int, hours: float = 0, day: str = "2026-04-01") -> Touchpoint:
    return touchpoint(f"m{number:04}", "promise.made", hours, promise=f"p{number:04}", promised_for=day)


def kept(number: int, hours: float) -> Touchpoint:
    return touchpoint(f"z{number:04}", "promise.kept", hours, promise=f"p{number:04}")


def keys(result: Folded) -> list[str]:
    """Return the keys whose promise is asked to be kept."""
    return sorted(task.key for task in result.state.tasks.values() if task.rule == "keep")


def too_many(result: Folded) -> str:
    """Return the id of the one task that tells of limits."""
    (task_id,) = (task_id for task_id, task in result.state.tasks.items() if task.track == TOO_MANY)
    return task_id


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two open tasks of one rule, three in all."""
    monkeypatch.setattr("lifecycle.rules.fold.places.MAX_OPEN_OF_RULE", 2)
    monkeypatch.setattr("lifecycle.rules.fold.places.MAX_OPEN_TASKS", 3)


def test_a_thousand_promises_of_one_instant_stop_nobody() -> None:
    """A hundred are asked for, the rest waits."""
    history = [made(number) for number in range(1_005)] + [kept(number, 0) for number in range(200)]
    whole = folded(MACHINE, history, 1)
    assert len(keys(whole)) == MAX_OPEN_OF_RULE
    assert len(whole.state.waiting) == 705


@pytest.mark.usefixtures("few")
def test_places_go_to_the_earlier_due_first() -> None:
    """Then to whoever waits longest."""
    history = [made(1), made(2), made(3, 1, "2026-05-01"), made(4, 2, "2026-04-20"), made(5, 3, "2026-04-20")]
    assert keys(folded(MACHINE, history, 4)) == ["p0001", "p0002"]
    history.append(kept(1, 5))
    assert keys(folded(MACHINE, history, 5)) == ["p0002", "p0004"]
    history.append(kept(2, 6))
    assert keys(folded(MACHINE, history, 6)) == ["p0004", "p0005"]


@pytest.mark.usefixtures("few")
def test_among_those_of_one_instant_the_earlier_due_opens() -> None:
    """Whatever their keys are."""
    history = [made(1, day="2026-06-01"), made(2, day="2026-05-01"), made(3, day="2026-04-01")]
    assert keys(folded(MACHINE, history, 1)) == ["p0002", "p0003"]


@pytest.mark.usefixtures("few")
def test_what_waits_ends_with_its_stage_and_is_not_asked_when_done() -> None:
    """A promise that was kept needs no place any more."""
    history = [*map(made, range(5)), kept(4, 1)]
    result = folded(MACHINE, history, 2)
    assert sorted(task.key for task in result.state.waiting.values()) == ["p0002", "p0003"]


@pytest.mark.usefixtures("few")
def test_when_the_place_comes_due_is_counted_from_opening() -> None:
    """Not from when it was to open."""
    history = [
        touchpoint(f"k{each}", "promise.made", 0, promise=f"p{each}", promised_for="2026-03-03") for each in range(3)
    ]
    history += [touchpoint(f"d{each}", "promise.kept", 1, promise=f"p{each}") for each in range(3)]
    result = folded(MACHINE, history, 25)
    (waiting,) = result.state.waiting.values()
    assert waiting.wanted_at == instant(25)
    first = min(task_id for task_id, task in result.state.tasks.items() if task.rule == "thank")
    done = [*history, touchpoint("done", "task.completed", 2 * DAY, task=first)]
    opened = [
        task for task in folded(MACHINE, done, 2 * DAY).state.tasks.values() if task.opened_at == instant(2 * DAY)
    ]
    assert [(task.rule, task.due_at) for task in opened] == [("thank", instant(4 * DAY))]


@pytest.mark.usefixtures("few")
def test_a_place_that_comes_by_expiry_is_given_at_that_instant() -> None:
    """Time alone makes it; nobody waits for news."""
    history = [made(1, day="2026-03-03"), made(2, day="2026-03-09"), made(3, 1, "2026-03-20")]
    before = folded(MACHINE, history, 10 * DAY)
    assert keys(before) == ["p0001", "p0002"]
    expires_at = min(task.expires_at for task in before.state.tasks.values())
    assert before.next_due_at is not None
    assert before.next_due_at <= from_microseconds(expires_at)
    after = folded(MACHINE, history, (expires_at - instant(0)) / HOUR)
    assert keys(after) == ["p0002", "p0003"]


@pytest.mark.usefixtures("few")
def test_the_limit_of_all_counts_every_rule_but_the_one_that_tells() -> None:
    """Two promises and one thank-you are three."""
    history = [made(9), kept(9, 1), *(made(number, 25) for number in range(3)), made(8), kept(8, 2)]
    result = folded(MACHINE, history, 26)
    assert len(result.state.tasks) == 4
    assert {task.rule for task in result.state.tasks.values()} == {"keep", "thank", TOO_MANY}


BUDGET = HEAD.replace("touchpoints:", "contact: {asking: {reaches: person, most: 1 per 2 days}}\ntouchpoints:", 1)


def test_what_a_budget_holds_back_waits_for_no_place(few: None) -> None:
    """A budget gives its room to whoever waits longest, however early others are due; of places there are enough."""
    machine = machine_of(PROMISE.replace('ask: "Keep {key}",', 'ask: "Keep {key}", contact: asking,'), head=BUDGET)
    story = [made(number, number, f"2026-05-{20 - number}") for number in range(6)]
    assert [keys(folded(machine, story, hours)) for hours in (6, 48, 96)] == [
        ["p0000"],
        ["p0000", "p0001"],
        ["p0000", "p0001"],
    ]
    result = folded(machine, story, 144)
    assert [task.track for task in result.state.tasks.values()].count(TOO_MANY) == 1  # the two places are taken
    assert not [each for each in folded(machine, story, 48).closings if each.task.track == TOO_MANY]


def test_what_waits_within_one_instant_only_is_told_to_nobody(few: None) -> None:
    """Five promises for a day long ago: two take the places and expire at once, the next two, and the fifth."""
    result = folded(MACHINE, [made(number, day="2026-01-01") for number in range(5)], 1)
    assert endings(result) == [("keep", "expired", "expired")] * 5


@pytest.mark.usefixtures("few")
def test_one_task_tells_which_rules_wait_and_what_is_due_first() -> None:
    """The number travels beside and is no part of the text."""
    history = [made(1), made(2), made(3, 1, "2026-05-01"), made(4, 1, "2026-04-20")]
    result = folded(MACHINE, history, 2)
    task = task_of(MACHINE, "anna", result.state, too_many(result), result.state.tasks[too_many(result)])
    assert task.ask == (
        "Look at anna: more is to be asked than can be open at once (promise.keep; the first is due 2026-04-20 17:00 UTC). "
        "Do or decline what is open."
    )
    assert task.about["waiting"] == 2
    assert task.by == "owner"
    more = folded(MACHINE, [*history, made(5, 1.5, "2026-06-01")], 2)
    assert said(more, too_many(more), MACHINE) == task.ask


@pytest.mark.usefixtures("few")
def test_the_task_that_tells_comes_again_a_month_after_it_was_closed() -> None:
    """As long as anything waits."""
    history = [made(number, day="2026-12-01") for number in range(4)]
    first = too_many(folded(MACHINE, history, 1))
    done = [*history, touchpoint("done", "task.completed", DAY, task=first)]
    assert not any(task.track == TOO_MANY for task in folded(MACHINE, done, 30 * DAY).state.tasks.values())
    assert too_many(folded(MACHINE, done, 31 * DAY)) != first


@pytest.mark.usefixtures("few")
def test_the_task_that_tells_is_withdrawn_when_nothing_waits_any_more() -> None:
    """Nothing of it is left."""
    result = folded(MACHINE, [made(1), made(2), made(3), kept(2, 1)], 2)
    assert open_tasks(result) == ["promise[p0001].keep", "promise[p0003].keep"]
    assert TOO_MANY not in result.state.tracks
    assert (TOO_MANY, "withdrawn", "left_stage") in endings(result)


def test_a_task_that_was_put_off_does_not_follow_its_fact_any_more() -> None:
    """Somebody has said when; further news of the promise does not call it back."""
    history = [made(1)]
    (task_id,) = folded(MACHINE, history, 1).state.tasks
    history.append(touchpoint("later", "task.postponed", 2, task=task_id, until="2026-04-20"))
    history.append(made(1, 3, "2026-04-02")._replace(id="again"))
    (task,) = folded(MACHINE, history, 4).state.tasks.values()
    assert task.due_at == instant(49 * DAY + 7)


def calls(number: int) -> int:
    """Return how many Python calls it takes to fold so many promises of one instant."""
    history = sorted(map(made, range(number)), key=order_key)
    counted = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal counted
        counted += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        fold(MACHINE, "anna", PersonState(), history, at(0))
    finally:
        sys.setprofile(before)
    return counted


def test_touchpoints_of_one_instant_cost_what_their_number_says() -> None:
    """Data that knows only days has many of one instant: three times as many take some three times the work, not nine."""
    assert calls(900) < 4 * calls(300)


EVENTS = st.lists(st.tuples(st.integers(0, 7), st.booleans(), st.integers(0, 40), st.integers(3, 28)), max_size=24)


@pytest.mark.usefixtures("few")
@given(events=EVENTS, cuts=st.sets(st.integers(1, 23), max_size=3))
def test_limits_hold_and_do_not_depend_on_how_the_history_is_split(
    events: list[tuple[int, bool, int, int]], cuts: set[int]
) -> None:
    """Never more open than may be, never a place free while somebody waits for one, the same bytes in every split."""
    history = [
        (kept(number, days * DAY) if is_kept else made(number, days * DAY, f"2026-03-{day:02}"))._replace(
            id=f"{each:02}"
        )
        for each, (number, is_kept, days, day) in enumerate(events)
    ]
    history.sort(key=lambda each: (each.occurred_at, each.id))
    state = PersonState()
    ends = [
        each
        for each in sorted(cuts)
        if each < len(history) and history[each - 1].occurred_at < history[each].occurred_at
    ]
    for begin, end in itertools.pairwise([0, *ends, len(history)]):
        state = continued(MACHINE, state, history[begin:end], None).state
    state = continued(MACHINE, state, [], 45 * DAY).state
    assert encode(state) == encode(folded(MACHINE, history, 45 * DAY).state)
    rules = [task.rule for task in state.tasks.values() if task.track != TOO_MANY]
    assert len(rules) <= 3
    assert all(rules.count(rule) <= 2 for rule in rules)
    for waiting in state.waiting.values():
        assert waiting.is_beyond
        assert len(rules) == 3 or rules.count(waiting.rule) == 2
    assert (TOO_MANY in state.tracks) == bool(state.waiting)
