"""The loader: every key of the notation, its accepted forms and defaults, and what each wrong form is told."""

from __future__ import annotations

import contextlib
import random
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import lifecycle.policies
from lifecycle.errors import PolicyRefused
from lifecycle.policies import shipped_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.language.facts import BUILT_IN
from lifecycle.rules.language.findings import HasFindings
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import (
    AnyOf,
    Compare,
    Every,
    FieldKind,
    Given,
    Guard,
    Has,
    Moment,
    Money,
    NoneOf,
    OneOf,
    Policy,
    Range,
    Stage,
    TaskRule,
    Within,
)
from lifecycle.rules.language.schedule import Duration

TEXT = """\
policy: tiny
language: 1
means: A sentence.
defaults: {by: us_all, due: 5 days, expires: 2 weeks}
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
touchpoints:
  need.stated: {by: person, data: {need: id}, optional: {words: text}}
  decision.made: {by: person, data: {need: id, outcome: [with_us, elsewhere]}, optional: {reason: text}}
  purchase.completed: {by: person, data: {amount: money, pieces: whole}}
  place.told: {by: person, data: {zone: zone, country: country, moved_on: date, since: time, sure: yes_or_no}}
  reply.sent: {by: us, optional: {need: id}, means: We wrote.}
  paper.signed: {by: person, data: {need: id, renewal_on: date within 1 year}}
  ratio.seen: {by: system, data: {ratio: number}}
facts:
  bought: {ever: purchase.completed}
  heard: {last: any by person}
  spend: {sum: purchase.completed.amount, within: 365 days}
  reasons: {set: decision.made.reason, when: {outcome: with_us}}
  outcomes: {set: decision.made.outcome}
  moved: {last: place.told.moved_on}
  count: {count: [need.stated, decision.made]}
  mood: {choose: [{is: good, when: {fact.bought: true}}, {is: bad}]}
tracks:
  in_touch:
    per: person
    start: here
    stages:
      here: {means: Here., review: {every: 1 year}}
  need:
    per: need
    start: stated
    begins: [need.stated]
    facts:
      renews: {last: paper.signed.renewal_on}
    upon: {decision.made: [{when: {outcome: with_us}, to: won}, {to: stay}]}
    stages:
      stated:
        means: I said it.
        upon: {any by us: stated, reply.sent: won}
        tasks:
          acknowledge: {ask: Answer}
        later: [{after: 60 days, to: won}]
      won: {means: Mine., watched_by: in_touch}
"""

GUARD = "{outcome: with_us}, to: won}"
TASK = "{ask: Answer}"
LATER = "[{after: 60 days, to: won}]"
BOUGHT = "{fact.bought: true}}, {is: prospect}"
MOOD = "{choose: [{is: good, when: {fact.bought: true}}, {is: bad}]}"


def load(old: str = "", new: str = "") -> Policy:
    """Return the tiny policy with one passage written otherwise."""
    assert TEXT.count(old) == 1 or not old, f"{old} stands {TEXT.count(old)} times"
    return load_policy(TEXT.replace(old, new) if old else TEXT, name="p.yaml")


def refusal(old: str, new: str) -> str:
    """Return what the tiny policy is told with one passage written otherwise."""
    with pytest.raises(PolicyRefused) as caught:
        load(old, new)
    return str(caught.value)


def stated(old: str, new: str) -> Stage:
    """Return the stage `stated` of the track `need`, with one passage written otherwise."""
    return load(old, new).tracks["need"].stages["stated"]


def task(text: str) -> TaskRule:
    """Return the task `acknowledge`, written like this."""
    return stated(TASK, text).tasks[0]


def guard_of_decision(text: str) -> Guard:
    """Return a guard under `upon: decision.made`."""
    guard = load(GUARD, f"{text}, to: won}}").tracks["need"].upon["decision.made"][0].when
    assert guard is not None
    return guard


def test_the_default_policy_loads_and_compiles() -> None:
    """What we ship has no finding."""
    assert lifecycle.policies.__file__ is not None
    path = Path(lifecycle.policies.__file__).with_name("customer_first.yaml")
    assert compile_policy(load_policy(path.read_text(encoding="utf-8"))).policy.name == "customer-first"


def test_the_parts_of_a_policy_keep_their_names_and_places() -> None:
    """Name, meaning, text, lanes, types, facts and tracks come as they were written."""
    policy = load()
    assert (policy.name, policy.means, policy.text) == ("tiny", "A sentence.", TEXT)
    assert [(lane.name, lane.customers) for lane in policy.lanes] == [("customer", True), ("prospect", False)]
    assert policy.lanes[1].when is None
    assert (policy.types["need.stated"].place.line, policy.types["need.stated"].place.column) == (7, 3)
    assert list(policy.tracks) == ["in_touch", "need"]
    assert policy.tracks["need"].per == "need"


def test_the_hash_names_content_and_not_layout() -> None:
    """Comments and quotes do not change it; a word does, and so does the order of keys."""
    one = load().hash
    assert load("policy: tiny", "policy: 'tiny'  # a comment").hash == one
    assert load("I said it.", "I said so.").hash != one
    assert load("due: 5 days, expires: 2 weeks", "expires: 2 weeks, due: 5 days").hash != one


def test_outcomes_of_tasks_are_built_in() -> None:
    """`task.completed` and `task.declined` are types of every policy, and no `any by` stands for them."""
    policy = load("stages:\n      here:", "upon: {task.completed: here, task.declined: stay}\n    stages:\n      here:")
    assert policy.types["task.completed"].required == {"task": FieldKind("task_id")}
    assert "task.completed" not in policy.tracks["in_touch"].begins
    assert (
        "task.completed"
        not in load("heard: {last: any by person}", "heard: {last: any by system}").facts["heard"].types
    )


def test_fields_have_their_kinds() -> None:
    """Kinds, lists of words and limited dates."""
    policy = load()
    assert policy.types["decision.made"].required["outcome"] == FieldKind("words", ("with_us", "elsewhere"))
    assert policy.types["paper.signed"].field("renewal_on") == FieldKind("date", within=Duration(1, "year"))
    assert policy.types["purchase.completed"].fields == ("amount", "pieces")
    assert policy.types["reply.sent"].required == {}


def test_any_by_stands_for_all_types_of_somebody() -> None:
    """In facts, under `upon`, under `begins` and in `done_by`."""
    persons = ("need.stated", "decision.made", "purchase.completed", "place.told", "paper.signed")
    assert load().facts["heard"].types == persons
    assert list(stated("", "").any_by) == ["us"]
    assert load("begins: [need.stated]", "begins: any by person").tracks["need"].begins == (
        "need.stated",
        "decision.made",
        "paper.signed",
    )
    assert list(task("{ask: A, done_by: any by us}").done_by) == ["reply.sent"]
    assert load("{last: place.told.moved_on}", "{last: any by person.moved_on}").facts["moved"].types == ("place.told",)


