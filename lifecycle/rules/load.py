"""Policy text to a Policy, or a refusal that lists everything that is wrong, each with file:line:column.

Theory: names first (types, facts, tracks, stages), then the parts that use them, so that order in the file
never matters. This module checks shape and names; what follows from the rules is proved elsewhere.
Callers: command line, embedded run, worker, tests. Pure: the text is given, nothing is opened.
"""

from __future__ import annotations

import hashlib
from typing import Any

from lifecycle import canonical_json
from lifecycle.rules.document import Listing, Node, Scalar, Table, read_document
from lifecycle.rules.findings import Findings, Place
from lifecycle.rules.load_facts import NAME, fact_values, read_fact, read_types
from lifecycle.rules.load_guards import GuardReader
from lifecycle.rules.load_stages import Defaults, StageReader
from lifecycle.rules.names import PERSON, Names, Reading, Scope, TrackNames, types_named
from lifecycle.rules.policy import Fact, Lane, Policy, TouchpointType, Track

LANGUAGE = 1
TOP_KEYS = ("policy", "language", "means", "defaults", "lanes", "touchpoints", "facts", "tracks")
NOT_YET = {
    "settings": "values with a name",
    "calendar": "business time and zones",
    "contact": "kinds of contact",
    "includes": "parts of other policies",
}
TRACK_KEYS = ("per", "start", "begins", "facts", "upon", "stages", "formerly")


def load_policy(text: str, *, name: str = "policy") -> Policy:
    """Return the policy that a text holds. `name` stands for the file in messages.

    Raises PolicyRefused with all findings, sorted by place.
    """
    root = read_document(text, name=name)
    findings = Findings(name)
    reading = Reading(findings)
    reading.keys(root, "a policy", TOP_KEYS, NOT_YET)
    _check_language(reading, root)
    types = read_types(reading, _part(reading, root, "touchpoints"))
    tracks_table = _part(reading, root, "tracks")
    facts_table = reading.table(root.entries.get("facts"), '"facts"', root.place)
    names = _names(reading, types, facts_table, tracks_table)
    guards = GuardReader(reading, names)
    facts = _facts(reading, guards, names, facts_table, None)
    stages = StageReader(reading, guards, names, _defaults(reading, root))
    tracks = {
        track: _track(reading, stages, guards, names, track, node, tracks_table.places[track])
        for track, node in tracks_table.entries.items()
    }
    _check_circles(reading, facts)
    lanes = _lanes(reading, guards, root)
    findings.refuse()
    return Policy(
        name=reading.text(root, "policy", "a policy"),
        means=reading.text(root, "means", "a policy", default=""),
        hash=hashlib.blake2b(canonical_json.dumps(_plain(root)).encode("utf-8"), digest_size=8).hexdigest(),
        text=text,
        lanes=lanes,
        types=types,
        facts=facts,
        tracks=tracks,
    )


def _plain(node: Node) -> Any:
    # Lists of pairs, because the order of keys means something here (the first in its stage wins).
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Listing):
        return [_plain(item) for item in node.items]
    return [[key, _plain(value)] for key, value in node.entries.items()]


def _part(reading: Reading, root: Table, key: str) -> Table:
    if key not in root.entries:
        reading.findings.add(root.place, "missing", f'A policy needs "{key}".')
    return reading.table(root.entries.get(key), f'"{key}"', root.place)


def _check_language(reading: Reading, root: Table) -> None:
    reading.text(root, "policy", "a policy")
    node = root.entries.get("language")
    if node is None:
        reading.findings.add(root.place, "missing", 'A policy needs "language: 1".')
    elif not isinstance(node, Scalar) or node.value != LANGUAGE:
        reading.findings.add(
            node.place, "language", f"This program reads language {LANGUAGE}. Use a program that reads yours."
        )


def _names(reading: Reading, types: dict[str, TouchpointType], facts: Table, tracks: Table) -> Names:
    found = {}
    for name, node in tracks.entries.items():
        body = reading.table(node, f"The track {name}", tracks.places[name])
        per = reading.text(body, "per", f"the track {name}")
        stages = reading.table(body.entries.get("stages"), f'"stages" of {name}', body.place)
        own = reading.table(body.entries.get("facts"), f'"facts" of {name}', body.place)
        for word, place in {**stages.places, name: tracks.places[name], **own.places}.items():
            if not NAME.match(word) or word in ("stay", PERSON):
                reading.findings.add(
                    place, "name", f'"{word}" cannot be a name here. Lower case letters, digits and _.'
                )
        for hidden in own.places.keys() & facts.places.keys():
            reading.findings.add(
                own.places[hidden], "twice", f'"{hidden}" hides a fact of the policy. Give it another name.'
            )
        found[name] = TrackNames(per, tuple(stages.entries), fact_values(reading, own, types))
    for word, place in facts.places.items():
        if not NAME.match(word):
            reading.findings.add(
                place, "name", f'"{word}" cannot be the name of a fact. Lower case letters, digits and _.'
            )
    return Names(types, fact_values(reading, facts, types), found)


def _facts(
    reading: Reading, guards: GuardReader, names: Names, table: Table, track: str | None
) -> dict[str, Fact]:
    return {
        name: read_fact(reading, guards, names, name, node, table.places[name], track)
        for name, node in table.entries.items()
    }


