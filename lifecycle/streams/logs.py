"""Asking the broker what the log of each input partition is now: id of the topic, start and end.

Over one connection that is kept, since it is asked at every claim and every tick. What the answer means is the
business of watch.py and store/ownership.py.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from kafka import TopicPartition as Place
from kafka.errors import KafkaError

from lifecycle.errors import BrokerUnavailable, TopicChanged
from lifecycle.record import Log, TopicPartition
from lifecycle.settings import Settings
from lifecycle.streams.connection import broker_trouble
from lifecycle.streams.topics import Found, connect_admin, read_offsets


class Logs:
    """The logs of the input topics. `look` is synchronous and safe for threads."""

    def __init__(self, settings: Settings, inputs: Mapping[str, Found]) -> None:
        self._settings = settings
        self._inputs = inputs
        self._shard = None if settings.several is None else settings.need_shard()
        self._admin: Any = None
        self._one_at_a_time = threading.Lock()

    def look(self, *, everywhere: bool = False) -> dict[TopicPartition, Log]:
        """Return every partition of the input topics as the broker has it now.

        With several databases those of our shard, and all of the topic between them; of the other topics those of other
        shards only if `everywhere`: hundreds of partitions, asked by every worker every second, would be most of all
        that brokers are asked.

        Raises BrokerUnavailable, also while a topic is not there, and TopicChanged when one has another number of
        partitions than at the start of this worker: people belong to other partitions then.
        """
        with self._asking("asking for offsets"):
            return self._look(everywhere)

    def offsets_of(self, groups: Mapping[str, Collection[TopicPartition]]) -> dict[TopicPartition, int]:
        """Return up to which offsets consumer groups have told the broker that they have read, of these partitions.

        A partition of which a group has told nothing is left out. Raises BrokerUnavailable.
        """
        wanted = {group: [Place(*each) for each in places] for group, places in groups.items()}
        with self._asking("asking for offsets of other databases"):
            answers = self._admin.list_group_offsets(wanted)
        return {
            tuple(place): told.offset for each in answers.values() for place, told in each.items() if told.offset >= 0
        }

    def close(self) -> None:
        """Close the connection; the next look opens another."""
        with self._one_at_a_time:
            self._drop()

    @contextmanager
    def _asking(self, doing: str) -> Iterator[None]:
        """Ask the broker something, one at a time; a connection that failed is not used again."""
        with self._one_at_a_time, broker_trouble(doing, self._settings):
            try:
                if self._admin is None:
                    self._admin = connect_admin(self._settings)
                yield
            except (KafkaError, OSError):
                self._drop()
                raise

    def _look(self, everywhere: bool) -> dict[TopicPartition, Log]:
        described = {each["name"]: each for each in self._admin.describe_topics(list(self._inputs))}
        ids: dict[TopicPartition, str] = {}
        for name, known in self._inputs.items():
            if name not in described or described[name]["error_code"] != 0:
                raise BrokerUnavailable(f"asking for offsets: there is no topic {name} at the moment.")
            count = len(described[name]["partitions"])
            if count != known.partitions:
                raise TopicChanged(
                    f"topic {name} has {count} partitions now, it had {known.partitions}: people belong to other "
                    f"partitions then. Stop all workers and run `lifecycle topics adopt {name}`."
                )
            wanted = (each for each in range(count) if everywhere or self._concerns_us(name, each))
            ids.update({(name, partition): str(described[name]["topic_id"]) for partition in wanted})
        return read_offsets(self._admin, ids)

    def _concerns_us(self, topic: str, partition: int) -> bool:
        return self._shard is None or topic == self._settings.passed_on or partition in self._shard

    def _drop(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            with suppress(KafkaError, OSError):
                admin.close()
