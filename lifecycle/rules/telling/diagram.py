"""Diagrams of a policy: mermaid stateDiagram-v2 and Graphviz dot, from the machine that the fold runs.

One drawing for each track: stages with what they mean and what is asked there, news as solid lines, time as
dashed ones, losses and rests marked. What a track says for all its stages is drawn once, from "any stage". The
same policy gives the same text, and no text of a policy can end a label. Pure: drawing as SVG is the command
line's (cli/commands/policies.py), which calls Graphviz.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lifecycle.rules.compiled.machine import Machine, TrackTable
from lifecycle.rules.compiled.refusal import guard_in_words
from lifecycle.rules.language.policy import Stage, TaskRule, TimedMove
from lifecycle.rules.telling.describe import STAY, beginning, moves_of, timing, wait_in_words

LABEL_WIDTH = 44
"""Characters of a line in a dot label."""

ANYWHERE = "any stage that does not say otherwise"
_MERMAID_SAFE = re.compile(r"[^\w .,=()/'?!+$-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class Node:
    """One stage, drawn: its name, and lines about it. `kind`: loss, rest or moving."""

    name: str
    lines: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One line of a drawing. `source` None: from any stage. `is_time`: nobody does anything, time passes."""

    source: str | None
    target: str
    label: str
    is_time: bool


def nodes_of(table: TrackTable) -> list[Node]:
    """Return the stages of a track in file order."""
    return [
        Node(stage.name, tuple(_lines(stage)), "loss" if stage.loss else "rest" if _rests(stage) else "moving")
        for stage in table.track.stages.values()
    ]


def edges_of(table: TrackTable) -> list[Edge]:
    """Return what moves people in a track: first news, then time, each in file order."""
    found = []
    for move in moves_of(table):
        sources: Sequence[str | None] = (None,) if move.is_anywhere else move.stages
        for source in sources:
            if move.target != STAY:
                found.append(Edge(source, move.target, f"{move.said}{move.condition}", False))
            elif source is not None:
                found.append(Edge(source, source, f"{move.said}{move.condition}: nothing happens", False))
    for stage in table.track.stages.values():
        for timed in stage.later:
            found.append(Edge(stage.name, timed.to, f"{timing(timed)}{_if(timed)}", True))
    return found


def _rests(stage: Stage) -> bool:
    return stage.review is not None or stage.watched_by is not None


def _if(rule: TaskRule | TimedMove) -> str:
    return "" if rule.when is None else f" if {guard_in_words(rule.when)}"


def _lines(stage: Stage) -> Iterator[str]:
    yield stage.means
    if stage.loss:
        yield "a loss"
    for task in stage.tasks:
        due = f"due {task.due if isinstance(task.due, str) else wait_in_words(task.due)}"
        yield f"asks {task.name}: {timing(task)}{_if(task)}, {due}"
        following = task.or_else
        while following is not None:
            yield f"or else {following.by} is asked"
            following = following.or_else
    if stage.review is not None:
        yield f"rest, reviewed {timing(stage.review)}"
    if stage.watched_by is not None:
        yield f"rest, watched by {stage.watched_by}"


def mermaid(machine: Machine, tracks: Sequence[str] | None = None) -> str:
    """Return one mermaid diagram of these tracks, or of all; several are drawn as boxes."""
    names = list(machine.policy.tracks) if tracks is None else list(tracks)
    lines = ["stateDiagram-v2"]
    kinds: dict[str, list[str]] = {"loss": [], "rest": []}
    for number, name in enumerate(names):
        table = machine.tracks[name]
        body = _mermaid_track(machine, table, f"t{number}_")
        for node in nodes_of(table):
            if node.kind in kinds:
                kinds[node.kind].append(f"t{number}_{node.name}")
        if len(names) == 1:
            lines += [f"    {line}" for line in body]
        else:
            lines += [
                f'    state "{_mermaid_text(name)}" as t{number} {{',
                *(f"        {each}" for each in body),
                "    }",
            ]
    lines.append("    classDef loss fill:#fde8e4,stroke:#a33,color:#222")
    lines.append("    classDef rest fill:#e8f1fb,stroke:#36a,color:#222")
    lines += [f"    class {','.join(found)} {kind}" for kind, found in kinds.items() if found]
    return "\n".join(lines) + "\n"


