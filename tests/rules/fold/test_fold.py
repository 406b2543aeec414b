"""The hard cases of folding, one test each: order at one instant, beginnings, moves, timers."""

from __future__ import annotations

import pytest

from lifecycle.instant import from_microseconds
from lifecycle.rules.fold.fold import can_append
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.state.snapshot import encode
from lifecycle.touchpoint import order_key
from tests.rules.histories import (
    DAY,
    HAPPENED,
    at,
    continued,
    endings,
    folded,
    happened,
    instant,
    machine_of,
    open_tasks,
    stages,
    touchpoint,
)

NEED = """
  need:
    per: need
    start: stated
    begins: [need.stated]
    upon:
      decision.made:
        - {when: {outcome: with_us}, to: won}
        - {when: {outcome: elsewhere}, to: lost}
    stages:
      stated:
        means: I said it.
        upon: {offer.made: weighing}
        tasks:
          acknowledge: {ask: Answer, due: 1 day, expires: 1 day, done_by: reply.sent, or_else: {ask: Call, due: 4 hours}}
          still_stuck: {after: 14 days, ask: "What is in the way", due: 2 days}
        later: [{after: 60 days, to: not_now}]
      weighing:
        means: I compare.
        tasks: {help: {after: 7 days, ask: Help}}
        later: [{after: 60 days, to: not_now}]
      won: {means: With you., watched_by: in_touch}
      lost:
        means: With others.
        loss: true
        tasks:
          thank: {ask: Thank, stays: true}
          taken_care_of: {after: 30 days, ask: "Are they taken care of", due: 5 days}
        later: [{after: 180 days, to: not_now}]
      not_now: {means: Not now., review: {every: 180 days}, upon: {need.stated: stated}}
"""


def test_an_instance_begins_at_its_key_and_enters_start_with_that_touchpoint_as_cause() -> None:
    """Two needs of one person have progress of their own."""
    machine = machine_of(NEED)
    result = folded(machine, [touchpoint("1", "need.stated", 0, need="a"), touchpoint("2", "need.stated", 1, need="b")])
    assert stages(result) == {"in_touch": "here", "need[a]": "stated", "need[b]": "stated"}
    assert result.state.tracks["need"]["b"].origin.id == "2"


def test_only_the_types_named_under_begins_begin_an_instance() -> None:
    """An offer for a need nobody stated starts nothing."""
    result = folded(machine_of(NEED), [touchpoint("1", "offer.made", 0, need="a")])
    assert stages(result) == {"in_touch": "here"}


def test_the_touchpoint_that_begins_an_instance_is_then_offered_to_start() -> None:
    """A start stage that lists the beginning type is left at once, and asks for nothing."""
    machine = machine_of("""
  role:
    per: need
    start: noticed
    begins: [decision.made]
    stages:
      noticed: {means: ., upon: {decision.made: [{when: {outcome: with_us}, to: chosen}]}, tasks: {ask: {ask: Ask}}, review: {every: 1 year}}
      chosen: {means: ., review: {every: 1 year}}
""")
    chosen = folded(machine, [touchpoint("1", "decision.made", 0, need="a", outcome="with_us")], 1)
    noticed = folded(machine, [touchpoint("1", "decision.made", 0, need="a", outcome="not_now")], 1)
    assert (stages(chosen)["role[a]"], open_tasks(chosen)) == ("chosen", [])
    assert (stages(noticed)["role[a]"], open_tasks(noticed)) == ("noticed", ["role[a].ask"])


def test_touchpoints_come_before_timers_at_the_same_instant() -> None:
    """A decision at the very moment of a timed move wins: news beats silence."""
    machine = machine_of(NEED)
    news = touchpoint("2", "offer.made", 60 * DAY, need="a")
    result = folded(machine, [touchpoint("1", "need.stated", 0, need="a"), news])
    assert stages(result)["need[a]"] == "weighing"


