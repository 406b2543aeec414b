"""Reading the vocabulary of touchpoints and the facts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lifecycle.rules.document import Listing, Node, Scalar, Table
from lifecycle.rules.findings import Place
from lifecycle.rules.load_guards import GuardReader
from lifecycle.rules.names import Names, Reading, Scope, Value, field_value, types_named
from lifecycle.rules.policy import Fact, FieldKind, TouchpointType
from lifecycle.rules.schedule import Duration

TYPE_NAME = re.compile(r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")
NAME = re.compile(r"^[a-z][a-z0-9_]*$")
KINDS = ("id", "text", "whole", "number", "money", "yes_or_no", "date", "time", "zone", "country")
FACT_KINDS = ("ever", "count", "sum", "first", "last", "set", "choose")
NOWHERE = Place(1, 1)
BUILT_IN = {
    name: TouchpointType(
        name, "system", {"task": FieldKind("id")}, {"reason": FieldKind("text")}, means, NOWHERE
    )
    for name, means in (
        ("task.completed", "A task was done."),
        ("task.declined", "Somebody decided not to do a task."),
    )
}


def read_types(reading: Reading, table: Table) -> dict[str, TouchpointType]:
    """Return the vocabulary, the built-in outcomes of tasks included."""
    types = dict(BUILT_IN)
    for name, node in table.entries.items():
        place = table.places[name]
        if not TYPE_NAME.match(name):
            reading.findings.add(
                place, "name", f'"{name}" is not a touchpoint type. Write two words with a dot: need.stated.'
            )
        if name in BUILT_IN:
            reading.findings.add(place, "built-in", f'"{name}" is built in. Take this line out.')
            continue
        body = reading.table(node, f"The touchpoint {name}", place)
        reading.keys(body, "a touchpoint", ("by", "data", "optional", "means"))
        by = reading.text(body, "by", f"the touchpoint {name}")
        if by not in ("person", "us", "system"):
            reading.findings.unknown(
                body.places.get("by", place), "by", by, "who did it", ("person", "us", "system")
            )
            by = "system"
        fields = [
            _fields(reading, reading.table(body.entries.get(key), f'"{key}" of {name}', place))
            for key in ("data", "optional")
        ]
        for twice in fields[0].keys() & fields[1].keys():
            reading.findings.add(
                place, "twice", f'"{twice}" of {name} is both required and optional. Keep one.'
            )
        means = reading.text(body, "means", f"the touchpoint {name}", default="")
        types[name] = TouchpointType(name, by, fields[0], fields[1], means, place)  # type: ignore[arg-type]  # by was checked
    return types


def _fields(reading: Reading, table: Table) -> dict[str, FieldKind]:
    found = {}
    for name, node in table.entries.items():
        if not NAME.match(name):
            reading.findings.add(
                table.places[name], "name", f'"{name}" is not a field name. Lower case with _.'
            )
        found[name] = _field_kind(reading, node)
    return found


def _field_kind(reading: Reading, node: Node) -> FieldKind:
    if isinstance(node, Listing):
        return FieldKind("words", tuple(word for word, _ in reading.words(node, "A field's list")))
    text = node.value if isinstance(node, Scalar) else ""
    if text in KINDS:
        return FieldKind(text)  # type: ignore[arg-type]  # one of KINDS
    if isinstance(text, str) and text.startswith("date within "):
        return FieldKind("date", within=reading.duration(text.removeprefix("date within "), node.place))
    reading.findings.unknown(
        node.place, "field-kind", str(text), "a kind of field", (*KINDS, "date within 1 year")
    )
    return FieldKind("text")


def fact_values(reading: Reading, table: Table, types: Mapping[str, TouchpointType]) -> dict[str, Value]:
    """Return what each fact of a table can be, before its guards are read: guards may name any fact."""
    names = Names(types, {}, {})
    found = {}
    for name, node in table.entries.items():
        body = node if isinstance(node, Table) else Table({}, {}, node.place)
        found[name] = _fact_value(body, names)
    return found


def _fact_value(body: Table, names: Names) -> Value:
    kind = next((key for key in FACT_KINDS if key in body.entries), "ever")
    if kind == "choose":
        node = body.entries["choose"]
        targets = [
            item.entries.get("is")
            for item in (node.items if isinstance(node, Listing) else ())
            if isinstance(item, Table)
        ]
        values = [target.value for target in targets if isinstance(target, Scalar)]
        if values and all(isinstance(value, bool) for value in values):
            return Value("flag")
        return Value("words", tuple(dict.fromkeys(str(value) for value in values)))
    node = body.entries[kind] if kind in body.entries else body
    refs = [
        item.value
        for item in (node.items if isinstance(node, Listing) else (node,))
        if isinstance(item, Scalar)
    ]
    fields = [_split(str(ref), names) for ref in refs]
    kinds = [
        names.types[each].field(name)
        for types, name in fields
        if name
        for each in types
        if names.types[each].field(name)
    ]
    values = [field_value(kind) for kind in kinds if kind is not None]
    if kind == "ever":
        return Value("flag")
    if kind == "count":
        return Value("number")
    if kind == "set":
        return Value("set", tuple(dict.fromkeys(word for value in values for word in value.words)))
    if not values:
        return Value("time") if kind in ("first", "last") else Value("number")
    return values[0] if kind != "sum" or values[0].kind == "money" else Value("number")


def _split(ref: str, names: Names) -> tuple[tuple[str, ...], str]:
    """Split `type.field` into types and field ("" for none); unknown names give no types."""
    types = types_named(ref, names)
    if types is not None:
        return types, ""
    head, _, field = ref.rpartition(".")
    return (types_named(head, names) or ()), field


def read_fact(
    reading: Reading,
    guards: GuardReader,
    names: Names,
    name: str,
    node: Node,
    place: Place,
    track: str | None,
) -> Fact:
    """Return one fact. `track` is the track it is kept for each key of, or None."""
    body = reading.table(node, f"The fact {name}", place)
    kinds = [key for key in FACT_KINDS if key in body.entries]
    if len(kinds) != 1:
        reading.findings.add(place, "fact", f'The fact "{name}" is one of {", ".join(FACT_KINDS)}.')
        return Fact(name, "ever", (), {}, None, None, (), place)
    kind = kinds[0]
    known = (kind,) if kind == "choose" else (kind, "within", "when")
    reading.keys(body, f"a fact of kind {kind}", known)
    if kind == "choose":
        choices = guards.choices(
            body.entries[kind], Scope(None, track), word="is", otherwise="What a fact is"
        )
        return Fact(name, "choose", (), {}, None, None, choices, place)
    fields: dict[str, str] = {}
    for ref, at in reading.words(body.entries[kind], "What a fact remembers"):
        types, field = _split(ref, names)
        if not types:
            reading.findings.unknown(at, "unknown-type", ref, "a touchpoint", names.types)
        for each in types:
            if field and names.types[each].field(field) is None:
                declared = names.types[each]
                reading.findings.unknown(
                    at, "unknown-field", field, f"a field of {each}", (*declared.required, *declared.optional)
                )
            fields[each] = field
    _check_fields(reading, kind, fields, names, place, name)
    when = body.entries.get("when")
    guard = None if when is None else guards.guard(when, Scope(tuple(fields), track))
    within = _window(reading, body, kind)
    return Fact(name, kind, tuple(fields), fields, within, guard, (), place)  # type: ignore[arg-type]  # one of FACT_KINDS


def _check_fields(
    reading: Reading, kind: str, fields: Mapping[str, str], names: Names, place: Place, name: str
) -> None:
    for each, field in fields.items():
        if kind in ("sum", "set") and not field:
            reading.findings.add(
                place, "fact", f'"{kind}" of the fact "{name}" needs a field, such as {each}.amount.'
            )
        declared = names.types[each].field(field) if field else None
        if kind == "sum" and declared is not None and declared.kind not in ("money", "number", "whole"):
            reading.findings.add(
                place, "fact", f'"{each}.{field}" is no number and no money; it cannot be summed.'
            )
        if kind in ("ever", "count") and field:
            reading.findings.add(
                place, "fact", f'"{kind}" of the fact "{name}" takes a type without a field.'
            )


def _window(reading: Reading, body: Table, kind: str) -> Duration | None:
    if "within" not in body.entries:
        return None
    if kind not in ("count", "sum"):
        reading.findings.add(
            body.places["within"], "fact", f'"within" belongs to count and sum, not to {kind}.'
        )
    return reading.duration_of(body, "within")
