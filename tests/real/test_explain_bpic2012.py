"""BPI Challenge 2012: a task and a person explained as sentences that name real rows of the published log.

Application 173694 was approved: rows 46041 and before. 188134 was declined (row 205058) after a long wait. The
rows can be looked up in the log: the id of a touchpoint is `bpic2012-`, the number of its row and the rule that made it.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lifecycle import Lifecycle, open_engine

END = datetime(2012, 3, 14, 15, 4, 54, 681000, tzinfo=UTC)
APPROVED, DECLINED = "173694", "188134"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lifecycle(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lifecycle]:
    """Two applications of the log, folded by the default policy to the end of the log."""
    folder = tmp_path_factory.mktemp("bpic2012")
    known = lines.read_text(encoding="utf-8").splitlines()
    with open_engine(f"sqlite:///{folder / 'lifecycle.db'}") as opened:
        opened.ingest(line for line in known if f'"subject":"{APPROVED}"' in line or f'"subject":"{DECLINED}"' in line)
        opened.advance(END)
        yield opened


def test_a_task_names_the_rows_that_led_to_it(lifecycle: Lifecycle) -> None:
    """From the application to the refusal, with the wait in between that time alone decided."""
    task = next(each for each in lifecycle.tasks(include_closed=True) if each["why"]["stage"] == "turned_away")
    lines = lifecycle.explain(task["id"])
    assert lines[0].startswith(f"{DECLINED}, lane prospect: ")
    assert (
        f'need {DECLINED} began at "stated", on need.stated (source urn:bpic2012, id bpic2012-78322-inquiry)'
        in lines[1]
    )
    chain = [
        re.findall(r"on ([a-z.]+) \(source urn:bpic2012, id bpic2012-([0-9]+)-[a-z_]+\)", line) for line in lines[1:7]
    ]
    assert [each[0] for each in chain if each] == [
        ("need.stated", "78322"),
        ("offer.made", "106602"),
        ("offer.returned", "130783"),
        ("offer.withdrawn", "205057"),
        ("offer.refused", "205058"),
    ]
    assert 'moved from "waiting_for_you" to "kept_waiting", as time passed: ' in lines[4]


def test_why_not_names_the_guard_and_the_row_it_refused(lifecycle: Lifecycle) -> None:
    lines = lifecycle.why_not(APPROVED, "need.went_elsewhere")
    assert "it is not so." in lines[0]
    assert any(
        "decision.made (source urn:bpic2012, id bpic2012-46041-with_us) came while " in line
        and line.endswith("wanted outcome = elsewhere, got with_us.")
        for line in lines
    ), "\n".join(lines)


def test_why_not_of_a_task_names_the_guard_on_the_way_to_its_stage(lifecycle: Lifecycle) -> None:
    lines = lifecycle.why_not(APPROVED, "need.taken_care_of")
    assert any(line.endswith("wanted outcome = elsewhere, got with_us.") for line in lines), "\n".join(lines)


def test_a_person_as_of_a_day_stands_where_the_log_had_them(lifecycle: Lifecycle) -> None:
    """Row 46041 approved the loan on 4 November 2011; the day before nobody could know."""
    before = lifecycle.explain_person(APPROVED, at=datetime(2011, 11, 4, tzinfo=UTC))
    assert re.fullmatch(rf"{APPROVED} as of 2011-11-04 \d\d:\d\d [A-Z]+, lane prospect\.", before[0])
    assert not any("bpic2012-46041" in line for line in before)
    after = lifecycle.explain_person(APPROVED)
    assert re.fullmatch(
        rf"{APPROVED} as of 2012-03-14 \d\d:\d\d [A-Z]+, lane customer.*, as fact\.bought = true.*", after[0]
    )
    assert any("bpic2012-46041" in line for line in after)