def test_a_timer_fires_at_its_own_due_time_when_time_jumps_past_it() -> None:
    """After a long silence each overdue timer fires once, at its own time, in order."""
    trail: list[Step] = []
    folded(machine_of(NEED), [touchpoint("1", "need.stated", 0, need="a")], 400 * DAY, trail)
    assert happened(trail) == [
        (0.0, "began", "stated"),
        (0.0, "opened", "acknowledge"),
        (48.0, "expired", "acknowledge"),
        (48.0, "opened", "acknowledge/or_else"),
        (14 * DAY, "opened", "still_stuck"),
        (48.0 + 4 + 30 * DAY, "expired", "acknowledge/or_else"),
        (46 * DAY, "expired", "still_stuck"),
        (60 * DAY, "moved", "not_now"),
        (240 * DAY, "opened", "review"),
        (275 * DAY, "expired", "review"),
    ]


def test_a_stage_entered_and_left_at_one_instant_asks_for_nothing() -> None:
    """Two touchpoints of one instant pass through a stage without a task."""
    trail: list[Step] = []
    history = [touchpoint("1", "need.stated", 0, need="a"), touchpoint("2", "offer.made", 0, need="a")]
    result = folded(machine_of(NEED), history, 1, trail)
    assert stages(result)["need[a]"] == "weighing"
    assert [step for step in happened(trail) if step[1] == "opened"] == []


def test_leaving_a_stage_withdraws_its_open_tasks() -> None:
    """What was asked for a stage is not asked any more."""
    history = [touchpoint("1", "need.stated", 0, need="a"), touchpoint("2", "offer.made", 5, need="a")]
    result = folded(machine_of(NEED), history)
    assert endings(result) == [("acknowledge", "withdrawn", "left_stage")]
    assert open_tasks(result) == []


def test_a_task_that_stays_outlives_its_stage() -> None:
    """Thanks are owed although things went on."""
    history = [
        touchpoint("1", "need.stated", 0, need="a"),
        touchpoint("2", "decision.made", 1, need="a", outcome="elsewhere"),
        touchpoint("3", "decision.made", 2, need="a", outcome="with_us"),
    ]
    result = folded(machine_of(NEED), history)
    assert stages(result)["need[a]"] == "won"
    assert open_tasks(result) == ["need[a].thank"]


def test_a_touchpoint_completes_its_task_before_it_moves_the_stage() -> None:
    """The reply that ends the stage counts as done, not as withdrawn."""
    machine = machine_of("""
  need:
    per: need
    start: stated
    begins: [need.stated]
    stages:
      stated: {means: ., tasks: {answer: {ask: Answer, done_by: reply.sent}}, upon: {reply.sent: answered}, review: {every: 1 year}}
      answered: {means: ., watched_by: in_touch}
""")
    history = [touchpoint("1", "need.stated", 0, need="a"), touchpoint("2", "reply.sent", 1, need="a")]
    assert endings(folded(machine, history)) == [("answer", "completed", "")]


def test_a_keyed_task_is_completed_only_by_the_same_key() -> None:
    """A reply about another need, or about none, does not answer this one."""
    history = [
        touchpoint("1", "need.stated", 0, need="a"),
        touchpoint("2", "reply.sent", 1, need="b"),
        touchpoint("3", "reply.sent", 2),
    ]
    assert open_tasks(folded(machine_of(NEED), history)) == ["need[a].acknowledge"]


def test_what_is_asked_and_done_at_one_instant_is_never_asked() -> None:
    """Data that knows only days: the reply of the same day came before the question opened."""
    history = [touchpoint("1", "need.stated", 0, need="a"), touchpoint("2", "reply.sent", 0, need="a")]
    assert open_tasks(folded(machine_of(NEED), history, 1)) == []


def test_naming_the_present_stage_is_a_new_entry() -> None:
    """The clock of the stage starts again, and its tasks are asked anew under new ids."""
    machine = machine_of("""
  need:
    per: need
    start: stated
    begins: [need.stated]
    upon: {need.stated: stated}
    stages:
      stated: {means: ., tasks: {answer: {ask: Answer}}, later: [{after: 10 days, to: over}]}
      over: {means: ., review: {every: 1 year}}
""")
    first, again = touchpoint("1", "need.stated", 0, need="a"), touchpoint("2", "need.stated", 5 * DAY, need="a")
    result = folded(machine, [first, again], 12 * DAY)
    assert stages(result)["need[a]"] == "stated"
    assert endings(result) == [("answer", "withdrawn", "left_stage")]
    assert folded(machine, [first]).state.tasks.keys().isdisjoint(result.state.tasks)


