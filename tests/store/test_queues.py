"""The contract of the queues, on both stores: who is served, and in which order. How they are found: tests/guards/test_plans.py."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from lifecycle.record import Place
from lifecycle.store import Changes, Store
from tests.store.made import HOUR, NOON, dead_letter, message, person


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
