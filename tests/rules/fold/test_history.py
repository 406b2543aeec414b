"""What was accepted stays accepted: a log folded by a policy that asks for more, or that reads a field otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from lifecycle.instant import from_microseconds, microseconds
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import Folded
from lifecycle.rules.fold.obligations import next_obligation
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.state.snapshot import encode
from lifecycle.rules.telling.explain import way
from tests.rules.histories import DAY, HEAD, at, continued, folded, instant, machine_of, open_tasks, stages, touchpoint

TYPES = """
  order.placed: {by: person, data: {order: id, size: [small, large], ready_on: date within 1 year}, optional: {note: text}}
  order.sent: {by: us, data: {order: id, carrier: [post, van]}}
  order.paid: {by: person, data: {order: id, amount: money}}
  place.told: {by: person, data: {zone: zone, country: country}}
facts:
  size: {last: order.placed.size}
  paid: {sum: order.paid.amount}
  sizes: {set: order.placed.size}
  note: {first: order.placed.note}
  ready_on: {last: order.placed.ready_on}
  where: {last: place.told.zone}
  country: {last: place.told.country}
  taste: {choose: [{is: big, when: {fact.size: large}}, {is: usual}]}
"""
SHOP = HEAD.replace("facts:\n", TYPES)
ORDER = """
  order:
    per: order
    start: placed
    begins: [order.placed]
    stages:
      placed:
        means: I ordered.
        upon: {order.sent: [{when: {carrier: van}, to: driven}, {to: sent}]}
        tasks:
          send: {ask: Send it, done_by: {order.sent: {carrier: [post, van]}}}
          prepare: {at: 10 days before ready_on, ask: Prepare it}
        later: [{at: ready_on, to: sent}]
      driven: {means: It is on the road., watched_by: in_touch}
      sent: {means: It is there., watched_by: in_touch}
