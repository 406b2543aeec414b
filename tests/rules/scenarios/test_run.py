"""Running scenario tables: what passes, what fails and how it is told, and that a printed run passes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from lifecycle.rules.scenarios import run as runner
from lifecycle.rules.scenarios.run import report, run_scenario, written
from tests.rules.scenarios.tables import COLUMNS, HEAD, MACHINE, POLICY, STATED, machine_of, problems, read, run

UNANSWERED = f"""\
{HEAD}{COLUMNS}{STATED}
+ 2d | (time)                                | | x need[n1].answer; + need[n1].answer/or_else by team_lead due 2026-03-04 14:00
"""


def test_a_table_passes_when_it_says_all_that_happens() -> None:
    """Stages, an escalation, and a lost sale with its follow-up."""
    text = f"""\
{UNANSWERED}
+ 1 hour | decision.made need=n1 outcome=elsewhere | need[n1]=lost | - need[n1].answer/or_else left_stage; + need[n1].thank due 2026-03-09 11:00
2026-03-09 12:00 | task.completed task=thank | | ok need[n1].thank (late by an hour)
+ 120d | (time) | need[n1]=met |
"""
    assert problems(text) == []


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            "+ 2d | (time) | | x need[n1].answer",
            ['6: "+ need[n1].answer/or_else by team_lead due 2026-03-04 14:00" happened. This is not written.'],
        ),
        (
            "+ 1d | (time) | | ok need[n1].answer",
            ['6: "ok need[n1].answer" did not happen.'],
        ),
        (
            "+ 1d | decision.made need=n1 outcome=with_us | | - need[n1].answer left_stage",
            ["6: need[n1] went to met. This is not written."],
        ),
        ("+ 1d | (time) | need[n1]=met |", ["6: need[n1] should be at met and is at stated."]),
        ("+ 1d | (time) | need[n2]=met |", ["6: need[n2] should be at met and is nowhere."]),
        (
            "+ 1d | decision.made need=n1 outcome=with_us | need[n1]=met | - need[n1].answer never_true",
            [
                '6: "- need[n1].answer never_true" did not happen.',
                '6: "- need[n1].answer left_stage" happened. This is not written.',
            ],
        ),
        (
            "+ 1h | need.stated need=n2 words=y | need[n2]=stated | + need[n2].answer due 2026-03-04 11:00",
            [
                '6: "+ need[n2].answer due 2026-03-04 11:00" did not happen.',
                '6: "+ need[n2].answer due 2026-03-03 11:00" happened. This is not written.',
            ],
        ),
        (
            "+ 1h | need.stated need=n2 words=y | need[n2]=stated | + need[n2].answer lane customer by nobody",
            [
                '6: "+ need[n2].answer lane customer by nobody" did not happen.',
                '6: "+ need[n2].answer lane prospect by owner" happened. This is not written.',
            ],
        ),
        (
            "+ 1h | purchase.completed amount=\"5 EUR\" | |",
            ['6: "need[n1].answer lane customer" happened. This is not written.'],
        ),
        (
            "+ 1h | task.declined task=answer | |",
            ['6: "- need[n1].answer declined" happened. This is not written.'],
        ),
    ],
)  # fmt: skip
def test_what_happens_and_is_not_written_fails_and_so_does_the_reverse(row: str, expected: list[str]) -> None:
    """For stages, opened, completed, expired and withdrawn tasks, due times, lanes, people and reasons."""
    assert problems(HEAD + COLUMNS + STATED + row) == expected


def test_a_task_that_opens_and_ends_within_one_row_happened() -> None:
    """Time goes from instant to instant: a long row does not hide what was asked of somebody."""
    got = run(f"{HEAD}{COLUMNS}{STATED}+ 40d | (time) | |\n")[1]
    assert got.tasks == (
        "x need[n1].answer; + need[n1].answer/or_else by team_lead due 2026-03-04 14:00; x need[n1].answer/or_else"
    )


def test_a_stage_that_is_written_must_hold_although_it_did_not_change() -> None:
    """So a row can say where everything stands."""
    row = "+ 1h | need.stated need=n2 words=y | need[n1]=stated, need[n2]=stated | + need[n2].answer\n"
    assert problems(HEAD + COLUMNS + STATED + row) == []


def test_only_the_tracks_above_the_table_are_compared() -> None:
    """The watching track asks after 40 days of silence, which is not compared; with it, it is."""
    rows = "+ 40d | (time) | | x need[n1].answer; + need[n1].answer/or_else; x need[n1].answer/or_else\n"
    assert problems(HEAD + COLUMNS + STATED + rows) == []
    both = HEAD.replace("tracks  need", "tracks  need, watch")
    assert problems(both + COLUMNS + STATED + rows)[-1] == (
        '6: "+ watch.look due 2026-04-16 09:00" happened. This is not written.'
    )


ASKING = machine_of(
    POLICY.replace("ask: Answer them.", "ask: 'Answer {fact.words or \"them\"} in {key}'")
    .replace("begins: [need.stated]", "begins: [need.stated]\n    facts: {words: {last: need.stated.words}}")
    .replace("upon: {decision.made", "upon: {need.stated: stay, decision.made")
)
TOLD = STATED.replace("due", 'ask "Answer x in n1" due')
AGAIN = "+ 1h | need.stated need=n1 words=y | |"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (f'{AGAIN} need[n1].answer ask "Answer y in n1"', []),
        (AGAIN, ['6: "need[n1].answer ask "Answer y in n1"" happened. This is not written.']),
        (
            f'{AGAIN} need[n1].answer ask "Answer x in n1"',
            [
                '6: "need[n1].answer ask "Answer x in n1"" did not happen.',
                '6: "need[n1].answer ask "Answer y in n1"" happened. This is not written.',
            ],
        ),
    ],
)
def test_a_table_can_say_what_is_asked_and_must_say_when_that_changes(row: str, expected: list[str]) -> None:
    """The text of a task follows its facts, so a change of it is something that happens."""
    assert problems(HEAD + COLUMNS + TOLD + row, ASKING) == expected


def test_given_facts_hold_before_the_first_row() -> None:
    """Somebody who bought earlier is a customer from the start, and nothing else has happened to them."""
    head = HEAD.replace("\n\n", "      given  bought (earlier)\n\n")
    text = head + COLUMNS + STATED.replace("answer due", "answer lane customer due")
    assert problems(text) == []
    assert problems(text.replace("given  bought (earlier)", "")) != []


def test_a_wait_that_depends_on_a_fact_is_run() -> None:
    """Whoever comes often is looked after sooner: 10 days instead of 40."""
    head = HEAD.replace("tracks  need\n\n", "tracks  watch      given  visits=2\n\n")
    row = "2026-03-02 10:00 | need.stated need=n1 words=x | watch=here |\n+ 10d | (time) | | + watch.look\n"
    assert problems(head + COLUMNS + row) == []
    assert problems(head.replace("visits=2", "visits=1") + COLUMNS + row) == ['6: "+ watch.look" did not happen.']


LATE = "received | occurred | touchpoint | expected stages | expected tasks\n"


def test_late_news_makes_a_task_untrue() -> None:
    """An answer that came in time and was told late: the first task is done after all, its escalation untrue."""
    text = f"""\
{HEAD}{LATE}
2026-03-02 10:00 | 2026-03-02 10:00 | need.stated need=n1 words=x | need[n1]=stated | + need[n1].answer
2026-03-04 10:00 | (time)           |                             |                 | x need[n1].answer; + need[n1].answer/or_else
2026-03-04 11:00 | 2026-03-02 12:00 | reply.sent need=n1          |                 | ok need[n1].answer; - need[n1].answer/or_else never_true
"""
    assert problems(text) == []


def test_news_that_is_not_late_in_a_table_with_both_times() -> None:
    """`occurred` may be left out where it is when it was received."""
    text = f"{HEAD}{LATE}2026-03-02 10:00 | | need.stated need=n1 words=x | need[n1]=stated | + need[n1].answer\n"
    assert problems(text) == []


def test_an_outcome_after_expiry_names_the_task_that_was_asked() -> None:
    """The expired task is completed late, and what its expiry opened is withdrawn."""
    row = (
        "+ 1h | task.completed task=need[n1].answer | | ok need[n1].answer; - need[n1].answer/or_else completed_late\n"
    )
    assert problems(UNANSWERED + row) == []


def test_an_outcome_of_a_task_that_was_never_asked_fails_and_names_the_open_ones() -> None:
    """The rows after it are not run."""
    text = f"{HEAD}{COLUMNS}{STATED}+ 1h | task.completed task=thank | |\n+ 1d | (time) | |\n"
    assert problems(text) == [
        '6: No task "thank" was asked about somebody. Open: need[n1].answer. Name one of them.',
    ]
    assert len(run(text)) == 2


def test_an_outcome_that_could_mean_two_tasks_asks_for_the_whole_name() -> None:
    """Two needs, each with an open answer."""
    both = f"{HEAD}{COLUMNS}{STATED}+ 1h | need.stated need=n2 words=y | need[n2]=stated | + need[n2].answer\n"
    assert problems(f"{both}+ 1h | task.completed task=answer | |\n") == [
        '7: "answer" is the name of 2 open tasks: need[n1].answer, need[n2].answer. Write the whole name of one.',
    ]
    assert problems(f"{both}+ 1h | task.completed task=need[n2].answer | | ok need[n2].answer\n") == []


PEOPLE = f"""\
{HEAD}time | person | touchpoint | expected stages | expected tasks
2026-03-02 10:00 | anna | purchase.completed amount="5 EUR" | |
2026-03-02 10:00 | bert | need.stated need=b1 words=y | need[b1]=stated | + need[b1].answer lane prospect
"""


def test_a_customer_is_served_before_a_prospect() -> None:
    """And a prospect is not served before a customer."""
    row = "2026-03-02 10:00 | {} | need.stated need=n1 words=x | need[n1]=stated | + need[n1].answer, served before bert's\n"
    assert problems(PEOPLE + row.format("anna")) == []
    assert problems(PEOPLE + row.format("carl")) == [
        "7: need[n1].answer is not served before that of bert: the lanes are prospect and prospect.",
    ]


def test_a_row_moves_its_own_person_alone() -> None:
    """Two days pass for anna; for bert, nothing has expired."""
    assert (
        problems(
            f"{PEOPLE}+ 2d | anna | (time) | |\n+ 0d | bert | (time) | | x need[b1].answer; + need[b1].answer/or_else\n"
        )
        == []
    )


def test_times_are_those_of_the_clock_over_summer_time() -> None:
    """A day from Saturday to the Sunday on which Vienna loses an hour ends at the same clock time."""
    row = "2026-03-28 10:00 | need.stated need=n1 words=x | need[n1]=stated | + need[n1].answer due 2026-03-29 10:00\n"
    assert problems(HEAD + COLUMNS + row) == []


def test_business_days_are_those_of_the_calendar() -> None:
    """Three business days from the Thursday before Easter: Good Friday works in Austria, Easter Monday does not."""
    row = "2026-04-02 10:00 | need.stated need=n1 words=x | need[n1]=stated | + need[n1].answer\n"
    lost = "+ 1h | decision.made need=n1 outcome=elsewhere | need[n1]=lost | - need[n1].answer; + need[n1].thank due 2026-04-08 11:00\n"
    assert problems(HEAD + COLUMNS + row + lost) == []


def test_a_failed_row_is_shown_with_expected_above_got_to_be_pasted() -> None:
    """The line that begins with `got` holds the cells as they should be written."""
    scenario = read(
        HEAD + COLUMNS + STATED + "+ 2d | (time) | | x need[n1].answer; + need[n1].answer/or_else by owner\n"
    )
    assert report(scenario, run_scenario(MACHINE, scenario)[1]).splitlines() == [
        'table.txt:6: "+ need[n1].answer/or_else by owner" did not happen.',
        'table.txt:6: "+ need[n1].answer/or_else by team_lead" happened. This is not written.',
        "           | time | touchpoint | expected stages | expected tasks",
        "  expected | + 2d | (time)     |                 | x need[n1].answer; + need[n1].answer/or_else by owner",
        "  got      | + 2d | (time)     |                 | x need[n1].answer; + need[n1].answer/or_else by team_lead",
    ]


def test_a_row_in_which_time_never_rests_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit on instants within one row."""
    monkeypatch.setattr(runner, "MAX_INSTANTS", 1)
    text = HEAD + COLUMNS + STATED + "+ 10d | (time) | |\n"
    assert problems(text) == ["6: Time alone does more than 1 things within this row. Divide the row."]


