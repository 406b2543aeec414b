"""Policy text to a Policy, or a refusal that lists everything that is wrong, each with file:line:column.

Theory: names first (types, facts, tracks, stages), then the parts that use them, so that order in the file
never matters. This module checks shape and names; what follows from the rules is proved elsewhere.
Callers: command line, embedded run, worker, tests. Pure: the text is given, nothing is opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import simplejson

from lifecycle import canonical_json
from lifecycle.rules.language.aging import aging_facts
from lifecycle.rules.language.company import contact_of, read_calendar, read_contacts, read_lanes, settle
from lifecycle.rules.language.document import Listing, Node, Scalar, Table, read_document
from lifecycle.rules.language.facts import check_circles, fact_values, read_fact, read_types, words_of_choices
from lifecycle.rules.language.findings import Findings, Place
from lifecycle.rules.language.guards import GuardReader
from lifecycle.rules.language.includes import Find, Joiner
from lifecycle.rules.language.names import PERSON, TOO_MANY, Names, Reading, TrackNames, is_built_in
from lifecycle.rules.language.policy import ContactKind, Fact, Policy, TouchpointType, Track
from lifecycle.rules.language.saying import AskReader
from lifecycle.rules.language.stages import StageReader
from lifecycle.rules.language.tasks import Defaults

LANGUAGE = 1
TOP_KEYS = (
    *("policy", "language", "means", "includes", "settings", "calendar", "contact"),
    *("defaults", "lanes", "touchpoints", "facts", "tracks"),
)
TRACK_KEYS = ("per", "start", "begins", "facts", "upon", "stages", "formerly")


def load_policy(text: str, *, name: str = "policy", find: Find | None = None) -> Policy:
    """Return the policy that a text holds. `name` stands for the file in messages.

    `find` gives the policies that this one includes (None: there are none to include). The text of a policy
    that includes others is one whole document again, so that it can be kept and read without them.
    Raises PolicyRefused with all findings, sorted by place.
    """
    findings = Findings(name, text=text)
    reading = Reading(findings)
    document = read_document(text, name=name)
    _check_top(reading, document)
    if "includes" in document.entries:
        document = Joiner(reading, find).join(document, ())
        findings.refuse()  # what is not there would be missing everywhere
        text = _as_text(document)
    root = settle(reading, document)
    title, means = _title(reading, root)
    types = read_types(reading, _part(reading, root, "touchpoints"))
    tracks_table = _part(reading, root, "tracks")
    facts_table = reading.table(root.entries.get("facts"), '"facts"', root.place)
    names = _names(reading, types, facts_table, tracks_table)
    guards = GuardReader(reading, names)
    facts = _facts(reading, guards, names, facts_table, None)
    check_circles(reading, {}, facts)
    reading.words_of, reading.aging = words_of_choices(facts), aging_facts(facts)
    contacts = read_contacts(reading, guards, root)
    asks = AskReader(reading, names, facts)
    stages = StageReader(reading, guards, names, _defaults(reading, root, contacts, asks), contacts, asks)
    tracks = {
        track: _TrackReader(reading, stages, guards, names, track, node, tracks_table.places[track]).read(facts)
        for track, node in tracks_table.entries.items()
    }
    lanes = read_lanes(reading, guards, root)
    calendar = read_calendar(reading, names, root)
    for setting in reading.settings:
        reading.by_fact(setting)  # whether it is used or not
    findings.refuse()
    return Policy(
        name=title,
        means=means,
        hash=hashlib.blake2b(canonical_json.dumps(_plain(root)).encode("utf-8"), digest_size=8).hexdigest(),
        text=text,
        calendar=calendar,
        contacts=contacts,
        lanes=lanes,
        types=types,
        facts=facts,
        tracks=tracks,
    )


def _check_top(reading: Reading, document: Table) -> None:
    """Report keys that are none, and nothing else where one of them is a misspelt part: all would follow from it."""
    reading.keys(document, "a policy", TOP_KEYS)
    if reading.findings.misspelt:
        reading.findings.refuse()


def _plain(node: Node) -> Any:
    # Lists of pairs, because the order of keys means something here (the first in its stage wins).
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Listing):
        return [_plain(item) for item in node.items]
    return [[key, _plain(value)] for key, value in node.entries.items() if key != "includes"]


def _as_text(root: Table) -> str:
    """Return a joined policy as one document: JSON, which is YAML too."""

    def value(node: Node) -> Any:
        if isinstance(node, Scalar):
            return node.value
        if isinstance(node, Listing):
            return [value(item) for item in node.items]
        return {key: value(item) for key, item in node.entries.items() if key != "includes"}

    return simplejson.dumps(value(root), use_decimal=True, ensure_ascii=False, indent=1)


def _part(reading: Reading, root: Table, key: str) -> Table:
    table = reading.table(root.entries.get(key), f'"{key}"', root.place)
    if key not in root.entries:
        reading.findings.add(root.place, "missing", f'A policy needs "{key}".')
    elif isinstance(root.entries[key], Table) and not table.entries:
        reading.findings.add(table.place, "missing", f'"{key}" is empty. A policy needs at least one.')
    return table


def _title(reading: Reading, root: Table) -> tuple[str, str]:
    """Return name and meaning; check the version of the language."""
    node = root.entries.get("language")
    if node is None:
        reading.findings.add(root.place, "missing", 'A policy needs "language: 1".')
    elif not isinstance(node, Scalar) or type(node.value) is not int or node.value != LANGUAGE:
        message = (
            f"This program reads language {LANGUAGE}. Write language: {LANGUAGE}, or use a program that reads yours."
        )
        reading.findings.add(node.place, "language", message)
    return reading.text(root, "policy", "a policy"), reading.text(root, "means", "a policy", default="")


def _names(reading: Reading, types: dict[str, TouchpointType], facts: Table, tracks: Table) -> Names:
    found = {}
    for name, place in facts.places.items():
        reading.name(name, place, "a fact")
    for name, node in tracks.entries.items():
        reading.name(name, tracks.places[name], "a track")
        if name == TOO_MANY:
            message = f'Every policy has a track "{TOO_MANY}" already: it tells of limits. Give this one another name.'
            reading.findings.add(tracks.places[name], "name", message)
        body = reading.table(node, f"The track {name}", tracks.places[name])
        stages = reading.table(body.entries.get("stages"), f'"stages" of {name}', body.place)
        for stage, place in stages.places.items():
            reading.name(stage, place, "a stage")
            if stage == "stay":
                message = 'A stage cannot be called "stay": as a target that means that nothing happens.'
                reading.findings.add(place, "name", message)
        own = reading.table(body.entries.get("facts"), f'"facts" of {name}', body.place)
        for fact, place in own.places.items():
            reading.name(fact, place, "a fact")
            if fact in facts.places:
                message = f'"{fact}" hides a fact of the policy. Give it another name.'
                reading.findings.add(place, "twice", message)
        per = reading.text(body, "per", f"the track {name}")
        _check_key(reading, types, per, name, body.entries.get("per", body).place)
        found[name] = TrackNames(per, tuple(stages.entries), fact_values(own, types))
    return Names(types, fact_values(facts, types), found)


def _check_key(reading: Reading, types: dict[str, TouchpointType], per: str, track: str, place: Place) -> None:
    """Check that the key of a track is a field, and one that can name something, in every type that has it."""
    if not per or per == PERSON:
        return
    kinds = {name: field.kind for name, declared in types.items() if (field := declared.field(per)) is not None}
    if not kinds:
        known = {PERSON, *(each for declared in types.values() for each in declared.fields)}
        reading.findings.unknown(place, "no-key", per, "a field of any touchpoint", known)
    for name, kind in kinds.items():
        if kind not in ("id", "words"):
            message = f'"{per}" names the instances of {track}, so in {name} too it is an id or a list of words.'
            reading.findings.add(types[name].places.get(per, place), "key-kind", message)


def _facts(reading: Reading, guards: GuardReader, names: Names, table: Table, track: str | None) -> dict[str, Fact]:
    return {
        name: read_fact(reading, guards, names, name, node, table.places[name], track)
        for name, node in table.entries.items()
    }


def _defaults(reading: Reading, root: Table, contacts: Mapping[str, ContactKind], asks: AskReader) -> Defaults:
    table = reading.table(root.entries.get("defaults"), '"defaults"', root.place)
    reading.keys(table, "defaults", ("by", "contact", "due", "expires"))
    usual = Defaults()
    return Defaults(
        asks.by(table, "defaults", None, usual.by),
        contact_of(reading, table, contacts, "defaults", next(iter(contacts))),
        reading.duration_of(table, "due") or usual.due,
        reading.duration_of(table, "expires") or usual.expires,
    )


class _TrackReader:
    """Reads one track."""

    def __init__(
        self,
        reading: Reading,
        stages: StageReader,
        guards: GuardReader,
        names: Names,
        name: str,
        node: Node,
        place: Place,
    ) -> None:
        self.reading, self.stages, self.guards, self.names = reading, stages, guards, names
        self.name = name
        self.place = place
        self.body = reading.table(node, f"The track {name}", place)
        self.per = names.tracks[name].per

    def read(self, policy_facts: dict[str, Fact]) -> Track:
        """Return the track; `policy_facts` are the facts of the whole policy."""
        name, body, reading, place = self.name, self.body, self.reading, self.place
        reading.keys(body, "a track", TRACK_KEYS)
        start = reading.text(body, "start", f"the track {name}")
        self.stages.known_stage(start, name, body.entries.get("start", body).place)
        by_type, by_whom = self.stages.upon(body.entries.get("upon"), name, f"the track {name}", place)
        stage_table = reading.table(body.entries.get("stages"), f'"stages" of {name}', place)
        if not stage_table.entries:
            reading.findings.add(place, "missing", f'The track {name} needs "stages".')
        facts_table = reading.table(body.entries.get("facts"), f'"facts" of {name}', place)
        facts = _facts(reading, self.guards, self.names, facts_table, name)
        check_circles(reading, policy_facts, facts)
        self.stages.asks.see({**policy_facts, **facts})
        return Track(
            name=name,
            slot_name=self.stages.slot(body, "", name, place),
            per=self.per,
            start=start,
            begins=self.begins((*by_type, *(f"any by {by}" for by in by_whom))),
            facts=facts,
            upon=by_type,
            any_by=by_whom,
            stages={
                stage: self.stages.stage(stage, item, name, stage_table.places[stage])
                for stage, item in stage_table.entries.items()
            },
            place=place,
            places=body.places,
        )

    def begins(self, upon: tuple[str, ...]) -> tuple[str, ...]:
        """Return the types that begin an instance, those only that carry its key; `upon` are the default."""
        found: dict[str, None] = {}
        for word, at in self.begin_words(upon):
            types = self.reading.types(word, at, self.names)
            if any(is_built_in(each) for each in types):
                message = f'"{word}" is built in and begins nothing. Take it out of "begins".'
                self.reading.findings.add(at, "built-in", message)
            elif types:
                self.stages.keyed(types, self.name, at, word)
            found.update((each, None) for each in types if self.per == PERSON or self.names.types[each].field(self.per))
        if not found and "begins" not in self.body.entries:
            message = f'Nothing begins the track {self.name}. Add "begins".'
            self.reading.findings.add(self.place, "never-begins", message)
        return tuple(found)

    def begin_words(self, upon: tuple[str, ...]) -> tuple[tuple[str, Place], ...]:
        if "begins" in self.body.entries:
            return self.reading.words(self.body.entries["begins"], '"begins"')
        if self.per == PERSON:
            return tuple((word, self.place) for word in self.names.types if not is_built_in(word))
        return tuple((word, self.body.places["upon"]) for word in upon if not is_built_in(word))
