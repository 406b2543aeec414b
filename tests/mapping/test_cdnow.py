"""CDNOW whole: people who fell silent are asked after, those who came back on their own are not; every figure counted.

The figures are counted twice: by the engine, and from the days in the file by the few lines of `silences`.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from lifecycle.mapping import ImportResult, import_to_path, load_mapping
from lifecycle.policies import read_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.obligations import next_obligation
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.touchpoint import Touchpoint, order_key
from lifecycle.wire.codec import read_event

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LIFECYCLE_DATA", ROOT / ".." / "shared" / "data"))
LOG = DATA / "cdnow.txt.gz"
EXAMPLE = ROOT / "examples" / "cdnow"
POLICY = ROOT / "examples" / "policies" / "shop" / "cd_shop.yaml"
ZONE = ZoneInfo("America/New_York")
LAST_DAY = date(1998, 6, 30)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LOG.exists(), reason="CDNOW is not here; set LIFECYCLE_DATA to its folder"),
]

Imported = tuple[ImportResult, list[Touchpoint]]
Days = dict[str, list[date]]


class Run(NamedTuple):
    """Everybody folded to the end of the file: last stages, what happened to each, how many are forgotten."""

    stages: Counter[str]
    trails: dict[str, list[Step]]
    forgotten: int

    def happened(self, what: str, name: str) -> list[tuple[str, date]]:
        """Return who it happened to, with the day by the clock of the policy."""
        return [
            (person, step.at.astimezone(ZONE).date())
            for person, trail in self.trails.items()
            for step in trail
            if (step.what, step.name) == (what, name)
        ]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    out = tmp_path_factory.mktemp("cdnow") / "touchpoints.jsonl"
    result = import_to_path(load_mapping(EXAMPLE / "mapping.yaml"), LOG, out)
    return result, [read_event(line) for line in out.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def bought() -> Days:
    """The days on which each person bought, once for each purchase, read from the file and not by the mapping."""
    found: Days = defaultdict(list)
    with gzip.open(LOG, "rt", encoding="ascii") as lines:
        for line in lines:
            person, day, _, _ = line.split()
            found[person].append(date(int(day[:4]), int(day[4:6]), int(day[6:])))
    return {person: sorted(days) for person, days in found.items()}


@pytest.fixture(scope="module")
def run(imported: Imported) -> Run:
    machine = compile_policy(read_policy(POLICY))
    lives: dict[str, list[Touchpoint]] = defaultdict(list)
    for touchpoint in imported[1]:
        lives[touchpoint.person].append(touchpoint)
    end = max(touchpoint.occurred_at for touchpoint in imported[1])
    stages, trails, forgotten = Counter[str](), dict[str, list[Step]](), 0
    for person, life in lives.items():
        trail: list[Step] = []
        state = fold(machine, person, PersonState(), sorted(life, key=order_key), end, trail=trail).state
        stages[state.tracks["listener"][""].stage] += 1
        forgotten += next_obligation(machine, state, end) is None
        trails[person] = [step for step in trail if step.what in ("moved", "opened", "expired", "withdrawn")]
    return Run(stages, trails, forgotten)


def silences(days: list[date]) -> Iterator[date]:
    """Yield the days on which somebody fell silent: 90 days after the fourth purchase and later ones, else 270."""
    for index, day in enumerate(days):
        following = days[index + 1] if index + 1 < len(days) else None
        silent = day + timedelta(days=90 if index + 1 >= 4 else 270)
        if silent <= LAST_DAY and (following is None or following > silent):
            yield silent


def test_every_purchase_becomes_a_touchpoint_also_the_255_exact_duplicates(imported: Imported) -> None:
    result, touchpoints = imported
    assert (result.rows_read, result.bad_rows, result.rows_not_mapped) == (69_659, 0, 0)
    assert len({touchpoint.id for touchpoint in touchpoints}) == 69_659
    same = Counter(
        (touchpoint.person, touchpoint.occurred_at, touchpoint.data["discs"], touchpoint.data["amount"])
        for touchpoint in touchpoints
    )
    assert sum(number - 1 for number in same.values()) == 255


def test_an_order_that_cost_nothing_is_an_order(imported: Imported) -> None:
    assert sum(touchpoint.data["amount"] == "0 USD" for touchpoint in imported[1]) == 80


def test_a_day_without_a_clock_begins_in_the_zone_of_the_policy(imported: Imported) -> None:
    """Winter and summer: always midnight there, so that waits of whole days end at midnight too."""
    assert {touchpoint.occurred_at.astimezone(ZONE).strftime("%H:%M") for touchpoint in imported[1]} == {"00:00"}
    assert read_policy(POLICY).calendar.zone == str(ZONE)


def test_people_fall_silent_on_the_days_that_the_file_alone_says(run: Run, bought: Days) -> None:
    """23,429 times, person by person and day by day, counted without the engine."""
    expected = [(person, day) for person, days in bought.items() for day in silences(days)]
    assert len(expected) == 23_429
    assert sorted(run.happened("moved", "silent")) == sorted(expected)


def test_whoever_fell_silent_is_asked_after_that_day_and_nobody_else(run: Run) -> None:
    """All but the 20 who fell silent with the end of the file, before quiet hours were over."""
    silent = Counter(run.happened("moved", "silent"))
    asked = Counter(run.happened("opened", "ask_after"))
    missing = silent - asked
    assert asked - silent == Counter()
    assert missing.total() == 20
    assert {day for _, day in missing} == {LAST_DAY}


def test_whoever_came_back_on_their_own_was_left_in_peace(run: Run, bought: Days) -> None:
    """Between a purchase and the next one nobody is asked after, unless a silence began in between."""
    asked: dict[str, list[date]] = defaultdict(list)
    for person, day in run.happened("opened", "ask_after"):
        asked[person].append(day)
    on_their_own = 0
    for person, days in bought.items():
        fell_silent = set(silences(days))
        distinct = sorted(set(days))
        for day, following in pairwise(distinct):
            if not any(day < each < following for each in fell_silent):
                on_their_own += 1
                assert not any(day < each < following for each in asked[person])
    assert on_their_own == 39_100


def test_the_figures_of_the_readme_are_measured(run: Run, bought: Days) -> None:
    """Each by the engine or from the file, in the order of the table."""
    days = sum(len(set(each)) for each in bought.values())
    silent, asked = run.happened("moved", "silent"), run.happened("opened", "ask_after")
    withdrawn, expired = run.happened("withdrawn", "ask_after"), run.happened("expired", "ask_after")
    returned_late = len(silent) - run.stages["silent"] - run.stages["away"]
    ever_silent = len({person for person, _ in silent})
    measured = [
        len(bought),
        days,
        days - len(bought),
        days - len(bought) - returned_late,
        returned_late,
        len(silent),
        len(asked),
        len(silent) - len(asked),
        ever_silent,
        len({person for person, _ in asked}),
        len(bought) - ever_silent,
        len(withdrawn),
        len(expired),
        len(asked) - len(withdrawn) - len(expired),
        run.stages["buying"],
        run.stages["silent"],
        run.stages["away"],
        run.forgotten,
    ]
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| ([\d,]+) \|", readme, re.MULTILINE) == [f"{figure:,}" for figure in measured]


def test_the_awk_program_of_the_readme_prints_what_it_says(tmp_path: Path) -> None:
    """The third way to the same number."""
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    script, printed = (
        re.search(rf"^```{kind} awk\n(.*?)^```", readme, re.DOTALL | re.MULTILINE) for kind in ("sh", "text")
    )
    assert script is not None
    assert printed is not None
    (tmp_path / LOG.name).symlink_to(LOG.resolve())
    done = subprocess.run(
        ["bash", "-c", script[1]], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == printed[1]


def test_the_last_day_of_the_file_is_the_last_day_that_is_counted(imported: Imported) -> None:
    latest: datetime = max(touchpoint.occurred_at for touchpoint in imported[1])
    assert latest.astimezone(ZONE).date() == LAST_DAY
