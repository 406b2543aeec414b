"""Where a person stands, how they came there, what would move them, and what time will do."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NoReturn

import pytest

from lifecycle import Lifecycle, canonical_json, open_engine
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.language.findings import Place, line_of
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.touchpoint import Touchpoint
from tests.cli.stories import START, line

DAY = timedelta(days=1)

POLICY = """
policy: standing
language: 1
calendar: {zone: Europe/Vienna, hours: 09:00 to 17:00}
settings:
  cadence: {depends_on: horizon, lifetime: 60 days, reason: 300 days}
contact:
  owed: {means: We owe it to them., reaches: person}
  offered: {means: We would like to., reaches: person, most: 1 per 30 days}
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
touchpoints:
  need.stated: {by: person, data: {need: id}}
  decision.made: {by: person, data: {need: id, outcome: [with_us, elsewhere]}}
  purchase.completed: {by: person, data: {amount: money}}
  contract.signed: {by: person, data: {contract: id}, optional: {ends_on: date within 5 years}}
facts:
  bought: {ever: purchase.completed}
  heard: {last: any by person}
  horizon: {choose: [{is: lifetime, when: {fact.bought: true}}, {is: reason}]}
tracks:
  in_touch:
    per: person
    start: here
    stages:
      here:
        means: Here I am.
        tasks:
          ask_how: {ask: "Ask how they are.", every: $cadence after heard, contact: offered, due: 1 day, expires: 1 day}
          sell: {ask: "Sell more.", after: 2 days, when: {fact.bought: true}, contact: offered, due: 1 day}
          sell_again: {ask: "Sell again.", after: 3 days, contact: offered, due: 1 day}
        review: {every: 1 year}
  need:
    per: need
    start: stated
    begins: [need.stated]
    upon: {decision.made: [{when: {outcome: with_us}, to: met}, {to: lost}]}
    stages:
      stated: {means: I said what I need., later: [{after: 60 days, to: lost}]}
      met: {means: Mine now., watched_by: in_touch}
      lost: {means: No., review: {every: 1 year}, upon: {decision.made: stay}}
  contract:
    per: contract
    start: running
    begins: [contract.signed]
    facts: {ends_on: {last: contract.signed.ends_on}}
    stages:
      running: {means: It runs., later: [{at: ends_on, to: ended}], review: {every: 1 year}}
      ended: {means: It ended., review: {every: 1 year}, upon: {contract.signed: running}}
"""


@pytest.fixture
def lifecycle(sqlite_url: str) -> Iterator[Lifecycle]:
    with open_engine(sqlite_url, POLICY) as opened:
        yield opened


def on(number: str, kind: str, days: float, **data: Any) -> str:
    return line("anna", number, kind, START + days * DAY, **data)


def where(text: str) -> str:
    """Return where in the policy a text stands, as explanations say it."""
    return f"policy line {next(n for n, each in enumerate(POLICY.splitlines(), 1) if text in each)}"


def told(lifecycle: Lifecycle, *lines: str, days: float) -> list[str]:
    lifecycle.ingest(lines)
    lifecycle.advance(START + days * DAY)
    return lifecycle.explain_person("anna")


def below(lines: list[str], place: str) -> list[str]:
    """Return the lines about one instance, without their indentation."""
    start = next(index for index, each in enumerate(lines) if each.startswith(f"{place} is at "))
    end = lines.index("", start)
    return [each.strip() for each in lines[start:end]]


def test_an_instance_says_how_it_came_what_moves_it_and_when(lifecycle: Lifecycle) -> None:
    """Times are by the clock of the policy's calendar: 10:00 UTC is 11:00 in Vienna, and 12:00 in summer."""
    lines = told(lifecycle, on("1", "need.stated", 0, need="n1"), days=1)
    assert lines[0] == "anna as of 2026-03-03 11:00 CET, lane prospect."
    assert below(lines, "need n1") == [
        'need n1 is at "stated" since 2026-03-02 11:00 CET: "I said what I need."',
        "How it came there:",
        f'2026-03-02 11:00 CET: need n1 began at "stated", on need.stated (source /test, id 1) ({where("  need:")}).',
        "What would move it:",
        f'decision.made with outcome = with_us: to "met" ({where("outcome: with_us")}).',
        f'decision.made otherwise: to "lost" ({where("outcome: with_us")}).',
        "What time will do:",
        '2026-05-01 11:00 CEST: later/lost: time moves it from "stated" to "lost", 60 days after entering "stated" '
        f"({where('stated: {means')}).",
    ]


