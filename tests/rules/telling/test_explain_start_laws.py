"""What is told of the future comes, also where a database asks from a moment on: before it, at it and after it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from lifecycle.ask_from import AskFrom
from tests.rules.telling.test_explain_foresight import (
    Told,
    default_told,
    hold,
    names_of,
    timed_told,
    told_why_not_comes,
)
from tests.seeds import seeds


def begun(told: Told, source: random.Random) -> Told:
    """Return the same person by a machine that asks from a moment near the one that is told of."""
    days = source.choice((-40, -3, 0, 1, 10, 60))
    begin = AskFrom(told.at + timedelta(days=days), source.choice((1, 1, 20)))
    return Told(replace(told.machine, ask_from=begin), told.log, told.at)


@pytest.mark.parametrize("seed", seeds(range(200, 240), quick=8))
def test_what_is_told_comes(seed: int) -> None:
    for told, source in (default_told(seed), timed_told(seed)):
        hold(begun(told, source), source)


@pytest.mark.parametrize("seed", seeds(range(300, 306), quick=2))
def test_why_not_dates_come(seed: int) -> None:
    for told, source in (default_told(seed), timed_told(seed)):
        names = names_of(told.machine)
        told_why_not_comes(begun(told, source), source.sample(names, min(len(names), 15)))
