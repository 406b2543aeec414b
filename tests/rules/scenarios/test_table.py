"""Reading scenario tables: what each part means, and that whatever is wrong in one is found, with its place."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from lifecycle.errors import PolicyRefused
from lifecycle.rules.scenarios.clock import Unreadable, clock_text, read_clock, read_step
from tests.rules.scenarios.tables import COLUMNS, HEAD, STATED, read

VIENNA = ZoneInfo("Europe/Vienna")


def findings(text: str) -> list[str]:
    """Return what a table is refused for, without its name."""
    with pytest.raises(PolicyRefused) as refused:
        read(text)
    return [line.removeprefix("table.txt:") for line in str(refused.value).splitlines()]


def refused(row: str) -> list[str]:
    """Return what a row is refused for, which stands in line 6 below one that is right."""
    return findings(HEAD + COLUMNS + STATED + row)


def test_a_table_is_read_by_its_headers_and_columns() -> None:
    """Title, zone, compared tracks and rows, in the order of the columns as written."""
    scenario = read(
        """\
        scenario  two  blanks and | bars are part of a title
        policy  small-shop      clock  Europe/Vienna      tracks  need, watch      given  bought (earlier), visits=2
        note      anything
        note      and more

        touchpoint                           | time             | expected tasks | expected stages
        need.stated need=n1 words="a \\"|\\" b" | 2026-03-02 10:00 |                |
        """
    )
    assert scenario.title == "two  blanks and | bars are part of a title"
    assert (scenario.zone, scenario.tracks) == (VIENNA, ("need", "watch"))
    assert scenario.given == {"bought": True, "visits": 2}
    touchpoint = scenario.rows[0].touchpoint
    assert touchpoint is not None
    assert touchpoint.data == {"need": "n1", "words": 'a "|" b'}
    assert touchpoint.occurred_at == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_values_are_read_by_the_kind_of_their_field() -> None:
    """Whole numbers and truth are sent as such; an id that looks like a number stays a text."""
    row = "2026-03-02 10:00 | need.stated need=7 words=5 urgent=true people=12 | |"
    touchpoint = read(HEAD + COLUMNS + row).rows[0].touchpoint
    assert touchpoint is not None
    assert touchpoint.data == {"need": "7", "words": "5", "urgent": True, "people": 12}


@pytest.mark.parametrize(
    ("step", "after"),
    [
        ("+ 3d", "2026-03-31 10:00"),
        ("+ 3 days", "2026-03-31 10:00"),
        ("+ 2 hours", "2026-03-28 12:00"),
        ("+ 24h", "2026-03-29 11:00"),
        ("+ 1w", "2026-04-04 10:00"),
        ("+ 1 month", "2026-04-28 10:00"),
        ("+ 1 year", "2027-03-28 10:00"),
        ("+ 90min", "2026-03-28 11:30"),
    ],
)
def test_a_step_keeps_the_clock_time_over_summer_time_and_hours_are_elapsed(step: str, after: str) -> None:
    """The night to 29 March 2026 has no 02:30 in Vienna: a day later is 23 hours later, 24 hours are 24 hours."""
    at = read_step(step, read_clock("2026-03-28 10:00", VIENNA), VIENNA)
    assert at is not None
    assert clock_text(at, VIENNA) == after


def test_a_time_that_the_clock_skips_is_refused() -> None:
    """02:30 on the day of summer time."""
    with pytest.raises(Unreadable, match="never shows"):
        read_clock("2026-03-29 02:30", VIENNA)


def test_a_time_that_the_clock_shows_twice_is_the_first_unless_its_offset_is_written() -> None:
    """02:30 on the day when summer time ends, and both ways back to text."""
    first, second = (read_clock(f"2026-10-25 02:30{offset}", VIENNA) for offset in ("", "+01:00"))
    assert (first.hour, second.hour) == (0, 1)
    assert [clock_text(at, VIENNA) for at in (first, second)] == ["2026-10-25 02:30", "2026-10-25 02:30+01:00"]
    with pytest.raises(Unreadable, match=r"is then \+02:00 or \+01:00 ahead of UTC"):
        read_clock("2026-10-25 02:30+05:00", VIENNA)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (
            "clock  Europe/Wien",
            '1:1: "Europe/Wien" is not a time zone. Did you mean "Europe/Vienna"? [zone]',
        ),
        ("note  no clock", "1:1: A table says whose clock it means. Add: clock  Europe/Vienna [zone]"),
        (
            "clock  UTC  polcy  x",
            '1:13: "polcy" is not a word above a table. Did you mean "policy"? [header]',
        ),
        ("clock  UTC  tracks  ned", '1:13: "ned" is not a track. Did you mean "need"? [unknown-track]'),
        (
            "clock  UTC  given  bougt",
            '1:13: "bougt" is not a fact of the policy. Did you mean "bought"? [unknown-fact]',
        ),
        (
            "clock  UTC  given  habit=often",
            '1:13: "habit=often" cannot be given. Give what was ever, last or first so, or counted without a window, '
            "such as bought or top_ten=true. [given]",
        ),
        ("clock  UTC\nclock  UTC", '2:1: "clock" stands twice above the table. Keep one. [twice]'),
        ("clock", '1:1: "clock" says nothing. Write its value after it, or take it out. [header]'),
    ],
)
def test_what_is_wrong_above_the_table_is_found(head: str, expected: str) -> None:
    """Unknown words, zones, tracks and facts, each with its line and column."""
    assert expected in findings(f"{head}\n{COLUMNS}{STATED}")


def test_a_table_about_another_policy_is_refused_with_that_alone() -> None:
    """Its names are all unknown here, and that is not what is wrong."""
    text = f"policy  b2b   clock  UTC\n{COLUMNS}2026-03-02 10:00 | never.heard | |"
    expected = '1:1: This table is about "b2b" and is run with "small-shop". Name the right one. [policy]'
    assert findings(text) == [expected]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            "time | touchpoint | expected stages | tasks",
            '4:39: "tasks" is not a column. Known: expected stages, expected tasks, occurred, person, received, time, '
            "touchpoint. [unknown-column]",
        ),
        ("time | touchpoint | expected stages", '4:1: The column "expected tasks" is missing. Add it. [no-column]'),
        (
            "time | time | touchpoint | expected stages | expected tasks",
            '4:1: The column "time" stands twice. Keep one. [twice]',
        ),
        (
            "received | touchpoint | expected stages | expected tasks",
            '4:1: The column "occurred" is missing. Add it. [no-column]',
        ),
    ],
)
def test_columns_that_are_unknown_missing_or_doubled_are_found(columns: str, expected: str) -> None:
    """The names of the columns are fixed."""
    assert expected in findings(f"{HEAD}{columns}\nx | y | z | w | v\n")


def test_a_table_without_columns_or_rows_is_refused() -> None:
    """A file that checks nothing is not taken for one that passes."""
    assert any("[no-table]" in each for each in findings(HEAD))
    assert findings(HEAD + COLUMNS) == [
        "4:1: The table has no rows, so it checks nothing. Add some. [no-rows]",
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("2026-03-03 | (time) | |", '6:1: "2026-03-03" is no time. Write "2026-03-02 10:00", or "+ 3d" from the row before. [time]'),
        ("2026-13-03 10:00 | (time) | |", '6:1: "2026-13-03 10:00" is no time. Write "2026-03-02 10:00", or "+ 3d" from the row before. [time]'),
        ("2026-03-01 10:00 | (time) | |", "6:1: This row comes before the one above it. Write rows in the order in which they are received. [order]"),
        ("2026-03-02 10:00 | (time) | |", "6:20: No time has passed for somebody since the row before. Take this row out, or write a later time. [unused]"),
        ("+ 1d | (time) |", "6:1: This row has 3 cells and the table 4 columns. Write | between cells, and a text that holds | in quotes. [cells]"),
        ("+ 1d | | |", "6:8: What happens here? Write a touchpoint, or (time) for time alone. [cell]"),
        ("+ 1d | reply.snt need=n1 | |", '6:8: "reply.snt" is not a touchpoint. Did you mean "reply.sent"? [unknown-type]'),
        ("+ 1d | reply.sent ned=n1 need=n1 | |", '6:19: "ned" is not a field of reply.sent. Did you mean "need"? [unknown-field]'),
        ("+ 1d | reply.sent | |", "6:8: reply.sent row-000006 from scenario: data.need should be a value, got none. [invalid-data]"),
        ("+ 1d | reply.sent need=n1 and more | |", '6:27: "and" is no field. Write key=value, or key="text with blanks". [cell]'),
        ("+ 1d | task.completed task=anser | |", '6:8: "anser" is not a task. Did you mean "answer"? [unknown-task]'),
        ("+ 1d | (time) | need[n1]=stted |", '6:17: "stted" is not a stage of need. Did you mean "stated"? [unknown-stage]'),
        ("+ 1d | (time) | need=stated |", '6:17: "need": there is one need for each need. Write need[...] with its need. [key]'),
        ("+ 1d | (time) | watch=here |", '6:17: "watch" is not compared in this table. Add it to "tracks" above, or take it out here. [not-compared]'),
        ("+ 1d | (time) | nowhere |", '6:17: "nowhere" is no stage. Write TRACK=STAGE or TRACK[KEY]=STAGE. [cell]'),
        ("+ 1d | (time) | | + need[n1].anser", '6:19: "anser" is not a task of need. Did you mean "answer"? [unknown-task]'),
        ("+ 1d | (time) | | + need[n1].answer lane vip", '6:19: "vip" is not a lane. Known: customer, prospect. [unknown-lane]'),
        ("+ 1d | (time) | | need[n1].answer", "6:19: What becomes of need[n1].answer? Write +, ok, x or - before it. [cell]"),
        ("+ 1d | (time) | | + need[n1].answer left_stage", '6:19: "left_stage" says why a task is not asked any more. Write - before it. [cell]'),
        ("+ 1d | (time) | | + need[n1].answer due", '6:40: "due" is not followed by a time. Add it. [cell]'),
        ("+ 1d | (time) | | + need[n1].answer soon; ok later", '6:37: "soon" is not understood. After a task come lane, by, due, ask or why it ended; write ; between tasks and comments in ( ). [cell]'),
        ("+ 1d | (time) | | + need[n1].answer soon; ok later", '6:43: "ok later" is no task. Write +, ok, x or - and TRACK.TASK or TRACK[KEY].TASK. [cell]'),
        ("+ 1d | (time) | | ok need[n1].answer lane customer lane customer", '6:52: "lane" is a second lane of one task. Keep one. [twice]'),
        ("+ 1d | (time) | | + need[n1].answer, served before carl's", '6:19: "carl" is not a person above this row. Known: somebody. [person]'),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_row_is_found(row: str, expected: str) -> None:
    """Every name and every cell, with line and column, and what to write instead."""
    assert expected in refused(row)


def test_all_findings_come_at_once() -> None:
    """One in each of two rows and one above."""
    text = f"clock  Nowhere\n{COLUMNS}2026-03-02 10:00 | a.b | |\n2026-03-03 10:00 | c.d | |\n"
    assert [each.partition(":")[0] for each in findings(text)] == ["1", "3", "4"]


@pytest.mark.parametrize("time", ["0001-01-01 00:00", "9999-12-31 23:59", "1899-12-31 00:00"])
def test_a_time_beyond_the_calendar_is_refused(time: str) -> None:
    """The years that touchpoints can have."""
    assert f'5:1: "{time}" is no time.' in findings(f"{HEAD}{COLUMNS}{time} | (time) | |")[0]
    assert f'"{time}" is no time.' in "".join(refused(f"+ 1d | (time) | | + need[n1].answer due {time}"))


@pytest.mark.parametrize("step", ["+ 999999 years", "+ 999999 hours"])
def test_a_step_beyond_the_calendar_is_refused(step: str) -> None:
    """In one go, and in many."""
    text = HEAD + COLUMNS + STATED + f"{step} | (time) | |\n" * 9
    assert re.search(r"\d+:1: .* (leads beyond the calendar|is no time)\.", findings(text)[0])


def test_a_line_that_is_too_long_is_refused() -> None:
    """Before anything in it is read."""
    assert findings(HEAD + COLUMNS + '\\"' * 6_000) == [
        "5:1: A line has at most 10000 characters. Shorten it. [too-large]"
    ]


def test_a_name_may_stand_in_quotes_and_the_file_begin_with_a_mark() -> None:
    """The byte order mark of some editors; a person with a bar in the name."""
    columns = "time | person | touchpoint | expected stages | expected tasks\n"
    row = '2026-03-02 10:00 | "bert | b" | need.stated need=n1 words=x | |\n'
    assert read(f"\ufeff{HEAD}{columns}{row}").rows[0].person == "bert | b"


def test_news_cannot_occur_after_it_is_received() -> None:
    """In a table with both times."""
    columns = "received | occurred | touchpoint | expected stages | expected tasks\n"
    row = "2026-03-02 10:00 | 2026-03-02 11:00 | reply.sent need=n1 | |\n"
    expected = "5:20: This occurred after it was received. Write when it occurred, not later. [order]"
    assert findings(HEAD + columns + row) == [expected]
