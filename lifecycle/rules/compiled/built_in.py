"""The track that every policy has: what is asked where a person has more than can be asked at once (places.py).

It is written by hand and stands in no policy file, so no policy can name, change or leave it out. Called by compile.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle.rules.compiled.facts import as_time
from lifecycle.rules.compiled.guards import Read
from lifecycle.rules.language.ask import Ask, Blank
from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.names import PERSON, TOO_MANY
from lifecycle.rules.language.policy import Every, Fact, Stage, TaskRule, Track
from lifecycle.rules.language.schedule import Duration

NOWHERE = Place(0, 0)
"""The place of what stands in no file."""

_FACTS = ("rules", "first_due", "waiting", "not_begun")

_TASK = TaskRule(
    name=TOO_MANY,
    slot_name=TOO_MANY,
    ask=Ask(
        "Look at {person}: more is to be asked than can be open at once",
        (
            "Look at ",
            Blank("person"),
            ": more is to be asked than can be open at once (",
            Blank("fact", "rules", otherwise="new keys without end"),
            "; the first is due ",
            Blank("fact", "first_due", otherwise="at once"),
            "). Do or decline what is open.",
        ),
    ),
    by="owner",
    about=_FACTS,
    contact="",
    after=Duration(0, "day"),
    at=None,
    every=Every(Duration(30, "day"), None),
    when=None,
    due=Duration(3, "business day"),
    expires=Duration(30, "day"),
    done_by={},
    or_else=None,
    stays=False,
    is_review=False,
    place=NOWHERE,
)

_STAGE = Stage(
    name="crowded",
    means="There is more about me than anybody can be asked at once.",
    upon={},
    any_by={},
    tasks=(_TASK,),
    later=(),
    review=None,
    watched_by=None,
    loss=False,
    place=NOWHERE,
)

TRACK = Track(
    name=TOO_MANY,
    slot_name=TOO_MANY,
    per=PERSON,
    start=_STAGE.name,
    begins=(),
    facts={name: Fact(name, "last", (), {}, None, None, (), NOWHERE) for name in _FACTS},
    upon={},
    any_by={},
    stages={_STAGE.name: _STAGE},
    place=NOWHERE,
)


def fact_readers() -> Mapping[tuple[str, str], Read]:
    """Return the readers of the facts that places.py writes, as guards.py reads those of a policy."""
    readers: dict[tuple[str, str], Read] = {(TOO_MANY, name): _reader(name) for name in _FACTS}
    readers[TOO_MANY, "first_due"] = lambda view: as_time(view.own.get("first_due"))
    return readers


def _reader(name: str) -> Read:
    return lambda view: view.own.get(name)