"""
PLACED = {"order": "1", "size": "large", "ready_on": "2026-06-01"}


def shop(*, calendar: str = "") -> Machine:
    return machine_of(ORDER, head=SHOP.replace("lanes:", f"{calendar}\nlanes:"))


def placed(**data: Any) -> Any:
    """Return an order as it was placed, with other data."""
    return touchpoint(
        "1", "order.placed", 0, **{name: value for name, value in {**PLACED, **data}.items() if value != ...}
    )


def value(machine: Machine, result: Folded, fact: str) -> Any:
    from lifecycle.rules.compiled.guards import View

    return machine.fact_readers["", fact](View(None, result.state.facts, result.state.tracks, microseconds(at(500))))


@pytest.mark.parametrize("size", [..., None, "huge", 3, ["large"], {"is": "large"}])
def test_a_field_that_does_not_fit_counts_as_missing_and_the_person_stays(size: object) -> None:
    """A required word that is not there, or none of the words: no fact has it, and everything else is as it was."""
    machine = shop()
    result = folded(machine, [placed(size=size)], 1)
    assert stages(result) == {"in_touch": "here", "order[1]": "placed"}
    assert [value(machine, result, name) for name in ("size", "sizes", "taste")] == [None, [], "usual"]
    assert value(machine, result, "ready_on") == "2026-06-01"
    assert result.state.missing == {"order.placed.size": 1}


@pytest.mark.parametrize("key", [..., None, "", 7, ["1"], "a\n", "x" * 257])
def test_a_key_that_does_not_fit_names_no_instance(key: object) -> None:
    """The person is known all the same; the touchpoint counts as one without a key."""
    result = folded(shop(), [placed(order=key)], 1)
    assert stages(result) == {"in_touch": "here"}
    assert result.keyless == (("anna", "s", "1"),)


def test_a_guard_sees_a_word_that_is_none_any_more_as_missing() -> None:
    """The line that wanted it does not fit; the one for everything else does."""
    sent = touchpoint("2", "order.sent", 5, order="1", carrier="bicycle")
    assert stages(folded(shop(), [placed(), sent], 6))["order[1]"] == "sent"


def test_a_task_is_not_done_by_a_word_that_is_none_any_more() -> None:
    """The guard of `done_by` looks at the same reading as all others."""
    tracks = ORDER.replace("        upon: {order.sent: [{when: {carrier: van}, to: driven}, {to: sent}]}\n", "")
    machine = machine_of(tracks, head=SHOP)
    for carrier, left in (("post", []), ("bicycle", ["order[1].send"])):
        sent = touchpoint("2", "order.sent", 5, order="1", carrier=carrier)
        assert open_tasks(folded(machine, [placed(), sent], 6)) == left


def test_an_amount_that_is_none_adds_nothing() -> None:
    """A sum goes on with what can be added."""
    paid = [touchpoint(str(n), "order.paid", n, order="1", amount=amount) for n, amount in ((2, "5 EUR"), (3, "lots"))]
    machine = shop()
    assert {**value(machine, folded(machine, [placed(), *paid], 9), "paid")} == {"EUR": 5}


@pytest.mark.parametrize("ready_on", [..., None, "soon", "2026-13-01", 20260601, "2031-01-01", ["2026-06-01"]])
def test_a_required_date_with_a_limit_stands_at_the_end_of_it(ready_on: object) -> None:
    """Missing, no date, or beyond the limit: what waits for it comes, a year after the touchpoint."""
    machine = shop()
    result = folded(machine, [placed(ready_on=ready_on)], 1)
    assert value(machine, result, "ready_on") == "2027-03-02"
    order = result.state.tracks["order"]["1"]
    assert order.pending == {
        "prepare": microseconds(datetime(2027, 2, 20, tzinfo=UTC)),
        "later/sent": microseconds(datetime(2027, 3, 2, tzinfo=UTC)),
    }
    assert stages(folded(machine, [placed(ready_on=ready_on)], 366 * DAY))["order[1]"] == "sent"


def test_an_optional_date_beyond_its_limit_is_missing() -> None:
    """Nothing is proved by it, so nothing is put in its place."""
    head = SHOP.replace("ready_on: date within 1 year}, optional: {", "}, optional: {ready_on: date within 1 year, ")
    machine = machine_of(
        ORDER.replace("later: [{at: ready_on, to: sent}]", "later: [{after: 9 days, to: sent}]"), head=head
    )
    result = folded(machine, [placed(ready_on="2031-01-01")], 1)
    assert value(machine, result, "ready_on") is None
    assert result.state.missing == {"order.placed.ready_on": 1}


def test_a_field_that_the_type_does_not_declare_is_seen_by_nobody() -> None:
    """Kept in the log, whatever it holds."""
    machine = shop()
    with_it, without = folded(machine, [placed(secret=[1])], 9), folded(machine, [placed()], 9)
    assert encode(with_it.state) == encode(without.state)


def test_an_explanation_says_what_counts_as_missing_and_where_a_date_stands_instead() -> None:
    """In the sentence about the touchpoint that led there."""
    machine, trail = shop(), list[Step]()
    folded(machine, [placed(size="huge", ready_on="2031-01-01")], 1, trail=trail)
    (sentence,) = way(machine, trail, "order", "1")
    assert sentence.endswith(
        "Of it, its size is 'huge', wanted one of small, large: it counts as missing; its ready_on is 2031-01-01, wanted "
        "a date within 1 year (until 2027-03-02): it stands at 2027-03-02, the end of its limit."
    )


ZONES = ("Vienna", "localtime", "Factory", "posixrules", "../etc/passwd", "/usr/share/zoneinfo/UTC", "europe/vienna", 3)


@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_that_is_none_counts_as_missing(zone: object) -> None:
    """Quiet hours are then those of the policy's zone, for one person as for everybody."""
    calendar = "calendar: {zone: Europe/Vienna, zone_from: fact.where, holidays_from: fact.country}"
    quiet = f"{calendar}\ncontact: {{offered: {{reaches: person, quiet: 19:00 to 09:00}}}}"
    machine = shop(calendar=quiet)
    told = touchpoint("0", "place.told", -1, zone=zone, country="Atlantis")
    evening = placed()._replace(occurred_at=at(10))
    result = folded(machine, [told, evening], 10)
    opens_at = {from_microseconds(each.opens_at) for each in result.state.waiting.values()}
    assert opens_at == {datetime(2026, 3, 3, 8, tzinfo=UTC)}


def test_a_person_begins_with_a_touchpoint_that_is_not_built_in() -> None:
    """An outcome, and a type that the policy does not know, make nobody."""
    machine = shop()
    outcome = touchpoint("1", "task.completed", 0, task=f"{'0' * 20}-{'0' * 24}")
    unknown = touchpoint("2", "moon.rose", 1)
    nobody = folded(machine, [outcome, unknown], 2)
    assert (nobody.state.begun_at, stages(nobody), nobody.next_due_at) == (None, {}, None)
    somebody = folded(machine, [outcome, unknown, touchpoint("3", "reply.sent", 3)], 4)
    assert somebody.state.begun_at == instant(3)
    assert somebody.state.tracks["in_touch"][""].since == instant(3)


