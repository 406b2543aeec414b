"""The intake on real Kafka: every kind of record, transactions and gaps, records in foreign partitions."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from lifecycle import clock
from lifecycle.ids import partition_of
from lifecycle.task import rfc3339
from tests.servers.process import free_port
from tests.streams.site import Site
from tests.wire.test_codec import EVENT, STRUCTURED, binary_headers, body_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def good(number: int) -> bytes:
    return body_of(id=f"e{number}", subject=f"p{number % 7}", data={"need": "n1", "words": "a roof"})


MALFORMED: list[tuple[bytes | None, str]] = [
    (b'{"id": "broken', "not_json"),
    (b"[1, 2]", "not_an_object"),
    (body_of(id=...), "missing_field"),
    (body_of(time=...), "missing_field"),
    (body_of(specversion="9.9"), "unsupported_version"),
    (body_of(subject=""), "empty_field"),
    (body_of(subject=4711), "not_text"),
    (b'{"data":"' + b"x" * (2 * 1024 * 1024) + b'"}', "too_large"),
    (b"\xff\xfe\x00", "not_utf8"),
    (body_of(time="9999-01-01T00:00:00Z"), "time_out_of_range"),
    (body_of(time="2026-13-01T00:00:00Z"), "bad_time"),
    (body_of(data={"need": "n1"}), "invalid_data"),
    (None, "tombstone"),
]


def test_malformed_records_are_dead_lettered_with_their_bytes_and_the_rest_is_unaffected(site: Site) -> None:
    producer = KafkaProducer(bootstrap_servers=site.settings.broker, max_request_size=4_000_000)
    for number in range(400):
        producer.send(site.settings.touchpoints, good(number), key=f"p{number % 7}".encode())
        if number % 30 == 0 and number // 30 < len(MALFORMED):
            body, reason = MALFORMED[number // 30]
            producer.send(site.settings.touchpoints, body, key=reason.encode(), headers=[("trace", b"\xff")])
    producer.send(site.settings.touchpoints, b"{}", headers=[("ce_id", b"\xff"), ("ce_specversion", b"1.0")])
    producer.flush()
    producer.close()
    worker = site.worker(until="end")
    assert worker.code() == 0, worker.output
    accounting = site.accounting()
    assert (accounting.folded, accounting.dead_lettered) == (400, len(MALFORMED) + 1)
    assert accounting.received == 401 + len(MALFORMED)
    letters = site.records(site.settings.dead_letters)
    found = {
        (letter.value, dict(letter.headers)["lifecycle.errors.exception"].decode()) for letter in letters if letter.key
    }
    assert found == {(body or b"", reason) for body, reason in MALFORMED}
    for letter in letters:
        headers = dict(letter.headers)
        assert headers["lifecycle.errors.topic"] == site.settings.touchpoints.encode()
        assert headers["lifecycle.errors.message"]
        if letter.key is not None:
            assert headers["trace"] == b"\xff"
            assert headers["lifecycle.errors.exception"] == letter.key


class BrokenName(str):
    """The name of a header as a careless client sends it."""

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


def test_a_record_that_the_client_cannot_unpack_is_passed_and_reported(site: Site) -> None:
    producer = KafkaProducer(bootstrap_servers=site.settings.broker)
    for number in range(900):
        producer.send(site.settings.touchpoints, good(number), partition=number % 2)
        if number in (0, 500, 502):
            producer.flush()  # a batch of its own: what follows it in one batch cannot be unpacked either
            producer.send(site.settings.touchpoints, b"{}", headers=[(BrokenName("x"), b"1")], partition=1)
            producer.flush()
    producer.flush()
    producer.close()
    worker = site.worker(until="end")
    assert worker.code() == 0, worker.output
    accounting = site.accounting()
    assert (accounting.received, accounting.folded, accounting.dead_lettered) == (903, 900, 3)
    letters = [dict(letter.headers) for letter in site.records(site.settings.dead_letters)]
    assert [letter["lifecycle.errors.exception"] for letter in letters] == [b"unreadable_header"] * 3
    assert {letter["lifecycle.errors.partition"] for letter in letters} == {b"1"}


def test_every_mode_and_every_input_topic_is_read(site: Site) -> None:
    data = json.dumps({"need": "n1", "words": "a roof"}).encode()
    site.send([body_of(id="a", data=json.loads(data))], headers=list(STRUCTURED))
    site.send([data], headers=list(binary_headers(id="b", subject="p2")))
    outcome = body_of(id="c", type="task.declined", data={"task": f"{0:020x}-{0:024x}"})
    site.send([outcome], topic=site.settings.outcomes)
    worker = site.worker(until="end")
    assert worker.code() == 0, worker.output
    assert site.accounting().folded == 3
    assert sorted(row[0] for row in site.people()) == ["p1", "p2"]


def test_records_in_a_foreign_partition_are_folded_and_labelled(site: Site) -> None:
    foreign = (partition_of("p1", 4) + 1) % 4
    site.send([good(1)], partition=foreign)
    worker = site.worker(until="end")
    assert worker.code() == 0, worker.output
    accounting = site.accounting()
    assert (accounting.folded, accounting.misrouted) == (1, 1)
    (row,) = site.store.load_people(["p1"]).values()
    assert row.partition == partition_of("p1", 4)
    # A live worker moves time all the same: it waits for all partitions, which are all empty.
    live = site.worker()
    site.wait_until(lambda: reached_all(site), "time moves in every partition")
    live.signal(signal.SIGTERM)
    assert live.code(seconds=12) == 0


def reached_all(site: Site) -> bool:
    history_ended = datetime(2026, 4, 1, tzinfo=UTC)  # where the bounded run left time
    return all(row.reached_at is not None and row.reached_at > history_ended for row in site.store.progress())


def test_transactions_leave_gaps_that_are_passed_and_aborted_records_do_not_count(site: Site) -> None:
    producer: Any = KafkaProducer(bootstrap_servers=site.settings.broker, transactional_id=site.settings.group)
    producer.init_transactions()
    producer.begin_transaction()
    for number in range(10):
        producer.send(site.settings.touchpoints, good(number), partition=0)
    producer.commit_transaction()
    producer.begin_transaction()
    for number in range(10, 20):
        producer.send(site.settings.touchpoints, good(number), partition=1)
    producer.flush()
    producer.abort_transaction()
    producer.close()
    worker = site.worker(until="end")
    assert worker.code() == 0, worker.output
    assert site.accounting().received == 10
    offsets = {
        row.partition: row.next_offset for row in site.store.progress() if row.topic == site.settings.touchpoints
    }
    assert (offsets[0], offsets[1]) == (11, 11)


def get(port: int, page: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


AT_ONCE = """
policy: at_once
language: 1
lanes: [{is: everybody}]
touchpoints: {need.stated: {by: person, data: {need: id, words: text}}, reply.sent: {by: us}}
tracks:
  in_touch:
    per: person
    start: here
    stages:
      here: {means: I said what I need., tasks: {answer: {ask: Answer, due: 1 day, done_by: reply.sent}}, review: {every: 1 year}}
