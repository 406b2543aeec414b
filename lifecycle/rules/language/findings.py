"""What is wrong with a policy, all of it at once, each with its place. Used by the loader and the checker."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice

from lifecycle.errors import PolicyRefused

MAX_FINDINGS = 50
"""Findings shown; the rest are counted. One broken line can cause many."""

MAX_ASKED = 100
"""Names that are not there of which it is asked whether another one is misspelt: each is sought in the whole file."""

MAX_SHOWN = 80
"""Characters shown of a text from the file."""


_GIVEN_HERE = frozenset(
    f"unknown-{what}" for what in ("type", "fact", "stage", "setting", "track", "contact", "field", "word")
)
"""Findings that a name is not known which the file itself gives."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the policy file: line and column, both from 1; `file` where it is another than the one loaded."""

    line: int
    column: int
    file: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting by its name, and where its value is written."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong: place, a stable code, and a sentence that ends in what to do.

    Where the sentence ends in the name that is nearest to `got` among `known`, that is looked up when the
    finding is shown: among thousands of findings, few are. `is_listed`: the sentence says itself what is known.
    `file` is "" for the file that is loaded.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    got: str = field(default="", compare=False)
    known: Collection[str] | None = field(default=None, compare=False)
    is_listed: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        advice = "" if self.known is None or self.is_listed else f" {nearest(self.got, self.known)}"
        return f"{self.line}:{self.column}: {self.message}{advice} [{self.code}]"


class HasFindings(PolicyRefused):
    """The policy was refused with these findings, in file order; the message shows at most MAX_FINDINGS of them."""

    def __init__(self, message: str, found: Sequence[Finding]) -> None:
        super().__init__(message)
        self.found = tuple(found)


@dataclass(slots=True)
class Findings:
    """Collects findings while a policy is read; `refuse` raises them together."""

    name: str
    found: list[Finding] = field(default_factory=list)
    misspelt: set[tuple[Place, str]] = field(default_factory=set)
    settings: dict[Place, Setting] = field(default_factory=dict)
    text: str = ""
    """The file, where a name that is written once only is looked for."""

    def add(self, place: Place, code: str, message: str) -> None:
        """Note one finding."""
        self.found.append(Finding(place.file, place.line, place.column, code, message))

    def unknown(self, place: Place, code: str, got: str, what: str, known: Iterable[str]) -> None:
        """Note a name that is not known, with the nearest known one."""
        names = known if isinstance(known, Collection) else tuple(known)
        message = f'"{shown(got)}" is not {what}.'
        self.found.append(Finding(place.file, place.line, place.column, code, message, got, names))

    def twice(self, values: Iterable[tuple[object, Place]]) -> None:
        """Note values that stand twice in a list, where once says it."""
        seen = set[object]()
        for value, place in values:
            if value in seen:
                said = str(value).lower() if isinstance(value, bool) else shown(str(value))
                self.add(place, "twice", f'"{said}" stands twice in this list. Keep one.')
            seen.add(value)

    def misspell(self, table: Place, got: str, known: Iterable[str]) -> None:
        """Note that a key of a table is probably another one, misspelt: that one is not told of as missing too."""
        self.misspelt.update((table, key) for key in close(got, known))

    def use(self, place: Place, setting: Setting) -> None:
        """Note that a setting stands at a place."""
        self.settings[place] = setting

    def refuse(self) -> None:
        """Raise HasFindings with every finding in file order; return when there is none."""
        if not self.found:
            return
        told = [each for each in self.found if not self._follows(each)]
        found = sorted(set(self._misspelt_names(list(self._of_settings(told)))))
        lines = [f"{finding.file or self.name}:{finding}" for finding in found[:MAX_FINDINGS]]
        if len(found) > MAX_FINDINGS:
            lines.append(f"... and {len(found) - MAX_FINDINGS} more")
        raise HasFindings("\n".join(lines), found)

    def _follows(self, finding: Finding) -> bool:
        """Tell whether a finding says once more what another one says: a key is there, but misspelt."""
        if finding.code != "missing":
            return False
        place = Place(finding.line, finding.column, finding.file)
        return any(place == table and f'"{key}' in finding.message for table, key in self.misspelt)

    def _misspelt_names(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return findings; a name that is given once, never used, and nearly that of many findings is told of instead.

        So is one that is nearly that of a single finding, whose own name the file has elsewhere.
        """
        asked: dict[tuple[str, Collection[str]], list[Finding]] = {}
        for each in findings:
            if each.code in _GIVEN_HERE and each.known is not None and not each.file:
                asked.setdefault((each.got.removeprefix("$"), frozenset(each.known)), []).append(each)
        follows, misspelt = set[Finding](), list[Finding]()
        for (got, known), found in islice(asked.items(), MAX_ASKED):
            name = next(iter(close(got, [each.removeprefix("$") for each in known])), "")
            places = self._places(name) if name else []
            if len(places) != 1 or (len(found) == 1 and len(self._places(got)) == 1):
                continue
            before = self.text[: places[0]]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            others = f" and {len(found) - 1} more" if len(found) > 1 else ""
            where = f"line {min(each.line for each in found)}{others}"
            message = (
                f'"{shown(name)}" is used nowhere, and "{shown(got)}" of {where} is not there. Is it misspelt here?'
            )
            misspelt.append(
                Finding("", line, column, min(found, key=lambda each: each.code == "unknown-word").code, message)
            )
            follows.update(found)
        return [*(each for each in findings if each not in follows), *misspelt]

    def _places(self, name: str) -> list[int]:
        """Return where a name stands in the file as a whole word, alone or as a part of `fact.name` and the like."""
        return [each.start() for each in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", self.text)]

    def _of_settings(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Return findings; a setting that is wrong wherever it stands is told of once, where it is written."""
        found = list(findings)
        at = {each: self.settings.get(Place(each.line, each.column, each.file)) for each in found}
        # A setting that is not there has no value, of which whoever reads it says something too.
        unset = {Place(each.line, each.column, each.file) for each in found if each.code == "unknown-setting"}
        wrong = {Place(each.line, each.column, each.file) for each in found} & self.settings.keys()
        right = {setting for place, setting in self.settings.items() if place not in wrong}
        told: set[Setting] = set()
        for each in sorted(found):
            setting = at[each]
            if setting is None or setting in right:
                if each.code == "unknown-setting" or Place(each.line, each.column, each.file) not in unset:
                    yield each
            elif setting not in told:
                told.add(setting)
                where = setting.place
                yield replace(each, file=where.file, line=where.line, column=where.column)


def line_of(place: Place) -> str:
    """Return where in the policy something stands."""
    if not place.line:
        return "in every policy"
    return f"{place.file} line {place.line}" if place.file else f"policy line {place.line}"


def nearest(got: str, known: Iterable[str]) -> str:
    """Return "Did you mean ...?" or the list of what is known."""
    names = sorted(set(known))
    near = close(got, names)
    if near:
        return f'Did you mean "{near[0]}"?'
    if not names:
        return "None is defined."
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"Known: {listed}."


def close(got: str, known: Iterable[str]) -> list[str]:
    """Return the known name that is nearest to one, if any is near."""
    return get_close_matches(got[:MAX_SHOWN], sorted(set(known)), n=1, cutoff=0.6)


def shown(text: str) -> str:
    """Return a text from the file as a finding shows it: the beginning of one that is very long."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
