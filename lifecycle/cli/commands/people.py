"""`lifecycle people`: where people stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from lifecycle.api import open_engine
from lifecycle.cli.beginnings import asks_from
from lifecycle.cli.filters import is_overdue, lanes_of, require_known, require_stage, stands_at
from lifecycle.cli.noun import noun
from lifecycle.cli.options import Csv, Database, Json, asking
from lifecycle.cli.output import number, one_form, plural, print_csv, print_json, print_table, say
from lifecycle.cli.times import Times, Zone
from lifecycle.reading.answers import Census
from lifecycle.reading.questions import Questions
from lifecycle.rules.compiled.machine import Machine
from lifecycle.settings import Settings

app = noun("Where people stand.")

MAX_STAGES = 20
"""Stages of one person that a list shows; `people show` and the other forms show all."""

COLUMNS = ("person", "lane", "stages", "next_at", "next", "stopped")
"""Columns of CSV; times are RFC 3339 in UTC."""


@app.command("list")
def list_people(
    db: Database = None,
    lane: Annotated[
        str | None, typer.Option("--lane", metavar="LANE", show_default=False, help="Only people of this lane.")
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            "--stage", metavar="STAGE", show_default=False, help="Only people at this stage, alone or as TRACK.STAGE."
        ),
    ] = None,
    zone: Zone = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """List people, by id: lane, what happens next, and the stage in each track.

    The answer is of the moment that time has reached.

    \b
    Examples:
      lifecycle people list --db sqlite:///lifecycle.db | less
      lifecycle people list --db sqlite:///lifecycle.db --lane customer --stage need.went_elsewhere
      lifecycle people list --db sqlite:///lifecycle.db --json > people.jsonl
    """
    one_form(json=json, as_csv=csv)
    with asking(db, zone) as questions:
        require_known("lane", lane, lanes_of(questions.machine))
        require_stage(questions.machine, stage)
        people = (
            person
            for person in questions.people()
            if lane in (None, person["lane"]) and (stage is None or stands_at(person, stage))
        )
        if json:
            print_json(people)
        elif csv:
            print_csv(COLUMNS, map(_csv_row, people))
        else:
            times = Times(questions.zone)
            say(f"{times.as_of(questions.reached_at)}:")
            print_table((_row(person, times) for person in people), indent="  ")


@app.command("show")
def show_person(
    person: Annotated[str, typer.Argument(metavar="ID", help="The person's id, as touchpoints name them.")],
    db: Database = None,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Show one person: stages, facts, open tasks, and what happens next.

    \b
    Example:
      lifecycle people show anna@example.org --db sqlite:///lifecycle.db
    """
    with asking(db, zone) as questions:
        found = questions.person(person)
        tasks = list(questions.tasks(person=person))
        if json:
            print_json([{**found, "open_tasks": tasks}])
            return
        _show(found, tasks, questions)


@app.command("refold")
def refold_person(
    person: Annotated[str, typer.Argument(metavar="ID", help="The person's id, as touchpoints name them.")],
    db: Database = None,
) -> None:
    """Fold one person again from the whole log, as after a defect of the program is mended.

    Somebody whose fold failed is stopped: tasks and lane stay as they were, `people list` says why, and they are tried
    again at their next touchpoint, at the start of another version of the program, and by this command.

    \b
    Example:
      lifecycle people refold anna@example.org --db sqlite:///lifecycle.db
    """
    databases = Settings.load(database=db).need_databases()
    with open_engine(databases.urls[databases.home(person)], create=False) as lifecycle:
        stopped = lifecycle.refold(person)
    if stopped is not None:
        say(f"{person} is stopped still. {stopped} Tasks and lane are as they were. Please report it.")
        raise typer.Exit(1)
    say(f"{person} is folded again from the whole log. The next run, or the workers, tell what is new of their tasks.")


@app.command("count")
def count_people(db: Database = None, zone: Zone = None, json: Json = False) -> None:
    """Count people by track and stage, by lane, and those whom nothing will happen to.

    A person can be in several stages of a track that has an instance for each key, such as each need.

    \b
    Example:
      lifecycle people count --db sqlite:///lifecycle.db
    """
    with asking(db, zone) as questions:
        census, machine = questions.count(), questions.machine
        head = f"{Times(questions.zone).as_of(questions.reached_at)}:"
    if json:
        print_json([census_data(census, machine)])
        return
    say(head)
    for track in (table.track for table in machine.tracks.values()):
        rows = [
            (name, number(census.stages[track.name, name]), "loss" if stage.loss else "")
            for name, stage in track.stages.items()
            if (track.name, name) in census.stages
        ]
        if rows:
            say(track.name)
            print_table(rows, indent="  ", right=(1,))
    say("lanes")
    rows = [(lane, number(people), plural(census.tasks[lane], "open task")) for lane, people in census.lanes.items()]
    print_table(rows, indent="  ", right=(1,))
    say(
        f"{plural(census.people, 'person', 'people')}, {number(census.forgotten)} without a next obligation, "
        f"{number(census.stopped)} stopped"
    )
    if census.waiting:
        waiting = plural(census.waiting, "name has", "names have")
        say(f"{waiting} touchpoints that wait to be folded, until the worker, or the run, has read the rest")
    for line in asks_from(machine.ask_from, census, questions.reached_at, Times(questions.zone)):
        say(line)


