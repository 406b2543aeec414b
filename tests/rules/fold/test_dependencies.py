"""What depends on what: each way in which something that changed decides something else, alone, and when it does.

Every history is folded in one go, where only what is known to have changed is looked at, and in pieces by way of the
text, where each piece begins by looking at more; both must end in the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lifecycle.ask_from import AskFrom
from lifecycle.instant import DAY, from_microseconds
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold import limits, places
from lifecycle.rules.fold.fold import Folded, fold
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.names import TOO_MANY
from lifecycle.rules.state import texts
from lifecycle.rules.state.snapshot import PersonState, encode
from lifecycle.touchpoint import Touchpoint, order_key
from tests.rules.histories import DAY as HOURS, at, continued, instant, touchpoint

POLICY = """
policy: depends
language: 1
calendar: {zone: UTC, zone_from: fact.where, holidays_from: fact.country}
settings: {length: {depends_on: pace, slow: 20 days, quick: 4 days}}
defaults: {due: 3 days, expires: 30 days}
lanes: [{is: special, when: {LANE}}, {is: others}]
contact: {asked: {reaches: person, CONTACT}, inside: {reaches: nobody}}
touchpoints:
  tale.begun: {by: person, data: {tale: id}, optional: {day: date within 1 year}}
  tale.ended: {by: person, data: {tale: id}}
  tale.done: {by: us, data: {tale: id}}
  note.made: {by: system, data: {note: id}}
  pace.judged: {by: us, data: {pace: [slow, quick]}}
  day.named: {by: system, data: {day: date within 1 year}}
  cash.paid: {by: system, data: {amount: number}}
  text.sent: {by: system, data: {text: text}}
  word.said: {by: person}
  place.told: {by: system, optional: {where: zone, country: country}}
facts:
  where: {last: place.told.where}
  country: {last: place.told.country}
  judged: {last: pace.judged.pace}
  paid: {sum: cash.paid.amount}
  day: {last: day.named.day}
  heard: {last: word.said}
  lately: {count: word.said, within: 36 hours}
  texts: {set: text.sent.text}
  mood: {choose: [{is: good, when: {fact.judged: quick}}, {is: bad}]}
  level: {choose: [{is: high, when: {stage.tide: out}}, {is: low}]}
  pace: {choose: [{is: quick, when: {PACE}}, {is: slow}]}
tracks:
  watch: {per: person, start: here, stages: {here: {means: Here., review: {every: 9 years}}}}
  tide:
    per: person
    start: "in"
    stages:
      "in": {means: I rise., later: [{after: TIDE, to: out}]}
      out: {means: I fall., watched_by: watch}
  note: {per: note, start: made, begins: note.made, stages: {made: {means: M., watched_by: watch}}}
  tale:
    per: tale
    start: told
    begins: tale.begun
    upon: {tale.ended: over}
    facts:
      own_day: {last: tale.begun.day}
    stages:
      told: {means: T., watched_by: watch, tasks: {TASKS}}
      over: {means: O., watched_by: watch}
