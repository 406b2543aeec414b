"""A small policy for tests of scenario tables, and short ways to read and run one."""

from __future__ import annotations

from textwrap import dedent

from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.scenarios.run import RowResult, run_scenario
from lifecycle.rules.scenarios.table import Scenario, read_scenario

POLICY = """
policy: small-shop
language: 1
settings: {cadence: {depends_on: habit, often: 10 days, seldom: 40 days}}
calendar: {zone: Europe/Vienna, holidays: AT}
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
touchpoints:
  need.stated: {by: person, data: {need: id, words: text}, optional: {urgent: yes_or_no, people: whole}}
  reply.sent: {by: us, data: {need: id}}
  decision.made: {by: person, data: {need: id, outcome: [with_us, elsewhere]}}
  purchase.completed: {by: person, data: {amount: money}}
facts:
  bought: {ever: purchase.completed}
  visits: {count: need.stated}
  heard: {last: any by person}
  spent: {sum: purchase.completed.amount}
  habit: {choose: [{is: often, when: {fact.visits: {at_least: 3}}}, {is: seldom}]}
tracks:
  watch:
    per: person
    start: here
    stages:
      here:
        means: I am here.
        tasks: {look: {every: $cadence after heard, ask: "How are they?"}}
        review: {every: 2 years}
  need:
    per: need
    start: stated
    begins: [need.stated]
    upon: {decision.made: [{when: {outcome: with_us}, to: met}, {to: lost}]}
    stages:
      stated:
        means: I have said what I need.
        tasks:
          answer:
            ask: Answer them.
            due: 1 day
            expires: 1 day
            done_by: reply.sent
            or_else: {ask: Call them., by: team_lead, due: 4 hours}
        later: [{after: 60 days, to: met}]
      met: {means: It is done., watched_by: watch}
      lost:
        means: I went elsewhere.
        loss: true
        tasks: {thank: {ask: Thank them., due: 3 business days}}
        later: [{after: 90 days, to: met}]
"""

HEAD = "scenario  a test\npolicy  small_shop   clock  Europe/Vienna   tracks  need\n\n"
COLUMNS = "time | touchpoint | expected stages | expected tasks\n"
STATED = "2026-03-02 10:00 | need.stated need=n1 words=x | need[n1]=stated | + need[n1].answer due 2026-03-03 10:00\n"


def machine_of(text: str = POLICY) -> Machine:
    """Return a policy compiled."""
    return compile_policy(load_policy(text, name="shop.yaml"))


MACHINE = machine_of()


def read(text: str, machine: Machine = MACHINE) -> Scenario:
    """Read a table."""
    return read_scenario(dedent(text), machine.policy, name="table.txt")


def run(text: str, machine: Machine = MACHINE) -> list[RowResult]:
    """Read a table and run it."""
    return run_scenario(machine, read(text, machine))


def problems(text: str, machine: Machine = MACHINE) -> list[str]:
    """Return LINE: PROBLEM for everything that is wrong in a run of a table."""
    return [f"{result.row.line}: {problem}" for result in run(text, machine) for problem in result.problems]
