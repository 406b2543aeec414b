"""Windows age: a lane or a stop that looks at one changes at the moment at which something slides out of it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lifecycle.instant import microseconds
from lifecycle.rules.compiled import slides
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import Folded, can_append, fold
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, decode, encode
from lifecycle.touchpoint import Touchpoint, order_key

VIENNA = ZoneInfo("Europe/Vienna")

POLICY = """
policy: slides
language: 1
calendar: {zone: Europe/Vienna}
defaults: {due: 30 days, expires: 90 days}
lanes:
  - {is: regular, customers: true, when: {REGULAR}}
  - {is: others}
contact:
  usual: {reaches: person, stops: {STOPS}}
  inside: {reaches: nobody}
touchpoints:
  order.placed: {by: person, optional: {amount: money, holiday: time}}
facts:
  recent: {count: order.placed, within: 30 days}
  hasty: {count: order.placed, within: 36 hours}
  spent: {sum: order.placed.amount, within: 1 month}
  ordered: {last: order.placed}
  holiday: {last: order.placed.holiday}
  habit:
    choose:
      - {is: keen, when: {any_of: [{fact.recent: {at_least: 2}}, {fact.spent: {at_least: 100 EUR}}]}}
      - {is: calm}
tracks:
  watch:
    per: person
    start: here
    stages:
      here:
        means: Here.
        tasks: {greet: {ask: Hello, contact: usual}}
        review: {every: 1 year}