def test_a_repeated_task_counts_from_when_its_last_one_was_closed() -> None:
    """Done on day 12 means again on day 22, not on day 20."""
    machine = machine_of("""
  need:
    per: need
    start: stated
    begins: [need.stated]
    stages:
      stated: {means: ., tasks: {call: {every: 10 days, ask: Call, done_by: reply.sent}}, review: {every: 5 years}}
""")
    trail: list[Step] = []
    history = [touchpoint("1", "need.stated", 0, need="a"), touchpoint("2", "reply.sent", 12 * DAY, need="a")]
    folded(machine, history, 23 * DAY, trail)
    assert [step for step in happened(trail) if step[1] == "opened"] == [
        (10 * DAY, "opened", "call"),
        (22 * DAY, "opened", "call"),
    ]


def test_a_repeated_task_waits_for_its_fact() -> None:
    """`every 10 days after heard`: not before they have been silent for ten days."""
    machine = machine_of("""
  need:
    per: need
    start: stated
    begins: [need.stated]
    stages:
      stated: {means: ., tasks: {call: {every: 10 days after heard, ask: Call}}, review: {every: 5 years}}
""")
    trail: list[Step] = []
    history = [
        touchpoint("1", "need.stated", 0, need="a"),
        touchpoint("2", "decision.made", 8 * DAY, need="z", outcome="not_now"),
    ]
    folded(machine, history, 20 * DAY, trail)
    assert [step[0] for step in happened(trail) if step[1] == "opened"] == [18 * DAY]


def test_a_repeated_task_whose_guard_says_no_tries_again_after_a_period() -> None:
    """The guard is looked at when it opens."""
    machine = machine_of("""
  need:
    per: need
    start: stated
    begins: [need.stated]
    stages:
      stated: {means: ., tasks: {call: {every: 10 days, ask: Call, when: {fact.bought: true}}}, review: {every: 5 years}}
""")
    trail: list[Step] = []
    history = [
        touchpoint("1", "need.stated", 0, need="a"),
        touchpoint("2", "purchase.completed", 15 * DAY, amount="1 EUR"),
    ]
    folded(machine, history, 21 * DAY, trail)
    assert [step for step in happened(trail) if "open" in step[1]] == [
        (10 * DAY, "not_opened", "call"),
        (20 * DAY, "opened", "call"),
    ]


PROMISE = """
  promise:
    per: promise
    start: made
    begins: [promise.made]
    facts: {promised_for: {last: promise.made.promised_for}}
    upon: {promise.kept: kept, promise.made: made}
    stages:
      made:
        means: You promised.
        tasks: {keep: {ask: Keep it, due: promised_for, done_by: promise.kept}, soon: {at: 2 days before promised_for, ask: Soon}}
        later: [{at: 1 day after promised_for, to: broken}]
      broken: {means: You did not., review: {every: 14 days}}
      kept: {means: You did., watched_by: in_touch}
"""


def test_at_follows_its_fact_and_a_date_is_the_start_of_that_day() -> None:
    """The promise for 12 March is broken when 13 March begins; due is the end of work on the day itself."""
    trail: list[Step] = []
    result = folded(
        machine_of(PROMISE),
        [touchpoint("1", "promise.made", 0, promise="p", promised_for="2026-03-12")],
        12 * DAY,
        trail,
    )
    happenings = [step for step in trail if step.track == "promise" and step.what in HAPPENED]
    assert [(step.at.isoformat(), step.name) for step in happenings] == [
        ("2026-03-02T10:00:00+00:00", "made"),
        ("2026-03-02T10:00:00+00:00", "made"),
        ("2026-03-02T10:00:00+00:00", "keep"),
        ("2026-03-10T00:00:00+00:00", "soon"),
        ("2026-03-13T00:00:00+00:00", "keep"),
        ("2026-03-13T00:00:00+00:00", "soon"),
        ("2026-03-13T00:00:00+00:00", "broken"),
    ]
    keep = next(closing for closing in result.closings if closing.task.rule == "keep")
    assert from_microseconds(keep.task.due_at).isoformat() == "2026-03-12T17:00:00+00:00"


