"""Times as commands show them: one zone in all that is printed, the policy's unless another is asked for, and named."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import available_timezones

import typer

from lifecycle.errors import SettingsRefused
from lifecycle.moment import parse_time
from lifecycle.rules.compiled.saying import clock_time
from lifecycle.rules.language.findings import nearest
from lifecycle.rules.language.vocabulary import is_zone
from lifecycle.task import rfc3339

Zone = Annotated[
    str | None,
    typer.Option(
        "--zone",
        metavar="ZONE",
        show_default=False,
        help="Show times by the clock of this zone, such as Europe/Vienna. Without it: the policy's. JSON is in UTC.",
    ),
]


class Times:
    """Tells times by the clock of one zone."""

    def __init__(self, zone: str) -> None:
        self.zone = zone

    def __call__(self, at: datetime | str) -> str:
        """Return a time, or RFC 3339 text, to the minute, with what the clock is called on that day."""
        moment = at if isinstance(at, datetime) else parse_time(at)
        return str(at) if moment is None else clock_time(moment, self.zone)

    def as_of(self, at: datetime | None) -> str:
        """Return the moment that an answer is of, with the zone's name: how every list begins."""
        if at is None:
            return f"Time has not been moved yet; times are in {self.zone}"
        told = self(at)
        return f"As of {told}" if told.endswith(f" {self.zone}") else f"As of {told} ({self.zone})"

    def value(self, value: Any) -> str:
        """Return a fact's value for people."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list):
            return ", ".join(map(self.value, value)) or "nothing"
        if isinstance(value, dict):
            return ", ".join(f"{amount} {name}" for name, amount in sorted(value.items())) or "nothing"
        at = parse_time(value)
        return self(at) if at is not None and rfc3339(at) == value else str(value)


def zone_named(zone: str) -> str:
    """Return the zone that --zone names. Raises SettingsRefused, with the nearest, for one that is not known."""
    if is_zone(zone):
        return zone
    raise SettingsRefused(
        f'--zone is a time zone such as Europe/Vienna, got "{zone}". {nearest(zone, available_timezones())}'
    )
