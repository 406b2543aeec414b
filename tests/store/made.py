"""Values for the tests of the store, with everything that a test does not care about filled in."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from lifecycle.person import Message, PersonRow, Publication
from lifecycle.record import Accounting, DeadLetter, Log, Place, Step
from lifecycle.store import Changes, Progress, Store, statements
from lifecycle.touchpoint import Touchpoint

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def touchpoint(person: str = "ann", identifier: str = "1", **changed: Any) -> Touchpoint:
    made = Touchpoint(person, "crm", identifier, "need.stated", NOON, None, {"need": "cooling"})
    return made._replace(**changed)


def person(name: str = "ann", **changed: Any) -> PersonRow:
    made = PersonRow(
        person=name,
        partition=0,
        revision=1,
        lane=1,
        next_due_at=NOON + HOUR,
        waiting_at=None,
        policy_hash="policy-1",
        snapshot_format=1,
        snapshot='{"tracks":{}}',
        older_snapshot=None,
        stopped=None,
        begun_at=NOON,
    )
    return made._replace(**changed)


def publication(name: str = "ann", task_id: str = "slot-cause", **changed: Any) -> Publication:
    return Publication(name, task_id, 7, "open", "content-hash", '{"ask":"Call"}')._replace(**changed)


def message(name: str = "ann", identifier: str = "slot-cause.7", partition: int = 0) -> Message:
    return Message(name, partition, identifier, '{"ask":"Call"}')


def dead_letter(offset: int = 3, **changed: Any) -> DeadLetter:
    made = DeadLetter(
        place=Place("touchpoints", 0, offset),
        reason="not_json",
        field=None,
        message="not JSON",
        body=b"{\x00\xff",
        key=b"ann",
        headers=(("content-type", b"\xfe"), ("content-type", b"")),
        refused_at=NOON,
    )
    return replace(made, **changed)


def log(identifier: str = "topic-1", start: int = 0, end: int = 1_000) -> Log:
    return Log(identifier, start, end)


def activate(store: Store, name: str, *, snapshot_format: int = 1, due: datetime = NOON) -> bool:
    text = f"text of {name}"
    return store.activate_policy(name, text, snapshot_format=snapshot_format, at=NOON, due=due)


def by(name: str, *, snapshot_format: int = 1, **changes: Any) -> Changes:
    """Changes that were decided by a policy."""
    return Changes(policy_hash=name, snapshot_format=snapshot_format, **changes)


def step(progress: Progress, to_offset: int, **changed: Any) -> Step:
    made = Step(progress.topic, progress.partition, progress.epoch, progress.next_offset, to_offset)
    return replace(made, **changed)


def everything(progress: Progress) -> Changes:
    """Changes that write every table by every statement of a commit; BEFORE must be committed first."""
    return Changes(
        steps=(step(progress, 10),),
        accounting=(
            (progress.topic, progress.partition, Accounting(received=2, folded=2)),
            ("file:old.jsonl", 0, Accounting(received=1, dead_lettered=1)),
        ),
        touchpoints=(touchpoint("bob"),),
        replaced=(touchpoint("ann", type="need.changed"),),
        conflicts=(touchpoint("ann", type="need.other"),),
        people=(person("ann", revision=2), person("bob")),
        publications=(publication("bob"),),
        messages=(message("bob"),),
        dead_letters=(dead_letter(),),
        newest=((progress.topic, progress.partition, NOON),),
    )


BEFORE = Changes(touchpoints=(touchpoint("ann"),), people=(person("ann"),))


def contents(store: Store) -> dict[str, Any]:
    """Everything that a store holds, to be compared before and after."""
    people = store.iterate_people()
    names = [row.person for row in people]
    keys = [("ann", "crm", "1"), ("bob", "crm", "1")]
    return {
        "people": people,
        "log": {name: sorted(log) for name, log in store.read_log(dict.fromkeys(["ann", "bob"])).items()},
        "conflicts": store.find_conflicts(keys),
        "publications": store.publications(names),
        "outbox": store.outbox(None),
        "dead_letters": store.dead_letters(),
        "progress": store.progress(),
        "state": store.state(),
    }


@contextmanager
def on_statement(store: Store, act: Callable[[str, Any], None]) -> Any:
    """Call `act(sql, parameters)` before each statement that the store sends, whatever thread it is in."""

    def before(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
        act(sql, parameters)

    def send_after(connection: Connection, text: str, values: Any) -> Any:
        if connection.engine.pool is engine.pool:
            act(text, values)
        return send(connection, text, values)

    engine, send = store._database._engine, statements.send
    event.listen(engine, "before_cursor_execute", before)
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(statements, "send", send_after)
            yield
    finally:
        event.remove(engine, "before_cursor_execute", before)
