"""The one transaction: how a batch of changes is written, and why its statements stand in this order.

Theory of operation. Called through `Store.commit` alone; everything that changes a person passes here: the
intake, the clock, refold, merge and erase. Four promises rest on it.

1. All or nothing. Everything runs in one transaction, and nothing outside the database happens in it. What
   the offsets say was read, what the log holds, where people stand and what was published agree after any
   crash.

2. Who may not write any more does no harm: a worker that lost its partitions, or one that folded by a policy
   which is not active any more. The first statement (`pass_fence`) moves each partition from (epoch, from_offset)
   to to_offset, if the row still holds the policy that this was decided by: one row each, or PartitionLost or
   PolicyMismatch. Whoever claims a partition raises its epoch, so a worker that woke up late changes no row. The
   update also locks those rows until the commit: a second writer of the same partition waits here and then sees
   the moved offset, and whoever activates a policy waits as well. Were the fence not first, the late worker
   would lock people and make the rightful one wait, or fail on its rows.

3. No change of a person is lost. Folding reads without locks. Each person's row is written only if its
   revision is the one that was read, or does not exist yet for revision 1; one mismatch undoes the batch and
   the caller reads and folds again. The touchpoints' key does the same for the log: a key that exists here
   was looked up before and not found, so somebody wrote it in between. Rows are sorted by key, so that two
   batches lock the same people in the same order; where the planner chooses another, PostgreSQL ends one of
   them and that is a RevisionConflict too.

4. One person's messages leave in the order they were committed. Outbox ids are drawn *after* that person's
   row is locked by its update. Were the outbox written before, two commits could draw ids in one order and
   commit in the other. The publications of a person need no check of their own for the same reason: they are
   written only together with the person.

`database_state` is one row for everybody, so no commit writes it; those without a step lock it for share.

What is written behind the fence goes to PostgreSQL in one round trip: the statements run in this order, none runs after
one that failed, and what each came to is looked at when all were answered (`sent_together`). The fence is waited for
by itself, for promise 2, and so is the end of the transaction.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Delete, FromClause, Update, delete, func, select, tuple_, update

from lifecycle import canonical_json
from lifecycle.errors import RevisionConflict
from lifecycle.person import PersonRow
from lifecycle.record import DeadLetter
from lifecycle.store.bulk import Given, delete_keyed, given_keys, insert_counted, insert_rows, update_rows
from lifecycle.store.changes import Changes
from lifecycle.store.checkpoints import write_checkpoints
from lifecycle.store.database import Connected
from lifecycle.store.fence import Refused, pass_fence, refusal
from lifecycle.store.retractions import note_retractions
from lifecycle.store.statements import sent_together
from lifecycle.store.tables import (
    conflicts,
    dead_letters,
    outbox,
    people,
    tasks,
    touchpoints,
)
from lifecycle.touchpoint import Touchpoint, content_hash, key_of

MAX_CONFLICTS = 8
"""Most variants kept beside the touchpoint that counts: the smallest by (occurred_at, hash of content), so
that what is kept does not depend on the order of arrival. One that is not kept is still counted."""

_NAMED_IN_ERRORS = 3

_LOG_COLUMNS = list(touchpoints.columns)
_LOG_KEY = list(touchpoints.primary_key.columns)
_CONFLICT_KEY = list(conflicts.primary_key.columns)
_PEOPLE_COLUMNS = list(people.columns)
_MESSAGE_COLUMNS = [outbox.c.person, outbox.c.partition, outbox.c.message_id, outbox.c.body]
_person_values = attrgetter(*people.columns.keys())
_publication_values = attrgetter(*tasks.columns.keys())


class Writer(Connected):
    """The part of Store that writes what the engine decided."""

    def commit(self, changes: Changes) -> list[int]:
        """Write everything in one transaction, or nothing; return the outbox ids of the messages, in their order.

        Raises PartitionLost when a step's epoch or offset is not the stored one, PolicyMismatch when another
        policy is active than this was decided by (SchemaMismatch: a newer format of snapshots), RevisionConflict
        when a person or touchpoint was written by somebody else meanwhile (it names up to 3: read and fold them
        again), ValueRefused when the database cannot hold a value, StoreUnavailable when it breaks off.
        After an error nothing was written and the call may be repeated, with one exception: when the
        connection breaks while the commit itself is answered, it may have happened. The repetition is
        then refused, by the fence or by the keys, and never written twice.
        """
        try:
            with self._database.writing() as connection:
                pass_fence(connection, changes)
                return _write(connection, changes)
        except RevisionConflict as conflict:
            # Asked after the rollback: every key that is found then is somebody else's, none is ours.
            with self._database.reading() as connection:
                lost = _lost_races(connection, changes)
            if not lost:
                raise
            more = f" and {len(lost) - _NAMED_IN_ERRORS} more" if len(lost) > _NAMED_IN_ERRORS else ""
            raise RevisionConflict(
                f"somebody else wrote meanwhile: {'; '.join(lost[:_NAMED_IN_ERRORS])}{more}. "
                "Nothing was written; read these people again and fold again."
            ) from conflict
        except Refused as refused:
            with self._database.reading() as connection:
                raise refusal(connection, changes, self._database.where) from refused


def _write(connection: Connection, changes: Changes) -> list[int]:
    with sent_together(connection):
        insert_rows(connection, _LOG_COLUMNS, [_log_row(each) for each in sorted(changes.touchpoints, key=key_of)])
        replaced = _replace(connection, changes.replaced)
        _keep_conflicts(connection, changes.conflicts)
        note_retractions(connection, changes)
        advanced = _write_people(connection, changes.people)
        write_checkpoints(connection, changes.checkpoints)
        publications = [_publication_values(each) for each in changes.publications]
        insert_rows(connection, list(tasks.columns), publications, clash="overwrite")
        messages = [(each.person, each.partition, each.message_id, each.body) for each in changes.messages]
        ids = insert_counted(connection, _MESSAGE_COLUMNS, messages, outbox.c.id)
        letters = [_dead_letter_row(each) for each in changes.dead_letters]
        # The same record read again (a file, say) is the same dead letter.
        insert_rows(connection, list(dead_letters.columns), letters, clash="ignore")
    named = min(map(key_of, changes.replaced), default=None)
    _require_all(len(changes.replaced), replaced(), f"touchpoints to be replaced, the first {named}, are not there")
    known = sum(each.revision != 1 for each in changes.people)
    _require_all(known, advanced(), "people were written by somebody else meanwhile")
    return ids()


def _require_all(wanted: int, found: int, what: str) -> None:
    if found != wanted:
        raise RevisionConflict(
            f"{wanted - found} of {wanted} {what}. Nothing was written; read these people again and fold again."
        )


def _overwrite(given: Given) -> Update:
    same = [column == given[column.name] for column in _LOG_KEY]
    others = {column.name: given[column.name] for column in _LOG_COLUMNS if not column.primary_key}
    return update(touchpoints).where(*same).values(others)


def _replace(connection: Connection, replaced: Sequence[Touchpoint]) -> Callable[[], int]:
    rows = [_log_row(each) for each in sorted(replaced, key=key_of)]
    return update_rows(connection, _LOG_COLUMNS, rows, _overwrite)


def _keep_conflicts(connection: Connection, variants: Sequence[Touchpoint]) -> None:
    if not variants:
        return
    rows = [(*key_of(each), content_hash(each), *_log_row(each)[3:]) for each in variants]
    insert_rows(connection, list(conflicts.columns), rows, clash="ignore")
    delete_keyed(connection, _LOG_KEY, {key_of(each) for each in variants}, _beyond_most)


def _beyond_most(given: FromClause) -> Delete:
    own = [conflicts.c[column.name] == given.c[column.name] for column in _LOG_KEY]
    place = func.row_number().over(
        partition_by=_CONFLICT_KEY[:3], order_by=[conflicts.c.occurred_at, conflicts.c.content_hash]
    )
    ranked = select(*_CONFLICT_KEY, place.label("place")).where(*own).subquery()
    beyond = select(*(ranked.c[column.name] for column in _CONFLICT_KEY)).where(ranked.c.place > MAX_CONFLICTS)
    return delete(conflicts).where(tuple_(*_CONFLICT_KEY).in_(beyond))


def _advance(given: Given) -> Update:
    values = {column.name: given[column.name] for column in _PEOPLE_COLUMNS if not column.primary_key}
    unchanged = people.c.revision == given["revision"] - 1
    return update(people).where(people.c.person == given["person"], unchanged).values(values)


def _write_people(connection: Connection, written: Sequence[PersonRow]) -> Callable[[], int]:
    """Insert rows of revision 1, update each other row that still has revision - 1; return how many those were."""
    rows = [_person_values(each) for each in sorted(written, key=lambda each: each.person)]
    insert_rows(connection, _PEOPLE_COLUMNS, [row for row in rows if row[2] == 1])
    return update_rows(connection, _PEOPLE_COLUMNS, [row for row in rows if row[2] != 1], _advance)


def _lost_races(connection: Connection, changes: Changes) -> list[str]:
    """Say of each person and touchpoint that is not as this batch expected it what was wanted and found."""
    given = given_keys(connection, [people.c.person], [(each.person,) for each in changes.people])
    query = select(people.c.person, people.c.revision).join(given, given.c.person == people.c.person)
    stored: dict[str, int] = {row.person: row.revision for row in connection.execute(query)}
    lost = [
        f"person {each.person} is at revision {stored.get(each.person, 0)}, wanted {each.revision - 1}"
        for each in changes.people
        if stored.get(each.person, 0) != each.revision - 1
    ]
    given = given_keys(connection, _LOG_KEY, [key_of(each) for each in changes.touchpoints])
    same = [column == given.c[column.name] for column in _LOG_KEY]
    for person, source, identifier in connection.execute(select(*_LOG_KEY).where(*same)):
        lost.append(f"touchpoint {identifier} of source {source}, person {person}, is in the log already")
    return lost


def _log_row(touchpoint: Touchpoint) -> tuple[Any, ...]:
    return (*touchpoint[:6], canonical_json.dumps(touchpoint.data))


def _dead_letter_row(letter: DeadLetter) -> tuple[Any, ...]:
    headers = canonical_json.dumps(
        [[_keepable(name), base64.b64encode(value).decode()] for name, value in letter.headers]
    )
    return (
        letter.place.topic,
        letter.place.partition,
        letter.place.offset,
        hashlib.blake2b(letter.body, digest_size=16).hexdigest(),
        letter.reason,
        None if letter.field is None else _keepable(letter.field),
        _keepable(letter.message),
        letter.body,
        letter.key,
        _keepable(headers),
        letter.refused_at,
        None,
    )


def _keepable(text: str) -> str:
    # These texts may quote what was wrong with the record. A dead letter is where bad values end: it is
    # never refused itself, so what no database keeps (U+0000, half a character) is written as its escape.
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\u0000")
