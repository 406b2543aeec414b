"""Moves the wall clock of a Python process that a test started, and notes that it was read; see __init__.py.

Python imports this at the start of every process that has this folder in its PYTHONPATH. It changes nothing but
`lifecycle.clock.now`, and that only once the program imports the module by itself.
"""

import importlib.util
import os
import sys
from datetime import timedelta
from pathlib import Path


class Finder:
    """Finds lifecycle.clock as everybody does, and replaces its clock when it was loaded."""

    def find_spec(self, name, path=None, target=None):
        """Return how to load the module, None for every other (called by the import system)."""
        if name != "lifecycle.clock":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            move(module)

        spec.loader.exec_module = exec_module
        return spec


def move(clock):
    """Let a clock go on from a moved moment."""
    real, note = clock.now, Path(os.environ["NIGHTS_NOTE"])
    shift = timedelta(seconds=float(os.environ["NIGHTS_SHIFT_SECONDS"]))

    def now():
        if note.parent.is_dir():
            note.touch()
        return real() + shift

    clock.now = now


if "NIGHTS_NOTE" in os.environ:
    sys.meta_path.insert(0, Finder())
