"""docs/figures.md and its plots, from docs/benchmarks.json: `python -m benchmarks._drawing`, or `make generated`.

Pure but for its `main`: the same figures give the same bytes, and tests/test_figures.py holds the committed ones
against them. A plot has one bar for each row, as long as the median, and a line from the least to the most. The SVG is
written by hand: no library is worth two dozen lines. It takes its colours from who shows it, dark or light.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks._figures import Spread
from benchmarks._history import ROOT

FIGURES = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "figures.md"
PLOTS = ROOT / "docs" / "plots"

DRAWN = {
    "fold": "us/touchpoint",
    "embedded": "CPU s per 100k",
    "worker": "intake, per s",
    "late": "ms",
    "latency": "p50 ms",
    "growth": "CPU us",
    "sweeps": "people/s",
    "soak": "resident MiB",
    "scale": "CPU us",
    "check": "CPU ms",
}
"""What is drawn of each benchmark, in the order of the page. A median of few hides nothing, so one column is enough."""

WIDTH, NAMES, BARS, ROW, HEAD = 760, 270, 370, 26, 34

_HEADING = """\
# Figures

Written by `make generated` from [benchmarks.json](benchmarks.json): medians, in brackets the least and the most of the
repetitions, which were interleaved. [benchmarks.md](benchmarks.md) says what each benchmark does, and what its ratios
mean. The load is that of the machine at the end of a benchmark, which makes some 1 to 2 of it: more was others' work.
"""

_STYLE = (
    "text{font:12px sans-serif;fill:#333}.t{font-weight:bold}.b{fill:#4a7fb5}.w{stroke:#333;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.w{stroke:#ddd}}"
)


def files(kept: Mapping[str, Any]) -> dict[str, str]:
    """Return the page and the plots, by their path below docs/."""
    names = [name for name in DRAWN if name in kept]
    page = "\n".join([_HEADING, *(line for name in names for line in _section(name, kept[name]))])
    return {
        PAGE.name: page,
        **{f"{PLOTS.name}/{name}.svg": plot(kept[name], DRAWN[name]) for name in names},
    }


def plot(found: Mapping[str, Any], column: str) -> str:
    """Return a bar chart of one column as SVG."""
    bars = {name: Spread(**row[column]) for name, row in found["rows"].items() if column in row}
    most, form = max(each.most for each in bars.values()), found["forms"][column]
    height = HEAD + ROW * len(bars) + 8
    title = f"{found['title']}: {column}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img" '
        f'viewBox="0 0 {WIDTH} {height}" aria-label="{_escaped(title)}">',
        f"<style>{_STYLE}</style>",
        f'<text class="t" x="8" y="20">{_escaped(title)}</text>',
    ]
    for place, (name, each) in enumerate(bars.items()):
        top = HEAD + ROW * place
        middle = top + ROW // 2
        least, length, end = (BARS * value / most for value in (each.least, each.median, each.most))
        lines += [
            f'<text x="{NAMES - 8}" y="{middle + 4}" text-anchor="end">{_escaped(name)}</text>',
            f'<rect class="b" x="{NAMES}" y="{top + 5}" width="{length:.1f}" height="{ROW - 10}"/>',
            f'<line class="w" x1="{NAMES + least:.1f}" y1="{middle}" x2="{NAMES + end:.1f}" y2="{middle}"/>',
            f'<text x="{NAMES + end + 8:.1f}" y="{middle + 4}">{each.median:{form}}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def _section(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of one benchmark."""
    forms = found["forms"]
    yield from (
        f"## {name}",
        "",
        f"{found['on']}. Python {found['python']}, {found['cores']} cores, load {found['load']}.",
        "",
    )
    yield from _table([found["title"], *forms], [[row, *_cells(each, forms)] for row, each in found["rows"].items()])
    if found["ratios"]:
        yield from _table(
            ["ratio", ""], [[each, format(Spread(**value), ".2f")] for each, value in found["ratios"].items()]
        )
    yield from (f"![{found['title']}]({PLOTS.name}/{name}.svg)", "")


def _cells(figures: Mapping[str, Any], forms: Mapping[str, str]) -> Iterator[str]:
    for column, form in forms.items():
        yield format(Spread(**figures[column]), form) if column in figures else ""


def _table(columns: list[str], rows: list[list[str]]) -> Iterator[str]:
    for cells in (columns, ["---"] * len(columns), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def main() -> None:
    """Write the page and the plots anew, and remove plots of benchmarks that are no more."""
    wanted = files(json.loads(FIGURES.read_text(encoding="utf-8")))
    PLOTS.mkdir(exist_ok=True)
    for old in PLOTS.glob("*.svg"):
        old.unlink()
    for name, text in wanted.items():
        (ROOT / "docs" / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