def test_begins_defaults_to_what_stands_under_upon() -> None:
    """For a keyed track the types under its `upon`, for a person any known type but the outcomes of tasks."""
    policy = load("    begins: [need.stated]\n", "")
    assert policy.tracks["need"].begins == ("decision.made",)
    assert set(policy.tracks["in_touch"].begins) == policy.types.keys() - BUILT_IN.keys()


def test_a_task_takes_the_defaults() -> None:
    """By, due and expires from `defaults`; opening at entry; done by its outcome only."""
    rule = task(TASK)
    assert (rule.by, rule.due, rule.expires) == ("us_all", Duration(5, "day"), Duration(2, "week"))
    assert (rule.after, rule.at, rule.every, rule.when, rule.or_else) == (None, None, None, None, None)
    assert (rule.done_by, rule.stays, rule.slot_name) == ({}, False, "stated.acknowledge")


def test_without_defaults_a_task_is_the_owners_within_three_days() -> None:
    """Owner, 3 business days, 30 days."""
    rule = load("defaults: {by: us_all, due: 5 days, expires: 2 weeks}\n", "").tracks["need"].stages["stated"].tasks[0]
    assert (rule.by, rule.due, rule.expires) == ("owner", Duration(3, "business day"), Duration(30, "day"))


def test_a_task_says_when_it_opens_and_is_due() -> None:
    """`after`, `at`, `every`, and `due` as a fact."""
    assert task("{ask: A, after: 3 days}").after == Duration(3, "day")
    assert task("{ask: A, at: renews}").at == Moment("renews", None, "after")
    assert task("{ask: A, at: 60 days before renews}").at == Moment("renews", Duration(60, "day"), "before")
    assert task("{ask: A, at: 1 year after heard}").at == Moment("heard", Duration(1, "year"), "after")
    assert task("{ask: A, every: 90 days}").every == Every(Duration(90, "day"), None)
    assert task("{ask: A, every: 90 days after heard}").every == Every(Duration(90, "day"), "heard")
    assert task("{ask: A, due: renews}").due == "renews"


def test_done_by_is_one_type_a_list_or_guards() -> None:
    """Every form of `done_by`."""
    assert dict(task("{ask: A, done_by: reply.sent}").done_by) == {"reply.sent": None}
    assert list(task("{ask: A, done_by: [reply.sent, need.stated]}").done_by) == ["reply.sent", "need.stated"]
    guarded = task("{ask: A, done_by: {decision.made: {outcome: with_us}}}").done_by["decision.made"]
    assert guarded is not None
    assert [(each.name, each.test) for each in guarded.conditions if isinstance(each, Compare)] == [
        ("outcome", OneOf(("with_us",)))
    ]


def test_or_else_takes_done_by_and_stays_from_its_task() -> None:
    """And the name of its task, with a slash, however deep; what it says itself counts."""
    rule = task(
        "{ask: A, stays: true, done_by: reply.sent, or_else: {ask: B, by: lead, or_else: {ask: C, stays: false}}}"
    )
    second = rule.or_else
    assert second is not None
    third = second.or_else
    assert third is not None
    assert (second.name, second.by, list(second.done_by)) == ("acknowledge/or_else", "lead", ["reply.sent"])
    assert (second.slot_name, third.slot_name) == ("stated.acknowledge/or_else", "stated.acknowledge/or_else/or_else")
    assert (second.stays, third.stays) == (True, False)


def test_a_review_has_a_question_and_an_owner_by_default() -> None:
    """`ask` and `by` may be left out."""
    review = load().tracks["in_touch"].stages["here"].review
    assert review is not None
    assert (str(review.ask), review.by) == ("Look again whether this is still right.", "us_all")
    assert review.every == Every(Duration(1, "year"), None)


def test_former_names_stay_in_task_ids() -> None:
    """`formerly` on a track, a stage and a task."""
    text = TEXT.replace("    per: need\n", "    per: need\n    formerly: wish\n")
    text = text.replace("means: I said it.", "means: I said it.\n        formerly: told").replace(
        TASK, "{ask: Answer, formerly: confirm}"
    )
    track = load_policy(text).tracks["need"]
    assert track.slot_name == "wish"
    assert track.stages["stated"].tasks[0].slot_name == "told.confirm"
    assert track.stages["stated"].later[0].slot_name == "told.later/won"


def test_a_timed_move_is_named_by_its_target_or_by_its_name() -> None:
    """So that changing 14 to 21 days keeps what follows from it."""
    moves = stated(
        LATER, "[{after: 60 days, to: won}, {at: renews, to: won, name: renewed, when: {fact.bought: true}}]"
    )
    assert [move.name for move in moves.later] == ["later/won", "later/renewed"]


@pytest.mark.parametrize(
    ("right", "test"),
    [
        ("{outcome: with_us}", OneOf(("with_us",))),
        ("{outcome: [with_us, elsewhere]}", OneOf(("with_us", "elsewhere"))),
        ("{outcome: {given: false}}", Given(False)),
        ("{fact.count: 3}", OneOf((3,))),
        ("{fact.count: {at_least: 3}}", Range(3, None)),
        ("{fact.count: {at_least: 1, less_than: 2.5}}", Range(1, Decimal("2.5"))),
        ("{fact.spend: {less_than: 100.50 EUR}}", Range(None, Money(Decimal("100.50"), "EUR"))),
        ("{fact.spend: 100 EUR}", OneOf((Money(Decimal(100), "EUR"),))),
        ('{fact.moved: {at_least: "2026-03-02"}}', Range("2026-03-02", None)),
        ('{fact.moved: "2026-03-02"}', OneOf(("2026-03-02",))),
        ('{fact.heard: {less_than: "2026-03-02T10:00:00Z"}}', Range(None, "2026-03-02T10:00:00Z")),
        ("{fact.heard: {within: 30 days}}", Within(Duration(30, "day"))),
        ("{fact.reasons: {has: price}}", Has(("price",))),
        ("{fact.outcomes: {has: [with_us, elsewhere]}}", Has(("with_us", "elsewhere"))),
        ("{fact.bought: true}", OneOf((True,))),
        ("{fact.mood: good}", OneOf(("good",))),
        ("{stage.in_touch: here}", OneOf(("here",))),
        ("{any.need: [won, stated]}", OneOf(("won", "stated"))),
        ("{any.need: {given: true}}", Given(True)),
    ],
)
def test_every_right_side_is_read(right: str, test: object) -> None:
    """Values, lists, ranges, times, sets and absence."""
    (condition,) = guard_of_decision(right).conditions
    assert isinstance(condition, Compare)
    assert condition.test == test


