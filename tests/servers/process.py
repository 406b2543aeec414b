"""One server process: started tethered, waited for until it answers, stopped, killed, and started again.

What Kafka and PostgreSQL have in common; what differs (command, readiness, signals) is in the two modules
beside it. Not safe for threads: one test at a time takes a server away.
"""

import atexit
import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self, TypedDict

TETHER = Path(__file__).with_name("tether.py")
FOLDER_PREFIX = "lifecycle-servers-"

# Below the range from which Linux and macOS take ports for outgoing connections: nothing else grabs the port
# of a server that a test has stopped for a moment.
PORTS = range(20_000, 32_000)


class ServerUnavailable(Exception):
    """The server cannot be had on this machine; the text says why and what to do."""


class Account(TypedDict, total=False):
    """Keyword arguments of subprocess that name whom a program runs as; empty for the present user."""

    user: int
    group: int


class Server(ABC):
    """A server on a free port, with its data in a temporary folder that `close` removes."""

    name: str
    stop_signal: signal.Signals  # asks for an orderly end
    kill_signal: signal.Signals  # ends it at once; also what the kernel sends when this process dies
    start_seconds = 90.0
    stop_seconds = 30.0

    def __init__(self) -> None:
        self.folder = claim_folder(self.name)
        self.port = free_port()
        self.log_file = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._prepared = False
        atexit.register(self.close)

    @abstractmethod
    def prepare(self) -> None:
        """Called once before the first start: lays out the data folder, or raises ServerUnavailable."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The absolute path of the program and its arguments."""

    @abstractmethod
    def answers(self) -> bool:
        """True once the server does its work; called again and again, so it returns within seconds."""

    def account(self) -> Account:
        """Whom the server runs as, where it may not be the present user."""
        return {}

    def start(self) -> Self:
        """Starts the server on its port and data, returns once it answers. Harmless when running."""
        if self.running:
            return self
        if not self._prepared:
            self.prepare()
            self._prepared = True
        with self.log_file.open("ab") as log:
            self._process = self._spawn(log)
        self._wait_until_it_answers(self._process)
        return self

    def stop(self) -> None:
        """Ends the server in order, as an administrator would. Harmless when not running."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """Ends the server at once, as a crash would: nothing is flushed, no client is told."""
        self._end(self.kill_signal)

    def close(self) -> None:
        """Kills the server and removes its data. It cannot be started again."""
        atexit.unregister(self.close)
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether the process lives; it may still be busy starting or stopping."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, command: Sequence[str], *, timeout: float = 120) -> None:
        """Runs a helper program of the server to its end; what it prints is in the message when it fails."""
        done = subprocess.run(
            command,
            timeout=timeout,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **self.account(),
        )
        if done.returncode:
            text = done.stdout.decode(errors="replace")[-2000:]
            raise ServerUnavailable(f"{self.name}: {Path(command[0]).name} ended with {done.returncode}:\n{text}")

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        # -I -S: the tether needs no site-packages, so it starts in some 15 ms and sees no PYTHON* settings.
        tether = [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(int(self.kill_signal))]
        tether.append(":".join(str(number) for number in self.account().values()))
        return subprocess.Popen(
            [*tether, *self.command()],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is ours to handle, not the server's
        )

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)
                raise ServerUnavailable(self._failure(f"ended with {process.returncode} while starting"))
            if self.answers():
                return
        self.kill()
        raise ServerUnavailable(self._failure(f"did not answer within {self.start_seconds:.0f} s"))

    def _end(self, with_signal: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(with_signal)
        try:
            process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # Whatever the server started is in its process group, as the tether was given a session of its own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def _failure(self, what: str) -> str:
        tail = self.log_file.read_text(errors="replace")[-2000:] if self.log_file.exists() else "(no log)"
        return f"{self.name} on port {self.port} {what}; the end of its log:\n{tail}"


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerUnavailable(f"none of 200 ports tried between {PORTS.start} and {PORTS.stop} is free on 127.0.0.1")


_claims: list[IO[str]] = []  # open, and so locked, until this process ends


def claim_folder(name: str) -> Path:
    """A new temporary folder. Folders left behind by runs that were killed are removed on the way."""
    for old in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        _remove_if_abandoned(old)
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{name}-"))
    unseen = folder / "claim.new"  # locked before it is seen: a run beside this one would take it for abandoned
    claim = unseen.open("w")
    fcntl.flock(claim, fcntl.LOCK_EX)
    unseen.rename(folder / "claim")
    _claims.append(claim)
    return folder


def _remove_if_abandoned(folder: Path) -> None:
    # A folder without a claim may be one that another run is making this moment: it is left alone.
    with contextlib.suppress(OSError), (folder / "claim").open() as claim:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
