"""`lifecycle dead-letters`: the records that were refused."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from lifecycle.cli.noun import noun
from lifecycle.cli.options import Database, Json, closing_store
from lifecycle.cli.output import print_json, say, visible
from lifecycle.cli.times import Times, Zone, zone_named
from lifecycle.errors import PolicyRefused
from lifecycle.policies import active_policy
from lifecycle.reading.nobody import subject_of
from lifecycle.record import Place
from lifecycle.settings import Settings
from lifecycle.store import DeadLetterRow, Store, Stores, open_stores
from lifecycle.task import rfc3339

app = noun("The records that were refused.")

PAGE = 100
"""Dead letters read at once: each may hold 4 MiB."""


@app.command("list")
def list_dead_letters(
    db: Database = None,
    person: Annotated[
        str | None,
        typer.Option(
            "--person", metavar="ID", show_default=False, help="Only those about this person, as can be read."
        ),
    ] = None,
    show_bytes: Annotated[
        bool, typer.Option("--bytes", help="Also the original bytes, with what is not text as escapes.")
    ] = False,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """List the records that were refused: where they came from, why, and which field was wrong.

    JSON holds the original bytes as base64, so that they can be mended and sent again.

    \b
    Examples:
      lifecycle dead-letters list --db sqlite:///lifecycle.db --bytes
      lifecycle dead-letters list --db sqlite:///lifecycle.db --person anna
      lifecycle dead-letters list --db sqlite:///lifecycle.db --json > refused.jsonl
    """
    told_in = None if zone is None else zone_named(zone)
    with closing_store(open_stores(Settings.load(database=db).need_databases())) as store:
        rows = (row for row in _all(store) if person is None or subject_of(row.letter) == person)
        if json:
            print_json(map(_data, rows))
            return
        times = Times(told_in or _zone_of_policy(store))
        say(f"Refused so far; times are in {times.zone}:")
        for row in rows:
            letter = row.letter
            field = f" ({letter.field})" if letter.field else ""
            say(f"{_place(letter.place)}, {times(letter.refused_at)}: {letter.reason}{field}. {letter.message}")
            if show_bytes:
                say(f"  {visible(letter.body)}")


def _zone_of_policy(store: Store | Stores) -> str:
    """Return the zone of the active policy. Refused records are listed also where that cannot be read any more."""
    try:
        return active_policy(store.state().policy_text).calendar.zone
    except PolicyRefused:
        return "UTC"


def _all(store: Store | Stores) -> Iterator[DeadLetterRow]:
    after = None
    while page := store.dead_letters(after, PAGE):
        yield from page
        after = page[-1].key


def _place(place: Place) -> str:
    if place.topic.startswith("file:"):
        return f"{place.topic.removeprefix('file:')} line {place.offset}"
    return f"{place.topic} partition {place.partition} offset {place.offset}"


def _data(row: DeadLetterRow) -> dict[str, Any]:
    letter = row.letter
    return {
        "topic": letter.place.topic,
        "partition": letter.place.partition,
        "offset": letter.place.offset,
        "reason": letter.reason,
        "field": letter.field,
        "message": letter.message,
        "body_base64": base64.b64encode(letter.body).decode(),
        "key_base64": None if letter.key is None else base64.b64encode(letter.key).decode(),
        "headers": [[name, base64.b64encode(value).decode()] for name, value in letter.headers],
        "refused_at": rfc3339(letter.refused_at),
        "sent_at": None if row.sent_at is None else rfc3339(row.sent_at),
    }
