"""An import: rows to touchpoints, bad rows aside, and every row counted."""

import csv
import gzip
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import FileRefused, MappingRefused, Stop
from lifecycle.mapping import ImportResult, bad_rows_path, import_to_path, import_to_stream, parse_mapping
from lifecycle.mapping.rows import MAX_LINE, MAX_LINES
from lifecycle.wire.codec import read_event

HEAD = """\
mapping: shop
language: 1
source: urn:shop
id: "shop-{row}"
subject: "{who}"
"""
SHOP = (
    HEAD
    + """\
file: {format: csv, columns: [who, day, what, amount, note]}
time: {column: day, zone: stamp}
sequence: "{amount}"
rules:
  - name: asked
    when: {what: ask}
    type: need.stated
    data: {need: {id: "{who}-{row}"}, words: {text: "{note}", empty: left_out}, channel: "shop {{1}}"}
  - name: bought
    when: {what: [order, reorder]}
    type: purchase.completed
    data:
      amount: {money: "{amount}", currency: EUR}
      pieces: {whole: "{amount}"}
      exact: {number: "{amount}"}
  - name: chose
    when: {what: order}
    type: decision.made
    data: {outcome: with_us, first: {yes_or_no: "{note}"}}
"""
)
TOP = "who,day,what,amount,note\n"


def run(mapping: str, content: bytes | str, folder: Path) -> tuple[ImportResult, list[dict[str, Any]]]:
    source, out = folder / "rows.csv", folder / "out.jsonl"
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    result = import_to_path(parse_mapping(mapping, name="map.yaml"), source, out)
    assert not out.with_name("out.jsonl.part").exists()
    lines = out.read_bytes().splitlines()
    for line in lines:
        read_event(line)  # what we write is what the engine reads
    return result, [json.loads(line) for line in lines]


def test_a_row_becomes_a_touchpoint(tmp_path: Path) -> None:
    result, [event] = run(SHOP, TOP + "ann,2025-03-01T09:00:00+01:00,ask,7,a pan\n", tmp_path)
    assert event == {
        "specversion": "1.0",
        "id": "shop-1-asked",
        "source": "urn:shop",
        "type": "need.stated",
        "subject": "ann",
        "time": "2025-03-01T08:00:00Z",
        "sequence": "7",
        "data": {"need": "ann-1", "words": "a pan", "channel": "shop {1}"},
    }
    assert (result.rows_read, result.touchpoints_written, result.rows_not_mapped, result.bad_rows) == (
        1,
        1,
        0,
        0,
    )
    assert result.bad_rows_at is None


def test_lines_are_canonical_json(tmp_path: Path) -> None:
    run(SHOP, TOP + "änn,2025-03-01T09:00Z,ask,1,ü\n", tmp_path)
    line = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert line == json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def test_one_row_may_become_several_and_each_rule_has_an_id_of_its_own(tmp_path: Path) -> None:
    result, events = run(SHOP, TOP + "ann,2025-03-01T09:00Z,order,12,true\n", tmp_path)
    assert [(event["id"], event["type"]) for event in events] == [
        ("shop-1-bought", "purchase.completed"),
        ("shop-1-chose", "decision.made"),
    ]
    assert events[0]["data"] == {"amount": "12 EUR", "pieces": 12, "exact": 12}
    assert events[1]["data"] == {"outcome": "with_us", "first": True}
    assert result.by_rule == {"asked": 0, "bought": 1, "chose": 1}
    assert result.rows_read == 1


