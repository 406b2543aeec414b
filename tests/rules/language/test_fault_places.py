"""A fault that somebody makes in a policy that is right is told of in the line in which it was made.

Every mutation changes one line of the default policy. Those that leave no YAML are tried all over the file; the
others are named with the line that they change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from lifecycle.policies import shipped_policy
from lifecycle.rules.language.document import read_document
from lifecycle.rules.language.findings import HasFindings
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.proof.check import check_policy

LINES = shipped_policy().splitlines()
TRIED = 80
"""About so many lines of those that can have a fault are tried, for each takes reading the whole file."""

Broken = Callable[[str], str | None]
"""A line -> the line with a fault; None where it cannot have this one."""


def _cut(sign: str) -> Broken:
    """Return what takes the last bracket or quote of a kind out of a line."""
    return lambda line: None if line.rfind(sign) < 0 else "".join(line.rpartition(sign)[::2])


def _indented(by: int) -> Broken:
    return lambda line: " " * by + line if by > 0 else line[-by:] if line.startswith(" " * -by) else None


def _replaced(pattern: str, by: str) -> Broken:
    return lambda line: re.sub(pattern, by, line, count=1) if re.search(pattern, line) else None


FAULTS: dict[str, Broken] = {
    "a bracket that is not closed": _cut("]"),
    "a brace that is not closed": _cut("}"),
    "a quote that is not closed": _cut('"'),
    "a sentence in single quotes that is not closed": lambda line: line[:-1] if line.endswith("'") else None,
    "no colon": _replaced(r":(?= |$)", ""),
    "an equals sign for a colon": _replaced(r":(?= |$)", " ="),
    "a tab": lambda line: "\t" + line.lstrip() if line.startswith(" ") else None,
    "one blank more": _indented(1),
    "one blank less": _indented(-1),
}


def found_in(text: str) -> list[tuple[int, str]]:
    """Return (line, code) of what refuses a policy, by the loader or by the checker."""
    try:
        found = [each for each in check_policy(load_policy(text)) if each.severity == "refuses"]
    except HasFindings as error:
        return [(each.line, each.code) for each in error.found]
    return [(each.line, each.code) for each in found]


def with_line(number: int, line: str) -> str:
    """Return the default policy with one line (from 0) in place of its own."""
    return "\n".join([*LINES[:number], line, *LINES[number + 1 :]]) + "\n"


def unread(broken: Broken) -> Iterator[tuple[int, list[int]]]:
    """Yield the line with a fault, and the lines told of, wherever the fault leaves no document that can be read."""
    mutants = [
        (number, mutant)
        for number, line in enumerate(LINES)
        if line.strip() and not line.lstrip().startswith("#") and (mutant := broken(line)) is not None
    ]
    for number, mutant in mutants[:: max(1, len(mutants) // TRIED)]:
        try:
            read_document(with_line(number, mutant), name="p.yaml")
        except HasFindings as error:
            yield number + 1, [each.line for each in error.found]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_document_is_told_of_in_the_line_of_the_fault(fault: str) -> None:
    """Reading stops one line further on or many, and the line to mend is told."""
    tried = list(unread(FAULTS[fault]))
    assert len(tried) > 5
    assert [(at, lines) for at, lines in tried if at not in lines] == []


INDENTED = """\
a:
  b:
    one: 1
    two: 2
  c:
    three: 3
    four: 4
d: 5
"""


@pytest.mark.parametrize(
    ("line", "mutant"),
    [
        (2, "b:"),
        (3, "      one: 1"),
        (3, "  one: 1"),
        (4, "      two: 2"),
        (6, "  three: 3"),
        (6, "      three: 3"),
        (7, "      four: 4"),
        (8, "  - d: 5"),
    ],
)
def test_a_line_two_blanks_too_far_in_or_out_is_told_of_itself(line: int, mutant: str) -> None:
    """Which of two lines stands wrong is seen by what stands below them."""
    lines = INDENTED.splitlines()
    lines[line - 1] = mutant
    with pytest.raises(HasFindings) as caught:
        read_document("\n".join(lines) + "\n", name="p.yaml")
    assert line in [each.line for each in caught.value.found]


@pytest.mark.parametrize(
    ("name", "misspelt"),
    [
        ("  need.stated:", "  need.statd:"),
        ("  heard:  ", "  herd:  "),
        ("  patience:", "  patiense:"),
        ("    what:  ", "    whath:  "),
        ("helper, partner]}}", "hepler, partner]}}"),
        ("      staying:", "      stying:"),
        ("  owed:", "  owd:"),
    ],
)
def test_a_name_that_is_misspelt_where_it_is_given_is_told_of_there(name: str, misspelt: str) -> None:
    """What speaks of it is right, so nothing is said of those lines."""
    number, line = next((number, line) for number, line in enumerate(LINES) if name in line)
    assert {line for line, _ in found_in(with_line(number, line.replace(name, misspelt)))} == {number + 1}


@pytest.mark.parametrize(
    ("was", "now", "code"),
    [
        (
            "promise.kept:         {by: us, data: {promise: id}}",
            "promise.kept: {by: us, data: {promise: text}}",
            "key-kind",
        ),
        ("season: 120 days, reason", "season: 0 days, reason", "duration"),
        ("$renewal_lead before renewal_on", "$renewal_lead until renewal_on", "moment"),
        ("at: $renewal_lead before renewal_on", "after: $renewal_lead before renewal_on", "duration"),
        ("- conversation.held", "- reply.sent", "twice"),
        ("[gave_up, unfinished, passed_on]", "[gave_up, gave_up]", "twice"),
        ("[reply.sent, conversation.held, support.finished]", "[reply.sent, reply.sent]", "twice"),
        ("at: 1 year after heard", "at: 1 year before heard", "always-past"),
        ('"Ask after them once. Tell them that no answer is fine."', 'Ask after them once."', "quote"),
        ('"Ask whether contact and role are still right"', 'Ask whether it is still right"', "quote"),
    ],
)
def test_a_fault_in_a_value_is_told_of_where_the_value_is_written(was: str, now: str, code: str) -> None:
    """Not where it is used, and not where the same thing stands right."""
    number, line = next((number, line) for number, line in enumerate(LINES) if was in line)
    assert (number + 1, code) in found_in(with_line(number, line.replace(was, now)))


def test_an_escalation_that_stands_beside_its_task_is_refused() -> None:
    """Two blanks too far out, an `or_else` would be a task of that name."""
    number = next(number for number, line in enumerate(LINES) if line.strip() == "or_else:")
    assert (number + 1, "name") in found_in(with_line(number, LINES[number][2:]))


@pytest.mark.parametrize("sentence", ["We are the customers'", 'Say "yes"', "It is 'done.'", "Ask 'why?'"])
def test_a_sentence_may_end_in_a_quote_that_it_begins(sentence: str) -> None:
    """Only a quote that closes nothing is a sign that one was lost."""
    number = next(number for number, line in enumerate(LINES) if line.strip().startswith("means:"))
    assert found_in(with_line(number, f"means: {sentence}")) == []
