"""Where an embedded run hands its messages over: a file of JSON lines that survives a crash, or standard output.

A message stays in the outbox until it is on the disk. After a crash between the two it stands in both: the
end of the file says so, and it is not written again. The file may be read while it is written; a reader
leaves a last line without its line end alone. Called by embedded.py.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from lifecycle.errors import SettingsRefused
from lifecycle.person import OutboxRow

OUTBOX_ROWS = 1_000
"""Messages that are written, flushed and taken off the outbox together; the end of the file that is looked at."""

STANDARD_OUTPUT = "-"

_BLOCK = 64 * 1024
_BEGINNING = b'{"data":{"ask":'


class Target(Protocol):
    """Something that takes messages in order and keeps them for good."""

    def write(self, rows: Iterable[OutboxRow]) -> int:
        """Keep these messages, in this order; return how many were not there yet."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_target(path: Path | str) -> Target:
    """Return the task file at a path, made if need be, or standard output for `-`.

    A half-written last line is cut off: its message is still in the outbox. Raises SettingsRefused for a file
    that holds something else, or cannot be written.
    """
    return StandardOutput() if str(path) == STANDARD_OUTPUT else TaskFile(Path(path))


class StandardOutput:
    """Messages to whoever reads our standard output. What was read cannot be known, so nothing is left out."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, rows: Iterable[OutboxRow]) -> int:
        """Write the messages out and flush."""
        bodies = [f"{row.body}\n" for row in rows]
        sys.stdout.write("".join(bodies))
        sys.stdout.flush()
        return len(bodies)


class TaskFile:
    """One file, open for appending. `tail` are the ids of the messages that ended it when it was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            is_new = not path.exists()
            self._file: BinaryIO = open(path, "ab+")  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise SettingsRefused(
                f"the task file {path} cannot be written: {error.strerror}. Choose another with --tasks."
            ) from error
        try:
            if is_new:
                self._sync_folder()
            self.tail = self._cut_back()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, rows: Iterable[OutboxRow]) -> int:
        """Append the messages that do not stand in the tail, and return when they are on the disk."""
        fresh = [row.body for row in rows if row.message_id not in self.tail]
        self._file.write("".join(f"{body}\n" for body in fresh).encode("utf-8"))
        self._file.flush()
        os.fsync(self._file.fileno())
        return len(fresh)

    def _cut_back(self) -> set[str]:
        """Cut a half line off the end; return the ids of the last messages. Refuses a file that is not ours."""
        size = self._file.seek(0, os.SEEK_END)
        start, end = size, b""
        while start > 0 and end.count(b"\n") <= OUTBOX_ROWS:
            start = max(0, start - _BLOCK)
            self._file.seek(start)
            end = self._file.read(min(_BLOCK, size - start)) + end
            size = start
        whole, _, half = end.rpartition(b"\n")
        lines = whole.split(b"\n")[-OUTBOX_ROWS:] if whole else []
        if not all(line.startswith(_BEGINNING) for line in lines) or half[: len(_BEGINNING)] != _BEGINNING[: len(half)]:
            raise SettingsRefused(
                f"{self.path} holds something else than task messages, and is left as it is. "
                "Choose another file with --tasks."
            )
        if half:
            self._file.truncate(start + len(end) - len(half))
            os.fsync(self._file.fileno())
        return {json.loads(line)["id"] for line in lines}

    def _sync_folder(self) -> None:
        # A file that is on the disk is lost all the same when its name is not.
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
