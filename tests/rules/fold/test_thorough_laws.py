"""Looking only at what changed is no other rule than looking at everything, always: held on policies of all sorts.

The twin of each law is the same fold made thorough: after every touchpoint and every round everything counts as changed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from lifecycle.ask_from import AskFrom
from lifecycle.instant import Instant
from lifecycle.policies import shipped_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import ANYTHING, PLACE, TOLD, Machine, Take, TypeTable
from lifecycle.rules.fold import places, steps, timers
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.following import follow, next_due
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, decode, encode
from lifecycle.touchpoint import Touchpoint, order_key
from tests.engine.random_histories import random_touchpoint, with_outcomes
from tests.rules.fold import test_time_laws as timed
from tests.rules.histories import at
from tests.rules.proof import claims
from tests.seeds import seeds

MARKS = """
policy: marks
language: 1
calendar: {zone: Europe/Vienna, zone_from: fact.where, holidays_from: fact.country}
settings: {length: {depends_on: pace, slow: 20 days, quick: 4 days}}
lanes:
  - {is: glad, when: {fact.mood: good}}
  - {is: tidal, when: {stage.tide: out, fact.lately: {at_least: 1}}}
  - {is: placed, when: {any.need: placed}}
  - {is: others}
contact:
  offered: {reaches: person, most: 2 per 10 days, quiet: 19:00 to 09:00, stops: {fact.mood: good, fact.lately: {at_least: 2}}}
  tidal: {reaches: person, quiet: 12:00 to 15:00, stops: {stage.tide: out}}
  owed: {reaches: person, stops: {any.need: placed, fact.allows: nothing}}
touchpoints:
  need.stated: {by: person, data: {need: id}, optional: {day: date within 1 year}}
  need.placed: {by: person, data: {need: id}}
  pace.judged: {by: us, data: {pace: [slow, quick]}}
  wish.told: {by: person, data: {allows: [everything, nothing]}}
  place.told: {by: person, data: {where: zone, country: country}}
  cash.paid: {by: person, data: {amount: number}}
  reply.sent: {by: us, data: {need: id}}
facts:
  where: {last: place.told.where}
  country: {last: place.told.country}
  judged: {last: pace.judged.pace}
  allows: {last: wish.told.allows}
  heard: {last: any by person}
  paid: {sum: cash.paid.amount}
  lately: {count: cash.paid, within: 9 days}
  mood: {choose: [{is: good, when: {fact.pace: quick}}, {is: bad}]}
  pace:
    choose:
      - {is: quick, when: {fact.judged: quick, stage.tide: "in"}}
      - {is: quick, when: {fact.paid: {at_least: 10}}}
      - {is: slow}
tracks:
  tide:
    per: person
    start: "in"
    stages:
      "in": {means: I rise., later: [{after: 9 days, to: out}]}
      out: {means: I fall., later: [{after: $length, to: "in"}], tasks: {watch_it: {ask: See, contact: tidal}}}
  watch: {per: person, start: here, stages: {here: {means: Here., review: {every: 1 month}}}}
  need:
    per: need
    start: stated
    begins: need.stated
    upon: {need.placed: placed}
    facts: {day: {last: need.stated.day}, replied: {last: reply.sent}}
    stages:
      stated:
        means: I said it.
        tasks:
          answer: {ask: A, contact: owed, due: 1 business day, expires: 9 days, done_by: reply.sent, or_else: {ask: Now}}
          gift: {after: $length, ask: B, contact: offered, due: 3 days, expires: 14 days}
          letter: {every: 5 days after heard, ask: C, contact: offered, due: 2 days, expires: 13 days, done_by: need.stated}
          visit: {at: 6 days after heard, ask: D, contact: tidal, due: day, expires: 9 days}
          remind: {at: $length before day, every: 5 days, ask: E, contact: owed, due: 1 hour, expires: 1 day}
        later: [{at: 40 days after heard, to: over}]
      placed:
        means: I have it.
        tasks: {ask_how: {every: $length, ask: F, contact: tidal, due: 1 day, expires: 6 days}}
        later: [{after: 60 days, to: over}]
      over: {means: Over., watched_by: watch}
