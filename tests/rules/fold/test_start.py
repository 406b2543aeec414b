"""The moment from which we ask: what was due before it is not asked, what is still owed comes anew, in any order."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from lifecycle.ask_from import AskFrom
from lifecycle.instant import HOUR
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import Folded, can_append, fold
from lifecycle.rules.fold.start import again_id
from lifecycle.rules.fold.tasks import reconcile, task_of
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, encode
from lifecycle.rules.telling.explain import explain
from lifecycle.rules.telling.foresight import Foresight
from lifecycle.rules.telling.prospects import Ahead
from lifecycle.touchpoint import Touchpoint, order_key
from tests.rules.fold.test_time_laws import POLICY, history_of, in_steps
from tests.rules.histories import DAY, at, continued, endings, folded, instant, machine_of, open_tasks, touchpoint

TRACK = """
  need:
    per: need
    start: stated
    begins: [need.stated]
    upon: {decision.made: [{when: {outcome: elsewhere}, to: lost}, {when: {outcome: with_us}, to: won}, {to: stated}]}
    stages:
      stated:
        means: I said it.
        tasks:
          answer: {ask: A, due: 1 day, expires: 300 days, or_else: {ask: Now}}
          wait: {after: 35 days, ask: B, due: 10 days}
        later: [{after: 400 days, to: won}]
      lost:
        means: Elsewhere.
        loss: true
        tasks:
          thank: {ask: T, due: 2 days, expires: 300 days, stays: true}
          care: {after: 20 days, ask: C, due: 5 days, expires: 300 days, done_by: reply.sent}
        later: [{after: 400 days, to: won}]
      won: {means: Yes., watched_by: in_touch, tasks: {call: {every: 10 days, ask: D, due: 1 day, expires: 300 days}}}
"""


def from_day(day: float, days: int = 1, tracks: str = TRACK) -> Machine:
    """Return the machine that asks from so many days after the histories begin."""
    return replace(machine_of(tracks), ask_from=AskFrom(at(day * DAY), days))


STATED = touchpoint("t1", "need.stated", 0, need="n")
LOST = touchpoint("t2", "decision.made", DAY, need="n", outcome="elsewhere")
WON = touchpoint("t2", "decision.made", DAY, need="n", outcome="with_us")


def told(machine: Machine, result: Folded, day: float) -> list[str]:
    """Return the kinds of task that consumers would be told of, if nothing was told before."""
    moment = at(day * DAY)
    requests = reconcile(machine, "anna", result.state, result.closings, {}, at=moment)
    return sorted(str(each.data["kind"]) for each in requests)


def test_what_was_due_before_is_not_asked_and_what_is_due_later_is() -> None:
    """The answer was due on day 1 and ends on day 40; the other task opened on day 35 and is due on day 45."""
    machine = from_day(40)
    result = folded(machine, [STATED], 41 * DAY)
    assert open_tasks(result) == ["need[n].wait"]
    assert endings(result) == [("answer", "withdrawn", "before_start")]
    assert (result.state.not_asked, result.state.asked_anew) == (1, 0)
    assert told(machine, result, 41) == ["wait"]


def test_what_is_due_at_the_very_moment_is_asked() -> None:
    """Before means before."""
    assert open_tasks(folded(from_day(1), [STATED], DAY)) == ["need[n].answer"]
    assert open_tasks(folded(from_day(1.01), [STATED], 1.01 * DAY)) == []


def test_nothing_follows_what_was_due_before() -> None:
    """Its expiry never comes, not at that moment either, and so no escalation."""
    result = folded(from_day(301), [STATED], 390 * DAY)
    assert ("answer", "withdrawn", "before_start") in endings(result)
    assert "need[n].answer/or_else" not in open_tasks(result)


def test_a_budget_does_not_count_it() -> None:
    """The only gift of 100 days was not given; another need gets it."""
    head = (
        machine_of(TRACK).policy.text.split("\ntracks:")[0]
        + "\ncontact: {gifts: {reaches: person, most: 1 per 100 days}}"
    )
    tracks = """
  need:
    per: need
    start: stated
    stages:
      stated: {means: I., tasks: {gift: {ask: G, contact: gifts, due: 2 days, expires: 300 days}}, later: [{after: 400 days, to: over}]}
      over: {means: O., watched_by: in_touch}
    upon: {need.stated: stay}
    begins: [need.stated]
