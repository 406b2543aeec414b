"""What a task says: blanks in `ask`, `by` from a fact, and what travels with it, from the policy to the message."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifecycle.errors import PolicyRefused
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.compiled.saying import one_line
from lifecycle.rules.fold.fold import Folded
from lifecycle.rules.fold.tasks import Request, reconcile, task_of
from lifecycle.rules.language.ask import MAX_ASK
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.telling.describe import describe
from lifecycle.task import Task
from tests.rules.histories import DAY, WATCH, at, folded, machine_of, touchpoint

HEAD = """
policy: test
language: 1
calendar: {zone: Europe/Vienna}
settings:
  patience: 14 days
  greeting: "Greet {person}"
  pace: {depends_on: horizon, long: 60 days, short: 10 days}
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
touchpoints:
  promise.made:
    by: us
    data: {promise: id}
    optional: {what: text, day: date, at: time, price: money, share: number, pieces: whole, sure: yes_or_no}
  promise.kept: {by: us, data: {promise: id}}
  teacher.named: {by: us, optional: {teacher: text, horizon: [long, short]}}
  purchase.completed: {by: person, data: {amount: money}}
facts:
  bought: {ever: purchase.completed}
  teacher: {last: teacher.named.teacher}
  judged: {last: teacher.named.horizon}
  horizon: {choose: [{is: long, when: {fact.judged: long}}, {is: short, when: {fact.judged: short}}]}
  lately: {count: purchase.completed, within: 30 days}
  busy: {choose: [{is: often, when: {fact.lately: {at_least: 2}}}, {is: seldom}]}
  busier: {choose: [{is: very, when: {fact.busy: often}}, {is: hardly}]}
  fresh: {choose: [{is: new, when: {fact.met: {within: 30 days}}}, {is: old}]}
  met: {first: teacher.named}
  spent: {sum: purchase.completed.amount}
"""

TRACK = """
  promise:
    per: promise
    start: made
    begins: [promise.made]
    upon: {promise.kept: kept, promise.made: made}
    facts:
      what: {last: promise.made.what}
      day: {last: promise.made.day}
      moment: {last: promise.made.at}
      price: {last: promise.made.price}
      share: {last: promise.made.share}
      pieces: {last: promise.made.pieces}
      sure: {last: promise.made.sure}
      times: {count: promise.made}
      often: {count: promise.made, within: 30 days}
    stages:
      made:
        means: You promised me something.
        tasks:
          keep: TASK
        review: {every: 7 days, ask: "Look at {fact.what or 'it'}", by: {fact: teacher, or: desk}}
      kept: {means: You kept it., watched_by: in_touch}
