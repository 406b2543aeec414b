"""Times of foreign files: read for sure or refused, never guessed."""

from pathlib import Path

import pytest

from lifecycle.errors import MappingRefused
from lifecycle.mapping import parse_mapping
from tests.mapping.importing import HEAD, imported


def mapping(time: str) -> str:
    return f"""\
id: content
file: {{format: csv, delimiter: ";"}}
subject: "{{who}}"
time: {time}
rules:
  - {{name: came, type: conversation.held}}
"""


def read(time: str, stamp: str, folder: Path) -> str:
    """Return the time that a stamp becomes, or why it is refused."""
    result, events = imported(mapping(time), f"who;day;clock\nann;{stamp}\n", folder)
    return str(events[0]["time"]) if events else result.examples[0].partition("column day: ")[2]


ZONED = '{column: day, format: "%Y-%m-%d %H:%M:%S %Z", zone: Europe/Vienna}'
ANY_ZONE = ZONED.replace("Europe/Vienna", "stamp")


@pytest.mark.parametrize(
    ("time", "stamp", "wanted"),
    [
        (ZONED, "2025-03-01 10:00:00 GMT;", "2025-03-01T10:00:00Z"),
        (ZONED, "2025-07-01 10:00:00 UTC;", "2025-07-01T10:00:00Z"),
        (ZONED, "2025-03-01 10:00:00 CET;", "2025-03-01T09:00:00Z"),
        (ZONED, "2025-07-01 10:00:00 CEST;", "2025-07-01T08:00:00Z"),
        (ZONED, "2025-10-26 02:30:00 CEST;", "2025-10-26T00:30:00Z"),
        (ZONED, "2025-10-26 02:30:00 CET;", "2025-10-26T01:30:00Z"),
        (ANY_ZONE, "2025-07-01 10:00:00 Europe/Vienna;", "2025-07-01T08:00:00Z"),
        (ANY_ZONE, "2025-07-01 10:00:00 Z;", "2025-07-01T10:00:00Z"),
        (
            '{column: day, format: "%a %b %d %H:%M:%S %Z %Y", zone: stamp}',
            "Thu Nov 27 10:00:00 UTC 2025;",
            "2025-11-27T10:00:00Z",
        ),
        (
            '{column: day, format: "%Y-%m-%d %H:%M %Z", zone: UTC, offset: ignored}',
            "2025-03-01 10:00 XYZ;",
            "2025-03-01T10:00:00Z",
        ),
    ],
)
def test_the_name_of_a_zone_is_used_where_it_means_one_thing(
    tmp_path: Path, time: str, stamp: str, wanted: str
) -> None:
    assert read(time, stamp, tmp_path) == wanted


@pytest.mark.parametrize(
    ("time", "stamp", "reason"),
    [
        (ANY_ZONE, "2025-03-01 10:00:00 CST;", 'names the zone "CST", which stands for several.'),
        (ZONED, "2025-03-01 10:00:00 CEST;", 'names the zone "CEST", which is not what Europe/Vienna is called then.'),
        (ZONED, "2025-03-01 10:00:00 PST;", 'names the zone "PST", which is not what Europe/Vienna is called then.'),
        (ZONED, "2025-03-01 10:00:00;", "cannot be read; wanted %Y-%m-%d %H:%M:%S %Z."),
    ],
)
def test_the_name_of_a_zone_that_is_not_sure_is_refused(tmp_path: Path, time: str, stamp: str, reason: str) -> None:
    assert reason in read(time, stamp, tmp_path)


VIENNA = "{column: day, zone: Europe/Vienna}"


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [
        ("2025-10-26T02:30;", "comes twice in Europe/Vienna, where clocks are changed then. Write unclear: earlier"),
        ("2025-03-30T02:30;", "does not exist in Europe/Vienna, where clocks are changed then. Write unclear: earlier"),
    ],
)
def test_a_clock_time_that_comes_twice_or_never_is_refused(tmp_path: Path, stamp: str, reason: str) -> None:
    assert reason in read(VIENNA, stamp, tmp_path)


@pytest.mark.parametrize(
    ("unclear", "stamp", "wanted"),
    [
        ("earlier", "2025-10-26T02:30;", "2025-10-26T00:30:00Z"),
        ("later", "2025-10-26T02:30;", "2025-10-26T01:30:00Z"),
        ("earlier", "2025-03-30T02:30;", "2025-03-30T00:30:00Z"),
        ("later", "2025-03-30T02:30;", "2025-03-30T01:30:00Z"),
    ],
)
def test_the_mapping_may_say_which_reading_counts(tmp_path: Path, unclear: str, stamp: str, wanted: str) -> None:
    assert read(f"{{column: day, zone: Europe/Vienna, unclear: {unclear}}}", stamp, tmp_path) == wanted


