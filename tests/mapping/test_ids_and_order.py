"""Ids and the order of an import hold still: a row or a rule put in changes nothing of what was there before."""

from pathlib import Path

import pytest

from lifecycle.errors import MappingRefused
from lifecycle.mapping import parse_mapping
from lifecycle.touchpoint import order_key
from lifecycle.wire.codec import read_event
from tests.mapping.importing import HEAD, Event, imported

FORM = """\
file: {format: csv}
subject: "{who}"
time: {column: day, zone: UTC}
"""
RULES = """\
rules:
  - {name: asked, when: {what: ask}, type: need.stated}
  - {name: bought, when: {what: [buy, order]}, type: purchase.completed}
"""
TOP = "who,day,what\n"
ROWS = "ann,2025-03-02,ask\nann,2025-03-02,buy\nbob,2025-03-02,buy\nbob,2025-03-02,buy\n"
ON_TOP = "eve,2025-03-01,ask\n"
CONTENT = f"id: content\n{FORM}{RULES}"


def by_id(events: list[Event]) -> dict[str, Event]:
    found = {event["id"]: event for event in events}
    assert len(found) == len(events)
    return found


@pytest.mark.parametrize("id_", ["content", "{content: [who, day, what]}", '"{who}-{day}-{what}"'])
def test_a_row_put_in_on_top_changes_no_touchpoint_that_was_there(tmp_path: Path, id_: str) -> None:
    """Imported again, all the others are repetitions: the id, and all that it says."""
    mapping = f"id: {id_}\n{FORM}{RULES}"
    before = by_id(imported(mapping, TOP + ROWS, tmp_path)[1])
    after = by_id(imported(mapping, TOP + ON_TOP + ROWS, tmp_path)[1])
    assert before.items() <= after.items()
    assert [after[each]["subject"] for each in after.keys() - before.keys()] == ["eve"]


def test_rows_of_the_same_content_stay_two(tmp_path: Path) -> None:
    _, events = imported(CONTENT, TOP + ROWS, tmp_path)
    first, second = (event["id"] for event in events if event["subject"] == "bob")
    assert second == first.replace("-bought", "-2-bought")


def test_the_order_of_columns_is_not_content(tmp_path: Path) -> None:
    _, events = imported(CONTENT, TOP + ROWS, tmp_path)
    turned = "".join(f"{what},{who},{day}\n" for who, day, what in (line.split(",") for line in (TOP + ROWS).split()))
    assert imported(CONTENT, turned, tmp_path)[1] == events


@pytest.mark.parametrize("id_", ["content", '"{who}-{day}-{what}"', '"{rule}:{who}-{day}-{what}"'])
def test_a_rule_put_in_above_changes_no_touchpoint_that_was_there(tmp_path: Path, id_: str) -> None:
    mapping = f"id: {id_}\n{FORM}{RULES}"
    more = mapping.replace("rules:\n", "rules:\n  - {name: came, type: conversation.held}\n")
    rows = TOP + ROWS.replace("bob,2025-03-02,buy\nbob", "bob,2025-03-02,buy\nzoe")
    before, after = by_id(imported(mapping, rows, tmp_path)[1]), by_id(imported(more, rows, tmp_path)[1])
    assert before.items() <= after.items()
    assert {after[each]["type"] for each in after.keys() - before.keys()} == {"conversation.held"}


