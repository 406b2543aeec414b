"""Reading tasks: what is asked, when it opens and is due, what completes it, and what follows when nobody does it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lifecycle.rules.language.company import USUAL_KIND, contact_of
from lifecycle.rules.language.document import Node, Table
from lifecycle.rules.language.findings import Place, close, shown
from lifecycle.rules.language.guards import GuardReader
from lifecycle.rules.language.names import NAME, PERSON, Names, Reading, Scope, is_built_in
from lifecycle.rules.language.policy import Asked, ByFact, ContactKind, Every, Guard, Moment, TaskRule, Wait, waits_of
from lifecycle.rules.language.saying import AskReader
from lifecycle.rules.language.schedule import Duration

_MOMENT = re.compile(r"(.+) (before|after) ([a-z][a-z0-9_]*)")
_TASK_KEYS = (
    "ask",
    "after",
    "at",
    "every",
    "when",
    "due",
    "by",
    "about",
    "contact",
    "done_by",
    "expires",
    "or_else",
    "stays",
    "formerly",
)
REVIEW_KEYS = ("every", "ask", "by", "about")
_NOT_IN_OR_ELSE = dict.fromkeys(("after", "at", "every", "when"), "opens when the task expires")
_NOT_IN_OR_ELSE["formerly"] = "has no name of its own"
_DUE, _EXPIRES = Duration(3, "business day"), Duration(30, "day")
REVIEW_ASK = "Look again whether this is still right."


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a task is that does not say."""

    by: Asked = "owner"
    contact: str = USUAL_KIND
    due: Wait = _DUE
    expires: Wait = _EXPIRES