def test_any_of_and_none_of_hold_guards() -> None:
    """Nested as deep as one likes."""
    first, second = guard_of_decision(
        "{any_of: [{outcome: with_us}], none_of: [{any_of: [{outcome: with_us}]}]}"
    ).conditions
    assert isinstance(first, AnyOf)
    assert isinstance(second, NoneOf)
    assert isinstance(second.guards[0].conditions[0], AnyOf)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("policy: tiny\n", "", 'p.yaml:1:1: a policy needs "policy". [missing]'),
        ("policy: tiny", "policy: 3", 'p.yaml:1:9: "policy" of a policy is a text. Put it in quotes. [text]'),
        ("means: A sentence.", "means: 3", 'p.yaml:3:8: "means" of a policy is a text. Put it in quotes. [text]'),
        ("language: 1\n", "", 'A policy needs "language: 1". [missing]'),
        (
            "language: 1",
            "language: 2",
            "p.yaml:2:11: This program reads language 1. Write language: 1, or use a program",
        ),
        ("language: 1", "language: true", "This program reads language 1."),
        ("language: 1", "language: 1.0", "This program reads language 1."),
        ("language: 1", "langage: 1", 'p.yaml:2:1: "langage" is not a key of a policy. Did you mean "language"?'),
        (
            "means: A sentence.",
            "settings: {a: $b}",
            "3:15: A setting is a value, not another setting. Write the value.",
        ),
        ("means: A sentence.", "calendar: {zone: Mars}", '"Mars" is not a time zone. Write one such as Europe/Vienna.'),
        (
            "means: A sentence.",
            "calendar: {holidays: XX}",
            'The holidays of "XX" are not known. Write a country of two',
        ),
        ("means: A sentence.", "calendar: {hours: 9 to 5}", '"9 to 5" are no hours. Write them as 09:00 to 17:00.'),
        ("means: A sentence.", "calendar: {hours: 17:00 to 09:00}", "Work ends after it begins. Turn the hours round."),
        ("means: A sentence.", "calendar: {zone_from: fact.nobody}", '"fact.nobody" is not a fact.'),
        ("means: A sentence.", "calendar: {zone: localtime}", '"localtime" is not a time zone.'),
        ("means: A sentence.", "calendar: {zone: Factory}", '"Factory" is not a time zone.'),
        ("means: A sentence.", "calendar: {zone: ../UTC}", '"../UTC" is not a time zone.'),
        (
            "means: A sentence.",
            "calendar: {zone_from: fact.heard}",
            '"zone_from" needs a fact that remembers a field of the kind zone; "heard" is a time.',
        ),
        ("means: A sentence.", "contact: {offered: {}}", 'the kind of contact offered needs "reaches".'),
        ("means: A sentence.", "contact: {a: {reaches: all}}", '"all" is not reached. Known: nobody, person.'),
        ("means: A sentence.", "contact: {a: {reaches: person, most: 2}}", '"most" is a text such as "2 per 30 days".'),
        ("means: A sentence.", "contact: {a: {reaches: person, most: 0 per 1 day}}", '"0 per 1 day" is no budget.'),
        ("{by: us_all,", "{contact: a, by: us_all,", '"a" is not a kind of contact.'),
        ("due: 5 days", "due: 5", '"due" is a text such as "14 days". [duration]'),
        ("due: 5 days", "due: soon", '"soon" is not a duration. Write number, blank, unit: "14 days"; units are hours'),
        ("due: 5 days", "due: 5days", '"5days" is not a duration.'),
        ("due: 5 days", "due: -5 days", '"-5 days" is not a duration.'),
        ("due: 5 days", "due: 101 years", '"101 years" is not a duration. Write number, blank, unit: "14 days"; units'),
        ("due: 5 days", "due: 2 business weeks", '"2 business weeks" is not a duration.'),
        ("due: 5 days", "due: $patience", '"$patience" is not a setting. None is defined.'),
        ("by: us_all", "by: $who", '"$who" is not a setting. None is defined.'),
        ("defaults: {by: us_all,", "defaults: {bye: us_all,", '"bye" is not a key of defaults. Did you mean "by"?'),
        ("defaults: {by: us_all, due: 5 days, expires: 2 weeks}", "defaults: 3", '"defaults" is written as keys with'),
    ],
)
def test_wrong_keys_at_the_top_are_told(old: str, new: str, expected: str) -> None:
    """Section 1, and by name what this version does not read yet."""
    assert expected in refusal(old, new)


@pytest.mark.parametrize("part", ["lanes", "touchpoints", "tracks"])
def test_required_parts_are_missed(part: str) -> None:
    """Lanes, touchpoints and tracks must be there."""
    with pytest.raises(PolicyRefused, match=f'A policy needs "{part}"'):
        load_policy(TEXT.replace(f"{part}:", "means:" if part == "means" else f"{part.upper()}:"), name="p.yaml")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("need.stated: {by: person,", "need: {by: person,", '7:3: "need" is not a touchpoint type. Write two words'),
        ("ratio.seen:", "task.completed:", '"task.completed" is built in. Take this line out. [built-in]'),
        (
            "ratio.seen: {by: system",
            "ratio.seen: {by: nobody",
            '13:20: "nobody" is not who did it. Known: person, system',
        ),
        ("ratio.seen: {by: system, ", "ratio.seen: {", 'the touchpoint ratio.seen needs "by". [missing]'),
        (
            "{ratio: number}",
            "{Ratio: number}",
            '"Ratio" cannot be the name of a field. Write lower case letters, digits',
        ),
        ("{ratio: number}", "{ratio: numbr}", '13:42: "numbr" is not a kind of field. Did you mean "number"?'),
        ("{ratio: number}", "{ratio: 3}", '"3" is not a kind of field.'),
        ("{ratio: number}", "{ratio: []}", "A field's list is a word or a list of words, and this list is empty."),
        ("{ratio: number}", "{ratio: [a, b, a]}", '"a" stands twice in this list. Keep one. [twice]'),
        ("{ratio: number}", "{ratio: [true, false]}", "A field's list is a word or a list of words. [word]"),
        ("{ratio: number}", "{ratio: date within soon}", '"soon" is not a duration.'),
        ("{ratio: number}", "{ratio: date within $limit}", '"$limit" is not a setting. None is defined.'),
        (
            "{ratio: number}}",
            "{a: id}, optional: {a: id}}",
            '"a" of ratio.seen is both required and optional. Keep one.',
        ),
        ("{ratio: number}}", "{a: id}, per: a}", '"per" is not a key of a touchpoint.'),
        ("{by: system, data: {ratio: number}}", "system", "The touchpoint ratio.seen is written as keys with values"),
    ],
)
def test_wrong_touchpoints_are_told(old: str, new: str, expected: str) -> None:
    """Section 2."""
    assert expected in refusal(old, new)