def test_a_moment_that_is_past_at_entry_is_due_at_once() -> None:
    """A promise for tomorrow: the reminder of two days before comes now."""
    trail: list[Step] = []
    folded(machine_of(PROMISE), [touchpoint("1", "promise.made", 0, promise="p", promised_for="2026-03-03")], 1, trail)
    assert (0.0, "opened", "soon") in happened(trail)


def test_an_at_rule_fires_once_for_each_entry_although_its_fact_moves_on() -> None:
    """A fact that changes after the moment has passed does not ask again."""
    machine = machine_of("""
  need:
    per: need
    start: stated
    begins: [need.stated]
    stages:
      stated: {means: ., tasks: {ask: {at: 1 day after heard, ask: Ask, expires: 1 day, due: 1 day}}, review: {every: 5 years}}
""")
    trail: list[Step] = []
    history = [
        touchpoint("1", "need.stated", 0, need="a"),
        touchpoint("2", "decision.made", 5 * DAY, need="z", outcome="not_now"),
    ]
    folded(machine, history, 20 * DAY, trail)
    assert [step[0] for step in happened(trail) if step[1] == "opened"] == [DAY]


def test_all_tracks_see_a_touchpoint_at_once() -> None:
    """Guards look at the stages as they were before it, whatever the order of tracks in the file."""
    first = """
  alpha:
    per: person
    start: shut
    stages:
      shut: {means: ., upon: {need.stated: [{when: {stage.beta: shut}, to: wide}]}, review: {every: 1 year}}
      wide: {means: ., review: {every: 1 year}}
"""
    second = first.replace("alpha", "gamma").replace("beta", "alpha").replace("gamma", "beta")
    history = [touchpoint("0", "reply.sent", 0), touchpoint("1", "need.stated", 1, need="a")]
    for tracks in (first + second, second + first):
        result = folded(machine_of(tracks), history)
        assert (stages(result)["alpha"], stages(result)["beta"]) == ("wide", "wide")


def test_facts_have_taken_in_the_touchpoint_when_guards_look() -> None:
    """The third statement is counted when the guard asks for three."""
    machine = machine_of("""
  often:
    per: person
    start: seldom
    stages:
      seldom: {means: ., upon: {need.stated: [{when: {fact.stated: {at_least: 3}}, to: often}]}, review: {every: 1 year}}
      often: {means: ., review: {every: 1 year}}
""")
    history = [touchpoint(str(number), "need.stated", number, need="a") for number in range(3)]
    assert stages(folded(machine, history[:2]))["often"] == "seldom"
    assert stages(folded(machine, history))["often"] == "often"


def test_timers_due_at_one_instant_see_the_state_before_it() -> None:
    """Two tracks that swap by time swap both, whatever their order."""
    tracks = """
  alpha: {per: person, start: a, stages: {a: {means: ., later: [{after: 1 day, to: b, when: {stage.beta: a}}], review: {every: 1 year}}, b: {means: ., review: {every: 1 year}}}}
  beta: {per: person, start: a, stages: {a: {means: ., later: [{after: 1 day, to: b, when: {stage.alpha: a}}], review: {every: 1 year}}, b: {means: ., review: {every: 1 year}}}}
"""
    result = folded(machine_of(tracks), [touchpoint("1", "reply.sent", 0)], 2 * DAY)
    assert (stages(result)["alpha"], stages(result)["beta"]) == ("b", "b")


def test_within_one_instance_the_first_timed_move_that_fits_wins() -> None:
    """Order in the stage decides between moves of one instant."""
    machine = machine_of("""
  alpha:
    per: person
    start: a
    stages:
      a: {means: ., later: [{after: 1 day, to: b, when: {fact.bought: true}}, {after: 1 day, to: c}, {after: 1 day, to: d}]}
      b: {means: ., review: {every: 1 year}}
      c: {means: ., review: {every: 1 year}}
      d: {means: ., review: {every: 1 year}}
""")
    assert stages(folded(machine, [touchpoint("1", "reply.sent", 0)], 2 * DAY))["alpha"] == "c"


LOOP = """
  alpha:
    per: person
    start: a
    stages:
      a: {means: ., later: [{after: 0 days, to: b}], upon: {reply.sent: stay}}
      b: {means: ., later: [{after: 0 days, to: a}]}
"""