def test_equal_rows_stay_two_and_unmapped_rows_are_counted(tmp_path: Path) -> None:
    row = "ann,2025-03-01T09:00Z,reorder,5,\n"
    result, events = run(SHOP, TOP + row + row + "\n" + row.replace("reorder", "looked"), tmp_path)
    assert [event["id"] for event in events] == ["shop-1-bought", "shop-2-bought"]
    assert (result.rows_read, result.rows_not_mapped) == (3, 1)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("ann,2025-03-01T09:00Z,ask,1", "The row has 4 columns, wanted 5."),
        ("ann,2025-03-01T09:00Z,ask,1,a,b", "The row has 6 columns, wanted 5."),
        ("ann,2025-13-01T09:00Z,ask,1,a", 'The time "2025-13-01T09:00Z" cannot be read; wanted ISO 8601.'),
        ("ann,2025-03-01T09:00,ask,1,a", "has no offset. Name its zone in the mapping."),
        ("ann,1066-03-01T09:00Z,ask,1,a", "is not between 1900 and 2900."),
        ("ann,0001-01-01T00:00+10:00,ask,1,a", "is not between 1900 and 2900."),
        (",2025-03-01T09:00Z,ask,1,a", "subject is empty."),
        ("a\x07n,2025-03-01T09:00Z,ask,1,a", "holds a control character."),
        (f"{'a' * 257},2025-03-01T09:00Z,ask,1,a", "is longer than 256 bytes."),
        ("ann,2025-03-01T09:00Z,reorder,1.5,a", 'pieces is "1.5"; wanted a whole number.'),
        ("ann,2025-03-01T09:00Z,reorder,,a", "amount is empty. Write empty: left_out if it may be, or a default:."),
        ("ann,2025-03-01T09:00Z,reorder,NaN,a", 'amount is "NaN"; wanted a number such as 12 or 12.50.'),
        ('ann,2025-03-01T09:00Z,ask,1,"a"b', "The row cannot be read: ',' expected after '\"'."),
        ("ann,2025-03-01T09:00Z,ask,1," + "a" * MAX_LINE, f"the line is longer than {MAX_LINE} characters."),
    ],
)
def test_a_bad_row_is_kept_aside_and_the_others_are_not_concerned(tmp_path: Path, row: str, reason: str) -> None:
    good = "ann,2025-03-01T09:00Z,ask,1,a\n"
    result, events = run(SHOP, TOP + good + row + "\n" + good, tmp_path)
    assert [event["id"] for event in events] == ["shop-1-asked", "shop-3-asked"]
    assert (result.rows_read, result.bad_rows) == (3, 1)
    assert result.bad_rows_at == tmp_path / "out.jsonl.bad.csv"
    [example] = result.examples
    assert re.match(r".*rows\.csv: row 2 \(line 3\)(, rule \w+)?(, column \w+)?: ", example)
    assert reason in example
    csv.field_size_limit(4 * MAX_LINE)
    try:
        with result.bad_rows_at.open(newline="", encoding="utf-8") as file:
            [header, bad] = list(csv.reader(file))
    finally:
        csv.field_size_limit(131072)
    assert header == ["row", "line", "rule", "column", "reason", "who", "day", "what", "amount", "note"]
    assert bad[:2] == ["2", "3"]
    assert reason in bad[4]


def test_what_one_rule_cannot_make_takes_nothing_from_the_others(tmp_path: Path) -> None:
    """An order not yet delivered was placed all the same."""
    result, [event] = run(SHOP, TOP + "ann,2025-03-01T09:00Z,order,1,maybe\n", tmp_path)
    assert event["id"] == "shop-1-bought"
    assert result.by_rule == {"asked": 0, "bought": 1, "chose": 0}
    assert result.refused == {("chose", "bad_word"): 1}
    assert 'first is "maybe"; wanted true or false, or words' in result.examples[0]
    assert (result.rows_read, result.bad_rows, result.rows_not_mapped) == (1, 1, 0)


def test_bytes_that_are_no_text_spoil_their_row_and_are_kept_as_they_were(tmp_path: Path) -> None:
    good, bad = b"ann,2025-03-01T09:00Z,ask,1,a\n", b"ann,2025-03-01T09:00Z,ask,1,caf\xe9\n"
    result, events = run(SHOP, TOP.encode() + bad + good, tmp_path)
    assert [event["id"] for event in events] == ["shop-2-asked"]
    assert "bytes that are no text in this encoding" in result.examples[0]
    assert result.bad_rows_at is not None
    assert b"caf\xe9" in result.bad_rows_at.read_bytes()


def test_the_encoding_can_be_named(tmp_path: Path) -> None:
    mapping = SHOP.replace("format: csv", "format: csv, encoding: latin-1")
    _, [event] = run(mapping, TOP.encode() + b"ann,2025-03-01T09:00Z,ask,1,caf\xe9\n", tmp_path)
    assert event["data"]["words"] == "café"


def test_a_forgotten_quote_does_not_eat_the_file(tmp_path: Path) -> None:
    good = "ann,2025-03-01T09:00Z,ask,1,a\n"
    result, events = run(SHOP, TOP + good.replace(",a\n", ',"a\n') + good * (2 * MAX_LINES), tmp_path)
    assert result.bad_rows == 1
    assert "a quote is missing" in result.examples[0]
    assert len(events) == MAX_LINES


def test_a_quoted_field_may_hold_delimiters_and_line_breaks(tmp_path: Path) -> None:
    rows = 'ann,2025-03-01T09:00Z,ask,1,"a, ""b""\r\nc"\r\nann,never,ask,1,x\r\n'
    result, [event] = run(SHOP, TOP.replace("\n", "\r\n") + rows, tmp_path)
    assert event["data"]["words"] == 'a, "b"\r\nc'
    assert ": row 2 (line 4), rule asked, column day: " in result.examples[0]


def test_gzip_is_seen_by_its_content_and_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + TOP.encode() + b"ann,2025-03-01T09:00Z,ask,1,a\n"
    assert run(SHOP, gzip.compress(content), tmp_path) == run(SHOP, content, tmp_path)


