"""Why a task is not asked, or a stage not reached: each way that a rule can end, and what is said of it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from lifecycle import Lifecycle, open_engine
from lifecycle.errors import NotFound, TimeRefused
from tests.cli.stories import START, line

DAY = timedelta(days=1)

POLICY = """
policy: why-not
language: 1
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
contact:
  owed: {means: We owe it to them., reaches: person}
  offered: {means: We would like to., reaches: person, stops: {fact.allows: nothing}}
touchpoints:
  need.stated: {by: person, data: {need: id}}
  decision.made: {by: person, data: {need: id, outcome: [with_us, elsewhere, not_now]}, optional: {reason: text}}
  purchase.completed: {by: person, data: {amount: money}}
  reply.sent: {by: us, optional: {need: id}}
  contract.signed: {by: person, data: {contract: id}, optional: {ends_on: date within 5 years}}
  contact.chosen: {by: person, data: {allows: [everything, nothing]}}
  note.taken: {by: us, optional: {need: id}}
facts:
  bought: {ever: purchase.completed}
  asked: {count: need.stated}
  allows: {last: contact.chosen.allows}
  heard: {last: any by person}
  mood:
    choose:
      - {is: good, when: {any.need: met}}
      - {is: plain}
tracks:
  in_touch:
    per: person
    start: here
    stages:
      here:
        means: Here.
        tasks:
          offer_more: {ask: "Offer more", after: 5 days, contact: offered, due: 1 day, expires: 1 day}
          cheer: {ask: "Cheer", after: 20 days, when: {fact.mood: good}, due: 1 day, expires: 1 day}
        review: {every: 1 year}
  need:
    per: need
    start: stated
    begins: [need.stated]
    upon:
      decision.made:
        - {when: {outcome: with_us}, to: met}
        - {when: {outcome: elsewhere, any_of: [{fact.bought: true}, {fact.asked: {at_least: 3}}]}, to: regretted}
        - {when: {outcome: elsewhere, none_of: [{fact.bought: true}, {fact.asked: {at_least: 3}}]}, to: lost}
      note.taken: {0}
    stages:
      stated:
        means: I said what I need.
        tasks:
          acknowledge:
            ask: "Answer"
            due: 1 day
            expires: 1 day
            done_by: reply.sent
            or_else: {ask: "Call them", by: team_lead, due: 1 day, expires: 1 day}
          second_look: {ask: "Look again", after: 3 days, when: {fact.bought: true}, due: 1 day, expires: 1 day}
        later: [{after: 60 days, to: rest}]
      met: {means: Mine now., watched_by: in_touch}
      lost:
        means: I chose somebody else.
        upon: {decision.made: stay}
        loss: true
        tasks: {ask_after: {after: 30 days, ask: "Ask after them", due: 1 day, expires: 1 day}}
        later: [{after: 180 days, to: rest}]
      regretted: {means: I regret it., review: {every: 1 year}}
      rest: {means: I rest., review: {every: 1 year}, upon: {need.stated: stated}}
  contract:
    per: contract
    start: running
    begins: [contract.signed]
    facts: {ends_on: {last: contract.signed.ends_on}}
    stages:
      running:
        means: It runs.
        tasks: {prepare: {ask: "Prepare", at: 30 days before ends_on, due: 1 day, expires: 1 day}}
        later: [{at: ends_on, to: ended}]
        review: {every: 1 year}
      ended: {means: It ended., review: {every: 1 year}}
