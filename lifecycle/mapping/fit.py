"""A mapping held against a policy: what no row could make right is said before the first, the rest row by row.

The judge of a row is the reading of the policy itself, the one that refuses it at the door. Called by the command line.
"""

from __future__ import annotations

from lifecycle.errors import MappingRefused, Unreadable
from lifecycle.mapping.convert import Check
from lifecycle.mapping.model import ImportMapping, Rule
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.language.findings import Place, nearest
from lifecycle.wire.codec import read_event


def require_fit(mapping: ImportMapping, machine: Machine) -> tuple[str, ...]:
    """Return fields that no touchpoint of their type has, as sentences: they are kept, and nobody looks at them.

    Raises MappingRefused for types that the policy does not know and for required fields that a rule does not give.
    """
    problems: list[str] = []
    notes: list[str] = []
    for rule in mapping.rules:
        declared = machine.policy.types.get(rule.type)
        if declared is None:
            if rule.type not in machine.types:  # what is built in is known to every policy
                problem = f'"{rule.type}" is not a type of {machine.policy.name}. {nearest(rule.type, machine.types)}'
                problems.append(f"{_where(mapping, rule.place)} {problem}")
            continue
        given = {value.name for value in rule.data}
        problems += [
            f"{_where(mapping, rule.place)} {_missing(rule, name)}" for name in sorted(set(declared.required) - given)
        ]
        for value in rule.data:
            if declared.field(value.name) is None:
                note = f'"{value.name}" is no field of {rule.type}, and nobody looks at it.'
                notes.append(f"{_where(mapping, value.place)} {note} {nearest(value.name, declared.fields)}")
    if problems:
        raise MappingRefused("The mapping does not fit the policy.\n" + "\n".join(problems))
    return tuple(notes)


def check_of(machine: Machine) -> Check:
    """Return what refuses a line that would be refused when it is received."""

    def check(line: bytes) -> None:
        touchpoint = read_event(line)
        table = machine.types.get(touchpoint.type)
        for name, reason, wanted, got, _ in table.read(touchpoint).misfits if table else ():
            raise Unreadable(reason, name, f"{name} is {got}; wanted {wanted}.")

    return check


def _where(mapping: ImportMapping, place: Place) -> str:
    return f"{mapping.file_name}:{place.line}:{place.column}:"


def _missing(rule: Rule, name: str) -> str:
    return f'The rule "{rule.name}" does not give {name}, which every {rule.type} has. Add it to data:.'
