"""The text that tells of a touchpoint's data in a trice that all of it counts, as nearly always.

It says so only where it is sure: every field of the type is there or may be missing, is of its kind, and there is no
other field. Whatever it does not know, vocabulary.py reads.
"""

from __future__ import annotations

from lifecycle.rules.compiled.writing import Writer
from lifecycle.rules.language.policy import FieldKind, TouchpointType
from lifecycle.rules.language.vocabulary import check_of
from lifecycle.touchpoint import MAX_ID_BYTES

_SHORT = MAX_ID_BYTES // 4
"""Characters that always fit into the bytes of an id."""


def fits_lines(writer: Writer, declared: TouchpointType) -> list[str]:
    """Return the lines that set `fits` by the fields of a touchpoint's `data`; of types with limits it is False."""
    kinds = {**declared.required, **declared.optional}
    fields = names_of(declared)
    if has_limits(declared):
        return ["fits = False"]
    if not kinds:
        return ["fits = not data"]
    count = writer.constant(len, "count")
    tests, there = [], [str(len(declared.required))]
    for name, kind in kinds.items():
        field = fields[name]
        test = _test(writer, kind, field)
        tests.append(test if name in declared.required else f"({field} is None or {test})")
        there += [] if name in declared.required else [f"({field} is not None)"]
    return [f"fits = {count}(data) == {' + '.join(there)} and {' and '.join(tests)}"]


def has_limits(declared: TouchpointType) -> bool:
    """Tell whether a field of a type has a limit that counts from its touchpoint."""
    kinds = (*declared.required.values(), *declared.optional.values())
    return any(kind.within is not None or kind.kind == "until" for kind in kinds)


def names_of(declared: TouchpointType) -> dict[str, str]:
    """Return the name in the text of each field of a type."""
    return {name: f"field_{number}" for number, name in enumerate({**declared.required, **declared.optional}, start=1)}


def _test(writer: Writer, kind: FieldKind, field: str) -> str:
    """Return the text that tells whether a value is of its kind; what is missing is of none."""
    is_text = f"{writer.constant(type, 'type')}({field}) is {writer.constant(str, 'text')}"
    check = f"{writer.constant(check_of(kind), 'check')}({field}) is None"
    match kind.kind:
        case "text":
            return is_text
        case "words":
            return f"{is_text} and {field} in {writer.constant(frozenset(kind.words), 'words')}"
        case "id":  # As nearly all ids are, it is letters and digits.
            is_plain = f"{field}.isalnum() and {writer.constant(len, 'count')}({field}) <= {_SHORT}"
            return f"({is_text} and ({is_plain} or {check}))"
        case "yes_or_no":
            return f"({field} is True or {field} is False)"
        case _:
            return check