"""
ASK = '{ask: "Keep it", done_by: promise.kept, expires: 1 day, due: 1 day}'


def policy_of(task: str = ASK, track: str = TRACK) -> Machine:
    """Return the policy with the task `keep` written like this."""
    return machine_of(track.replace("TASK", task), head=HEAD)


def keep(text: str) -> str:
    """Return a task that asks this."""
    return "{ask: " + text + ", due: 1 day, expires: 1 day, or_else: {ask: Call them}}"


def refusal(task: str, old: str = "", new: str = "") -> str:
    """Return what a policy with this task is told."""
    text = (HEAD + "\ntracks:" + WATCH + TRACK.replace("TASK", task)).replace(old or "\0", new)
    with pytest.raises(PolicyRefused) as caught:
        load_policy(text, name="p.yaml")
    return str(caught.value)


def made(hours: float = 0, promise: str = "p1", **data: Any) -> Any:
    """Return a promise made."""
    return touchpoint(f"{promise}-{hours}", "promise.made", hours, promise=promise, **data)


def named(hours: float, **data: Any) -> Any:
    """Return a teacher or a horizon told of."""
    return touchpoint(f"t-{hours}", "teacher.named", hours, **data)


def tasks(machine: Machine, result: Folded) -> list[Task]:
    """Return the open tasks of a fold, by their ids."""
    return [task_of(machine, "anna", result.state, each, task) for each, task in sorted(result.state.tasks.items())]


def said(ask: str, *known: Any, by: str = "") -> str:
    """Return what a task that asks this says after these touchpoints."""
    machine = policy_of("{ask: '" + ask.replace("'", "''") + "'" + by + "}")
    (task,) = tasks(machine, folded(machine, known))
    return task.ask


@pytest.mark.parametrize(
    ("ask", "data", "expected"),
    [
        ("Keep {key} to {person}", {}, "Keep p1 to anna"),
        ("Keep {fact.what}", {"what": "send the plan"}, "Keep send the plan"),
        ('Keep {fact.what or "it"}', {"what": "send the plan"}, "Keep send the plan"),
        ('Keep {fact.what or "it"}', {}, "Keep it"),
        ("Keep {fact.what or 'it'}", {"what": "  \n "}, "Keep it"),
        ('Keep {fact.what or ""} now', {}, "Keep now"),
        ("Keep {fact.what}", {}, "Keep (what not known)"),
        ("Keep {fact.what}", {"what": "a\nb\r\n\tc\x07\x1b[31m\u2028d\u202ee\u200b  f"}, "Keep a b c [31m de f"),
        ("By {fact.day}", {"day": "2026-05-09"}, "By 2026-05-09"),
        ("At {fact.moment}", {"at": "2026-07-01T22:30:00Z"}, "At 2026-07-02 00:30 CEST"),
        ("For {fact.price}", {"price": "1200.50 EUR"}, "For 1200.50 EUR"),
        ("Share {fact.share}", {"share": Decimal("2.5")}, "Share 2.5"),
        ("Share {fact.share}", {"share": Decimal("1E-7")}, "Share 0.0000001"),
        ("Share {fact.share}", {"share": Decimal("2.50")}, "Share 2.5"),
        ("{fact.pieces} of them", {"pieces": 30}, "30 of them"),
        ("Sure: {fact.sure}", {"sure": True}, "Sure: yes"),
        ("Sure: {fact.sure or 'who knows'}", {"sure": False}, "Sure: no"),
        ("Wait {$patience}", {}, "Wait 14 days"),
        ("$greeting now", {}, "Greet anna now"),
        ("{ fact.what  or  'it' }{key}", {"what": "x"}, "xp1"),
    ],
)
def test_a_blank_is_filled_in(ask: str, data: dict[str, Any], expected: str) -> None:
    """With every kind of value, with and without one, cleaned, times by the policy's clock."""
    assert said(ask, made(**data)) == expected


def test_a_time_without_a_field_is_said_too() -> None:
    """The moment of a touchpoint, of the policy's facts as seen from a keyed track."""
    assert said("Since {fact.met}", named(0), made(1)) == "Since 2026-03-02 11:00 CET"


@pytest.mark.parametrize(("horizon", "expected"), [("long", "Wait 60 days"), ("short", "Wait 10 days")])
def test_a_setting_that_depends_on_a_fact_is_said_as_it_is_now(horizon: str, expected: str) -> None:
    """By the word of its fact."""
    assert said("Wait {$pace}", named(0, horizon=horizon), made(1)) == expected


def test_a_setting_whose_fact_has_no_word_is_said_as_it_waits() -> None:
    """Its first duration, as the waits do."""
    assert said("Wait {$pace}", made()) == "Wait 60 days"


