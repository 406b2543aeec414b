"""Whatever goes wrong in one person's fold stops that person, and nobody else, until it can be folded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from lifecycle.api import open_engine
from lifecycle.engine.engine import Engine
from lifecycle.errors import NotFound
from lifecycle.reading.questions import Questions
from lifecycle.rules.compiled.machine import StageTable, TrackTable
from lifecycle.rules.fold import steps, timers
from lifecycle.rules.fold.tasks import reconcile
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.snapshot import Instance
from lifecycle.store.store import Store, open_store
from lifecycle.store.tables import people
from tests.engine.test_engine import NOW, TEXT, advance, batch_of, engine_on, ingest, stage
from tests.rules.histories import DAY, at, touchpoint

STATED = touchpoint("1", "need.stated", 0, need="a")
BOUGHT = touchpoint("2", "purchase.completed", 1, amount="5 EUR")
OFFER = touchpoint("3", "offer.made", 5, need="a")
HISTORY = (STATED, BOUGHT, OFFER)


def defect(error: type[BaseException] = ZeroDivisionError) -> pytest.MonkeyPatch:
    """Give the program a defect: to begin, or to enter a stage, fails after somebody bought. Undo it to mend it."""

    def fails(work: Working, stage: StageTable) -> None:
        if "bought" in work.state.facts:
            raise error("by zero")

    def begin(work: Working, track: TrackTable, *rest: Any) -> Instance | None:
        fails(work, track.stages[track.start])
        return steps_begin(work, track, *rest)

    def enter(work: Working, table: TrackTable, key: str, instance: Instance, stage: StageTable, *rest: Any) -> None:
        fails(work, stage)
        steps_enter(work, table, key, instance, stage, *rest)

    steps_begin, steps_enter = steps.begin, steps.enter
    patch = pytest.MonkeyPatch()
    patch.setattr(steps, "begin", begin)
    for module in (steps, timers):
        patch.setattr(module, "enter", enter)
    return patch


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = open_store(store_url, create=True)
    yield store
    store.close()


@pytest.fixture
def stopped(store: Store) -> Engine:
    """Anna was asked of, bought, and then met the defect, which is gone when the test begins. Bert is as usual."""
    patch = defect()
    try:
        engine = engine_on(store)
        ingest(engine, STATED, STATED._replace(person="bert"))
        advance(engine, at(2))
        ingest(engine, BOUGHT, OFFER, OFFER._replace(person="bert"))
        advance(engine, at(6))
    finally:
        patch.undo()
    return engine


def person(store: Store, name: str = "anna") -> str | None:
    return store.load_people([name])[name].stopped


def told(store: Store, name: str) -> list[tuple[str, str]]:
    events = [json.loads(row.body) for row in store.outbox(None, 1_000)]
    return [(each["type"], each["data"]["kind"]) for each in events if each["subject"] == name]


def test_it_says_what_failed_on_which_touchpoint_and_at_which_line(stopped: Engine) -> None:
    """Enough to find the place in the policy and in the log."""
    assert person(stopped.store) == (
        "A defect of the program: ZeroDivisionError: by zero. It was at the touchpoint offer.made (source s, id 3) of "
        f"2026-03-02T15:00:00+00:00. It was at policy line {line_of('weighing:')}."
    )


def line_of(part: str) -> int:
    return next(number for number, line in enumerate(TEXT.splitlines(), 1) if line.strip().startswith(part))


def test_the_others_of_the_batch_go_on(stopped: Engine) -> None:
    """Bert moved, and was told of."""
    assert person(stopped.store, "bert") is None
    assert told(stopped.store, "bert") == [("task.requested", "acknowledge"), ("task.withdrawn", "acknowledge")]


def test_who_is_stopped_keeps_tasks_and_lane_and_the_log_goes_on(stopped: Engine) -> None:
    """Nothing is withdrawn; the touchpoints are in the log."""
    questions = Questions(stopped.store, stopped.machine)
    anna, _ = questions.people()
    assert (anna["lane"], anna["stopped"]) == ("prospect", person(stopped.store))
    assert [task["kind"] for task in questions.tasks() if task["person"] == "anna"] == ["acknowledge"]
    assert told(stopped.store, "anna") == [("task.requested", "acknowledge")]
    assert len(stopped.store.read_log({"anna": None})["anna"]) == 3
    assert (questions.count().stopped, stopped.store.counts().stopped) == (1, 1)


def test_somebody_new_who_is_stopped_stands_in_the_last_lane(store: Store) -> None:
    """The first lane is for customers."""
    patch = defect()
    ingest(engine_on(store), BOUGHT._replace(occurred_at=at(-1)), STATED)
    patch.undo()
    row = store.load_people(["anna"])["anna"]
    assert (row.lane, row.begun_at, store.counts().people) == (1, None, 1)
    (anna,) = Questions(store, engine_on(store).machine).people()
    assert anna["stopped"] == row.stopped


def as_if_nothing_had_failed(tmp_path: Path) -> str:
    store = open_store(f"sqlite:///{tmp_path}/well.db", create=True)
    engine = engine_on(store)
    ingest(engine, *HISTORY)
    advance(engine, at(6))
    row = store.load_people(["anna"])["anna"]
    store.close()
    return row.snapshot


def test_the_next_touchpoint_tries_again_from_the_whole_log(stopped: Engine, tmp_path: Path) -> None:
    """Also one that is later than everything: what was not folded lies before it."""
    ingest(stopped, OFFER._replace(id="4", occurred_at=at(5.5), data={"need": "a"}), until=at(6))
    row = stopped.store.load_people(["anna"])["anna"]
    assert (row.stopped, stage(stopped.store)) == (None, "weighing")
    assert json.loads(row.snapshot)["touchpoints"] == 4


def test_a_repetition_is_no_touchpoint(stopped: Engine) -> None:
    """It changes nothing, so nobody is tried again for it."""
    ingest(stopped, OFFER)
    assert person(stopped.store) is not None


def test_another_version_of_the_program_tries_again_when_it_starts(
    stopped: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same one does not: it has the same defect."""
    store = stopped.store
    assert advance(engine_on(store), at(6)) == 0
    monkeypatch.setattr("lifecycle.engine.opening.program_version", lambda: "0.1.1")
    advance(engine_on(store), at(6))
    assert store.load_people(["anna"])["anna"].snapshot == as_if_nothing_had_failed(tmp_path)
    assert told(store, "anna")[1:] == [("task.withdrawn", "acknowledge")]