STEPS = st.sampled_from(["+ 0h", "+ 1h", "+ 5 hours", "+ 1d", "+ 2d", "+ 40d"])
NEEDS = st.sampled_from(["n1", "n2", '"a; b | c [d], (e) = \\"f\\""', '"due 1"'])
THINGS = st.one_of(
    st.just("(time)"),
    st.builds("need.stated need={} words=x".format, NEEDS),
    st.builds("reply.sent need={}".format, NEEDS),
    st.builds("decision.made need={} outcome={}".format, NEEDS, st.sampled_from(["with_us", "elsewhere"])),
    st.just('purchase.completed amount="5.00 EUR"'),
)
ROWS = st.tuples(STEPS, st.sampled_from(["anna", '"bert | b"']), THINGS, st.integers(0, 60))


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=12))
def test_a_table_printed_from_a_run_passes(rows: list[tuple[str, str, str, int]]) -> None:
    """Whatever happens, late news included: what is printed is read again as what happened."""
    lines = ["clock  Europe/Vienna", "received | occurred | person | touchpoint | expected stages | expected tasks"]
    lines.append("2026-03-20 10:00 | | anna | need.stated need=n0 words=x | |")
    seen = {"anna"}
    for number, (step, person, thing, minutes) in enumerate(rows):
        if thing == "(time)" and (person not in seen or step == "+ 0h"):
            continue
        seen.add(person)
        early = thing != "(time)" and number % 3 == 0
        occurred = f"2026-03-19 10:{minutes % 60:02}" if early else ""
        lines.append(f"{step} | {occurred} | {person} | {thing} | |")
    scenario = read("\n".join(lines))
    printed = written(scenario, run_scenario(MACHINE, scenario))
    assert problems(printed) == []
    assert written(read(printed), run(printed)) == printed
