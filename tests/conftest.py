"""The fixtures that all tests share: real servers, a store of one's own, and names of one's own.

| fixture | what a test gets |
| --- | --- |
| kafka_servers | bootstrap servers, `host:port`, of the run's one broker; of kafka_broker in a test that takes that |
| kafka_broker | a broker as an object, to stop, kill and start; running again when the test is over |
| topic_names | names for topics and groups that no other test uses: `topic_names("touchpoints")` |
| postgres_url | SQLAlchemy URL of the run's one PostgreSQL, or of postgres_server; for databases, not for tables |
| postgres_server | a server as an object, as kafka_broker |
| database_url, other_database_url | SQLAlchemy URL of an empty PostgreSQL database of the test's own |
| sqlite_url | SQLAlchemy URL of a SQLite file, not yet made, of the test's own |
| store_url | sqlite_url in one run of the test, database_url in a second |

Servers start when the first test asks for them and end with the run. All processes of a run share one broker and one
PostgreSQL; a test that takes a server away has one that no other process uses. A server that cannot be had skips the
test on a developer's machine and fails it where CI is set. A test that uses a server carries the marker
`integration`.
"""

import os
import sys
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import hypothesis
import psycopg
import pytest

from tests.nights import Nights
from tests.servers import KafkaServer, PostgresServer, ServerUnavailable
from tests.servers.process import Server
from tests.servers.shared import SharedServers

Kind = TypeVar("Kind", bound=Server)

IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}
EXTERNAL_KAFKA = os.environ.get("LIFECYCLE_TEST_KAFKA")
EXTERNAL_DATABASE = os.environ.get("LIFECYCLE_TEST_DATABASE")
LONGEST = (
    "real/test_bpic2012_shuffled.py",
    "real/test_bpic2012_kafka.py",
    "real/test_bpic2012_answers.py",
    "real/test_bpic2012_killed.py",
    "streams/test_outages.py",
    "streams/test_live_workers.py",
    "streams/test_logs.py",
    "streams/test_bounded_runs.py",
    "engine/test_laws.py",
    "streams/test_intake.py",
    "streams/test_activation.py",
)
"""Files that take longest, in this folder. First those that compute, while one process fetches and starts the servers."""
RANKS = {Path(__file__).parent.joinpath(name).resolve(strict=True): rank for rank, name in enumerate(LONGEST)}
# What was compiled is kept, whatever the environment wants: each of some hundred processes that tests start would
# otherwise compile the program and its libraries anew, two seconds of computing every time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

SERVER_FIXTURES = {
    "kafka_servers",
    "kafka_broker",
    "postgres_url",
    "postgres_server",
    "database_url",
    "other_database_url",
}

