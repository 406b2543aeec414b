"""Kinds of contact and settings in the fold: quiet hours, budgets, opt-out, cadence by a fact, includes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lifecycle.errors import PolicyRefused
from lifecycle.instant import from_microseconds
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import Folded, fold
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, encode
from lifecycle.touchpoint import Touchpoint
from tests.rules.histories import DAY, START, at, continued, endings, folded, happened, open_tasks, touchpoint

HEAD = """
policy: test
language: 1
lanes: [{is: everybody}]
touchpoints:
  need.stated: {by: person, data: {need: id}}
  reply.sent: {by: us, optional: {need: id}}
  contact.chosen: {by: person, data: {allows: [everything, nothing]}}
  place.told: {by: person, data: {zone: zone, country: country}}
  horizon.judged: {by: us, data: {horizon: [reason, lifetime]}}
facts:
  allows: {last: contact.chosen.allows}
  zone: {last: place.told.zone}
  country: {last: place.told.country}
  judged: {last: horizon.judged.horizon}
  replied: {last: reply.sent}
  horizon: {choose: [{is: lifetime, when: {fact.judged: lifetime}}, {is: reason}]}
"""
TRACKS = """
tracks:
  need:
    per: need
    start: stated
    begins: [need.stated]
    stages:
      stated:
        means: I said it.
        tasks: {TASKS}
        later: [{after: 60 days, to: over}]
      over: {means: Over., review: {every: 1 year}}
