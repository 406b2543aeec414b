"""The numbers that site-reliability engineers watch, as Prometheus metrics.

What it is: one registry of few metrics, made once per process and handed to the services that count. What it
is not: a server. A worker serves `text()` on /metrics of faust's web server (streams/app.py): that server
answers from the event loop that does the work, so a loop that hangs is seen as a scrape that fails.

Counters start at 0 with the process; the sums that must hold for ever stand in the database.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from lifecycle.record import LABEL_NAMES, OUTCOME_NAMES, Accounting

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series for each counter, which nothing here uses

MISSING_FIELDS = 100
"""Most fields that are told of by name as read as missing."""

_BATCH_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All metrics of one process. Safe for threads, as prometheus_client is."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter(
            "lifecycle_records",
            "Records received, by outcome: exactly one each.",
            ["outcome"],
            registry=self.registry,
        )
        self.labelled = Counter(
            "lifecycle_records_labelled",
            "Records that were also late, misrouted, unmatched, unreached or keyless, whatever their outcome.",
            ["label"],
            registry=self.registry,
        )
        self.batch_seconds = Histogram(
            "lifecycle_batch_seconds",
            "From taking a batch to its commit, attempts and pauses included.",
            buckets=_BATCH_SECONDS,
            registry=self.registry,
        )
        self.retries = Counter(
            "lifecycle_retries",
            "Attempts that failed and were repeated, by what was tried.",
            ["doing"],
            registry=self.registry,
        )
        self.advanced_people = Counter(
            "lifecycle_advanced_people", "People moved by time alone.", registry=self.registry
        )
        self.sent_messages = Counter(
            "lifecycle_sent_messages",
            "Messages acknowledged by the broker, by topic kind and the person's lane (0 is served first).",
            ["kind", "lane"],
            registry=self.registry,
        )
        self._tell_partitions()
        self._count_the_database()
        # So that every series is there, at 0, before its first event: rates need the first step too.
        for outcome in OUTCOME_NAMES:
            self.records.labels(outcome)
        for label in LABEL_NAMES:
            self.labelled.labels(label)

    def _tell_partitions(self) -> None:
        self.partition_lag_seconds = Gauge(
            "lifecycle_partition_time_lag_seconds",
            "How far the time of an owned partition is behind the wall clock.",
            ["partition"],
            registry=self.registry,
        )
        self.stopped_partitions = Gauge(
            "lifecycle_stopped_partitions",
            "1 for an owned partition that is not read, because its log is another than was read. Must be 0.",
            ["topic", "partition"],
            registry=self.registry,
        )
        self.lost_offsets = Gauge(
            "lifecycle_lost_offsets",
            "Offsets of an owned partition that were gone before they were read, as `topics adopt` counted them.",
            ["topic", "partition"],
            registry=self.registry,
        )

    def _count_the_database(self) -> None:
        self.people = Gauge("lifecycle_people", "People in the database.", registry=self.registry)
        self.people_without_next_obligation = Gauge(
            "lifecycle_people_without_next_obligation",
            "People for whom nothing dated will happen. Must be 0.",
            registry=self.registry,
        )
        self.people_stopped = Gauge(
            "lifecycle_people_stopped", "People who are no longer folded.", registry=self.registry
        )
        self.read_as_missing = Gauge(
            "lifecycle_read_as_missing_touchpoints",
            "Touchpoints of which the policy reads a field as missing, by type and field.",
            ["type", "field"],
            registry=self.registry,
        )
        self.people_read_as_missing = Gauge(
            "lifecycle_read_as_missing_people",
            "People of whom the policy reads a field of a touchpoint as missing, by type and field.",
            ["type", "field"],
            registry=self.registry,
        )
        self.outbox_rows = Gauge("lifecycle_outbox_rows", "Messages that wait to be sent.", registry=self.registry)
        self.not_asked = Gauge(
            "lifecycle_not_asked_tasks",
            "Tasks due before the moment from which is asked, which nobody was asked.",
            registry=self.registry,
        )
        self.asked_anew = Gauge(
            "lifecycle_asked_anew_tasks",
            "Those of them that are still owed: they come anew from that moment on.",
            registry=self.registry,
        )

    def count(self, accounting: Accounting) -> None:
        """Add what became of a batch."""
        for outcome in OUTCOME_NAMES:
            self.records.labels(outcome).inc(getattr(accounting, outcome))
        for label in LABEL_NAMES:
            self.labelled.labels(label).inc(getattr(accounting, label))

    def tell_missing(self, missing: Mapping[str, tuple[int, int]]) -> None:
        """Set what the policy reads as missing: `type.field` -> (touchpoints, people). At most MISSING_FIELDS series.

        What is beyond is summed under the type and field `other`; of its people only the most that one field has.
        """
        ranked = sorted(missing.items(), key=lambda each: (-each[1][0], each[0]))
        self.read_as_missing.clear()
        self.people_read_as_missing.clear()
        for name, (touchpoints, people) in ranked[:MISSING_FIELDS]:
            labels = name.rpartition(".")[::2]
            self.read_as_missing.labels(*labels).set(touchpoints)
            self.people_read_as_missing.labels(*labels).set(people)
        if beyond := [counts for _, counts in ranked[MISSING_FIELDS:]]:
            self.read_as_missing.labels("other", "other").set(sum(touchpoints for touchpoints, _ in beyond))
            self.people_read_as_missing.labels("other", "other").set(max(people for _, people in beyond))

    def tell_not_asked(self, tasks: int, anew: int) -> None:
        """Set what was due before the moment from which is asked, and how much of that comes anew."""
        self.not_asked.set(tasks)
        self.asked_anew.set(anew)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
