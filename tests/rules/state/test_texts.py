"""How much text is remembered of a person: bounds in bytes, in a defined order of giving way."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, strategies as st

from lifecycle.rules.state.snapshot import PersonState, encode
from lifecycle.rules.state.texts import PERSON_BYTES, SET_BYTES, SET_TEXT_BYTES, TEXT_BYTES, cut, size, size_of
from lifecycle.touchpoint import Touchpoint
from tests.rules.histories import HEAD, continued, folded, machine_of, touchpoint

FACTS = """  said: {last: word.said.words}
  began: {first: word.said.words}
  reasons: {set: word.said.why}
  day: {last: word.said.day}
  ids: {set: word.said.ref}
"""
TYPES = "touchpoints:\n  word.said: {by: person, optional: {words: text, why: text, day: date, ref: id, need: id}}"
NOTED = """
  noted:
    per: need
    start: open
    begins: [word.said]
    facts: {last_words: {last: word.said.words}}
    stages: {open: {means: I said it., watched_by: in_touch}}
"""
MACHINE = machine_of(NOTED, head=HEAD.replace("touchpoints:", TYPES, 1) + FACTS)


def said(number: int, **data: str) -> Touchpoint:
    return touchpoint(f"{number:05}", "word.said", float(number), **data)


@given(st.text(max_size=40), st.integers(0, 60))
def test_a_text_is_cut_at_a_character(text: str, limit: int) -> None:
    """The longest beginning that fits; never half a character."""
    short = cut(text, limit)
    assert text.startswith(short)
    assert size(short) <= limit
    assert short == text or size(text[: len(short) + 1]) > limit


@pytest.mark.parametrize("name", ["said", "began"])
def test_a_text_is_remembered_up_to_its_bytes(name: str) -> None:
    """A kilobyte of what they wrote is enough; two bytes a letter here."""
    state = folded(MACHINE, [said(0, words="ä" * 5_000)]).state
    assert state.facts[name] == "ä" * (TEXT_BYTES // 2)
    assert state.given_way == 2
    assert state.text_bytes == 2 * TEXT_BYTES


@pytest.mark.parametrize("beyond", [0, 1])
def test_the_bytes_of_a_first_text_count_and_not_its_characters(beyond: int) -> None:
    """Of four bytes each here: one more than the limit has room for is cut."""
    state = folded(MACHINE, [said(0, words="\U0001f600" * (TEXT_BYTES // 4 + beyond))]).state
    assert state.facts["said"] == state.facts["began"] == "\U0001f600" * (TEXT_BYTES // 4)
    assert (state.given_way, state.text_bytes) == (2 * beyond, 2 * TEXT_BYTES)


def test_a_text_that_fits_is_counted_nowhere() -> None:
    """Nothing gave way."""
    state = folded(MACHINE, [said(0, words="short", why="price"), said(1, words="other")]).state
    assert (state.given_way, state.text_bytes) == (0, len("other" + "short" + "price"))


def test_each_text_of_a_set_is_cut() -> None:
    """Two texts that begin alike for 256 bytes are one; what was cut is counted."""
    state = folded(MACHINE, [said(0, why="x" * 300), said(1, why="x" * 301)]).state
    assert state.facts["reasons"] == ["x" * SET_TEXT_BYTES]
    assert state.given_way == 2


def test_a_set_of_texts_keeps_what_came_first() -> None:
    """Later ones are left out, and counted."""
    number = SET_BYTES // SET_TEXT_BYTES
    texts = [f"{each:05}" + "x" * (SET_TEXT_BYTES - 5) for each in range(number + 3)]
    state = folded(MACHINE, [said(each, why=text) for each, text in enumerate(texts)]).state
    assert state.facts["reasons"] == texts[:number]
    assert state.given_way == 3


def test_ids_and_dates_never_give_way() -> None:
    """They are short, and rules depend on them."""
    ids = [f"{each:05}" + "i" * 250 for each in range(600)]
    state = folded(MACHINE, [said(each, ref=name, day="2026-03-02") for each, name in enumerate(ids)]).state
    assert state.facts["ids"] == ids
    assert state.facts["day"] == "2026-03-02"
    assert state.given_way == 0


def full(lengths: list[int]) -> list[Touchpoint]:
    """Return touchpoints of which each begins a need of its own and leaves a text of this many bytes."""
    return [said(number, need=f"n{number:05}", words="w" * length) for number, length in enumerate(lengths)]


def test_the_longest_text_of_a_person_goes_first() -> None:
    """It is remembered as empty, so it still counts as given."""
    history = full([1_000, 1_024, *[900] * 290])
    state = folded(MACHINE, history).state
    noted = state.tracks["noted"]
    assert state.text_bytes <= PERSON_BYTES < state.text_bytes + 900
    assert noted["n00001"].facts["last_words"] == ""
    assert noted["n00000"].facts["last_words"] == ""
    assert state.facts["began"] == "", "as long as that of n00000, and `began` comes before `last_words`"
    given = [key for key, each in noted.items() if each.facts["last_words"] == ""]
    assert given == sorted(given), "of equal length the smaller key goes first"
    assert state.given_way == len(given) + sum(state.facts[name] == "" for name in ("said", "began"))


def test_the_account_of_texts_is_what_the_facts_hold() -> None:
    """Whatever came and went."""
    state = folded(MACHINE, full([700 + each % 300 for each in range(400)])).state
    held = [state.facts, *(each.facts for each in state.tracks["noted"].values())]
    names = ("said", "began", "reasons", "last_words")
    assert state.text_bytes == sum(size_of(holder.get(name)) for holder, name in itertools.product(held, names))


def test_what_gives_way_does_not_depend_on_how_the_history_is_split() -> None:
    """In one go, and in three by way of the snapshot."""
    history = full([600 + each % 400 for each in range(500)])
    state = PersonState()
    for begin, end in itertools.pairwise([0, 180, 333, 500]):
        state = continued(MACHINE, state, history[begin:end], None).state
    assert encode(state) == encode(folded(MACHINE, history).state)


def test_a_text_that_gave_way_counts_as_given() -> None:
    """A rule that asks whether they said something holds as before."""
    machine = machine_of(
        NOTED.replace(
            "watched_by: in_touch}",
            "watched_by: in_touch, tasks: {x: {ask: X, after: 30 days, when: {fact.last_words: {given: true}}}}}",
        ),
        head=HEAD.replace("touchpoints:", TYPES, 1) + FACTS,
    )
    result = folded(machine, full([1_024, *[900] * 290]), 24.0 * 30)
    assert result.state.tracks["noted"]["n00000"].facts["last_words"] == ""
    assert any(task.key == "n00000" for task in result.state.tasks.values())