"""


def machine_of(more: str, tasks: str) -> Machine:
    return compile_policy(load_policy(HEAD + more + TRACKS.replace("TASKS", tasks), name="test.yaml"))


def stated(name: str, hours: float, need: str = "a"):  # type: ignore[no-untyped-def]
    return touchpoint(name, "need.stated", hours, need=need)


def opened(trail: list[Step]) -> list[tuple[float, str]]:
    return [(step[0], step[2]) for step in happened(trail) if step[1] == "opened"]


QUIET = "contact: {offered: {reaches: person, quiet: 19:00 to 09:00}, inside: {reaches: nobody}}\n"


def test_a_task_opens_when_quiet_ends_and_due_counts_from_then() -> None:
    """Said at 20:00; asked at 09:00, due a day later."""
    machine = machine_of(QUIET, "call: {ask: Call, due: 1 day}")
    result = folded(machine, [stated("1", 10)], 24)
    (task,) = result.state.tasks.values()
    assert from_microseconds(task.opened_at) == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert from_microseconds(task.due_at) == datetime(2026, 3, 4, 9, tzinfo=UTC)


def test_quiet_is_by_the_clock_where_the_person_is() -> None:
    """10:00 UTC is five in the morning in New York."""
    machine = machine_of("calendar: {zone_from: fact.zone}\n" + QUIET, "call: {ask: Call}")
    told = touchpoint("0", "place.told", -1, zone="America/New_York", country="US")
    assert open_tasks(folded(machine, [told, stated("1", 0)], 3.9)) == []
    assert open_tasks(folded(machine, [told, stated("1", 0)], 4.0)) == ["need[a].call"]


def test_work_among_ourselves_does_not_wait_for_morning() -> None:
    """Quiet belongs to a kind of contact."""
    assert open_tasks(folded(machine_of(QUIET, "note: {ask: Note, contact: inside}"), [stated("1", 10)])) == [
        "need[a].note"
    ]


def test_waiting_ends_with_the_stage() -> None:
    """What was to be asked in the morning is not asked when they moved on at night."""
    tracks = TRACKS.replace("TASKS", "call: {ask: Call}").replace(
        "means: I said it.", "means: I said it.\n        upon: {reply.sent: over}"
    )
    machine = compile_policy(load_policy(HEAD + QUIET + tracks))
    result = folded(machine, [stated("1", 10), touchpoint("2", "reply.sent", 12, need="a")], 48)
    assert (result.state.waiting, endings(result)) == ({}, [])


def test_what_is_done_while_it_waits_is_never_asked() -> None:
    """Somebody answered at night."""
    machine = machine_of(QUIET, "answer: {ask: Answer, done_by: reply.sent}")
    result = folded(machine, [stated("1", 10), touchpoint("2", "reply.sent", 12, need="a")], 48)
    assert (open_tasks(result), endings(result)) == ([], [])


BUDGET = (
    "contact: {offered: {reaches: person, most: 2 per 30 days}, owed: {reaches: person}, inside: {reaches: nobody}}\n"
)


def test_beyond_the_budget_only_this_kind_waits_for_the_first_free_day() -> None:
    """All that reaches the person is counted; what is owed is asked all the same."""
    machine = machine_of(
        BUDGET,
        "a_gift: {ask: A, due: 1 day}, b_gift: {ask: B, due: 2 days}, c_gift: {ask: C, due: 3 days}, debt: {ask: D, contact: owed}",
    )
    trail: list[Step] = []
    folded(machine, [stated("1", 0)], 31 * DAY, trail)
    assert opened(trail) == [(0.0, "a_gift"), (0.0, "b_gift"), (0.0, "debt"), (30 * DAY, "c_gift")]


def test_at_one_instant_the_smaller_due_goes_first_whatever_the_order_in_the_file() -> None:
    """A budget is spent on what is due first."""
    machine = machine_of(BUDGET, "late: {ask: A, due: 9 days}, soon: {ask: B, due: 1 day}, mid: {ask: C, due: 5 days}")
    trail: list[Step] = []
    folded(machine, [stated("1", 0)], 1, trail)
    assert opened(trail) == [(0.0, "soon"), (0.0, "mid")]


def test_what_reaches_nobody_is_not_counted() -> None:
    """Work among ourselves spends no budget."""
    machine = machine_of(
        BUDGET, "note: {ask: Note, contact: inside}, post: {ask: Post, contact: inside}, gift: {ask: A}, more: {ask: B}"
    )
    assert open_tasks(folded(machine, [stated("1", 0)], 1)) == [
        "need[a].gift",
        "need[a].more",
        "need[a].note",
        "need[a].post",
    ]


def test_budgets_agree_in_one_leap_and_in_many_steps() -> None:
    """What waits is in the snapshot."""
    machine = machine_of(
        BUDGET + "calendar: {zone: Europe/Vienna}\n", "gift: {every: 3 days, ask: A, due: 1 day, expires: 1 day}"
    )
    leap = folded(machine, [stated("1", 0)], 80 * DAY)
    state = folded(machine, [stated("1", 0)]).state
    for day in range(1, 80):
        state = continued(machine, state, [], day * DAY).state
    assert encode(continued(machine, state, [], 80 * DAY).state) == encode(leap.state)


ONE = "contact: {offered: {reaches: person, most: 1 per 30 days}, owed: {reaches: person}}\n"


def asked(machine: Machine, history: list[Touchpoint], hours: float) -> list[tuple[float, str]]:
    """Return (days after the start, key.rule) of each task that opened, in order."""
    trail: list[Step] = []
    folded(machine, history, hours, trail)
    return [
        (round((step.at - START).total_seconds() / 86_400, 2), f"{step.key}.{step.name}")
        for step in trail
        if step.what == "opened"
    ]


def test_room_goes_to_whoever_waits_longest() -> None:
    """Whatever is due earlier, came later, and would be first by its name."""
    machine = machine_of(ONE, "gift: {ask: A, due: 9 days, expires: 40 days}, z: {after: 1 day, ask: B, due: 1 hour}")
    history = [stated("1", 0, need="m"), stated("2", 5, need="b"), stated("3", 9, need="a")]
    assert asked(machine, history, 95 * DAY)[:4] == [(0, "m.gift"), (30, "b.gift"), (60, "a.gift")]


@pytest.mark.parametrize("person", ["anna", "bert", "carl", "dora"])
def test_who_gets_room_is_no_lottery(person: str) -> None:
    """The same three questions of four people in the same order: that of the policy, where nothing else decides."""
    tasks = "q3: {ask: C, due: 9 days}, q1: {ask: A, due: 9 days}, q2: {ask: B, due: 9 days}"
    machine = machine_of(ONE, tasks)
    trail: list[Step] = []
    fold(machine, person, PersonState(), [stated("1", 0)._replace(person=person)], at(59 * DAY), trail=trail)
    assert opened(trail) == [(0.0, "q3"), (30 * DAY, "q1")]


def test_of_those_that_wait_equally_long_the_earlier_due_is_first_then_the_policy_then_the_key() -> None:
    """One order for all."""
    machine = machine_of(ONE, "late: {ask: A, due: 9 days}, soon: {ask: B, due: 8 days}")
    history = [stated("1", 0, need="b"), stated("2", 0, need="a")]
    assert asked(machine, history, 50 * DAY) == [(0, "a.soon"), (30, "b.soon")]


def test_quiet_hours_count_as_waiting() -> None:
    """What was to open in the evening comes before what was to open in the morning."""
    kinds = ONE.replace("most: 1 per 30 days", "most: 1 per 30 days, quiet: 19:00 to 09:00")
    machine = machine_of(kinds, "gift: {ask: A, due: 5 days}")
    history = [stated("1", 0, need="a"), stated("2", 12, need="c"), stated("3", 23, need="b")]
    assert asked(machine, history, 62 * DAY) == [(0, "a.gift"), (30, "c.gift"), (60, "b.gift")]


@pytest.mark.parametrize(
    ("news", "due"),
    [
        ([], 2.0),  # nobody does it: given up after a day and another one
        ([("task.declined", 5.0)], 5 / 24),
        ([("contact.chosen", 5.0)], 5 / 24),
        ([("task.completed", 5.0)], 5 / 24 + 30),
    ],
)
def test_only_what_is_open_or_done_counts(news: list[tuple[str, float]], due: float) -> None:
    """What expired, was declined or withdrawn frees its room at once; what was done counts from when it was done."""
    kinds = (
        "contact: {offered: {reaches: person, most: 1 per 30 days}, "
        "asked: {reaches: person, stops: {fact.allows: nothing}}}\n"
    )
    machine = machine_of(
        kinds, "first: {ask: A, contact: asked, due: 1 day, expires: 1 day}, second: {after: 1 hour, ask: B}"
    )
    task_id = next(iter(folded(machine, [stated("1", 0)], 0).state.tasks))
    history = [stated("1", 0)]
    for kind, hours in news:
        data = {"allows": "nothing"} if kind == "contact.chosen" else {"task": task_id}
        history.append(touchpoint(kind, kind, hours, **data))
    assert asked(machine, history, 40 * DAY) == [(0, "a.first"), (round(due, 2), "a.second")]


def test_an_open_task_counts_from_its_opening_for_the_window_only() -> None:
    """One that is open for long does not hold up others for ever."""
    machine = machine_of(ONE, "first: {ask: A, due: 50 days}, second: {after: 1 day, ask: B}")
    assert asked(machine, [stated("1", 0)], 40 * DAY) == [(0, "a.first"), (30, "a.second")]


def test_one_done_long_after_it_opened_counts_from_then() -> None:
    """That is when the person noticed."""
    machine = machine_of(ONE, "first: {ask: A, due: 50 days}, second: {after: 31 days, ask: B}")
    task_id = next(iter(folded(machine, [stated("1", 0)], 0).state.tasks))
    history = [stated("1", 0), touchpoint("2", "task.completed", 30.5 * DAY, task=task_id)]
    # The stage ends after 60 days, before there is room again.
    assert asked(machine, history, 59 * DAY) == [(0, "a.first")]
    history[1] = touchpoint("2", "task.completed", 25 * DAY, task=task_id)
    assert asked(machine, history, 59 * DAY) == [(0, "a.first"), (55, "a.second")]


def test_what_is_answered_after_it_expired_counts_as_done() -> None:
    """The person was reached after all, whichever way the history was cut."""
    machine = machine_of(ONE, "first: {ask: A, due: 1 day, expires: 1 day}, second: {after: 10 days, ask: B}")
    task_id = next(iter(folded(machine, [stated("1", 0)], 0).state.tasks))
    late = touchpoint("2", "task.completed", 5 * DAY, task=task_id)
    assert asked(machine, [stated("1", 0), late], 40 * DAY) == [(0, "a.first"), (35, "a.second")]
    state = folded(machine, [stated("1", 0)], 4 * DAY).state
    assert encode(continued(machine, state, [late], 40 * DAY).state) == encode(
        folded(machine, [stated("1", 0), late], 40 * DAY).state
    )


def test_room_that_comes_at_an_instant_is_given_after_its_touchpoints() -> None:
    """Somebody declines and somebody answers at one instant: what is answered is not asked."""
    machine = machine_of(ONE, "first: {ask: A}, second: {ask: B, done_by: reply.sent}, third: {ask: C}")
    task_id = next(iter(folded(machine, [stated("1", 0)], 0).state.tasks))
    history = [
        stated("1", 0),
        touchpoint("2", "task.declined", 5, task=task_id),
        touchpoint("3", "reply.sent", 5, need="a"),
    ]
    assert asked(machine, history, DAY) == [(0, "a.first"), (0.21, "a.third")]


def test_whoever_gets_room_is_looked_at_again() -> None:
    """`when`, and the fact of `every ... after`: nobody is asked for what has become pointless."""
    machine = machine_of(
        ONE,
        "first: {ask: A, expires: 1 day, due: 19 days}, if_new: {ask: B, due: 20 days, when: {fact.judged: {given: false}}}, "
        "call: {every: 5 days after replied, ask: C}",
    )
    history = [
        stated("1", 0),
        touchpoint("2", "horizon.judged", 3 * DAY, horizon="reason"),
        touchpoint("3", "reply.sent", 18 * DAY, need="a"),
    ]
    assert asked(machine, history, 30 * DAY) == [(0, "a.first"), (23, "a.call")]


STOPS = "contact: {offered: {reaches: person, stops: {fact.allows: nothing}}, owed: {reaches: person}}\n"


def test_an_opt_out_withdraws_open_tasks_of_that_kind_and_opens_none() -> None:
    """Others stay; nothing opens by itself when it ends."""
    machine = machine_of(STOPS, "gift: {ask: A}, debt: {ask: D, contact: owed}, later_gift: {after: 2 days, ask: L}")
    history = [
        stated("1", 0),
        touchpoint("2", "contact.chosen", 1, allows="nothing"),
        touchpoint("3", "contact.chosen", 3 * DAY, allows="everything"),
    ]
    result: Folded = folded(machine, history, 4 * DAY)
    assert endings(result) == [("gift", "withdrawn", "stopped")]
    assert open_tasks(result) == ["need[a].debt"]


def test_a_repeated_task_comes_back_after_an_opt_out_has_ended() -> None:
    """It tries again after each period."""
    machine = machine_of(STOPS, "gift: {every: 5 days, ask: A}")
    history = [
        stated("1", 0),
        touchpoint("2", "contact.chosen", 1, allows="nothing"),
        touchpoint("3", "contact.chosen", 6 * DAY, allows="everything"),
    ]
    trail: list[Step] = []
    folded(machine, history, 11 * DAY, trail)
    assert opened(trail) == [(10 * DAY, "gift")]


SETTINGS = "settings: {patience: 3 days, cadence: {depends_on: horizon, lifetime: 10 days, reason: 20 days}}\n"


def test_a_wait_with_a_setting_that_depends_on_a_fact_follows_it() -> None:
    """Judged a lifetime in the first hour: every ten days instead of twenty."""
    machine = machine_of(SETTINGS, "call: {every: $cadence, ask: Call, due: 1 hour, expires: 1 hour}")
    trail: list[Step] = []
    folded(machine, [stated("1", 0), touchpoint("2", "horizon.judged", 1, horizon="lifetime")], 32 * DAY, trail)
    assert [round(at / DAY, 1) for at, _ in opened(trail)] == [10.0, 20.1, 30.2]


def test_a_setting_stands_for_a_value_wherever_one_stands() -> None:
    """Duration, moment, number."""
    machine = machine_of(
        "settings: {patience: 3 days, often: 2}\n", "call: {after: $patience, ask: Call, due: $patience}"
    )
    rule = machine.tracks["need"].stages["stated"].rules["call"].task
    assert rule is not None
    assert (str(rule.after), str(rule.due)) == ("3 days", "3 days")


@pytest.mark.parametrize(
    ("settings", "finding"),
    [
        (
            "{cadence: {depends_on: horizon, lifetime: 1 day}}",
            '"reason" of the fact "horizon" has no duration here. Add "reason: 14 days".',
        ),
        (
            "{cadence: {depends_on: horizon, lifetime: 1 day, reason: 2 days, ever: 1 day}}",
            '"ever" is not a word of horizon.',
        ),
        ("{cadence: {depends_on: allows, everything: 1 day}}", '"allows" is not a "choose" fact. Known: horizon.'),
        (
            "{cadence: {depends_on: horizon, lifetime: long, reason: 2 days}}",
            '"long" is not a duration. Write one such as "14 days" for lifetime.',
        ),
        ("{cadance: 3 days}", '"$cadence" is not a setting. Did you mean "$cadance"?'),
    ],
)
def test_a_wrong_setting_is_refused(settings: str, finding: str) -> None:
    """It must name each word of its fact, with a duration."""
    with pytest.raises(PolicyRefused) as refused:
        machine_of(f"settings: {settings}\n", "call: {every: $cadence, ask: Call}")
    assert finding in str(refused.value)


PART = """
policy: part
language: 1
settings: {patience: 3 days}
lanes: [{is: everybody}]
touchpoints: {need.stated: {by: person, data: {need: id}}}
tracks:
  watch: {per: person, start: here, stages: {here: {means: Here., review: {every: 1 year}}}}
  need: {per: need, start: stated, begins: [need.stated], stages: {stated: {means: I said it., later: [{after: $patience, to: over}]}, over: {means: Over., review: {every: 1 year}}}}
