"""The topics: made, checked and identified, through kafka-python's admin client.

`lifecycle topics create` calls `create_topics`, a worker calls `read_topics` before it reads anything. Both
are synchronous; call them from a thread.

Decisions. Input topics take the broker's time (LogAppendTime), because partition time rests on it, and
records of up to 4 MiB, so that what is too large for us is refused by us, with a reason; dead letters get
5 MiB, for such a record and the headers that say why. The task topic is not compacted: its key is the
person, and compaction would keep a person's last message and lose their other open tasks. How long records
are kept is the broker's default: the database holds the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import KafkaError
from kafka.protocol.consumer.offsets import IsolationLevel

from lifecycle.errors import NotFound, SettingsRefused
from lifecycle.record import Log, TopicPartition as Pair
from lifecycle.settings import Settings
from lifecycle.streams.connection import admin_arguments, broker_trouble

MAX_INPUT_BYTES = 4 * 1024 * 1024
MAX_DEAD_LETTER_BYTES = 5 * 1024 * 1024
CONNECT_SECONDS = 10
ALREADY_EXISTS = 36  # the error code of Kafka's protocol


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as it should be. `configs` are the names of Kafka's topic settings."""

    name: str
    partitions: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as it is. `id` is Kafka's own: a topic that is deleted and made anew has another."""

    name: str
    id: str
    partitions: int
    configs: Mapping[str, str]

    @property
    def keeps_broker_time(self) -> bool:
        """Whether records carry the time at which the broker took them."""
        return self.configs.get("message.timestamp.type") == "LogAppendTime"


def wanted_topics(settings: Settings) -> list[Wanted]:
    """Return the topics that the settings name, inputs first."""
    partitions = settings.topic_partitions
    coming_in = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(MAX_INPUT_BYTES)}
    refused = {"max.message.bytes": str(MAX_DEAD_LETTER_BYTES)}
    return [
        *(Wanted(name, partitions, coming_in) for name in settings.source_topics),
        # What was taken in comes once more, with headers that say where from.
        *(
            Wanted(name, partitions, {**coming_in, **refused})
            for name in settings.input_topics
            if name == settings.passed_on
        ),
        Wanted(settings.tasks, partitions, {"cleanup.policy": "delete"}),
        Wanted(settings.dead_letters, partitions, refused),
    ]


def create_topics(settings: Settings) -> dict[str, bool]:
    """Make the topics that do not exist, check the others; return name -> whether it was made now.

    May be repeated. Raises SettingsRefused when a topic that exists is not as it should be (nothing is
    changed in it; every finding with its next step), BrokerUnavailable.
    """
    wanted = wanted_topics(settings)
    with _admin(settings, "creating topics") as admin:
        specification = {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": settings.replication,
                "configs": dict(topic.configs),
            }
            for topic in wanted
        }
        answer = admin.create_topics(specification, raise_errors=False)
        errors = {topic["name"]: (topic["error_code"], topic["error_message"]) for topic in answer["topics"]}
        failed = [
            f"topic {name} could not be made: {message or f'error {code}'}."
            for name, (code, message) in errors.items()
            if code not in (0, ALREADY_EXISTS)
        ]
        if failed:
            raise SettingsRefused("\n".join(failed))
        admin.wait_for_topics([topic.name for topic in wanted])
        found = _describe(admin, [topic.name for topic in wanted])
    findings = [line for topic in wanted for line in _differences(topic, found[topic.name], settings)]
    if findings:
        raise SettingsRefused("\n".join(findings))
    return {name: code == 0 for name, (code, _) in errors.items()}


