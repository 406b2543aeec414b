"""Dead letters on the wire: original bytes, and headers that say why, where and what was left out."""

from __future__ import annotations

from datetime import UTC, datetime

from lifecycle.record import DeadLetter, Headers, Place
from lifecycle.streams.dead_letters import as_message


def letter(body: bytes = b"\xff{", headers: Headers = (), field: str | None = "data.need") -> DeadLetter:
    place = Place("touchpoints", 3, 17)
    return DeadLetter(place, "bad", field, "a senténce", body, b"p1", headers, datetime(2026, 3, 1, tzinfo=UTC))


def test_the_original_is_kept_and_the_reason_added() -> None:
    original: Headers = (("ce_id", b"\xff"), ("x", b""), ("ce_id", b"twice"))
    value, headers = as_message(letter(headers=original))
    assert value == b"\xff{"
    assert headers == (
        *original,
        ("lifecycle.errors.exception", b"bad"),
        ("lifecycle.errors.message", "a senténce".encode()),
        ("lifecycle.errors.topic", b"touchpoints"),
        ("lifecycle.errors.partition", b"3"),
        ("lifecycle.errors.offset", b"17"),
        ("lifecycle.errors.field", b"data.need"),
    )


def test_a_record_refused_again_carries_the_newest_reason_only() -> None:
    _, headers = as_message(letter(headers=(("lifecycle.errors.exception", b"old"), ("x", b"1")), field=None))
    assert [name for name, _ in headers].count("lifecycle.errors.exception") == 1
    assert ("lifecycle.errors.exception", b"bad") in headers
    assert "lifecycle.errors.field" not in dict(headers)


def test_what_no_longer_fits_is_left_out_and_said_so() -> None:
    value, headers = as_message(letter(body=b"x" * 6_000_000, headers=(("ce_id", b"1"),)))
    assert value == b""
    assert dict(headers)["lifecycle.errors.omitted"].startswith(b"6000008 bytes are more than this topic takes")
    assert "ce_id" not in dict(headers)
    fits, _ = as_message(letter(body=b"x" * 4_194_304))
    assert len(fits) == 4_194_304
