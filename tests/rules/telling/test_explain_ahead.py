"""What is told of the future is what comes: opt-outs, open reviews, quiet hours, budgets, limits, what comes again."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from lifecycle import Lifecycle, open_engine
from tests.cli.stories import START, line

DAY = timedelta(days=1)

POLICY = """
policy: ahead
language: 1
settings:
  cadence: {depends_on: horizon, lifetime: 60 days, season: 90 days}
contact:
  offered: {means: We would like to., reaches: person, stops: {fact.allows: [owed_only, nothing]}}
  quiet: {means: By day., reaches: person, quiet: 19:00 to 11:00}
  rare: {means: Seldom., reaches: person, most: 1 per 30 days}
  inside: {means: Among us., reaches: nobody}
defaults: {contact: inside}
lanes:
  - {is: customer, customers: true, when: {any_of: [{fact.bought: true}, {any.bike: collected}, {fact.judged: lifetime}]}}
  - {is: prospect}
touchpoints:
  word.said: {by: person}
  purchase.completed: {by: person}
  contact.chosen: {by: person, data: {allows: [everything, owed_only, nothing]}}
  horizon.judged: {by: us, data: {horizon: [season, lifetime]}}
  bike.brought: {by: person, data: {bike: id}, optional: {service_on: date within 1 year, plan: [yearly, once]}}
  bike.fetched: {by: person, data: {bike: id}, optional: {service_on: date within 1 year}}
facts:
  bought: {ever: purchase.completed}
  allows: {last: contact.chosen.allows}
  judged: {last: horizon.judged.horizon}
  horizon: {choose: [{is: lifetime, when: {fact.judged: lifetime}}, {is: season}]}
  dear: {choose: [{is: true, when: {any_of: [{fact.bought: true}, {any.bike: collected}]}}, {is: false}]}
tracks:
  in_touch:
    per: person
    start: here
    stages:
      here:
        means: Here I am.
        tasks:
          keep_in_touch: {every: $cadence, ask: "Get in touch.", contact: offered, due: 1 day, expires: 1 day}
          by_day: {after: 5 days, ask: "Call by day.", contact: quiet, due: 1 day, expires: 1 day}
          only_dear: {after: 6 days, ask: "Say so.", when: {fact.dear: false}, due: 1 day, expires: 1 day}
        review: {every: 30 days, ask: "Look again."}
  watch: {per: person, start: resting, stages: {resting: {means: I rest., tasks: {tick: {every: 10 days, ask: Tick, due: 1 day, expires: 1 day}}, watched_by: in_touch}}}
  bike:
    per: bike
    start: brought
    begins: [bike.brought]
    facts: {service_on: {last: [bike.brought.service_on, bike.fetched.service_on]}}
    upon: {bike.fetched: collected}
    stages:
      brought:
        means: It is with you.
        upon: {bike.brought: [{when: {plan: yearly}, to: collected}, {when: {plan: once}, to: stay}]}
        tasks:
          remind: {at: 5 days before service_on, ask: "Remind them.", due: 1 day, expires: 1 day}
          write_first: {ask: "Write.", contact: rare, due: 1 day, expires: 1 day}
          write_again: {after: 2 days, ask: "Write again.", contact: rare, due: 1 day, expires: 1 day, or_else: {ask: "Call."}}
        later: [{after: 60 days, to: collected}]
      collected: {means: I have it., watched_by: in_touch}
