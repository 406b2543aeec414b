"""Where the program `lifecycle` starts: before anything that takes time is imported.

Ctrl-C is answered in one line from the first moment, and standard output is made so that no byte is lost: Python
without buffers takes a short write for a whole one, and a terminal of another encoding ends in a traceback.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from lifecycle.cli.exits import INTERRUPTED, STOPPED


def main() -> None:
    """Run the program: the entry point of `.venv/bin/lifecycle` and of `python -m lifecycle.cli`."""
    try:
        _prepare_output()
        from lifecycle.cli.app import app

        app(prog_name="lifecycle")
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        sys.exit(INTERRUPTED)


def _prepare_output() -> None:
    stream: Any = sys.stdout
    if isinstance(getattr(stream, "buffer", None), io.RawIOBase):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(stream.buffer), encoding=stream.encoding, errors=stream.errors, line_buffering=True
        )
    for each in (sys.stdout, sys.stderr):
        if isinstance(each, io.TextIOWrapper):
            each.reconfigure(errors="backslashreplace")
