"""Derived names: task ids, causes, message ids, and the partition a person belongs to.

Nothing here is random or counted over the log, so a replay derives the same names again.

A task id is `slot-cause`, both readable from the id. The slot says *which question* (person, track, key,
rule), the cause says *what brought it about*. Every name is hashed with its length, so no two lists of
names run together.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b


def _digest(named: str, size: int) -> str:
    return blake2b(named.encode("utf-8"), digest_size=size).hexdigest()


def _named(*names: str) -> str:
    """Return names, each with its length in bytes before it.

    Nearly all names are ASCII: then characters are bytes, and whoever has many puts them together at once, in half the
    time.
    """
    return "".join([f"{len(name.encode('utf-8'))}:{name}" for name in names])


def slot_of(person: str, track: str, key: str, rule: str) -> str:
    """Return the 20 hex digits that name a question asked about a person, whatever caused it."""
    named = f"4:slot{len(person)}:{person}{len(track)}:{track}{len(key)}:{key}{len(rule)}:{rule}"
    return _digest(named if named.isascii() else _named("slot", person, track, key, rule), 10)


@lru_cache(maxsize=1_024)
def cause_of_touchpoint(source: str, touchpoint_id: str) -> str:
    """Return the 24 hex digits of a stage entry that a touchpoint caused."""
    named = f"10:touchpoint{len(source)}:{source}{len(touchpoint_id)}:{touchpoint_id}"
    return _digest(named if named.isascii() else _named("touchpoint", source, touchpoint_id), 12)


def cause_of_timer(stage_cause: str, timer: str, count: int) -> str:
    """Return the 24 hex digits of what a timer caused: its stage's cause, its name, the how manieth firing (from 1)."""
    often = str(count)
    named = f"5:timer{len(stage_cause)}:{stage_cause}{len(timer)}:{timer}{len(often)}:{often}"
    return _digest(named if named.isascii() else _named("timer", stage_cause, timer, often), 12)


def task_id(slot: str, cause: str) -> str:
    """Return the task id `slot-cause`."""
    return f"{slot}-{cause}"


_TASK_ID = re.compile(r"[0-9a-f]{20}-[0-9a-f]{24}")


def is_task_id(text: str) -> bool:
    """Tell whether a text has the form of a task id; whether there ever was such a task is another question."""
    return _TASK_ID.fullmatch(text) is not None


def slot_of_task(identifier: str) -> str:
    """Return the slot part of a task id (all of it when it is not of our form)."""
    return identifier.partition("-")[0]


def share_of(person: str, shares: int) -> int:
    """Return which of so many equal shares of all people a person belongs to, from 0."""
    return int(_digest(_named("share", person), 8), 16) % shares


def message_id(identifier: str, version: int) -> str:
    """Return the id of the message that carries this version of a task."""
    return f"{identifier}.{version}"


def murmur2(data: bytes) -> int:
    """Return Kafka's 32-bit murmur2 hash (org.apache.kafka.common.utils.Utils.murmur2), unsigned."""
    length = len(data)
    mask = 0xFFFFFFFF
    mix = 0x5BD1E995
    state = (0x9747B28C ^ length) & mask
    whole = length & ~3
    for index in range(0, whole, 4):
        part = int.from_bytes(data[index : index + 4], "little") * mix & mask
        part ^= part >> 24
        state = (state * mix & mask) ^ (part * mix & mask)
    rest = length - whole
    if rest:
        state ^= int.from_bytes(data[whole:], "little")
        state = state * mix & mask
    state ^= state >> 13
    state = state * mix & mask
    return state ^ (state >> 15)


@lru_cache(maxsize=16_384)
def partition_of(person: str, partitions: int) -> int:
    """Return the partition a person belongs to, as Kafka's default partitioner puts the key: murmur2, made positive."""
    return (murmur2(person.encode("utf-8")) & 0x7FFFFFFF) % partitions