"""


@pytest.fixture
def lifecycle(sqlite_url: str) -> Iterator[Lifecycle]:
    with open_engine(sqlite_url, POLICY) as opened:
        yield opened


def on(number: str, kind: str, days: float, **data: Any) -> str:
    return line("anna", number, kind, START + days * DAY, **data)


def moved(lifecycle: Lifecycle, *lines: str, days: float) -> None:
    lifecycle.ingest(lines)
    lifecycle.advance(START + days * DAY)


def of(lifecycle: Lifecycle, place: str, rule: str) -> str:
    """Return what is told that time will do by a rule at a place."""
    lines = lifecycle.explain_person("anna")
    start = next(index for index, each in enumerate(lines) if each.startswith(f"{place} is at "))
    return next(each.strip() for each in lines[start:] if f" {rule}: " in each)


def test_after_an_opt_out_nothing_of_that_kind_is_promised(lifecycle: Lifecycle) -> None:
    moved(lifecycle, on("1", "word.said", 0), on("2", "contact.chosen", 1, allows="nothing"), days=2)
    told = of(lifecycle, "in_touch", "keep_in_touch")
    stopped = "they do not want contact of this kind (offered stops if fact.allows = owed_only or nothing)"
    assert told.startswith("Not on 2026-05-31 10:00 UTC: keep_in_touch: ")
    assert told.endswith(f"As things stand it is not asked: {stopped}. It is looked at again after every period.")
    why = lifecycle.why_not("anna", "keep_in_touch")
    assert why[0].endswith("it is not so. Of 1 rule, 1 stopped, as they do not want such contact.")
    assert f"and it would be asked on 2026-05-31 10:00 UTC. As things stand it is not asked: {stopped}." in why[-1]
    assert not any("is asked on 2026-05-31" in each for each in why)


def test_lists_do_not_name_what_was_opted_out_of_as_what_comes_next(lifecycle: Lifecycle) -> None:
    """By day 80 the review of day 90 and the question of day 90 are next; only one of them will be asked."""
    moved(lifecycle, on("1", "word.said", 0), on("2", "contact.chosen", 1, allows="nothing"), days=2)
    moved(lifecycle, days=79)
    [person] = lifecycle.people()
    assert person["tracks"]["in_touch"][0]["next"]["name"] == "review"


def test_an_opt_out_that_ends_lets_it_be_promised_again(lifecycle: Lifecycle) -> None:
    wishes = [on("2", "contact.chosen", 1, allows="nothing"), on("3", "contact.chosen", 2, allows="everything")]
    moved(lifecycle, on("1", "word.said", 0), *wishes, days=3)
    assert of(lifecycle, "in_touch", "keep_in_touch").startswith("2026-05-31 10:00 UTC: keep_in_touch: ")


def test_a_review_whose_last_one_is_open_is_told_for_the_next_that_will_be_asked(lifecycle: Lifecycle) -> None:
    moved(lifecycle, on("1", "word.said", 0), days=31)
    told = of(lifecycle, "in_touch", "review")
    assert told.startswith("2026-05-31 10:00 UTC: review: ")
    assert told.endswith("On 2026-05-01 10:00 UTC it is not asked: the last one is still open.")
    [data] = [each for each in lifecycle.questions.explain_person("anna").as_data()["instances"] if each["track"] == "in_touch"]  # fmt: skip
    assert [(each["name"], each["at"], each["then"]) for each in data["time"]] == [
        ("keep_in_touch", "2026-05-31T10:00:00Z", "opens"),
        ("review", "2026-05-31T10:00:00Z", "opens"),
    ]
    lines = lifecycle.explain_person("anna")
    assert lines[-1].endswith(" it expires, and is asked again on 2026-05-31 10:00 UTC.")


def test_a_date_inside_quiet_hours_is_the_end_of_them(lifecycle: Lifecycle) -> None:
    moved(lifecycle, on("1", "word.said", 0), days=1)
    told = of(lifecycle, "in_touch", "by_day")
    assert told.startswith("2026-03-07 11:00 UTC: by_day: ")
    quiet = "It is due on 2026-03-07 10:00 UTC and waits for quiet hours to end (19:00 to 11:00 where they are)."
    assert told.endswith(quiet)
    assert lifecycle.why_not("anna", "by_day")[-1].endswith(f"and it is asked on 2026-03-07 11:00 UTC. {quiet}")


def test_a_date_beyond_a_full_budget_is_the_one_at_which_there_is_room(lifecycle: Lifecycle) -> None:
    bikes = on("1", "bike.brought", 0, bike="b1", plan="once"), on("2", "bike.brought", 0.5, bike="b2")
    moved(lifecycle, *bikes, days=1)
    told = of(lifecycle, "bike b1", "write_again")
    budget = "the budget of rare (1 per 30 days)"
    assert told.startswith("2026-03-06 10:00 UTC: write_again: ")
    assert told.endswith(f"It is due on 2026-03-04 10:00 UTC and waits for {budget}.")
    moved(lifecycle, days=3)
    lines = lifecycle.explain_person("anna")
    assert lines[-1].endswith(f" of bike b1 waits until 2026-03-06 10:00 UTC, for {budget}.")
    assert lifecycle.why_not("anna", "write_again/or_else")[-1] == (
        "  If nobody does it, this is asked on 2026-03-11 11:00 UTC."
    )


def test_beyond_a_limit_it_is_said_which(lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trail of such a wait has no date: why-not tells it all the same."""
    monkeypatch.setattr("lifecycle.rules.fold.places.MAX_OPEN_OF_RULE", 1)
    bikes = [on(str(number), "bike.brought", 0, bike=f"b{number}", service_on="2026-03-12") for number in (1, 2)]
    moved(lifecycle, *bikes, days=4.7)
    place = "a place among the open tasks (at most 100 of one rule, and 1,000 in all)"
    lines = lifecycle.explain_person("anna")
    waits = next(each for each in lines if "remind (" in each and " waits " in each)
    assert waits.endswith(f"waits until 2026-03-09 00:00 UTC, for {place}.")
    assert any(each.endswith(f": it had to wait for {place}.") for each in lifecycle.why_not("anna", "remind"))
    assert lifecycle.why_not("anna", "too_many")[0].endswith("it is so. Of 1 rule, 1 did it.")


