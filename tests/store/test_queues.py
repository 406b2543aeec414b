"""The contract of the queues, on both stores: who is served, in which order, by a walk along an index."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from lifecycle.record import Place
from lifecycle.store import Changes, Store
from tests.store.made import HOUR, NOON, dead_letter, message, on_statement, person, publication, touchpoint


def plan_of(store: Store, call: Callable[[], Any]) -> str:
    """What the database says about how it runs the last statement of a call."""
    sent: list[tuple[str, Any]] = []

    def note(sql: str, parameters: Any) -> None:
        sent.append((sql, parameters))

    with on_statement(store, note):
        call()
    sql, parameters = sent[-1]
    parameters = parameters[0] if isinstance(parameters, list) else parameters  # of many at once, the first
    prefix = "EXPLAIN QUERY PLAN " if store._database.is_sqlite else "EXPLAIN "
    with store._database.reading() as connection:
        rows = connection.exec_driver_sql(prefix + sql, parameters)
        return "\n".join(str(row[-1]) for row in rows)


def analyze(store: Store) -> None:
    """Let the database count its rows, as it does by itself after a while."""
    with store._database.reading() as connection:
        connection.exec_driver_sql("ANALYZE")


def test_due_people_come_by_partition_and_time(store: Store) -> None:
    """Of the partitions asked for, who is due by then, the longest due first, then by id; up to the limit."""
    store.set_partitions(3)
    due = [("z", 0, 1), ("a", 0, 2), ("b", 1, 2), ("c", 1, 0), ("d", 2, 0), ("e", 0, 9)]
    rows = [person(name, partition=where, next_due_at=NOON + hours * HOUR) for name, where, hours in due]
    store.commit(Changes(people=(*rows, person("never", next_due_at=None))))
    until = NOON + 2 * HOUR
    assert store.due_people([0, 1], until, 10) == ["c", "z", "a", "b"]
    assert store.due_people({1}, until, 10) == ["c", "b"]
    assert store.due_people([0, 1], until, 3) == ["c", "z", "a"]
    assert store.due_people(None, until, 10) == ["c", "d", "z", "a", "b"]
    assert store.due_people([], until, 10) == []
    assert store.due_people([0, 1, 2], NOON - timedelta(microseconds=1), 10) == []


def test_due_people_of_very_many_partitions(store: Store) -> None:
    """More partitions than one statement takes are asked in several, and merged in order."""
    rows = [person(f"p{where}", partition=where, next_due_at=NOON - where * HOUR) for where in range(250)]
    store.set_partitions(250)
    store.commit(Changes(people=tuple(rows), messages=tuple(message("x", str(n), n) for n in range(250))))
    assert store.due_people(None, NOON, 3) == ["p249", "p248", "p247"]
    assert [row.message_id for row in store.outbox(range(250), limit=3)] == ["0", "1", "2"]


def test_due_people_are_found_by_the_index(store: Store) -> None:
    """However many are due, the first few are a walk along people_due: no table is read, nothing sorted."""
    rows = [person(f"p{number}", partition=number % 2, next_due_at=NOON) for number in range(5_000)]
    store.set_partitions(2)
    store.commit(Changes(people=tuple(rows)))
    analyze(store)
    for partitions in ([0], [0, 1], None):
        plan = plan_of(store, lambda wanted=partitions: store.due_people(wanted, NOON, 10))
        assert plan.count("people_due") == len(partitions or [0, 1]), plan
        assert "Seq Scan" not in plan, plan
        assert "SCAN people" not in plan, plan
        assert "Sort  (" not in plan, plan  # PostgreSQL merges the partitions, each in the order of its index


def test_people_and_log_are_found_by_their_keys(store: Store) -> None:
    """Looking up a batch walks the primary keys, also before the database has counted its rows."""
    names = [f"p{number:04}" for number in range(5_000)]
    store.commit(
        Changes(
            touchpoints=tuple(touchpoint(name, data={"text": "long" * 50}) for name in names),
            people=tuple(person(name, snapshot="long" * 200) for name in names),
            publications=tuple(publication(name, body="long" * 50) for name in names),
        )
    )
    some = names[::50]
    for call in (
        lambda: store.load_people(some),
        lambda: store.find_touchpoints([(name, "crm", "1") for name in some]),
        lambda: store.read_log(dict.fromkeys(some, NOON)),
        lambda: store.publications(some),
    ):
        plan = plan_of(store, call)
        assert "Seq Scan" not in plan, plan
        assert "SCAN people" not in plan, plan
        assert "SCAN touchpoints" not in plan, plan
        assert "SCAN tasks" not in plan, plan


def test_the_outbox_gives_the_lane_of_today(store: Store) -> None:
    """The lane is the person's at the moment of reading; of somebody who is gone it is the first."""
    store.commit(Changes(people=(person("ann", lane=1),), messages=(message("ann"), message("gone"))))
    store.commit(Changes(people=(person("ann", lane=4, revision=2),)))
    assert [(row.person, row.lane) for row in store.outbox(None)] == [("ann", 4), ("gone", 0)]