def test_a_file_that_breaks_off_stops_the_run_and_leaves_no_half_output(tmp_path: Path) -> None:
    content = TOP + "".join(f"ann,2025-03-01T09:00Z,ask,{n},{n * n}\n" for n in range(50_000))
    with pytest.raises(Stop, match=r"rows\.csv breaks off after row \d+ \(line \d+\): .*Fetch the file again"):
        run(SHOP, gzip.compress(content.encode())[:-2000], tmp_path)
    assert not (tmp_path / "out.jsonl").exists()
    assert not (tmp_path / "out.jsonl.part").exists()


def test_columns_are_checked_against_the_header(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused, match=r"rows\.csv:1: The header is a, b; who, day.* is not there.*map\.yaml"):
        run(SHOP, "a,b\n", tmp_path)
    without = SHOP.replace(", columns: [who, day, what, amount, note]", "")
    with pytest.raises(MappingRefused, match=r'map\.yaml:7:16: "day" is not a column of .* Did you mean "days"\?'):
        run(without, TOP.replace("day", "days"), tmp_path)
    with pytest.raises(MappingRefused, match='"who" stands twice in the header'):
        run(without, TOP.replace("\n", ",who\n"), tmp_path)
    with pytest.raises(MappingRefused, match=r"Wanted a header, got nothing\. Add header: false"):
        run(SHOP, "", tmp_path)
    result, _ = run(without, TOP + "ann,2025-03-01T09:00Z,ask,1,a\n", tmp_path)
    assert result.touchpoints_written == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"gone\.csv cannot be read: no such file"):
        import_to_path(parse_mapping(SHOP, name="m"), tmp_path / "gone.csv", tmp_path / "out")


def test_to_a_stream_with_progress_and_an_old_file_of_bad_rows_removed(tmp_path: Path) -> None:
    source, bad, out, told = tmp_path / "rows.csv", tmp_path / "bad.csv", io.BytesIO(), list[int]()
    bad.write_text("of yesterday")
    source.write_text(TOP + "ann,2025-03-01T09:00Z,ask,1,a\n" * 20_001)
    result = import_to_stream(parse_mapping(SHOP, name="m"), source, out, bad_rows=bad, progress=told.append)
    assert out.getvalue().count(b"\n") == result.touchpoints_written == 20_001
    assert told == [10_000, 20_000]
    assert not bad.exists()
    assert bad_rows_path(source, None) == Path("rows.csv.bad.csv")


BLANKS = (
    HEAD
    + """\
file: {format: blanks, header: false, columns: [who, day, count, dollars]}
time: {column: day, format: "%Y%m%d", zone: America/New_York}
rules:
  - name: bought
    type: purchase.completed
    data: {amount: {money: "{dollars}", currency: USD}, discs: {whole: "{count}"}}
"""
)


def test_columns_between_blanks_dates_only_and_no_when(tmp_path: Path) -> None:
    content = " 00001 19970101  1   11.77\n 00002 19970712  1   12.00\n 00002 19970712  5   77\n 00003 1997\n"
    result, events = run(BLANKS, content, tmp_path)
    assert [(event["subject"], event["time"], event["data"]["amount"]) for event in events] == [
        ("00001", "1997-01-01T05:00:00Z", "11.77 USD"),
        ("00002", "1997-07-12T04:00:00Z", "12 USD"),
        ("00002", "1997-07-12T04:00:00Z", "77 USD"),
    ]
    assert result.examples == (f"{tmp_path}/rows.csv: row 4 (line 4): The row has 2 columns, wanted 4.",)


def test_a_wrong_offset_can_be_ignored(tmp_path: Path) -> None:
    row = TOP + "ann,2010-01-13T08:40:25.000+02:00,ask,1,a\n"
    named = SHOP.replace("zone: stamp", "zone: UTC")
    result, _ = run(named, row, tmp_path)
    assert "has an offset and the mapping a zone. Write zone: stamp, or offset: ignored." in result.examples[0]
    _, [event] = run(named.replace("zone: UTC", "zone: UTC, offset: ignored"), row, tmp_path)
    assert event["time"] == "2010-01-13T08:40:25Z"


def test_rules_without_a_common_column_are_all_tried(tmp_path: Path) -> None:
    mapping = SHOP.replace("when: {what: ask}", "when: {note: a, what: ask}").replace(
        "when: {what: order}", "when: {who: ann}"
    )
    rows = "ann,2025-03-01T09:00Z,ask,1,a\nbob,2025-03-01T09:00Z,ask,1,b\nbob,2025-03-01T09:00Z,reorder,1,a\n"
    result, events = run(mapping.replace(', first: {yes_or_no: "{note}"}', ""), TOP + rows, tmp_path)
    assert [event["id"] for event in events] == ["shop-1-asked", "shop-1-chose", "shop-3-bought"]
    assert result.rows_not_mapped == 1


def test_it_is_linear_in_the_rows(tmp_path: Path) -> None:
    started = time.process_time()
    run(SHOP, TOP + "ann,2025-03-01T09:00Z,looked,1,a\n" * 50_000, tmp_path)
    assert time.process_time() - started < 5
