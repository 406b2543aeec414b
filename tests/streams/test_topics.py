"""Topics on the real broker: made, checked and identified; and a file published to them."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from lifecycle.errors import BrokerUnavailable, FileRefused, NotFound, SettingsRefused, Stop, Unreadable
from lifecycle.settings import Settings
from lifecycle.streams.publish import MAX_LINE_BYTES, publish_file
from lifecycle.streams.topics import create_topics, read_end_offsets, read_topics
from tests.streams.site import Site
from tests.wire.test_codec import body_of


@pytest.fixture
def settings(kafka_servers: str, topic_names: Callable[[str], str]) -> Settings:
    return Settings.load(
        broker=kafka_servers,
        touchpoints=topic_names("touchpoints"),
        outcomes=topic_names("outcomes"),
        tasks=topic_names("tasks"),
        dead_letters=topic_names("dead-letters"),
        partitions=2,
    )


@pytest.mark.integration
def test_topics_are_made_once_and_are_as_the_design_wants_them(settings: Settings) -> None:
    with pytest.raises(NotFound, match=r"no topic .* on .*\. Run `lifecycle topics create`\."):
        read_topics(settings)
    assert set(create_topics(settings).values()) == {True}
    assert set(create_topics(settings).values()) == {False}
    found = read_topics(settings)
    inputs = [found[name] for name in settings.input_topics]
    assert all(topic.keeps_broker_time and topic.partitions == 2 for topic in inputs)
    assert {topic.configs["max.message.bytes"] for topic in inputs} == {"4194304"}
    assert found[settings.dead_letters].configs["max.message.bytes"] == "5242880"
    assert found[settings.tasks].configs["cleanup.policy"] == "delete"
    assert len({topic.id for topic in found.values()}) == 4
    assert read_end_offsets(settings, inputs) == {(topic.name, number): 0 for topic in inputs for number in (0, 1)}


@pytest.mark.integration
def test_a_topic_that_is_not_as_wanted_is_reported_with_the_next_step(settings: Settings) -> None:
    with KafkaAdminClient(bootstrap_servers=settings.broker) as admin:
        admin.create_topics({settings.touchpoints: {"num_partitions": 3, "replication_factor": 1}})
    with pytest.raises(SettingsRefused) as caught:
        create_topics(settings)
    text = str(caught.value)
    assert f"topic {settings.touchpoints} has 3 partitions, the settings say 2. Set" in text
    assert f"topic {settings.touchpoints} has message.timestamp.type = CreateTime, wanted LogAppendTime. Run" in text
    assert "--add-config message.timestamp.type=LogAppendTime" in text
    assert settings.outcomes not in text
    with pytest.raises(
        SettingsRefused, match=r"all input topics need the same number of partitions: .* has 3, .* has 2"
    ):
        read_topics(settings)


ASK_NOBODY = """
import threading
from lifecycle.errors import BrokerUnavailable
from lifecycle.settings import Settings
from lifecycle.streams import topics

topics.CONNECT_SECONDS = 1
try:
    topics.read_topics(Settings.load(broker="127.0.0.1:1"))
except BrokerUnavailable as error:
    print(threading.active_count(), error)
"""


def test_a_broker_that_does_not_answer_says_so_and_leaves_no_thread_behind() -> None:
    # In a process of its own, because kafka-python leaves sockets that were refused to the garbage collector.
    done = subprocess.run([sys.executable, "-c", ASK_NOBODY], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("1 reading topics: broker 127.0.0.1:1 does not answer as it should"), done


@pytest.mark.integration
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_is_published_line_by_line_as_it_is(site: Site, tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    lines = [body_of(id=f"e{number}", subject=f"p{number % 3}") for number in range(2500)]
    lines[7] = b'{"broken'
    path = tmp_path / "touchpoints"
    path.write_bytes(pack(b"\r\n".join(lines) + b"\n\n"))
    told: list[int] = []
    assert publish_file(site.settings, path, progress=told.append) == 2500
    assert told == [2000, 2500]
    records = site.records(site.settings.touchpoints)
    assert sorted(record.value for record in records) == sorted(lines)
    assert {record.key for record in records} == {b"p0", b"p1", b"p2", None}
    assert {dict(record.headers)["content-type"] for record in records} == {
        b"application/cloudevents+json; charset=UTF-8"
    }
    of_one = [record.value for record in records if record.key == b"p0"]
    assert of_one == [line for line in lines if b'"p0"' in line]


def test_files_that_cannot_be_published(tmp_path: Path) -> None:
    settings = Settings.load(broker="127.0.0.1:1")
    with pytest.raises(FileRefused, match=r"file .*absent cannot be read: no such file or directory"):
        publish_file(settings, tmp_path / "absent")
    path = tmp_path / "some"
    path.write_bytes(body_of())
    with pytest.raises(BrokerUnavailable, match=r"publishing .*some: broker 127\.0\.0\.1:1 does not answer"):
        publish_file(settings, path)


@pytest.mark.integration
def test_files_that_break_off(site: Site, tmp_path: Path) -> None:
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(body_of() * 100)[:-10])
    with pytest.raises(Stop, match=r"packed\.gz is not whole: .* What came before is published"):
        publish_file(site.settings, packed)
    long = tmp_path / "long"
    long.write_bytes(body_of() + b"\n" + b"x" * (MAX_LINE_BYTES + 1))
    with pytest.raises(Unreadable, match=r"long:2: \d+ bytes, a topic takes \d+\. Take the line out\."):
        publish_file(site.settings, long)
