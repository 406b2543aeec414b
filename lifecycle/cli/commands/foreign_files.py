"""`lifecycle import`: rows of a foreign file to touchpoint lines, by a mapping."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lifecycle.cli.exits import FAILED
from lifecycle.cli.output import number, plural
from lifecycle.cli.terminal import safe
from lifecycle.errors import FileRefused, SettingsRefused, reason_of
from lifecycle.mapping import (
    ImportMapping,
    ImportResult,
    bad_rows_path,
    check_of,
    import_to_path,
    import_to_stream,
    load_mapping,
    require_fit,
)
from lifecycle.mapping.convert import Check
from lifecycle.policies import read_policy
from lifecycle.rules.compiled.compile import compile_policy

MappingFile = Annotated[
    Path, typer.Option("--mapping", metavar="MAP", help="Says which columns and which rows become which touchpoints.")
]
Foreign = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE", help="CSV, columns or JSON lines, plain or gzip; - is standard input.", show_default=False
    ),
]
Lines = Annotated[str, typer.Option("--out", metavar="FILE", help="Where the lines go; - is standard output.")]
Judge = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        show_default=False,
        help="Refuse here what this policy would refuse later. Without it data are not checked by their types.",
    ),
]
Checked = Annotated[
    bool, typer.Option("--check", help="Write nothing: check the mapping, and the rows of FILE if it is given.")
]
Allowed = Annotated[int, typer.Option("--allow", metavar="N", min=0, help="So many bad rows are no failure.")]


def import_file(
    mapping: MappingFile,
    file: Foreign = None,
    out: Lines = "-",
    policy: Judge = None,
    check: Checked = False,
    allow: Allowed = 0,
) -> None:
    """Turn a foreign file into touchpoint lines.

    `run` and `publish` read them. What is refused stops nothing else: it is kept in a file of its own, with row, rule,
    column and reason, named after --out (or FILE) with .bad.csv at its end, and the exit code is 1. docs/mapping.md
    teaches mappings.

    \b
    Examples:
      lifecycle import --mapping examples/bpic2012/mapping.yaml events.csv.gz --out touchpoints.jsonl
      lifecycle import --mapping map.yaml rows.csv | lifecycle run --events - --db sqlite:///lifecycle.db
      lifecycle import --mapping map.yaml --policy policy.yaml --check rows.csv
    """
    loaded = load_mapping(mapping)
    judge = None if policy is None else _judged_by(policy, loaded)
    if file is None:
        if not check:
            raise SettingsRefused("Which file is to be imported? Name it, - for standard input, or give --check.")
        _tell(f"{mapping} is a mapping with {plural(len(loaded.rules), 'rule')}, without a fault.")
        return
    result = _imported(loaded, Path(file), out=None if check else out, judge=judge)
    _summarise(result, checked=check)
    if result.bad_rows > allow:
        _tell(f"Bad rows are a failure. Mend them or the mapping, or let them be: --allow {result.bad_rows}.")
        raise typer.Exit(FAILED)


def _judged_by(policy: Path, mapping: ImportMapping) -> Check:
    machine = compile_policy(read_policy(policy))
    for note in require_fit(mapping, machine):
        _tell(note)
    return check_of(machine)


def _imported(mapping: ImportMapping, file: Path, *, out: str | None, judge: Check | None) -> ImportResult:
    try:
        if out is None:
            return import_to_stream(mapping, file, None, bad_rows=None, check=judge)
        if out != "-":
            if Path(out).exists() and file.exists() and Path(out).samefile(file):
                raise SettingsRefused(f"{out} is the file that is read. Name another --out.")
            return import_to_path(mapping, file, Path(out), check=judge)
        sys.stdout.flush()
        return import_to_stream(mapping, file, sys.stdout.buffer, bad_rows=bad_rows_path(file, None), check=judge)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileRefused(
            f"{error.filename or out} cannot be written: {reason_of(error)}. Name another --out."
        ) from error


def _summarise(result: ImportResult, *, checked: bool) -> None:
    written = f"{plural(result.touchpoints_written, 'touchpoint')} {'would be ' if checked else ''}written"
    not_mapped = f"{plural(result.rows_not_mapped, 'row')} not mapped, {number(result.bad_rows)} bad"
    _tell(f"{plural(result.rows_read, 'row')} read, {written}; {not_mapped}.")
    for name, count in result.by_rule.items():
        _tell(f"  {name}: {number(count)}")
    if result.repeated:
        _tell(f"  came before, with the same id and content: {number(result.repeated)}")
    for (rule, reason), count in result.refused.items():
        _tell(f"  refused, {rule}, {reason}: {number(count)}")
    for column in result.unseen:
        _tell(f'  "{column}" stands in no line.')
    for example in result.examples:
        _tell(f"  {example}")
    if result.bad_rows_at is not None:
        _tell(f"All of them are in {result.bad_rows_at}.")


def _tell(line: str) -> None:
    typer.echo(safe(line), err=True)
