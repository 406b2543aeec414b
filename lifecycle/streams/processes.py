"""Several workers under one command: `lifecycle worker --processes N`.

Python runs on one core, and so does a worker. Each of these is a whole one, a member of the group that reads its share
of the partitions; nothing is shared but the signals: SIGTERM and SIGINT are passed on, and every worker finishes what
it has begun. Where one ends by itself before its work is done, the others are stopped in order and the command ends as
it did, so that whoever watches over the command starts all of them again.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

log = logging.getLogger(__name__)

SIGNALLED = 128
"""What shells add to the number of a signal that ended a process, for its exit code."""


def run_processes(command: Sequence[str], environments: Sequence[Mapping[str, str]], *, ends: bool) -> int:
    """Run a command once for each environment, from the main thread, until all have ended; return the exit code.

    `ends`: they end by themselves when their work is done, and a 0 is no reason to stop the others. The code is 0 where
    all have ended with 0, else that of the first that did not, or 128 and the number of the signal that ended it.
    """
    workers: list[subprocess.Popen[bytes]] = []
    is_asked = False

    def stop(number: int, _frame: Any) -> None:
        nonlocal is_asked
        is_asked = True
        _pass_on(workers, signal.SIGTERM)

    # First of all: one that comes while they are started must not leave some of them behind.
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    code = 0
    try:
        for each in environments:
            workers.append(subprocess.Popen(command, env={**os.environ, **each}))
        if is_asked:
            _pass_on(workers, signal.SIGTERM)
        running = {worker.pid: worker for worker in workers}
        while running:
            pid, status = os.wait()
            worker = running.pop(pid, None)
            if worker is None:
                continue
            worker.returncode = ended = os.waitstatus_to_exitcode(status)
            code = code or (ended if ended >= 0 else SIGNALLED - ended)
            if not is_asked and running and (ended != 0 or not ends):
                place = workers.index(worker) + 1
                log.error("worker %d of %d ended with %d: stopping the others", place, len(workers), ended)
                is_asked = True
                _pass_on(running.values(), signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code


def _pass_on(workers: Iterable[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for worker in workers:
        if worker.returncode is None:
            worker.send_signal(number)