"""
CALL = "call: {ask: C, contact: asked}"


def machine_of(
    *, lane: str = "fact.heard: {given: false}", contact: str = "", pace: str = "fact.judged: quick", tasks: str = CALL
) -> Machine:
    # Elsewhere time has nothing to do of itself, which would hide that something else was not noted.
    is_tidal = any(word in lane + contact + pace for word in ("stage.tide", "fact.level"))
    text = (
        POLICY.replace("TIDE", "9 days" if is_tidal else "900 days")
        .replace("LANE", lane)
        .replace("CONTACT", contact or "most: 99 per 1 day")
    )
    return compile_policy(load_policy(text.replace("PACE", pace).replace("TASKS", tasks)))


History = Sequence[tuple[float, str, str]]
"""(days after the start, what happened, one word about it)."""

FIELDS = {
    "tale.begun": "tale",
    "tale.ended": "tale",
    "tale.done": "tale",
    "note.made": "note",
    "pace.judged": "pace",
    "day.named": "day",
    "cash.paid": "amount",
    "text.sent": "text",
    "place.told": "where",
}
BEGUN, SAID = (0, "tale.begun", "a"), "word.said"
LATE = (15.0, "place.told", "UTC")
"""Long after all the rest, so that what was due before and not noted would be late."""


def happened(history: History) -> list[Touchpoint]:
    made = []
    for number, (day, kind, word) in enumerate(history):
        value: object = at(float(word) * HOURS).date().isoformat() if kind == "day.named" else word
        data = {FIELDS[kind]: int(word) if kind == "cash.paid" else value} if kind in FIELDS else {}
        made.append(touchpoint(f"t{number:02}", kind, day * HOURS, sequence=f"{number}", **data))
    return made


def lived(machine: Machine, history: Sequence[Touchpoint], days: float = 30) -> Folded:
    """Fold in one go, hold it against a fold touchpoint by touchpoint and due time by due time, and return it."""
    known = sorted(history, key=order_key)
    leap = fold(machine, "anna", PersonState(), known, at(days * HOURS))
    state, closings = PersonState(), 0
    while known:
        now = known[0].occurred_at
        ready = [each for each in known if each.occurred_at == now]
        known = known[len(ready) :]
        piece = continued(machine, state, ready, None)
        state, closings = piece.state, closings + len(piece.closings)
        while piece.next_due_at is not None and (not known or piece.next_due_at < known[0].occurred_at):
            if piece.next_due_at > at(days * HOURS):
                break
            piece = continued(machine, state, [], (piece.next_due_at - at(0)).total_seconds() / 3_600)
            state, closings = piece.state, closings + len(piece.closings)
    assert encode(state) == encode(leap.state)
    assert closings == len(leap.closings)
    return leap


def opened(result: Folded) -> list[tuple[str, float]]:
    """Return (rule, days after the start) of every task that opened, in order."""
    tasks = [*(each.task for each in result.closings), *result.state.tasks.values()]
    return sorted(((each.rule, (each.opened_at - instant(0)) / DAY) for each in tasks), key=lambda each: each[1])


def ended(result: Folded) -> list[tuple[str, str, float]]:
    """Return (rule, reason or how, days after the start) of every task that ended, in order."""
    return [
        (each.task.rule, each.closed.reason or each.closed.state, (each.closed.at - instant(0)) / DAY)
        for each in result.closings
    ]


CHANGES: list[tuple[str, History, float]] = [
    ("fact.judged: quick", [(2, "pace.judged", "quick")], 2),
    ("fact.mood: good", [(2, "pace.judged", "quick")], 2),
    ("fact.paid: {at_least: 10}", [(1, "cash.paid", "6"), (2, "cash.paid", "6")], 2),
    ("stage.tide: out", [], 9),
    ("fact.level: high", [], 9),
    ("any.tale: over", [(2, "tale.ended", "b")], 2),
]
"""(guard, what happens, on which day it comes to hold)."""


@pytest.mark.parametrize(("guard", "history", "day"), CHANGES)
def test_a_lane_is_judged_anew_when_what_it_looks_at_changes(guard: str, history: History, day: float) -> None:
    """A fact, one behind a `choose` fact, a sum, a stage that time moves, also behind a fact, and one of another track."""
    machine = machine_of(lane=guard, tasks="")
    told = happened([BEGUN, (0, "tale.begun", "b"), *history])
    before = [each for each in told if each.occurred_at < at(day * HOURS)]
    assert lived(machine, before, day - 0.01).state.lane == 1
    assert lived(machine, told, day).state.lane == 0


@pytest.mark.parametrize(("guard", "history", "day"), CHANGES)
def test_a_stop_is_judged_anew_when_what_it_looks_at_changes(guard: str, history: History, day: float) -> None:
    """The open task is withdrawn at that moment, not when something else happens."""
    machine = machine_of(contact=f"stops: {{{guard}}}")
    result = lived(machine, happened([BEGUN, (0, "tale.begun", "b"), *history, LATE]))
    assert [each for each in ended(result) if each[1] == "stopped"][:1] == [("call", "stopped", day)]


@pytest.mark.parametrize(("guard", "history", "day"), CHANGES)
def test_a_wait_follows_the_word_of_its_length(guard: str, history: History, day: float) -> None:
    """Four days instead of twenty; what lies behind by then is now."""
    machine = machine_of(pace=guard, tasks="call: {after: $length, ask: C, contact: asked}")
    history = [BEGUN, (0, "tale.begun", "b"), *history, LATE]
    assert ("call", max(day, 4.0)) in opened(lived(machine, happened(history)))


@pytest.mark.parametrize(
    ("rule", "history", "days"),
    [
        ("after: $length", [(2, "pace.judged", "quick")], [4.0]),
        ("every: $length, expires: 1 hour, due: 1 hour", [(2, "pace.judged", "quick")], [4.0, 8.0 + 2 / 24]),
        ("at: $length after heard", [(1, SAID, ""), (2, "pace.judged", "quick")], [5.0]),
        ("at: $length before day", [(1, "day.named", "25"), (2, "pace.judged", "quick")], [21.0 - 10 / 24]),
        ("at: 3 days after day", [(1, "day.named", "20"), (2, "day.named", "9")], [12.0 - 10 / 24]),
        ("at: day", [(1, "day.named", "20"), (2, "day.named", "9")], [9.0 - 10 / 24]),
        ("at: 3 days after heard", [(1, SAID, "")], [4.0]),
        ("at: 3 days after heard", [(1, SAID, ""), (2, SAID, ""), (3.5, SAID, "")], [6.5]),
        ("at: 3 days after heard", [(1, SAID, ""), (4, SAID, "")], [7.0]),
        ("every: 20 days after heard, due: 1 hour, expires: 1 hour", [(1, SAID, ""), (6, SAID, "")], [26.0]),
        ("every: $length after heard, due: 7 days", [(1, SAID, ""), (2, "pace.judged", "quick")], [5.0]),
    ],
)
def test_a_rule_is_due_by_what_is_known_when_it_is_due(rule: str, history: History, days: list[float]) -> None:
    """Sooner or later by a fact, which was missing before or said something else."""
    machine = machine_of(tasks=f"call: {{{rule}, ask: C, contact: asked}}")
    after = (days[0] + 0.5, "place.told", "UTC")
    found = [day for _, day in opened(lived(machine, happened([BEGUN, *history, after])))]
    assert found[: len(days)] == pytest.approx(days, abs=1e-9)
    assert lived(machine, happened([BEGUN, *history]), days[0] - 0.01).next_due_at == at(days[0] * HOURS)


@pytest.mark.parametrize("length", ["due: day", "or_else: {ask: D, contact: asked, due: day}"])
def test_a_due_time_that_is_a_fact_moves_with_it_and_its_expiry(length: str) -> None:
    """Of an escalation too; it expires two days after the day that was named last, and nothing has to happen then."""
    machine = machine_of(
        tasks=f"call: {{ask: C, contact: asked, due: 1 day, expires: 1 day, {length}}}".replace(
            "due: 1 day, expires: 1 day, due: day", "due: day, expires: 2 days"
        ).replace("due: day}", "due: day, expires: 2 days}")
    )
    history = [(0, "day.named", "25"), BEGUN, (3, "day.named", "9"), LATE]
    result = lived(machine, happened(history))
    assert ended(result)[-1][1:] == ("expired", pytest.approx(11 + 7 / 24))


@pytest.mark.parametrize("earlier", [False, True])
def test_a_task_that_is_put_off_expires_then(earlier: bool) -> None:
    """Also where that is earlier than before: nothing has to happen then."""
    machine = machine_of(tasks="call: {ask: C, contact: asked, due: 20 days, expires: 2 days}")
    told = happened([BEGUN, (1, SAID, ""), LATE])
    (task_id,) = lived(machine, told[:1], 1).state.tasks
    until = from_microseconds(instant((9 if earlier else 25) * HOURS)).isoformat()
    put_off = touchpoint("p", "task.postponed", 2 * HOURS, task=task_id, until=until)
    assert ended(lived(machine, [*told, put_off])) == [("call", "expired", 11.0 if earlier else 27.0)]


@pytest.mark.parametrize("by", ["a fact", "putting off"])
def test_a_due_time_that_comes_to_lie_before_the_start_ends_there(by: str) -> None:
    """What was due before the moment from which we ask is not asked, since when it is due so early does not count."""
    machine = replace(
        machine_of(tasks="call: {ask: C, contact: asked, due: day, expires: 20 days}"), ask_from=AskFrom(at(12 * HOURS))
    )
    told = happened([(0, "day.named", "20"), BEGUN, (1, SAID, ""), LATE])
    (task_id,) = lived(machine, told[:2], 1).state.tasks
    until = from_microseconds(instant(9 * HOURS)).isoformat()
    sooner = {
        "a fact": touchpoint("x", "day.named", 5 * HOURS, day="2026-03-11"),
        "putting off": touchpoint("x", "task.postponed", 5 * HOURS, task=task_id, until=until),
    }[by]
    assert ended(lived(machine, [*told, sooner])) == [("call", "before_start", 12.0)]


def test_what_waits_for_a_budget_opens_when_there_is_room_again() -> None:
    """At the moment at which the other was declined, not when it would have been."""
    machine = machine_of(contact="most: 1 per 20 days")
    told = happened([BEGUN, (0, "tale.begun", "b"), (1, SAID, ""), LATE])
    (task_id,) = lived(machine, told[:2], 1).state.tasks
    declined = touchpoint("d", "task.declined", 3 * HOURS, task=task_id)
    assert opened(lived(machine, [*told, declined])) == [("call", 0.0), ("call", 3.0)]


@pytest.mark.parametrize(
    ("begun", "told", "opens"),
    [
        (1, {"country": "AT"}, 1 + 6 / 24),
        (1, {"country": "AT", "where": "Europe/Helsinki"}, 1 + 4 / 24),
        (35, {"country": "AT"}, 35 + 14 / 24),  # Easter Monday: quiet until the day is over
        (35, {"country": "US"}, 35 + 6 / 24),
    ],
)
def test_what_waits_for_quiet_hours_follows_the_place_of_the_person(
    begun: float, told: dict[str, str], opens: float
) -> None:
    """Quiet until 16:00 where they are, and on the holidays of their country; they said where while it waited."""
    machine = machine_of(contact="quiet: 08:00 to 16:00")
    moves = [
        touchpoint("p", "place.told", begun * HOURS - 1, country="AT"),
        touchpoint("q", "place.told", begun * HOURS + 1, **told),
    ]
    history = [*happened([(begun, "tale.begun", "a"), (begun + 0.02, SAID, ""), (begun + 3, SAID, "")]), *moves]
    assert opened(lived(machine, history, begun + 4)) == [("call", pytest.approx(opens))]


def test_what_waits_for_a_place_is_wanted_by_what_a_fact_says_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a due day is missing, a task would be due when it expires; how long that is changed while it waited."""
    monkeypatch.setattr(places, "MAX_OPEN_OF_RULE", 1)
    machine = machine_of(tasks="call: {ask: C, contact: asked, due: own_day, expires: $length}")
    told = happened([*((0, "tale.begun", key) for key in "abc"), (1, SAID, ""), (2, "pace.judged", "quick")])
    (task_id,) = (each for each, task in lived(machine, told[:3], 1).state.tasks.items() if task.track == "tale")
    done = touchpoint("x", "task.completed", 3 * HOURS, task=task_id)
    result = lived(machine, [*told, done], 3)
    assert result.state.tracks[TOO_MANY][""].facts["first_due"] == instant(4 * HOURS)


