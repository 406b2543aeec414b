"""Values and conditions of a mapping: what could be read in two ways is refused unless the mapping says which."""

from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import MappingRefused
from lifecycle.mapping import parse_mapping
from tests.mapping.importing import HEAD, imported


def mapping(field: str, file: str = "", when: str = "{}") -> str:
    return f"""\
id: content
file: {{format: csv, delimiter: ";"{file}}}
subject: "{{who | trim | lower}}"
time: {{column: day, zone: UTC}}
rules:
  - name: came
    when: {when}
    type: conversation.held
    data: {{value: {field}}}
"""


def read(field: str, text: str, folder: Path, file: str = "") -> Any:
    """Return what the field becomes (None: it is left out), or why it is refused."""
    result, events = imported(mapping(field, file), f"who;day;value\nann;2025-03-01;{text}\n", folder)
    return events[0]["data"].get("value") if events else result.examples[0].partition("column value: ")[2]


def refusal(text: str) -> str:
    with pytest.raises(MappingRefused) as caught:
        parse_mapping(HEAD + text, name="map.yaml")
    return str(caught.value)


NUMBER = '{number: "{value}"}'
MONEY = '{money: "{value}", currency: EUR}'


@pytest.mark.parametrize(
    ("field", "file", "text", "wanted"),
    [
        (MONEY, ', decimal: ",", thousands: "."', "1.234", "1234 EUR"),
        (MONEY, ', decimal: ",", thousands: "."', "1.234.567,50", "1234567.5 EUR"),
        (MONEY, ', decimal: ","', "0,99", "0.99 EUR"),
        (MONEY, ', thousands: "."', "1.234,5", "1234.5 EUR"),
        (MONEY, ', thousands: ","', "1,234.5", "1234.5 EUR"),
        (MONEY, ", decimal: ',', thousands: ' '", "1 234,5", "1234.5 EUR"),
        (MONEY, ", decimal: ',', thousands: ' '", "1\u202f234,5", "1234.5 EUR"),
        (MONEY, ", decimal: '.', thousands: \"'\"", "1'234.50", "1234.5 EUR"),
        (MONEY, ', decimal: "."', "1.234", "1.234 EUR"),
        (MONEY, "", "0.0000001", "0.0000001 EUR"),
        (MONEY, "", "1234.567", "1234.567 EUR"),
        (NUMBER, "", "0.125", 0.125),
        ('{number: "{value}", decimal: ","}', "", "0,125", 0.125),
        ('{whole: "{value}"}', ', thousands: "."', "-1.234", -1234),
    ],
)
def test_a_number_is_read_as_the_mapping_says_it_is_written(
    tmp_path: Path, field: str, file: str, text: str, wanted: Any
) -> None:
    assert read(field, text, tmp_path, file) == wanted


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("", "1.234", 'value is "1.234", which can be read with thousands or with decimals. Say decimal: "."'),
        (', thousands: " "', "1.234", "which can be read with thousands or with decimals."),
        ("", "1,234", "wanted a number such as 12 or 12.50. Say decimal: and thousands: in the mapping."),
        ("", "1,5", "wanted a number such as 12 or 12.50. Say decimal: and thousands: in the mapping."),
        (', decimal: ","', "1.234", "wanted a number such as 12 or 12,50."),
        (', decimal: ",", thousands: "."', "1.23", "wanted a number such as 12 or 12,50."),
        (', decimal: ",", thousands: "."', "12.34.567", "wanted a number such as 12 or 12,50."),
        ("", "12 EUR", "wanted a number such as 12 or 12.50."),
        ("", "1e3", "wanted a number such as 12 or 12.50."),
        ("", "\u0661\u0662", "wanted a number such as 12 or 12.50."),
    ],
)
@pytest.mark.parametrize("field", [NUMBER, MONEY])
def test_a_number_that_is_not_sure_is_refused(tmp_path: Path, field: str, file: str, text: str, reason: str) -> None:
    assert reason in read(field, text, tmp_path, file)


WORDS = '{yes_or_no: "{value}", says_yes: [Ja, "1", "Yes"], says_no: [Nein, "0", ""]}'


