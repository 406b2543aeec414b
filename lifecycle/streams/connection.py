"""How to reach the broker, said once: the same settings become the arguments of every Kafka client in use.

There are three: aiokafka (intake and relay), kafka-python (topics) and faust (agents, where an app has any).
What a client's own error means for us is decided here too, in `broker_trouble`.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import AuthenticationFailedError, KafkaError, UnsupportedCodecError
from aiokafka.helpers import create_ssl_context
from kafka.errors import KafkaError as AdminError

from lifecycle.databases import Shard
from lifecycle.errors import BrokerUnavailable, LifecycleError, SettingsRefused
from lifecycle.settings import Settings

FETCH_WAIT_MILLISECONDS = 10
FETCH_BYTES = 64 * 1024
"""How long a broker waits before it answers a fetch with fewer bytes: part of the time from a touchpoint to its task.

Were it to answer at the first record, it would answer with one: what follows in that partition is fetched only after
that one was taken, so the next batch would have a record of each partition, and the rest would wait for another.
"""

METADATA_SECONDS = 10
"""How old what the consumer knows of its topics may be."""


def client_arguments(settings: Settings) -> dict[str, Any]:
    """Return what aiokafka's consumer and producer need to connect. Raises SettingsRefused (the CA file)."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": _servers(settings),
        "client_id": settings.instance or settings.group,
        "security_protocol": settings.broker_protocol,
        "ssl_context": _ssl_context(settings),
    }
    if settings.broker_protocol in settings.SASL:
        arguments |= {
            "sasl_mechanism": settings.broker_mechanism,
            "sasl_plain_username": settings.broker_user,
            "sasl_plain_password": _password(settings),
        }
    return arguments


def admin_arguments(settings: Settings) -> dict[str, Any]:
    """Return what kafka-python's admin client needs to connect; the names are aiokafka's."""
    return client_arguments(settings)


def faust_arguments(settings: Settings) -> dict[str, Any]:
    """Return the settings of a faust app that say where the broker is and who we are."""
    context = _ssl_context(settings)
    credentials: Any = None
    if settings.broker_protocol in settings.SASL:
        credentials = faust.SASLCredentials(
            username=settings.broker_user,
            password=_password(settings),
            ssl_context=context,
            mechanism=settings.broker_mechanism,
        )
    elif context is not None:
        credentials = faust.SSLCredentials(context)
    return {
        "broker": ";".join(f"kafka://{server}" for server in _servers(settings)),
        "broker_credentials": credentials,
    }


def intake_consumer(settings: Settings) -> Any:
    """Return the consumer that the intake reads with, not yet started. Raises SettingsRefused (the CA file)."""
    session = timedelta(seconds=settings.session_timeout_seconds)
    return AIOKafkaConsumer(
        **client_arguments(settings),
        group_id=settings.group_of(settings.need_shard()),
        group_instance_id=settings.instance,
        enable_auto_commit=False,
        # The database says where to read. An offset that is not there is an error, never a jump.
        auto_offset_reset="none",
        isolation_level="read_committed",
        # A topic without records holds back the answer for all topics of a broker as long as this.
        fetch_max_wait_ms=FETCH_WAIT_MILLISECONDS,
        fetch_min_bytes=FETCH_BYTES,
        # A topic that is deleted and made anew is assigned again no later than this.
        metadata_max_age_ms=METADATA_SECONDS * 1000,
        # Gives partition N of every input topic to one worker, which the clock and the relay rest on.
        partition_assignment_strategy=(assignor_of(settings),),
        session_timeout_ms=session // timedelta(milliseconds=1),
        heartbeat_interval_ms=session // timedelta(milliseconds=4),
    )


def assignor_of(settings: Settings) -> Any:
    """Return how a group gives its partitions to its workers: with several databases those of their shard alone.

    All of a group serve one shard, so whoever leads it gives out that one.
    """
    if settings.several is None:
        return RangePartitionAssignor
    shard = settings.need_shard()

    class OfShard(RangePartitionAssignor):
        @classmethod
        def assign(cls, cluster: Any, members: Any) -> Any:
            return super().assign(_Cluster(cluster, shard), members)

    return OfShard


class _Cluster:
    """What an assignor asks of a cluster, as far as a shard goes."""

    def __init__(self, cluster: Any, shard: Shard) -> None:
        self._cluster = cluster
        self._shard = shard

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        partitions = self._cluster.partitions_for_topic(topic)
        return None if partitions is None else {each for each in partitions if each in self._shard}


@contextmanager
def broker_trouble(doing: str, settings: Settings) -> Iterator[None]:
    """Turn what a Kafka client raises into BrokerUnavailable, or SettingsRefused where we are at fault."""
    try:
        yield
    except (KafkaError, AdminError, OSError) as error:
        raise _ours(error, doing, settings) from error


def _ours(error: Exception, doing: str, settings: Settings) -> LifecycleError:
    name = type(error).__name__
    if isinstance(error, UnsupportedCodecError) or name == "UnsupportedCodecError":
        return SettingsRefused(
            f"{doing}: records are compressed in a way that this installation cannot read ({error}). "
            "Run `pip install cramjam` beside this program and start again."
        )
    if isinstance(error, AuthenticationFailedError) or "Authentication" in name or "Authorization" in name:
        return SettingsRefused(
            f"{doing}: broker {settings.broker} refuses us ({name}: {error}). "
            "Check LIFECYCLE_BROKER_USER, LIFECYCLE_BROKER_PASSWORD and the rights of that user."
        )
    return BrokerUnavailable(f"{doing}: broker {settings.broker} does not answer as it should ({name}: {error})")


def _servers(settings: Settings) -> list[str]:
    return [server.strip() for server in settings.broker.split(",") if server.strip()]


def _password(settings: Settings) -> str | None:
    return None if settings.broker_password is None else settings.broker_password.get_secret_value()


def _ssl_context(settings: Settings) -> ssl.SSLContext | None:
    if settings.broker_protocol not in ("SSL", "SASL_SSL"):
        return None
    try:
        context: ssl.SSLContext = create_ssl_context(
            cafile=None if settings.broker_ca_file is None else str(settings.broker_ca_file)
        )
    except OSError as error:
        raise SettingsRefused(
            f"setting broker_ca_file: {settings.broker_ca_file} cannot be read ({error}). "
            "Correct LIFECYCLE_BROKER_CA_FILE, or broker_ca_file in the settings file."
        ) from error
    return context
