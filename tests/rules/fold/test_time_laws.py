"""Time moved in steps of any size ends where one leap ends: budgets, rhythms, lengths and days that a fact gives."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import can_append, fold
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, decode, encode
from lifecycle.touchpoint import Touchpoint, order_key
from tests.rules.histories import at

POLICY = """
policy: laws
language: 1
lanes: [{is: everybody}]
calendar: {zone: Pacific/Auckland}
settings: {length: {depends_on: pace, slow: 20 days, quick: 4 days}}
contact:
  offered: {reaches: person, most: 2 per 10 days, quiet: 19:00 to 09:00, stops: {fact.allows: nothing}}
  news: {reaches: person, most: 3 per 20 days}
  owed: {reaches: person}
touchpoints:
  need.stated: {by: person, data: {need: id}}
  reply.sent: {by: us, data: {need: id}}
  wish.told: {by: person, data: {allows: [everything, nothing]}}
  pace.judged: {by: us, data: {pace: [slow, quick]}}
  day.named: {by: person, data: {need: id, day: date within 1 year}}
facts:
  allows: {last: wish.told.allows}
  replied: {last: reply.sent}
  judged: {last: pace.judged.pace}
  pace: {choose: [{is: quick, when: {fact.judged: quick, stage.tide: "in"}}, {is: slow}]}
tracks:
  tide:
    per: person
    start: "in"
    stages:
      "in": {means: I rise., later: [{after: 9 days, to: out}]}
      out: {means: I fall., later: [{after: $length, to: "in"}], tasks: {watch_it: {ask: See, contact: owed}}}
  watch: {per: person, start: here, stages: {here: {means: Here., review: {every: 1 month}}}}
  need:
    per: need
    start: stated
    upon: {need.stated: stated}
    facts: {day: {last: day.named.day}}
    stages:
      stated:
        means: I said it.
        tasks:
          answer: {ask: A, contact: owed, due: 1 business day, expires: 1 day, done_by: reply.sent, or_else: {ask: Now}}
          gift: {ask: B, contact: offered, due: 3 days, expires: 4 days}
          letter: {every: 5 days after replied, ask: C, contact: news, due: 2 days, expires: 3 days}
          call: {after: 3 days, ask: D, contact: offered, when: {fact.replied: {given: true}}}
          hello: {every: $length, ask: E, contact: owed, due: 1 day, expires: 1 day, when: {fact.judged: {given: true}}}
          meet: {after: 1 day, ask: F, contact: owed, due: day, expires: 3 days}
          remind: {at: $length before day, every: 5 days, ask: G, contact: news, due: 1 hour, expires: 1 day}
        later: [{after: 40 days, to: over}]
      over: {means: Over., watched_by: watch}
"""


@pytest.fixture(scope="module")
def machine() -> Machine:
    return compile_policy(load_policy(POLICY))


def history_of(source: random.Random, machine: Machine) -> list[Touchpoint]:
    """Return touchpoints of 60 days, many at one instant; outcomes name tasks that the fold has asked."""
    history: list[Touchpoint] = []
    for number in range(source.randrange(4, 14)):
        hours = 24.0 * source.randrange(60) + source.choice((0, 0, 5, 12.5))
        kind, data = source.choice(
            (
                ("need.stated", {"need": source.choice("abc")}),
                ("reply.sent", {"need": source.choice("abc")}),
                ("wish.told", {"allows": source.choice(("everything", "nothing"))}),
                ("pace.judged", {"pace": source.choice(("slow", "quick"))}),
                ("day.named", {"need": source.choice("abc"), "day": at(24 * source.randrange(80)).date().isoformat()}),
            )
        )
        history.append(Touchpoint("anna", "s", f"t{number}", kind, at(hours), None, data))
    for number in range(source.randrange(6)):
        hours = 24.0 * source.randrange(60) + source.choice((0, 7))
        result = fold(machine, "anna", PersonState(), sorted(history, key=order_key), at(90 * 24))
        if result.closings:
            data = {"task": source.choice(result.closings).closed.id}
            kind = source.choice(("task.completed", "task.declined"))
            history.append(Touchpoint("anna", "s", f"o{number}", kind, at(hours), None, data))
    return sorted(history, key=order_key)


def in_steps(source: random.Random, machine: Machine, history: list[Touchpoint], hours: float) -> str:
    """Fold in pieces, by way of the text, with time moved in between as far as the next touchpoint allows."""
    state, rest = PersonState(), list(history)
    while rest:
        count = source.randrange(1, 4)
        while count < len(rest) and rest[count].occurred_at == rest[count - 1].occurred_at:
            count += 1
        ready, rest = rest[:count], rest[count:]
        assert all(can_append(state, order_key(each)) for each in ready)
        until = ready[-1].occurred_at
        if rest:
            until += (rest[0].occurred_at - until) * source.random() - timedelta(microseconds=1)
        state = decode(encode(fold(machine, "anna", state, ready, until).state))
    due = fold(machine, "anna", state, [], None).next_due_at
    while due is not None and due <= at(hours) and source.random() < 0.95:
        result = fold(machine, "anna", state, [], due)
        state, due = decode(encode(result.state)), result.next_due_at
    return encode(fold(machine, "anna", state, [], at(hours)).state)


@pytest.mark.parametrize("seed", range(60))
def test_steps_of_any_size_end_where_one_leap_ends(seed: int, machine: Machine) -> None:
    """What waits, what counts and what is due are functions of the touchpoints alone."""
    source = random.Random(seed)
    history = history_of(source, machine)
    leap = encode(fold(machine, "anna", PersonState(), history, at(100 * 24)).state)
    assert in_steps(source, machine, history, 100 * 24) == leap