class TaskReader:
    """Reads the tasks of stages. One for each policy."""

    def __init__(
        self,
        reading: Reading,
        guards: GuardReader,
        names: Names,
        defaults: Defaults,
        contacts: Mapping[str, ContactKind],
        asks: AskReader,
    ) -> None:
        self.reading = reading
        self.findings = reading.findings
        self.contacts = contacts
        self.guards = guards
        self.names = names
        self.defaults = defaults
        self.asks = asks
        self.slots: dict[tuple[str, str], str] = {}

    def slot(self, body: Table, scope: str, name: str, place: Place) -> str:
        """Return the name that goes into task ids (`formerly`, else the name), of which no two may agree in a scope."""
        slot = self.reading.text(body, "formerly", f'"{name}"', default=name)
        if slot != name:
            place = body.entries["formerly"].place
            self.reading.name(slot, place, "what it was formerly")
        other = self.slots.setdefault((scope, slot), name)
        if other != name:
            message = f'"{shown(slot)}" is the name of "{other}" and of "{name}" in task ids. Mend "formerly".'
            self.findings.add(place, "twice", message)
        return slot

    def keyed(self, types: tuple[str, ...], track: str, place: Place, what: str) -> None:
        """Report a type that cannot reach an instance because it does not carry the track's key."""
        per = self.names.tracks[track].per
        if per and per != PERSON and not any(self.names.types[each].field(per) for each in types):
            message = f'"{what}" has no field "{per}", so it never reaches {track}. Add the field or take it out.'
            declared = next(
                (each for each in map(self.names.types.__getitem__, types) if close(per, each.fields)), None
            )
            if declared is not None:
                # Where a field is called nearly so, that is the fault, and not each place that speaks of the type.
                field = close(per, declared.fields)[0]
                place = declared.places.get(field, place)
                message = (
                    f'"{declared.name}" has no field "{per}", so it never reaches {track}. Is "{field}" meant to be it?'
                )
            self.findings.add(place, "no-key", message)

    def guard(self, body: Table, track: str) -> Guard | None:
        """Return the guard of a timer, which sees no touchpoint."""
        when = body.entries.get("when")
        return None if when is None else self.guards.guard(when, Scope(None, track))

    def fact(self, name: str, track: str, place: Place) -> str:
        """Check that a fact is known here and is a time or a date."""
        value = self.names.fact(name, track)
        if value is None:
            if not self.reading.setting(name, place):
                self.findings.unknown(place, "unknown-fact", name, "a fact", self.names.facts_seen(track))
        elif value.kind not in ("time", "date"):
            self.findings.add(place, "no-time", f'The fact "{name}" is no time and no date. Use one that is.')
        return name

    def moment(self, body: Table, track: str) -> Moment | None:
        """Return `at`: a fact, or so long before or after one."""
        read = self.reading.phrase(body, "at", '"60 days before renewal_on"')
        if read is None:
            return None
        text, place = read
        match = _MOMENT.fullmatch(text)
        if match is None and NAME.fullmatch(text) is None and not self.reading.setting(text, place):
            message = f'"{shown(text)}" is no moment. Write a fact, or so long before or after one: '
            self.findings.add(place, "moment", f'{message}"60 days before renewal_on".')
            return None
        if match is None:
            return Moment(self.fact(text, track, place), None, "after")
        duration = self.reading.duration(match[1], place)
        return Moment(self.fact(match[3], track, place), duration, match[2])  # type: ignore[arg-type]  # one of the two

    def every(self, body: Table, track: str) -> Every | None:
        """Return `every`: a period, or a period after a fact."""
        read = self.reading.phrase(body, "every", '"90 days" or "90 days after contacted"')
        if read is None:
            return None
        head, after, fact = read[0].partition(" after ")
        period = self.reading.duration(head, read[1])
        floor = self.fact(fact, track, read[1]) if after else None
        if period is None:
            return None
        if any(each.number == 0 for each in waits_of(period)):
            place = read[1] if isinstance(period, Duration) else self.zero(period)
            self.findings.add(place, "duration", '"every" needs a period longer than nothing.')
        return Every(period, floor)

    def zero(self, period: ByFact) -> Place:
        """Return where a setting that depends on a fact says that nothing passes."""
        word = next(word for word, value in period.values.items() if value.number == 0)
        return self.reading.settings[period.name].entries[word].place

    def due(self, body: Table, track: str) -> Wait | str:
        """Return `due`: a duration from opening, or the fact that says when."""
        read = self.reading.phrase(body, "due", '"3 days", or a fact')
        if read is None:
            return self.defaults.due
        if NAME.fullmatch(read[0]):
            return self.fact(read[0], track, read[1])
        return self.reading.duration(*read) or self.defaults.due

    def done_by(self, node: Node | None, track: str) -> Mapping[str, Guard | None]:
        """Return which types complete the task, each with its guard."""
        found: dict[str, Guard | None] = {}
        for item in self.reading.listing(node):
            if isinstance(item, Table):
                named: list[tuple[str, Place, Node | None]] = [
                    (name, item.places[name], guard) for name, guard in item.entries.items()
                ]
            else:
                named = [(word, place, None) for word, place in self.reading.words(item, '"done_by"')]
            for name, place, guard in named:
                types = self.reading.types(name, place, self.names)
                if not types:
                    continue
                self.keyed(types, track, place, name)
                read = None if guard is None else self.guards.guard(guard, Scope(types, track))
                for each in types:
                    if is_built_in(each):
                        message = f'"{each}" closes every task anyway. Take it out.'
                        self.findings.add(place, "built-in", message)
                    if each in found:
                        self.findings.add(place, "twice", f'"{each}" stands twice in "done_by". Keep one.')
                    found[each] = read
        return found

    def task(self, name: str, node: Node, track: str, slot: str, place: Place, *, parent: TaskRule | None) -> TaskRule:
        """Return one task rule with its escalation; `parent` is the rule whose expiry opens it."""
        what = f"the task {name}"
        body = self.reading.table(node, what, place)
        self.reading.keys(body, "a task", _TASK_KEYS)
        for key, reason in _NOT_IN_OR_ELSE.items() if parent is not None else ():
            if key in body.entries:
                self.findings.add(body.places[key], "or-else", f'An "or_else" {reason}. Take "{key}" out.')
        if "after" in body.entries and "at" in body.entries:
            self.findings.add(body.places["at"], "task", 'A task has "after" or "at", not both. Take one out.')
        if parent is None:
            slot_name = f"{slot}.{self.slot(body, f'{track}.{slot}', name, place)}"
        else:
            slot_name = f"{parent.slot_name}/or_else"
        rule = TaskRule(
            name=name,
            slot_name=slot_name,
            ask=self.asks.ask(body, what, track),
            by=self.asks.by(body, what, track, self.defaults.by),
            about=self.asks.about(body, track, () if parent is None else parent.about),
            contact=contact_of(
                self.reading, body, self.contacts, what, self.defaults.contact if parent is None else parent.contact
            ),
            after=self.reading.duration_of(body, "after"),
            at=self.moment(body, track),
            every=self.every(body, track),
            when=self.guard(body, track),
            due=self.due(body, track),
            expires=self.reading.duration_of(body, "expires") or self.defaults.expires,
            done_by=parent.done_by
            if parent is not None and "done_by" not in body.entries
            else self.done_by(body.entries.get("done_by"), track),
            or_else=None,
            stays=self.reading.flag(body, "stays", what, default=parent is not None and parent.stays),
            is_review=False,
            place=place,
            places=body.places,
        )
        if "or_else" not in body.entries:
            return rule
        or_else = self.task(
            f"{name}/or_else", body.entries["or_else"], track, slot, body.places["or_else"], parent=rule
        )
        return replace(rule, or_else=or_else)

    def review(self, node: Node, track: str, slot: str, place: Place) -> TaskRule:
        """Return the review of a rest as the repeated task that it is."""
        body = self.reading.table(node, "A review", place)
        self.reading.keys(body, "a review", REVIEW_KEYS)
        every = self.every(body, track)
        if every is not None and every.after is not None:
            message = f'A review comes whatever happens, and news of "{every.after}" would put it off. Write every: '
            self.findings.add(body.places["every"], "review", f"{message}{every.period}.")
            every = None
        if "every" not in body.entries:
            self.findings.add(place, "missing", 'A review needs "every:", such as every: 1 year.')
        return TaskRule(
            name="review",
            slot_name=f"{slot}.review",
            ask=self.asks.ask(body, "a review", track, REVIEW_ASK),
            by=self.asks.by(body, "a review", track, self.defaults.by),
            about=self.asks.about(body, track),
            contact="",
            after=None,
            at=None,
            every=every or Every(Duration(1, "year"), None),
            when=None,
            due=self.defaults.due,
            expires=self.defaults.expires,
            done_by={},
            or_else=None,
            stays=False,
            is_review=True,
            place=place,
            places=body.places,
        )
