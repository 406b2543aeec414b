"""The policies that ship with the program, as package data, and how policy files are found and read.

Called by the Python API, the worker and the command line. What a policy says is the business of lifecycle.rules.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from lifecycle.errors import FileRefused, reason_of
from lifecycle.rules.language.document import MAX_BYTES
from lifecycle.rules.language.includes import Find
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.proof.check import require_proved

DEFAULT_POLICY = "customer_first.yaml"
"""File name of the policy that is used where none is named."""


def shipped_policy(name: str = DEFAULT_POLICY) -> str:
    """Return the text of a policy that ships with the program.

    Raises FileNotFoundError for a name that does not ship: names come from the program, not from people.
    """
    return (files("lifecycle.policies") / name).read_text(encoding="utf-8")


def active_policy(text: str | None) -> Policy:
    """Return the policy that a database holds as its text; a new database (None) gets the default one."""
    return (
        load_policy(shipped_policy(), name=DEFAULT_POLICY) if text is None else load_policy(text, name="active policy")
    )


def read_policy(path: Path) -> Policy:
    """Return the policy in a file, proved. What it includes is looked for beside it, then among those that ship.

    Raises FileRefused for a file that cannot be read, PolicyRefused with all findings of reading or of the proof.
    """
    return proved(_text_of(path), name=str(path), find=find_beside(path))


def proved(text: str, *, name: str, find: Find | None = None) -> Policy:
    """Return the policy that a text holds, if it is proved that nobody is forgotten by it. Raises PolicyRefused."""
    policy = load_policy(text, name=name, find=find)
    require_proved(policy, name=name)
    return policy


def find_beside(path: Path) -> Find:
    """Return how included policies are found: NAME.yaml beside a file (`-` may be `_`), else one that ships."""

    def find(name: str) -> tuple[str, str] | None:
        if "/" in name or "\\" in name or name.startswith("."):
            return None  # the name of a policy, not a way through the machine
        candidates = [f"{name}.yaml", f"{name.replace('-', '_')}.yaml"]
        for candidate in candidates:
            beside = path.parent / candidate
            if beside.is_file():
                return str(beside), _text_of(beside)
        for candidate in candidates:
            if (files("lifecycle.policies") / candidate).is_file():
                return candidate, shipped_policy(candidate)
        return None

    return find


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            body = stream.read(MAX_BYTES + 1)  # one more is enough to be refused as too large
        return body.decode("utf-8", "replace" if len(body) > MAX_BYTES else "strict")
    except (OSError, UnicodeDecodeError) as error:
        raise FileRefused(
            f"the policy {path} cannot be read: {reason_of(error)}. Check the path and its encoding (UTF-8)."
        ) from error


def policy_of(policy: Path | str) -> Policy:
    """Read a policy from a file, or from a text of several lines. Raises PolicyRefused, NotFound."""
    if isinstance(policy, str) and "\n" in policy:
        return proved(policy, name="policy")
    return read_policy(Path(policy))