def test_an_outcome_of_somebody_unknown_counts_when_the_person_begins() -> None:
    """The clock of the task tool is slow: nobody is asked for what is done."""
    machine = shop()
    (task_id,) = folded(machine, [placed()], 0).state.tasks
    outcome = touchpoint("0", "task.completed", -5, task=task_id)
    assert open_tasks(folded(machine, [outcome, placed()], 1)) == []


def test_unreached_is_what_names_an_instance_that_had_not_begun() -> None:
    """A word about an order that nobody placed, in order of time: placed later, it was unreached all the same."""
    early = touchpoint("0", "order.paid", -1, order="1", amount="5 EUR")
    sent = touchpoint("2", "order.sent", 2, order="1", carrier="post")
    other = touchpoint("3", "order.sent", 3, order="2", carrier="post")
    result = folded(shop(), [early, placed(), sent, other], 9)
    # order.paid is of no order by this policy: no stage, fact of the track or task looks at it.
    assert (result.unreached, result.keyless) == ((("anna", "s", "3"),), ())


def test_a_touchpoint_that_is_only_able_to_do_a_task_is_unreached_too() -> None:
    """`done_by` alone says that it is about an instance."""
    machine = machine_of(
        ORDER.replace(
            "send: {ask: Send it,", "pay: {ask: Ask for it, done_by: order.paid}\n          send: {ask: Send it,"
        ),
        head=SHOP,
    )
    paid = touchpoint("0", "order.paid", -1, order="1", amount="5 EUR")
    assert folded(machine, [paid, placed()], 9).unreached == (("anna", "s", "0"),)


def test_what_begins_an_instance_has_reached_it() -> None:
    """And so has everything after it."""
    result = folded(shop(), [placed(), touchpoint("2", "order.sent", 2, order="1", carrier="post")], 9)
    assert (result.unreached, result.keyless) == ((), ())


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-10, 10), st.text(max_size=4), st.just([]), st.just({"a": 1}),
    st.sampled_from(["large", "post", "1", "2026-06-01", "2026-02-30", "9999-12-31", "0001-01-01", "5 EUR", *map(str, ZONES)]),
)  # fmt: skip
FIELDS = (
    "order",
    "size",
    "ready_on",
    "note",
    "carrier",
    "amount",
    "zone",
    "country",
    "task",
    "reason",
    "need",
    "outcome",
)
KINDS = ("order.placed", "order.sent", "order.paid", "place.told", "decision.made", "task.completed", "task.declined")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(0, 5_000), st.dictionaries(st.sampled_from(FIELDS), ANYTHING)),
        max_size=8,
    )
)
def test_any_data_at_all_leave_a_person_with_a_next_obligation(history: list[tuple[str, int, dict[str, Any]]]) -> None:
    """A log may hold anything: no value stops a person, and nobody who has begun is forgotten."""
    machine = shop(calendar="calendar: {zone_from: fact.where, holidays_from: fact.country}")
    log = [touchpoint(str(n), kind, hours, **data) for n, (kind, hours, data) in enumerate(history)]
    result = folded(machine, log, 6_000)
    begun = any(not kind.startswith("task.") for kind, _, _ in history)
    assert (result.state.begun_at is not None) is begun
    assert (next_obligation(machine, result.state, at(6_000)) is not None) is begun
    assert all(each.due_at < at(6_000) + timedelta(days=400) for each in result.state.tasks.values())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(0, 5_000), st.dictionaries(st.sampled_from(FIELDS), ANYTHING)),
        min_size=2,
        max_size=8,
        unique_by=lambda each: each[1],
    ),
    st.integers(1, 7),
)
def test_any_data_at_all_fold_alike_at_once_and_in_two(
    history: list[tuple[str, int, dict[str, Any]]], cut: int
) -> None:
    """What counts as missing, and how often, is a function of the touchpoints alone."""
    machine = shop()
    log = [touchpoint(str(n), kind, hours, **data) for n, (kind, hours, data) in enumerate(history)]
    log.sort(key=lambda each: each.occurred_at)
    first = folded(machine, log[:cut])
    assert encode(continued(machine, first.state, log[cut:], 6_000).state) == encode(folded(machine, log, 6_000).state)