@pytest.mark.parametrize(
    ("field", "text", "wanted"),
    [
        ('{yes_or_no: "{value}"}', "TRUE", True),
        ('{yes_or_no: "{value}"}', "False", False),
        (WORDS, "Yes", True),
        (WORDS, "1", True),
        (WORDS, "Nein", False),
        (WORDS, "", False),
        ('{date: "{value}", format: "%d/%m/%Y"}', "03/12/2025", "2025-12-03"),
        ('{date: "{value}"}', "2025-12-03", "2025-12-03"),
        ("{time: {column: value, zone: Europe/Vienna}}", "2025-12-03T10:00", "2025-12-03T09:00:00Z"),
        ("{time: {column: value, format: epoch_seconds}}", "0", "1970-01-01T00:00:00Z"),
        ('{zone: "{value}"}', "Europe/Vienna", "Europe/Vienna"),
        ('{country: "{value | upper}"}', "at", "AT"),
        ('{text: "{value}", default: web}', "", "web"),
        ('{number: "{value}", default: "0"}', " ", 0),
        ('{date: "{value}", empty: left_out}', "", None),
        ('{id: "{value | trim}"}', " A1 ", "A1"),
        ('"{value | trim | lower}!"', " A1 ", "a1!"),
    ],
)
def test_values_of_every_kind(tmp_path: Path, field: str, text: str, wanted: Any) -> None:
    assert read(field, text, tmp_path) == wanted


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        (WORDS, "Jein", 'value is "Jein"; wanted 1, Ja, Yes or '),
        ('{yes_or_no: "{value}"}', "Yes", "wanted true or false, or words that the mapping names under says_yes:"),
        ('{date: "{value}", format: "%d/%m/%Y"}', "12/31/2025", 'value is "12/31/2025"; wanted %d/%m/%Y.'),
        ('{date: "{value}"}', "31.12.2025", "wanted a date such as 2026-03-02."),
        ('{zone: "{value}"}', "Wien", "wanted a time zone such as Europe/Vienna."),
        ('{country: "{value}"}', "at", "wanted a country of two capital letters such as AT."),
        ("{time: {column: value, zone: Europe/Vienna}}", "2025-10-26T02:30", "comes twice in Europe/Vienna"),
    ],
)
def test_values_that_are_none_of_their_kind_are_refused_here(
    tmp_path: Path, field: str, text: str, reason: str
) -> None:
    assert reason in read(field, text, tmp_path)


def test_an_id_that_differs_in_blanks_and_capitals_is_one_person(tmp_path: Path) -> None:
    rows = "who;day;value\nAnn@X.org ;2025-03-01;a\n ann@x.org;2025-03-01;b\n"
    assert {event["subject"] for event in imported(mapping('"{value}"'), rows, tmp_path)[1]} == {"ann@x.org"}


@pytest.mark.parametrize(
    ("when", "fitting"),
    [
        ("{value: {filled: true}}", "abc"),
        ("{value: {filled: false}}", "de"),
        ("{value: {not: [B, C]}}", "ade"),
        ("{value: {not: B, filled: true}}", "ac"),
        ('{value: {matches: "[AB]"}}', "ab"),
        ('{value: {matches: "A|"}}', "ad"),
        ("{value: {is: [A, B], not: B}}", "a"),
        ('{value: ""}', "d"),
        ("{value: B, who: {not: x}}", "b"),
    ],
)
def test_conditions(tmp_path: Path, when: str, fitting: str) -> None:
    rows = "who;day;value\na;2025-03-01;A\nb;2025-03-01;B\nc;2025-03-01;C\nd;2025-03-01;\ne;2025-03-01; \n"
    result, events = imported(mapping('{text: "{value}", empty: left_out}', when=when), rows, tmp_path)
    assert "".join(event["subject"] for event in events) == fitting
    assert (result.rows_not_mapped, result.bad_rows) == (5 - len(fitting), 0)


@pytest.mark.parametrize(
    ("field", "file", "message"),
    [
        (
            '{text: "{value}", decimal: ","}',
            "",
            'decimal: belongs to money and number and whole, and the field "value" is text.',
        ),
        ('{yes_or_no: "{value}", says_yes: J}', "", '"says_no" is missing. Name the words for both.'),
        ('{yes_or_no: "{value}", says_yes: [Ja, Na], says_no: Na}', "", '"Na" says yes and no. Take one out.'),
        ('{text: "{value}", default: a, empty: left_out}', "", "What is left out needs no default. Take one out."),
        (NUMBER, ', decimal: ",", thousands: ","', '"," cannot part decimals and thousands. Name two characters.'),
        (NUMBER, ', decimal: ";"', '";" is not a decimal.'),
        ('"{value | lowr}"', "", '"lowr" is not done to a column. Did you mean "lower"?'),
        ('{date: "{value}", format: "%d/%m"}', "", '"%d/%m" has no year.'),
    ],
)
def test_faults_of_a_field_have_a_place(field: str, file: str, message: str) -> None:
    found = refusal(mapping(field, file))
    assert message in found
    assert f"map.yaml:{12 if not file else 5}:" in found


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ('{value: {matches: "("}}', '"(" is no pattern: missing ), unterminated subpattern'),
        ('{value: {matches: "[a--b]"}}', '"[a--b]" is no pattern: Possible set difference'),
        ("{value: {}}", '"value" asks for nothing. Write is:, not:, filled: or matches:.'),
        ("{value: {filed: true}}", '"filed" is not a key of a condition. Did you mean "filled"?'),
        ("{value: {filled: maybe}}", '"filled" is true or false.'),
    ],
)
def test_faults_of_a_condition_have_a_place(when: str, message: str) -> None:
    found = refusal(mapping('"{value}"', when=when))
    assert message in found
    assert "map.yaml:10:" in found