"""
    machine = replace(machine_of(tracks, head=head), ask_from=AskFrom(at(40 * DAY)))
    other = touchpoint("t9", "need.stated", 41 * DAY, need="m")
    assert open_tasks(folded(machine, [STATED, other], 42 * DAY)) == ["need[m].gift"]


def test_a_task_of_a_loss_is_still_owed_and_due_from_there() -> None:
    """Both were due long ago; both come anew at the moment, under other ids, due as if they had opened then."""
    machine = from_day(40)
    result = folded(machine, [STATED, LOST], 40 * DAY)
    assert open_tasks(result) == ["need[n].care", "need[n].thank"]
    assert sorted((task.due_at - instant(40 * DAY)) // (24 * HOUR) for task in result.state.tasks.values()) == [2, 5]
    assert {task.opened_at for task in result.state.tasks.values()} == {instant(40 * DAY)}
    assert (result.state.not_asked, result.state.asked_anew) == (2, 2)
    ended = {each.closed.id for each in result.closings}
    assert result.state.tasks.keys() == {again_id(each) for each in ended if again_id(each) in result.state.tasks}


def test_a_repeated_task_is_still_owed_and_goes_on_from_there() -> None:
    """Its rhythm counts from the closing of the one that came anew."""
    machine = from_day(40)
    result = folded(machine, [STATED, WON], 40 * DAY)
    [(task_id, task)] = result.state.tasks.items()
    assert (task.rule, task.due_at) == ("call", instant(41 * DAY))
    done = touchpoint("o", "task.completed", 42 * DAY, task=task_id)
    assert continued(machine, result.state, [done], 42 * DAY).next_due_at == at(52 * DAY)


def test_a_review_is_still_owed_and_its_rhythm_stays() -> None:
    """The review of a year, opened on day 365 and due before day 390, comes anew; the next stays where it was."""
    machine = from_day(390)
    result = folded(machine, [STATED, WON], 390 * DAY)
    [review] = [task for task in result.state.tasks.values() if task.rule == "review"]
    assert review.opened_at == instant(390 * DAY)
    assert result.state.tracks["in_touch"][""].pending["review"] == instant(731 * DAY)  # 2028 has a 29 February


def test_what_is_owed_is_spread_by_person() -> None:
    """Each person has one day, the same in every replay; all days are used."""
    machine = from_day(40, days=5)
    opened = set()
    for number in range(40):
        person = f"p{number}"
        history = [each._replace(person=person) for each in (STATED, LOST)]
        result = fold(machine, person, PersonState(), history, at(50 * DAY))
        days = {(task.opened_at - instant(40 * DAY)) // (24 * HOUR) for task in result.state.tasks.values()}
        assert len(days) == 1
        opened |= days
    assert opened == {0, 1, 2, 3, 4}


def test_what_is_owed_is_dropped_with_its_stage_or_done_before_its_day() -> None:
    """It waits like any task that waits: the need is met before the day, and the reply does what was to be asked."""
    machine = replace(from_day(40), ask_from=AskFrom(at(40 * DAY), 366))
    waits = folded(machine, [STATED, LOST], 40 * DAY)
    assert (len(waits.state.tasks), len(waits.state.waiting)) == (0, 2)
    met = touchpoint("t3", "decision.made", 40.5 * DAY, need="n", outcome="with_us")
    left = continued(machine, waits.state, [met], 40.5 * DAY).state.waiting.values()
    assert [each.rule for each in left] == ["thank"]
    reply = touchpoint("t3", "reply.sent", 40.5 * DAY, need="n")
    assert [each.rule for each in continued(machine, waits.state, [reply], 41 * DAY).state.waiting.values()] == [
        "thank"
    ]


@pytest.mark.parametrize(("day", "waiting"), [(40, 2), (290, 0)])
def test_what_is_owed_does_not_wait_for_a_day_on_which_its_stage_is_gone(day: float, waiting: int) -> None:
    """Time moves a lost need on at day 401: who would be asked after that is asked at the moment."""
    begin = AskFrom(at(day * DAY), 366)
    assert begin.day_of("anna") == 235
    result = folded(replace(from_day(day), ask_from=begin), [STATED, LOST], day * DAY)
    assert (len(result.state.waiting), len(result.state.tasks)) == (waiting, 2 - waiting)


def test_the_moment_is_due_where_there_is_something_to_do() -> None:
    """Time alone does it; who has nothing that was due is not looked at."""
    machine = from_day(40)
    assert folded(machine, [STATED], 36 * DAY).next_due_at == at(40 * DAY)
    assert folded(from_day(1), [STATED], 0).next_due_at == at(DAY * 35)


def test_before_the_moment_nobody_is_told_of_what_it_will_end() -> None:
    """Time has not come there; what is due after it may be told already."""
    machine = from_day(40)
    assert told(machine, folded(machine, [STATED], 36 * DAY), 36) == ["wait"]
    assert told(replace(machine, ask_from=None), folded(machine, [STATED], 36 * DAY), 36) == ["answer", "wait"]


def test_an_answer_to_the_question_of_before_ends_the_one_that_came_anew() -> None:
    """Whoever asked it elsewhere knows it by its old id."""
    machine = from_day(40)
    result = folded(machine, [STATED, LOST], 40 * DAY)
    [old] = [each.closed.id for each in result.closings if each.task.rule == "care"]
    done = touchpoint("o", "task.completed", 41 * DAY, task=old)
    assert open_tasks(continued(machine, result.state, [done], 41 * DAY)) == ["need[n].thank"]


CHAIN = """
  need:
    per: need
    start: stated
    begins: [need.stated]
    upon: {decision.made: [{when: {outcome: elsewhere}, to: lost}, {to: stated}]}
    stages:
      stated: {means: I., later: [{after: 400 days, to: over}]}
      lost:
        means: Elsewhere.
        loss: true
        tasks:
          care:
            {ask: C, due: 2 days, expires: 3 days, or_else: {ask: D, due: 2 days, expires: 3 days, or_else: {ask: E, due: 2 days, expires: 3 days}}}
        later: [{after: 400 days, to: over}]
      over: {means: O., watched_by: in_touch}
