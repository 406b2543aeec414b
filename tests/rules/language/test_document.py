"""The safe part of YAML: what it reads, what it refuses and where, and that nothing makes it slow."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from lifecycle.errors import PolicyRefused
from lifecycle.rules.language.document import MAX_BYTES, MAX_NODES, Listing, Scalar, Table, read_document
from lifecycle.rules.language.findings import Place

BOUND = 10.0
"""Seconds within which anything is refused, on a busy machine too; the usual is a small part of one."""


def refusal(text: str) -> str:
    """Return the message that a text is refused with."""
    with pytest.raises(PolicyRefused) as caught:
        read_document(text, name="p.yaml")
    return str(caught.value)


def value(text: str) -> object:
    """Return the value of the only key of a text."""
    (node,) = read_document(f"a: {text}", name="p.yaml").entries.values()
    assert isinstance(node, Scalar)
    return node.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("word", "word"),
        ("two words", "two words"),
        ("14 days", "14 days"),
        ("20:00 to 08:00", "20:00 to 08:00"),
        ('"no"', "no"),
        ("'20:00'", "20:00"),
        ('"2026-03-02"', "2026-03-02"),
        ('"~"', "~"),
        ('""', ""),
        ("true", True),
        ("False", False),
        ("3", 3),
        ("-3", -3),
        ("0", 0),
        ("1.50", Decimal("1.50")),
        ("100 EUR", "100 EUR"),
        ("Is it right?", "Is it right?"),
        ("norway", "norway"),
        ("none", "none"),
    ],
)
def test_values_are_read_as_yaml_1_2(text: str, expected: object) -> None:
    """Plain words, numbers and quoted texts come as what they look like."""
    got = value(text)
    assert got == expected
    assert type(got) is type(expected)


def test_lists_and_tables_keep_their_order_and_places() -> None:
    """Every node and every key knows its line and column, from 1, in characters."""
    root = read_document("ä: {b: 1, c: [x,\n  z]}\nd:\n  e: f\n", name="p.yaml")
    assert root.place == Place(1, 1)
    assert list(root.places.items()) == [("ä", Place(1, 1)), ("d", Place(3, 1))]
    inner = root.entries["ä"]
    assert isinstance(inner, Table)
    assert inner.places == {"b": Place(1, 5), "c": Place(1, 11)}
    listing = inner.entries["c"]
    assert isinstance(listing, Listing)
    assert [item.place for item in listing.items] == [Place(1, 15), Place(2, 3)]


def test_a_byte_order_mark_moves_no_column() -> None:
    """A mark at the start of the file is no character of it."""
    assert read_document("\ufeffa: b", name="p.yaml").places == {"a": Place(1, 1)}


@pytest.mark.parametrize("word", ["yes", "Yes", "YES", "on", "On", "y", "Y"])
def test_words_that_are_true_in_yaml_1_1_are_refused(word: str) -> None:
    """A word in one YAML and true in another: write quotes, or true."""
    assert refusal(f"answer: {word}") == (
        f'p.yaml:1:9: Here "{word}" is a word in one YAML and true or false in another. '
        f'Write "{word}" in quotes, or true. [two-yamls]'
    )


@pytest.mark.parametrize("word", ["no", "No", "NO", "off", "OFF", "n", "N"])
def test_words_that_are_false_in_yaml_1_1_are_refused(word: str) -> None:
    """A word in one YAML and false in another: write quotes, or false."""
    assert refusal(f"answer: {word}") == (
        f'p.yaml:1:9: Here "{word}" is a word in one YAML and true or false in another. '
        f'Write "{word}" in quotes, or false. [two-yamls]'
    )


@pytest.mark.parametrize("word", ["on", "y", "no"])
def test_a_key_is_held_to_the_same_rule(word: str) -> None:
    """A key that YAML 1.1 reads as true or false is refused."""
    assert f'p.yaml:1:1: Here "{word}" is a word in one YAML and true or false' in refusal(f"{word}: a")


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("20:00", "a word in one YAML and a number"),
        ("1:2:3.5", "a word in one YAML and a number"),
        ("1_000", "a word in one YAML and a number"),
        ("0b11", "a word in one YAML and a number"),
        ("0o14", "a number in one YAML and a word"),
        ("1e3", "a number in one YAML and a word"),
        ("2026-03-02", "a word in one YAML and a date"),
        ("2026-03-02T10:00:00Z", "a word in one YAML and a date"),
        ("=", "a word in one YAML and something else"),
    ],
)
def test_values_that_yaml_1_1_reads_otherwise_are_refused(text: str, reads: str) -> None:
    """Times of day, bare dates, grouped digits and the like are refused with both readings."""
    assert refusal(f"a: {text}") == (
        f'p.yaml:1:4: Here "{text}" is {reads} in another. Write "{text}" in quotes. [two-yamls]'
    )


@pytest.mark.parametrize("text", ["012", "00", "-07", "0x1F", ".5", "1.", ".inf", ".nan", "-.inf", "9" * 31])
def test_numbers_in_other_than_plain_digits_are_refused(text: str) -> None:
    """Octals, hexadecimals, infinities and endless digits are no numbers here."""
    assert refusal(f"a: {text}") == (
        f'p.yaml:1:4: Write the number "{text}" in at most 30 plain digits, or in quotes if it is a word. [number]'
    )


def test_a_number_of_a_million_digits_is_shown_in_part() -> None:
    """What is very long is cut in the message, and not turned into a number first."""
    message = refusal("a: " + "9" * 1_000_000)
    assert message.startswith(f'p.yaml:1:4: Write the number "{"9" * 80}..." in at most')


@pytest.mark.parametrize(
    ("text", "place"),
    [("a:", "1:3"), ("a: ~", "1:4"), ("a: null", "1:4"), ("a: [b, NULL]", "1:8"), ("a: {b}", "1:6"), ("~: b", "1:1")],
)
def test_nulls_are_refused(text: str, place: str) -> None:
    """A value that is missing is found, because a cut sentence leaves one."""
    assert refusal(text) == (
        f"p.yaml:{place}: A value is missing here. If a sentence was cut at a comma, a colon or a #, "
        "put the sentence in quotes. [empty]"
    )


def test_a_sentence_cut_at_a_comma_is_named() -> None:
    """Mistake 7: what stands after the comma is no key."""
    assert refusal("tasks: {ask: Find out, then ask, by: owner}") == (
        'p.yaml:1:24: "then ask" is not a key, for it has no value. '
        "A comma ends the sentence inside braces; put the sentence in quotes. [cut-sentence]"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x b", 'p.yaml:1:4: The anchor "&x" is not read here. Take it out. [anchor]'),
        ("a: *x", "p.yaml:1:4: Aliases are not read here. Write the part out again. [alias]"),
        ("a: !!str b", 'p.yaml:1:4: The tag "tag:yaml.org,2002:str" is not read here. Take it out. [tag]'),
        ("a: !x [b]", 'p.yaml:1:4: The tag "!x" is not read here. Take it out. [tag]'),
        ("a: ! b", 'p.yaml:1:4: The tag "!" is not read here. Take it out. [tag]'),
        ("a: !!python/object:os.system b", 'p.yaml:1:4: The tag "tag:yaml.org,2002:python/object:os.system" is not'),
        ("<<: {a: b}", "p.yaml:1:1: Merge keys are not read here. Write the part out again. [merge]"),
        ("3: a", "p.yaml:1:1: A key is a word. Put numbers and the like in quotes. [key]"),
        ("true: a", "p.yaml:1:1: A key is a word."),
        ("? [a, b]\n: c", "p.yaml:1:3: A key is a word."),
        ("- a", "p.yaml:1:1: A file is a list of keys with values, such as language: 1. [shape]"),
        ("word", "p.yaml:1:1: A file is a list of keys with values"),
        ("", "p.yaml:1:1: The file is empty. Begin with its keys, such as language: 1. [empty]"),
        ("# nothing", "p.yaml:1:1: The file is empty."),
        ("a: b\n---\nc: d", "p.yaml:2:1: One file holds one document. Take out the second one (---). [documents]"),
        ("a: b\n...\n---\nc: d", "p.yaml:3:1: One file holds one document."),
        ("a: b\nb: {c: d", 'p.yaml:2:4: This is not YAML: "{" is not closed. Close it with'),
        (
            "a:\n\tb: c",
            "p.yaml:2:1: This is not YAML: here stands a tab. Put blanks in its place: only they indent. [yaml]",
        ),
        ("a: b: c", "p.yaml:1:5: This is not YAML: mapping values are not allowed in this context."),
        ('a: "b', 'p.yaml:1:4: This is not YAML: a quote (") is not closed. Close it where the sentence ends.'),
        ("a: b\x00", "p.yaml:1:5: Here stands the character U+0000, which cannot be seen. Take it out. [character]"),
        ("a: b\n# c\ud800", "p.yaml:2:4: Here stands the character U+D800"),
        ("a: b\x85c: d", "p.yaml:1:5: Here stands the character U+0085"),
        ("a: b\u2028c: d", "p.yaml:1:5: Here stands the character U+2028"),
        ("a: b\ufeff", "p.yaml:1:5: Here stands the character U+FEFF"),
        ('a: "b\\0"', "p.yaml:1:4: A text here holds a character that cannot be seen. Write it without. [character]"),
        ('a: "\\ud800"', "This is not YAML: found invalid Unicode character escape code."),
    ],
)
def test_what_is_not_read_is_refused_with_its_place(text: str, expected: str) -> None:
    """Each trap has its sentence and its place."""
    assert expected in refusal(text)


def test_the_same_key_twice_is_refused_with_the_first_place() -> None:
    """Quoted or not, a key stands once in its table; the same word in another table is another key."""
    assert refusal("x: {b: 1}\nb: 1\nc: 2\n'b': 3") == (
        'p.yaml:4:1: "b" stands twice here, first in line 2. Keep one, or give it another name. [twice]'
    )


def test_all_findings_come_at_once_in_file_order() -> None:
    """Three traps, three lines."""
    lines = refusal("a: no\nb: &x c\nd: ~").splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["p.yaml:1:4", "p.yaml:2:4", "p.yaml:3:4"]


def test_more_than_fifty_findings_are_counted() -> None:
    """The first fifty are shown, the rest is a number."""
    lines = refusal("\n".join(f"k{number}: no" for number in range(60))).splitlines()
    assert lines[49].startswith("p.yaml:50:")
    assert lines[50:] == ["... and 10 more"]


@pytest.mark.parametrize(
    ("label", "text", "expected"),
    [
        ("brackets", "a: " + "[" * 500_000, "p.yaml:1:36: A file has at most 32 levels. Split it. [too-large]"),
        ("braces", "{a: " * 200_000, "A file has at most 32 levels"),
        ("steps", "\n".join(" " * depth + "a:" for depth in range(1_000)), "A file has at most 32 levels"),
        ("10 MB", "a: " + "x" * 10_000_000, "p.yaml:1:1: A file has at most 1024 KiB of text. Split it. [too-large]"),
        ("wide", "a: " + "ä" * (MAX_BYTES // 2), "A file has at most 1024 KiB of text"),
        ("keys", "\n".join(f"{number:x}k: 1" for number in range(100_000)), f"A file has at most {MAX_NODES} values"),
        ("values", "a: [" + "1," * 500_000 + "]", f"A file has at most {MAX_NODES} values"),
        ("bomb", "a: &a [x]\n" + "\n".join(f"b{n}: &b{n} [*a,*a,*a]" for n in range(5_000)), 'The anchor "&a"'),
        ("colons", "a: " + "1:" * 400_000 + "1", "is a word in one YAML and a number in another"),
        ("same key", "a: 1\n" * 9_000, '"a" stands twice here, first in line 1'),
        ("quotes", 'a: "' + "\\n" * 500_000, "This is not YAML"),
        ("anchors", "&a " * 300_000, "This is not YAML"),
    ],
)
def test_hostile_files_are_refused_in_bounded_time(label: str, text: str, expected: str) -> None:
    """Depth, size, number, aliases and long words cost no more than reading them once."""
    begun = time.process_time()
    message = refusal(text)
    assert expected in message, label
    assert len(message) < 50_000
    assert time.process_time() - begun < BOUND


def test_as_many_values_as_are_allowed_are_read() -> None:
    """The limit counts keys, values, lists and tables together."""
    within = "a: [" + ",".join(["x"] * (MAX_NODES - 3)) + "]"
    assert read_document(within, name="p.yaml").entries.keys() == {"a"}
    assert "at most" in refusal(within.replace("]", ",x]"))
