"""JSON in one canonical form, so that equal content is equal text in every store and on every machine.

Canonical: keys sorted by code point, no blanks, UTF-8, exact decimals (never binary floats), control
characters escaped (so U+0000 never reaches a database as a character). Reading refuses what has no single
meaning: duplicate keys, NaN and infinities, lone surrogates, numbers beyond MAX_DIGITS.
Numbers are normalised: `1.0`, `1e0` and `1` are the same number and the same text.

Most texts are plain: no escapes, no fractions, no number of more than 15 digits, hardly any nesting. Those are read by
msgspec, in a sixth of the time, and whatever is not plain strictly. Where no escape is, each text stands between two
quotation marks; so a key that stands twice, of which msgspec keeps the last, shows in their number.
tests/wire/test_plain.py holds both ways against each other.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
import simplejson

MAX_DIGITS = 400
"""Most digits, before or after the point, that a number may need when written out."""

MAX_DEPTH = 64
"""Deepest nesting of arrays and objects that is read."""


class NotCanonical(ValueError):
    """The text is JSON to some readers but has no single meaning, or is not JSON."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise NotCanonical(f'the key "{key[:80]}" stands twice in one object; keep one of them')
            seen.add(key)
    return mapping


def _number(text: str) -> int | Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise NotCanonical(f"the number {text[:40]} cannot be read as an exact decimal") from error
    if number.is_zero():
        return 0
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if len(digits) > MAX_DIGITS or abs(exponent) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise NotCanonical(f"the number {text[:40]} needs more than {MAX_DIGITS} digits")
    if exponent >= 0 or number == number.to_integral_value():
        return int(number)
    while digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    return Decimal((number.is_signed(), digits, exponent))


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise NotCanonical(f"the number {text[:40]}... needs more than {MAX_DIGITS} digits")
    return int(text)


def _constant(text: str) -> Any:
    raise NotCanonical(f"{text} is not a JSON number; leave the field out instead")


_UNUSUAL = object()
_decode = msgspec.json.Decoder().decode
_decode_own = msgspec.json.Decoder(float_hook=_number).decode


def loads(body: bytes | str) -> Any:
    """Read one JSON text. Raises NotCanonical, with a sentence, for anything that has no single meaning.

    Numbers come as int or Decimal, never float.
    """
    value = _plainly(body)
    return strictly(body) if value is _UNUSUAL else value


def own(text: str) -> Any:
    """Read a text that `dumps` wrote: what `loads` gives, without looking whether it has a single meaning."""
    return _decode_own(text)


def _plainly(body: bytes | str) -> Any:
    """Read a plain text; _UNUSUAL where it is not known to be one."""
    try:
        text = body.decode("utf-8") if isinstance(body, bytes) else body
        if "\\" in text or text.count("[") + text.count("{") > MAX_DEPTH:
            return _UNUSUAL
        value = _decode(text)
    except (UnicodeError, msgspec.DecodeError):
        return _UNUSUAL
    return value if text.count('"') == 2 * _texts_in(value) else _UNUSUAL


def _texts_in(value: Any) -> int:
    """Return how many keys and texts a value holds; a negative number where it holds a fraction or a large number."""
    if type(value) is not dict:
        value = dict(enumerate(value)) if type(value) is list else {0: value}
        found = 0
    else:
        found = len(value)
    for each in value.values():
        kind = type(each)
        if kind is str:
            found += 1
        elif kind is dict or kind is list:
            found += _texts_in(each)
        elif kind is int:
            if not -_FAR < each < _FAR:
                return -_FAR
        elif kind is not bool and each is not None:
            return -_FAR
    return found


_FAR = 10**15
"""More texts than any body has; and numbers from here on are read strictly, which counts their digits."""


def strictly(body: bytes | str) -> Any:
    """Do what `loads` does, without the short way."""
    try:
        text = body.decode("utf-8") if isinstance(body, bytes) else body
    except UnicodeDecodeError as error:
        raise NotCanonical(f"byte {error.start} is not UTF-8 ({error.reason})") from error
    if _has_deep_nesting(text):
        raise NotCanonical(f"arrays or objects are nested deeper than {MAX_DEPTH}")
    try:
        value = simplejson.loads(
            text,
            object_pairs_hook=_pairs,
            parse_float=_number,
            parse_int=_integer,
            parse_constant=_constant,
            allow_nan=True,
        )
    except simplejson.JSONDecodeError as error:
        raise NotCanonical(f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from error
    if "\\u" in text:  # only an escape can make one: UTF-8 itself has no surrogates
        try:
            dumps(value).encode("utf-8")
        except UnicodeEncodeError as error:
            raise NotCanonical("a lone surrogate (half of a character) stands in a text") from error
    return value


_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


def _has_deep_nesting(text: str) -> bool:
    # A cheap upper bound first: few texts have that many opening brackets at all.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for character in _TEXT.sub("", text):
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif character in "]}":
            depth -= 1
    return False


_encoder = simplejson.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), use_decimal=True, allow_nan=False
)


_encode = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


def dumps(value: Any) -> str:
    """Write a value in canonical form. Floats are programmer errors: use Decimal."""
    try:
        text = _encode(value).decode("utf-8")
    except UnicodeEncodeError:
        return written_strictly(value)  # half of a character, which a text may hold until it is encoded
    return text if text.isascii() or not _SEPARATORS.search(text) else written_strictly(value)


_SEPARATORS = re.compile("[\u2028\u2029]")
"""Line breaks to JavaScript, so they are escaped in canonical form."""


def written_strictly(value: Any) -> str:
    """Do what `dumps` does, without msgspec."""
    return _encoder.encode(value)