HEARD = "at: 3 days after heard, ask: C, contact: asked, done_by: tale.done"


@pytest.mark.parametrize(
    ("news", "days"),
    [
        ((SAID, "tale.done"), [6.0]),
        (("tale.done", SAID), []),
        (("tale.done",), []),
        ((SAID,), [6.0]),
        ((SAID, SAID, "tale.done"), [6.0]),
    ],
)
def test_what_news_does_at_the_instant_at_which_it_would_be_due(news: Sequence[str], days: list[float]) -> None:
    """Heard again before, it is not due yet and not done; done before that, it is not asked any more."""
    machine = machine_of(tasks=f"call: {{{HEARD}}}")
    history: History = [BEGUN, (0, SAID, ""), *((3, kind, "a") for kind in news), LATE]
    assert [day for _, day in opened(lived(machine, happened(history)))] == days
    assert [day for _, day in opened(lived(machine, happened(history[:-1])))] == days


def test_a_trail_tells_until_when_a_rule_was_put_off() -> None:
    """The stage was left on day three; on day two they were heard again."""
    machine, trail = machine_of(tasks=f"call: {{{HEARD}}}"), list[Step]()
    history = happened([BEGUN, (0, SAID, ""), (2, SAID, ""), (2.5, "tale.ended", "a")])
    fold(machine, "anna", PersonState(), history, None, trail=trail)
    (dropped,) = [step for step in trail if step.what == "dropped"]
    assert dropped.due == at(5 * HOURS)