"""


def machine_of(regular: str = "fact.recent: {at_least: 1}", stops: str = "fact.ordered: {given: false}") -> Machine:
    return compile_policy(load_policy(POLICY.replace("REGULAR", regular).replace("STOPS", stops)))


def vienna(text: str) -> datetime:
    """Return a time by the clock in Vienna."""
    return datetime.fromisoformat(text).replace(tzinfo=VIENNA).astimezone(UTC)


def order(name: str, at: str, **data: str) -> Touchpoint:
    return Touchpoint("anna", "s", name, "order.placed", vienna(at), None, data)


def folded(machine: Machine, history: list[Touchpoint], until: str | None = None) -> Folded:
    return fold(machine, "anna", PersonState(), history, None if until is None else vienna(until))


def lane(result: Folded, machine: Machine) -> str:
    return machine.policy.lanes[result.state.lane].name


MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("regular", "changes"),
    [
        ("fact.recent: {at_least: 1}", vienna("2026-03-10T00:00")),  # 8 February and 30 days
        ("fact.hasty: {at_least: 1}", vienna("2026-02-09T22:00") + MICROSECOND),
        ("fact.spent: {at_least: 50 EUR}", vienna("2026-03-08T00:00")),
        ("fact.ordered: {within: 2 weeks}", vienna("2026-02-22T00:00")),
        ("fact.ordered: {within: 2 hours}", vienna("2026-02-08T12:00") + MICROSECOND),
        ("fact.habit: keen", vienna("2026-03-08T00:00")),
        ("none_of: [{fact.holiday: {within: 3 days}}]", vienna("2026-02-20T08:00")),  # reached, and so within
        ("any_of: [{fact.hasty: {at_least: 9}}, {fact.recent: {at_least: 1}}]", vienna("2026-03-10T00:00")),
    ],
)
def test_a_lane_changes_at_the_moment_at_which_its_window_slides(regular: str, changes: datetime) -> None:
    """It is what is due next, it is a timer that fired, and afterwards the lane is another."""
    machine = machine_of(regular)
    history = [order("1", "2026-02-08T10:00", amount="120 EUR", holiday="2026-02-20T08:00:00+01:00")]
    result = folded(machine, history)
    assert (result.next_due_at, lane(result, machine)) == (changes, "regular")
    before = fold(machine, "anna", PersonState(), history, changes - MICROSECOND)
    assert (before.next_due_at, before.state.last_fired_at) == (changes, result.state.last_fired_at)
    after = fold(machine, "anna", PersonState(), history, changes)
    assert (lane(after, machine), after.state.last_fired_at) == ("others", microseconds(changes))


def test_a_stop_that_begins_as_time_passes_withdraws_open_tasks() -> None:
    """Whoever has not ordered for two weeks is left in peace."""
    machine = machine_of(stops="none_of: [{fact.ordered: {within: 2 weeks}}]")
    result = folded(machine, [order("1", "2026-02-08T10:00")], "2026-02-28T00:00")
    assert [(each.closed.reason, each.closed.at) for each in result.closings] == [
        ("stopped", microseconds(vienna("2026-02-22T00:00")))
    ]


def test_a_policy_without_windows_in_lanes_and_stops_has_no_slides() -> None:
    """Nothing is looked for where nothing ages."""
    machine = machine_of("fact.ordered: {given: true}")
    assert machine.slides == ()
    assert folded(machine, [order("1", "2026-02-08T10:00")]).state.slides_at is None


def test_a_slide_that_changes_nothing_is_no_timer() -> None:
    """Three orders of which two are enough: only the second that leaves changes the lane."""
    machine = machine_of("fact.recent: {at_least: 2}")
    history = [order(str(day), f"2026-02-{day:02}T10:00") for day in (1, 5, 9)]
    assert folded(machine, history).next_due_at == vienna("2026-03-07T00:00")
    assert folded(machine, history, "2026-03-04T00:00").state.last_fired_at == microseconds(vienna("2026-02-01T10:00"))


def test_after_thirty_two_slides_the_search_goes_on_from_there() -> None:
    """Forty orders within 36 hours, of which one is enough: due at the 32nd, then at the last."""
    machine = machine_of("fact.hasty: {at_least: 1}")
    begin = vienna("2026-02-08T10:00")
    history = [
        Touchpoint("anna", "s", str(number), "order.placed", begin + timedelta(minutes=number), None, {})
        for number in range(40)
    ]
    gone = [each.occurred_at + timedelta(hours=36) + MICROSECOND for each in history]
    result = fold(machine, "anna", PersonState(), history, history[-1].occurred_at)
    assert result.next_due_at == gone[slides.MAX_SLIDES - 1]
    result = fold(machine, "anna", result.state, [], gone[slides.MAX_SLIDES - 1])
    assert (result.next_due_at, lane(result, machine)) == (gone[-1], "regular")
    result = fold(machine, "anna", result.state, [], gone[-1])
    assert lane(result, machine) == "others"


def random_machine(source: random.Random) -> Machine:
    regular = source.choice(
        (
            "fact.recent: {at_least: 2}",
            "fact.habit: keen, fact.hasty: {less_than: 2}",
            "any_of: [{fact.hasty: {at_least: 1}}, {fact.holiday: {within: 5 days}}, {fact.spent: {at_least: 90 EUR}}]",
        )
    )
    return machine_of(regular, source.choice(("fact.habit: calm", "fact.recent: {at_least: 3}")))


def random_history(source: random.Random) -> list[Touchpoint]:
    history = []
    for number in range(source.randrange(1, 12)):
        at = vienna("2026-01-05T10:00") + timedelta(hours=source.choice((0, 5, 24, 36)) * source.randrange(60))
        data = {"amount": f"{source.randrange(80)} EUR"} if source.random() < 0.7 else {}
        if source.random() < 0.4:
            data["holiday"] = f"2026-0{source.randrange(1, 7)}-11T08:00:00Z"
        kind = source.choice(("order.placed", "order.placed", "letter.unknown"))
        history.append(Touchpoint("anna", "s", str(number), kind, at, None, data))
    return sorted(history, key=order_key)


@pytest.mark.parametrize("seed", range(40))
def test_the_lane_is_right_at_every_moment_however_time_moved(seed: int) -> None:
    """Looked at every few hours, it is what the facts say then; and steps end in the same bytes as one leap."""
    source = random.Random(seed)
    machine, history = random_machine(source), random_history(source)
    state, moment = PersonState(), history[0].occurred_at
    rest, end = list(history), vienna("2026-09-01T00:00")
    while moment < end:
        ready = [each for each in rest if each.occurred_at <= moment]
        rest = rest[len(ready) :]
        assert all(can_append(state, order_key(each)) for each in ready)
        state = decode(encode(fold(machine, "anna", state, ready, moment).state))
        if state.begun_at is not None:
            assert state.lane == machine.lane_of(View(None, state.facts, state.tracks, microseconds(moment)))
        moment += timedelta(hours=source.choice((1, 7, 24, 100)))
    steps = encode(fold(machine, "anna", state, rest, end).state)
    assert steps == encode(fold(machine, "anna", PersonState(), history, end).state)
