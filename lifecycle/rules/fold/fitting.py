"""What of a touchpoint counts for a person, and whether it reached anything. Called by steps.py alone.

`fitted` is the one place where a fold reads data by their type; everything after it sees fields that are there and
of their kind, and nothing else.
"""

from __future__ import annotations

from lifecycle.rules.compiled.machine import TypeTable
from lifecycle.rules.fold.working import Working
from lifecycle.touchpoint import Touchpoint, key_of


def fitted(work: Working, table: TypeTable, touchpoint: Touchpoint) -> Touchpoint:
    """Return a touchpoint with what counts of its data; count what does not."""
    fit = table.read(touchpoint)
    missing = work.state.missing
    for misfit in fit.misfits:
        name = f"{touchpoint.type}.{misfit.field}"
        missing[name] = missing.get(name, 0) + 1
    return touchpoint._replace(data=fit.data)


def label_reach(work: Working, table: TypeTable, touchpoint: Touchpoint) -> None:
    """Note a touchpoint of which a key names no instance, or that has no key though it is one of keyed tracks."""
    is_keyless, is_unreached = bool(table.keys), False
    data, tracks = touchpoint.data, work.state.tracks
    for field, names in table.keys:
        key = data.get(field)
        if key is None:
            continue
        is_keyless = False
        for name in names:
            if key in tracks.get(name, ()):
                break
        else:
            is_unreached = True
    if is_keyless:
        work.keyless.append(key_of(touchpoint))
    if is_unreached:
        work.unreached.append(key_of(touchpoint))