"""
"""Entered on day 1: `care` is open for 5 days, then its escalation for 5 days, then the one of that for 5 days."""


@pytest.mark.parametrize("start", [4, 9, 14, 400])
def test_a_late_answer_to_any_question_of_a_chain_ends_what_is_asked_now(start: int) -> None:
    """Also where one of the chain was due before the start and came anew, and its escalations after it."""
    machine = from_day(start, tracks=CHAIN)
    asked: dict[str, str] = {}
    for day in range(1, 19):
        asked |= {each: task.rule for each, task in folded(machine, [STATED, LOST], day * DAY).state.tasks.items()}
        for task_id, rule in asked.items():
            done = touchpoint("o", "task.completed", day * DAY + DAY / 2, task=task_id)
            left = open_tasks(folded(machine, [STATED, LOST, done], day * DAY + DAY / 2))
            assert left == [], f"day {day}: {rule}"
    assert len(asked) == (3 if start == 400 else 4)


def test_explaining_says_that_it_was_due_before_we_began() -> None:
    """Of the one that ended, and of the one that came anew."""
    machine, trail = from_day(40), list[Step]()
    result = folded(machine, [STATED, LOST], 41 * DAY, trail)
    [closing] = [each for each in result.closings if each.task.rule == "care"]
    ahead = Ahead(machine, "anna", result.state, at(41 * DAY), Foresight(machine, "anna", result.state))
    ended = task_of(machine, "anna", result.state, closing.closed.id, closing.task, closing)
    assert "was due before we began on 2026-04-11 10:00" in "\n".join(explain(ahead, ended, trail))
    [(task_id, task)] = [each for each in result.state.tasks.items() if each[1].rule == "care"]
    anew = task_of(machine, "anna", result.state, task_id, task)
    assert "is still owed: anew on" in "\n".join(explain(ahead, anew, trail))


@pytest.fixture(scope="module")
def laws() -> Machine:
    return compile_policy(
        load_policy(
            POLICY.replace(
                "      over: {means: Over., watched_by: watch}",
                """
      over: {means: Over., watched_by: watch}
      lost: {means: L., loss: true, later: [{after: 60 days, to: over}], tasks: {care: {after: 5 days, ask: C, contact: owed, due: 2 days}}}
""",
            ).replace("upon: {need.stated: stated}", "upon: {need.stated: stated, day.named: lost}")
        )
    )


def in_any_order(source: random.Random, machine: Machine, history: Iterable[Touchpoint], hours: float) -> str:
    """Take touchpoints in as they come, folding anew from nothing where one is late, with time moved in between."""
    known: list[Touchpoint] = []
    state, reached = PersonState(), at(0)
    for each in history:
        known.append(each)
        if can_append(state, order_key(each)) and reached <= each.occurred_at:
            ready = [each]
        else:
            state, ready = PersonState(), sorted(known, key=order_key)
        if source.random() < 0.5:
            reached = max(reached, each.occurred_at + timedelta(hours=source.randrange(200)))
        state = fold(machine, "anna", state, ready, reached).state
    return encode(fold(machine, "anna", state, [], at(hours)).state)


@pytest.mark.parametrize("seed", range(150))
def test_any_split_and_order_end_where_one_leap_ends(seed: int, laws: Machine) -> None:
    """The moment is an input of the fold: before it, at it, late and in pieces, the bytes are the same."""
    source = random.Random(seed)
    begin = AskFrom(at(24.0 * source.randrange(100) + source.choice((0, 0, 5, 12.5))), source.choice((1, 1, 9)))
    machine = replace(laws, ask_from=begin)
    history = history_of(source, machine)
    result = fold(machine, "anna", PersonState(), history, at(100 * DAY))
    leap = encode(result.state)
    assert in_steps(source, machine, history, 100 * DAY) == leap
    shuffled = source.sample(history, len(history))
    assert in_any_order(source, machine, shuffled, 100 * DAY) == leap
    later = [task for task in result.state.tasks.values() if task.opened_at < begin.instant]
    assert all(task.due_at >= begin.instant for task in later if task.rule not in ("meet",))
    assert not any(each.closed.reason == "before_start" and each.closed.at != begin.instant for each in result.closings)
    assert result.state.asked_anew <= result.state.not_asked


def test_a_moment_before_everything_changes_nothing(laws: Machine) -> None:
    """Nothing was due before it."""
    source = random.Random(1)
    history = history_of(source, laws)
    early = replace(laws, ask_from=AskFrom(at(-DAY)))
    states = [fold(each, "anna", PersonState(), history, at(99 * DAY)).state for each in (laws, early)]
    assert encode(states[0]) == encode(states[1])
