"""The policies that ship with the program, as package data. Read by the command line and by tests."""

from __future__ import annotations

from importlib.resources import files

DEFAULT_POLICY = "customer_first.yaml"
"""File name of the policy that is used where none is named."""


def shipped_policy(name: str = DEFAULT_POLICY) -> str:
    """Return the text of a policy that ships with the program.

    Raises FileNotFoundError for a name that does not ship: names come from the program, not from people.
    """
    return (files("lifecycle.policies") / name).read_text(encoding="utf-8")
