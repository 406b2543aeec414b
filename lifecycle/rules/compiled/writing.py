"""Functions that are written for one policy: Python text, made of it when it is compiled, and what that text may be.

A closure for every line of a guard calls another closure for every side of it; written out as one expression the same
takes a third of the time. The text is the policy's own part of the fold and nothing else: words of the policy enter it
as literals only (`repr` of a text, a number or a truth value), never as names; functions and constants are numbered;
and it is held against an allow-list of syntax before it is run, so that no policy can say more than a guard can.
`lifecycle policy show --generated` prints it.

Everything that was asked for is read by Python in one go, when `finish` is called: until then a function is there, and
can stand in tables and in other texts, but cannot be called.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

_ALLOWED: frozenset[type[ast.AST]] = frozenset(
    (
        *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.If, ast.Assign, ast.Expr),
        *(
            ast.Compare,
            ast.BoolOp,
            ast.UnaryOp,
            ast.BinOp,
            ast.IfExp,
            ast.Call,
            ast.Attribute,
            ast.Subscript,
            ast.Name,
            ast.Constant,
        ),
        *(ast.Dict, ast.List, ast.Tuple, ast.Load, ast.Store, ast.And, ast.Or, ast.Not, ast.USub),
        *(ast.Add, ast.FloorDiv, ast.BitAnd, ast.BitOr),
        *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.Is, ast.IsNot, ast.In, ast.NotIn),
    )
)
_ATTRIBUTES = frozenset(
    {
        *("at", "data", "facts", "key", "own", "stages"),  # of a view
        *(
            "asked",
            "changed",
            "dirty",
            "due",
            "dues",
            "followed",
            "is_told",
            "origin",
            "remember_text",
            "seen",
        ),  # of a fold
        *("is_stirred", "state", "begun_at", "tasks", "tracks", "waiting"),
        *("begin", "begun", "complete", "fitted", "label_reach", "move", "settle", "take_outcome"),  # of its steps
        *("told_before", "told_of_beginning", "told_of_choices", "watch"),
        *("anchors", "came", "counts", "held_until", "pending", "since", "spent", "stage"),  # of an instance
        *("append", "get", "isalnum", "pop", "values"),
    }
)


_AT_ONCE = 50
"""Functions that Python reads at a time: their syntax trees take a hundred times the memory of the text."""


def _unwritten(*_: object) -> None:
    raise AssertionError("a function of a policy is called before its text is finished")


class Writer:
    """The text of one policy, and the names that it knows."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {"__builtins__": {}, "AssertionError": AssertionError}
        self._numbers: dict[int, str] = {}
        self._kept: list[Any] = []
        self._texts: list[str] = []
        self._waiting: dict[str, FunctionType] = {}

    def constant(self, value: Any, stem: str) -> str:
        """Return the name under which the text knows a value: one and the same for the same object."""
        name = self._numbers.get(id(value))
        if name is None:
            name = self._numbers[id(value)] = f"{stem}_{len(self._numbers) + 1}"
            self._kept.append(value)  # or its id could come again
            self._names[name] = value
        return name

    def function(self, stem: str, arguments: str, body: Sequence[str], note: str) -> Callable[..., Any]:
        """Return a function of these lines; `note` says in a comment what of the policy it is."""
        name = f"{stem}_{len(self._numbers) + 1}"
        made = FunctionType(_unwritten.__code__, self._names, name)
        self._numbers[id(made)] = name
        self._kept.append(made)
        self._names[name] = self._waiting[name] = made
        lines = [f"def {name}({arguments}):", *(f"    {line}" for line in body)]
        self._texts.append(f"# {' '.join(note.split())}\n" + "\n".join(lines) + "\n")
        return made

    def expression(self, stem: str, text: str, note: str) -> Callable[[Any], Any]:
        """Return a function of a view `v` that gives the value of an expression."""
        return self.function(stem, "v", [f"return {text}"], note)

    def finish(self) -> None:
        """Let Python read what was written since the last time; functions can be called from then on."""
        texts = self._texts[len(self._texts) - len(self._waiting) :]
        waiting, self._waiting = list(self._waiting.items()), {}
        for start in range(0, len(texts), _AT_ONCE):
            tree = ast.parse("\n".join(texts[start : start + _AT_ONCE]))
            refuse_unknown(tree)
            found: dict[str, Any] = {"__builtins__": {}}
            exec(compile(tree, "<policy>", "exec"), found)  # its syntax was looked at
            for name, function in waiting[start : start + _AT_ONCE]:
                function.__code__ = found[name].__code__

    @property
    def text(self) -> str:
        """Everything that was written, in order."""
        return "\n".join(self._texts)


def refuse_unknown(tree: ast.AST) -> None:
    """Raise ValueError for syntax that no text of ours has: a defect of whoever wrote it."""
    for node in ast.walk(tree):
        if type(node) not in _ALLOWED:
            raise ValueError(f"written text has {type(node).__name__}, which it must not have")
        if isinstance(node, ast.Attribute) and node.attr not in _ATTRIBUTES:
            raise ValueError(f"written text asks for .{node.attr}, which it must not")
        if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | bool | None):
            raise ValueError(f"written text holds {node.value!r}, which is no text, number or truth value")


def indented(lines: Sequence[str]) -> list[str]:
    """Return lines of text as they stand inside a block."""
    return [f"    {line}" for line in lines]
