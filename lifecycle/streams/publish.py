"""Publishing a file of touchpoints, one JSON text a line, to the touchpoints topic: `lifecycle publish FILE`.

Each line goes out as it stands, in structured mode, keyed by its subject where one can be read. A malformed
line is sent as well, without a key: the worker dead-letters it with the reason, so that what is wrong in a file
is reported in one place and in one way.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from lifecycle.errors import FileRefused, Stop, Unreadable, reason_of
from lifecycle.settings import Settings
from lifecycle.streams.connection import broker_trouble, client_arguments
from lifecycle.streams.topics import MAX_INPUT_BYTES
from lifecycle.wire import codec

MAX_IN_FLIGHT = 2000
"""Most lines sent and not yet acknowledged."""
MAX_LINE_BYTES = MAX_INPUT_BYTES - 64 * 1024
"""Longest line: what the topic takes, less key, headers and framing."""

HEADERS = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def publish_file(settings: Settings, path: Path, *, progress: Callable[[int], None] = lambda count: None) -> int:
    """Send every line of a file (plain or gzip) and return how many were acknowledged; empty lines are skipped.

    `progress` is told now and then how many were acknowledged so far. Lines with one subject keep their order.
    May be repeated: the same touchpoint again is one touchpoint. Raises FileRefused and Stop (the file), Unreadable (a
    line that no topic takes), BrokerUnavailable.
    """
    with _lines(path) as lines:
        return asyncio.run(_publish(settings, path, lines, progress))


async def _publish(settings: Settings, path: Path, lines: Iterator[bytes], progress: Callable[[int], None]) -> int:
    sent, waiting = 0, []
    producer: Any = AIOKafkaProducer(
        **client_arguments(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=128 * 1024,
        max_request_size=MAX_INPUT_BYTES,
    )
    try:
        with broker_trouble(f"publishing {path}", settings):
            await producer.start()
        # The file is read outside of `broker_trouble`: its errors are its own.
        for line in lines:
            if not line.strip():
                continue
            with broker_trouble(f"publishing {path}", settings):
                waiting.append(await producer.send(settings.touchpoints, line, key=_key(line), headers=HEADERS))
                if len(waiting) >= MAX_IN_FLIGHT:
                    sent += len(await asyncio.gather(*waiting))
                    waiting.clear()
                    progress(sent)
        with broker_trouble(f"publishing {path}", settings):
            sent += len(await asyncio.gather(*waiting))
        progress(sent)
        return sent
    finally:
        await producer.stop()


def _key(line: bytes) -> bytes | None:
    try:
        return codec.read_event(line).person.encode("utf-8")
    except Unreadable:
        return None


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[bytes]]:
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_packed else path.open("rb") as lines:
            yield _checked(lines, path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Stop(f"file {path} is not whole: {reason_of(error)}. What came before is published.") from error
    except OSError as error:
        raise FileRefused(f"file {path} cannot be read: {reason_of(error)}. Check the path.") from error


def _checked(lines: Iterable[bytes], path: Path) -> Iterator[bytes]:
    for number, line in enumerate(lines, 1):
        text = line.rstrip(b"\r\n")
        if len(text) > MAX_LINE_BYTES:
            sentence = f"{path}:{number}: {len(text)} bytes, a topic takes {MAX_LINE_BYTES}. Take the line out."
            raise Unreadable("too_large", None, sentence)
        yield text
