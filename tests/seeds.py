"""Seeds of a law: the first ones for every run, the others for those that have the time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def seeds(numbers: Iterable[int], *, quick: int = 1) -> list[Any]:
    """Return the seeds as parameters; all but the first `quick` are marked slow, for together they are."""
    return [
        number if place < quick else pytest.param(number, marks=pytest.mark.slow)
        for place, number in enumerate(numbers)
    ]
