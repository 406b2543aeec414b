"""Derived names are digests of their parts, each with its length in bytes, whatever script they are written in."""

from __future__ import annotations

from hashlib import blake2b

from hypothesis import given, strategies as st

from lifecycle import ids

NAMES = st.one_of(st.text(st.characters(codec="ascii"), max_size=9), st.text(st.characters(codec="utf-8"), max_size=9))


def digest_of(*names: str, size: int) -> str:
    """Return the digest as DESIGN has it: of every name with its length before it, so that no two lists run together."""
    parts = [name.encode("utf-8") for name in names]
    return blake2b(b"".join(b"%d:%b" % (len(part), part) for part in parts), digest_size=size).hexdigest()


@given(NAMES, NAMES, NAMES, NAMES)
def test_a_slot_is_the_digest_of_person_track_key_and_rule(person: str, track: str, key: str, rule: str) -> None:
    assert ids.slot_of(person, track, key, rule) == digest_of("slot", person, track, key, rule, size=10)


@given(NAMES, NAMES)
def test_the_cause_of_a_touchpoint_is_the_digest_of_source_and_id(source: str, touchpoint_id: str) -> None:
    assert ids.cause_of_touchpoint(source, touchpoint_id) == digest_of("touchpoint", source, touchpoint_id, size=12)


@given(NAMES, NAMES, st.integers(1, 10_000))
def test_the_cause_of_a_timer_is_the_digest_of_stage_name_and_count(stage_cause: str, timer: str, count: int) -> None:
    assert ids.cause_of_timer(stage_cause, timer, count) == digest_of("timer", stage_cause, timer, str(count), size=12)


def test_names_are_those_of_the_first_release() -> None:
    """Who keeps ids of tasks finds them again."""
    assert ids.slot_of("anna", "need", "n1", "stated.acknowledge") == "bcbb681b59697b7df69a"
    assert ids.slot_of("J\u00fcrgen", "need", "n1", "stated.acknowledge") == "1855a504637f2976fc07"
    assert ids.cause_of_touchpoint("/crm", "1") == "f52bc72b100b7e7cb7d2a14b"
