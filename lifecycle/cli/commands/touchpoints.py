"""`lifecycle touchpoints`: what was received, and what of it the policy does not know or did not take."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Annotated, Any

import typer

from lifecycle import canonical_json
from lifecycle.cli.filters import require_known
from lifecycle.cli.noun import noun
from lifecycle.cli.options import Csv, Database, Json, asking_with_store
from lifecycle.cli.output import number, one_form, plural, print_csv, print_json, print_table, say
from lifecycle.cli.times import Times, Zone
from lifecycle.errors import SettingsRefused
from lifecycle.reading.nobody import nobody
from lifecycle.reading.questions import Questions
from lifecycle.rules.fold.retractions import name_of, retracted
from lifecycle.rules.language.findings import MAX_SHOWN
from lifecycle.store import Store, Stores
from lifecycle.task import rfc3339
from lifecycle.touchpoint import Touchpoint, key_of, order_key
from lifecycle.wire.contracts import event_of

app = noun("What was received, of whom and of which types.")

PAGE = 500
"""Touchpoints read at once."""

BESIDE, RETRACTED = "beside", "retracted"
"""Marks: a variant that does not count, since another came under the same id; one that was taken back."""

Row = tuple[Touchpoint, str]
"""A touchpoint, and why it does not count (its mark; "": it does)."""


@app.command("list")
def list_touchpoints(
    db: Database = None,
    person: Annotated[
        str | None, typer.Option("--person", metavar="ID", show_default=False, help="Only of this person, in order.")
    ] = None,
    type_: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", show_default=False, help="Only of this type.")
    ] = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="Only of types that the policy does not know.")] = False,
    conflicts: Annotated[
        bool,
        typer.Option("--conflicts", help="Only those of which several variants came under one id, with all of these."),
    ] = False,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """List the touchpoints that were received: of a person as they are folded, else by person, source and id.

    With --json they are CloudEvents, one a line, that `lifecycle run` reads.

    \b
    Examples:
      lifecycle touchpoints list --db sqlite:///lifecycle.db --person anna
      lifecycle touchpoints list --db sqlite:///lifecycle.db --unknown
      lifecycle touchpoints list --db sqlite:///lifecycle.db --json > log.jsonl
    """
    if conflicts and (type_ is not None or unknown):
        raise SettingsRefused("--conflicts goes with --person alone. Leave out --type and --unknown.")
    with asking_with_store(db, zone) as (store, questions):
        found = (
            _conflicting(store, person) if conflicts else _logged(store, questions, person, type_, only_unknown=unknown)
        )
        if json:
            print_json(_event(*row, marked=conflicts) for row in found)
            return
        times, reached, known = Times(questions.zone), questions.reached_at, questions.machine.types
        rows = (_row(*row, known=known, reached=reached, times=times) for row in found)
        # The first row before the heading: a name that is not known is refused before anything is printed.
        first = next(rows, None)
        say(f"{times.as_of(reached)}:{'' if first else ' none'}")
        print_table(chain(() if first is None else (first,), rows), indent="  ")


@app.command("types")
def list_types(db: Database = None, zone: Zone = None, json: Json = False, csv: Csv = False) -> None:
    """Count what was received by type, and say which types the policy does not know.

    \b
    Example:
      lifecycle touchpoints types --db sqlite:///lifecycle.db
    """
    one_form(json=json, as_csv=csv)
    with asking_with_store(db, zone) as (store, questions):
        counts = [(each, each.type in questions.machine.types) for each in store.type_counts()]
        times, reached = Times(questions.zone), questions.reached_at
    columns = ("type", "known", "touchpoints", "people", "first_at", "last_at")
    data = [
        (each.type, known, each.touchpoints, each.people, rfc3339(each.first_at), rfc3339(each.last_at))
        for each, known in counts
    ]
    if json:
        print_json(dict(zip(columns, row, strict=True)) for row in data)
    elif csv:
        print_csv(columns, ([name, "yes" if known else "no", *map(str, rest)] for name, known, *rest in data))
    else:
        say(f"{times.as_of(reached)}: {plural(sum(each.touchpoints for each, _ in counts), 'touchpoint')}")
        rows = [
            (
                each.type,
                number(each.touchpoints),
                f"of {plural(each.people, 'person', 'people')}",
                f"{times(each.first_at)} to {times(each.last_at)}",
                "" if known else "not known to the policy",
            )
            for each, known in counts
        ]
        print_table(rows, indent="  ", right=(1,))


def _logged(
    store: Store | Stores, questions: Questions, person: str | None, type_: str | None, *, only_unknown: bool
) -> Iterator[Row]:
    """Yield the touchpoints that count. Raises NotFound for a person or a type that nothing came of."""
    types = None
    if type_ is not None or only_unknown:
        there = {each.type for each in store.type_counts()}
        require_known("type of touchpoint", type_, there, short=questions.machine.types)
        types = {each for each in there if type_ in (None, each)}
        if only_unknown:
            types -= set(questions.machine.types)
    if person is None:
        after = None
        while page := store.iterate_log(after, types=types, limit=PAGE):
            yield from _marked(page, store, questions.reached_at)
            after = key_of(page[-1])
        return
    log = store.read_log({person: None}).get(person)
    if log is None:
        raise nobody(store, person)
    wanted = [each for each in sorted(log, key=order_key) if types is None or each.type in types]
    yield from _marked(wanted, store, questions.reached_at)


def _marked(touchpoints: Sequence[Touchpoint], store: Store | Stores, reached: datetime | None) -> Iterator[Row]:
    """Yield touchpoints with the mark of those that were retracted, as far as time has reached."""
    found = store.find_retractions({each.person for each in touchpoints})
    gone = {
        person: retracted(each for each in mine if reached is None or each.occurred_at <= reached)
        for person, mine in found.items()
    }
    for each in touchpoints:
        yield each, RETRACTED if name_of(each) in gone.get(each.person, {}) else ""


def _conflicting(store: Store | Stores, person: str | None) -> Iterator[Row]:
    """Yield each touchpoint of which several variants came, the one that counts first."""
    after, before = None, None
    while page := store.iterate_conflicts(after, person=person, limit=PAGE):
        counting = store.find_touchpoints({key_of(variant) for _, variant in page})
        for _, variant in page:
            key = key_of(variant)
            if key != before:
                yield counting[key], ""
            yield variant, BESIDE
            before = key
        after = page[-1][0]


def _event(touchpoint: Touchpoint, mark: str, *, marked: bool) -> dict[str, Any]:
    return {**event_of(touchpoint), "counts": mark != BESIDE} if marked else event_of(touchpoint)


def _row(
    touchpoint: Touchpoint, mark: str, *, known: Collection[str], reached: datetime | None, times: Times
) -> tuple[str, ...]:
    marks = [mark] if mark else []
    marks += [] if touchpoint.type in known else ["unknown type"]
    marks += ["waits"] if reached is not None and touchpoint.occurred_at > reached else []
    data = canonical_json.dumps(touchpoint.data)
    return (
        times(touchpoint.occurred_at),
        touchpoint.person,
        touchpoint.type,
        ", ".join(marks),
        f"{touchpoint.source} {touchpoint.id}",
        data if len(data) <= MAX_SHOWN else f"{data[:MAX_SHOWN]}...",
    )