def test_what_comes_again_is_told_beside_the_track_that_watches(lifecycle: Lifecycle) -> None:
    moved(lifecycle, on("1", "word.said", 0), days=10.5)
    lines = lifecycle.explain_person("anna")
    tick = lines.index(next(each for each in lines if " tick: owner" in each))
    assert lines[tick].endswith("So it is where nobody does the one that is open.")
    assert lines[tick].strip().startswith("2026-03-24 10:00 UTC: tick: ")
    assert lines[tick + 1] == "    Besides, the track in_touch watches this person."


def test_a_rule_whose_stage_is_left_before_is_not_promised(lifecycle: Lifecycle) -> None:
    moved(lifecycle, on("1", "bike.brought", 0, bike="b1", service_on="2026-08-01"), days=10)
    assert of(lifecycle, "bike b1", "remind").endswith(
        'Before that time moves bike b1 to "collected", on 2026-05-01 10:00 UTC.'
    )
    assert of(lifecycle, "bike b1", "remind").startswith("Not on 2026-07-27 00:00 UTC: remind: ")
    why = lifecycle.why_not("anna", "remind")
    assert why[0].endswith("it is not so. Of 1 rule, 1 too late, as its stage is left before.")


def test_a_setting_says_which_value_holds_now(lifecycle: Lifecycle) -> None:
    moved(lifecycle, on("1", "word.said", 0), days=1)
    assert "(lifetime: 60 days, season: 90 days; now season: 90 days)" in of(lifecycle, "in_touch", "keep_in_touch")
    moved(lifecycle, on("2", "horizon.judged", 2, horizon="lifetime"), days=3)
    told = of(lifecycle, "in_touch", "keep_in_touch")
    assert told.startswith("2026-05-01 10:00 UTC: ")
    assert "(lifetime: 60 days, season: 90 days; now lifetime: 60 days)" in told


def test_of_several_guards_it_is_said_which_holds(lifecycle: Lifecycle) -> None:
    moved(lifecycle, on("1", "bike.brought", 0, bike="b1", plan="yearly"), days=8)
    assert "got true (as any.bike = collected, " in lifecycle.why_not("anna", "only_dear")[-1]
    assert lifecycle.explain_person("anna")[0].endswith(", lane customer, as any.bike = collected (policy line 13).")


def test_a_stage_that_was_passed_through_had_its_fact(lifecycle: Lifecycle) -> None:
    """The touchpoint that began and moved the instance gave the fact: that it was missing is not why."""
    moved(lifecycle, on("1", "bike.brought", 0, bike="b1", plan="yearly", service_on="2026-06-01"), days=2)
    assert lifecycle.why_not("anna", "remind")[-1] == (
        '  2026-03-02 10:00 UTC: bike b1 passed through "brought" and left it at once: such a stage asks for nothing.'
    )


def test_a_fact_that_came_with_what_led_on_is_named(lifecycle: Lifecycle) -> None:
    fetched = on("2", "bike.fetched", 3, bike="b1", service_on="2026-06-01")
    moved(lifecycle, on("1", "bike.brought", 0, bike="b1"), fetched, days=5)
    assert lifecycle.why_not("anna", "remind")[-1] == (
        '  bike b1 was at "brought" from 2026-03-02 10:00 UTC, and service_on came only with what led on from there, '
        "bike.fetched (source /test, id 2)."
    )


def test_only_types_that_can_name_the_instance_are_told_to_move_it(lifecycle: Lifecycle, sqlite_url: str) -> None:
    """`any by person` stands for all types by the person: one without the field of the track reaches no instance."""
    policy = POLICY.replace("upon: {bike.fetched: collected}", "upon: {any by person: collected}")
    with open_engine(f"{sqlite_url}-2", policy) as other:
        moved(other, on("1", "bike.brought", 0, bike="b1", plan="once"), days=1)
        lines = other.explain_person("anna")
        why = other.why_not("anna", "bike.collected")
        moved(other, on("2", "word.said", 2), days=3)
        assert any(each.startswith('bike b1 is at "brought"') for each in other.explain_person("anna"))
    assert any(each.strip().startswith('bike.fetched: to "collected"') for each in lines)
    assert not any("word.said" in each for each in [*lines, *why] if '"collected"' in each)


def test_what_was_not_looked_through_is_not_promised(lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking ahead is bounded: beyond the bound a date is said to be no more than when it is due."""
    moved(lifecycle, on("1", "word.said", 0), days=1)
    monkeypatch.setattr("lifecycle.rules.telling.foresight.MAX_INSTANTS", 2)
    told = of(lifecycle, "in_touch", "review")
    assert told.startswith("2026-04-01 10:00 UTC: review: ")
    assert told.endswith("What comes before that is more than was looked through.")
    instances = lifecycle.questions.explain_person("anna").as_data()["instances"]
    assert {each["then"] for here in instances for each in here["time"]} == {None, "opens"}