def census_data(census: Census, machine: Machine) -> dict[str, Any]:
    """Return a census as canonical JSON data; every stage of the policy is named, also empty ones."""
    return {
        "people": census.people,
        "without_next_obligation": census.forgotten,
        "stopped": census.stopped,
        "waiting": census.waiting,
        "not_asked": census.not_asked,
        "asked_anew": census.asked_anew,
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


def _row(person: Mapping[str, Any], times: Times) -> tuple[str, ...]:
    stopped = f"stopped: {person['stopped']}; " if person["stopped"] else ""
    return (
        person["person"],
        person["lane"],
        next_in_words(person["next_obligation"], times),
        stopped + _stages(person, MAX_STAGES),
    )


def _csv_row(person: Mapping[str, Any]) -> tuple[str, ...]:
    following = person["next_obligation"]
    at, words = ("", "") if following is None else (following["at"], what_happens(following))
    return person["person"], person["lane"], _stages(person), at, words, person["stopped"] or ""


def _stages(person: Mapping[str, Any], most: int | None = None) -> str:
    told = [f"{place} {instance['stage']}" for place, instance in _instances(person)]
    more = [f"and {number(len(told) - most)} more"] if most is not None and len(told) > most else []
    return ", ".join([*told[:most], *more])


def _instances(person: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for track, instances in person["tracks"].items():
        for instance in instances:
            yield place_in_words(track, instance["key"]), instance


def place_in_words(track: str, key: str | None) -> str:
    """Return an instance of a track as lists name it."""
    return f"{track}[{key}]" if key else track


def next_in_words(obligation: Mapping[str, Any] | None, times: Times) -> str:
    """Return what happens next and when."""
    return "next: nothing" if obligation is None else f"next: {times(obligation['at'])} {what_happens(obligation)}"


def what_happens(obligation: Mapping[str, Any]) -> str:
    """Return what will happen at the moment of an obligation: of an overdue task, that it expires."""
    place = place_in_words(obligation["track"], obligation["key"])
    name = obligation["name"]
    if obligation["then"] == "moves":
        return f"time moves {place} to {name.removeprefix('later/')}"
    how = {"due": "is due", "expires": "expires, it is overdue", "opens": "is asked"}[obligation["then"]]
    return f"{name} of {place} {how}"


def _show(person: Mapping[str, Any], tasks: list[dict[str, Any]], questions: Questions) -> None:
    times, now = Times(questions.zone), questions.reached_at
    say(f"{times.as_of(now)}: {person['person']}, lane {person['lane']}")
    if person["stopped"]:
        say(f"stopped: {person['stopped']}")
    say("stages")
    for place, instance in _instances(person):
        track, _, _ = place.partition("[")
        stage = questions.machine.tracks[track].stages[instance["stage"]].stage
        say(f"  {place}: {instance['stage']} since {times(instance['since'])}. {stage.means}")
        for name, value in sorted(instance["facts"].items()):
            say(f"    {name}: {times.value(value)}")
        if instance["next"] is not None:
            say(f"    {next_in_words(instance['next'], times)}")
    say("facts")
    print_table([(name, times.value(value)) for name, value in sorted(person["facts"].items())], indent="  ")
    say("open tasks" if tasks else "no open task")
    rows = [
        (
            f"due {times(task['due_at'])}",
            "overdue" if is_overdue(task, now) else "",
            f"{task['kind']} of {place_in_words(task['track'], task['key'])}",
            f"by {task['by']}",
            task["id"],
            task["ask"],
        )
        for task in sorted(tasks, key=lambda task: (task["due_at"], task["id"]))
    ]
    print_table(rows, indent="  ")
    if person["limits"] is not None:
        counted = (f"{count} {name.replace('_', ' ')}" for name, count in person["limits"].items() if count)
        say(f"limits: {', '.join(counted)}")
    say(next_in_words(person["next_obligation"], times))
