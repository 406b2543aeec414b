"""Every error that this project raises on purpose, as one tree.

    LifecycleError
    |-- retry    Retry                 try the same again after a pause; nothing was lost
    |   |-- StoreUnavailable           the database cannot be reached, or broke off
    |   |-- BrokerUnavailable          Kafka cannot be reached, or broke off
    |   `-- RevisionConflict           somebody else wrote one of these people first: read and fold again
    |-- reject   Reject                this one input is bad: report it and go on with the others
    |   |-- Unreadable                 a record that is not a touchpoint we can accept
    |   `-- ValueRefused               the database refused a value of this batch
    `-- stop     Stop                  going on would do harm: end, say why and name the next step
        |-- PartitionLost              another worker owns this partition now
        |-- PolicyRefused              the policy has findings
        |-- MappingRefused             a mapping has findings, or does not fit the file
        |-- PolicyMismatch             the database is folded by another policy
        |-- SchemaMismatch             the database is not at this program's migration
        |-- ShardMismatch              the database holds the people of other partitions
        |-- TopicChanged               a topic was made anew, or its partitions changed
        |-- BelongsToWorkers           time and messages are the workers' business in this database
        |-- TimeRefused                asked to move time to before what was reached
        |-- OutputRefused              where results are written to does not take them
        |-- NotFound                   no such person, task, stage or topic
        |   `-- FileRefused            a file that was named is not there, or cannot be read or written
        `-- SettingsRefused            a setting is missing or contradicts another

`action` is what the streams act on; they look at nothing else. Programmer errors (TypeError, KeyError ...)
are not in the tree: they crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

Action = Literal["retry", "reject", "stop"]


class LifecycleError(Exception):
    """Root of the tree. `action` says what a caller does about it."""

    action: ClassVar[Action] = "stop"


class Retry(LifecycleError):
    """Passing trouble: the same call may succeed later."""

    action: ClassVar[Action] = "retry"


class Reject(LifecycleError):
    """One input is bad; the others are not concerned."""

    action: ClassVar[Action] = "reject"


class Stop(LifecycleError):
    """Going on would do harm."""

    action: ClassVar[Action] = "stop"


class StoreUnavailable(Retry):
    """The database cannot be reached, or broke off; the transaction did not happen."""


class BrokerUnavailable(Retry):
    """Kafka cannot be reached, or broke off."""


class RevisionConflict(Retry):
    """Another writer changed one of these people between our read and our write; nothing was written."""


class Unreadable(Reject):
    """A record that cannot be accepted as a touchpoint.

    `reason` is a stable word for counting (`not_json`, `missing_field`, ...), `field` the path of the
    offending attribute or None for the record as a whole, `message` the sentence for people.
    """

    def __init__(self, reason: str, field: str | None, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
        self.message = message


class ValueRefused(Reject):
    """The database refused a value of this batch; nothing was written. Halve the batch to find the record."""


class PartitionLost(Stop):
    """The epoch or offset of a partition is not what this worker wrote last: another worker owns it."""


class PolicyRefused(Stop):
    """The policy cannot be used; the message lists every finding with its place."""


class MappingRefused(Stop):
    """A mapping of foreign files cannot be used; the message lists every finding with its place.

    `found` are the findings themselves, as far as there are any.
    """

    def __init__(self, message: str, found: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.found = tuple(found)


class PolicyMismatch(Stop):
    """The database holds people folded by another policy than the one given."""


class SchemaMismatch(Stop):
    """The database was not migrated to what this program needs."""


class ShardMismatch(Stop):
    """The database holds the people of other partitions than the settings say."""


class TopicChanged(Stop):
    """A topic has another id or partition count than the database remembers."""


class BelongsToWorkers(Stop):
    """A worker has claimed topics in this database: it moves time and takes from the outbox, nobody else does."""


class TimeRefused(Stop):
    """Time was to be moved to before the moment that the database has reached."""


class OutputRefused(Stop):
    """A file or stream does not take what is written to it: the disk is full, a device refuses."""


class NotFound(Stop):
    """No such person, task, stage or topic."""


class FileRefused(NotFound):
    """A file that was named is not there, or cannot be read or written: the command was used wrongly."""


class SettingsRefused(Stop):
    """A setting is missing, malformed or contradicts another."""


def reason_of(error: Exception) -> str:
    """Return what the system or a library says of an error, in words alone: without a number, and never "None"."""
    said = getattr(error, "strerror", None)
    return said.lower() if said else str(error) or type(error).__name__
