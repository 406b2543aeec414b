"""Retractions: `touchpoint.retracted` takes a touchpoint of the same person out, as if it had never been sent.

The log keeps both, so that it can be told and undone; the fold sees neither. What is left out is a function of the set
of retractions alone, whichever came first: they are gone through from the last in order to the first, and each counts
unless a later one that counts has retracted it. So a retraction of a retraction counts only if it is later. Pure;
called by folding.py, questions.py and scenarios/run.py, which hand to the fold what `counted` leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from lifecycle.instant import microseconds
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.state.snapshot import Origin
from lifecycle.touchpoint import RETRACTED, Touchpoint, order_key

Name = tuple[str, str]
"""(source, id) of a touchpoint; whose it is goes without saying here."""


def name_of(touchpoint: Touchpoint) -> Name:
    """Return what a retraction calls a touchpoint by."""
    return touchpoint.source, touchpoint.id


def target_of(retraction: Touchpoint) -> Name | None:
    """Return what a retraction takes out; None where it names nothing (it was stored before its type was known)."""
    source, identifier = retraction.data.get("source"), retraction.data.get("id")
    return (source, identifier) if isinstance(source, str) and isinstance(identifier, str) else None


def retracted(touchpoints: Iterable[Touchpoint]) -> Mapping[Name, Touchpoint]:
    """Return what the retractions among these take out, each with the last retraction that does."""
    gone: dict[Name, Touchpoint] = {}
    found = [each for each in touchpoints if each.type == RETRACTED]
    for each in sorted(found, key=order_key, reverse=True):
        target = target_of(each)
        if target is not None and name_of(each) not in gone:
            gone.setdefault(target, each)
    return gone


def told(touchpoints: Iterable[Touchpoint], gone: Mapping[Name, Touchpoint]) -> list[Step]:
    """Return a step for each touchpoint that is left out, in order: for explaining, at the end of a trail."""
    left_out = [each for each in touchpoints if each.type != RETRACTED and name_of(each) in gone]
    return [_step(each, gone[name_of(each)]) for each in sorted(left_out, key=order_key)]


def _step(touchpoint: Touchpoint, by: Touchpoint) -> Step:
    origin = Origin(touchpoint.source, touchpoint.id, touchpoint.type, microseconds(touchpoint.occurred_at))
    detail = f"{by.type} (source {by.source}, id {by.id})"
    return Step(touchpoint.occurred_at, "retracted", "", "", touchpoint.type, "", origin, detail, due=by.occurred_at)


def is_left_out(touchpoint: Touchpoint, gone: Collection[Name]) -> bool:
    """Tell whether a touchpoint is as if it had never been. A retraction in `gone` is not: it may be waited for.

    One that comes before it in order names it too, and does not count against it.
    """
    return touchpoint.type != RETRACTED and name_of(touchpoint) in gone


def counted(touchpoints: Iterable[Touchpoint], gone: Collection[Name]) -> list[Touchpoint]:
    """Return the touchpoints that are folded: no retractions, and none that is in `gone`."""
    return [each for each in touchpoints if each.type != RETRACTED and not is_left_out(each, gone)]
