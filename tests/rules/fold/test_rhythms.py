"""Rhythms counted from their anchor, and waits and due times that follow their fact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from lifecycle.errors import PolicyRefused
from lifecycle.instant import from_microseconds, microseconds
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.calendar import WorkingTime
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Calendar
from lifecycle.rules.language.schedule import Duration
from lifecycle.rules.state.snapshot import PersonState, decode, encode
from lifecycle.touchpoint import Touchpoint

VIENNA = ZoneInfo("Europe/Vienna")

POLICY = """
policy: rhythms
language: 1
calendar: {zone: Europe/Vienna}
settings: {length: {depends_on: pace, slow: 300 days, quick: 60 days}}
defaults: {due: 1 hour, expires: 1 hour}
lanes: [{is: all}]
touchpoints:
  tale.begun: {by: person}
  pace.judged: {by: us, data: {pace: [slow, quick]}}
  word.sent: {by: us}
  day.named: {by: person, data: {day: date within 5 years}}
facts:
  judged: {last: pace.judged.pace}
  pace: {choose: [{is: quick, when: {fact.judged: quick}}, {is: slow}]}
  sent: {last: word.sent}
  day: {last: day.named.day}
tracks:
  watch: {per: person, start: here, stages: {here: {means: Here., review: {every: 90 years}}}}
  tale:
    per: person
    start: told
    begins: [tale.begun]
    stages:
      told:
        means: I tell it.
        tasks: {TASKS}
        MORE
      over: {means: Over., watched_by: watch}
