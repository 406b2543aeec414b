"""Laws of imports, on random files: what was there before stays as it was, whatever rows or rules come besides."""

import json
from functools import cache

from hypothesis import given, settings, strategies as st

from lifecycle.mapping import ImportMapping, parse_mapping
from lifecycle.mapping.convert import Converter
from lifecycle.touchpoint import Touchpoint, order_key
from lifecycle.wire.codec import read_event
from tests.mapping.importing import HEAD

COLUMNS = ("who", "day", "what", "amount")
RULES = [
    "  - {name: asked, when: {what: ask}, type: need.stated}\n",
    "  - {name: paid, when: {amount: {filled: true}}, type: order.paid, data: {amount: {whole: '{amount}'}}}\n",
    "  - {name: came, when: {what: {not: ask}}, type: visit.made}\n",
]

rows = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["2025-03-01", "2025-03-02", "never"]),
        st.sampled_from(["ask", "buy", ""]),
        st.sampled_from(["", "7", "x"]),
    ),
    max_size=12,
)


@cache
def parsed(text: str) -> ImportMapping:
    """Return a mapping, read once: a law takes the same ones again and again."""
    return parse_mapping(text, name="map.yaml")


def converted(rules: list[str], content: list[tuple[str, ...]]) -> list[bytes]:
    text = "id: content\nsubject: '{who}'\ntime: {column: day, zone: UTC}\nfile: {format: csv}\nrules:\n" + "".join(
        rules
    )
    converter = Converter(parsed(HEAD + text), COLUMNS)
    return [line for number, row in enumerate(content, 1) for _, line in converter.convert([*row], number).lines]


def unlike(content: list[tuple[str, ...]], others: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the rows that are not of a person and day of the others."""
    taken = {row[:2] for row in others}
    return [row for row in content if row[:2] not in taken]


@settings(max_examples=200, deadline=None)
@given(rows, rows, st.integers(0, 12))
def test_rows_put_in_anywhere_change_no_touchpoint_of_another_moment(
    content: list[tuple[str, ...]], others: list[tuple[str, ...]], at: int
) -> None:
    others = unlike(others, content)
    assert set(converted(RULES, content)) <= set(converted(RULES, content[:at] + others + content[at:]))


@settings(max_examples=200, deadline=None)
@given(rows, st.permutations(RULES), st.integers(1, 3))
def test_rules_put_in_or_turned_around_change_no_touchpoint(
    content: list[tuple[str, ...]], rules: list[str], many: int
) -> None:
    assert set(converted(rules[:many], content)) <= set(converted(RULES, content))


@settings(max_examples=200, deadline=None)
@given(rows)
def test_touchpoints_have_ids_of_their_own_and_the_order_of_the_file(content: list[tuple[str, ...]]) -> None:
    """Of one rule, so that what is compared is the order of rows."""
    lines = converted([RULES[2]], content)
    assert len({(event["subject"], event["id"]) for event in map(json.loads, lines)}) == len(lines)
    of_a_day: dict[object, list[Touchpoint]] = {}
    for touchpoint in map(read_event, lines):
        of_a_day.setdefault((touchpoint.person, touchpoint.occurred_at), []).append(touchpoint)
    for each in of_a_day.values():
        assert sorted(each, key=order_key) == each