FACT = "{ever: purchase.completed}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            FACT,
            "{ever: purchase.complete}",
            '"purchase.complete" is not a touchpoint. Did you mean "purchase.completed"?',
        ),
        (FACT, "{ever: purchase.completed.amount}", '"ever" of the fact "bought" takes a type without a field.'),
        (FACT, "{ever: purchase.completed, within: 3 days}", '"within" belongs to count and sum, not to ever.'),
        (FACT, "{evr: purchase.completed}", '"evr" is not a key of a fact. Did you mean "ever"?'),
        (FACT, "{evr: purchase.completed}", 'The fact "bought" is exactly one of ever, count, sum, first, last, set'),
        (FACT, "{ever: need.stated, last: need.stated}", 'The fact "bought" is exactly one of ever, count'),
        (FACT, "{ever: []}", "What a fact remembers is a word or a list of words, and this list is empty."),
        (FACT, "{ever: any by nobody}", '"any by nobody" is not a touchpoint.'),
        (FACT, "{ever: $types}", '"$types" is not a setting. None is defined.'),
        (FACT, "{sum: place.told.country}", '"place.told.country" is no number and no money; it cannot be summed.'),
        (
            FACT,
            "{sum: purchase.completed}",
            '"sum" of the fact "bought" needs a field, such as purchase.completed.amount',
        ),
        (FACT, "{set: purchase.completed}", '"set" of the fact "bought" needs a field, such as purchase.completed'),
        (
            FACT,
            "{sum: purchase.completed.amont}",
            '"amont" is not a field of purchase.completed. Did you mean "amount"?',
        ),
        (FACT, "{count: need.stated, within: 0 days}", '"within" needs a time longer than nothing. [duration]'),
        (FACT, "{count: need.stated, within: $window}", '"$window" is not a setting. None is defined.'),
        (FACT, "{last: [place.told.zone, place.told.country]}", "place.told stands twice here with different fields"),
        (
            FACT,
            "{last: [place.told.sure, ratio.seen.ratio]}",
            'The fact "bought" would remember values of different kinds',
        ),
        (FACT, "{last: [place.told.zone, need.stated]}", 'The fact "bought" would remember values of different kinds'),
        (
            "{outcome: with_us}}\n",
            "{fact.count: 3}}\n",
            '"when" of a fact sees fields of the touchpoint only, not "fact.',
        ),
        ("bought: {ever", "Bought: {ever", '15:3: "Bought" cannot be the name of a fact. Write lower case letters'),
        ("renews: {last", "moved: {last", '"moved" hides a fact of the policy. Give it another name. [twice]'),
        (MOOD, "{choose: []}", "This list decides nothing. Add a line or take it out. [empty-list]"),
        (MOOD, "{choose: [{is: a}, {is: b}]}", 'Only the last line may lack "when". Line 1 hides line 2. [hidden]'),
        (MOOD, "{choose: [{to: a}]}", 'This line needs "is:". [missing]'),
        (MOOD, "{choose: [{is: 3}]}", "What a fact is is one word. [word]"),
        (MOOD, "{choose: [{is: a}], within: 3 days}", '"within" is not a key of a fact of kind choose.'),
        (
            MOOD,
            "{choose: [{is: true, when: {fact.bought: true}}, {is: b}]}",
            "is true or false in one line and a word in",
        ),
        (
            MOOD,
            "{choose: [{is: a, when: {outcome: with_us}}]}",
            'A timer has no touchpoint; "outcome" is not known here',
        ),
        (
            MOOD,
            "{choose: [{is: a, when: {fact.mood: a}}]}",
            'The fact "mood" chooses by itself, in a circle. Break it.',
        ),
        (
            MOOD,
            "{choose: [{is: a, when: {none_of: [{fact.other: b}]}}]}\n  other: {choose: [{is: b, when: {fact.mood: a}}]}",
            'The fact "mood" chooses by itself, in a circle. Break it.',
        ),
        (
            "renews: {last: paper.signed.renewal_on}",
            "own: {choose: [{is: a, when: {fact.own: a}}]}",
            'The fact "own" chooses by itself, in a circle. Break it.',
        ),
    ],
)
def test_wrong_facts_are_told(old: str, new: str, expected: str) -> None:
    """Section 3."""
    assert expected in refusal(old, new)