"""


def including(text: str):  # type: ignore[no-untyped-def]
    """Load a policy that includes `part`."""
    return load_policy(text, name="whole.yaml", find=lambda name: ("part.yaml", PART) if name == "part" else None)


def test_an_including_policy_takes_over_parts_and_its_settings_win() -> None:
    """Parts are joined; a business changes numbers, not rules."""
    policy = including("policy: whole\nlanguage: 1\nincludes: [{policy: part}]\nsettings: {patience: 9 days}\n")
    assert list(policy.tracks) == ["watch", "need"]
    assert str(policy.tracks["need"].stages["stated"].later[0].after) == "9 days"


def test_the_text_of_a_joined_policy_is_whole() -> None:
    """It can be kept in the database and read again without what it includes."""
    policy = including("policy: whole\nlanguage: 1\nincludes: [{policy: part}]\n")
    again = load_policy(policy.text)
    assert (again.hash, again.tracks.keys()) == (policy.hash, policy.tracks.keys())


@pytest.mark.parametrize(
    ("more", "finding"),
    [
        (
            "includes: [{policy: prat}]",
            'whole.yaml:3:21: There is no policy "prat" beside this file or with the program.',
        ),
        (
            "includes: [{policy: part}]\nlanes: [{is: all}]",
            '"lanes" stands here and in part. Leave one out: without: [lanes].',
        ),
        (
            "includes: [{policy: part}]\ntouchpoints: {need.stated: {by: us}}",
            '"need.stated" stands here and in part, line 6. Leave it out: without: [touchpoints.need.stated].',
        ),
        (
            "includes: [{policy: part, without: [tracks.watsh]}]",
            '"watsh" is not a part of part.tracks. Did you mean "watch"?',
        ),
    ],
)
def test_what_does_not_join_is_refused(more: str, finding: str) -> None:
    """The same name twice, a name that is nowhere."""
    with pytest.raises(PolicyRefused) as refused:
        including(f"policy: whole\nlanguage: 1\n{more}\n")
    assert finding in str(refused.value)


def test_a_part_that_is_left_out_can_be_written_anew() -> None:
    """No overriding: leave out and write."""
    policy = including(
        "policy: whole\nlanguage: 1\nincludes: [{policy: part, without: [tracks.need, touchpoints.need.stated, lanes]}]\n"
        "lanes: [{is: all}]\ntouchpoints: {need.stated: {by: us, data: {need: id}}}\n"
    )
    assert list(policy.tracks) == ["watch"]
    assert policy.types["need.stated"].by == "us"


def test_a_circle_of_includes_is_refused_with_its_way() -> None:
    """A includes B includes A."""
    texts = {
        "a": "policy: a\nlanguage: 1\nincludes: [{policy: b}]\n",
        "b": "policy: b\nlanguage: 1\nincludes: [{policy: a}]\n",
    }
    with pytest.raises(PolicyRefused) as refused:
        load_policy(texts["a"], find=lambda name: (f"{name}.yaml", texts[name]))
    assert '"b" includes itself, by way of b, a.' in str(refused.value)