def _mermaid_track(machine: Machine, table: TrackTable, prefix: str) -> Iterator[str]:
    for node in nodes_of(table):
        yield f'state "{_mermaid_text(node.name)}" as {prefix}{node.name}'
        for line in node.lines:
            yield f"{prefix}{node.name} : {_mermaid_text(line)}"
    edges = edges_of(table)
    if any(edge.source is None for edge in edges):
        yield f'state "{ANYWHERE}" as {prefix}'
    yield f"[*] --> {prefix}{table.start} : {_mermaid_text(beginning(machine.policy, table))}"
    for edge in edges:
        label = f"({edge.label})" if edge.is_time else edge.label
        yield f"{prefix}{edge.source or ''} --> {prefix}{edge.target} : {_mermaid_text(label)}"


def _mermaid_text(text: str) -> str:
    # Everything that could mean something to mermaid is written as a number; letters of any language stay.
    return _MERMAID_SAFE.sub(lambda found: f"#{ord(found[0])};", _CONTROL.sub(" ", text))


def dot(machine: Machine, tracks: Sequence[str] | None = None) -> str:
    """Return one Graphviz graph of these tracks, or of all, each in a box."""
    policy = machine.policy
    lines = [
        f'digraph "{_dot_text(policy.name)}" {{',
        '  graph [rankdir=TB, fontname="Helvetica", compound=true];',
        '  node [shape=box, style="rounded,filled", fillcolor="#ffffff", fontname="Helvetica", fontsize=10];',
        '  edge [fontname="Helvetica", fontsize=9];',
    ]
    for number, name in enumerate(policy.tracks if tracks is None else tracks):
        table = machine.tracks[name]
        prefix = f"t{number}_"
        lines.append(f'  subgraph "cluster_{number}" {{')
        lines.append(f'    label="{_dot_text(name)}"; color="#999999";')
        lines += [f"    {line}" for line in _dot_track(machine, table, prefix)]
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


_FILLS = {"loss": "#fde8e4", "rest": "#e8f1fb", "moving": "#ffffff"}


def _dot_track(machine: Machine, table: TrackTable, prefix: str) -> Iterator[str]:
    for node in nodes_of(table):
        label = "".join(f"{_dot_text(line)}\\l" for text in node.lines for line in textwrap.wrap(text, LABEL_WIDTH))
        yield f'{prefix}{node.name} [label="{_dot_text(node.name)}\\n{label}", fillcolor="{_FILLS[node.kind]}"];'
    edges = edges_of(table)
    if any(edge.source is None for edge in edges):
        yield f'{prefix} [label="{_dot_text(ANYWHERE)}", shape=plaintext, style=""];'
    yield f'{prefix}0 [label="", shape=point];'
    yield f'{prefix}0 -> {prefix}{table.start} [label="{_dot_label(beginning(machine.policy, table))}"];'
    for edge in edges:
        style = ', style="dashed"' if edge.is_time else ""
        yield f'{prefix}{edge.source or ""} -> {prefix}{edge.target} [label="{_dot_label(edge.label)}"{style}];'


def _dot_label(text: str) -> str:
    return "\\n".join(_dot_text(line) for line in textwrap.wrap(text, LABEL_WIDTH))


def _dot_text(text: str) -> str:
    # A backslash begins a sequence and an ampersand an entity, in every label.
    plain = _CONTROL.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
    return plain.replace("&", "&amp;")


def page(machine: Machine, *, title: str, command: str) -> str:
    """Return a Markdown page with one mermaid diagram for each track. `command` is how it is written anew."""
    policy = machine.policy
    parts = [
        f"# {title}\n\nGenerated by `{command}`; do not edit. {policy.means}\n\n"
        "Labels in parentheses are time alone. Red: a loss. Blue: a rest, where staying is fine.\n"
    ]
    for name in policy.tracks:
        parts.append(f"## {name}\n\n```mermaid\n{mermaid(machine, [name])}```\n")
    return "\n".join(parts)
