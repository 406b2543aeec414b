"""A real Kafka broker and a real PostgreSQL, from Python packages alone: no root, Docker, Java or Maven.

What it is: two servers with the same handful of verbs (`start`, `stop`, `kill`), each on a free port of
127.0.0.1 with its data in a temporary folder. Stopped or killed servers start again on the same port and
data, so a test can take a server away and give it back. Servers end with the process that made them, also
when that one is interrupted or killed.

What it is not: a service for production, or a mock. tests/conftest.py and the benchmarks call it:

    with KafkaServer() as kafka, PostgresServer() as postgres:
        run(kafka.bootstrap_servers, postgres.url)

To use servers that run already set LIFECYCLE_TEST_KAFKA (bootstrap servers) and LIFECYCLE_TEST_DATABASE (a
SQLAlchemy URL of a user who may create databases).
"""

from tests.servers.kafka_server import KafkaServer
from tests.servers.postgres_server import PostgresServer
from tests.servers.process import ServerUnavailable

__all__ = ["KafkaServer", "PostgresServer", "ServerUnavailable"]
