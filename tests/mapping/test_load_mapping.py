"""A mapping file: what is read, and that every fault is named with its place and the next step."""

from pathlib import Path

import pytest

from lifecycle.errors import FileRefused, MappingRefused
from lifecycle.mapping import load_mapping, parse_mapping
from lifecycle.mapping.model import Template

GOOD = """\
mapping: shop
language: 1
source: urn:shop
file: {format: csv, header: false, columns: [who, day, what, amount]}
id: "shop-{who}-{day}"
subject: "{who}"
time: {column: day, format: "%Y-%m-%d", zone: UTC}
rules:
  - name: bought
    when: {what: [order, reorder]}
    type: purchase.completed
    data: {amount: {money: "{amount}", currency: EUR}}
"""


def refusal(text: str) -> str:
    with pytest.raises(MappingRefused) as caught:
        parse_mapping(text, name="map.yaml")
    return str(caught.value)


def test_a_good_mapping_is_read_with_its_defaults() -> None:
    mapping = parse_mapping(GOOD, name="map.yaml")
    assert mapping.file.delimiter is None
    assert not mapping.file.header
    [rule] = mapping.rules
    assert rule.when[0].values == frozenset(("order", "reorder"))
    assert rule.subject.columns == ("who",)
    assert rule.sequence is None
    assert isinstance(rule.id, Template)
    assert rule.id.parts == ("shop-", "who", "-", "day", "-bought")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "source: urn:shop",
            "sorce: urn:shop",
            'map.yaml:3:1: "sorce" is not a key of a mapping. Did you mean "source"?',
        ),
        ("source: urn:shop\n", "", 'map.yaml:1:1: "source" is missing in a mapping. Add it.'),
        ("language: 1", "language: 2", "map.yaml:2:11: This program reads language 1. Write language: 1."),
        ("mapping: shop", "mapping: My Shop", '"My Shop" is no mapping. Wanted small letters'),
        ("{who}", "{whom}", 'map.yaml:5:5: "whom" is not a column of the file. Did you mean "who"?'),
        (
            "when: {what:",
            "when: {waht:",
            'map.yaml:10:12: "waht" is not a column of the file. Did you mean "what"?',
        ),
        ("{amount}", "{amount", 'A brace stands alone in "{amount". Write {column}, or {{ and }}'),
        (
            "zone: UTC",
            "zone: Europe/Viena",
            '"Europe/Viena" is not a time zone, nor stamp. Did you mean "Europe/Vienna"?',
        ),
        (", zone: UTC", "", '"zone" is missing in time. Add the zone of the clock'),
        ("zone: UTC", "zone: stamp, offset: ignored", "An ignored offset needs a zone to read the clock in."),
        ('"%Y-%m-%d"', "ymd", '"ymd" is no format. Write iso, epoch_seconds, epoch_milliseconds, or such as "%Y%m%d".'),
        ("purchase.completed", "purchase", '"purchase" is no type. Wanted two words with a dot'),
        (", currency: EUR", "", '"currency" is missing in the field "amount", which is money.'),
        ("money:", "monney:", '"monney" is not a key of the field "amount". Did you mean "money"?'),
        ("money:", "text: a, money:", 'The field "amount" has 2 kinds. Name one kind: text, id, whole'),
        ("format: csv", "format: tsv", '"tsv" is not a format. Did you mean "csv"?'),
        ("format: csv", "format: blanks, quote: x", '"quote" means nothing in format: blanks. Take it out.'),
        ("format: csv", "format: csv, delimiter: abc", '"delimiter" is one character, such as ",".'),
        ("who, day,", "who, who,", 'The column "who" stands twice. Rename one.'),
        (
            ", columns: [who, day, what, amount]",
            "",
            "A file without header needs columns: [a, b, ...].",
        ),
        ("header: false", "header: maybe", '"header" is true or false.'),
        (
            'subject: "{who}"\n',
            "",
            'This rule has no "subject". Write it here or, for all rules, at the top.',
        ),
        ("data: {", "data: {kept: true, ", "Wanted a text, got True. Put it in quotes, or name its kind"),
        ("data: {", "data: {kept: no, ", 'Write "no" in quotes'),
        ("[order, reorder]", "*order", "Aliases are not read here."),
    ],
)
def test_every_fault_is_named_with_its_place(old: str, new: str, message: str) -> None:
    assert GOOD.count(old) >= 1
    assert message in refusal(GOOD.replace(old, new, 1))


def test_all_faults_come_at_once() -> None:
    message = refusal(GOOD.replace("source:", "sorce:").replace("type:", "typ:"))
    assert '"sorce" is not a key' in message
    assert '"typ" is not a key of a rule' in message
    assert message.startswith("The mapping cannot be used.\n")


def test_two_rules_of_one_name_are_refused() -> None:
    again = GOOD + GOOD[GOOD.index("  - name") :]
    assert 'Two rules are called "bought". Rename one.' in refusal(again)


def test_a_mapping_without_rules_is_refused() -> None:
    assert "rules: is a list with at least one rule." in refusal(GOOD[: GOOD.index("rules:")] + "rules: []\n")


def test_a_missing_mapping_names_its_path(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"nowhere\.yaml cannot be read: no such file.* Name a file that can"):
        load_mapping(tmp_path / "nowhere.yaml")


def test_a_mapping_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_bytes(b"mapping: caf\xe9")
    with pytest.raises(FileRefused, match=r"byte 12 is not UTF-8\. Save the mapping as UTF-8"):
        load_mapping(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("currency: EUR", "curency: EUR"),
        ("time: {column: day", "time: {colum: day"),
        ('time: {column: day, format: "%Y-%m-%d", zone: UTC}', "time: day"),
        ('{money: "{amount}", currency: EUR}', "[a]"),
        ('subject: "{who}"', "subject: {who}"),
    ],
)
def test_one_fault_is_told_once(old: str, new: str) -> None:
    """A second line would send the reader after a fault that is none."""
    assert old in GOOD
    assert refusal(GOOD.replace(old, new)).count("map.yaml:") == 1


def test_a_rule_that_is_no_table_is_told_once() -> None:
    assert refusal(GOOD + "  - delivered\n").count("map.yaml:") == 1


def test_a_column_without_quotes_is_told_what_to_write() -> None:
    assert 'A text with a column in it stands in quotes: "{who}".' in refusal(GOOD.replace('"{who}"', "{who}", 1))
