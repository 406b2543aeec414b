"""The contract of reading by key, on both stores: what was written comes back exactly, however odd."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from lifecycle.errors import ValueRefused
from lifecycle.record import Accounting
from lifecycle.store import Changes, Store
from lifecycle.touchpoint import EARLIEST, LATEST, key_of
from tests.store.made import HOUR, NOON, on_statement, person, publication, touchpoint

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ODD_TEXTS = [
    "😀 family 👨‍👩‍👧",
    "e\u0301 and \u00e9 are not the same",  # tidy-minded readers see one letter; the store keeps two
    "quotes ' \" ` and \\ backslash",
    "%s %(x)s :name ? $1 {} {NULL} NULL",
    " blanks \t around \n",
    "\u0001 control \u007f",
    "\ufeff mark, \u2028 line",
    "ﷺ ﬀ ß İ \u0131",
    "נִקּוּד ‮right to left",
    "\U0010fffd last",
    "null",
    "1e0",
]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_every_text_comes_back(store: Store, text: str) -> None:
    """Ids, types, snapshots and data keep every character, and are found by it."""
    odd = touchpoint(text, text, source=text, type=text, sequence=text, data={text: [text, None]})
    row = person(text, snapshot=text, older_snapshot=text, stopped=text, policy_hash=text)
    store.commit(Changes(touchpoints=(odd,), people=(row,), publications=(publication(text, text, body=text),)))
    assert store.find_touchpoints([key_of(odd)]) == {key_of(odd): odd}
    assert store.read_log({text: NOON}) == {text: [odd]}
    assert store.load_people([text]) == {text: row}
    assert store.publications([text]) == {text: {text: publication(text, text, body=text)}}


def test_data_comes_back_exactly(store: Store) -> None:
    """Decimals keep their digits, large numbers their size, U+0000 inside data travels as an escape."""
    data = {
        "exact": Decimal("0.1000000000000000000000000000001"),
        "large": 10**40,
        "text": "before\0after",
        "nested": [{"b": True, "a": None}, []],
    }
    store.commit(Changes(touchpoints=(touchpoint(data=data),)))
    (found,) = store.find_touchpoints([key_of(touchpoint())]).values()
    assert found.data == data
    assert isinstance(found.data["exact"], Decimal)


@pytest.mark.parametrize(
    "at",
    [
        EARLIEST,
        EPOCH - MICROSECOND,
        EPOCH,
        EPOCH + MICROSECOND,
        NOON.replace(microsecond=123_457),
        datetime(2024, 5, 17, 14, tzinfo=timezone(timedelta(hours=2))),
        LATEST - MICROSECOND,
    ],
    ids=str,
)
def test_times_are_kept_to_the_microsecond(store: Store, at: datetime) -> None:
    """Before 1970 as well, and always given back in UTC."""
    store.commit(
        Changes(
            touchpoints=(touchpoint(occurred_at=at),),
            people=(person(next_due_at=at, waiting_at=at),),
            accounting=(("file:a", 0, Accounting(received=1)),),
            newest=(("file:a", 0, at),),
        )
    )
    (row,), (found,) = store.iterate_people(), store.read_log({"ann": at})["ann"]
    times = [row.next_due_at, row.waiting_at, found.occurred_at, store.state().newest_at]
    assert times == [at] * 4
    assert {each.utcoffset() for each in times if each} == {timedelta(0)}
    assert store.read_log({"ann": at + MICROSECOND}) == {}
    assert store.due_people(None, at - MICROSECOND, 10) == []
    assert store.due_people(None, at, 10) == ["ann"]


def test_a_naive_time_is_a_programmer_error(store: Store) -> None:
    """A time without a zone is refused before anything is written."""
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(TypeError, match="can't subtract offset-naive and offset-aware datetimes"):
        store.commit(Changes(touchpoints=(touchpoint(occurred_at=naive),)))
    assert store.read_log({"ann": None}) == {}


@pytest.mark.parametrize("person_id", ["a\0b", "a\ud800"], ids=["U+0000", "lone surrogate"])
def test_what_is_no_text_is_refused(store: Store, person_id: str) -> None:
    """Characters that no database keeps are a ValueRefused that says to halve the batch."""
    with pytest.raises(ValueRefused) as refused:
        store.commit(Changes(touchpoints=(touchpoint("bob"), touchpoint(person_id))))
    assert str(refused.value).endswith("Nothing was written; halve the batch to find the record.")
    assert store.read_log({"bob": None}) == {}


def test_people_come_in_the_order_of_code_points(store: Store) -> None:
    """Capitals before small letters before accents, and beyond the 16-bit characters those of 32 bits."""
    names = ["Z", "a", "B", "é", "e\u0301", "z", "\uff5e", "😀", "0", "10", "9", "_", "a b", "a"]
    store.commit(Changes(people=tuple(person(name) for name in set(names))))
    assert [row.person for row in store.iterate_people()] == sorted(set(names))


def test_people_are_read_page_by_page(store: Store) -> None:
    """Each page begins after the last person of the one before; an empty page ends the walk."""
    rows = [person(f"p{number:02}") for number in range(7)]
    store.commit(Changes(people=tuple(rows)))
    pages, after = [], ""
    while page := store.iterate_people(after=after, limit=3):
        pages.append(page)
        after = page[-1].person
    assert pages == [rows[:3], rows[3:6], rows[6:]]


def test_the_log_is_read_from_a_time_on(store: Store) -> None:
    """Each person has a time of their own; at that very time is included; None reads all."""
    log = [touchpoint(name, str(hour), occurred_at=NOON + hour * HOUR) for name in "ab" for hour in range(3)]
    store.commit(Changes(touchpoints=tuple(log)))
    found = store.read_log({"a": None, "b": NOON + HOUR, "nobody": None})
    assert {name: sorted(each.id for each in some) for name, some in found.items()} == {
        "a": ["0", "1", "2"],
        "b": ["1", "2"],
    }


def test_unknown_keys_are_absent(store: Store) -> None:
    """What is not stored is not in the answer; nothing asked is nothing answered."""
    store.commit(Changes(touchpoints=(touchpoint(),), people=(person(),)))
    keys = [key_of(touchpoint()), ("ann", "crm", "2"), ("bob", "crm", "1"), ("ann", "web", "1")]
    assert list(store.find_touchpoints(keys)) == keys[:1]
    assert list(store.load_people({"ann", "bob"})) == ["ann"]
    assert store.find_conflicts(keys) == {}
    assert store.publications(["ann", "bob"]) == {}
    assert (store.load_people([]), store.find_touchpoints([]), store.find_conflicts([])) == ({}, {}, {})
    assert (store.read_log({}), store.publications([])) == ({}, {})


def test_a_call_is_one_statement(store: Store) -> None:
    """Three thousand keys, more than SQLite takes parameters at once, cost one round trip."""
    people = [person(f"p{number}") for number in range(3_000)]
    log = [touchpoint(row.person) for row in people]
    published = [publication(row.person) for row in people]
    store.commit(Changes(touchpoints=tuple(log), people=tuple(people), publications=tuple(published)))
    sent: list[str] = []

    def note(sql: str, _parameters: Any) -> None:
        sent.append(sql)

    names = [row.person for row in people]
    with on_statement(store, note):
        assert len(store.load_people(names)) == 3_000
        assert len(store.find_touchpoints([key_of(each) for each in log])) == 3_000
        assert len(store.read_log(dict.fromkeys(names, NOON))) == 3_000
        assert len(store.publications(names)) == 3_000
        assert store.find_conflicts([key_of(each) for each in log]) == {}
    assert len(sent) == 5
