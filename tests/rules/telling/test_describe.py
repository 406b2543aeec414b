"""Describing a stage: what it means, what leads there, what leaves it, and what is asked, in sentences."""

from __future__ import annotations

import pytest

from lifecycle.errors import NotFound
from lifecycle.rules.telling.describe import describe, stages_called
from tests.rules.scenarios.tables import MACHINE, POLICY, machine_of


def without_lines(lines: list[str]) -> list[str]:
    """Return lines without the places in the policy, each of which must be there."""
    return [line.partition(" (policy line")[0] for line in lines]


def test_a_stage_is_described_whole() -> None:
    """Where the track begins, who is asked when, and what follows if nobody does it."""
    assert describe(MACHINE, "need", "stated") == [
        "need.stated (policy line 33): a stage of the track need, one for each need.",
        'They would say: "I have said what I need."',
        "What leads here:",
        "  The track begins here, on need.stated (policy line 27).",
        "What leaves it:",
        "  decision.made if outcome = with_us: to met (policy line 31).",
        "  decision.made otherwise: to lost (policy line 31).",
        "  Time alone: after 60 days, to met (policy line 42).",
        "What is asked meanwhile:",
        '  answer: at once, owner is asked (contact), to be done within 1 day: "Answer them." (policy line 36).',
        "    reply.sent does it, as does its outcome.",
        "    It expires 1 day after that.",
        '    If nobody does it, team_lead is asked (contact), to be done within 4 hours: "Call them." (policy line 41).',
        "      It is given up 30 days after that.",
        "It is not a rest: time moves everybody on, as above.",
    ]


def test_a_rest_that_is_watched_and_everything_that_leads_there() -> None:
    """News from every stage, and time from two."""
    assert without_lines(describe(MACHINE, "need", "met"))[2:] == [
        "What leads here:",
        "  decision.made if outcome = with_us, from every stage",
        "  Time alone, from stated: after 60 days",
        "  Time alone, from lost: after 90 days",
        "What leaves it:",
        "  decision.made if outcome = with_us: enters met anew",
        "  decision.made otherwise: to lost",
        "Nothing is asked meanwhile.",
        "It is a rest: nothing more is needed here, and the track watch watches the person.",
    ]


def test_a_loss_says_so() -> None:
    """What the checker demands a follow-up for."""
    assert "It is a loss: something ended here, and somebody asks how they are." in describe(MACHINE, "need", "lost")


def test_waits_that_depend_on_a_fact_and_reviews_are_told() -> None:
    """Every duration that it can be."""
    lines = without_lines(describe(MACHINE, "watch", "here"))
    assert (
        "  look: every cadence by habit (often: 10 days, seldom: 40 days) after heard, owner is asked (contact), "
        'to be done within 3 business days: "How are they?"'
    ) in lines
    assert lines[-1].startswith('It is a rest with a review: every 2 years, owner is asked: "Look again')
    assert "  The track begins here, on any touchpoint" in lines


def test_a_stage_that_says_otherwise_is_left_out_of_what_leads_somewhere() -> None:
    """`stay` takes precedence over the line of the track, here and in what leaves the stage."""
    machine = machine_of(
        POLICY.replace("met: {means: It is done.,", "met: {means: It is done., upon: {decision.made: stay},")
    )
    assert "  decision.made otherwise, from every stage but met" in without_lines(describe(machine, "need", "lost"))
    assert "  decision.made: nothing happens" in without_lines(describe(machine, "need", "met"))


def test_kinds_of_contact_say_when_tasks_wait() -> None:
    """Opt-out, quiet hours and budget."""
    contact = (
        "contact: {offered: {means: We would like to., reaches: person, most: 2 per 30 days, quiet: 19:00 to 09:00, "
        "stops: {fact.habit: seldom}}}\nlanes:"
    )
    lines = without_lines(describe(machine_of(POLICY.replace("lanes:", contact)), "need", "lost"))
    assert (
        "  What is offered is not asked while fact.habit = seldom, and waits while it is quiet, from 19:00 to 09:00, "
        "and waits when 2 have reached the person within 30 days"
    ) in lines


def test_a_name_alone_means_the_stage_in_every_track_that_has_it() -> None:
    """And with its track, that one."""
    machine = machine_of(POLICY.replace("      here:", "      met: {means: Met., watched_by: watch}\n      here:"))
    assert stages_called(machine.policy, "met") == [("watch", "met"), ("need", "met")]
    assert stages_called(machine.policy, "need.met") == [("need", "met")]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("statd", "Did you mean need.stated?"),
        ("need.sta", "Did you mean need.stated?"),
        ("ned.stated", "Did you mean need.stated or need.lost?"),
        ("zzz", "Stages: watch.here, need.stated, need.met, need.lost, ..."),
    ],
)
def test_a_stage_that_is_not_there_is_refused_with_the_nearest(name: str, advice: str) -> None:
    """By the beginning of its name, or as near as a typing mistake."""
    with pytest.raises(NotFound) as refused:
        stages_called(MACHINE.policy, name)
    assert str(refused.value).startswith(f'The policy small-shop has no stage "{name}". {advice[:24]}')
    assert advice.split()[-1] in str(refused.value)
