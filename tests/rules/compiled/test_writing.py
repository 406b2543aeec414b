"""What is written for a policy: literals only, an allow-list of syntax, one function for one thing."""

from __future__ import annotations

import ast

import pytest

from lifecycle.policies import shipped_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.compiled.writing import Writer, refuse_unknown
from lifecycle.rules.language.load import load_policy

NASTY = """
policy: nasty
language: 1
lanes:
  - {is: bad, when: {fact.said: "') or __import__('os') or ('"}}
  - {is: others}
touchpoints: {word.said: {by: person, data: {word: text}}}
facts: {said: {last: word.said.word}}
tracks: {watch: {per: person, start: here, stages: {here: {means: Here., review: {every: 1 year}}}}}
"""


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "def f(v):\n    for each in v: pass",
        "def f(v):\n    while True: pass",
        "def f(v):\n    return [each for each in v]",
        "def f(v):\n    return lambda: v",
        "def f(v):\n    return v.__class__",
        "def f(v):\n    return v.facts.clear()",
        "def f(v):\n    del v",
        "def f(v):\n    return 1.5",
        "def f(v):\n    return b'bytes'",
        "def f(v):\n    return f'{v}'",
        "def f(v):\n    global x",
        "def f(v):\n    return v ** v",
        "class A: pass",
    ],
)
def test_syntax_that_no_text_of_ours_has_is_refused(text: str) -> None:
    """Loops, imports, other attributes, other literals: a guard needs none of them."""
    with pytest.raises(ValueError, match="written text"):
        refuse_unknown(ast.parse(text))


def test_words_of_a_policy_are_literals_and_never_code() -> None:
    """A quote in a policy ends nothing."""
    machine = compile_policy(load_policy(NASTY))
    assert machine.lane_of(View(None, {"said": "') or __import__('os') or ('"}, {}, 0)) == 0
    assert machine.lane_of(View(None, {"said": "other"}, {}, 0)) == 1


def test_the_text_has_no_names_but_numbered_ones() -> None:
    """Of functions, constants and its own variables; builtins are not there."""
    tree = ast.parse(compile_policy(load_policy(shipped_policy())).guards.writer.text)
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    assert all(name.rpartition("_")[2].isdigit() for name in (names | functions) - own)


def test_a_function_can_be_called_when_its_text_is_finished() -> None:
    """Until then it stands in tables, and in other texts."""
    writer = Writer()
    one = writer.expression("one", "v", "gives back")
    two = writer.expression("two", f"{writer.constant(one, 'f')}(v) + 1", "and one more")
    with pytest.raises(AssertionError):
        one(1)
    writer.finish()
    assert (one(1), two(1)) == (1, 2)
    later = writer.expression("later", f"{writer.constant(two, 'f')}(v)", "later")
    writer.finish()
    assert later(5) == 6


def test_one_policy_is_written_in_the_same_words_each_time(machine: Machine) -> None:
    """So that two texts can be compared, and reading it helps."""
    assert compile_policy(load_policy(shipped_policy())).guards.writer.text == machine.guards.writer.text


@pytest.fixture(scope="module")
def machine() -> Machine:
    return compile_policy(load_policy(shipped_policy()))