"""


def machine_of(tasks: str, more: str = "watched_by: watch") -> Machine:
    return compile_policy(load_policy(POLICY.replace("TASKS", tasks).replace("MORE", more)))


def vienna(text: str) -> datetime:
    """Return a time by the clock in Vienna."""
    return datetime.fromisoformat(text).replace(tzinfo=VIENNA).astimezone(UTC)


def came(name: str, kind: str, at: str, **data: str) -> Touchpoint:
    return Touchpoint("anna", "s", name, kind, vienna(at), None, data)


def asked(machine: Machine, history: list[Touchpoint], until: str, what: str = "opened") -> list[str]:
    """Return when each task of the tale opened, by the clock in Vienna."""
    trail: list[Step] = []
    fold(machine, "anna", PersonState(), history, vienna(until), trail=trail)
    return [
        step.at.astimezone(VIENNA).strftime("%Y-%m-%d %H:%M")
        for step in trail
        if step.what == what and step.track == "tale"
    ]


def test_a_review_is_counted_from_the_entry_each_time() -> None:
    """Entered on 31 January, monthly: the last day of short months only there."""
    machine = machine_of("", "review: {every: 1 month}")
    assert asked(machine, [came("1", "tale.begun", "2026-01-31T10:00")], "2026-06-01T00:00") == [
        "2026-02-28 10:00",
        "2026-03-31 10:00",
        "2026-04-30 10:00",
        "2026-05-31 10:00",
    ]


def test_a_clock_time_that_is_not_there_moves_that_day_only() -> None:
    """02:30 is missing on 29 March 2026."""
    machine = machine_of("", "review: {every: 1 day}")
    assert asked(machine, [came("1", "tale.begun", "2026-03-27T02:30")], "2026-03-31T12:00") == [
        "2026-03-28 02:30",
        "2026-03-29 03:00",
        "2026-03-30 02:30",
        "2026-03-31 02:30",
    ]


def test_a_review_skips_the_rounds_in_which_its_last_one_is_open() -> None:
    """Every seven days, and nobody looks: due after three, given up after thirty more."""
    policy = POLICY.replace("defaults: {due: 1 hour, expires: 1 hour}\n", "defaults: {due: 3 days, expires: 30 days}\n")
    machine = compile_policy(load_policy(policy.replace("TASKS", "").replace("MORE", "review: {every: 7 days}")))
    history = [came("1", "tale.begun", "2026-01-01T10:00")]
    assert asked(machine, history, "2026-03-01T00:00") == ["2026-01-08 10:00", "2026-02-12 10:00"]


def test_a_repeated_task_counts_from_the_closing_of_its_last_one() -> None:
    """Given up two hours after it was asked."""
    machine = machine_of("call: {every: 1 month, ask: C}")
    assert asked(machine, [came("1", "tale.begun", "2026-01-31T10:00")], "2026-05-01T00:00") == [
        "2026-02-28 10:00",
        "2026-03-28 12:00",
        "2026-04-28 14:00",
    ]


def test_a_try_that_a_guard_refused_counts_as_a_period() -> None:
    """Refused at the end of February and of March: the rhythm goes on from the entry."""
    machine = machine_of("call: {every: 1 month, ask: C, when: {fact.judged: {given: true}}}")
    history = [
        came("1", "tale.begun", "2026-01-31T10:00"),
        came("2", "pace.judged", "2026-04-02T10:00", pace="slow"),
    ]
    assert asked(machine, history, "2026-05-15T00:00") == ["2026-04-30 10:00"]


def test_a_first_one_of_its_own_is_the_anchor_until_one_is_closed() -> None:
    """`after: 10 days`, then every month; the first one is refused."""
    machine = machine_of("call: {after: 21 days, every: 1 month, ask: C, when: {fact.judged: {given: true}}}")
    history = [
        came("1", "tale.begun", "2026-01-10T10:00"),
        came("2", "pace.judged", "2026-03-02T10:00", pace="slow"),
    ]
    assert asked(machine, history, "2026-04-15T00:00") == ["2026-03-31 10:00"]


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ("call: {after: $length, ask: C}", "2026-04-11 10:00"),  # 100 days after the entry: 60 are behind
        ("call: {every: $length, ask: C}", "2026-04-11 10:00"),
        ("call: {at: $length after sent, ask: C}", "2026-05-01 12:00"),
        ("call: {every: $length after sent, ask: C}", "2026-05-01 12:00"),
    ],
)
def test_a_wait_follows_its_fact_from_where_it_began(tasks: str, expected: str) -> None:
    """Judged quick on the hundredth day: 60 days from the anchor, and today where that lies behind."""
    history = [
        came("1", "tale.begun", "2026-01-01T10:00"),
        came("2", "word.sent", "2026-03-02T12:00"),
        came("3", "pace.judged", "2026-04-11T10:00", pace="quick"),
    ]
    assert asked(machine_of(tasks), history, "2026-06-01T00:00")[:1] == [expected]
    assert asked(machine_of(tasks), history[:2], "2026-10-01T00:00") == []


def test_a_timed_move_follows_its_fact_both_ways() -> None:
    """Quick, and slow again before the 60 days are over."""
    machine = machine_of("", "later: [{after: $length, to: over}]")
    history = [
        came("1", "tale.begun", "2026-01-01T10:00"),
        came("2", "pace.judged", "2026-01-11T10:00", pace="quick"),
        came("3", "pace.judged", "2026-02-11T10:00", pace="slow"),
    ]
    assert asked(machine, history[:2], "2027-01-01T00:00", "moved") == ["2026-03-02 10:00"]
    assert asked(machine, history, "2027-01-01T00:00", "moved") == ["2026-10-28 10:00"]


def test_a_review_follows_its_fact_and_keeps_the_rhythm_of_the_entry() -> None:
    """Quick on the hundredth day: now, then on day 120 and 180."""
    machine = machine_of("", "review: {every: $length}")
    history = [
        came("1", "tale.begun", "2026-01-01T10:00"),
        came("2", "pace.judged", "2026-04-11T10:00", pace="quick"),
    ]
    assert asked(machine, history, "2026-07-15T00:00") == ["2026-04-11 10:00", "2026-05-01 10:00", "2026-06-30 10:00"]


def test_a_fact_that_follows_a_stage_is_followed_when_time_moves_it() -> None:
    """Time alone moves another track, and with it the word that the length depends on."""
    policy = (
        POLICY.replace("when: {fact.judged: quick}", "when: {stage.tide: out}")
        .replace("TASKS", "call: {after: $length, ask: C}")
        .replace("MORE", "watched_by: watch")
    )
    policy += """
  tide:
    per: person
    start: in
    begins: [tale.begun]
    stages:
      in: {means: I rise., later: [{after: 100 days, to: out}]}
      out: {means: I fall., watched_by: watch}
