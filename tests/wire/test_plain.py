"""The short way of reading JSON says what the strict one says, or nothing: held against each other on torn texts."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from lifecycle import canonical_json
from lifecycle.canonical_json import NotCanonical, loads, strictly
from lifecycle.demo.sample import write_sample
from lifecycle.errors import Unreadable
from lifecycle.wire.codec import read_event

LINE = (
    b'{"data":{"need":"182053","words":"I need a loan of 2500 euro.","paid":12,"ok":true},"id":"bpic2012-44538-inquiry",'
    b'"sequence":"1","source":"urn:bpic2012","specversion":"1.0","subject":"182053",'
    b'"time":"2011-11-03T18:33:39.449000Z","type":"need.stated","datacontenttype":"application/json"}'
)
SPACED = LINE.replace(b'":', b'" : ').replace(b",", b",\n\t")
TOKENS = [
    b'"id"', b'"data"', b'"time"', b'"need"', b'""', b'"x"', b'"\xc3\xa4"', b'"\\u0041"', b'"\\ud800"', b'"\\""', b'"\x01"',
    b"{", b"}", b"[", b"]", b":", b",", b"null", b"true", b"false", b"0", b"-0", b"01", b"1.0", b"1e3", b"1E400", b"-1",
    b"12345678901234567890", b"18446744073709551616", b"9223372036854775808", b"1" * 401, b"NaN", b"Infinity", b"-",
    b" ", b"\n", b"\r", b"\x0b", b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\x80", b"\\", b'"', b"[" * 65, b"[" * 64 + b"]" * 64,
    b'"id":"twice",', b'"need":"twice",', b'"2011-11-03T18:33:60Z"', b'"9999-12-31T23:59:59-10:00"',
]  # fmt: skip


def torn(line: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    """Return a line with pieces cut out, or put in, here and there."""
    for at, length, token in cuts:
        place = at % (len(line) + 1)
        line = line[:place] + token + line[place + length :]
    return line


CUTS = st.tuples(st.integers(0, 500), st.integers(0, 12), st.one_of(st.sampled_from(TOKENS), st.binary(max_size=3)))
TEXTS = st.builds(torn, st.sampled_from([LINE, SPACED, b"", b"[]"]), st.lists(CUTS, max_size=5))
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.text(max_size=6),
        st.decimals(-1000, 1000, places=2),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


def said(read: Callable[[bytes], Any], text: bytes) -> object:
    """Return what a reader makes of a text: the value with the kinds in it, or why there is none."""
    try:
        return kinds(read(text))
    except (NotCanonical, Unreadable) as error:
        return type(error), getattr(error, "reason", None), str(error)


def kinds(value: Any) -> object:
    """Return a value in which 1, True and Decimal(1) are three things."""
    if isinstance(value, dict):
        return [(key, kinds(each)) for key, each in value.items()]
    return [kinds(each) for each in value] if isinstance(value, list) else (type(value), value)


@given(TEXTS)
@settings(max_examples=600)
def test_a_torn_line_is_read_or_refused_as_the_strict_reader_does(text: bytes) -> None:
    """Repeated keys, escapes, numbers of all sizes, half texts, bytes that are no text: the same value or sentence."""
    assert said(loads, text) == said(strictly, text)


@given(VALUES)
@settings(max_examples=300)
def test_any_value_is_read_as_the_strict_reader_does(value: Any) -> None:
    """However it is nested."""
    text = canonical_json.dumps(value).encode("utf-8", "surrogatepass")
    assert said(loads, text) == said(strictly, text)


@given(TEXTS)
@settings(max_examples=300)
def test_an_event_is_the_same_by_either_way(text: bytes) -> None:
    """Also where the JSON is right and the event is not."""
    by_both = said(read_event, text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canonical_json, "loads", strictly)
        assert said(read_event, text) == by_both


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":1}',
        b'{"a":"x","a":"x"}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":[{"b":1,"b":2}]}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":18446744073709551616}',
        b'{"a":"\\n"}',
        b"[" * 65 + b"]" * 65,
        b'"\xff"',
        b"{",
    ],
)
def test_what_is_unusual_is_read_strictly(text: bytes) -> None:
    assert canonical_json._plainly(text) is canonical_json._UNUSUAL


def test_whoever_sends_plain_events_is_read_the_short_way(tmp_path: Path) -> None:
    """Written with blanks or without; of the demo, nine lines in ten: the others have escapes, fractions or are torn."""
    write_sample(tmp_path / "sample.jsonl", seed=7, people=60)
    lines = (tmp_path / "sample.jsonl").read_bytes().splitlines()
    plain = [line for line in lines if canonical_json._plainly(line) is not canonical_json._UNUSUAL]
    assert len(lines) > 300
    assert len(plain) > 0.9 * len(lines)
    assert canonical_json._plainly(SPACED) == strictly(SPACED) == strictly(LINE)


def test_numbers_are_exact_on_both_ways() -> None:
    assert (loads("1.50"), type(loads("1.50"))) == (Decimal("1.5"), Decimal)
    assert (loads("15"), type(loads("15"))) == (15, int)


ANY_TEXT = st.text(st.characters(codec=None), max_size=8)
WRITTEN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**40), 10**40),
        st.decimals(allow_nan=False, allow_infinity=False),
        ANY_TEXT,
        st.sampled_from(["\u2028", "\u2029", "\x7f", "\x80", "\x00\x1f\b\f", "/", "</script>", "\ud800", '"', "\\"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(ANY_TEXT, inner, max_size=5)),
    max_leaves=12,
)


@given(WRITTEN)
@settings(max_examples=600)
def test_a_value_is_written_in_the_same_bytes_on_both_ways(value: Any) -> None:
    """Stored hashes of content, and messages, depend on each of them."""
    assert canonical_json.dumps(value) == canonical_json.written_strictly(value)


@settings(max_examples=1_000)
@given(VALUES)
def test_what_we_wrote_ourselves_is_read_as_strictly(value: Any) -> None:
    """Also texts with escapes, and numbers of any size."""
    text = canonical_json.dumps(value)
    assert kinds(canonical_json.own(text)) == kinds(strictly(text))
