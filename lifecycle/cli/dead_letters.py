"""`lifecycle dead-letters`: the records that were refused."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from lifecycle.cli.options import Database, Json, closing_store
from lifecycle.cli.output import minute, print_json, visible
from lifecycle.record import Place
from lifecycle.settings import Settings
from lifecycle.store import DeadLetterRow, Store, open_store
from lifecycle.task import rfc3339

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The records that were refused.")

PAGE = 100
"""Dead letters read at once: each may hold 4 MiB."""


@app.command("list")
def list_dead_letters(
    db: Database = None,
    show_bytes: Annotated[
        bool, typer.Option("--bytes", help="Also the original bytes, with what is not text as escapes.")
    ] = False,
    json: Json = False,
) -> None:
    """List the records that were refused: where they came from, why, and which field was wrong.

    JSON holds the original bytes as base64, so that they can be mended and sent again.

    \b
    Examples:
      lifecycle dead-letters list --db sqlite:///lifecycle.db --bytes
      lifecycle dead-letters list --db sqlite:///lifecycle.db --json > refused.jsonl
    """
    with closing_store(open_store(Settings.load(database=db).need_database())) as store:
        if json:
            print_json(map(_data, _all(store)))
            return
        for row in _all(store):
            letter = row.letter
            field = f" ({letter.field})" if letter.field else ""
            typer.echo(
                f"{_place(letter.place)}, {minute(rfc3339(letter.refused_at))}: {letter.reason}{field}. "
                f"{visible(letter.message.encode())}"
            )
            if show_bytes:
                typer.echo(f"  {visible(letter.body)}")


def _all(store: Store) -> Iterator[DeadLetterRow]:
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