def test_a_rest_says_who_watches(lifecycle: Lifecycle) -> None:
    decision = on("2", "decision.made", 1, need="n1", outcome="with_us")
    lines = below(told(lifecycle, on("1", "need.stated", 0, need="n1"), decision, days=2), "need n1")
    assert lines[3] == (
        '2026-03-03 11:00 CET: need n1 moved from "stated" to "met", on decision.made (source /test, id 2), because '
        f"outcome = with_us ({where('outcome: with_us')})."
    )
    assert lines[-2:] == ["What time will do:", "Nothing more: the track in_touch watches this person."]


def test_stay_says_that_nothing_happens(lifecycle: Lifecycle) -> None:
    lines = told(lifecycle, on("1", "need.stated", 0, need="n1"), days=70)
    assert f"decision.made: nothing happens ({where('lost: {means')})." in below(lines, "need n1")


def test_a_wait_that_follows_a_fact_names_its_setting_and_its_guard(lifecycle: Lifecycle) -> None:
    lines = below(told(lifecycle, on("1", "need.stated", 0, need="n1"), days=1), "in_touch")
    assert lines[-4:-2] == [
        '2026-03-04 11:00 CET: sell: owner is asked "Sell more", 2 days after entering "here" '
        f"({where('sell: {ask')}), if fact.bought = true. As things stand it is refused: wanted fact.bought = true, "
        "got false.",
        f'2026-03-05 11:00 CET: sell_again: owner is asked "Sell again", 3 days after entering "here" '
        f"({where('sell_again:')}).",
    ]
    assert lines[-2].startswith(
        '2026-12-27 11:00 CET: ask_how: owner is asked "Ask how they are", every cadence by horizon (lifetime: 60 days, '
        "reason: 300 days; now reason: 300 days) after heard ("
    )


def test_a_moment_without_its_fact_has_no_date_yet(lifecycle: Lifecycle) -> None:
    lines = below(told(lifecycle, on("c", "contract.signed", 0, contract="c1"), days=1), "contract c1")
    assert lines[-1] == (
        'No date yet: later/ended: time moves it from "running" to "ended", at ends_on; ends_on is not known yet '
        f"({where('running: {means')})."
    )


def test_open_and_waiting_tasks_are_listed(lifecycle: Lifecycle) -> None:
    bought = on("1", "purchase.completed", 0, amount="5 EUR")
    lines = told(lifecycle, bought, days=3)
    open_, waiting = lines[lines.index("Open tasks:") + 1 :]
    task = next(lifecycle.tasks())
    assert open_ == (
        f'  sell ({task["id"]}) of in_touch: owner is asked "Sell more.", to be done by 2026-03-05 11:00 CET. If nobody '
        "does it by 2026-04-04 11:00 CEST it expires, and is not asked again by this rule."
    )
    assert waiting.startswith("  sell_again (")
    assert waiting.endswith("waits until 2026-04-03 11:00 CEST, for the budget of offered (1 per 30 days).")
    why = lifecycle.why_not("anna", "sell_again")
    assert why[0].endswith("it is not so. Of 1 rule, 1 not due yet.")
    assert why[-1] == (
        '  Not asked yet: in_touch is at "here", and it is asked on 2026-04-03 11:00 CEST. It is due on '
        "2026-03-05 11:00 CET and waits for the budget of offered (1 per 30 days)."
    )


