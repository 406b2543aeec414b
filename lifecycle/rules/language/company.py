"""Reading what a policy says of the company: its settings, its calendar, its kinds of contact, its lanes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time

from lifecycle.rules.language.calendar import knows_holidays
from lifecycle.rules.language.document import Listing, Node, Scalar, Table
from lifecycle.rules.language.findings import Setting, shown
from lifecycle.rules.language.guards import GuardReader
from lifecycle.rules.language.names import Names, Reading, Scope
from lifecycle.rules.language.policy import Calendar, ContactKind, Lane
from lifecycle.rules.language.schedule import Duration, parse_duration
from lifecycle.rules.language.vocabulary import is_zone

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]) to ([01][0-9]|2[0-3]):([0-5][0-9])")
_MOST = re.compile(r"([0-9]{1,4}) per (.+)")
# At the beginning of a value, so that a sentence may speak of dollars; and in the limit of a date.
_SETTING = re.compile(r"(date within )?\$([A-Za-z_][A-Za-z0-9_]*)")
USUAL_KIND = "contact"


def settle(reading: Reading, root: Table) -> Table:
    """Return the policy with every `$name` replaced by the value of its setting.

    A setting that depends on a fact has no one value: `Reading.settings` keeps it for durations.
    """
    table = reading.table(root.entries.get("settings"), '"settings"', root.place)
    values: dict[str, Scalar] = {}
    for name, node in table.entries.items():
        reading.name(name, table.places[name], "a setting")
        if isinstance(node, Scalar):
            if isinstance(node.value, str) and _SETTING.match(node.value):
                reading.findings.add(
                    node.place, "setting", "A setting is a value, not another setting. Write the value."
                )
            values[name] = node
        elif isinstance(node, Table) and "depends_on" in node.entries:
            reading.settings[name] = node
        else:
            message = f'The setting "{name}" is a value, or a table with depends_on and a duration for each word.'
            reading.findings.add(node.place, "setting", message)
    reading.values = values
    entries = {
        key: node if key == "settings" else _replaced(reading, node, values) for key, node in root.entries.items()
    }
    return Table(entries, root.places, root.place)


def _replaced(reading: Reading, node: Node, values: Mapping[str, Scalar]) -> Node:
    if isinstance(node, Listing):
        return Listing(tuple(_replaced(reading, item, values) for item in node.items), node.place)
    if isinstance(node, Table):
        entries = {key: _replaced(reading, item, values) for key, item in node.entries.items()}
        return Table(entries, node.places, node.place)
    match = _SETTING.match(node.value) if isinstance(node.value, str) else None
    if match is None or match[2] in reading.settings:
        return node
    found = values.get(match[2])
    if found is None:
        known = [f"${name}" for name in (*values, *reading.settings)]
        reading.findings.unknown(node.place, "unknown-setting", f"${match[2]}", "a setting", known)
        return Scalar("", node.place)
    before, rest = match[1] or "", match.string[match.end() :]
    if not rest or parse_duration(str(found.value)) is None:
        # A duration is right where it is written; what stands behind it is not of the setting.
        reading.findings.use(node.place, Setting(match[2], found.place))
    if not before and not rest:
        return Scalar(found.value, node.place, found.quoted)
    return Scalar(f"{before}{found.value}{rest}", node.place, node.quoted)


def read_calendar(reading: Reading, names: Names, root: Table) -> Calendar:
    """Return the calendar; what it does not say is UTC, no holidays, 09:00 to 17:00."""
    table = reading.table(root.entries.get("calendar"), '"calendar"', root.place)
    reading.keys(table, "a calendar", ("zone", "zone_from", "holidays", "holidays_from", "hours"))
    zone = reading.text(table, "zone", "the calendar", default="UTC")
    if not is_zone(zone):
        message = f'"{shown(zone)}" is not a time zone. Write one such as Europe/Vienna.'
        reading.findings.add(table.entries["zone"].place, "zone", message)
        zone = "UTC"
    country = reading.text(table, "holidays", "the calendar", default="") or None
    if country is not None and not knows_holidays(country):
        message = f'The holidays of "{shown(country)}" are not known. Write a country of two letters such as AT.'
        reading.findings.add(table.entries["holidays"].place, "holidays", message)
        country = None
    hours = _hours(reading, table, "hours", "09:00 to 17:00") or (time(9), time(17))
    if hours[0] >= hours[1]:
        reading.findings.add(table.entries["hours"].place, "hours", "Work ends after it begins. Turn the hours round.")
        hours = (time(9), time(17))
    return Calendar(
        zone=zone,
        zone_from=_fact_from(reading, names, table, "zone_from", "zone"),
        holidays=country,
        holidays_from=_fact_from(reading, names, table, "holidays_from", "country"),
        opens=hours[0],
        closes=hours[1],
        places=table.places,
    )


def _fact_from(reading: Reading, names: Names, table: Table, key: str, field: str) -> str | None:
    text = reading.text(table, key, "the calendar", default="")
    if not text:
        return None
    name = text.removeprefix("fact.")
    value = names.facts.get(name)
    place = table.entries[key].place
    if value is None or name == text:
        reading.findings.unknown(place, "unknown-fact", text, "a fact", [f"fact.{fact}" for fact in names.facts])
        return None
    if value.field != field:
        message = f'"{key}" needs a fact that remembers a field of the kind {field}; "{name}" is a {value.kind}.'
        advice = f'Write "{field}" as the kind of that field in every type it is taken from.'
        reading.findings.add(place, "fact", f"{message} {advice}")
        return None
    return name


def _hours(reading: Reading, table: Table, key: str, example: str) -> tuple[time, time] | None:
    read = reading.phrase(table, key, f'"{example}"')
    if read is None:
        return None
    match = _HOURS.fullmatch(read[0])
    if match is None:
        reading.findings.add(read[1], "hours", f'"{shown(read[0])}" are no hours. Write them as {example}.')
        return None
    begin, end = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
    if begin == end:
        reading.findings.add(read[1], "hours", "These hours begin and end at one time. Write how long they are.")
        return None
    return begin, end


def read_contacts(reading: Reading, guards: GuardReader, root: Table) -> dict[str, ContactKind]:
    """Return the kinds of contact in file order; without any, one kind that reaches the person, without limits."""
    table = reading.table(root.entries.get("contact"), '"contact"', root.place)
    if not table.entries:
        return {USUAL_KIND: ContactKind(USUAL_KIND, "", True, None, None, None, root.place)}
    kinds = {}
    for name, node in table.entries.items():
        place = table.places[name]
        what = f"the kind of contact {name}"
        reading.name(name, place, "a kind of contact")
        body = reading.table(node, what, place)
        reading.keys(body, "a kind of contact", ("means", "reaches", "most", "quiet", "stops"))
        reaches = reading.text(body, "reaches", what)
        if reaches not in ("person", "nobody", ""):
            reading.findings.unknown(body.entries["reaches"].place, "reaches", reaches, "reached", ("person", "nobody"))
        stops = body.entries.get("stops")
        kinds[name] = ContactKind(
            name=name,
            means=reading.text(body, "means", what, default=""),
            reaches=reaches != "nobody",
            most=_most(reading, body),
            quiet=_hours(reading, body, "quiet", "19:00 to 09:00"),
            stops=None if stops is None else guards.guard(stops, Scope(None, None)),
            place=place,
            places=body.places,
        )
    return kinds


def _most(reading: Reading, body: Table) -> tuple[int, Duration] | None:
    read = reading.phrase(body, "most", '"2 per 30 days"')
    if read is None:
        return None
    match = _MOST.fullmatch(read[0])
    if match is None or int(match[1]) == 0:
        message = f'"{shown(read[0])}" is no budget. Write a number from 1 and a time, such as 2 per 30 days.'
        reading.findings.add(read[1], "most", message)
        return None
    window = reading.plain_duration(match[2], read[1])
    if window is not None and window.number == 0:
        reading.findings.add(read[1], "most", "A budget is for a time longer than nothing.")
        return None
    return None if window is None else (int(match[1]), window)


def contact_of(reading: Reading, body: Table, kinds: Mapping[str, ContactKind], what: str, default: str) -> str:
    """Return the kind of contact that a task names, or the default."""
    name = reading.text(body, "contact", what, default=default)
    if name not in kinds:
        reading.findings.unknown(body.entries["contact"].place, "unknown-contact", name, "a kind of contact", kinds)
        return default
    return name


def read_lanes(reading: Reading, guards: GuardReader, root: Table) -> tuple[Lane, ...]:
    """Return the lanes from the top; no lane without customers stands above one with them."""
    node = root.entries.get("lanes")
    if not isinstance(node, Listing) or not node.items:
        place = root.place if node is None else node.place
        reading.findings.add(place, "missing", 'A policy needs "lanes", a list from the top.')
        return ()
    lanes: dict[str, Lane] = {}
    above: Lane | None = None
    for number, item in enumerate(node.items, 1):
        body = reading.table(item, "A lane", item.place)
        reading.keys(body, "a lane", ("is", "customers", "when"))
        when = body.entries.get("when")
        if when is None and number < len(node.items):
            message = f'Only the last lane may lack "when". Lane {number} hides lane {number + 1}.'
            reading.findings.add(item.place, "hidden", message)
        if when is not None and number == len(node.items):
            message = 'The last lane takes everybody else: write it without "when".'
            reading.findings.add(item.place, "lanes", message)
        name = reading.text(body, "is", "a lane")
        if name:
            reading.name(name, body.entries["is"].place, "a lane")
        if name in lanes:
            message = f'Two lanes are called "{name}". Give one another name.'
            reading.findings.add(item.place, "twice", message)
        guard = None if when is None else guards.guard(when, Scope(None, None))
        lanes[name] = lane = Lane(name, reading.flag(body, "customers", "a lane"), guard, item.place)
        if not lane.customers:
            above = above or lane
        elif above is not None:
            message = (
                f'"{name}" serves customers and stands below "{above.name}", which does not. Customers come first.'
            )
            reading.findings.add(above.place, "customers-first", message)
    return tuple(lanes.values())
