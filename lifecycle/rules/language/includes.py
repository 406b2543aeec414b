"""Joining policies: `includes` takes over the parts of others, `without` leaves parts out. Pure: texts are given.

Parts are joined by name. The same name twice is a finding, except in settings, where the including policy wins:
nothing is overridden in silence; leave a part out and write it anew.
"""

from __future__ import annotations

from collections.abc import Callable

from lifecycle.rules.language.document import Node, Table, read_document
from lifecycle.rules.language.findings import Place, shown
from lifecycle.rules.language.names import Reading

Find = Callable[[str], tuple[str, str] | None]
"""The name of a policy -> its file name and text, or None where there is none of that name."""

MAX_INCLUDED = 16
"""Most policies that one policy is made of."""

JOINED = ("settings", "contact", "touchpoints", "facts", "tracks")
WHOLE = ("calendar", "defaults", "lanes")


class Joiner:
    """Joins one policy with what it includes."""

    def __init__(self, reading: Reading, find: Find | None) -> None:
        self.reading = reading
        self.findings = reading.findings
        self.find = find
        self.count = 0

    def join(self, root: Table, within: tuple[str, ...]) -> Table:
        """Return the policy with the parts it includes; `within` are the names of those that include it."""
        own = root
        for item in self.reading.listing(root.entries.get("includes")):
            body = self.reading.table(item, "A line of includes", item.place)
            self.reading.keys(body, "a line of includes", ("policy", "without"))
            name = self.reading.text(body, "policy", "a line of includes")
            place = body.entries.get("policy", body).place
            part = self.part(name, place, within) if name else None
            if part is None:
                continue
            for path, at in (
                self.reading.words(body.entries.get("without"), '"without"') if "without" in body.entries else ()
            ):
                part = self.without(part, path, at, name)
            own = self.joined(own, part, name)
        return own

    def part(self, name: str, place: Place, within: tuple[str, ...]) -> Table | None:
        """Return an included policy, joined with what it includes itself."""
        self.count += 1
        if name in within:
            message = f'"{shown(name)}" includes itself, by way of {", ".join(within)}. Take one of the lines out.'
            self.findings.add(place, "includes", message)
            return None
        if self.count > MAX_INCLUDED:
            self.findings.add(place, "includes", f"A policy is made of at most {MAX_INCLUDED} others. Join some files.")
            return None
        found = None if self.find is None else self.find(name)
        if found is None:
            message = f'There is no policy "{shown(name)}" beside this file or with the program. Mend the name.'
            self.findings.add(place, "includes", message)
            return None
        file, text = found
        return self.join(read_document(text, name=file, file=file), (*within, name))

    def without(self, part: Table, path: str, place: Place, name: str) -> Table:
        """Return a table without the part at a path such as tracks.renewal; names may hold dots themselves."""
        key = next((key for key in part.entries if path == key or path.startswith(f"{key}.")), None)
        if key is None:
            self.findings.unknown(place, "includes", path, f"a part of {name}", part.entries)
            return part
        entries = dict(part.entries)
        if path == key:
            del entries[key]
        else:
            inner = entries[key]
            if not isinstance(inner, Table):
                self.findings.add(place, "includes", f'"{shown(path)}" goes further than {name} does. Shorten it.')
                return part
            entries[key] = self.without(inner, path[len(key) + 1 :], place, f"{name}.{key}")
        return Table(entries, {each: at for each, at in part.places.items() if each in entries}, part.place)

    def joined(self, own: Table, part: Table, name: str) -> Table:
        """Return the parts of both; what stands in both is a finding."""
        entries: dict[str, Node] = dict(own.entries)
        places = dict(own.places)
        for key in (*JOINED, *WHOLE):
            theirs, ours = part.entries.get(key), own.entries.get(key)
            if theirs is None:
                continue
            if ours is None:
                entries[key], places[key] = theirs, part.places[key]
            elif key in JOINED and isinstance(theirs, Table) and isinstance(ours, Table):
                entries[key] = self.both(ours, theirs, key, name)
            else:
                message = f'"{key}" stands here and in {name}. Leave one out: without: [{key}].'
                self.findings.add(places[key], "twice", message)
        return Table(entries, places, own.place)

    def both(self, ours: Table, theirs: Table, section: str, name: str) -> Table:
        """Return two tables of one section as one, theirs first."""
        for key in ours.entries.keys() & theirs.entries.keys() if section != "settings" else ():
            at = theirs.places[key]
            message = f'"{key}" stands here and in {name}, line {at.line}. Leave it out: without: [{section}.{key}].'
            self.findings.add(ours.places[key], "twice", message)
        return Table({**theirs.entries, **ours.entries}, {**theirs.places, **ours.places}, ours.place)