def test_a_loop_at_one_instant_goes_on_a_day_later() -> None:
    """Rounds at one virtual instant are limited; nobody is stopped by that."""
    result = folded(machine_of(LOOP), [touchpoint("1", "reply.sent", 0)])
    assert result.next_due_at == at(DAY)
    assert result.state.tracks["alpha"][""].since == instant(0)
    again = continued(machine_of(LOOP), result.state, [], 3 * DAY)
    assert again.next_due_at == at(4 * DAY)


def test_a_row_of_moments_in_the_past_is_finished_a_day_later() -> None:
    """A chain of 130 waits of no length is no loop: it ends, after one night."""
    stages_ = "".join(
        f"      s{each}: {{means: ., later: [{{after: 0 days, to: s{each + 1}}}]}}\n" for each in range(130)
    )
    machine = machine_of(f"""
  alpha:
    per: person
    start: s0
    stages:
{stages_}      s130: {{means: ., watched_by: in_touch}}
""")
    history = [touchpoint("1", "reply.sent", 0)]
    assert stages(folded(machine, history, DAY - 1))["alpha"] == "s100"
    assert stages(folded(machine, history, DAY))["alpha"] == "s130"


def test_news_does_not_call_earlier_what_was_put_off_for_a_day() -> None:
    """Else each touchpoint would cause its hundred rounds."""
    machine = machine_of("""
  alpha:
    per: person
    start: a
    stages:
      a: {means: ., later: [{at: heard, to: b}]}
      b: {means: ., later: [{at: heard, to: a}]}
""")
    history = [touchpoint("1", "need.stated", 0, need="n"), touchpoint("2", "reply.sent", 5)]
    assert folded(machine, history, 6).next_due_at == at(DAY)
    heard_again = [*history, touchpoint("3", "need.stated", 7, need="n")]
    assert folded(machine, heard_again, 8).next_due_at == at(DAY)


def test_what_follows_an_expired_task_is_not_lost_in_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last round lets a task expire; what is to follow it is asked a day later, and so on."""
    monkeypatch.setattr("lifecycle.rules.fold.timers.MAX_ROUNDS", 6)
    chain = "{ask: Last}"
    for _ in range(9):
        chain = f"{{ask: Next, due: 0 hours, expires: 0 hours, or_else: {chain}}}"
    machine = machine_of(f"""
  alpha:
    per: person
    start: a
    stages:
      a: {{means: ., watched_by: in_touch, tasks: {{ask: {chain}}}}}
""")
    history = [touchpoint("1", "reply.sent", 0)]
    assert open_tasks(folded(machine, history, DAY - 1)) == []
    assert open_tasks(folded(machine, history, 4 * DAY)) == ["alpha[].ask" + "/or_else" * 9]


def test_a_long_chain_of_timers_over_a_span_is_no_loop() -> None:
    """The limit counts rounds at one instant, never over a span."""
    machine = machine_of("""
  alpha:
    per: person
    start: a
    stages:
      a: {means: ., later: [{after: 1 hour, to: b}]}
      b: {means: ., later: [{after: 1 hour, to: a}]}