def test_a_version_with_the_same_defect_stops_them_again_once(stopped: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is not kept busy by them."""
    for place in ("lifecycle.engine.opening", "lifecycle.engine.folding"):
        monkeypatch.setattr(f"{place}.program_version", lambda: "0.1.1")
    patch = defect()
    assert [advance(engine_on(stopped.store), at(6)) for _ in range(2)] == [1, 0]
    patch.undo()
    assert person(stopped.store) is not None


def test_refold_folds_one_person_from_the_whole_log(stopped: Engine, tmp_path: Path) -> None:
    """Their tasks are told by the next advance, as for everybody."""
    row = stopped.refold("anna", at=NOW)
    assert row is not None
    assert row.stopped is None
    assert told(stopped.store, "anna") == [("task.requested", "acknowledge")]
    advance(stopped, at(6))
    assert told(stopped.store, "anna")[1:] == [("task.withdrawn", "acknowledge")]
    assert stopped.store.load_people(["anna"])["anna"].snapshot == as_if_nothing_had_failed(tmp_path)


def test_refold_mends_what_was_folded_wrongly_and_leaves_what_waits_waiting(store: Store) -> None:
    """Not only who is stopped: a snapshot that a defect had spoilt is made anew."""
    engine = engine_on(store)
    later = touchpoint("9", "offer.made", 9, need="a")
    engine.ingest(batch_of(STATED, later), received_at=NOW, ceiling=at(2), until=at(2))
    store.reached([], at(2))
    before = store.load_people(["anna"])["anna"]
    row = engine.refold("anna", at=NOW)
    assert row is not None
    assert (row.snapshot, row.waiting_at, row.revision) == (before.snapshot, at(9), before.revision + 1)
    assert engine.refold("nobody", at=NOW) is None


def test_a_snapshot_that_was_damaged_is_made_anew_from_the_log(store: Store) -> None:
    """One damaged row stops nobody, not even its own person."""
    engine = engine_on(store)
    ingest(engine, STATED)
    wanted = store.load_people(["anna"])["anna"].snapshot
    damaged(store)
    ingest(engine, STATED._replace(person="bert"), OFFER)
    assert (stage(store), person(store)) == ("weighing", None)
    assert wanted != store.load_people(["anna"])["anna"].snapshot


def damaged(store: Store) -> None:
    with store._database.writing() as connection:
        connection.execute(update(people).values(snapshot='{"tracks": 3'))


def test_what_fails_after_the_fold_stops_that_person_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of a task, say."""
    engine = engine_on(store)

    def broken(machine: object, name: str, *rest: object, **more: object) -> list[object]:
        if name == "anna":
            raise KeyError("words")
        return reconcile(machine, name, *rest, **more)  # type: ignore[arg-type, return-value]  # as it was called

    monkeypatch.setattr("lifecycle.engine.engine.reconcile", broken)
    ingest(engine, STATED, STATED._replace(person="bert"))
    assert str(person(store)).startswith("A defect of the program: KeyError: 'words'.")
    assert (person(store, "bert"), told(store, "bert")) == (None, [("task.requested", "acknowledge")])


def test_who_runs_out_of_memory_is_not_to_blame(store: Store) -> None:
    """That is the machine's, not one person's."""
    patch = defect(MemoryError)
    try:
        with pytest.raises(MemoryError):
            ingest(engine_on(store), *HISTORY)
    finally:
        patch.undo()


def test_python_refolds_too(sqlite_url: str, tmp_path: Path) -> None:
    """The same by the Python API; nobody of that name is an error."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(TEXT, encoding="utf-8")
    with open_engine(sqlite_url, policy) as lifecycle:
        patch = defect()
        lifecycle.ingest(HISTORY)
        patch.undo()
        assert lifecycle.store.counts().stopped == 1
        assert lifecycle.refold("anna") is None
        with pytest.raises(NotFound, match="nobody is known as otto"):
            lifecycle.refold("otto")
        lifecycle.advance(at(6 * DAY))