def test_each_instance_says_its_own() -> None:
    """Facts of the track are those of the key; the policy's are the same for both."""
    machine = policy_of("{ask: 'Keep {fact.what} with {fact.teacher}'}")
    result = folded(machine, [named(0, teacher="Ms Bach"), made(1, what="a"), made(2, "p2", what="b")])
    assert sorted(task.ask for task in tasks(machine, result)) == ["Keep a with Ms Bach", "Keep b with Ms Bach"]


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_text_is_one_line_of_at_most_200_characters(what: str, teacher: str) -> None:
    """Whatever the facts hold; the words of the policy are never cut."""
    machine = MACHINE_OF_TWO
    result = folded(machine, [named(0, teacher=teacher), made(1, what=what)])
    (task,) = tasks(machine, result)
    assert len(task.ask) <= MAX_ASK
    assert task.ask == one_line(task.ask)
    assert task.ask.startswith("Keep ")
    assert task.ask.endswith(". Say so now.")


MACHINE_OF_TWO = policy_of("{ask: 'Keep {fact.what} with {fact.teacher}. Say so now.'}")


def test_a_long_value_is_cut_and_a_short_one_stays() -> None:
    """The longest gives way."""
    machine = MACHINE_OF_TWO
    (task,) = tasks(machine, folded(machine, [named(0, teacher="Ms Bach"), made(1, what="word " * 60)]))
    assert len(task.ask) in (MAX_ASK - 1, MAX_ASK)
    assert task.ask.startswith("Keep word word")
    assert task.ask.endswith("… with Ms Bach. Say so now.")


@pytest.mark.parametrize(
    ("by", "known", "expected"),
    [
        ("{fact: teacher, or: desk}", {"teacher": "ms-bach"}, "ms-bach"),
        ("{fact: teacher, or: desk}", {}, "desk"),
        ("{fact: teacher, or: desk}", {"teacher": " \n"}, "desk"),
        ("{fact: teacher, or: desk}", {"teacher": "Ms\nBach"}, "Ms Bach"),
        ("{fact: teacher}", {}, "owner"),
        ("{fact: fact.teacher}", {"teacher": "ms-bach"}, "ms-bach"),
        ("{fact: horizon, or: desk}", {"horizon": "long"}, "long"),
        ("team lead", {}, "team lead"),
    ],
)
def test_whoever_a_fact_names_is_asked(by: str, known: dict[str, Any], expected: str) -> None:
    """Else who stands after `or`, else whom the defaults name."""
    machine = policy_of(f"{{ask: Keep it, by: {by}}}")
    (task,) = tasks(machine, folded(machine, [named(0, **known), made(1)]))
    assert task.by == expected


def test_a_default_may_come_from_a_fact() -> None:
    """Tasks and reviews that do not say are then asked of whoever it names."""
    head = HEAD + "\ndefaults: {by: {fact: teacher, or: desk}}\n"
    machine = machine_of(TRACK.replace("TASK", "{ask: Keep it}"), head=head)
    assert [task.by for task in tasks(machine, folded(machine, [made(1)]))] == ["desk"]
    assert [task.by for task in tasks(machine, folded(machine, [named(0, teacher="t"), made(1)]))] == ["t"]
    later = tasks(machine, folded(machine, [named(0, teacher="t"), made(1)], 366 * DAY))
    assert {task.by for task in later if task.why.track == "in_touch"} == {"t"}


def test_a_review_says_and_names_too() -> None:
    """Its `ask` and its `by`."""
    machine = policy_of()
    result = folded(machine, [made(0, what="the plan"), named(1, teacher="ms-bach")], 8 * DAY)
    told = {task.kind: (task.ask, task.by) for task in tasks(machine, result)}
    assert told["review"] == ("Look at the plan", "ms-bach")


def test_the_key_and_the_facts_of_the_track_travel_with_a_task() -> None:
    """Each that has a value, as JSON; what ages does not, for nobody would be told when it has changed."""
    machine = policy_of("{ask: Keep it, about: [teacher, spent]}")
    known = [
        named(0, teacher="ms-bach"),
        touchpoint("b", "purchase.completed", 1, amount="5.00 EUR"),
        made(2, what="a\nb", day="2026-05-09", at="2026-07-01T22:30:00Z", share=Decimal("2.5")),
    ]
    (task,) = tasks(machine, folded(machine, known))
    assert (task.key, task.as_data()["key"]) == ("p1", "p1")
    assert task.as_data()["about"] == {
        "teacher": "ms-bach",
        "spent": {"EUR": 5},
        "what": "a\nb",
        "day": "2026-05-09",
        "moment": "2026-07-01T22:30:00Z",
        "share": Decimal("2.5"),
        "times": 1,
    }


