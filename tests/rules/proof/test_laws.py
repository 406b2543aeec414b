"""Laws of the checker: what it proves holds for every person, and what it says of guards holds for every touchpoint.

Policies and histories are drawn at random; the compiled policy is asked, not the checker, what happens.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings, strategies as st

from lifecycle.instant import microseconds
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.obligations import next_obligation
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.proof.check import check_policy
from lifecycle.rules.proof.guards import Decider
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.touchpoint import Touchpoint
from tests.rules.histories import at, take_facts, touchpoint

HEAD = """\
policy: test
language: 1
lanes: [{is: customer, customers: true, when: {fact.ever: true}}, {is: prospect}]
touchpoints:
  thing.begun: {by: person, data: {thing: id, day: date within 1 year}}
  thing.told: {by: person, data: {thing: id, word: [one, two, three], size: whole, paid: money, sure: yes_or_no}, optional: {mood: [good, bad], day: date}}
  thing.seen: {by: us, data: {thing: id}}
facts:
  ever: {ever: thing.told}
  often: {count: thing.told}
  lately: {count: thing.told, within: 10 days}
  heard: {last: any by person}
  word: {last: thing.told.word}
  words: {set: thing.told.word}
  paid: {sum: thing.told.paid}
  mood: {last: thing.told.mood}
  feels: {choose: [{is: warm, when: {fact.mood: good}}, {is: cold, when: {fact.mood: bad}}]}
"""
WATCH = """
tracks:
  watch:
    per: person
    start: here
    stages: {here: {means: Here., review: {every: 1 year}}}
