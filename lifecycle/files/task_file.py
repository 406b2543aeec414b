"""Where an embedded run hands its messages over: a file of JSON lines that survives a crash, or a stream.

A message stays in the outbox until it is on the disk, or until whoever reads our output has taken it. After a crash
between the two it stands in both: the end of the file says so, and it is not written again. The file may be read
while it is written; a reader leaves a last line without its line end alone. The file holds what is known about
people, so one that is made here may be read by its owner alone. Called by api.py and embedded.py.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, Self

from lifecycle.errors import OutputRefused, SettingsRefused, reason_of
from lifecycle.person import OutboxRow
from lifecycle.written import PRIVATE, until_read, write_whole

OUTBOX_ROWS = 1_000
"""Messages that are written, flushed and taken off the outbox together; the end of the file that is looked at."""

STANDARD_OUTPUT = "-"

_BLOCK = 64 * 1024
_BEGINNINGS = (b'{"data":{"about":', b'{"data":{"ask":')
"""How a message begins, keys being sorted; the second since before tasks said what they are about."""


class Target(Protocol):
    """Something that takes messages in order and keeps them for good."""

    def write(self, rows: Iterable[OutboxRow]) -> int:
        """Keep these messages, in this order; return how many were not there yet.

        Raises OutputRefused or BrokenPipeError where not all of them were taken: then none counts as handed over.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_target(path: Path | str) -> Target:
    """Return the task file at a path, made if need be, or standard output for `-`.

    A half-written last line is cut off: its message is still in the outbox. What is no file on a disk (a pipe, a
    device) is written to as it is. Raises SettingsRefused for a file that holds something else, or cannot be written.
    """
    if str(path) == STANDARD_OUTPUT:
        return StandardOutput()
    return Stream(Path(path)) if _is_stream(Path(path)) else TaskFile(Path(path))


def require_target(path: Path | str) -> None:
    """Raise what `open_target` would raise, without beginning to write: a pipe is not opened, its reader waits."""
    if str(path) == STANDARD_OUTPUT:
        return
    if not _is_stream(Path(path)):
        with TaskFile(Path(path)):
            return
    if not os.access(path, os.W_OK):
        raise _unusable(path, "permission denied")


def _is_stream(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _unusable(path: Path | str, said: str) -> SettingsRefused:
    return SettingsRefused(f"the task file {path} cannot be written: {said}. Choose another with --tasks.")


class StandardOutput:
    """Messages to whoever reads our standard output. What they keep cannot be known, so nothing is left out."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, rows: Iterable[OutboxRow]) -> int:
        """Write the messages out whole, and wait until they were taken."""
        bodies = [f"{row.body}\n" for row in rows]
        try:
            sys.stdout.flush()
            try:
                descriptor = sys.stdout.fileno()
            except (AttributeError, OSError):
                # Not a stream of the system, such as one that a test has put there: it takes all or raises.
                sys.stdout.write("".join(bodies))
                sys.stdout.flush()
            else:
                _hand_over(descriptor, bodies)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _not_taken("standard output", error) from error
        return len(bodies)


class Stream:
    """Messages to what is no file on a disk: a named pipe, a device. Like standard output in everything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_WRONLY)
        except OSError as error:
            raise _unusable(path, reason_of(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def write(self, rows: Iterable[OutboxRow]) -> int:
        """Write the messages out whole, and wait until they were taken."""
        bodies = [f"{row.body}\n" for row in rows]
        try:
            _hand_over(self._descriptor, bodies)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _not_taken(str(self.path), error) from error
        return len(bodies)


class TaskFile:
    """One file, open for appending. `tail` are the ids of the messages that ended it when it was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            is_new = not path.exists()
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE)
        except OSError as error:
            raise _unusable(path, reason_of(error)) from error
        try:
            if is_new:
                self._sync_folder()
            self.tail = self._cut_back()
        except OSError as error:
            os.close(self._descriptor)
            raise _unusable(path, reason_of(error)) from error
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def write(self, rows: Iterable[OutboxRow]) -> int:
        """Append the messages that do not stand in the tail, and return when they are on the disk."""
        fresh = [row.body for row in rows if row.message_id not in self.tail]
        try:
            write_whole(self._descriptor, "".join(f"{body}\n" for body in fresh).encode("utf-8"))
            os.fsync(self._descriptor)
        except OSError as error:
            # What was written of them stands at the end of the file, where the next run finds it.
            raise _not_taken(str(self.path), error) from error
        return len(fresh)

    def _cut_back(self) -> set[str]:
        """Cut a half line off the end; return the ids of the last messages. Refuses a file that is not ours."""
        size = os.fstat(self._descriptor).st_size
        start, end = size, b""
        while start > 0 and end.count(b"\n") <= OUTBOX_ROWS:
            start = max(0, start - _BLOCK)
            end = os.pread(self._descriptor, size - start, start) + end
            size = start
        whole, _, half = end.rpartition(b"\n")
        lines = whole.split(b"\n")[-OUTBOX_ROWS:] if whole else []
        begins = any(half.startswith(each) or each.startswith(half) for each in _BEGINNINGS)
        if not begins or not all(line.startswith(_BEGINNINGS) for line in lines):
            raise SettingsRefused(
                f"{self.path} holds something else than task messages, and is left as it is. "
                "Choose another file with --tasks."
            )
        if half:
            os.ftruncate(self._descriptor, start + len(end) - len(half))
            os.fsync(self._descriptor)
        return {json.loads(line)["id"] for line in lines}

    def _sync_folder(self) -> None:
        # A file that is on the disk is lost all the same when its name is not.
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _hand_over(descriptor: int, bodies: Iterable[str]) -> None:
    write_whole(descriptor, "".join(bodies).encode("utf-8"))
    until_read(descriptor)


def _not_taken(where: str, error: OSError) -> OutputRefused:
    return OutputRefused(
        f"{where} does not take the messages: {reason_of(error)}. They stay in the database; make room, or name "
        "another --tasks, and run again: what was written in part is not left out."
    )