def test_a_due_time_that_moves_with_a_fact_is_known_at_once_though_it_becomes_later() -> None:
    """Done at the very instant, the task was due as of what was heard last."""
    machine = machine_of(
        tasks="call: {ask: C, contact: asked, due: heard, expires: 5 days}, late: {at: 9 days after heard, ask: D, contact: asked}"
    )
    told = happened([(0, SAID, ""), BEGUN, (3, SAID, "")])
    (task_id,) = lived(machine, told[:2], 1).state.tasks
    done = touchpoint("x", "task.completed", 3 * HOURS, sequence="9", task=task_id)
    result = fold(machine, "anna", PersonState(), [*told, done], None)
    assert [each.task.due_at for each in result.closings] == [instant(3 * HOURS)]


def test_a_window_that_begins_to_count_is_watched() -> None:
    """Nothing else happens when it slides, or long after."""
    machine = machine_of(lane="fact.lately: {at_least: 1}")
    told = happened([BEGUN, (1, "pace.judged", "slow"), (2, SAID, ""), (5, "place.told", "UTC")])
    assert lived(machine, told, 6).state.last_fired_at == instant(3.5 * HOURS) + 1


def test_a_lane_is_judged_anew_when_an_instance_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """What began is of another track, at whose stages the lane does not look."""
    monkeypatch.setattr(limits, "MAX_INSTANCES", 3)
    machine = machine_of(lane="any.tale: over", tasks="")
    told = happened([BEGUN, (1, "tale.ended", "a"), (2, "note.made", "n")])
    assert [lived(machine, told[:many]).state.lane for many in (1, 2, 3)] == [1, 0, 1]


def test_what_looks_at_a_text_that_gives_way_is_worked_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest goes when there are too many bytes; in pieces as in one go."""
    monkeypatch.setattr(texts, "PERSON_BYTES", 30)
    word = "x" * 20
    none = f"none_of: [{{fact.texts: {{has: {word}}}}}]"
    look = "look: {after: $length, ask: L, contact: inside}"
    machine = machine_of(lane=none, contact=f"stops: {{{none}}}", pace=none, tasks=f"{CALL}, {look}")
    result = lived(machine, happened([(0, "text.sent", word), BEGUN, (5, "text.sent", "y" * 15), LATE]))
    assert (result.state.lane, ended(result), opened(result)[1]) == (0, [("call", "stopped", 5.0)], ("look", 5.0))
