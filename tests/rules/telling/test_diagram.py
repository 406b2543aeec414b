"""Diagrams: they draw the table that the fold runs, and no text of a policy can break them."""

from __future__ import annotations

import re

from hypothesis import given, settings, strategies as st

from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.telling.diagram import Edge, dot, edges_of, mermaid, nodes_of, page
from tests.rules.scenarios.tables import MACHINE, POLICY, machine_of


def test_edges_are_what_moves_people() -> None:
    """News of a stage, news from any stage once, and time."""
    assert edges_of(MACHINE.tracks["need"]) == [
        Edge(None, "met", "decision.made if outcome = with_us", False),
        Edge(None, "lost", "decision.made otherwise", False),
        Edge("stated", "met", "after 60 days", True),
        Edge("lost", "met", "after 90 days", True),
    ]


def test_news_that_a_stage_ignores_is_drawn_as_such() -> None:
    """`stay` in a stage is why the line from any stage does not count there."""
    text = POLICY.replace("met: {means: It is done.,", "met: {means: It is done., upon: {decision.made: stay},")
    assert Edge("met", "met", "decision.made: nothing happens", False) in edges_of(machine_of(text).tracks["need"])


def test_a_line_that_no_stage_runs_is_not_drawn() -> None:
    """Every stage lists the type itself, so the track's own line never counts."""
    text = POLICY
    for stage in ("stated:\n", "lost:\n"):
        text = text.replace(f"      {stage}", f"      {stage}        upon: {{decision.made: stay}}\n")
    text = text.replace("met: {means: It is done.,", "met: {means: It is done., upon: {decision.made: stay},")
    assert not [edge for edge in edges_of(machine_of(text).tracks["need"]) if edge.source is None]


def test_stages_show_meaning_tasks_losses_rests_and_reviews() -> None:
    """All that a reader of the drawing asks of a stage."""
    nodes = {
        node.name: (node.kind, node.lines) for name in MACHINE.policy.tracks for node in nodes_of(MACHINE.tracks[name])
    }
    assert nodes == {
        "here": (
            "rest",
            (
                "I am here.",
                "asks look: every cadence by habit (often: 10 days, seldom: 40 days) after heard, due 3 business days",
                "rest, reviewed every 2 years",
            ),
        ),
        "stated": (
            "moving",
            ("I have said what I need.", "asks answer: at once, due 1 day", "or else team_lead is asked"),
        ),
        "met": ("rest", ("It is done.", "rest, watched by watch")),
        "lost": ("loss", ("I went elsewhere.", "a loss", "asks thank: at once, due 3 business days")),
    }


def test_mermaid_of_one_track() -> None:
    """The whole text, as it is pasted into a page."""
    assert mermaid(MACHINE, ["need"]) == (
        "stateDiagram-v2\n"
        '    state "stated" as t0_stated\n'
        "    t0_stated : I have said what I need.\n"
        "    t0_stated : asks answer#58; at once, due 1 day\n"
        "    t0_stated : or else team_lead is asked\n"
        '    state "met" as t0_met\n'
        "    t0_met : It is done.\n"
        "    t0_met : rest, watched by watch\n"
        '    state "lost" as t0_lost\n'
        "    t0_lost : I went elsewhere.\n"
        "    t0_lost : a loss\n"
        "    t0_lost : asks thank#58; at once, due 3 business days\n"
        '    state "any stage that does not say otherwise" as t0_\n'
        "    [*] --> t0_stated : need.stated\n"
        "    t0_ --> t0_met : decision.made if outcome = with_us\n"
        "    t0_ --> t0_lost : decision.made otherwise\n"
        "    t0_stated --> t0_met : (after 60 days)\n"
        "    t0_lost --> t0_met : (after 90 days)\n"
        "    classDef loss fill:#fde8e4,stroke:#a33,color:#222\n"
        "    classDef rest fill:#e8f1fb,stroke:#36a,color:#222\n"
        "    class t0_lost loss\n"
        "    class t0_met rest\n"
    )


def test_mermaid_of_all_tracks_is_one_diagram_with_a_box_for_each() -> None:
    """Two stages of one name in two tracks stay two."""
    drawn = mermaid(MACHINE)
    assert re.findall(r'state "(\w+)" as t\d \{', drawn) == ["watch", "need"]
    assert drawn.count("stateDiagram-v2") == 1


def test_dot_draws_time_dashed_and_losses_red() -> None:
    """The lines that a reader of the drawing tells apart."""
    drawn = dot(MACHINE, ["need"])
    assert '    t0_stated -> t0_met [label="after 60 days", style="dashed"];\n' in drawn
    assert '    t0_ -> t0_lost [label="decision.made otherwise"];\n' in drawn
    assert re.search(r't0_lost \[label="lost\\nI went elsewhere.\\l.*fillcolor="#fde8e4"\];', drawn)


# Not what the loader refuses: characters that cannot be seen, and what reads as the name of a setting.
_CHARACTERS = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\ufeff\ufffe\uffff")
_MEANS = st.text(_CHARACTERS, min_size=1, max_size=60).filter(lambda text: text.strip() and text[0] != "$")


@settings(max_examples=60, deadline=None)
@given(_MEANS)
def test_no_text_of_a_policy_ends_a_label(means: str) -> None:
    """Quotes, brackets, arrows, semicolons, backslashes: the drawing has the same lines as with a plain text."""
    quoted = "'" + means.replace("'", "''") + "'"
    machine = compile_policy(load_policy(POLICY.replace("I went elsewhere.", quoted)))
    said = [line for line in mermaid(machine, ["need"]).splitlines() if line.startswith("    t0_lost : ")]
    assert len(said) == 3
    assert re.fullmatch(r"(?:[\w .,=()/'?!+$-]|#\d+;)*", said[0].removeprefix("    t0_lost : "))
    assert mermaid(machine, ["need"]).count("\n") == mermaid(MACHINE, ["need"]).count("\n")
    label = next(line for line in dot(machine, ["need"]).split("\n") if line.startswith("    t0_lost ["))
    assert re.fullmatch(r'    t0_lost \[label="(?:[^"\\]|\\.)*", fillcolor="#fde8e4"\];', label)


def test_the_same_policy_gives_the_same_drawing() -> None:
    """Compiled anew."""
    assert (mermaid(machine_of()), dot(machine_of())) == (mermaid(MACHINE), dot(MACHINE))


def test_a_page_has_a_diagram_for_each_track_and_says_how_it_is_made() -> None:
    """Markdown with mermaid blocks."""
    text = page(MACHINE, title="Small shop", command="make it")
    assert text.startswith("# Small shop\n\nGenerated by `make it`; do not edit.")
    assert re.findall(r"^## (\w+)\n\n```mermaid\nstateDiagram-v2$", text, re.MULTILINE) == ["watch", "need"]