def test_an_escalation_is_about_the_same() -> None:
    """`or_else` takes `about` from the task before it, unless it says otherwise; who and what it says itself."""
    said_so = "{ask: Keep it, due: 1 day, expires: 1 day, about: teacher, by: {fact: teacher}, or_else: {ask: 'Call {person} about {fact.what}'MORE}}"
    for more, expected in (("", {"teacher", "what", "times"}), (", about: spent", {"spent", "what", "times"})):
        machine = policy_of(said_so.replace("MORE", more))
        result = folded(machine, [named(0, teacher="t"), made(1, what="x")], 3 * DAY)
        (task,) = tasks(machine, result)
        assert (task.ask, task.by, set(task.about)) == ("Call anna about x", "owner", expected)


def test_a_track_for_each_person_has_no_key_and_tells_its_facts() -> None:
    """`key` is null."""
    track = """
  school:
    per: person
    start: new
    begins: [teacher.named]
    facts: {who: {last: teacher.named.teacher}}
    stages:
      new: {means: I am new., tasks: {greet: {ask: "Greet them with {fact.who}"}}, watched_by: in_touch}
"""
    machine = machine_of(track, head=HEAD)
    (task,) = tasks(machine, folded(machine, [named(0, teacher="t")]))
    assert (task.key, task.ask, task.about) == (None, "Greet them with t", {"who": "t"})


def owed(machine: Machine, result: Folded, published: dict[str, Any]) -> list[Request]:
    """Return what is owed, and note it as told."""
    requests = reconcile(machine, "anna", result.state, result.closings, published, at=at(100 * DAY))
    published.update({each.publication.task_id: each.publication for each in requests})
    return requests


def test_a_text_follows_its_facts_while_the_task_is_open() -> None:
    """And so does who is asked: each is told as a change."""
    machine = policy_of("{ask: 'Keep {fact.teacher or \"it\"}', by: {fact: judged, or: desk}}")
    known, published = [made()], dict[str, Any]()
    (first,) = owed(machine, folded(machine, known), published)
    (second,) = owed(machine, folded(machine, [*known, named(1, teacher="t")]), published)
    (third,) = owed(machine, folded(machine, [*known, named(1, teacher="t", horizon="long")]), published)
    assert [(each.type, each.data["ask"], each.data["by"]) for each in (first, second, third)] == [
        ("task.requested", "Keep it", "desk"),
        ("task.changed", "Keep t", "desk"),
        ("task.changed", "Keep t", "long"),
    ]


def test_what_a_task_is_about_is_no_news() -> None:
    """It is up to date in the next message, and is never the reason for one."""
    machine = policy_of("{ask: Keep it, about: teacher}")
    published = dict[str, Any]()
    owed(machine, folded(machine, [made()]), published)
    later = [made(), named(1, teacher="t")]
    assert owed(machine, folded(machine, later), published) == []
    bought = touchpoint("b", "purchase.completed", 2, amount="5 EUR")
    (request,) = owed(machine, folded(machine, [*later, bought]), published)
    assert (request.type, request.data["about"]["teacher"]) == ("task.changed", "t")


def test_a_stage_entered_anew_asks_by_what_is_known_now() -> None:
    """And the one asked before ends."""
    machine = policy_of("{ask: 'Keep {fact.what}'}")
    published = dict[str, Any]()
    owed(machine, folded(machine, [made(what="a")]), published)
    again = folded(machine, [made(what="a"), made(1, what="b")])
    told = owed(machine, again, published)
    assert sorted((each.type, each.data["ask"]) for each in told) == [
        ("task.requested", "Keep b"), ("task.withdrawn", "Keep a"),
    ]  # fmt: skip


