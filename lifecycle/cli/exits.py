"""The exit codes of every command, and which error ends with which: the same kind of fault, the same code.

Imports nothing that takes time: the start of the program reads it.
"""

from __future__ import annotations

from lifecycle.errors import FileRefused, LifecycleError, SettingsRefused

FAILED, MISUSED, INTERRUPTED, READER_GONE = 1, 2, 130, 141
"""The last two are what a shell reports of a program ended by SIGINT and by SIGPIPE."""

STOPPED = "lifecycle: stopped. What was committed stands; run the same command again."
"""What is said at INTERRUPTED, wherever Ctrl-C is caught."""

MEANINGS = {
    0: "done",
    FAILED: "failed, with one message on standard error: a person, task, stage or topic that is not known; a policy "
    "or mapping that is refused, a scenario that fails, rows of a foreign file that are bad; a database, broker or "
    "disk that does not do its part",
    MISUSED: "used wrongly: an option or setting is missing or wrong, or a file that was named is not there, or cannot "
    "be read, written or understood at all",
    INTERRUPTED: "stopped by Ctrl-C: run the same command again",
    READER_GONE: "whoever read the output went away",
}
"""What each code means, for the reference of commands."""

NOT_READ = frozenset({"alias", "anchor", "character", "documents", "merge", "tag", "too-large", "yaml"})
"""Findings of the loader that say that a text is not what is read here at all, not that a line of it is wrong."""


def code_of(error: LifecycleError) -> int:
    """Return the exit code of a command that ends with this error."""
    unread = any(getattr(each, "code", "") in NOT_READ for each in getattr(error, "found", ()))
    return MISUSED if unread or isinstance(error, FileRefused | SettingsRefused) else FAILED
