"""`lifecycle policy test`, `diagram`, `describe`, `schema`: what a policy says, told to those who write it.

Nothing here opens a database. policy.py has the other commands of the noun, and takes these in.
What is generated from policies and from the language (`generated_files`) is written by reference.py.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lifecycle.cli.exits import FAILED, MISUSED, code_of
from lifecycle.cli.output import plural, say, say_lines
from lifecycle.cli.terminal import safe_lines
from lifecycle.errors import FileRefused, NotFound, PolicyRefused, SettingsRefused, reason_of
from lifecycle.policies import active_policy, read_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.language.data_schema import type_schemas
from lifecycle.rules.language.findings import nearest
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.language.schema import policy_schema_text
from lifecycle.rules.scenarios.run import report, run_scenario
from lifecycle.rules.scenarios.table import MAX_BYTES, is_called, policy_named, read_scenario
from lifecycle.rules.telling import diagram as drawing
from lifecycle.rules.telling.describe import describe as describe_stage, stages_called

DRAWING_SECONDS = 60
"""Longest time that Graphviz may take."""

PAGE = Path("docs/policies/customer_first.md")
SCHEMA = Path("schemas/policy.schema.json")
COMMAND = "python -m lifecycle.cli.reference"


class Format(StrEnum):
    """What a diagram is written as."""

    mermaid = "mermaid"
    dot = "dot"
    svg = "svg"


File = Annotated[Path, typer.Argument(metavar="POLICY", help="The policy, in YAML.")]
Chosen = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", show_default=False, help="The policy. Without it the default."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to those of the noun `policy`."""
    app.command("test")(run_tables)
    app.command("diagram")(diagram)
    app.command("describe")(describe)
    app.command("schema")(schema)
    app.command("show")(show)


def run_tables(
    policy: File,
    scenarios: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[SCENARIOS]...", show_default=False, help="Tables, or folders of them (*.txt)."),
    ] = None,
) -> None:
    """Run scenario tables against a policy: what should happen to a person, row by row.

    Everything that happens and is not written fails, and everything written that does not happen. Without
    SCENARIOS the folder `scenarios` beside the policy is run; of a folder, the tables about this policy. Ends
    with 0 (all passed), 1 (some failed, or the policy is refused) or 2 (a policy or a table cannot be read).

    \b
    Example:
      lifecycle policy test my_policy.yaml
    """
    try:
        machine = compile_policy(read_policy(policy))
        files = _tables(scenarios or [policy.parent / "scenarios"], _names(machine, policy))
    except (PolicyRefused, NotFound) as error:
        _say(error)
        raise typer.Exit(code_of(error)) from None
    outcomes = [_run(machine, policy, file) for file in files]
    failed, unreadable = outcomes.count(FAILED), outcomes.count(MISUSED)
    said = [f"{plural(len(files), 'scenario')}: {outcomes.count(0)} passed"]
    said += [f"{failed} failed"] if failed else []
    said += [f"{unreadable} cannot be read"] if unreadable else []
    typer.echo(", ".join(said) + ".", err=True)
    raise typer.Exit(max(outcomes))


def _names(machine: Machine, policy: Path) -> tuple[str, ...]:
    return (machine.policy.name, policy.stem)


def _tables(given: Sequence[Path], names: Collection[str]) -> list[Path]:
    """Return the tables to run; of a folder those that name this policy or none. Raises NotFound."""
    found: list[Path] = []
    for path in given:
        if not path.exists():
            raise FileRefused(f"{path} is not there. Name a scenario table, or a folder of them.")
        if not path.is_dir():
            found.append(path)
            continue
        inside = {file: policy_named(_text(file)) for file in sorted(path.glob("*.txt"))}
        for file, named in inside.items():
            if is_called(named, names):
                found.append(file)
            else:
                typer.echo(f"not run {file}: it is about {named}", err=True)
        if not any(is_called(named, names) for named in inside.values()):
            raise FileRefused(f"{path} holds no scenario tables (*.txt) about this policy. Name them, or write one.")
    return found


def _text(file: Path) -> str:
    """Return the text of a table, cut where it is too large to be one. Raises NotFound."""
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} cannot be read: {reason_of(error)}. Check the path and its encoding (UTF-8)."
        raise FileRefused(message) from error


def _run(machine: Machine, policy: Path, file: Path) -> int:
    """Run one table, tell what failed, and return its exit code."""
    try:
        scenario = read_scenario(_text(file), machine.policy, name=str(file), called=_names(machine, policy))
    except (PolicyRefused, NotFound) as error:
        _say(error)
        return MISUSED
    results = run_scenario(machine, scenario)
    failed = [each for each in results if not each.passed]
    for each in failed:
        say_lines(report(scenario, each))
    left = len(scenario.rows) - len(results)
    rows = f"{len(failed)} of {plural(len(results), 'row')} failed" if failed else plural(len(results), "row")
    rows += f", {left} not run" if left else ""
    say(f"{'failed' if failed else 'passed'}  {file}  {scenario.title} ({rows})")
    return FAILED if failed else 0


