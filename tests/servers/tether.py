"""Runs a command that ends when its starter ends: `tether.py PARENT SIGNAL USER:GROUP COMMAND...`

A program of its own rather than a `preexec_fn`, because forking with a hook is unsafe (and warned about) once
the tests have threads. On systems without Linux's prctl the command is run untethered: the starter's atexit
hook is then all that stops it. The user is changed here because the one given may not be allowed to run this
interpreter.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, death_signal: int, user_and_group: str, command: list[str]) -> None:
    """Replaces this process by the command, sent `death_signal` when `parent` dies; an empty user stays."""
    user, _, group = user_and_group.partition(":")
    if user:
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))  # before prctl: a change of user clears what prctl sets
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above, and the signal will never come
            sys.exit(f"tether: process {parent} is gone, not starting {command[0]}")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