def read_topics(settings: Settings) -> dict[str, Found]:
    """Return the topics as they are, by name.

    Raises NotFound when one is missing, SettingsRefused when the inputs differ in their number of partitions,
    BrokerUnavailable.
    """
    names = [topic.name for topic in wanted_topics(settings)]
    with _admin(settings, "reading topics") as admin:
        found = _describe(admin, names)
    missing = [name for name in names if name not in found]
    if missing:
        raise NotFound(f"no topic {', '.join(missing)} on {settings.broker}. Run `lifecycle topics create`.")
    counts = {name: found[name].partitions for name in settings.input_topics}
    if len(set(counts.values())) != 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise SettingsRefused(
            f"all input topics need the same number of partitions: {listed}. Add partitions to the smaller "
            "one with Kafka's own tool, or name another topic in the settings."
        )
    return found


def read_logs(settings: Settings, topic: Found) -> dict[int, Log]:
    """Return every partition of a topic as the broker has it now."""
    with _admin(settings, "reading offsets") as admin:
        logs = read_offsets(admin, {(topic.name, partition): topic.id for partition in range(topic.partitions)})
    return {partition: log for (_, partition), log in logs.items()}


def read_offsets(admin: Any, ids: Mapping[Pair, str]) -> dict[Pair, Log]:
    """Return where these partitions begin and end now, each with the id of its topic that is given."""
    places = [TopicPartition(*place) for place in ids]
    starts = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
    # As the intake reads: records of a transaction that is still open do not exist yet.
    ends = admin.list_partition_offsets(
        dict.fromkeys(places, OffsetSpec.LATEST), isolation_level=IsolationLevel.READ_COMMITTED
    )
    return {tuple(place): Log(ids[tuple(place)], starts[place].offset, ends[place].offset) for place in places}


def read_end_offsets(settings: Settings, topics: Iterable[Found]) -> dict[Pair, int]:
    """Return the offset after the last readable record of every partition of these topics."""
    ids = {(topic.name, partition): topic.id for topic in topics for partition in range(topic.partitions)}
    with _admin(settings, "reading end offsets") as admin:
        return {place: log.end for place, log in read_offsets(admin, ids).items()}


@contextmanager
def _admin(settings: Settings, doing: str) -> Iterator[Any]:
    with broker_trouble(doing, settings):
        admin = connect_admin(settings)
        try:
            yield admin
        finally:
            admin.close()


def connect_admin(settings: Settings) -> Any:
    """Return a connected admin client, to be closed. Raises what the client raises."""
    return _Admin(**admin_arguments(settings), bootstrap_timeout_ms=CONNECT_SECONDS * 1000)


class _Admin(KafkaAdminClient):
    """Closes itself when it cannot connect.

    kafka-python 3.0 leaves a thread and its sockets behind then, and a worker that waits for its broker tries
    again and again.
    """

    def __init__(self, **configs: Any) -> None:
        try:
            super().__init__(**configs)
        except KafkaError:
            self._closed = False  # or `close` takes it for closed already
            self.close()
            raise


def _describe(admin: Any, names: list[str]) -> dict[str, Found]:
    described = [topic for topic in admin.describe_topics(names) if topic["error_code"] == 0]
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic["name"]) for topic in described]
    configs = admin.describe_configs(resources, config_filter="all")["topic"] if resources else {}
    return {
        topic["name"]: Found(
            topic["name"],
            str(topic["topic_id"]),
            len(topic["partitions"]),
            {name: config["value"] for name, config in configs[topic["name"]].items()},
        )
        for topic in described
    }


def _differences(wanted: Wanted, found: Found, settings: Settings) -> Iterator[str]:
    if found.partitions != wanted.partitions:
        yield (
            f"topic {wanted.name} has {found.partitions} partitions, the settings say {wanted.partitions}. Set "
            f"LIFECYCLE_PARTITIONS to {found.partitions}, or correct LIFECYCLE_DATABASES, or name another topic."
        )
    for name, value in wanted.configs.items():
        has = found.configs.get(name)
        enough = has is not None and name == "max.message.bytes" and int(has) >= int(value)
        if has != value and not enough:
            yield (
                f"topic {wanted.name} has {name} = {has}, wanted {value}. Run kafka-configs.sh "
                f"--bootstrap-server {settings.broker} --alter --entity-type topics "
                f"--entity-name {wanted.name} --add-config {name}={value}"
            )