"""
"""Each thing that is worked out anew depends on facts, through `choose` facts, on stages, and on stages that time moves."""

UNTIL = 120 * 24.0


def marks_history(source: random.Random, machine: Machine) -> list[Touchpoint]:
    """Return touchpoints of two months, many at one instant, and what became of the tasks that they lead to."""
    made = [
        random_touchpoint(source, machine.policy, "anna", number, at(0))._replace(
            occurred_at=at(24.0 * source.randrange(60) + source.choice((0, 0, 0, 3.5, 9.25)))
        )
        for number in range(source.randrange(5, 20))
    ]
    # Exactly when a wait that counts from news of theirs ends.
    made += [
        each._replace(id=f"again{number}", occurred_at=each.occurred_at + timedelta(days=source.choice((4, 5, 6, 20))))
        for number, each in enumerate(source.sample(made, 3))
    ]
    return sorted(with_outcomes(source, machine, made, at(UNTIL)), key=order_key)


Case = tuple[Machine, list[Touchpoint], datetime]
"""A policy, a history, and until when time moves."""


def of_marks(source: random.Random) -> Case:
    machine = MACHINES["marks"]
    return machine, marks_history(source, machine), at(UNTIL)


def of_time(source: random.Random) -> Case:
    machine = MACHINES["time"]
    return machine, timed.history_of(source, machine), at(UNTIL)


def of_any_policy(source: random.Random) -> Case:
    policy, _ = claims.policy_text(source)
    return compile_policy(load_policy(policy)), claims.history(source), at(24.0 * 400)


def of_default(source: random.Random) -> Case:
    machine = MACHINES["default"]
    made = [
        random_touchpoint(source, machine.policy, "anna", number, at(0)) for number in range(source.randrange(5, 25))
    ]
    return machine, sorted(with_outcomes(source, machine, made, at(24.0 * 700)), key=order_key), at(24.0 * 900)


MACHINES = {
    "marks": compile_policy(load_policy(MARKS)),
    "time": compile_policy(load_policy(timed.POLICY)),
    "default": compile_policy(load_policy(shipped_policy())),
}
CASES: dict[str, Callable[[random.Random], Case]] = {
    "marks": of_marks,
    "any policy": of_any_policy,
    "time": of_time,
    "default": of_default,
}
SEEDS = seeds([(name, seed) for seed in range(40) for name in CASES], quick=16)
"""(case, seed)."""


def made(name: str, seed: int, patch: pytest.MonkeyPatch) -> Case:
    """Return one case; every other asks from a moment somewhere in its history, and every third has few places."""
    if seed % 3 == 0:
        patch.setattr(places, "MAX_OPEN_OF_RULE", 1)
    source = random.Random(seed)
    machine, history, until = CASES[name](source)
    if seed % 2 and history:
        begin = source.choice(history).occurred_at + timedelta(days=source.randrange(20))
        machine = replace(machine, ask_from=AskFrom(begin, source.choice((1, 9))))
    return machine, history, until


def look_at_everything(patch: pytest.MonkeyPatch) -> None:
    """Let everything count as changed, after every touchpoint and every round, in a fold that is told of (`tells`).

    Where places are short, what waits for one is not looked at without need: who waits for the end of quiet hours does
    not wait for a place meanwhile.
    """
    marks = ANYTHING if places.MAX_OPEN_OF_RULE > 1 else ANYTHING & ~PLACE

    def thorough(module: ModuleType, name: str) -> None:
        settle = getattr(module, name)

        def settled(work: Working, *rest: Any) -> None:
            work.dirty = marks | TOLD
            work.followed = work.machine.followed.every
            settle(work, *rest)

        patch.setattr(module, name, settled)

    thorough(steps, "settle")
    thorough(timers, "_settle")


@pytest.mark.parametrize("case", SEEDS, ids=str)
def test_looking_at_what_changed_is_looking_at_everything(
    case: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lanes, stops, quiet hours, what follows a fact and rules that are due alone, in one leap and in steps."""
    machine, history, until = made(*case, monkeypatch)
    leap = encode(fold(machine, "anna", PersonState(), history, until).state)
    hours = (until - at(0)) / timedelta(hours=1)
    assert timed.in_steps(random.Random(case[1]), machine, history, hours) == leap
    look_at_everything(monkeypatch)
    assert encode(fold(machine, "anna", PersonState(), history, until, tells=True).state) == leap


def exact_due(work: Working, moment: Instant) -> Instant:
    """Return when time has something to do next, with everything followed, as a fold from the snapshot finds it."""
    twin = twin_of(work)
    twin.followed = work.machine.followed.every
    follow(twin, moment)
    return next_due(twin)


def twin_of(work: Working) -> Working:
    return Working(work.machine, work.person, decode(encode(work.state)), None)


def seen(take: Take) -> Take:
    """Return how a type is taken in, with a look at the bound after it."""

    def taken(work: Working, table: TypeTable, touchpoint: Touchpoint, moment: Instant, steps: Any) -> None:
        take(work, table, touchpoint, moment, steps)
        assert work.due <= min(next_due(twin_of(work)), exact_due(work, moment))

    return taken


@pytest.mark.parametrize("case", SEEDS, ids=str)
def test_time_has_nothing_to_do_before_the_bound(case: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """After every touchpoint; a bound that came later than what is due would let it pass."""
    machine, history, until = made(*case, monkeypatch)
    machine = replace(
        machine, types={name: replace(each, take=seen(each.take)) for name, each in machine.types.items()}
    )
    assert fold(machine, "anna", PersonState(), history, until).state.touchpoints == len(history)
