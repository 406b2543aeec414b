"""Servers that all processes of one test run share: the first that needs one starts it, the others are told where it is.

A server takes some seconds of computing to start and memory to run, and stands idle most of the time. Its starter
keeps it until nobody uses it any more: `close` waits for the others. All that they know of each other are files in
one folder, and locks on them, which the system takes back from a process that is killed.

    shared = SharedServers(folder)
    servers = shared.address("kafka", KafkaServer, lambda server: server.bootstrap_servers)
    shared.close()  # at the very end, when nothing of this process uses a server
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from tests.servers.process import Server, ServerUnavailable

Kind = TypeVar("Kind", bound=Server)


class SharedServers:
    """What one process uses and keeps of the servers of a folder. One name is one server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._used: dict[str, IO[str]] = {}
        self._kept: dict[str, Server] = {}
        self._refused: dict[str, ServerUnavailable] = {}

    def address(self, name: str, make: Callable[[], Kind], address_of: Callable[[Kind], str]) -> str:
        """Return where the server of a name is; it is made and started when nobody keeps it.

        It runs until this process called `close`. Raises ServerUnavailable, and the same when asked again.
        """
        if name in self._refused:
            raise self._refused[name]
        with self._starting(name):
            written = self._folder / f"{name}.address"
            if not written.exists():
                self._kept[name] = server = self._started(name, make())
                written.write_text(address_of(server))
            if name not in self._used:
                self._used[name] = _locked(self._folder / f"{name}.users", fcntl.LOCK_SH)
            return written.read_text()

    def close(self) -> None:
        """Say that this process uses no server any more; end those that it keeps once nobody does."""
        # First all of these: two that wait for each other would wait for ever.
        for users in self._used.values():
            users.close()
        self._used.clear()
        while self._kept:
            name, server = self._kept.popitem()
            while not self._ended(name, server):
                _locked(self._folder / f"{name}.users", fcntl.LOCK_EX).close()

    def _started(self, name: str, server: Kind) -> Kind:
        try:
            server.start()
        except ServerUnavailable as reason:
            server.close()
            self._refused[name] = reason
            raise
        return server

    def _ended(self, name: str, server: Server) -> bool:
        with self._starting(name):
            try:
                users = _locked(self._folder / f"{name}.users", fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            (self._folder / f"{name}.address").unlink()
            server.close()
            users.close()
            return True

    @contextmanager
    def _starting(self, name: str) -> Iterator[None]:
        """One process at a time starts or ends the server of a name."""
        lock = _locked(self._folder / f"{name}.lock", fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.close()


def _locked(path: Path, how: int) -> IO[str]:
    """Return the file, locked until it is closed. Raises BlockingIOError where LOCK_NB was asked for."""
    file = path.open("w")
    try:
        fcntl.flock(file, how)
    except BaseException:
        file.close()
        raise
    return file