""".replace("{0}", "stay")

Told = Callable[..., list[str]]


@pytest.fixture
def told(sqlite_url: str) -> Iterator[Told]:
    """Tells touchpoints of anna, moves time to so many days after START, and answers why not."""
    with open_engine(sqlite_url, POLICY) as opened:

        def tell(name: str, *lines: str, days: float, at: datetime | None = None) -> list[str]:
            opened.ingest(lines)
            opened.advance(START + days * DAY)
            return opened.why_not("anna", name, at=at)

        tell.lifecycle = opened  # type: ignore[attr-defined]  # a test's own handle
        yield tell


def where(text: str) -> str:
    """Return where in the policy a text stands, as explanations say it."""
    return f"policy line {next(n for n, each in enumerate(POLICY.splitlines(), 1) if text in each)}"


def on(number: str, kind: str, days: float, **data: Any) -> str:
    return line("anna", number, kind, START + days * DAY, **data)


def stated(days: float = 0, need: str = "n1") -> str:
    return on(f"s-{need}", "need.stated", days, need=need)


def test_the_guard_that_refused_says_what_it_wanted_and_got(told: Told) -> None:
    """A stage that a decision did not lead to: wanted outcome, got another."""
    lines = told("need.lost", stated(), on("7", "decision.made", 4, need="n1", outcome="with_us"), days=10)
    assert lines == [
        "need.lost of anna, as of 2026-03-12 10:00 UTC: it is not so. Of 1 rule, 1 refused by a guard.",
        "",
        'need n1: from every stage but "lost", on decision.made with outcome = elsewhere and neither '
        f'(fact.bought = true) or (fact.asked at least 3): to "lost" ({where("outcome: elsewhere, none_of")}).',
        "  2026-03-06 10:00 UTC: decision.made (source /test, id 7) came while need n1 was at "
        '"stated": wanted outcome = elsewhere, got with_us.',
    ]


def test_nested_guards_say_everything_they_looked_at(told: Told) -> None:
    """any_of and none_of: the values of each left side, once."""
    decision = on("7", "decision.made", 4, need="n1", outcome="elsewhere")
    assert told("regretted", stated(), decision, days=10)[-1] == (
        "  2026-03-06 10:00 UTC: decision.made (source /test, id 7) came while need n1 was at "
        '"stated": wanted (fact.bought = true) or (fact.asked at least 3), got fact.bought = false and fact.asked = 1.'
    )
    bought = on("8", "purchase.completed", 5, amount="1 EUR")
    again = on("9", "decision.made", 6, need="n2", outcome="elsewhere")
    lines = told("need.lost", stated(5, "n2"), bought, again, days=11)
    assert lines[-1] == (
        "  2026-03-08 10:00 UTC: decision.made (source /test, id 9) came while need n2 was at "
        '"stated": wanted neither (fact.bought = true) or (fact.asked at least 3), got fact.bought = true and '
        "fact.asked = 2."
    ) or lines[-1].endswith("where it is.")
    assert any("got fact.bought = true and fact.asked = 2." in each for each in lines)


def test_of_several_alternatives_it_is_said_which_moved_it(told: Told) -> None:
    """The moved line names the one that held then, not all of them."""
    bought = on("8", "purchase.completed", 1, amount="1 EUR")
    told("need.regretted", stated(), bought, on("9", "decision.made", 2, need="n1", outcome="elsewhere"), days=3)
    lifecycle: Lifecycle = told.lifecycle  # type: ignore[attr-defined]
    [moved] = [each for each in lifecycle.explain_person("anna") if "moved from" in each]
    assert f", because outcome = elsewhere and fact.bought = true ({where('to: regretted')})." in moved


def test_a_task_of_a_stage_never_reached_names_the_guard_on_the_way(told: Told) -> None:
    lines = told("ask_after", stated(), on("7", "decision.made", 4, need="n1", outcome="with_us"), days=10)
    assert lines[2:] == [
        f'need n1: at "lost", owner is asked "Ask after them", 30 days after entering "lost" ({where("ask_after")}).',
        '  need n1 was never at "lost"; it is at "met" since 2026-03-06 10:00 UTC.',
        '  The way there, from every stage but "lost", on decision.made with outcome = elsewhere and neither '
        f'(fact.bought = true) or (fact.asked at least 3): to "lost" ({where("outcome: elsewhere, none_of")}).',
        "    2026-03-06 10:00 UTC: decision.made (source /test, id 7) came while need n1 was at "
        '"stated": wanted outcome = elsewhere, got with_us.',
    ]


def test_a_guard_of_a_task_that_said_no(told: Told) -> None:
    """The guard is quoted as it was asked then: the purchase that came later changes nothing."""
    lines = told("second_look", stated(), on("8", "purchase.completed", 5, amount="1 EUR"), days=10)
    assert lines[0].endswith("it is not so. Of 1 rule, 1 refused by a guard.")
    assert lines[-1] == "  2026-03-05 10:00 UTC: second_look was not asked: wanted fact.bought = true, got false."


def test_a_fact_that_was_chosen_says_by_which_line(told: Told) -> None:
    lines = told("cheer", stated(), days=30)
    assert lines[-1] == (
        f"  2026-03-22 10:00 UTC: cheer was not asked: wanted fact.mood = good, got plain (otherwise, {where('is: plain')})."
    )


def test_a_timer_that_is_not_due_yet_has_a_date(told: Told) -> None:
    lines = told("second_look", stated(), days=1)
    assert lines[-1] == (
        '  Not due yet: need n1 is at "stated", and it would be asked on 2026-03-05 10:00 UTC, if fact.bought = true. '
        "As things stand it is refused: wanted fact.bought = true, got false."
    )
    assert told("need.rest", days=2)[2:4] == [
        f'need n1: time moves it from "stated" to "rest", 60 days after entering "stated" ({where("after: 60 days")}).',
        '  Not due yet: need n1 is at "stated", and time moves it on 2026-05-01 10:00 UTC.',
    ]


def test_a_stage_left_before_its_task_was_due(told: Told) -> None:
    lines = told("second_look", stated(), on("7", "decision.made", 2, need="n1", outcome="with_us"), days=10)
    assert lines[-1] == (
        '  2026-03-04 10:00 UTC: need n1 left "stated" before 2026-03-05 10:00 UTC, when it was due, on '
        "decision.made (source /test, id 7)."
    )


def test_a_touchpoint_that_never_came(told: Told) -> None:
    lines = told("need.met", stated(), days=3)
    assert lines[-2:] == [
        "  No decision.made has come.",
        '  need n1 is at "stated", where this would move it.',
    ]


def test_a_touchpoint_about_another_need_or_about_none(told: Told) -> None:
    lines = told("need.met", stated(), on("7", "decision.made", 1, need="n2", outcome="with_us"), days=3)
    assert lines[-2] == "  No decision.made has come about need n1."


def test_a_line_that_does_not_count_where_the_instance_was(told: Told) -> None:
    """The stage's own list hides the track's."""
    decisions = [on(str(day), "decision.made", day, need="n1", outcome=what) for day, what in ((1, "elsewhere"), (2, "with_us"))]  # fmt: skip
    lines = told("need.met", stated(), *decisions, days=3)
    assert lines[-1] == (
        '  2026-03-04 10:00 UTC: decision.made (source /test, id 2) came while need n1 was at "lost", where this line '
        "does not count."
    )


def test_an_escalation_tells_what_became_of_the_task_before_it(told: Told) -> None:
    lines = told("acknowledge/or_else", stated(), on("5", "reply.sent", 0.5, need="n1"), days=3)
    assert lines[2] == f'need n1: at "stated", team_lead is asked "Call them", if nobody does the task before it ({where("Call them")}).'  # fmt: skip
    assert lines[3] == "  It is asked only when acknowledge expires."
    assert lines[4].startswith("  2026-03-02 10:00 UTC: acknowledge was asked (")
    assert lines[4].endswith("). It was completed on 2026-03-02 22:00 UTC, on reply.sent (source /test, id 5).")


def test_a_moment_of_a_fact_that_is_not_known(told: Told) -> None:
    lines = told("prepare", on("c", "contract.signed", 0, contract="c1"), days=3)
    assert lines[-1] == "  It has no date: ends_on is not known yet."
    ended = told("contract.ended", days=3)
    assert ended[-1] == "  It has no date: ends_on is not known yet."


def test_a_track_that_has_not_begun(told: Told) -> None:
    lines = told("prepare", stated(), days=3)
    assert lines[2:] == [
        f'contract (not begun): at "running", owner is asked "Prepare", 30 days before ends_on ({where("prepare")}).',
        "  contract has not begun: it begins with contract.signed, which has not come.",
    ]


def test_contact_that_they_do_not_want(told: Told) -> None:
    lines = told("offer_more", on("k", "contact.chosen", 0, allows="nothing"), days=7)
    assert lines[0].endswith("it is not so. Of 1 rule, 1 stopped, as they do not want such contact.")
    assert lines[-1] == (
        "  2026-03-07 10:00 UTC: offer_more was not asked: they did not want contact of this kind (offered stops if "
        "fact.allows = nothing)."
    )


def test_what_is_so_is_said_to_be_so(told: Told) -> None:
    lines = told("acknowledge", stated(), days=0.5)
    assert lines[0] == "acknowledge of anna, as of 2026-03-02 22:00 UTC: it is so. Of 1 rule, 1 did it."
    assert lines[-1].endswith("). It is open, to be done by 2026-03-03 10:00 UTC.")
    here = told("need.stated", days=0.5)
    assert here[0].endswith("it is so. Of 2 rules, 1 did it and 1 for a stage that was not reached.")
    assert here[3] == (
        "  2026-03-02 10:00 UTC: need n1 began there, on need.stated (source /test, id s-n1), and is still there."
    )


def test_what_was_so_is_over(told: Told) -> None:
    lines = told("acknowledge", stated(), days=5)
    assert lines[0].endswith("it is not so. Of 1 rule, 1 did it once, and that is over.")
    assert lines[-1].endswith("). It expired on 2026-03-04 10:00 UTC, as time passed.")


def test_every_instance_and_every_rule_is_told_the_nearest_first(told: Told) -> None:
    lines = told("need.rest", stated(), stated(1, "n2"), on("7", "decision.made", 2, need="n1", outcome="with_us"), days=3)  # fmt: skip
    rules = [each for each in lines if each.startswith("need n")]
    assert [each[:7] for each in rules] == ["need n2", "need n1", "need n1", "need n2"]
    assert "Of 4 rules, 1 not due yet, 1 too late, as its stage is left before and 2 for a stage" in lines[0]


def test_many_instances_are_bounded(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifecycle.rules.telling.why_not.MAX_INSTANCES", 2)
    lines = told("need.met", *(stated(day, f"n{day}") for day in range(4)), days=5)
    assert [each[:7] for each in lines if each.startswith("need n")] == ["need n3", "need n2"]
    assert lines[-1] == "need: 2 more that moved longer ago are left out."


def test_many_times_are_bounded(told: Told) -> None:
    notes = [on(str(day), "decision.made", day, need="n1", outcome="not_now") for day in range(1, 6)]
    lines = told("need.met", stated(), *notes, days=6)
    assert lines[3] == "  2 earlier times are left out."
    assert len(lines) == 7


def test_a_past_moment_knows_nothing_of_what_came_after(told: Told) -> None:
    told("need.met", stated(), on("7", "decision.made", 4, need="n1", outcome="with_us"), days=10)
    lines = told("need.met", days=10, at=START + 3 * DAY)
    assert (
        lines[0] == "need.met of anna, as of 2026-03-05 10:00 UTC: it is not so. Of 1 rule, 1 never got its touchpoint."
    )
    with pytest.raises(TimeRefused) as refused:
        told("need.met", days=10, at=START + 11 * DAY)
    assert str(refused.value) == (
        "2026-03-13T10:00:00Z cannot be explained yet: time has reached 2026-03-12T10:00:00Z. Name that moment or an "
        "earlier one, or none for the present."
    )


def test_a_name_that_is_not_known_gets_the_nearest(told: Told) -> None:
    with pytest.raises(NotFound) as missing:
        told("need.mett", stated(), days=1)
    assert str(missing.value) == (
        '"need.mett" is no task and no stage of this policy. Write its name, or track.name where it is in several '
        'tracks. Did you mean "need.met", "need.rest" or "need.stated"?'
    )
    with pytest.raises(NotFound, match=r'nobody is known as ana\. Did you mean "anna"\?'):
        told.lifecycle.why_not("ana", "need.met")  # type: ignore[attr-defined]


def test_as_data_every_candidate_has_a_verdict(told: Told, sqlite_url: str) -> None:
    told("need.met", stated(), on("7", "decision.made", 4, need="n1", outcome="elsewhere"), days=10)
    lifecycle: Lifecycle = told.lifecycle  # type: ignore[attr-defined]
    data = lifecycle.questions.why_not("anna", "ask_after").as_data()
    assert data["person"] == "anna"
    assert data["why_not"] == "ask_after"
    assert data["at"] == "2026-03-12T10:00:00Z"
    assert data["candidates"] == [
        {
            "rule": "need.lost.ask_after",
            "track": "need",
            "key": "n1",
            "line": int(where("ask_after").removeprefix("policy line ")),
            "says": f'at "lost", owner is asked "Ask after them", 30 days after entering "lost" ({where("ask_after")}).',
            "verdict": "waiting",
            "due": "2026-04-05T10:00:00Z",
            "because": ['Not due yet: need n1 is at "lost", and it is asked on 2026-04-05 10:00 UTC.'],
        }
    ]