def test_a_day_that_begins_while_clocks_are_changed_begins_with_its_first_moment(tmp_path: Path) -> None:
    """In Beirut clocks went from midnight to one o'clock."""
    assert read("{column: day, zone: Asia/Beirut}", "2024-03-31;", tmp_path) == "2024-03-30T22:00:00Z"


@pytest.mark.parametrize(
    ("time", "stamp", "wanted"),
    [
        ('{column: [day, clock], format: "%d/%m/%Y %H:%M", zone: UTC}', "01/03/2025;14:30", "2025-03-01T14:30:00Z"),
        ("{column: [day, clock], zone: UTC}", "2025-03-01;14:30", "2025-03-01T14:30:00Z"),
        ("{column: day, format: epoch_seconds}", "1740823200;", "2025-03-01T10:00:00Z"),
        ("{column: day, format: epoch_seconds}", "1740823200.5;", "2025-03-01T10:00:00.500000Z"),
        ("{column: day, format: epoch_milliseconds}", "1740823200123;", "2025-03-01T10:00:00.123000Z"),
        ("{column: day, format: epoch_seconds}", "-1;", "1969-12-31T23:59:59Z"),
        ('{column: day, zone: UTC, at: "18:00"}', "2025-03-01;", "2025-03-01T18:00:00Z"),
        (
            '{column: day, format: "%d.%m.%Y", zone: Europe/Vienna, at: "23:59:59"}',
            "01.03.2025;",
            "2025-03-01T22:59:59Z",
        ),
        ("{column: day, zone: UTC}", " 2025-03-01T10:00 ;", "2025-03-01T10:00:00Z"),
        ('{column: day, format: "%d/%m/%Y %I:%M %p", zone: UTC}', "01/03/2025 02:30 PM;", "2025-03-01T14:30:00Z"),
    ],
)
def test_times_in_other_forms(tmp_path: Path, time: str, stamp: str, wanted: str) -> None:
    assert read(time, stamp, tmp_path) == wanted


@pytest.mark.parametrize("stamp", ["2025112;", "202511;", "202503011;"])
def test_figures_side_by_side_are_not_shared_out_by_guessing(tmp_path: Path, stamp: str) -> None:
    """The second of November, or the twelfth of January?"""
    assert "cannot be read; wanted %Y%m%d." in read('{column: day, format: "%Y%m%d", zone: UTC}', stamp, tmp_path)


def test_figures_with_something_between_need_no_zeros(tmp_path: Path) -> None:
    assert (
        read('{column: day, format: "%d/%m/%y %H:%M:%S", zone: UTC}', "1/3/25  9:05:00;", tmp_path)
        == "2025-03-01T09:05:00Z"
    )


def test_a_time_that_is_empty_says_how_to_leave_the_row_out(tmp_path: Path) -> None:
    assert "Write when: {day: {filled: true}} if a row may have none." in read(VIENNA, ";", tmp_path)


@pytest.mark.parametrize(
    ("time", "message"),
    [
        ('{column: day, format: "%d/%m", zone: UTC}', '"%d/%m" has no year. Write such as %Y.'),
        ('{column: day, format: "%Y-%m", zone: UTC}', "has no month or no day. Write such as %m and %d."),
        ('{column: day, format: "%Y-%m-%d %I:%M", zone: UTC}', "does not say which half. Add %p, or write %H."),
        ('{column: day, format: "%Y-%m-%d %Q", zone: UTC}', '"%Q" in "%Y-%m-%d %Q" stands for nothing.'),
        ('{column: day, format: "%Y-%m-%d %Z %z", zone: stamp}', "names two zones. Take one out."),
        ("{column: day, format: epoch_seconds, zone: UTC}", 'counts from one moment everywhere. Take "zone" out.'),
        ("{column: day, zone: UTC, at: noon}", '"noon" is no clock time. Write such as at: "18:00".'),
        ('{column: day, format: "%Y-%m-%d %H:%M", zone: UTC, at: "18:00"}', "The format has a clock time of its own."),
        ("{column: day, zone: UTC, unclear: guess}", '"guess" is not a unclear. Known: earlier, later, refused.'),
    ],
)
def test_a_time_that_would_be_read_in_silence_is_a_fault_of_the_mapping(time: str, message: str) -> None:
    with pytest.raises(MappingRefused) as caught:
        parse_mapping(HEAD + mapping(time), name="map.yaml")
    assert message in str(caught.value)
    assert "map.yaml:7:" in str(caught.value)