"""
    machine = compile_policy(load_policy(policy))
    history = [came("1", "tale.begun", "2026-01-01T10:00")]
    assert asked(machine, history, "2026-06-01T00:00") == ["2026-04-11 10:00"]


def test_a_due_time_that_is_a_fact_follows_it_with_its_expiry() -> None:
    """Another day is named while the task is open; what a duration said was said at opening."""
    machine = machine_of("call: {ask: C, due: day, expires: 2 days}, note: {ask: Note, due: $length}")
    history = [
        came("0", "day.named", "2026-01-01T09:00", day="2026-02-02"),
        came("1", "tale.begun", "2026-01-01T10:00"),
        came("2", "day.named", "2026-01-05T10:00", day="2026-03-03"),
        came("3", "pace.judged", "2026-01-05T10:00", pace="quick"),
    ]
    state = fold(machine, "anna", PersonState(), history, vienna("2026-01-06T00:00")).state
    due = {task.rule: tuple(map(from_microseconds, (task.due_at, task.expires_at))) for task in state.tasks.values()}
    assert due["call"] == (vienna("2026-03-03T17:00"), vienna("2026-03-05T17:00"))
    assert due["note"][0] == vienna("2026-10-28T10:00")


def test_a_due_time_that_somebody_put_off_follows_nothing_else() -> None:
    """They said when."""
    machine = machine_of("call: {ask: C, due: day}")
    history = [
        came("0", "day.named", "2026-01-01T09:00", day="2026-02-02"),
        came("1", "tale.begun", "2026-01-01T10:00"),
    ]
    (task_id,) = fold(machine, "anna", PersonState(), history, None).state.tasks
    history += [
        came("2", "task.postponed", "2026-01-04T10:00", task=task_id, until="2026-04-04T12:00:00Z"),
        came("3", "day.named", "2026-01-05T10:00", day="2026-03-03"),
    ]
    (task,) = fold(machine, "anna", PersonState(), history, None).state.tasks.values()
    assert from_microseconds(task.due_at) == datetime(2026, 4, 4, 12, tzinfo=UTC)


def test_a_due_time_that_comes_to_lie_long_ago_expires_at_once() -> None:
    """The day was named wrongly: nobody can do it any more."""
    machine = machine_of("call: {ask: C, due: day, expires: 2 days}")
    history = [
        came("0", "day.named", "2026-01-01T09:00", day="2026-05-05"),
        came("1", "tale.begun", "2026-01-01T10:00"),
        came("2", "day.named", "2026-03-05T10:00", day="2026-01-03"),
    ]
    result = fold(machine, "anna", PersonState(), history, vienna("2026-03-05T10:00"))
    assert [(each.closed.state, each.closed.at) for each in result.closings] == [
        ("expired", microseconds(vienna("2026-03-05T10:00")))
    ]


@pytest.mark.parametrize(
    ("fact", "guard"),
    [("{count: word.sent, within: 30 days}", "{at_least: 2}"), ("{last: word.sent}", "{within: 30 days}")],
)
def test_a_length_that_would_change_as_time_passes_is_refused(fact: str, guard: str) -> None:
    """Nobody would be told; with the way out."""
    policy = POLICY.replace("sent: {last: word.sent}", f"sent: {fact}").replace(
        "when: {fact.judged: quick}", f"when: {{fact.sent: {guard}}}"
    )
    with pytest.raises(PolicyRefused) as refused:
        load_policy(policy.replace("TASKS", "call: {after: $length, ask: C}").replace("MORE", "watched_by: watch"))
    assert 'The fact "pace" changes as time passes, by "within", and how long something waits must not.' in str(
        refused.value
    )


def test_a_review_that_news_could_put_off_for_ever_is_refused() -> None:
    """It is what is left when nothing comes."""
    with pytest.raises(PolicyRefused) as refused:
        machine_of("", "review: {every: 30 days after sent}")
    assert (
        'A review comes whatever happens, and news of "sent" would put it off. Write every: 30 days. [review]'
        in str(refused.value)
    )


UNITS = ["hour", "day", "week", "month", "year", "business hour", "business day"]


@given(
    st.integers(0, 5 * 365 * 24 * 60).map(lambda each: datetime(2022, 1, 1, tzinfo=UTC) + timedelta(minutes=each)),
    st.builds(Duration, st.integers(1, 40), st.sampled_from(UNITS)),
    st.floats(0, 500),
)
def test_the_next_beat_is_the_first_whole_period_after_the_last_one(
    anchor: datetime, period: Duration, days: float
) -> None:
    """As if they were counted one by one."""
    time = WorkingTime(Calendar(zone="Europe/Vienna", holidays="AT"))
    last = anchor + timedelta(days=days)
    number = 1
    while time.after(Duration(number * period.number, period.unit), anchor) <= last:
        number += 1
    assert time.next_beat(period, anchor, last) == time.after(Duration(number * period.number, period.unit), anchor)


def test_a_rhythm_goes_on_from_a_stored_state() -> None:
    """Anchors and what came are in the snapshot."""
    machine = machine_of("call: {after: 3 days, every: 1 month, ask: C}", "review: {every: 1 month}")
    history = [came("1", "tale.begun", "2026-01-28T10:00")]
    whole = encode(fold(machine, "anna", PersonState(), history, vienna("2027-01-01T00:00")).state)
    state = fold(machine, "anna", PersonState(), history, None).state
    for month in range(2, 13):
        state = decode(encode(fold(machine, "anna", state, [], vienna(f"2026-{month:02}-28T11:00")).state))
    assert encode(fold(machine, "anna", state, [], vienna("2027-01-01T00:00")).state) == whole