def _say(error: Exception | str) -> None:
    typer.echo(f"lifecycle: {safe_lines(str(error))}", err=True)


def diagram(
    policy: File,
    format: Annotated[Format, typer.Option("--format", help="mermaid, dot (Graphviz) or svg.")] = Format.mermaid,  # noqa: A002
    track: Annotated[
        str | None, typer.Option("--track", metavar="TRACK", show_default=False, help="This track alone.")
    ] = None,
) -> None:
    """Draw a policy: stages, what moves people between them, losses, rests and reviews.

    svg is drawn by Graphviz, which must be installed for it.

    \b
    Example:
      lifecycle policy diagram my_policy.yaml --track need --format svg > need.svg
    """
    machine = compile_policy(read_policy(policy))
    if track is not None and track not in machine.tracks:
        raise NotFound(f'{policy} has no track "{track[:80]}". {nearest(track, machine.tracks)}')
    tracks = None if track is None else [track]
    if format is Format.mermaid:
        typer.echo(drawing.mermaid(machine, tracks), nl=False)
    elif format is Format.dot:
        typer.echo(drawing.dot(machine, tracks), nl=False)
    else:
        typer.echo(_svg(drawing.dot(machine, tracks)), nl=False)


def _svg(graph: str) -> str:
    """Return a dot graph drawn by Graphviz. Raises NotFound where it is not installed; ends where it fails."""
    program = shutil.which("dot")
    if program is None:
        raise NotFound(
            "svg is drawn by Graphviz, and its program `dot` is not here. Install Graphviz (apt install graphviz, "
            "brew install graphviz, choco install graphviz), or write --format mermaid or --format dot."
        )
    try:
        done = subprocess.run(
            [program, "-Tsvg"], input=graph.encode(), capture_output=True, timeout=DRAWING_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        _say(f"Graphviz did not finish within {DRAWING_SECONDS} seconds. Draw one track alone with --track.")
        raise typer.Exit(FAILED) from None
    if done.returncode != 0:
        _say(f"Graphviz failed: {done.stderr.decode(errors='replace').strip()[:300]}")
        raise typer.Exit(FAILED)
    return done.stdout.decode()


def describe(
    stage: Annotated[str, typer.Argument(metavar="STAGE", help="The stage, alone or as TRACK.STAGE.")],
    policy: Chosen = None,
) -> None:
    """Tell in sentences what a stage means, what leads here, what leaves it, and what is asked meanwhile.

    \b
    Example:
      lifecycle policy describe need.went_elsewhere
    """
    machine = compile_policy(_chosen(policy))
    for number, (track, name) in enumerate(stages_called(machine.policy, stage)):
        say_lines(("\n" if number else "") + "\n".join(describe_stage(machine, track, name)))


def show(
    policy: Chosen = None,
    generated: Annotated[
        bool, typer.Option("--generated", help="What the policy is written into for folding, as Python text, instead.")
    ] = False,
) -> None:
    """Print a policy as it is folded: with all that it includes, in one text.

    With --generated, the functions that are written for it: guards, facts, waits. That text is never read
    from a file; it is made anew from the policy each time.

    \b
    Example:
      lifecycle policy show --policy my_policy.yaml
      lifecycle policy show --generated
    """
    chosen = _chosen(policy)
    typer.echo(compile_policy(chosen).guards.writer.text if generated else chosen.text, nl=False)


def schema(
    types: Annotated[bool, typer.Option("--types", help="The data of each touchpoint type instead.")] = False,
    policy: Chosen = None,
) -> None:
    """Print the JSON Schema of the policy language, for editors; or, with --types, of what a policy expects as data.

    \b
    Example:
      lifecycle policy schema > policy.schema.json
      lifecycle policy schema --types --policy my_policy.yaml
    """
    if types:
        typer.echo(json.dumps(type_schemas(_chosen(policy)), indent=2, ensure_ascii=False))
    elif policy is None:
        typer.echo(policy_schema_text(), nl=False)
    else:
        raise SettingsRefused("The schema of the language is one for all policies. Add --types, or leave out --policy.")


def _chosen(policy: Path | None) -> Policy:
    return active_policy(None) if policy is None else read_policy(policy)


def generated_files() -> Mapping[Path, str]:
    """Return file -> text of what is generated from the language and from the default policy."""
    machine = compile_policy(active_policy(None))
    page = drawing.page(machine, title=f"The default policy, drawn: {machine.policy.name}", command=COMMAND)
    return {SCHEMA: policy_schema_text(), PAGE: page}
