"""A worker's first start: from when a database in which nobody is yet asks. Settled before anything is folded.

A company that connects years of history must not find all that was overdue in those years on its first morning. So a
live worker that starts where nobody is yet asks from that moment on, unless it was told otherwise. One that reads up
to a bound plays history, and asks from its beginning. What came of it is counted here too. Called by worker.py, and by
drain.py and gauges.py for the counts.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import NamedTuple

from lifecycle.ask_from import FIRST_START_DAYS, AskFrom
from lifecycle.engine.opening import settle_ask_from
from lifecycle.engine.start import state_of
from lifecycle.errors import SettingsRefused
from lifecycle.moment import parse_time
from lifecycle.settings import Settings
from lifecycle.store.store import Store
from lifecycle.task import rfc3339
from lifecycle.touchpoint import EARLIEST

log = logging.getLogger(__name__)

COUNTED = '"not_asked":'
"""Stands in the snapshot of everybody of whom anything was not asked."""


class NotAsked(NamedTuple):
    """How many tasks were due before the moment from which is asked, and how many of them came anew."""

    tasks: int
    anew: int


def settle_first_start(store: Store, settings: Settings, at: datetime, *, is_bounded: bool) -> None:
    """Settle from when is asked, where that is still to be settled; `at` is the wall clock. May be repeated.

    Raises TimeRefused where the settings name a moment and another one is settled, or it is too late for one, and
    SettingsRefused where several databases would each settle a moment of their own.
    """
    given = settings.ask_from
    has_own_moment = given == "now" or (given is None and not is_bounded)
    if settings.several is not None and has_own_moment and store.state().ask_from is None:
        raise SettingsRefused(
            "from when is asked is not settled, and each of several databases would settle the moment at which its "
            "first worker starts. Name one for all with --from, or LIFECYCLE_ASK_FROM: a time, or `beginning`."
        )
    if given is None:
        wanted = AskFrom(EARLIEST) if is_bounded else AskFrom(at, settings.spread_days or FIRST_START_DAYS)
        store.settle_ask_from(wanted)
    elif given == "now":
        store.settle_ask_from(AskFrom(at, settings.spread_days or 1))
    elif given != "beginning":
        moment = parse_time(given)
        assert moment is not None  # the settings were checked
        settle_ask_from(store, moment, settings.spread_days)
    elif store.settle_ask_from(AskFrom(EARLIEST)) is not None:
        settle_ask_from(store, EARLIEST, None)
    found = store.state().ask_from
    if found is not None and found.at != EARLIEST:
        log.info(
            "asking from %s on: what was due before is not asked, what is still owed comes within %d days. Settled at "
            "the first start; for another moment begin with a new database and --from.",
            rfc3339(found.at),
            found.days,
        )


def count_not_asked(store: Store) -> NotAsked | None:
    """Count what was not asked at the first start, of everybody; None where a database asks from the beginning.

    Reads all people, page by page: for the end of a run, or now and then.
    """
    ask_from = store.state().ask_from
    if ask_from is None or ask_from.at == EARLIEST:
        return None
    tasks, anew, after = 0, 0, ""
    while page := store.iterate_people(after=after):
        for row in page:
            state = state_of(row.snapshot) if COUNTED in row.snapshot else None
            if state is not None:
                tasks, anew = tasks + state.not_asked, anew + state.asked_anew
        after = page[-1].person
    return NotAsked(tasks, anew)


def say_not_asked(store: Store) -> None:
    """Log how much was not asked at the first start; nothing where a database asks from the beginning."""
    counted, ask_from = count_not_asked(store), store.state().ask_from
    if counted is not None and ask_from is not None:
        log.info(
            "%d tasks due before %s, when we began, not asked; %d of them still owed and asked anew from then on.",
            counted.tasks,
            rfc3339(ask_from.at),
            counted.anew,
        )