def _defaults(reading: Reading, root: Table) -> Defaults:
    table = reading.table(root.entries.get("defaults"), '"defaults"', root.place)
    reading.keys(table, "defaults", ("by", "due", "expires"), {"contact": "kinds of contact"})
    usual = Defaults()
    return Defaults(
        reading.text(table, "by", "defaults", default=usual.by),
        reading.duration_of(table, "due") or usual.due,
        reading.duration_of(table, "expires") or usual.expires,
    )


def _track(
    reading: Reading,
    stages: StageReader,
    guards: GuardReader,
    names: Names,
    name: str,
    node: Node,
    place: Place,
) -> Track:
    body = reading.table(node, f"The track {name}", place)
    reading.keys(body, "a track", TRACK_KEYS)
    per = names.tracks[name].per
    start = reading.text(body, "start", f"the track {name}")
    known = names.tracks[name].stages
    if start and start not in known:
        reading.findings.unknown(
            body.places.get("start", place), "unknown-stage", start, f"a stage of {name}", known
        )
    by_type, by_whom = stages.upon(body.entries.get("upon"), name, f"the track {name}", place)
    stage_table = reading.table(body.entries.get("stages"), f'"stages" of {name}', place)
    if not stage_table.entries:
        reading.findings.add(place, "missing", f'The track {name} needs "stages".')
    facts_table = reading.table(body.entries.get("facts"), f'"facts" of {name}', place)
    return Track(
        name=name,
        slot_name=reading.text(body, "formerly", f"the track {name}", default=name),
        per=per,
        start=start,
        begins=_begins(
            reading, stages, names, name, body, place, (*by_type, *(f"any by {by}" for by in by_whom))
        ),
        facts=_facts(reading, guards, names, facts_table, name),
        upon=by_type,
        any_by=by_whom,
        stages={
            stage: stages.stage(stage, item, name, stage_table.places[stage])
            for stage, item in stage_table.entries.items()
        },
        place=place,
    )


def _begins(
    reading: Reading,
    stages: StageReader,
    names: Names,
    track: str,
    body: Table,
    place: Place,
    upon: tuple[str, ...],
) -> tuple[str, ...]:
    per = names.tracks[track].per
    if "begins" in body.entries:
        named = reading.words(body.entries["begins"], '"begins"')
    elif per == PERSON:
        return tuple(names.types)
    else:
        named = tuple((word, place) for word in upon)
    found: dict[str, None] = {}
    for word, at in named:
        types = types_named(word, names)
        if types is None:
            reading.findings.unknown(at, "unknown-type", word, "a touchpoint", names.types)
            continue
        stages.keyed(types, track, at, word)
        found.update(dict.fromkeys(types))
    keys = [kind for each in found if per != PERSON and (kind := names.types[each].field(per)) is not None]
    if any(kind.kind not in ("id", "words") for kind in keys):
        reading.findings.add(
            place, "key-kind", f'"{per}" names the instances of {track}, so it is an id or a list of words.'
        )
    if not found:
        reading.findings.add(place, "never-begins", f'Nothing begins the track {track}. Add "begins".')
    return tuple(found)


def _lanes(reading: Reading, guards: GuardReader, root: Table) -> tuple[Lane, ...]:
    node = root.entries.get("lanes")
    if not isinstance(node, Listing) or not node.items:
        reading.findings.add(
            root.place if node is None else node.place,
            "missing",
            'A policy needs "lanes", a list from the top.',
        )
        return ()
    lanes: list[Lane] = []
    for number, item in enumerate(node.items, 1):
        body = reading.table(item, "A lane", item.place)
        reading.keys(body, "a lane", ("is", "customers", "when"))
        when = body.entries.get("when")
        if when is None and number < len(node.items):
            reading.findings.add(
                item.place,
                "hidden",
                f'Only the last lane may lack "when". Lane {number} hides lane {number + 1}.',
            )
        name = reading.text(body, "is", "a lane")
        if any(lane.name == name for lane in lanes):
            reading.findings.add(
                item.place, "twice", f'Two lanes are called "{name}". Give one another name.'
            )
        guard = None if when is None else guards.guard(when, Scope(None, None))
        lanes.append(Lane(name, reading.flag(body, "customers", "a lane"), guard, item.place))
    if lanes and lanes[-1].when is not None:
        reading.findings.add(
            node.place, "lanes", 'The last lane takes everybody else: write it without "when".'
        )
    return tuple(lanes)


def _check_circles(reading: Reading, facts: dict[str, Fact]) -> None:
    uses = {
        name: {use for choice in fact.choices for use in facts_in(choice.when)}
        for name, fact in facts.items()
    }
    done: set[str] = set()
    for name in facts:
        waiting, seen = [name], set()
        while waiting:
            for use in uses.get(waiting.pop(), ()):
                if use == name and name not in done:
                    done.add(name)
                    reading.findings.add(
                        facts[name].place,
                        "circle",
                        f'The fact "{name}" chooses by itself, in a circle. Break it.',
                    )
                if use not in seen:
                    seen.add(use)
                    waiting.append(use)


def facts_in(guard: Any) -> set[str]:
    """Return the facts that a guard names (None: none)."""
    found: set[str] = set()
    for condition in () if guard is None else guard.conditions:
        if hasattr(condition, "guards"):
            for inner in condition.guards:
                found |= facts_in(inner)
        elif condition.space == "fact":
            found.add(condition.name)
    return found
