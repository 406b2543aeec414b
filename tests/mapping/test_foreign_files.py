"""The forms in which foreign files come: separators, encodings, headers, JSON lines."""

import csv
import json
from pathlib import Path

import pytest

from lifecycle.errors import MappingRefused, Stop
from tests.mapping.importing import Event, imported

REST = """\
id: content
subject: "{who}"
time: {column: day, zone: UTC}
rules:
  - {name: came, type: conversation.held, data: {words: "{words}"}}
"""
CSV = "file: {format: csv}\n" + REST
ROWS = "who;day;words\nann;2025-03-01;héllo\n"


def said(events: list[Event]) -> list[tuple[str, str]]:
    return [(event["subject"], event["data"]["words"]) for event in events]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_first_line_that_names_the_separator_is_no_row(tmp_path: Path, end: str) -> None:
    result, events = imported(CSV, ("sep=;\n" + ROWS + "ann;never;x\n").replace("\n", end), tmp_path)
    assert said(events) == [("ann", "héllo")]
    assert ": row 2 (line 4), " in result.examples[0]


def test_a_separator_line_that_contradicts_the_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused, match=r"rows\.csv:1: The file says sep=;, and the mapping delimiter: ,\."):
        imported(CSV.replace("csv}", 'csv, delimiter: ","}'), "sep=;\n" + ROWS, tmp_path)


def test_a_row_of_nothing_but_separators_is_blank(tmp_path: Path) -> None:
    result, events = imported(CSV, "sep=;\n" + ROWS + ";;\n" + ROWS.splitlines()[1] + "\n;;\n", tmp_path)
    assert (len(events), result.rows_read, result.bad_rows) == (2, 2, 0)


def test_a_header_that_was_not_split_names_the_delimiter(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused, match=r"The header is one column: say delimiter: in the mapping\."):
        imported(CSV, ROWS, tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_mark_at_the_beginning_says_how_a_file_is_encoded(tmp_path: Path, encoding: str) -> None:
    _, events = imported(CSV, ("sep=;\n" + ROWS).encode(encoding), tmp_path)
    assert said(events) == [("ann", "héllo")]


def test_a_file_in_utf_16_that_breaks_off_says_so(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"rows\.csv (breaks off after row 1|cannot be read).*Fetch the file again"):
        imported(CSV, ("sep=;\n" + ROWS + "ann;2025-03-01;x" * 1000).encode("utf-16")[:-1], tmp_path)


def test_columns_need_not_be_listed_nor_in_order_where_there_is_a_header(tmp_path: Path) -> None:
    listed = CSV.replace("csv}", 'csv, delimiter: ";", columns: [words, who]}')
    assert said(imported(listed, "new;" + ROWS.replace("\nann", "\n1;ann"), tmp_path)[1]) == [("ann", "héllo")]


JSON = "file: {format: jsonl}\n" + REST.replace('"{who}"', '"{person.id}"')


def test_json_lines_have_their_keys_for_columns(tmp_path: Path) -> None:
    line = json.dumps({"person": {"id": 17}, "day": "2025-03-01", "words": True, "more": [1]})
    result, events = imported(JSON, f"{line}\n\n{line}\n", tmp_path)
    assert said(events) == [("17", "true")] * 2
    assert len({event["id"] for event in events}) == 2
    assert result.unseen == ()


def test_a_json_line_that_cannot_be_read_is_kept_as_it_stands(tmp_path: Path) -> None:
    good = '{"person.id":"a","day":"2025-03-01","words":"x"}'
    broken = ['{"a":1', "[1]", '{"day":"2025-03-01","person":{"id":{"a":1}}}', '{"a":1,"a":2}']
    result, events = imported(JSON, "\n".join([good, *broken, good]), tmp_path)
    assert said(events) == [("a", "x"), ("a", "x")]
    assert (result.rows_read, result.bad_rows) == (6, 4)
    assert result.bad_rows_at is not None
    with result.bad_rows_at.open(newline="", encoding="utf-8") as file:
        kept = [row[-1].strip() for row in csv.reader(file)]
    assert kept == ["line of JSON", *broken]
    for reason in ("not JSON", "The line is no JSON object", "person.id is a list or an object", "stands twice"):
        assert any(reason in each for each in result.examples)


def test_a_list_concerns_the_rules_that_use_it_alone(tmp_path: Path) -> None:
    mapping = JSON.replace("rules:\n", "rules:\n  - {name: seen, when: {words: {filled: true}}, type: page.seen}\n")
    result, events = imported(mapping, '{"person":{"id":"a"},"day":"2025-03-01","words":["x"]}\n', tmp_path)
    assert [event["type"] for event in events] == ["page.seen"]
    assert result.refused == {("came", "columns"): 1}


def test_a_key_that_stands_in_no_line_is_told(tmp_path: Path) -> None:
    """It may be misspelt, and a file of one day may have none."""
    result, _ = imported(JSON, '{"person":{"id":"a"},"day":"2025-03-01","wrds":"x"}\n', tmp_path)
    assert result.unseen == ("words",)


def test_numbers_of_json_are_not_unclear(tmp_path: Path) -> None:
    mapping = JSON.replace('words: "{words}"', 'words: {number: "{words}"}')
    _, [event] = imported(mapping, '{"person":{"id":"a"},"day":"2025-03-01","words":1.234}\n', tmp_path)
    assert event["data"]["words"] == 1.234