def test_a_long_chain_of_choices_is_refused() -> None:
    """Each link is worked out anew at every look, so that links multiply."""
    links = [f"\n  c{n}: {{choose: [{{is: a, when: {{fact.c{n + 1}: a}}}}]}}" for n in range(12)]
    chain = f"{MOOD}{''.join(links)}\n  c12: {{choose: [{{is: a}}]}}"
    message = refusal(MOOD, chain)
    assert 'The fact "c0" chooses by facts that choose by facts, more than 10 deep. Shorten it. [chain]' in message
    assert load(MOOD, chain.replace("fact.c6: a", "fact.bought: true")).facts["c0"].kind == "choose"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    per: need\n", "", 'the track need needs "per". [missing]'),
        ("per: need\n", "per: ned\n", '"ned" is not a field of any touchpoint. Did you mean "need"?'),
        ("per: need\n", "per: amount\n", '"amount" names the instances of need, so in purchase.completed too it is an'),
        ("    start: stated\n", "", 'the track need needs "start". [missing]'),
        ("start: stated", "start: state", '"state" is not a stage of need. Did you mean "stated"? [unknown-stage]'),
        (
            "begins: [need.stated]",
            "begins: [need.state]",
            '"need.state" is not a touchpoint. Did you mean "need.stated"?',
        ),
        (
            "begins: [need.stated]",
            "begins: [place.told]",
            '"place.told" has no field "need", so it never reaches need.',
        ),
        (
            "begins: [need.stated]",
            "begins: [need.stated, task.completed]",
            '"task.completed" is built in and begins nothing. Take it out of "begins". [built-in]',
        ),
        ("begins: [need.stated]", "begins: []", '"begins" is a word or a list of words, and this list is empty.'),
        ("begins: [need.stated]", "begin: [need.stated]", '"begin" is not a key of a track. Did you mean "begins"?'),
        (
            "    begins: [need.stated]\n",
            "    formerly: in_touch\n",
            '"in_touch" is the name of "in_touch" and of "need"',
        ),
        (
            "    begins: [need.stated]\n",
            "    formerly: In Touch\n",
            '"In Touch" cannot be the name of what it was formerly',
        ),
        ("  need:\n", "  Need:\n", '"Need" cannot be the name of a track.'),
        (
            "won: {means",
            "stay: {means",
            'A stage cannot be called "stay": as a target that means that nothing happens.',
        ),
        ("won: {means", "Won: {means", '"Won" cannot be the name of a stage.'),
        ("means: Mine., ", "", 'the stage need.won needs "means". [missing]'),
        ("means: Mine., ", "means: Mine., los: true, ", '"los" is not a key of a stage. Did you mean "loss"?'),
        ("means: Mine., ", "means: Mine., loss: 3, ", '"loss" of the stage need.won is true or false. [flag]'),
        ("means: Mine., ", "means: Mine., loss: $sad, ", '"$sad" is not a setting. None is defined.'),
        ("means: Mine., ", "means: Mine., formerly: stated, ", '"stated" is the name of "stated" and of "won" in task'),
        ("watched_by: in_touch", "watched_by: in_tuch", '"in_tuch" is not a track. Did you mean "in_touch"?'),
        ("{every: 1 year}", "{ask: Why}", 'A review needs "every:", such as every: 1 year. [missing]'),
        ("{every: 1 year}", "{every: 0 years}", '"every" needs a period longer than nothing. [duration]'),
        ("{every: 1 year}", "{every: 1 year, due: 1 day}", '"due" is not a key of a review.'),
        (LATER, "[{to: won}]", 'A timed move has either "after" or "at". [timed-move]'),
        (LATER, "[{after: 1 day, at: heard, to: won}]", 'A timed move has either "after" or "at". [timed-move]'),
        (LATER, "[{after: 1 day}]", 'a timed move needs "to". [missing]'),
        (LATER, "[{after: 1 day, to: wone}]", '"wone" is not a stage of need. Did you mean "won"?'),
        (LATER, "[{after: 1 day, to: stay}]", '"stay" is not a stage of need.'),
        (LATER, "[{after: $x, to: won}]", '"$x" is not a setting. None is defined.'),
        (LATER, "[{at: $x before heard, to: won}]", '"$x" is not a setting. None is defined.'),
        (LATER, "[{at: bought, to: won}]", 'The fact "bought" is no time and no date. Use one that is. [no-time]'),
        (LATER, "[{at: 3 days before herd, to: won}]", '"herd" is not a fact. Did you mean "heard"? [unknown-fact]'),
        (LATER, "[{at: 3, to: won}]", '"at" is a text such as "60 days before renewal_on".'),
        (
            LATER,
            "[{after: 1 day, to: won}, {after: 2 days, to: won}]",
            'Two timed moves are called "won". Give one a "name',
        ),
        (
            LATER,
            "[{after: 1 day, to: won, when: {outcome: with_us}}]",
            'A timer has no touchpoint; "outcome" is not known',
        ),
    ],
)
def test_wrong_tracks_and_stages_are_told(old: str, new: str, expected: str) -> None:
    """Section 4 and the times of section 7."""
    assert expected in refusal(old, new)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("any by us: stated", "reply.snt: stated", '"reply.snt" is not a touchpoint. Did you mean "reply.sent"?'),
        ("any by us: stated", "any by them: stated", '"any by them" is not a touchpoint.'),
        ("any by us: stated", "any by us: state", '"state" is not a stage of need. Did you mean "stated"?'),
        ("any by us: stated", "any by us: true", '"true" is not a stage of need.'),
        ("any by us: stated", "any by us: 3", "A stage to go to is one word. [word]"),
        ("any by us: stated", "any by us: $next", '"$next" is not a setting. None is defined.'),
        ("any by us: stated", "any by us: []", "This list decides nothing. Add a line or take it out. [empty-list]"),
        (
            "any by us: stated",
            "place.told: stated",
            '"place.told" has no field "need", so it never reaches need. Add the',
        ),
        ("any by us: stated", "ratio.seen: stated", '"ratio.seen" has no field "need", so it never reaches need.'),
        (
            "when: {outcome: with_us}, to: won",
            "to: won",
            '35:28: Only the last line may lack "when". Line 1 hides line 2.',
        ),
        ("when: {outcome: with_us}, to: won", "when: {outcome: with_us}", 'This line needs "to:". [missing]'),
        ("when: {outcome: with_us}, to: won", "if: {}, to: won", '"if" is not a key of a line that decides.'),
        ("when: {outcome: with_us}, to: won", "when: {}, to: won", 'An empty guard always holds. Leave "when" out.'),
        (
            "when: {outcome: with_us}, to: won",
            "when: with_us, to: won",
            "A guard is written as keys with values, {key:",
        ),
    ],
)
def test_wrong_moves_are_told(old: str, new: str, expected: str) -> None:
    """Section 5."""
    assert expected in refusal(old, new)


def test_any_by_of_nobody_is_told() -> None:
    """Where no type is by somebody, the words stand for nothing."""
    text = TEXT.replace("by: us,", "by: person,")
    with pytest.raises(PolicyRefused) as caught:
        load_policy(text, name="p.yaml")
    message = '"any by us" stands for no touchpoint: none is by us. Take it out. [unknown-type]'
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        (
            "{outcome: elswhere}",
            '"elswhere" is not one of outcome (with_us, elsewhere). This line never fits. [unknown-word]',
        ),
        ("{outcome: [with_us, elswhere]}", '"elswhere" is not one of outcome (with_us, elsewhere).'),
        ("{outcome: true}", '"outcome" is a text; "true" never fits. Mend the value. [comparison]'),
        ("{outcome: $word}", '"$word" is not a setting. None is defined.'),
        ("{outcome: []}", '"outcome" fits nothing in an empty list. Write a value. [empty-list]'),
        ("{outcome: [[with_us]]}", '"outcome" is compared with a value, a list or {at_least: ...}. [comparison]'),
        ("{outcome: {at_least: with_us}}", '"outcome" has no order. Write the words that fit, as a list. [comparison]'),
        ("{outcome: {within: 3 days}}", '"within" compares a time; "outcome" is none. [comparison]'),
        ("{outcome: {has: with_us}}", '"has" looks into a set; "outcome" is none. [comparison]'),
        ("{outcome: {}}", '"outcome" needs a comparison, such as {given: true}. [comparison]'),
        ("{outcome: {given: 3}}", '"given" of a comparison is true or false. [flag]'),
        ("{outcom: with_us}", '"outcom" is not a field of decision.made. Did you mean "outcome"? [unknown-field]'),
        ("{amount: 3 EUR}", '"amount" is no field of decision.made; it is one of purchase.completed. [unknown-field]'),
        ("{fact.bougt: true}", '"bougt" is not a fact. Did you mean "bought"? [unknown-fact]'),
        ("{fact.bought: 1}", '"fact.bought" is true or false; "1" never fits. Mend the value. [comparison]'),
        ("{fact.count: many}", '"fact.count" is a number; "many" never fits. Mend the value. [comparison]'),
        ("{fact.count: true}", '"fact.count" is a number; "true" never fits.'),
        (
            "{fact.count: {at_most: 3}}",
            'There is no "at_most", so that ranges meet without overlap. Write "less_than".',
        ),
        (
            "{fact.count: {more_than: 3}}",
            'There is no "more_than", so that ranges meet without overlap. Write "at_least".',
        ),
        ("{fact.count: {atleast: 3}}", '"atleast" is not a key of a comparison. Did you mean "at_least"?'),
        (
            "{fact.count: {at_least: 3, given: true}}",
            '"at_least" and "given" are two comparisons. Only at_least and less',
        ),
        ("{fact.spend: 100}", '"fact.spend" is an amount such as 100 EUR; "100" never fits.'),
        ("{fact.spend: {at_least: 100 Euro}}", '"fact.spend" is an amount such as 100 EUR; "100 Euro" never fits.'),
        (
            "{fact.spend: {at_least: 1 EUR, less_than: 9 USD}}",
            'The two ends of "fact.spend" are in different currencies',
        ),
        ('{fact.moved: "2026-13-01"}', '"fact.moved" is a date such as "2026-03-02"; "2026-13-01" never fits.'),
        ('{fact.moved: {at_least: "20260301"}}', '"fact.moved" is a date such as "2026-03-02"; "20260301" never fits.'),
        (
            '{fact.moved: {at_least: "2026-03-01T10:00:00Z"}}',
            '"fact.moved" is a date such as "2026-03-02"; "2026-03-01T',
        ),
        ("{fact.moved: {within: 3 days}}", '"within" compares a time; "fact.moved" is none.'),
        (
            '{fact.heard: {at_least: "2026-03-01T10:00:00"}}',
            '"fact.heard" is a time such as "2026-03-02T10:00:00Z" or a date;',
        ),
        ('{fact.heard: "2026-03-01"}', '"fact.heard" is a time and equals nothing. Use within, at_least, less_than or'),
        ("{fact.heard: {within: 30}}", '"within" is a text such as "30 days". [duration]'),
        (
            "{fact.heard: {within: 3 business days}}",
            '"3 business days" cannot stand here: this time is the same for everybody',
        ),
        ("{fact.reasons: price}", '"fact.reasons" is a set and equals nothing. Use {has: ...}. [comparison]'),
        ("{fact.outcomes: {has: elswhere}}", '"elswhere" is not one of fact.outcomes (with_us, elsewhere).'),
        ("{fact.reasons: {has: []}}", '"has" is a word or a list of words, and this list is empty. [empty-list]'),
        ("{fact.mood: god}", '"god" is not one of fact.mood (good, bad). This line never fits.'),
        ("{stage.in_tuch: here}", '"in_tuch" is not a track. Did you mean "in_touch"? [unknown-track]'),
        ("{stage.in_touch: there}", '"there" is not one of stage.in_touch (here). This line never fits.'),
        ("{any.need: lost}", '"lost" is not one of any.need (stated, won). This line never fits.'),
        ("{facts.bought: true}", '"facts" is not a left side. Did you mean "fact"? [unknown-left]'),
        ("{any_of: []}", '"any_of" needs a list of guards, such as [{a: b}]. [empty-list]'),
        ("{none_of: [{}]}", 'An empty guard always holds. Leave "when" out. [empty-guard]'),
    ],
)
def test_wrong_guards_are_told(guard: str, expected: str) -> None:
    """Section 6: names, words and literals are checked when the policy is loaded."""
    assert expected in refusal(GUARD, f"{guard}, to: won}}")