# No deadline: the machine may be busy. In CI the same examples each time, so that a red run can be run again.
hypothesis.settings.register_profile(
    "developer", deadline=None, max_examples=50, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(
    "ci",
    hypothesis.settings.get_profile("developer"),
    max_examples=100,
    derandomize=True,
    database=None,
    print_blob=True,
)
hypothesis.settings.load_profile("ci" if IN_CI else "developer")


@pytest.fixture
def kafka_servers(request: pytest.FixtureRequest) -> str:
    """Bootstrap servers of a real Kafka. Topics must be made before use, under names from `topic_names`."""
    if EXTERNAL_KAFKA:
        return EXTERNAL_KAFKA
    if "kafka_broker" in request.fixturenames:
        broker: KafkaServer = request.getfixturevalue("kafka_broker")
        return broker.bootstrap_servers
    return shared(request.config, "kafka", KafkaServer, lambda server: server.bootstrap_servers)


@pytest.fixture
def kafka_broker(request: pytest.FixtureRequest) -> Iterator[KafkaServer]:
    """A broker to stop, kill and start again. Its data is that of the process's tests that take one."""
    if EXTERNAL_KAFKA:
        unavailable("LIFECYCLE_TEST_KAFKA names a broker that tests may not stop; unset it to run this one")
    broker: KafkaServer = request.getfixturevalue("_own_kafka")
    yield broker
    broker.start()


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> str:
    """SQLAlchemy URL of the maintenance database of a real PostgreSQL."""
    if EXTERNAL_DATABASE:
        return EXTERNAL_DATABASE
    if "postgres_server" in request.fixturenames:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.url
    return shared(request.config, "postgresql", PostgresServer, lambda server: server.url)


@pytest.fixture
def postgres_server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server to stop, kill and start again. Databases survive all three."""
    if EXTERNAL_DATABASE:
        unavailable("LIFECYCLE_TEST_DATABASE names a server that tests may not stop; unset it to run this one")
    server: PostgresServer = request.getfixturevalue("_own_postgres")
    yield server
    server.start()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    """SQLAlchemy URL (driver psycopg) of an empty database, dropped after the test."""
    yield from _database(request, postgres_url)


@pytest.fixture
def other_database_url(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    """The same, for a test that needs two."""
    yield from _database(request, postgres_url)


def _database(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    own: PostgresServer | None = None
    if "postgres_server" in request.fixturenames:
        own = request.getfixturevalue("postgres_server")
    name = f"test_{uuid.uuid4().hex[:16]}"
    administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
    base, _, query = postgres_url.partition("?")
    yield f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    if own:
        own.start()  # the test may have stopped it
    administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")  # whoever is still connected


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """SQLAlchemy URL of a database file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'lifecycle.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """SQLAlchemy URL of an empty store: the test runs once on each."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "database_url")
    return url


@pytest.fixture
def topic_names() -> Callable[[str], str]:
    """Gives each name a prefix of the test's own: `topic_names("tasks")` -> `test-1f0c9a2b.tasks`."""
    prefix = f"test-{uuid.uuid4().hex[:8]}"
    return lambda name: f"{prefix}.{name}"


@pytest.fixture(scope="session")
def _own_kafka() -> Iterator[KafkaServer]:
    server = KafkaServer()
    try:
        server.start()
    except ServerUnavailable as reason:
        unavailable(str(reason))
    else:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def _own_postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        server.start()
    except ServerUnavailable as reason:
        unavailable(str(reason))
    else:
        yield server
    finally:
        server.close()


SHARED = pytest.StashKey[SharedServers]()


def shared(config: pytest.Config, name: str, make: Callable[[], Kind], address_of: Callable[[Kind], str]) -> str:
    """Return where the run's server of a name is; it runs until the last process of the run needs it no more."""
    if SHARED not in config.stash:
        folder: Path = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        config.stash[SHARED] = SharedServers(folder.parent if hasattr(config, "workerinput") else folder)
    try:
        return config.stash[SHARED].address(name, make, address_of)
    except ServerUnavailable as reason:
        unavailable(str(reason))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leaves the servers to the other processes, or waits until these need them no more."""
    if SHARED in session.config.stash:
        session.config.stash[SHARED].close()


def unavailable(reason: str) -> NoReturn:
    """Skips the test, or fails it in CI, where a skipped test would pass for a good one."""
    if IN_CI:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def administer(url: str, statement: str) -> None:
    """Runs one statement outside a transaction."""
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(statement.encode())


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--nights`."""
    parser.addoption("--nights", action="store_true", help="run what reads the wall clock again at awkward hours")


def pytest_configure(config: pytest.Config) -> None:
    """Loads the plugin of `--nights`; under xdist in the processes that run tests."""
    controls_others = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if config.getoption("--nights") and not controls_others:
        config.pluginmanager.register(Nights(), "nights")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that need a server, so that `-m 'not integration'` leaves them out; puts the longest files first.

    Several processes take file by file: a file of minutes that is begun last would keep one alone at the end.
    """
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if SERVER_FIXTURES & set(item.fixturenames) or parameters.get("store_url") == "postgresql":
            item.add_marker("integration")
    items.sort(key=lambda item: RANKS.get(item.path, len(RANKS)))  # otherwise in the order they stand


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI fails integration tests that would be skipped, whoever skips them."""
    report = yield
    expected = hasattr(report, "wasxfail")
    if IN_CI and report.skipped and not expected and item.get_closest_marker("integration"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI is set: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI fails modules that would be skipped as a whole."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped as a whole, and CI is set: {report.longrepr}"
    return report
