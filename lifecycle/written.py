"""Writing bytes so that they are written: all of them, or an error.

One call of the system may take only a part, also without an error: when a reader goes away, a disk runs full, or a
descriptor does not block. Called by task_file.py and by the command line.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import termios
from array import array

PRIVATE = 0o600
"""Rights of a file that holds what is known about people: its owner's alone."""

_LOOK_MILLISECONDS = 20


def write_whole(descriptor: int, body: bytes) -> None:
    """Write all of it, however many calls that takes. Raises OSError; how much was written then is not known."""
    rest = memoryview(body)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


def until_read(descriptor: int) -> None:
    """Wait until whoever reads a pipe has taken all that stands in it; return at once for anything else.

    Raises BrokenPipeError where the reader went away before: what fits into a pipe is written without an error
    although nobody will read it (`| head -1`).
    """
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return
    watch = select.poll()
    watch.register(descriptor, 0)
    while _waiting(descriptor):
        if watch.poll(_LOOK_MILLISECONDS) and _waiting(descriptor):
            raise BrokenPipeError(f"the reader went away and left {_waiting(descriptor)} bytes")


def _waiting(descriptor: int) -> int:
    """Return how many bytes stand in a pipe; 0 where the system does not tell."""
    counted = array("i", [0])
    try:
        fcntl.ioctl(descriptor, termios.FIONREAD, counted)
    except OSError:
        return 0
    return counted[0]