@pytest.mark.parametrize(
    ("field", "wanted", "expected"),
    [
        (
            "place.told.since",
            '"2026-03-02T08:00:00Z"',
            'a set of times, and "has" compares texts: 10:00+02:00 would not',
        ),
        (
            "purchase.completed.pieces",
            '"3"',
            'a set of numbers, and "has" compares texts: 3.0 would not be found as 3.',
        ),
        ("ratio.seen.ratio", '"0.5"', "a set of numbers, and"),
        ("purchase.completed.amount", '"3 EUR"', 'a set of amounts, and "has" compares texts: 100.00 EUR would not'),
        ("place.told.sure", '"true"', "a set of true and false, and"),
        ("place.told.moved_on", "spring", 'a set of dates such as "2026-03-02"; "spring" never fits.'),
        ("[need.stated.words, place.told.since]", "x", "a set of times, and"),
    ],
)
def test_what_can_be_written_in_several_ways_is_not_searched_for_in_a_set(
    field: str, wanted: str, expected: str
) -> None:
    """One instant, number or amount has many spellings, and a set keeps the one that was sent."""
    text = TEXT.replace("reasons: {set: decision.made.reason, when: {outcome: with_us}}", f"reasons: {{set: {field}}}")
    text = text.replace(GUARD, f"{{fact.reasons: {{has: {wanted}}}}}, to: won}}")
    with pytest.raises(PolicyRefused) as caught:
        load_policy(text, name="p.yaml")
    assert f'"fact.reasons" is {expected}' in str(caught.value)


def test_a_set_of_words_and_texts_may_hold_any_word() -> None:
    """The words of one type say nothing of what another may send; a set of dates is searched for a date."""
    for field, wanted in (
        ("[decision.made.outcome, need.stated.words]", "price"),
        ("place.told.moved_on", '"2026-03-02"'),
    ):
        text = TEXT.replace(
            "reasons: {set: decision.made.reason, when: {outcome: with_us}}", f"reasons: {{set: {field}}}"
        )
        assert load_policy(text.replace(GUARD, f"{{fact.reasons: {{has: {wanted}}}}}, to: won}}"), name="p.yaml")


def test_a_stage_of_another_key_is_told() -> None:
    """One stage for each need: in a lane no need is at hand."""
    assert '"stage.need" has one stage for each need, and here is no need. Use "any.need". [other-key]' in refusal(
        BOUGHT, "{stage.need: won}}, {is: prospect}"
    )


def test_a_field_of_different_kinds_cannot_be_compared() -> None:
    """Where several types lead to one guard, the field is the same kind of thing in all of them."""
    text = TEXT.replace(
        "reply.sent: {by: us, optional: {need: id}", "reply.sent: {by: us, optional: {need: id, x: text}"
    )
    text = text.replace("{by: system, data: {ratio: number}}", "{by: us, data: {x: number}}")
    text = text.replace("any by us: stated", "any by us: [{when: {x: 3}, to: won}]")
    with pytest.raises(PolicyRefused) as caught:
        load_policy(text, name="p.yaml")
    assert '"x" is of different kinds in the touchpoints that lead here. Name them alike or apart. [mixed]' in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{by: lead}", 'the task acknowledge needs "ask". [missing]'),
        ("{ask: A, than: B}", '"than" is not a key of a task.'),
        (
            "{ask: A, then ask: B}",
            '"then ask" is not a key of a task. A comma ends the sentence inside braces; put the',
        ),
        ("{ask: A, contact: offered}", '"offered" is not a kind of contact.'),
        ("{ask: A, after: 1 day, at: heard}", 'A task has "after" or "at", not both. Take one out. [task]'),
        ("{ask: A, every: 0 days}", '"every" needs a period longer than nothing.'),
        ("{ask: A, every: $cadence after heard}", '"$cadence" is not a setting. None is defined.'),
        ("{ask: A, every: 3 days after bought}", 'The fact "bought" is no time and no date.'),
        ("{ask: A, every: 3}", '"every" is a text such as "90 days" or "90 days after contacted".'),
        ("{ask: A, due: heart}", '"heart" is not a fact. Did you mean "heard"?'),
        ("{ask: A, due: bought}", 'The fact "bought" is no time and no date. Use one that is.'),
        ("{ask: A, due: 3}", '"due" is a text such as "3 days", or a fact.'),
        (
            "{ask: A, due: 1 business week}",
            '"1 business week" is not a duration.',
        ),
        ("{ask: A, expires: never}", '"never" is not a duration.'),
        (
            "{ask: A, when: {outcome: with_us}}",
            'A timer has no touchpoint; "outcome" is not known here. Keep it as a fact.',
        ),
        ("{ask: A, done_by: reply.snt}", '"reply.snt" is not a touchpoint. Did you mean "reply.sent"?'),
        ("{ask: A, done_by: place.told}", '"place.told" has no field "need", so it never reaches need.'),
        ("{ask: A, done_by: task.completed}", '"task.completed" closes every task anyway. Take it out. [built-in]'),
        ("{ask: A, done_by: [reply.sent, reply.sent]}", '"reply.sent" stands twice in "done_by". Keep one. [twice]'),
        ("{ask: A, done_by: {reply.sent: {need: 3}}}", '"need" is a text; "3" never fits.'),
        ("{ask: A, done_by: 3}", '"done_by" is a word or a list of words. [word]'),
        ("{ask: A, stays: long}", '"stays" of the task acknowledge is true or false. [flag]'),
        (
            "{ask: A, or_else: {ask: B, after: 1 day}}",
            'An "or_else" opens when the task expires. Take "after" out. [or-else]',
        ),
        (
            "{ask: A, or_else: {ask: B, formerly: c}}",
            'An "or_else" has no name of its own. Take "formerly" out. [or-else]',
        ),
        ("{ask: A, or_else: {}}", 'the task acknowledge/or_else needs "ask". [missing]'),
        (
            "{ask: A, formerly: review}",
            '"review" is the name of "review" and of "acknowledge" in task ids. Mend "formerly"',
        ),
        ("{ask: A}\n          review: {ask: B}", 'A task cannot be called "review". Choose another word. [name]'),
        (
            "{ask: A}\n          b/c: {ask: B}",
            '"b/c" cannot be the name of a task. Write lower case letters, digits and _.',
        ),
        (
            "{ask: A}\n          b: {ask: B, formerly: acknowledge}",
            '"acknowledge" is the name of "acknowledge" and of "b"',
        ),
        ("Answer", "The task acknowledge is written as keys with values"),
    ],
)
def test_wrong_tasks_are_told(text: str, expected: str) -> None:
    """Section 8."""
    assert expected.lower() in refusal(TASK, text).lower()


