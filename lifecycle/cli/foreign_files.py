"""`lifecycle import`: rows of a foreign file to touchpoint lines, by a mapping."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lifecycle.cli.output import number, plural
from lifecycle.errors import SettingsRefused
from lifecycle.mapping import ImportResult, bad_rows_path, import_to_path, import_to_stream, load_mapping


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or columns, plain or gzip.")],
    mapping: Annotated[
        Path,
        typer.Option("--mapping", metavar="MAP", help="Says which columns and which rows become which touchpoints."),
    ],
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="Where the lines go; - is standard output.")] = "-",
) -> None:
    """Turn a foreign file into touchpoint lines.

    `run` and `publish` read them. Bad rows stop nothing: they are kept in a file of their own, with their row
    numbers and reasons, named after --out (or FILE) with .bad.csv at its end.

    \b
    Examples:
      lifecycle import --mapping examples/bpic2012/mapping.yaml events.csv.gz --out touchpoints.jsonl
      lifecycle import --mapping map.yaml rows.csv | lifecycle run --events - --db sqlite:///lifecycle.db
    """
    loaded = load_mapping(mapping)
    try:
        if out == "-":
            sys.stdout.flush()
            result = import_to_stream(loaded, file, sys.stdout.buffer, bad_rows=bad_rows_path(file, None))
        else:
            result = import_to_path(loaded, file, Path(out))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SettingsRefused(
            f"{error.filename or out} cannot be written: {error.strerror}. Name another --out."
        ) from error
    _summarise(result)


def _summarise(result: ImportResult) -> None:
    typer.echo(
        f"{plural(result.rows_read, 'row')} read, {plural(result.touchpoints_written, 'touchpoint')} written; "
        f"{number(result.rows_not_mapped)} rows not mapped, {number(result.bad_rows)} bad.",
        err=True,
    )
    for name, count in result.by_rule.items():
        typer.echo(f"  {name}: {number(count)}", err=True)
    if result.bad_rows_at is not None:
        for example in result.examples:
            typer.echo(f"  {example}", err=True)
        typer.echo(f"All bad rows are in {result.bad_rows_at}.", err=True)
