"""A type whose touchpoints mostly name one of its optional keys has a text for each of them: all say the same."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from hypothesis import given, strategies as st

from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.compiled.meaning import _TypeCompiler
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.state.snapshot import PersonState, encode
from tests.rules.histories import at, touchpoint

POLICY = """
policy: shapes
language: 1
lanes: [{is: everybody}]
touchpoints:
  talk.held:
    by: us
    data: {about: [one, two]}
    optional: {need: id, case: id, other: id, said: text, size: whole, sure: yes_or_no}
  need.named: {by: us, data: {need: id}}
facts:
  talks: {count: talk.held}
  sure: {ever: [talk.held, need.named], when: {none_of: [{about: one, case: {given: false}}, {need: a, size: 3}]}}
  wise: {ever: talk.held, when: {any_of: [{said: {given: true}}, {about: two, size: {given: false}}]}}
  vain: {ever: [need.named, talk.held], when: {about: one}}
  said: {last: talk.held.said}
  case: {last: talk.held.case}
  size: {sum: talk.held.size}
tracks:
  watch: {per: person, start: here, stages: {here: {means: Here., review: {every: 1 year}}}}
  need:
    per: need
    begins: [talk.held, need.named]
    start: named
    facts: {words: {set: talk.held.said}, its_case: {last: talk.held.case}}
    stages:
      named:
        means: N.
        watched_by: watch
        upon: {talk.held: [{when: {sure: true}, to: over}, {when: {about: two, case: {given: false}}, to: talked}]}
        tasks: {talk: {ask: T, due: 1 day, expires: 9 days, done_by: [talk.held]}}
      talked: {means: T., watched_by: watch, upon: {talk.held: over}}
      over: {means: O., watched_by: watch}
  case:
    per: case
    begins: talk.held
    start: asked
    stages:
      asked: {means: A., watched_by: watch, later: [{after: 3 days, to: done}]}
      done: {means: D., watched_by: watch}
"""
KEYS = st.sampled_from(("a", "b", "", 1))
DATA = st.fixed_dictionaries(
    {"about": st.sampled_from(("one", "two"))},
    optional={
        "need": KEYS,
        "case": KEYS,
        "other": KEYS,
        "said": st.sampled_from(("yes", "no", 3)),
        "size": st.sampled_from((3, 4, "x")),
        "sure": st.sampled_from((True, False, None)),
    },
)
UNFIT = st.dictionaries(st.sampled_from(("need", "case", "about", "undeclared")), KEYS, max_size=3)


def without_shapes() -> Machine:
    with patch.object(_TypeCompiler, "shapes", lambda *_: {}):
        return compile_policy(load_policy(POLICY))


BY_SHAPE, IN_GENERAL = compile_policy(load_policy(POLICY)), without_shapes()


def lived(machine: Machine, history: list[dict[str, Any]], *, is_told: bool) -> object:
    touchpoints = [
        touchpoint(f"t{number:02}", "talk.held" if "about" in data else "need.named", number * 20)._replace(data=data)
        for number, data in enumerate(history)
    ]
    trail: list[Step] | None = [] if is_told else None
    found = fold(machine, "anna", PersonState(), touchpoints, at(900), trail=trail, tells=is_told)
    steps = [each._replace(choice=None) for each in trail or ()]
    return encode(found.state), found.closings, found.unreached, found.keyless, found.next_due_at, steps


@given(st.lists(DATA | UNFIT, max_size=6), st.booleans())
def test_a_touchpoint_that_names_one_key_is_taken_in_as_by_the_general_text(
    history: list[dict[str, Any]], is_told: bool
) -> None:
    """Also where its data do not fit, and where the text for one key finds that out."""
    assert lived(BY_SHAPE, history, is_told=is_told) == lived(IN_GENERAL, history, is_told=is_told)


def test_a_type_with_several_optional_keys_has_a_text_for_each_alone() -> None:
    text = BY_SHAPE.guards.writer.text
    for key in ("need", "case"):
        assert f"# talk.held comes with {key} alone\n" in text
    assert "comes with other alone" not in text, "no track has this key"


def test_what_a_guard_asks_of_fields_that_are_not_there_is_answered_in_advance() -> None:
    """A missing field is given to nobody, and is no word: the texts of types compare nothing with None."""
    text = BY_SHAPE.guards.writer.text
    assert "(None in " not in text
    assert "(None ==" not in text
    named = text[text.index("# need.named comes") :]
    assert "held['vain']" not in named[: named.index("# ", 1)]
