"""Reconciling tasks: what is owed to consumers, given what they were told."""

from __future__ import annotations

from datetime import timedelta

from lifecycle.instant import microseconds
from lifecycle.person import Publication
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import Folded
from lifecycle.rules.fold.tasks import Request, reconcile, strangers, task_of
from tests.rules.histories import DAY, START, at, folded, machine_of, touchpoint

TRACK = """
  need:
    per: need
    start: stated
    begins: [need.stated]
    stages:
      stated:
        means: I said it.
        upon: {offer.made: weighing}
        tasks: {answer: {ask: Answer, due: 1 day, expires: 1 day, done_by: reply.sent}}
        later: [{after: 90 days, to: weighing}]
      weighing: {means: I compare., review: {every: 1 year}}
"""
STATED = touchpoint("1", "need.stated", 0, need="a")
NOW = at(400 * DAY)


def owed(machine: Machine, result: Folded, published: dict[str, Publication]) -> list[Request]:
    """Return what is owed at NOW."""
    return reconcile(machine, "anna", result.state, result.closings, published, at=NOW)


def told(requests: list[Request], published: dict[str, Publication] | None = None) -> dict[str, Publication]:
    """Return what consumers know after these messages."""
    return {**(published or {}), **{each.publication.task_id: each.publication for each in requests}}


def test_a_new_open_task_is_requested_whole_with_a_version() -> None:
    """The message carries the task, why it is asked, and a version of at least the commit's milliseconds."""
    machine = machine_of(TRACK)
    (request,) = owed(machine, folded(machine, [STATED]), {})
    assert request.type == "task.requested"
    assert request.data["version"] == microseconds(NOW) // 1_000
    assert request.data["kind"] == "answer"
    assert request.data["due_at"] == "2026-03-03T10:00:00Z"
    assert request.data["lane"] == "prospect"
    assert request.data["why"]["touchpoints"] == [
        {"source": "s", "id": "1", "type": "need.stated", "occurred_at": "2026-03-02T10:00:00Z"}
    ]
    assert request.data["why"]["sentence"] == (
        'need a is at "stated" since 2026-03-02 10:00 UTC, after need.stated of 2026-03-02 10:00 UTC. '
        'They would say: "I said it."'
    )


def test_what_is_known_is_not_told_again() -> None:
    """The same state twice owes nothing."""
    machine = machine_of(TRACK)
    result = folded(machine, [STATED])
    assert owed(machine, result, told(owed(machine, result, {}))) == []


def test_a_completed_task_is_a_change() -> None:
    """Consumers learn that it was done elsewhere."""
    machine = machine_of(TRACK)
    published = told(owed(machine, folded(machine, [STATED]), {}))
    (request,) = owed(machine, folded(machine, [STATED, touchpoint("2", "reply.sent", 2, need="a")]), published)
    assert (request.type, request.data["state"], request.data["closed_at"]) == (
        "task.changed",
        "completed",
        "2026-03-02T12:00:00Z",
    )


def test_a_task_of_a_left_stage_is_withdrawn_with_its_reason() -> None:
    """left_stage."""
    machine = machine_of(TRACK)
    published = told(owed(machine, folded(machine, [STATED]), {}))
    (request,) = owed(machine, folded(machine, [STATED, touchpoint("2", "offer.made", 2, need="a")]), published)
    assert (request.type, request.data["state"], request.data["reason"]) == (
        "task.withdrawn",
        "withdrawn",
        "left_stage",
    )


def test_an_expired_task_is_withdrawn_as_expired() -> None:
    """Nobody did it in time."""
    machine = machine_of(TRACK)
    published = told(owed(machine, folded(machine, [STATED]), {}))
    (request,) = owed(machine, folded(machine, [STATED], 49), published)
    assert (request.type, request.data["state"], request.data["reason"]) == ("task.withdrawn", "expired", "expired")


def test_a_task_that_late_news_made_untrue_is_withdrawn_whole() -> None:
    """The fold knows nothing of it any more; consumers still get the whole task as they knew it."""
    machine = machine_of(TRACK)
    published = told(owed(machine, folded(machine, [STATED]), {}))
    (request,) = owed(machine, folded(machine, [touchpoint("2", "reply.sent", 0)]), published)
    assert (request.type, request.data["reason"], request.data["ask"]) == ("task.withdrawn", "never_true", "Answer")


def test_requested_comes_again_only_after_withdrawn_and_with_a_higher_version() -> None:
    """Untrue, then true again: requested, withdrawn, requested."""
    machine = machine_of(TRACK)
    with_it, without = folded(machine, [STATED]), folded(machine, [touchpoint("2", "reply.sent", 0)])
    first = owed(machine, with_it, {})
    second = owed(machine, without, told(first))
    third = owed(machine, with_it, told(second, told(first)))
    assert [each.type for each in (*first, *second, *third)] == ["task.requested", "task.withdrawn", "task.requested"]
    versions = [each.publication.version for each in (*first, *second, *third)]
    assert versions == sorted(set(versions))


def test_a_change_of_lane_is_told() -> None:
    """Whoever became a customer is served as one."""
    machine = machine_of(TRACK)
    published = told(owed(machine, folded(machine, [STATED]), {}))
    bought = touchpoint("2", "purchase.completed", 2, amount="5 EUR")
    (request,) = owed(machine, folded(machine, [STATED, bought]), published)
    assert (request.type, request.data["lane"]) == ("task.changed", "customer")


def test_what_opened_and_closed_in_between_is_never_told() -> None:
    """Importing history asks only for what still matters today."""
    machine = machine_of(TRACK)
    assert owed(machine, folded(machine, [STATED], 60), {}) == []


def test_tasks_published_as_open_of_which_a_fold_is_silent_are_strangers() -> None:
    """Before calling them untrue, the caller folds from the start."""
    machine = machine_of(TRACK)
    published = told(owed(machine, folded(machine, [STATED]), {}))
    assert strangers(folded(machine, [STATED]).state, (), published) == []
    assert strangers(folded(machine, [touchpoint("2", "reply.sent", 0)]).state, (), published) == list(published)


def test_a_task_tells_when_it_opened_is_due_and_will_be_given_up() -> None:
    """All times are the fold's, not the machine's."""
    machine = machine_of(TRACK)
    state = folded(machine, [STATED]).state
    ((task_id, task),) = state.tasks.items()
    told_task = task_of(machine, "anna", state, task_id, task)
    assert told_task.requested_at == START
    assert told_task.due_at - told_task.requested_at == timedelta(days=1)
    assert told_task.expires_at - told_task.due_at == timedelta(days=1)
