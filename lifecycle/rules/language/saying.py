"""Reading what a task says: the sentence of `ask` with its blanks, who is asked, and what it is about.

What is in braces is filled in from the person's facts, so whatever else stands in braces is refused here, with
what was meant. Called by tasks.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lifecycle.rules.language.aging import aging_facts
from lifecycle.rules.language.ask import MAX_ASK, Ask, Asked, Blank, NamedBy
from lifecycle.rules.language.document import Table
from lifecycle.rules.language.findings import Place, shown
from lifecycle.rules.language.names import PERSON, Names, Reading
from lifecycle.rules.language.policy import Fact

SAID_KINDS = ("first", "last", "choose")
"""Kinds of facts that have one value, which can stand in a sentence or name who is asked."""

_BRACES = re.compile(r"\{([^{}]*)\}|[{}]")
_FACT = re.compile(r"fact\.([a-z][a-z0-9_]*)(?:\s+or\s+(?:\"([^\"]*)\"|'([^']*)'))?")
_SETTING = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_NO_WORD = re.compile(r"[{}$]|^(fact|stage|any)\.")


class AskReader:
    """Reads what tasks say. One for each policy; `facts` are all that can be seen from where the task stands."""

    def __init__(self, reading: Reading, names: Names, facts: Mapping[str, Fact]) -> None:
        self.reading = reading
        self.findings = reading.findings
        self.names = names
        self.see(facts)

    def see(self, facts: Mapping[str, Fact]) -> None:
        """Read from here on with these facts: those of the policy, and those of the track at hand."""
        self.facts = facts
        self.aging = aging_facts(facts)

    def ask(self, body: Table, what: str, track: str, default: str | None = None) -> Ask:
        """Return what is asked; without a default its absence is a finding."""
        text = " ".join(self.reading.text(body, "ask", what, default=default).split())
        place = body.entries["ask"].place if "ask" in body.entries else body.place
        parts = tuple(self._parts(text, track, place))
        fixed = sum(len(part) for part in parts if isinstance(part, str))
        if fixed > MAX_ASK:
            message = f"What is asked has {fixed} characters of its own, more than {MAX_ASK}. Say it in one sentence."
            self.findings.add(place, "ask", message)
        return Ask(text, parts)

    def _parts(self, text: str, track: str, place: Place) -> Iterator[str | Blank]:
        at = 0
        for match in _BRACES.finditer(text):
            if match.start() > at:
                yield text[at : match.start()]
            at = match.end()
            if match[1] is None:
                message = f'A single "{match[0]}" stands here. Write both braces of what is filled in, or take it out.'
                self.findings.add(place, "blank", message)
                continue
            blank = self._blank(match[1].strip(), track, place)
            if blank is not None:
                yield blank
        if at < len(text):
            yield text[at:]

    def _blank(self, inside: str, track: str, place: Place) -> Blank | str | None:
        """Return what fills in a pair of braces (a text for a setting that is one value), or None with a finding."""
        if inside == "person":
            return Blank("person")
        per = self.names.tracks[track].per
        if inside == "key" and per != PERSON:
            return Blank("key")
        if fact := _FACT.fullmatch(inside):
            otherwise = fact[2] if fact[2] is not None else fact[3]
            return self._fact_blank(fact[1], otherwise, track, place)
        if setting := _SETTING.fullmatch(inside):
            return self._setting_blank(setting[1], place)
        self._no_blank(inside, track, place)
        return None

    def _no_blank(self, inside: str, track: str, place: Place) -> None:
        """Say what is wrong with what stands in braces."""
        per = self.names.tracks[track].per
        if inside == "key":
            message = f'There is one {track} for each person, so it has no key. Write "{{person}}", or take it out.'
        elif inside == per:
            message = f'The key of {track} is written "{{key}}" here, not "{{{shown(inside)}}}".'
        elif " or " in inside and not inside.startswith("fact."):
            message = f'Only a fact may be missing, so "or" cannot stand in "{{{shown(inside)}}}". Take it out.'
        elif inside.startswith("fact.") and " " in inside:
            name = inside.partition(" ")[0]
            message = f'"{{{shown(inside)}}}" is not understood. Say in quotes what stands there while the fact is '
            message += f'missing: {{{shown(name)} or "it"}}.'
        else:
            known = ["{person}", *(["{key}"] if per != PERSON else [])]
            known += [f"{{fact.{name}}}" for name, fact in self.facts.items() if self._can_be_said(fact)]
            known += [f"{{${name}}}" for name in (*self.reading.values, *self.reading.settings)]
            what = "something that can be filled in here"
            self.findings.unknown(place, "blank", f"{{{inside}}}", what, known)
            return
        self.findings.add(place, "blank", message)

    def _can_be_said(self, fact: Fact) -> bool:
        return fact.kind in SAID_KINDS and fact.name not in self.aging

    def _fact_blank(self, name: str, otherwise: str | None, track: str, place: Place) -> Blank | None:
        if not self._said_fact(name, track, place, "stand in a sentence"):
            return None
        return Blank("fact", name, otherwise)

    def _setting_blank(self, name: str, place: Place) -> Blank | str | None:
        """Return a setting as words, or as the blank that the fact it depends on fills in."""
        if name in self.reading.values:
            value = self.reading.values[name].value
            return str(value).lower() if isinstance(value, bool) else str(value)
        if name not in self.reading.settings:
            known = [f"${each}" for each in (*self.reading.values, *self.reading.settings)]
            self.findings.unknown(place, "unknown-setting", f"${name}", "a setting", known)
            return None
        setting = self.reading.by_fact(name)
        if not setting.values:
            return None  # Reported where the setting is read.
        values = {word: str(duration) for word, duration in setting.values.items()}
        if setting.fact in self.aging:
            self._say_aging(setting.fact, place)
        return Blank("fact", setting.fact, next(iter(values.values())), values)

    def _said_fact(self, name: str, track: str, place: Place, use: str) -> bool:
        """Tell whether a fact has one value that stays until news comes; report one that has not."""
        fact = self.facts.get(name)
        if fact is None:
            if not self.reading.setting(name, place):
                self.findings.unknown(place, "unknown-fact", name, "a fact", self.names.facts_seen(track))
            return False
        if fact.kind not in SAID_KINDS:
            message = f'The fact "{name}" is of kind {fact.kind}, and only first, last and choose can {use}. '
            self.findings.add(place, "fact", f'{message}Name one of those, or put it under "about".')
            return False
        if name in self.aging:
            self._say_aging(name, place)
            return False
        return True

    def _say_aging(self, name: str, place: Place) -> None:
        message = f'The fact "{name}" changes as time passes, by "within", and nobody would be told. Use one that '
        self.findings.add(place, "ages", f"{message}only news changes.")

    def by(self, body: Table, what: str, track: str | None, default: Asked) -> Asked:
        """Return who is asked: a word, or whoever a fact names. `track` None: facts of the policy alone are seen."""
        node = body.entries.get("by")
        if isinstance(node, Table):
            return self._named(node, track, default)
        word = self.reading.text(body, "by", what, default="")
        if not word:
            return default
        if _NO_WORD.search(word):
            name = word.strip("{}$ ").removeprefix("fact.")
            name = name if name in self.facts else "teacher"
            message = f'"{shown(word)}" is no word for somebody. To ask whoever a fact names, write '
            message += f"by: {{fact: {name}, or: owner}}."
            self.findings.add(body.entries["by"].place, "by", message)
        return word

    def _named(self, table: Table, track: str | None, default: Asked) -> Asked:
        self.reading.keys(table, 'a "by"', ("fact", "or"))
        name = self.reading.text(table, "fact", '"by"').removeprefix("fact.")
        otherwise = self.reading.text(table, "or", '"by"', default="") or default
        if not name:
            return otherwise
        place = table.entries["fact"].place
        if not self._said_fact(name, track or "", place, "name somebody"):
            return otherwise
        value = self.names.fact(name, track)
        if value is None or value.kind not in ("text", "words"):
            message = f'The fact "{name}" is a {value.kind if value else "?"}, which names nobody. Use a text, an id '
            self.findings.add(place, "fact", f"{message}or words.")
        return NamedBy(name, otherwise)

    def about(self, body: Table, track: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the facts that travel with a task: those it names, then those of its track, each once."""
        if "about" not in body.entries:
            return default or self._own(track)
        found = []
        for name, place in self.reading.words(body.entries["about"], '"about"'):
            if name not in self.facts:
                self.findings.unknown(place, "unknown-fact", name, "a fact", self.names.facts_seen(track))
            elif name in self.aging:
                self._say_aging(name, place)
            else:
                found.append(name)
        return tuple(dict.fromkeys((*found, *self._own(track))))

    def _own(self, track: str) -> tuple[str, ...]:
        """Return the facts of a track that always travel: all but those that time alone changes."""
        own = self.names.tracks[track].facts
        return tuple(name for name in own if name in self.facts and name not in self.aging)
