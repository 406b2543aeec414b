"""Many cases of one law, drawn or listed: the first ones for every run, the others for those that have the time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def seeds(cases: Iterable[Any], *, quick: int = 1) -> list[Any]:
    """Return the cases of one parameter; all but the first `quick` are marked slow, for together they are."""
    return [case if place < quick else pytest.param(case, marks=pytest.mark.slow) for place, case in enumerate(cases)]
