"""What the nouns of the command line share: a group whose help says each command's first sentence, whole."""

from __future__ import annotations

import inspect
import re
from typing import Any

import typer
from typer.core import TyperGroup

_SENTENCE = re.compile(r"(?<=\.)\s")


class Noun(TyperGroup):
    """A group of commands. typer would cut what it says of them at a number of letters, with an ellipsis."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands in help (called by typer)."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, first_sentence(each.help)) for name, each in commands if each is not None and not each.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def noun(help: str) -> typer.Typer:  # noqa: A002 - typer's own word
    """Return a noun to register commands on."""
    return typer.Typer(cls=Noun, no_args_is_help=True, rich_markup_mode=None, help=help)


def first_sentence(text: str | None) -> str:
    """Return the first sentence of a help text on one line."""
    return _SENTENCE.split(" ".join(inspect.cleandoc(text or "").split()), maxsplit=1)[0]
