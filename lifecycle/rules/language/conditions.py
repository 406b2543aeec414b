"""Guards as frozen data: the part of a policy (policy.py) that says when something holds. Nothing here decides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lifecycle.rules.language.findings import Place
from lifecycle.rules.language.schedule import Duration

Space = Literal["field", "fact", "stage", "any"]


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency (ISO 4217 letters)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


_MONEY = re.compile(r"(-?[0-9]{1,30}(?:\.[0-9]{1,12})?) ([A-Z]{3})", re.ASCII)


def parse_money(text: str) -> Money | None:
    """Return the amount that a text such as `100.00 EUR` names, or None. At most 30 digits and 12 decimals."""
    match = _MONEY.fullmatch(text)
    return Money(Decimal(match[1]), match[2]) if match else None


Literal_ = str | bool | int | Decimal | Money


@dataclass(frozen=True, slots=True)
class OneOf:
    """Holds if the value equals one of these."""

    values: tuple[Literal_, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Holds if at_least <= value < less_than (None: open). Half-open, so that ranges meet without overlap."""

    at_least: Literal_ | None
    less_than: Literal_ | None


@dataclass(frozen=True, slots=True)
class Within:
    """Holds if the time is at most this long ago."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class Has:
    """Holds if the set contains all of these."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """Holds if the value is there (True) or is not there (False)."""

    given: bool


Test = OneOf | Range | Within | Has | Given


@dataclass(frozen=True, slots=True)
class Compare:
    """One line of a guard: a left side and what it must be."""

    space: Space
    name: str
    test: Test
    place: Place


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds if one of the guards holds."""

    guards: tuple[Guard, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Holds if none of the guards holds."""

    guards: tuple[Guard, ...]
    place: Place


Condition = Compare | AnyOf | NoneOf


@dataclass(frozen=True, slots=True)
class Guard:
    """All conditions must hold."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a list that decides: `when` (None: otherwise) and where to go, or what it is."""

    when: Guard | None
    target: str | bool
    place: Place
