"""docs/figures.md and its plots are what `make generated` writes from docs/benchmarks.json, and nothing is left over."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from benchmarks import _figures
from benchmarks._drawing import DRAWN, FIGURES, PAGE, PLOTS, files, plot
from benchmarks._figures import Spread, ratio, report, spread
from benchmarks._history import ROOT

KEPT = json.loads(FIGURES.read_text(encoding="utf-8"))


def test_the_page_and_its_plots_are_fresh() -> None:
    """Otherwise: make generated."""
    written = [PAGE, *sorted(PLOTS.glob("*.svg"))]
    assert {path.relative_to(ROOT / "docs").as_posix(): path.read_text(encoding="utf-8") for path in written} == files(
        KEPT
    )


def test_every_benchmark_has_its_plot() -> None:
    """One that is added says which of its columns is drawn; none is shown that is not there."""
    modules = {path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")}
    assert set(KEPT) <= modules == set(DRAWN)


def test_a_bar_is_as_long_as_its_median_and_its_line_as_its_spread() -> None:
    """Beside the longest, which fills the width."""
    found: dict[str, Any] = {"title": "a < b", "forms": {"ms": ".1f"}}
    found["rows"] = {
        "one": {"ms": {"median": 5.0, "least": 2.5, "most": 10.0}},
        "other": {"ms": {"median": 20.0, "least": 20.0, "most": 20.0}},
    }
    drawn = ET.fromstring(plot(found, "ms"))
    names = "{http://www.w3.org/2000/svg}"
    widths = [float(each.get("width", 0)) for each in drawn.iter(f"{names}rect")]
    lines = [float(each.get("x2", 0)) - float(each.get("x1", 0)) for each in drawn.iter(f"{names}line")]
    assert [round(each / widths[1], 2) for each in (widths[0], lines[0], lines[1])] == [0.25, 0.38, 0.0]
    assert [each.text for each in drawn.iter(f"{names}text")] == ["a < b: ms", "one", "5.0", "other", "20.0"]


def test_a_spread_is_told_by_its_median_and_its_ends() -> None:
    assert format(spread([3.0, 1.0, 2.0]), ".1f") == "2.0 (1.0..3.0)"
    assert format(spread([1.0]), ".1f") == "1.0"


def test_a_ratio_is_taken_within_each_repetition() -> None:
    """A slow repetition slows down both: 2 of 1 and 40 of 10 are ratios of 2 and 4, not of 21 to 5.5."""
    assert ratio([2.0, 40.0, 3.0], [1.0, 10.0, 1.0]) == Spread(3.0, 2.0, 4.0)


def test_figures_are_kept_beside_those_of_other_benchmarks(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the place of what the same one found before."""
    monkeypatch.setattr(_figures, "FILE", tmp_path / "build" / "benchmarks.json")
    for name, value in (("late", 1.0), ("fold", 2.0), ("late", 3.0)):
        report(name, "title", "on", {"ms": ".1f"}, {"row": {"ms": spread([value])}}, {"a / b": spread([value])})
    kept = json.loads(_figures.FILE.read_text(encoding="utf-8"))
    assert {name: each["rows"]["row"]["ms"]["median"] for name, each in kept.items()} == {"fold": 2.0, "late": 3.0}
    assert "ratio a / b: 3.00" in capsys.readouterr().out