def test_a_task_that_ended_says_what_it_said_when_it_ended() -> None:
    """What became of its facts afterwards is no part of it."""
    machine = policy_of("{ask: 'Keep {fact.teacher}', done_by: promise.kept}")
    kept = touchpoint("k", "promise.kept", 2, promise="p1")
    result = folded(machine, [named(0, teacher="a"), made(1), kept, named(3, teacher="b")])
    (ending,) = result.closings
    assert task_of(machine, "anna", result.state, ending.closed.id, ending.task, ending).ask == "Keep a"


def test_a_task_that_news_ends_does_not_say_that_news() -> None:
    """A promise made again with other words: the task that ends then was about the words before."""
    machine = policy_of("{ask: 'Keep {fact.what}', by: {fact: teacher, or: desk}}")
    known = [made(what="a"), named(1, teacher="t"), made(2, what="b")]
    result = folded(machine, known)
    (ending,) = result.closings
    ended = task_of(machine, "anna", result.state, ending.closed.id, ending.task, ending)
    (still,) = tasks(machine, result)
    assert (ended.ask, ended.by, ended.about["what"]) == ("Keep a", "t", "a")
    assert (still.ask, still.by, still.about["what"]) == ("Keep b", "t", "b")


def test_a_text_that_a_stage_chooses_is_kept_as_it_was_too() -> None:
    """A `choose` fact may look at stages, so any news can change it."""
    head = HEAD.replace(
        "  met: {first", "  place: {choose: [{is: there, when: {stage.school: new}}, {is: gone}]}\n  met: {first"
    )
    track = (
        TRACK.replace("TASK", "{ask: 'Keep it, {fact.place}'}")
        + """
  school:
    per: person
    start: new
    begins: [teacher.named]
    upon: {promise.kept: old}
    stages: {new: {means: I am new., watched_by: in_touch}, old: {means: I am old., watched_by: in_touch}}
"""
    )
    machine = machine_of(track, head=head)
    kept = touchpoint("k", "promise.kept", 3, promise="p1")
    result = folded(machine, [named(0), made(1), kept])
    (ending,) = result.closings
    assert task_of(machine, "anna", result.state, ending.closed.id, ending.task, ending).ask == "Keep it, there"


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ("{fact.waht}", '"waht" is not a fact. Did you mean "what"? [unknown-fact]'),
        ("{what}", '"{what}" is not something that can be filled in here. Did you mean "{fact.what}"? [blank]'),
        ("{persn}", '"{persn}" is not something that can be filled in here. Did you mean "{person}"? [blank]'),
        ("{promise}", 'The key of promise is written "{key}" here, not "{promise}". [blank]'),
        ("{}", '"{}" is not something that can be filled in here. Known: '),
        ("{stage.promise}", '"{stage.promise}" is not something that can be filled in here. '),
        ("{fact.what or it}", 'Say in quotes what stands there while the fact is missing: {fact.what or "it"}. [blank]'),
        ("{key or 'it'}", 'Only a fact may be missing, so "or" cannot stand in "{key or \'it\'}". Take it out. [blank]'),
        ("Keep {fact.what", 'A single "{" stands here. Write both braces of what is filled in, or take it out. [blank]'),
        ("Keep fact.what}", 'A single "}" stands here.'),
        ("{{key}}", 'A single "{" stands here.'),
        ("{fact.times}", 'The fact "times" is of kind count, and only first, last and choose can stand in a sentence.'),
        ("{fact.spent}", 'The fact "spent" is of kind sum, and only first, last and choose can stand in a sentence.'),
        ("{fact.busy}", 'The fact "busy" changes as time passes, by "within", and nobody would be told.'),
        ("{fact.busier}", 'The fact "busier" changes as time passes, by "within", and nobody would be told.'),
        ("{fact.fresh}", 'The fact "fresh" changes as time passes, by "within", and nobody would be told.'),
        ("{$patiense}", '"$patiense" is not a setting. Did you mean "$patience"? [unknown-setting]'),
        ("word " * 41, "What is asked has 204 characters of its own, more than 200. Say it in one sentence. [ask]"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused(ask: str, expected: str) -> None:
    """With its place, and what was meant."""
    task = "{ask: '" + ask.replace("'", "''") + "'}"
    told = refusal(task)
    assert expected in told
    line = next(n for n, each in enumerate((HEAD + "\ntracks:" + WATCH + TRACK).splitlines(), 1) if "TASK" in each)
    assert told.startswith(f"p.yaml:{line}:23: ")


def test_the_key_of_a_track_for_each_person_is_refused() -> None:
    """There is none."""
    told = refusal(ASK, "here: {means: Here., review: {every: 1 year}}",
                   'here: {means: Here., review: {every: 1 year, ask: "Call {key}"}}')  # fmt: skip
    assert 'There is one in_touch for each person, so it has no key. Write "{person}", or take it out. [blank]' in told


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (
            "fact.teacher",
            '"fact.teacher" is no word for somebody. To ask whoever a fact names, write by: {fact: teacher, or: owner}.',
        ),
        ('"{fact.teacher}"', "write by: {fact: teacher, or: owner}. [by]"),
        ('"{teacher}"', "write by: {fact: teacher, or: owner}. [by]"),
        ("{fact: teecher}", '"teecher" is not a fact. Did you mean "teacher"? [unknown-fact]'),
        ("{fakt: teacher}", '"fakt" is not a key of a "by". Did you mean "fact"? [unknown-key]'),
        ("{or: owner}", '"by" needs "fact". [missing]'),
        ("{fact: day}", 'The fact "day" is a date, which names nobody. Use a text, an id or words. [fact]'),
        ("{fact: times}", 'The fact "times" is of kind count, and only first, last and choose can name somebody.'),
        ("{fact: busy}", 'The fact "busy" changes as time passes, by "within", and nobody would be told.'),
        ("[a, b]", '"by" of the task keep is a text. Put it in quotes. [text]'),
    ],
)
def test_who_is_asked_is_a_word_or_a_fact(by: str, expected: str) -> None:
    """Anything else is refused."""
    assert expected in refusal(f"{{ask: Keep it, by: {by}}}")


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ("[waht]", '"waht" is not a fact. Did you mean "what"? [unknown-fact]'),
        ("lately", 'The fact "lately" changes as time passes, by "within", and nobody would be told.'),
        ("{what: x}", '"about" is a word or a list of words. [word]'),
    ],
)
def test_what_a_task_is_about_are_facts(about: str, expected: str) -> None:
    """That can be seen from there, and do not age."""
    assert expected in refusal(f"{{ask: Keep it, about: {about}}}")


def test_a_default_by_sees_facts_of_the_policy_alone() -> None:
    """A fact of one track names nobody for the tasks of another."""
    told = refusal(ASK, "calendar:", "defaults: {by: {fact: what}}\ncalendar:")
    assert '"what" is not a fact.' in told


def test_a_description_tells_what_a_task_says_and_what_travels_with_it() -> None:
    """In the words of the policy: the blanks, the fact that names somebody, and the facts."""
    lines = describe(
        policy_of("{ask: 'Keep {fact.what}', by: {fact: teacher, or: desk}, about: spent}"), "promise", "made"
    )
    (asked,) = [line for line in lines if "Keep {fact.what}" in line]
    assert "whoever fact.teacher names (else desk) is asked" in asked
    assert lines[lines.index(asked) + 1].strip().startswith("With it travel: spent, what, day, ")
