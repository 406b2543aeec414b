"""The servers of tests/servers are real, keep their data, and end with the process that started them."""

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from tests.servers import KafkaServer, PostgresServer, ServerUnavailable
from tests.servers.jars import class_path
from tests.servers.postgres_server import copy_of, packaged_programs
from tests.servers.process import Server
from tests.servers.shared import SharedServers

ROOT = Path(__file__).parents[2]


def make_topic(servers: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        settings = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(5 * 1024 * 1024)}
        admin.create_topics([NewTopic(topic, 2, 1, topic_configs=settings)])
        admin.wait_for_topics([topic])
    finally:
        admin.close()


def produce(servers: str, topic: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=servers, max_request_size=6 * 1024 * 1024)
    try:
        producer.send(topic, value=value, key=b"person-1").get(timeout=30)
    finally:
        producer.close()


def consume(servers: str, topic: str, group: str, *, count: int) -> list[bytes]:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=30_000,
        max_partition_fetch_bytes=6 * 1024 * 1024,
    )
    try:
        return [next(consumer).value for _ in range(count)]
    finally:
        consumer.close()


def sql(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


class TestKafka:
    def test_a_message_is_produced_and_consumed(self, kafka_servers: str, topic_names: Callable[[str], str]) -> None:
        topic = topic_names("touchpoints")
        make_topic(kafka_servers, topic)
        produce(kafka_servers, topic, b"hello")
        assert consume(kafka_servers, topic, topic_names("group"), count=1) == [b"hello"]

    def test_a_message_of_nearly_five_mebibytes_passes(
        self, kafka_servers: str, topic_names: Callable[[str], str]
    ) -> None:
        topic = topic_names("dead-letters")
        make_topic(kafka_servers, topic)
        large = bytes(5 * 1024 * 1024 - 1024)
        produce(kafka_servers, topic, large)
        assert consume(kafka_servers, topic, topic_names("group"), count=1) == [large]

    @pytest.mark.slow
    def test_messages_survive_stop_and_kill(self, kafka_broker: KafkaServer, topic_names: Callable[[str], str]) -> None:
        servers, topic = kafka_broker.bootstrap_servers, topic_names("touchpoints")
        make_topic(servers, topic)
        produce(servers, topic, b"one")
        kafka_broker.stop()
        assert not kafka_broker.running
        assert not kafka_broker.answers()
        kafka_broker.start()
        produce(servers, topic, b"two")
        kafka_broker.kill()
        assert not kafka_broker.running
        kafka_broker.start()
        assert kafka_broker.bootstrap_servers == servers
        assert consume(servers, topic, topic_names("group"), count=2) == [b"one", b"two"]

    def test_jars_are_not_fetched_twice(self, monkeypatch: pytest.MonkeyPatch, kafka_broker: KafkaServer) -> None:
        monkeypatch.setattr("tests.servers.jars._fetch", lambda folder: pytest.fail(f"fetched into {folder}"))
        assert "kafka_2.13" in class_path()


class TestPostgres:
    def test_version(self, postgres_url: str) -> None:
        ((version,),) = sql(postgres_url, "SELECT version()")
        assert str(version).startswith("PostgreSQL ")

    @pytest.mark.parametrize("run", [1, 2])
    def test_each_test_has_an_empty_database(self, database_url: str, run: int) -> None:
        assert sql(database_url, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []
        sql(database_url, "CREATE TABLE people (id text)")

    def test_rows_survive_stop_and_kill(self, postgres_server: PostgresServer, database_url: str) -> None:
        sql(database_url, "CREATE TABLE people (id text)")
        sql(database_url, "INSERT INTO people VALUES ('one')")
        postgres_server.stop()
        assert not postgres_server.running
        with pytest.raises(psycopg.OperationalError, match="refused"):
            sql(database_url, "SELECT 1")
        postgres_server.start()
        sql(database_url, "INSERT INTO people VALUES ('two')")
        postgres_server.kill()
        assert not postgres_server.running
        postgres_server.start()
        assert sql(database_url, "SELECT id FROM people ORDER BY id") == [("one",), ("two",)]

    @pytest.mark.parametrize("program", ["initdb", "postgres"])
    def test_programs_run_from_a_copy(self, tmp_path: Path, program: str) -> None:
        copied = copy_of(packaged_programs(), tmp_path / "programs")
        done = subprocess.run([copied / program, "--version"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{program} (PostgreSQL) ")


def test_a_test_runs_on_both_stores(store_url: str, request: pytest.FixtureRequest) -> None:
    assert store_url.startswith(("sqlite:///", "postgresql+psycopg://"))
    assert request.node.callspec.params["store_url"] in store_url


STARTER = """
import signal, sys
from tests.servers import PostgresServer
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
server = PostgresServer().start()
print(server._process.pid, server.folder, flush=True)
sys.stdin.read()  # the test ends this process here
"""


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: elsewhere only an orderly end stops the servers")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_a_server_ends_with_the_process_that_started_it(how: signal.Signals) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with starter:
        assert starter.stdout is not None
        server, _, folder = starter.stdout.readline().strip().partition(" ")
        ended = os.pidfd_open(int(server))
        try:
            starter.send_signal(how)
            starter.wait(30)
            # A pidfd is readable once the process has ended, whoever its parent is by then.
            assert wait_readable(ended, seconds=30), f"the server {server} outlived {how.name}"
        finally:
            os.close(ended)
    if how == signal.SIGINT:  # the one way of the three that lets the starter clean up
        assert not Path(folder).exists()
    shutil.rmtree(folder, ignore_errors=True)


def test_folders_of_killed_runs_are_removed_by_the_next(tmp_path: Path) -> None:
    program = "import os, tests.servers.process as p; p.claim_folder('try'); os.kill(os.getpid(), 9)"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True)
    assert len(list(tmp_path.iterdir())) == 1


class Pausing(Server):
    """A server that does nothing until it is ended."""

    name = "pausing"
    stop_signal = kill_signal = signal.SIGKILL

    def prepare(self) -> None:
        """Nothing to lay out."""

    def command(self) -> list[str]:
        return [sys.executable, "-c", "import signal; signal.pause()"]

    def answers(self) -> bool:
        return True


class TestShared:
    def test_it_is_started_once_and_ends_when_the_last_user_is_done(self, tmp_path: Path) -> None:
        """Also where the last user is not the one that started it: that one waits."""
        made: list[Pausing] = []

        def make() -> Pausing:
            made.append(Pausing())
            return made[-1]

        def address_of(shared: SharedServers) -> str:
            return shared.address("one", make, lambda server: str(server.port))

        keeper, other = SharedServers(tmp_path), SharedServers(tmp_path)
        assert address_of(keeper) == address_of(other) == address_of(keeper) == str(made[0].port)
        ending = threading.Thread(target=keeper.close)
        ending.start()
        assert [server.running for server in made] == [True]
        other.close()
        ending.join(30)
        assert [server.running for server in made] == [False]
        assert address_of(other) == str(made[1].port)
        other.close()
        assert [server.running for server in made] == [False, False]

    def test_one_that_cannot_be_had_is_tried_once(self, tmp_path: Path) -> None:
        class Missing(Pausing):
            def prepare(self) -> None:
                tried.append(self.name)
                raise ServerUnavailable("it is not here")

        tried: list[str] = []
        shared = SharedServers(tmp_path)
        for _ in range(2):
            with pytest.raises(ServerUnavailable, match="it is not here"):
                shared.address("one", Missing, lambda server: "")
        assert tried == ["pausing"]
        shared.close()


def wait_readable(descriptor: int, *, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])
