"""Files of touchpoint lines, plain or gzip, or standard input, as records: one line after another, bounded.

It reads bytes and lets the codec say what they are; it never holds more than one line and knows nothing of
batches or databases. Called by embedded.py.
"""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lifecycle.errors import FileRefused, Stop, reason_of
from lifecycle.record import Fault, Place, Record
from lifecycle.wire.codec import Limits, read_record

STANDARD_INPUT = "-"

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Longest line held in memory; of a longer one this much is kept, as a dead letter."""

_GZIP = b"\x1f\x8b"


class EventLines:
    """The lines of one file. `read_bytes` of `total_bytes` (None: unknown) are read so far, as they lie on disk."""

    def __init__(self, path: Path | str, limits: Limits) -> None:
        self.path = str(path)
        self.name = "standard input" if self.path == STANDARD_INPUT else Path(self.path).name
        self.topic = f"file:{STANDARD_INPUT if self.path == STANDARD_INPUT else self.name}"
        self.total_bytes: int | None = None
        self._limits = limits
        self._source: BinaryIO | None = None
        self._read_before = 0
        if self.path != STANDARD_INPUT:
            if not os.path.exists(self.path):
                raise FileRefused(f"there is no file {self.path}. Check the path; `-` reads standard input.")
            if os.path.isdir(self.path) or not os.access(self.path, os.R_OK):
                reason = "it is a folder" if os.path.isdir(self.path) else "permission denied"
                raise FileRefused(f"{self.path} cannot be read: {reason}. Name a file of touchpoints.")
            if os.path.isfile(self.path):
                self.total_bytes = os.path.getsize(self.path)

    @property
    def read_bytes(self) -> int:
        """How much of the file was taken from the disk; 0 for a stream."""
        if self._source is None or self.total_bytes is None:
            return self._read_before
        return self._source.tell()

    def records(self) -> Iterator[Record]:
        """Yield a record for every line that is not blank; its place is `file:NAME`, 0, line number from 1.

        Raises Stop when the file cannot be read or breaks off; records yielded before stand.
        """
        number = 0
        try:
            with self._opened() as stream:
                while line := stream.readline(MAX_LINE_BYTES + 1):
                    number += 1
                    place = Place(self.topic, 0, number)
                    if len(line) > MAX_LINE_BYTES and line[-1] != 0x0A:
                        yield self._too_long(stream, line, place)
                        continue
                    body = line.rstrip(b"\r\n")
                    if body and not body.isspace():
                        yield read_record(place, body, limits=self._limits)
        except (OSError, EOFError, zlib.error) as error:
            raise Stop(
                f"{self.name} cannot be read after line {number}: {reason_of(error)}. What was read before is taken "
                "in; mend the file and run again, the lines before count as repetitions."
            ) from error

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        if self.path == STANDARD_INPUT:
            yield sys.stdin.buffer
            return
        with open(self.path, "rb") as source:
            self._source = source
            # By content, not by name: a stream has no name, and a name may lie.
            packed = self.total_bytes is not None and source.read(2) == _GZIP
            if self.total_bytes is not None:
                source.seek(0)
            try:
                if packed:
                    with gzip.open(source) as unpacked:
                        yield unpacked  # type: ignore[misc]  # a GzipFile reads like a BinaryIO
                else:
                    yield source
            finally:
                self._read_before, self._source = self.read_bytes, None

    def _too_long(self, stream: BinaryIO, line: bytes, place: Place) -> Record:
        """Pass over the rest of a line that is not held in memory."""
        size = len(line)
        while rest := stream.readline(MAX_LINE_BYTES):
            size += len(rest)
            if rest[-1] == 0x0A:
                break
        message = (
            f"line {place.offset} of {self.name} has {size} bytes, more than the "
            f"{self._limits.max_body_bytes} allowed; its first {MAX_LINE_BYTES} are kept. Send a reference instead."
        )
        return Record(place, line[:MAX_LINE_BYTES], None, Fault("too_large", None, message))
