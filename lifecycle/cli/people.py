"""`lifecycle people`: where people stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from lifecycle.cli.options import Database, Json, asking
from lifecycle.cli.output import minute, number, plural, print_json, print_table, value_in_words
from lifecycle.reading import Census
from lifecycle.rules.machine import Machine

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Where people stand.")


@app.command("list")
def list_people(db: Database = None, json: Json = False) -> None:
    """List everybody, by id: lane, stage of each track, and what happens next.

    \b
    Examples:
      lifecycle people list --db sqlite:///lifecycle.db | less
      lifecycle people list --db sqlite:///lifecycle.db --json > people.jsonl
    """
    with asking(db) as questions:
        if json:
            print_json(questions.people())
            return
        for person in questions.people():
            typer.echo(_line(person))


@app.command("show")
def show_person(
    person: Annotated[str, typer.Argument(metavar="ID", help="The person's id, as touchpoints name them.")],
    db: Database = None,
    json: Json = False,
) -> None:
    """Show one person: stages, facts, open tasks, and what happens next.

    \b
    Example:
      lifecycle people show anna@example.org --db sqlite:///lifecycle.db
    """
    with asking(db) as questions:
        found = questions.person(person)
        if json:
            print_json([found])
            return
        _show(found, questions.machine)


@app.command("count")
def count_people(db: Database = None, json: Json = False) -> None:
    """Count people by track and stage, by lane, and those whom nothing will happen to.

    A person can be in several stages of a track that has an instance for each key, such as each need.

    \b
    Example:
      lifecycle people count --db sqlite:///lifecycle.db
    """
    with asking(db) as questions:
        census, machine = questions.count(), questions.machine
    if json:
        print_json([census_data(census, machine)])
        return
    for track in machine.policy.tracks.values():
        rows = [
            (name, number(census.stages[track.name, name]), "loss" if stage.loss else "")
            for name, stage in track.stages.items()
            if (track.name, name) in census.stages
        ]
        if rows:
            typer.echo(track.name)
            print_table(rows, indent="  ", right=(1,))
    typer.echo("lanes")
    rows = [(lane, number(people), plural(census.tasks[lane], "open task")) for lane, people in census.lanes.items()]
    print_table(rows, indent="  ", right=(1,))
    typer.echo(
        f"{plural(census.people, 'person', 'people')}, {number(census.forgotten)} without a next obligation, "
        f"{number(census.stopped)} stopped"
    )


def census_data(census: Census, machine: Machine) -> dict[str, Any]:
    """Return a census as canonical JSON data; every stage of the policy is named, also empty ones."""
    return {
        "people": census.people,
        "without_next_obligation": census.forgotten,
        "stopped": census.stopped,
        "lanes": census.lanes,
        "open_tasks": census.tasks,
        "tracks": {
            track.name: {
                stage.name: {"count": census.stages.get((track.name, stage.name), 0), "loss": stage.loss}
                for stage in track.stages.values()
            }
            for track in machine.policy.tracks.values()
        },
    }


def _line(person: Mapping[str, Any]) -> str:
    stages = ", ".join(f"{place} {instance['stage']}" for place, instance in _instances(person))
    return f"{person['person']}  {person['lane']}  {stages}  {_next(person['next_obligation'])}" + (
        f"  stopped: {person['stopped']}" if person["stopped"] else ""
    )


def _instances(person: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for track, instances in person["tracks"].items():
        for instance in instances:
            key = instance["key"]
            yield f"{track}[{key}]" if key else track, instance


def _next(obligation: Mapping[str, Any] | None) -> str:
    if obligation is None:
        return "next: nothing"
    key = f"[{obligation['key']}]" if obligation["key"] else ""
    return f"next: {minute(obligation['at'])} {obligation['what']} {obligation['track']}{key} {obligation['name']}"


def _show(person: Mapping[str, Any], machine: Machine) -> None:
    typer.echo(f"{person['person']}, lane {person['lane']}")
    if person["stopped"]:
        typer.echo(f"stopped: {person['stopped']}")
    typer.echo("stages")
    for track, instances in person["tracks"].items():
        for instance in instances:
            stage = machine.policy.tracks[track].stages[instance["stage"]]
            place = f"{track}[{instance['key']}]" if instance["key"] else track
            typer.echo(f"  {place}: {instance['stage']} since {minute(instance['since'])}. {stage.means}")
            for name, value in sorted(instance["facts"].items()):
                typer.echo(f"    {name}: {value_in_words(value)}")
            if instance["next"] is not None:
                typer.echo(f"    {_next(instance['next'])}")
    typer.echo("facts")
    print_table([(name, value_in_words(value)) for name, value in sorted(person["facts"].items())], indent="  ")
    typer.echo(_next(person["next_obligation"]))