"""

WORDS = st.sampled_from(["one", "two", "three"])
SOME_WORDS = st.lists(WORDS, min_size=1, max_size=2, unique=True).map(lambda words: f"[{', '.join(words)}]")
BOUNDS = st.integers(0, 4)
RANGES = st.one_of(
    BOUNDS.map(lambda low: f"{{at_least: {low}}}"),
    BOUNDS.map(lambda high: f"{{less_than: {high}}}"),
    st.tuples(BOUNDS, BOUNDS).map(lambda pair: f"{{at_least: {min(pair)}, less_than: {max(pair) + 1}}}"),
    BOUNDS.map(str),
)
AMOUNTS = st.tuples(
    st.sampled_from(["at_least", "less_than"]), st.sampled_from([0, 2, 3]), st.sampled_from(["EUR", "USD"])
).map(lambda each: f"{{{each[0]}: {each[1]} {each[2]}}}")
FLAGS = st.sampled_from(["true", "false"])
GIVEN = FLAGS.map(lambda flag: f"{{given: {flag}}}")
WITHIN = st.sampled_from(["1 day", "24 hours", "10 days", "1 month", "30 days"]).map(lambda span: f"{{within: {span}}}")
DAYS = st.sampled_from(["2026-03-02", "2026-03-05", "2026-04-01"]).map(lambda day: f'{{at_least: "{day}"}}')

LINES = st.one_of(
    st.tuples(st.just("word"), st.one_of(WORDS, SOME_WORDS)),
    st.tuples(st.just("size"), RANGES),
    st.tuples(st.just("paid"), AMOUNTS),
    st.tuples(st.just("sure"), FLAGS),
    st.tuples(st.just("mood"), st.one_of(st.sampled_from(["good", "bad"]), GIVEN)),
    st.tuples(st.just("day"), st.one_of(DAYS, GIVEN)),
    st.tuples(st.just("fact.ever"), FLAGS),
    st.tuples(st.sampled_from(["fact.often", "fact.lately"]), RANGES),
    st.tuples(st.just("fact.heard"), st.one_of(WITHIN, GIVEN, DAYS)),
    st.tuples(st.just("fact.word"), st.one_of(WORDS, GIVEN)),
    st.tuples(st.just("fact.words"), st.one_of(SOME_WORDS.map(lambda words: f"{{has: {words}}}"), GIVEN)),
    st.tuples(st.just("fact.paid"), AMOUNTS),
    st.tuples(st.just("fact.feels"), st.sampled_from(["warm", "cold"])),
    st.tuples(st.sampled_from(["any.thing", "stage.thing"]), st.sampled_from(["begun", "told", "[begun, told]"])),
    st.tuples(st.sampled_from(["any.watch", "stage.watch"]), st.one_of(st.just("here"), GIVEN)),
)


def as_text(lines: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{left}: {right}" for left, right in dict(lines).items()) + "}"


GUARDS = st.recursive(
    st.lists(LINES, min_size=1, max_size=2).map(as_text),
    lambda inner: st.tuples(st.sampled_from(["any_of", "none_of"]), st.lists(inner, min_size=1, max_size=2)).map(
        lambda each: f"{{{each[0]}: [{', '.join(each[1])}]}}"
    ),
    max_leaves=3,
)
TOLD = st.fixed_dictionaries(
    {
        "word": WORDS,
        "size": st.integers(-1, 5),
        "paid": st.sampled_from(["0 EUR", "2 EUR", "2.50 EUR", "3 USD", "-1 USD"]),
        "sure": st.booleans(),
    },
    optional={
        "mood": st.sampled_from(["good", "bad"]),
        "day": st.sampled_from(["2026-03-01", "2026-03-05", "2026-05-01"]),
    },
)
GAPS = st.sampled_from([1.0, 24.0, 24.0 * 9, 24.0 * 31])


def history(told: list[tuple[float, dict[str, Any], str]]) -> list[Touchpoint]:
    """Return touchpoints about things, the first of each of which begins it."""
    found, hours, known = [], 0.0, set[str]()
    for number, (gap, data, thing) in enumerate(told):
        hours += gap
        if thing not in known:
            known.add(thing)
            found.append(touchpoint(f"b{number}", "thing.begun", hours, thing=thing, day="2026-06-01"))
            hours += 1
        found.append(touchpoint(f"t{number}", "thing.told", hours, thing=thing, **data))
    return found


HISTORIES = st.lists(st.tuples(GAPS, TOLD, st.sampled_from(["x", "y"])), min_size=1, max_size=4).map(history)


def answers(machine: Machine, touchpoints: list[Touchpoint]) -> list[bool]:
    """Return which lines of the list upon thing.told hold for the last touchpoint, as the fold would decide."""
    state = PersonState()
    fold(machine, "anna", state, touchpoints[:-1], None)
    last = touchpoints[-1]
    work = Working(machine, "anna", state, None)
    take_facts(work, last)
    view, told = work.view(last.data, microseconds(last.occurred_at)), machine.guards.told_guard
    view.key = last.data["thing"]
    view.own = state.tracks["thing"][view.key].facts
    lines = machine.tracks["thing"].stages["begun"].upon["thing.told"].lines
    return [line.when is None or told(line.when, "thing")(view) for line in lines]


@given(st.lists(GUARDS, min_size=1, max_size=3), st.booleans(), st.lists(HISTORIES, min_size=1, max_size=5))
@settings(max_examples=150)
def test_what_is_said_of_a_list_holds_for_every_touchpoint(
    guards: list[str], has_otherwise: bool, histories: list[list[Touchpoint]]
) -> None:
    """Lines said to exclude each other never fit at once, and a line said never to fit or decide never does."""
    lines = [f"{{when: {guard}, to: told}}" for guard in guards] + (["{to: stay}"] if has_otherwise else [])
    policy = load_policy(
        f"{HEAD}{WATCH}  thing:\n    per: thing\n    start: begun\n    begins: thing.begun\n    stages:\n"
        f"      begun: {{means: Begun., upon: {{thing.told: [{', '.join(lines)}]}}, watched_by: watch}}\n"
        "      told: {means: Told., watched_by: watch}\n"
    )
    verdict = Decider(policy).choices(policy.tracks["thing"].stages["begun"].upon["thing.told"], "thing", "thing.told")
    machine = compile_policy(policy)
    overlapping = {(one, other) for one, other, _ in verdict.overlaps}
    for touchpoints in histories:
        holding = [number for number, holds in enumerate(answers(machine, touchpoints)) if holds]
        guarded = [number for number in holding if number < len(guards)]
        assert all(verdict.holds[number] for number in holding)
        assert not holding or verdict.first[holding[0]]
        assert holding or verdict.may_pass
        # Of several lines that a line overlaps with the first is named.
        assert len(guarded) < 2 or any(other == guarded[1] for _, other in overlapping)


STAGES = ("s0", "s1", "s2")
SPANS = st.sampled_from(["0 days", "1 hour", "1 day", "30 days", "1 month", "400 days"])
TIMES = st.one_of(
    SPANS.map(lambda span: f"after: {span}"),
    st.sampled_from(["at: 5 days before day", "at: day", "at: 1 year after heard", "at: 2 days after seen"]),
)
WHENS = st.sampled_from(["", "", "", ", when: {fact.ever: true}", ", when: {fact.often: {less_than: 1}}"])
MOVES = st.tuples(TIMES, st.sampled_from(STAGES), WHENS)
ENDS = st.sampled_from(["", "", "review: {every: 1 year}", "watched_by: watch"])
UPON = st.dictionaries(
    st.sampled_from(["thing.told", "thing.seen", "any by person"]), st.sampled_from(STAGES), max_size=2
)
TASKS = st.sampled_from(["", "tasks: {look: {ask: Look}}", "tasks: {look: {after: 20 days, ask: Look}}"])


AGAINST_REST = {"no-way-out", "no-date", "no-limit", "watch", "loop-too-fast"}
"""What the law is about; an unreachable stage, for one, strands nobody."""


@st.composite
def stages(draw: st.DrawFn) -> str:
    """Return the stages of a track with moves, rests and tasks of all kinds; the last of them is a loss."""
    found = []
    for name in STAGES:
        moves = [
            f"{{{time}, to: {to}, name: m{number}{when}}}"
            for number, (time, to, when) in enumerate(draw(st.lists(MOVES, max_size=2)))
        ]
        end = draw(ENDS)
        parts = [
            "loss: true" if name == STAGES[-1] else "",
            f"later: [{', '.join(moves)}]" if moves else "",
            end or ("" if moves else "review: {every: 1 year}"),
            draw(TASKS),
        ]
        upon = ", ".join(f"{key}: {to}" for key, to in draw(UPON).items())
        found.append(f"      {name}: {{means: On., upon: {{{upon}}}, {', '.join(part for part in parts if part)}}}")
    return "\n".join(found)


def policy_with(body: str, *, per_person: bool) -> Policy:
    """Return a policy with these stages, of a thing under a track that watches, or of the person with no other track."""
    per, begins = ("person", "") if per_person else ("thing", "    begins: thing.begun\n")
    watching = "\n" if per_person else WATCH.replace("\ntracks:", "")
    if per_person:
        body = body.replace("watched_by: watch", "review: {every: 1 year}")
    return load_policy(
        f"{HEAD}tracks:{watching}  thing:\n    per: {per}\n    start: s0\n{begins}"
        f"    facts: {{day: {{last: thing.begun.day}}, seen: {{last: thing.seen}}}}\n    stages:\n{body}\n"
    )


def refusing(policy: Policy, codes: set[str]) -> bool:
    return any(each.code in codes for each in check_policy(policy) if each.severity == "refuses")


@pytest.mark.slow
@given(stages(), st.booleans(), HISTORIES, st.integers(0, 2_000))
@settings(max_examples=200)
def test_nobody_is_forgotten_by_a_policy_that_is_proved(
    body: str, per_person: bool, touchpoints: list[Touchpoint], days: int
) -> None:
    """At whatever moment one looks, every person has a next obligation, and the fold comes to rest."""
    policy = policy_with(body, per_person=per_person)
    assume(not refusing(policy, AGAINST_REST))
    machine = compile_policy(policy)
    until = touchpoints[-1].occurred_at + timedelta(days=days)
    state = fold(machine, "anna", PersonState(), touchpoints, until).state
    obligation = next_obligation(machine, state, until)
    assert obligation is not None
    assert at(0) < obligation.at


@pytest.mark.slow
@given(stages(), HISTORIES)
@settings(max_examples=200)
def test_after_a_loss_that_is_proved_silence_ends_in_a_task_within_a_year(
    body: str, touchpoints: list[Touchpoint]
) -> None:
    """Who came to a loss and says nothing more is asked for within a year, whatever time does meanwhile."""
    policy = policy_with(body, per_person=False)
    assume(not refusing(policy, {"loss", "loop-too-fast"}))
    machine = compile_policy(policy)
    last = touchpoints[-1].occurred_at
    trail: list[Step] = []
    fold(machine, "anna", PersonState(), touchpoints, last + timedelta(days=900), trail=trail)
    steps = [step for step in trail if step.track == "thing"]
    for loss in (step for step in steps if step.name == STAGES[-1] and 0 <= (step.at - last).days < 500):
        asked = [step.at for step in steps if step.what == "opened" and step.key == loss.key and step.at >= loss.at]
        assert asked
        assert min(asked) <= loss.at + timedelta(days=366)
