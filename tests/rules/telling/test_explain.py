"""Explanations of tasks, sentence by sentence."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from lifecycle import Lifecycle, open_engine
from lifecycle.errors import NotFound
from tests.cli.stories import POLICY, START, line

DAY = timedelta(days=1)


@pytest.fixture
def lifecycle(sqlite_url: str) -> Iterator[Lifecycle]:
    with open_engine(sqlite_url, POLICY) as opened:
        opened.ingest(
            [
                line("anna", "1", "need.stated", START, need="n1"),
                line("anna", "2", "decision.made", START + 10 * DAY, need="n1", outcome="elsewhere"),
            ]
        )
        opened.advance(START + 50 * DAY)
        yield opened


def explained(lifecycle: Lifecycle, kind: str) -> list[str]:
    found = [each["id"] for each in lifecycle.tasks(include_closed=True) if each["kind"] == kind]
    return [each.replace(found[0], "ID") for each in lifecycle.explain(found[0])]


def test_an_open_task_that_time_asked_for_after_a_loss(lifecycle: Lifecycle) -> None:
    assert explained(lifecycle, "ask_after") == [
        'anna, lane prospect: owner is asked: "Ask" (ask_after)',
        '2026-03-02 10:00 UTC: need n1 began at "stated", on need.stated (source /test, id 1) (policy line 23).',
        '2026-03-12 10:00 UTC: need n1 moved from "stated" to "lost", on decision.made (source /test, id 2), '
        "because outcome = elsewhere (policy line 27).",
        'There they would say: "I chose somebody else"',
        '2026-04-11 10:00 UTC: ask_after was asked for 30 days after entering "lost" (policy line 31), to be done '
        "by 2026-04-16 09:00 UTC.",
        "What comes next: it is open. If nobody does it by 2026-05-16 09:00 UTC it expires, and is not asked "
        "again by this rule.",
        'need n1 is at "lost" since 2026-03-12 10:00 UTC; next there, on 2026-09-08 10:00 UTC: time moves it to '
        '"rest" (policy line 31).',
    ]


def test_a_task_that_another_one_led_to(lifecycle: Lifecycle) -> None:
    parent = next(each["id"] for each in lifecycle.tasks(include_closed=True) if each["kind"] == "acknowledge")
    assert explained(lifecycle, "acknowledge/or_else") == [
        'anna, lane prospect: team_lead was asked: "Call them" (acknowledge/or_else)',
        '2026-03-02 10:00 UTC: need n1 began at "stated", on need.stated (source /test, id 1) (policy line 23).',
        'There they would say: "I said what I need"',
        f'2026-03-02 10:00 UTC: acknowledge was asked for on entering "stated" (policy line 29) ({parent}).',
        f"2026-03-04 10:00 UTC: acknowledge ({parent}) expired: nobody did it in time (policy line 29).",
        "2026-03-04 10:00 UTC: acknowledge/or_else was asked for instead (policy line 29), to be done by "
        "2026-03-09 10:00 UTC.",
        "2026-03-12 10:00 UTC: it was withdrawn because its stage was left, on decision.made (source /test, id 2).",
        'need n1 is at "lost" since 2026-03-12 10:00 UTC; next there, on 2026-09-08 10:00 UTC: time moves it to '
        '"rest" (policy line 31).',
    ]


def test_a_task_that_expired(lifecycle: Lifecycle) -> None:
    assert explained(lifecycle, "thank")[-2] == ("2026-04-16 10:00 UTC: it expired because nobody did it in time.")


def test_an_open_task_says_who_is_asked_when_nobody_does_it(lifecycle: Lifecycle) -> None:
    lifecycle.ingest([line("bert", "3", "need.stated", START + 49 * DAY, need="n9")])
    lifecycle.advance(START + 50 * DAY)
    task = next(each for each in lifecycle.tasks() if each["person"] == "bert")
    assert lifecycle.explain(task["id"])[-2:] == [
        "What comes next: it is open. If nobody does it by 2026-04-22 10:00 UTC it expires, and team_lead is "
        'asked instead: "Call them".',
        'need n9 is at "stated" since 2026-04-20 10:00 UTC; next there, on 2026-06-19 10:00 UTC: time moves it to '
        '"rest" (policy line 29).',
    ]


def test_a_task_that_comes_again_and_reviews(lifecycle: Lifecycle) -> None:
    lifecycle.advance(START + 400 * DAY)
    assert explained(lifecycle, "keep")[-3:] == [
        "2027-01-06 10:00 UTC: keep was asked for, every 300 days after contacted (policy line 20), to be "
        "done by 2027-01-11 10:00 UTC.",
        "2027-02-10 10:00 UTC: it expired because nobody did it in time.",
        'in_touch is at "rest" since 2027-03-12 10:00 UTC; next there, on 2028-03-12 10:00 UTC: review, "Look '
        'again whether this is still right" (policy line 22).',
    ]
    moved = explained(lifecycle, "ask_after")[-1]
    assert moved.startswith('need n1 is at "rest" since 2026-09-08 10:00 UTC; next there, on 2027-09-08')


def test_a_task_that_follows_a_fact_names_the_touchpoint_behind_it(lifecycle: Lifecycle) -> None:
    lifecycle.advance(START + 400 * DAY)
    assert explained(lifecycle, "keep")[3] == (
        "2026-03-12 10:00 UTC: contacted was set by decision.made (source /test, id 2) (policy line 12)."
    )


def test_a_past_moment_knows_the_task_as_it_was(lifecycle: Lifecycle) -> None:
    """As of a moment is what was said then, although the task has expired since."""
    open_then = explained(lifecycle, "ask_after")
    lifecycle.advance(START + 400 * DAY)
    task = next(each["id"] for each in lifecycle.tasks(include_closed=True) if each["kind"] == "ask_after")
    assert explained(lifecycle, "ask_after") != open_then
    then = lifecycle.explain(task, at=START + 50 * DAY)
    assert [each.replace(task, "ID") for each in then] == open_then
    with pytest.raises(NotFound, match=f"no task {task} of anna is asked by what was so at 2026-03-12T10:00:00Z"):
        lifecycle.explain(task, at=START + 10 * DAY)


def test_a_task_that_is_not_known_gets_those_that_are_written_alike(lifecycle: Lifecycle) -> None:
    task = next(lifecycle.tasks())["id"]
    with pytest.raises(NotFound, match=rf"Did you mean {task}\?$"):
        lifecycle.explain(task[:-1])
    with pytest.raises(NotFound, match=rf"Did you mean {task}\?$"):
        lifecycle.explain("0" + task[1:])


def test_a_long_way_is_cut_and_a_timer_names_its_rule(lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    lifecycle.advance(START + 600 * DAY)
    lines = explained(lifecycle, "review")
    assert lines[3] == (
        '2026-09-08 10:00 UTC: need n1 moved from "lost" to "rest", as time passed: 180 days after entering "lost" '
        "(policy line 31)."
    )
    monkeypatch.setattr("lifecycle.rules.telling.explain.MAX_STEPS", 1)
    assert explained(lifecycle, "review")[1:3] == ["2 earlier decisions are left out.", lines[3]]