@pytest.mark.parametrize(
    ("lanes", "expected"),
    [
        ("[]", 'A policy needs "lanes", a list from the top. [missing]'),
        ("{is: a}", 'A policy needs "lanes", a list from the top. [missing]'),
        ("[{is: a}, {is: b}]", 'Only the last lane may lack "when". Lane 1 hides lane 2. [hidden]'),
        (
            "[{is: a, when: {fact.bought: true}}]",
            'The last lane takes everybody else: write it without "when". [lanes]',
        ),
        ("[{is: a, when: {fact.bought: true}}, {is: a}]", 'Two lanes are called "a". Give one another name. [twice]'),
        ("[{customers: true}]", 'a lane needs "is". [missing]'),
        ("[{is: Some Lane}]", '"Some Lane" cannot be the name of a lane.'),
        ("[{is: a, customers: maybe}]", '"customers" of a lane is true or false. [flag]'),
        ("[{is: a, of: b}]", '"of" is not a key of a lane.'),
        ("[{is: a, when: {outcome: with_us}}, {is: b}]", 'A timer has no touchpoint; "outcome" is not known here.'),
        (
            "[{is: a, when: {fact.bought: false}}, {is: b, customers: true}]",
            '"b" serves customers and stands below "a", which does not. Customers come first. [customers-first]',
        ),
    ],
)
def test_wrong_lanes_are_told(lanes: str, expected: str) -> None:
    """Section 9: a service order from the top, customers first."""
    assert expected in refusal("[{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]", lanes)


def test_likely_mistake_1_a_type_that_is_none() -> None:
    """`"decison.made" is not a touchpoint. Did you mean "decision.made"?`"""
    assert 'p.yaml:35:12: "decison.made" is not a touchpoint. Did you mean "decision.made"? [unknown-type]' in refusal(
        "upon: {decision.made: [", "upon: {decison.made: ["
    )


def test_likely_mistake_6_an_answer_that_is_a_word_and_false() -> None:
    """`answer: no` is refused before anything else is read."""
    assert 'Here "no" is a word in one YAML and true or false in another. Write "no" in quotes, or false.' in refusal(
        "{outcome: with_us}, to", "{outcome: no}, to"
    )


def test_all_findings_come_at_once_sorted_by_place() -> None:
    """What is wrong in lanes, facts, tracks and tasks is told in one go."""
    text = TEXT.replace(BOUGHT, "{fact.bougt: true}}, {is: prospect}").replace("start: stated", "start: state")
    text = text.replace(TASK, "{aks: Answer}").replace("last: paper.signed.renewal_on", "last: paper.signed.renewal")
    with pytest.raises(PolicyRefused) as caught:
        load_policy(text, name="p.yaml")
    lines = [line.split(":")[1] for line in str(caught.value).splitlines()]
    assert lines == ["5", "31", "34", "41"]


POLICIES = (TEXT, Path(lifecycle.policies.__path__[0], "customer_first.yaml").read_text(encoding="utf-8"))
WORDS = [
    "true",
    "no",
    "3",
    "[]",
    "{}",
    "[a]",
    "{a:b}",
    "3_days",
    "$x",
    "any_by_person",
    "need.stated",
    "person",
    "stated",
    "any_of",
    "when",
    "to",
    "fact.heard",
    "fact.bought",
    "stage.need",
    "any.need",
    "outcome",
    "{given:true}",
    "{at_least:3}",
    "{within:3_days}",
    "{has:a}",
    "choose",
    "within",
    "every",
]


@given(st.sampled_from(POLICIES), st.integers(1, 6), st.randoms(use_true_random=False))
def test_a_mutilated_policy_is_refused_or_compiles(text: str, cuts: int, dice: random.Random) -> None:
    """Lines and words lost, doubled or exchanged: PolicyRefused with places, or a policy that compiles."""
    lines = text.splitlines()
    for _ in range(cuts):
        at, other = dice.randrange(len(lines)), dice.randrange(len(lines))
        kind = dice.randrange(5)
        if kind == 0 and len(lines) > 1:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[other])
        elif kind == 2:
            lines[at], lines[other] = lines[other], lines[at]
        else:
            words = lines[at].split(" ")
            known = lines[other].strip(" -{}[],").split(" ")
            words[dice.randrange(len(words))] = (
                dice.choice([*WORDS, *known]).replace("_days", " days").replace("_by_", " by ")
            )
            lines[at] = " ".join(words)
    mutilated = "\n".join(lines)
    try:
        machine = compile_policy(load_policy(mutilated, name="p.yaml"))
    except PolicyRefused as refused:
        told = str(refused)
    else:
        told = f"p.yaml:{machine.policy.name}"
    assert told.startswith("p.yaml:")


@given(st.text(max_size=60))
def test_any_text_at_all_is_refused_in_words(text: str) -> None:
    """No text is a crash."""
    with pytest.raises(PolicyRefused, match=r"^p\.yaml:\d+:\d+: "):
        load_policy(text, name="p.yaml")