"""
"""A policy without quiet hours: whoever speaks is answered, at whatever hour the test runs."""


@pytest.mark.slow(at_night=True)
def test_news_of_today_becomes_a_task_within_seconds_and_is_counted(site: Site, tmp_path: Path) -> None:
    port, policy = free_port(), tmp_path / "at_once.yaml"
    policy.write_text(AT_ONCE)
    worker = site.worker(web_port=port, grace_seconds=0.5, policy=str(policy))
    worker.wait_for("owns partitions [0, 1, 2, 3]")
    site.send([body_of(time=rfc3339(clock.now()), data={"need": "n1", "words": "a roof"})])
    site.wait_until(lambda: bool(site.records(site.settings.tasks)), "a task is requested", seconds=20)
    message = json.loads(site.records(site.settings.tasks)[0].value)
    assert (message["type"], message["subject"]) == ("task.requested", EVENT["subject"])
    assert get(port, "health") == (200, '{"healthy":true,"wrong":null}')
    status, metrics = get(port, "metrics")
    assert status == 200
    assert 'lifecycle_records_total{outcome="folded"} 1.0' in metrics
    assert 'lifecycle_sent_messages_total{kind="task"' in metrics
    assert 'lifecycle_partition_time_lag_seconds{partition="0"}' in metrics
    for page in ("table", "router", "stats", "graph"):
        assert get(port, page)[0] == 404
    worker.signal(signal.SIGTERM)
    assert worker.code(seconds=12) == 0, worker.output