""")
    assert stages(folded(machine, [touchpoint("1", "reply.sent", 0)], 1_000.5))["alpha"] == "a"


def test_an_expired_task_escalates_and_a_declined_one_does_not() -> None:
    """Nobody did it: the next one is asked. Somebody decided not to: nothing follows."""
    machine = machine_of(NEED)
    stated = touchpoint("1", "need.stated", 0, need="a")
    (task_id,) = folded(machine, [stated]).state.tasks
    declined = touchpoint("2", "task.declined", 5, task=task_id)
    assert open_tasks(folded(machine, [stated], 49)) == ["need[a].acknowledge/or_else"]
    assert open_tasks(folded(machine, [stated, declined], 49)) == []


def test_a_review_comes_again_every_period_until_the_stage_is_left() -> None:
    """A rest is looked at again and again, whether or not the last review was done."""
    trail: list[Step] = []
    folded(machine_of(NEED), [touchpoint("1", "need.stated", 0, need="a")], (60 + 400) * DAY, trail)
    assert [step[0] / DAY for step in happened(trail) if step[1:] == ("opened", "review")] == [240.0, 420.0]


def test_a_review_that_is_still_open_is_not_asked_twice() -> None:
    """With a short period the open review stands, and the next date is kept."""
    trail: list[Step] = []
    folded(
        machine_of(PROMISE),
        [touchpoint("1", "promise.made", 0, promise="p", promised_for="2026-03-03")],
        60 * DAY,
        trail,
    )
    opened = [step[0] for step in happened(trail) if step[1:] == ("opened", "review")]
    expired = [step[0] for step in happened(trail) if step[1:] == ("expired", "review")]
    assert len(opened) == 2
    assert expired[0] < opened[1]


def test_an_unknown_type_moves_nothing() -> None:
    """It is kept in the log; a later policy may use it."""
    known, unknown = touchpoint("1", "need.stated", 0, need="a"), touchpoint("2", "moon.rose", 1, need="a")
    with_it, without = folded(machine_of(NEED), [known, unknown], 5), folded(machine_of(NEED), [known], 5)
    assert stages(with_it) == stages(without)
    assert with_it.state.tasks == without.state.tasks


def test_data_that_an_earlier_policy_could_not_check_loses_the_field_and_nothing_else() -> None:
    """A touchpoint was kept as unknown; now its type is known and its key is a list: the person is there all the same."""
    odd = touchpoint("1", "need.stated", 0, need=["a"])
    lost = touchpoint("2", "task.completed", 1)
    result = folded(machine_of(NEED), [odd, lost], 5)
    assert stages(result) == {"in_touch": "here"}
    assert result.state.missing == {"need.stated.need": 1, "task.completed.task": 1}
    assert (result.keyless, result.unmatched) == ((("anna", "s", "1"),), (("anna", "s", "2"),))


def test_the_lane_follows_the_facts() -> None:
    """Whoever bought is a customer from that touchpoint on."""
    machine = machine_of(NEED)
    stated, bought = (
        touchpoint("1", "need.stated", 0, need="a"),
        touchpoint("2", "purchase.completed", 1, amount="5 EUR"),
    )
    assert machine.policy.lanes[folded(machine, [stated]).state.lane].name == "prospect"
    assert machine.policy.lanes[folded(machine, [stated, bought]).state.lane].name == "customer"


def test_a_touchpoint_at_the_instant_of_a_fired_timer_is_no_increment() -> None:
    """A batch that ends at an instant has fired its timers; a further touchpoint of that instant re-folds."""
    machine = machine_of(NEED)
    state = folded(machine, [touchpoint("1", "need.stated", 0, need="a")]).state
    assert state.last_fired_at == instant(0)
    assert not can_append(state, order_key(touchpoint("2", "offer.made", 0, need="a")))
    assert can_append(state, order_key(touchpoint("2", "offer.made", 0.001, need="a")))


def test_time_in_many_steps_or_in_one_ends_in_the_same_bytes() -> None:
    """Advancing hour by hour, through the text of the snapshot each time, equals one leap."""
    machine = machine_of(NEED + PROMISE)
    history = [
        touchpoint("1", "need.stated", 0, need="a"),
        touchpoint("2", "promise.made", 1, promise="p", promised_for="2026-03-12"),
        touchpoint("3", "decision.made", 20 * DAY, need="a", outcome="elsewhere"),
    ]
    leap = folded(machine, history, 300 * DAY)
    state = folded(machine, history[:2]).state
    for day in range(1, 20):
        state = continued(machine, state, [], day * DAY).state
    state = continued(machine, state, history[2:], None).state
    for day in range(21, 301, 7):
        state = continued(machine, state, [], day * DAY).state
    assert encode(continued(machine, state, [], 300 * DAY).state) == encode(leap.state)


def test_next_due_at_is_the_earliest_of_rules_and_expiries() -> None:
    """After the task opened, its expiry two days later is the next thing time has to do."""
    assert folded(machine_of(NEED), [touchpoint("1", "need.stated", 0, need="a")]).next_due_at == at(48)


def test_sequence_orders_touchpoints_of_one_instant() -> None:
    """Missing first, then digits as numbers, then text."""
    names = [None, "2", "10", "a"]
    history = [touchpoint(f"x{name}", "need.stated", 0, sequence=name, need="a") for name in reversed(names)]
    assert [each.sequence for each in sorted(history, key=order_key)] == names