TYPES = "touchpoints:\n" + "\n".join(f"  t.t{n}: {{by: person}}" for n in range(300))
HEAD = f"policy: p\nlanguage: 1\nlanes: [{{is: a}}]\n{TYPES}\n"
ALONE = "per: person, start: a, stages: {a: {means: A., review: {every: 1 year}%s}}"


@pytest.mark.parametrize(
    "text",
    [
        HEAD
        + "facts:\n"
        + "\n".join(f"  f{n}: {{last: any by person}}" for n in range(1_000))
        + f"\ntracks: {{x: {{{ALONE % ''}}}}}",
        HEAD + "tracks:\n" + "\n".join(f"  x{n}: {{{ALONE % ''}, begins: any by person}}" for n in range(600)),
        HEAD + f"tracks: {{x: {{{ALONE % ''}, upon: {{{', '.join(f't.u{n}: a' for n in range(4_000))}}}}}}}",
        HEAD.replace("[{is: a}]", "[" + ", ".join(f"{{is: l{n}}}" for n in range(3_000)) + "]"),
        HEAD
        + "facts:\n"
        + "\n".join(f"  f{n}: {{choose: [{{is: a, when: {{fact.f{n + 1}: a}}}}]}}" for n in range(1_400)),
        HEAD + f"tracks: {{x: {{{ALONE % (', later: [' + ', '.join('{to: a}' for _ in range(4_000)) + ']')}}}}}",
    ],
    ids=["facts", "tracks", "unknown", "lanes", "chain", "moves"],
)
def test_a_large_policy_is_read_or_refused_in_bounded_time(text: str) -> None:
    """What grows with the square of the file is kept small by the number of values a file may hold."""
    begun = time.process_time()
    with contextlib.suppress(PolicyRefused):
        load_policy(text, name="p.yaml")
    assert time.process_time() - begun < 5


def test_too_many_types_are_refused() -> None:
    """`any by` multiplies them."""
    with pytest.raises(PolicyRefused) as caught:
        load_policy(HEAD.replace("\n  t.t0:", "\n  t.more: {by: us}\n  t.t0:") + "tracks: {}", name="p.yaml")
    assert "A policy has at most 300 types of touchpoints; these are 301. Join some. [too-large]" in str(caught.value)


class TestPlaces:
    """What is wrong is told once, where it was written."""

    @staticmethod
    def told(old: str, new: str, text: str | None = None) -> list[str]:
        """Return the findings as `code: the rest of the line they point to`."""
        changed = (text or shipped_policy()).replace(old, new, 1)
        assert changed != text
        with pytest.raises(HasFindings) as refused:
            load_policy(changed)
        lines = changed.splitlines()
        return [f"{each.code}: {lines[each.line - 1][each.column - 1 :]}" for each in refused.value.found]

    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            ("patience: 60 days ", "patience: 60days ", "duration"),
            ("renewal_lead: 60 days ", "renewal_lead: 60 moons ", "duration"),
            ("attention: 2 ", "attention: two ", "comparison"),
            ("lifetime: 60 days,", "lifetime: 60days,", "duration"),
        ],
    )
    def test_a_setting_that_is_wrong_wherever_it_stands_is_told_of_where_it_is_written(
        self, old: str, new: str, code: str
    ) -> None:
        """Eight uses of one value that is no duration are one fault."""
        (found,) = self.told(old, new)
        assert found.startswith(f"{code}: {new.partition(': ')[2].strip(' ,')}")

    def test_a_setting_that_is_right_elsewhere_is_told_of_where_it_does_not_fit(self) -> None:
        """A number where a duration belongs is the fault of that line."""
        text = shipped_policy()
        found = self.told(
            "settings:",
            "settings:\n  twice: 2",
            text.replace("{at_least: 2}", "{at_least: $twice}").replace(
                "later: [{after: $patience, to: resting}]", "later: [{after: $twice, to: resting}]", 1
            ),
        )
        assert found == ["duration: $twice, to: resting}]"]

    def test_a_setting_by_a_fact_is_read_also_where_nothing_uses_it(self) -> None:
        """What is written wrong is told of before somebody uses it."""
        (found,) = self.told(
            "settings:", "settings:\n  unused: {depends_on: horizon, lifetime: 1 day, season: 1 day, reason: 1dai}"
        )
        assert found.startswith("duration: 1dai}")

    @pytest.mark.parametrize("key", ["touchpoints", "settings", "tracks", "lanes", "facts", "contact"])
    def test_a_misspelt_part_is_all_that_is_told(self, key: str) -> None:
        """What is missing without it follows from it."""
        wrong = f"{key[:-2]}{key[-1]}"
        (found,) = self.told(f"\n{key}:", f"\n{wrong}:")
        assert found.startswith(f"unknown-key: {wrong}:")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("policy: a\nlanguage: 1\ninclude: [{policy: customer-first}]\n", "unknown-key: include: [{policy: customer-first}]"),
            ("policy: a\nlanguage: 1\nincludes: [{polcy: customer-first}]\n", "unknown-key: polcy: customer-first}]"),
            ("policy: a\nlanguage: 1\nincludes: [{policy: customer-frist}]\n", "includes: customer-frist}]"),
        ],
    )  # fmt: skip
    def test_a_misspelt_include_is_all_that_is_told(self, text: str, expected: str) -> None:
        """Without what it includes everything is missing, and that is not the fault."""
        assert self.told("1\n", "1 \n", text) == [expected]

    def test_a_misspelt_key_is_not_missing_too(self) -> None:
        """`mean` is `means`, and nothing is missing."""
        assert self.told("        means: You have a record", "        mean: You have a record") == [
            "unknown-key: mean: You have a record of me. We have not spoken."
        ]

    @pytest.mark.parametrize(
        "text", ["policy: a\n\tlanguage: 1\n", "policy: a\nlanguage: 1\ntracks:\n  a:\n\tper: person\n"]
    )
    def test_a_tab_is_called_one(self, text: str) -> None:
        """A tab looks like blanks, so it is named, with its place."""
        with pytest.raises(HasFindings) as refused:
            load_policy(text)
        (found,) = refused.value.found
        line = text[: text.index("\t")].count("\n") + 1
        assert (found.line, found.column) == (line, 1)
        assert found.message == "This is not YAML: here stands a tab. Put blanks in its place: only they indent."

    def test_a_lane_that_stands_above_customers_is_told_of_in_itself(self) -> None:
        """The upper one lost its mark, or stands too high."""
        (found,) = self.told(
            "customers: true, when: {fact.bought: true, fact.in_trouble: true}",
            "when: {fact.bought: true, fact.in_trouble: true}",
        )
        assert found.startswith("customers-first: {is: customer_in_trouble")

    def test_a_key_that_is_nearly_called_so_is_told_of_where_it_is_declared(self) -> None:
        """Every list that speaks of the type would else be told of, and the field is the fault."""
        found = self.told(
            "promise.released:     {by: person, data: {promise: id}",
            "promise.released:     {by: person, data: {promis: id}",
        )
        assert found
        assert all(each.startswith("no-key: promis: id}") for each in found)