def test_the_outbox_is_read_by_partition(store: Store) -> None:
    """The oldest of the partitions asked for, by id, up to the limit; deleted ones are gone."""
    sent = [message("p", str(number), number % 3) for number in range(9)]
    store.commit(Changes(messages=tuple(sent)))

    def ids(partitions: Any, limit: int = 100) -> list[str]:
        return [row.message_id for row in store.outbox(partitions, limit)]

    assert ids([0, 2]) == ["0", "2", "3", "5", "6", "8"]
    assert ids([0, 2], limit=3) == ["0", "2", "3"]
    assert ids([7]) == ids([]) == []
    assert ids(None, limit=2) == ["0", "1"]
    store.delete_outbox(store.outbox([0]))
    store.delete_outbox([])
    assert ids(None) == ["1", "2", "4", "5", "7", "8"]


def test_what_was_sent_leaves_the_outbox_and_nothing_else(store: Store) -> None:
    """Neither what came later in the same partition, nor anything of another; and again it changes nothing."""
    store.commit(Changes(messages=tuple(message("p", str(number), number % 3) for number in range(9))))
    sent = store.outbox([0, 2], limit=3)
    store.commit(Changes(messages=(message("p", "9", 0),)))
    for _ in range(2):
        store.delete_outbox(sent[::-1])
        assert [row.message_id for row in store.outbox(None)] == ["1", "4", "5", "6", "7", "8", "9"]


def test_taking_off_the_outbox_is_a_walk_along_the_index(store: Store) -> None:
    """Also where the table was empty when its statistics were made, and a long backlog came since."""
    analyze(store)
    store.commit(Changes(messages=tuple(message("p", str(number), number % 50) for number in range(5_000))))
    rows = store.outbox([7], limit=50)
    plan = plan_of(store, lambda: store.delete_outbox(rows))
    assert "Seq Scan" not in plan, plan
    assert "SCAN outbox" not in plan, plan


def test_the_outbox_is_found_by_the_index(store: Store) -> None:
    """A long backlog of other partitions is not read to find one's own."""
    store.commit(Changes(messages=tuple(message("p", str(number), number % 50) for number in range(5_000))))
    analyze(store)
    first: list[str] = []

    def note(sql: str, _parameters: Any) -> None:
        first.append(sql)

    with on_statement(store, note):
        store.outbox([3, 4], limit=10)
    assert "LIMIT" in first[0]
    plan = plan_of(store, lambda: store.outbox([3, 4], limit=10))
    assert "Seq Scan on outbox" not in plan, plan
    assert "SCAN outbox" not in plan, plan


def test_dead_letters_are_read_page_by_page(store: Store) -> None:
    """By topic, partition and offset as a number; each page begins after the last key of the one before."""
    places = [Place("a", 0, 9), Place("a", 0, 10), Place("a", 1, 0), Place("b", 0, 2), Place("B", 0, 3)]
    store.commit(Changes(dead_letters=tuple(replace(dead_letter(), place=place) for place in places)))
    pages, after = [], None
    while page := store.dead_letters(after, limit=2):
        pages.append([row.letter.place for row in page])
        after = page[-1].key
    expected = [places[4], *places[:4]]
    assert pages == [expected[:2], expected[2:4], expected[4:]]


def test_dead_letters_are_sent_once(store: Store) -> None:
    """Unsent ones of the topics asked for, until they are marked; files are not asked for."""
    letters = [dead_letter(offset) for offset in range(3)]
    file = replace(dead_letter(), place=Place("file:a.jsonl", 0, 1))
    store.commit(Changes(dead_letters=(file, *letters)))
    unsent = store.unsent_dead_letters(["touchpoints", "outcomes"], 2)
    assert [row.letter for row in unsent] == letters[:2]
    store.mark_dead_letters_sent([row.key for row in unsent], NOON)
    store.mark_dead_letters_sent([], NOON)
    assert [row.letter for row in store.unsent_dead_letters(["touchpoints"], 9)] == letters[2:]
    assert [row.sent_at for row in store.dead_letters()] == [None, NOON, NOON, None]
    assert store.unsent_dead_letters([], 9) == []


def test_counts(store: Store) -> None:
    """How many people there are, wait for nothing, are stopped; how many messages and dead letters wait."""
    empty = store.counts()
    assert (empty.people, empty.outbox, empty.accounting.received) == (0, 0, 0)
    people = (person("a"), person("b", next_due_at=None), person("c", next_due_at=None, stopped="loop"))
    store.commit(Changes(people=people, messages=(message(),), dead_letters=(dead_letter(),)))
    counts = store.counts()
    assert (counts.people, counts.people_without_next, counts.stopped) == (3, 2, 1)
    assert (counts.outbox, counts.dead_letters) == (1, 1)