def test_a_lane_says_by_which_guard(lifecycle: Lifecycle) -> None:
    lines = told(lifecycle, on("1", "purchase.completed", 0, amount="5 EUR"), days=1)
    assert lines[0] == (f"anna as of 2026-03-03 11:00 CET, lane customer, as fact.bought = true ({where('lanes:')}).")


def test_tracks_that_have_not_begun_say_what_begins_them(lifecycle: Lifecycle) -> None:
    lines = told(lifecycle, on("c", "contract.signed", 0, contract="c1"), days=1)
    assert "need has not begun: it begins with need.stated." in lines
    assert lines[-1] == "No task is open."


def test_a_past_moment_is_told_as_it_was(lifecycle: Lifecycle) -> None:
    """As of a moment, a person is told as one who was folded to that moment and never further."""
    early = told(lifecycle, on("1", "need.stated", 0, need="n1"), days=5)
    told(lifecycle, on("2", "decision.made", 6, need="n1", outcome="with_us"), days=200)
    assert lifecycle.explain_person("anna", at=START + 5 * DAY) == early
    nothing = lifecycle.explain_person("anna", at=START - DAY)
    assert nothing[0] == "Of anna nothing was known by 2026-03-01 11:00 CET that this policy speaks of."
    assert "in_touch has not begun: it begins with any touchpoint." in nothing


def test_many_instances_are_counted(lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifecycle.rules.telling.standing.MAX_TOLD", 1)
    needs = [on(str(number), "need.stated", number, need=f"n{number}") for number in range(3)]
    lines = told(lifecycle, *needs, on("9", "decision.made", 3, need="n0", outcome="with_us"), days=4)
    assert next(each for each in lines if each.startswith("need ") and " is at " in each).startswith("need n0 is at")
    assert 'need: 2 more that moved longer ago: 2 at "stated".' in lines


def test_a_person_who_is_stopped_says_why(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fold_with_defect(
        machine: Machine, person: str, state: PersonState, ready: Sequence[Touchpoint], *rest: Any, **more: Any
    ) -> NoReturn:
        fold(machine, person, state, ready[:2], None, **more)
        raise ArithmeticError(f"{person} cannot be folded")

    for place in ("lifecycle.engine.keeping", "lifecycle.reading.questions"):
        monkeypatch.setattr(f"{place}.fold", fold_with_defect)
    with open_engine(sqlite_url, POLICY) as lifecycle:
        lines = told(lifecycle, *(on(str(each), "need.stated", each, need=f"n{each}") for each in range(4)), days=5)
    head = "anna as of 2026-03-07 11:00 CET, lane prospect. Stopped there: A defect of the program: "
    assert lines[0].startswith(f"{head}ArithmeticError: anna cannot be folded.")
    assert any(each.startswith("need n0 is at") for each in lines)


def test_a_part_that_was_included_names_its_file() -> None:
    assert line_of(Place(3, 1, "shared.yaml")) == "shared.yaml line 3"
    assert line_of(Place(3, 1)) == "policy line 3"


def test_as_data_is_canonical_and_complete(lifecycle: Lifecycle) -> None:
    told(lifecycle, on("c", "contract.signed", 0, contract="c1"), days=1)
    data = lifecycle.questions.explain_person("anna").as_data()
    assert canonical_json.loads(canonical_json.dumps(data)) == data
    assert sorted(data) == ["at", "instances", "lane", "others", "person", "standing", "stopped", "tasks"]
    contract = next(each for each in data["instances"] if each["track"] == "contract")
    assert (contract["key"], contract["stage"], contract["since"]) == ("c1", "running", "2026-03-02T10:00:00Z")
    assert [(each["at"], each["name"]) for each in contract["time"]] == [
        ("2027-03-02T10:00:00Z", "review"),
        (None, "later/ended"),
    ]