def test_rows_of_one_moment_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Twelve of a day: without a sequence "10" would come before "9"."""
    mapping = f'id: "{{number}}"\n{FORM}{RULES}'.replace("who}", "who}")
    rows = "who,day,what,number\n" + "".join(f"ann,2025-03-02,buy,{number}\n" for number in range(12, 0, -1))
    _, events = imported(mapping, rows, tmp_path)
    ordered = sorted(
        (read_event((tmp_path / "out.jsonl").read_bytes().splitlines()[at]) for at in range(12)), key=order_key
    )
    assert [each.id for each in ordered] == [event["id"] for event in events]
    assert [each.id for each in ordered][:2] == ["12-bought", "11-bought"]


@pytest.mark.parametrize(
    ("time", "first", "second"),
    [
        ("{column: day, zone: stamp}", "2025-03-02T19:48:01+01:00", "2025-03-02T20:48:01+02:00"),
        ("{column: day, zone: UTC}", "2025-03-02", "2025-03-02T00:00:00.000"),
        ('{column: day, format: "%m/%d/%Y %H:%M", zone: UTC}', "03/02/2025 08:05", "3/2/2025 8:05"),
    ],
)
def test_one_moment_written_in_two_ways_is_one_moment(tmp_path: Path, time: str, first: str, second: str) -> None:
    """Otherwise both rows would be the first of their moment, and their ids would decide."""
    mapping = CONTENT.replace("{column: day, zone: UTC}", time)
    _, events = imported(mapping, f"{TOP}ann,{first},buy\nann,{second},ask\n", tmp_path)
    assert [(event["sequence"], event["time"]) for event in events] == [
        ("1", events[0]["time"]),
        ("2", events[0]["time"]),
    ]


def test_a_file_with_the_newest_on_top_is_turned(tmp_path: Path) -> None:
    mapping = CONTENT.replace("format: csv", "format: csv, order: newest_first")
    imported(mapping, TOP + "ann,2025-03-02,buy\nann,2025-03-02,ask\n", tmp_path)
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert [each.type for each in sorted(map(read_event, lines), key=order_key)] == [
        "need.stated",
        "purchase.completed",
    ]


def test_a_sequence_of_the_mapping_counts(tmp_path: Path) -> None:
    _, events = imported(CONTENT + 'sequence: "7{row}"\n', TOP + ROWS, tmp_path)
    assert [event["sequence"] for event in events] == ["71", "72", "73", "74"]


def test_an_id_that_comes_again_with_another_content_is_refused(tmp_path: Path) -> None:
    """Both cannot be kept under one id, so nobody chooses in silence."""
    mapping = f'id: "{{who}}"\n{FORM}{RULES}'
    result, events = imported(mapping, TOP + "ann,2025-03-02,buy\nann,2025-03-03,buy\n", tmp_path)
    assert [event["time"] for event in events] == ["2025-03-02T00:00:00Z"]
    assert result.refused == {("bought", "same_id"): 1}
    assert 'The id "ann-bought" came before, in row 1, and said something else.' in result.examples[0]


def test_an_id_that_comes_again_with_the_same_content_is_written_once_and_counted(tmp_path: Path) -> None:
    """Lines of an order that differ in what nobody asks for."""
    mapping = f'id: "{{who}}"\n{FORM}{RULES}'
    result, events = imported(mapping, "who,day,what,line\nann,2025-03-02,buy,1\nann,2025-03-02,buy,2\n", tmp_path)
    assert (len(events), result.repeated, result.bad_rows, result.rows_not_mapped) == (1, 1, 0, 0)


def test_a_rule_may_have_an_id_of_its_own(tmp_path: Path) -> None:
    mapping = CONTENT.replace("name: asked", 'name: asked, id: "ask-{who}"')
    _, events = imported(mapping, TOP + ROWS, tmp_path)
    assert events[0]["id"] == "ask-ann"


def refusal(text: str) -> str:
    with pytest.raises(MappingRefused) as caught:
        parse_mapping(HEAD + text, name="map.yaml")
    return str(caught.value)


def test_a_mapping_without_an_id_is_refused_and_told_what_to_write() -> None:
    found = refusal(FORM + RULES)
    assert "map.yaml:1:1: Nothing says which id a touchpoint has, and the number of its row moves" in found
    assert found.count("Nothing says") == 1


def test_an_id_without_a_column_is_refused() -> None:
    assert 'map.yaml:4:5: "shop-" names no column: all rows would have one id.' in refusal(
        f'id: "shop-"\n{FORM}{RULES}'
    )


def test_two_rules_with_one_id_of_their_own_are_refused_where_a_row_may_fit_both() -> None:
    own = CONTENT.replace("{name: asked", '{id: "{who}", name: asked').replace(
        "{name: bought", '{id: "{who}", name: bought'
    )
    parse_mapping(HEAD + own, name="map.yaml")  # no row is an ask and a buy
    found = refusal(own.replace("when: {what: ask}, ", ""))
    assert 'A row may fit "asked" and "bought", and both would have this id.' in found


def test_a_column_may_be_called_rule_or_row(tmp_path: Path) -> None:
    """Only `{row}` in a text is the number of the row, and only `{rule}` in an id is the name of the rule."""
    mapping = (
        CONTENT.replace("{column: day", "{column: row")
        .replace("{who}", "{rule}")
        .replace("what: ask", 'row: "2025-03-02"')
    )
    _, [event] = imported(mapping, "rule,row,what\nann,2025-03-02,ask\n", tmp_path)
    assert (event["subject"], event["time"]) == ("ann", "2025-03-02T00:00:00Z")


def test_the_number_of_a_row_beside_a_column_of_that_name_is_refused(tmp_path: Path) -> None:
    """One of the two would be taken in silence."""
    numbered = f'id: "{{row}}"\n{FORM}{RULES}'
    message = r"map.yaml:4:5: \{row\} is the number of the row, and there is a column of that name. Rename it in "
    with pytest.raises(MappingRefused, match=message):
        imported(numbered, "who,day,what,row\n", tmp_path)
    bare = numbered.replace("{format: csv}", "{format: csv, header: false, columns: [who, day, what, row]}")
    assert "there is a column of that name. Rename it in columns:." in refusal(bare)
