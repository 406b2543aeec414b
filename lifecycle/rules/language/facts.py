"""Reading the vocabulary of touchpoints and the facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lifecycle.rules.language.document import Listing, Node, Scalar, Table
from lifecycle.rules.language.findings import Place, shown
from lifecycle.rules.language.guards import GuardReader
from lifecycle.rules.language.left_sides import Value, common_value, field_value
from lifecycle.rules.language.names import Names, Reading, Scope, types_named
from lifecycle.rules.language.policy import Compare, Fact, FieldKind, Guard, TouchpointType
from lifecycle.rules.language.schedule import Duration
from lifecycle.touchpoint import RETRACTED

TYPE_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
BY = ("person", "us", "system")
KINDS = ("id", "text", "whole", "number", "money", "yes_or_no", "date", "time", "zone", "country")
FACT_KINDS = ("ever", "count", "sum", "first", "last", "set", "choose")
MAX_TYPES = 300
"""Touchpoint types of a policy: `any by` stands for up to so many wherever it is written."""

MAX_CHAIN = 10
"""Longest chain of `choose` facts that choose by each other; each is worked out anew whenever it is looked at."""

NOWHERE = Place(1, 1)
_TASK = {"task": FieldKind("task_id")}
_TOUCHPOINT = {"source": FieldKind("id"), "id": FieldKind("id")}
BUILT_IN = {
    name: TouchpointType(name, "system", required, {"reason": FieldKind("text")}, means, NOWHERE)
    for name, required, means in (
        ("task.completed", _TASK, "A task was done."),
        ("task.declined", _TASK, "Somebody decided not to do a task."),
        ("task.postponed", {**_TASK, "until": FieldKind("until")}, "A task is to be done later."),
        (RETRACTED, _TOUCHPOINT, "A touchpoint of this person was a mistake, and counts no more."),
    )
}


def read_types(reading: Reading, table: Table) -> dict[str, TouchpointType]:
    """Return the vocabulary, the built-in types included."""
    types = dict(BUILT_IN)
    if len(table.entries) > MAX_TYPES:
        message = f"A policy has at most {MAX_TYPES} types of touchpoints; these are {len(table.entries)}. Join some."
        reading.findings.add(table.place, "too-large", message)
        reading.findings.refuse()
    for name, node in table.entries.items():
        place = table.places[name]
        if not TYPE_NAME.fullmatch(name):
            message = f'"{shown(name)}" is not a touchpoint type. Write two words with a dot: need.stated.'
            reading.findings.add(place, "name", message)
        if name in BUILT_IN:
            reading.findings.add(place, "built-in", f'"{name}" is built in. Take this line out.')
            continue
        body = reading.table(node, f"The touchpoint {name}", place)
        reading.keys(body, "a touchpoint", ("by", "data", "optional", "means"))
        by = reading.text(body, "by", f"the touchpoint {name}")
        if by and by not in BY:
            reading.findings.unknown(body.entries["by"].place, "by", by, "who did it", BY)
        tables = [reading.table(body.entries.get(key), f'"{key}" of {name}', place) for key in ("data", "optional")]
        required, optional = (_fields(reading, table) for table in tables)
        for twice in required.keys() & optional.keys():
            message = f'"{twice}" of {name} is both required and optional. Keep one.'
            reading.findings.add(place, "twice", message)
        means = reading.text(body, "means", f"the touchpoint {name}", default="")
        places = {field: at for table in tables for field, at in table.places.items()}
        types[name] = TouchpointType(name, by, required, optional, means, place, places)  # type: ignore[arg-type]  # by was checked
    return types


def _fields(reading: Reading, table: Table) -> dict[str, FieldKind]:
    for name, place in table.places.items():
        reading.name(name, place, "a field")
    return {name: _field_kind(reading, node) for name, node in table.entries.items()}


def _field_kind(reading: Reading, node: Node) -> FieldKind:
    if isinstance(node, Listing):
        return FieldKind("words", tuple(word for word, _ in reading.words(node, "A field's list")))
    text = str(node.value) if isinstance(node, Scalar) else "a table"
    if text in KINDS:
        return FieldKind(text)  # type: ignore[arg-type]  # one of KINDS
    if text.startswith("date within "):
        return FieldKind("date", within=reading.plain_duration(text.removeprefix("date within "), node.place))
    if not reading.setting(text, node.place):
        known = (*KINDS, "date within 1 year")
        reading.findings.unknown(node.place, "field-kind", text, "a kind of field", known)
    return FieldKind("text")


def fact_values(table: Table, types: Mapping[str, TouchpointType]) -> dict[str, Value]:
    """Return what each fact of a table can be, before its guards are read: guards may name any fact."""
    names = Names(types, {}, {})
    return {
        name: _fact_value(node if isinstance(node, Table) else Table({}, {}, node.place), names)
        for name, node in table.entries.items()
    }


def _fact_value(body: Table, names: Names) -> Value:
    kind = next((key for key in FACT_KINDS if key in body.entries), "ever")
    if kind == "choose":
        return _chosen(body.entries[kind])
    if kind == "ever":
        return Value("flag")
    if kind == "count":
        return Value("number")
    values = list(_remembered(body.entries[kind], names))
    if kind == "set":
        # One that can hold any word beside those of a list can hold any word.
        words = [word for value in values for word in value.words] if all(value.words for value in values) else []
        kinds = tuple(sorted({value.kind for value in values}))
        return Value("set", tuple(dict.fromkeys(words)), holds=kinds)
    usual = Value("number") if kind == "sum" else Value("time")
    return common_value(values) or usual  # What is mixed is reported where the fact is read.


def _chosen(node: Node) -> Value:
    lines = [item for item in (node.items if isinstance(node, Listing) else (node,)) if isinstance(item, Table)]
    values = [target.value for line in lines if isinstance(target := line.entries.get("is"), Scalar)]
    if values and all(isinstance(value, bool) for value in values):
        return Value("flag")
    return Value("words", tuple(dict.fromkeys(str(value) for value in values)))


def _remembered(node: Node, names: Names) -> Iterator[Value]:
    """Yield what each type puts into a fact: a field, or, for a type alone, its time."""
    for item in node.items if isinstance(node, Listing) else (node,):
        types, field = split(str(item.value) if isinstance(item, Scalar) else "", names)
        for each in types:
            kind = names.types[each].field(field) if field else None
            if kind is not None or not field:
                yield Value("time") if kind is None else field_value(kind)


def split(ref: str, names: Names) -> tuple[tuple[str, ...], str]:
    """Split `type.field` into types and field ("" for none); unknown names give no types.

    Of `any by person.zone` only the types that have the field.
    """
    types = types_named(ref, names)
    if types is not None:
        return types, ""
    head, _, field = ref.rpartition(".")
    types = types_named(head, names) or ()
    if head.startswith("any by "):
        types = tuple(each for each in types if names.types[each].field(field))
    return types, field


def read_fact(
    reading: Reading, guards: GuardReader, names: Names, name: str, node: Node, place: Place, track: str | None
) -> Fact:
    """Return one fact. `track` is the track it is kept for each key of, or None."""
    body = reading.table(node, f"The fact {name}", place)
    kinds = [key for key in FACT_KINDS if key in body.entries]
    if len(kinds) != 1:
        reading.keys(body, "a fact", (*FACT_KINDS, "within", "when"))
        message = f'The fact "{shown(name)}" is exactly one of {", ".join(FACT_KINDS)}.'
        reading.findings.add(place, "fact", message)
        return Fact(name, "ever", (), {}, None, None, (), place)
    kind = kinds[0]
    reading.keys(body, f"a fact of kind {kind}", (kind,) if kind == "choose" else (kind, "within", "when"))
    if kind == "choose":
        return _choose(reading, guards, name, body, place, track)
    fields = _sources(reading, names, body.entries[kind])
    _check_fields(reading, names, kind, fields, name, body)
    when = body.entries.get("when")
    scope = Scope(tuple(fields), track, fields_only=True)
    guard = None if when is None or not fields else guards.guard(when, scope)
    within = _window(reading, body, kind)
    return Fact(name, kind, tuple(fields), fields, within, guard, (), place)  # type: ignore[arg-type]  # one of FACT_KINDS


def _choose(reading: Reading, guards: GuardReader, name: str, body: Table, place: Place, track: str | None) -> Fact:
    choices = guards.choices(body.entries["choose"], Scope(None, track), word="is", otherwise="What a fact is")
    if len({isinstance(choice.target, bool) for choice in choices}) > 1:
        message = f'The fact "{name}" is true or false in one line and a word in another. Use one kind.'
        reading.findings.add(place, "mixed", message)
    return Fact(name, "choose", (), {}, None, None, choices, place)


def _sources(reading: Reading, names: Names, node: Node) -> dict[str, str]:
    """Return the field that a fact remembers of each type ("" for none)."""
    fields: dict[str, str] = {}
    for ref, at in reading.words(node, "What a fact remembers"):
        types, field = split(ref, names)
        if not types:
            # Reported by what is before the field, where that is what is wrong.
            reading.types(ref.rpartition(".")[0] if ref.count(".") > 1 else ref, at, names)
            continue
        for each in types:
            declared = names.types[each]
            if field and declared.field(field) is None:
                reading.findings.unknown(at, "unknown-field", field, f"a field of {each}", declared.fields)
                continue
            if fields.setdefault(each, field) != field:
                message = f"{each} stands twice here with different fields, and one fact takes one. Make two facts."
                reading.findings.add(at, "twice", message)
    return fields


def _check_fields(reading: Reading, names: Names, kind: str, fields: Mapping[str, str], name: str, body: Table) -> None:
    place = body.places[kind]
    for each, field in fields.items():
        if kind in ("sum", "set") and not field:
            message = f'"{kind}" of the fact "{name}" needs a field, such as {each}.amount.'
            reading.findings.add(place, "fact", message)
        declared = names.types[each].field(field) if field else None
        if kind == "sum" and declared is not None and declared.kind not in ("money", "number", "whole"):
            message = f'"{each}.{field}" is no number and no money; it cannot be summed.'
            reading.findings.add(place, "fact", message)
        if kind in ("ever", "count") and field:
            message = f'"{kind}" of the fact "{name}" takes a type without a field.'
            reading.findings.add(place, "fact", message)
    values = list(_remembered(body.entries[kind], names))
    if kind in ("sum", "set", "first", "last") and values and common_value(values) is None:
        message = f'The fact "{name}" would remember values of different kinds. Make a fact for each.'
        reading.findings.add(place, "mixed", message)


def _window(reading: Reading, body: Table, kind: str) -> Duration | None:
    if "within" not in body.entries:
        return None
    if kind not in ("count", "sum"):
        message = f'"within" belongs to count and sum, not to {kind}.'
        reading.findings.add(body.places["within"], "fact", message)
    window = reading.plain_duration_of(body, "within")
    if window is not None and window.number == 0:
        reading.findings.add(body.places["within"], "duration", '"within" needs a time longer than nothing.')
    return window


def check_circles(reading: Reading, facts: Mapping[str, Fact], own: Mapping[str, Fact]) -> None:
    """Report every `choose` fact among `own` that chooses by itself, directly or through others in `facts`."""
    uses = {
        name: {use for choice in fact.choices for use in facts_in(choice.when)}
        for name, fact in {**facts, **own}.items()
        if fact.choices
    }
    for name in own:
        waiting, seen = [name], set[str]()
        while waiting:
            new = uses.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        if name in seen:
            message = f'The fact "{name}" chooses by itself, in a circle. Break it.'
            reading.findings.add(own[name].place, "circle", message)
            return
    for _ in range(MAX_CHAIN):
        # Take out, round by round, what chooses by nothing that is left.
        uses = {name: names & uses.keys() for name, names in uses.items() if names & uses.keys()}
    for name in uses.keys() & own.keys():
        message = f'The fact "{name}" chooses by facts that choose by facts, more than {MAX_CHAIN} deep. Shorten it.'
        reading.findings.add(own[name].place, "chain", message)


def facts_in(guard: Guard | None) -> set[str]:
    """Return the facts that a guard names (None: none)."""
    found: set[str] = set()
    for condition in () if guard is None else guard.conditions:
        if not isinstance(condition, Compare):
            found = found.union(*(facts_in(inner) for inner in condition.guards))
        elif condition.space == "fact":
            found.add(condition.name)
    return found


def words_of_choices(facts: Mapping[str, Fact]) -> dict[str, tuple[str, ...]]:
    """Return the words that each `choose` fact can be."""
    return {
        name: tuple(str(choice.target) for choice in fact.choices if isinstance(choice.target, str))
        for name, fact in facts.items()
        if fact.kind == "choose"
    }
