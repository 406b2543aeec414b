"""What comes of one order by the policy ORDERS, calculated from its dates: one walk through its stages, then their tasks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from tests.by_hand.shop_days import CLOSE, awake, business_days, business_hours, days, instant, months

ORDERS = """
policy: orders
language: 1
calendar: {zone: America/Sao_Paulo, holidays: BR, hours: 08:00 to 18:00}
contact: {inside: {reaches: nobody}, told: {reaches: person, quiet: 20:00 to 08:00}}
defaults: {due: 2 business days, expires: 14 days}
lanes: [{is: regular, customers: true, when: {fact.recent: {at_least: 2}}}, {is: customer, customers: true}]
touchpoints:
  order.placed: {by: person, data: {order: id, promised_on: date within 1 year, paid: money}}
  order.sent: {by: us, data: {order: id}}
  order.delivered: {by: system, data: {order: id}}
facts:
  recent: {count: order.placed, within: 180 days}
  spent: {sum: order.placed.paid}
  first_order: {first: order.placed}
tracks:
  buyer: {per: person, start: known, stages: {known: {means: You know me., review: {every: 3 years}}}}
  order:
    per: order
    start: placed
    begins: [order.placed]
    facts: {promised_on: {last: order.placed.promised_on}}
    upon: {order.delivered: arrived}
    stages:
      placed:
        means: I have ordered.
        upon: {order.sent: under_way}
        tasks:
          check: {ask: Look, due: 4 business hours, expires: 2 business days, done_by: order.sent,
                  or_else: {ask: Nobody looked, by: lead, due: 1 business day, expires: 3 days}}
        later: [{after: 10 business days, to: stuck}]
      under_way:
        means: It is on the way.
        tasks: {warn: {at: 2 business days before promised_on, ask: Ask, due: promised_on, expires: 1 day, done_by: order.delivered}}
        later: [{at: 1 day after promised_on, to: late}]
      late:
        means: The day has passed.
        tasks: {weekly: {every: 1 week, ask: Tell them, contact: told, due: 1 business day, expires: 2 days}}
        later: [{after: 60 days, to: stuck}]
      stuck: {means: Nobody tells me anything., review: {every: 1 month}}
      arrived:
        means: I have it.
        upon: {order.delivered: stay}
        tasks: {ask: {after: 7 days, ask: Ask, contact: told, due: 4 days}}
        watched_by: buyer
"""
MAPPING = """
mapping: orders
language: 1
source: urn:orders
file: {format: csv}
id: "{order_id}"
subject: "{customer}"
time: {column: purchased, format: "%Y-%m-%d %H:%M:%S", zone: America/Sao_Paulo, unclear: earlier}
rules:
  - {name: a, type: order.placed, data: {order: {id: "{order_id}"}, paid: {money: "{paid}", currency: BRL},
     promised_on: {date: "{promised}", format: "%Y-%m-%d %H:%M:%S"}}}
  - {name: b, type: order.sent, when: {sent: {filled: true}}, data: {order: {id: "{order_id}"}},
     time: {column: sent, format: "%Y-%m-%d %H:%M:%S", zone: America/Sao_Paulo, unclear: earlier}}
  - {name: c, type: order.delivered, when: {delivered: {filled: true}}, data: {order: {id: "{order_id}"}},
     time: {column: delivered, format: "%Y-%m-%d %H:%M:%S", zone: America/Sao_Paulo, unclear: earlier}}
"""


class Row(NamedTuple):
    order: str
    customer: str
    placed: datetime
    sent: datetime | None
    delivered: datetime | None
    promised: date
    paid: str


class Visit(NamedTuple):
    """A stage, from when, until when (None: still), and whether news ended it, which comes before timers."""

    stage: str
    since: datetime
    until: datetime | None
    by_news: bool


TARGETS = {(stage, "delivered"): "arrived" for stage in ("placed", "under_way", "late", "stuck")} | {
    ("placed", "sent"): "under_way"
}


def news_of(row: Row) -> list[tuple[datetime, str]]:
    """Return what comes after the order was placed; what came before it reaches nothing."""
    news = [(at, kind) for at, kind in ((row.sent, "sent"), (row.delivered, "delivered")) if at is not None]
    return sorted((each for each in news if each[0] >= row.placed), key=lambda each: each[0])


def wait_of(stage: str, since: datetime, row: Row) -> tuple[datetime, str] | None:
    if stage == "placed":
        return business_days(since, 10), "stuck"
    if stage == "under_way":
        return max(since, instant(datetime.combine(row.promised, time()) + timedelta(days=1))), "late"
    return (days(since, 60), "stuck") if stage == "late" else None


def visits(row: Row, end: datetime) -> Iterator[Visit]:
    """Walk through the stages of an order, the one where it stands last."""
    stage, since, news = "placed", row.placed, news_of(row)
    while True:
        wait = wait_of(stage, since, row)
        is_news = bool(news) and news[0][0] <= end and (wait is None or news[0][0] <= wait[0])
        if not is_news and (wait is None or wait[0] > end):
            yield Visit(stage, since, None, by_news=False)
            return
        at, what = news.pop(0) if is_news else wait or (end, "")
        to = TARGETS.get((stage, what)) if is_news else what
        if to is not None:
            yield Visit(stage, since, at, by_news=is_news)
            stage, since = to, at


Task = tuple[Any, ...]


def fate(visit: Visit, kind: str, opened: datetime, due: datetime, expires: datetime, done: datetime | None, end: datetime) -> Task:  # fmt: skip
    """Return a task: done before all else at an instant, left by news before it expires, by time after that."""
    left = visit.until
    ends = [(expires, 2, "expired")]
    ends += [] if left is None else [(left, 1 if visit.by_news else 3, "withdrawn")]
    ends += [] if done is None or done < opened else [(done, 0, "completed")]
    at, _, state = min(ends)
    return (kind, opened, due, expires, *((state, at) if at <= end else ("open", None)))


def asked(visit: Visit, row: Row, end: datetime) -> Iterator[Task]:
    """Return what one stage asks for, from its entry on."""
    since, until = visit.since, visit.until or end + timedelta(microseconds=1)
    if visit.stage == "placed" and since < until:
        due = business_hours(since, 4)
        done = row.sent if row.sent is not None and row.sent >= row.placed else None
        first = fate(visit, "check", since, due, business_days(due, 2), done, end)
        yield first
        if first[4] == "expired" and first[5] < until:
            due = business_days(first[5], 1)
            yield fate(visit, "check/or_else", first[5], due, days(due, 3), done, end)
    if visit.stage == "under_way":
        opened = max(since, business_days(instant(datetime.combine(row.promised, time())), -2))
        due = instant(datetime.combine(row.promised, CLOSE))
        if opened < until:
            yield fate(visit, "warn", opened, due, max(opened, days(due, 1)), row.delivered, end)
    if visit.stage == "arrived" and (opened := awake(days(since, 7))) < until:
        yield fate(visit, "ask", opened, days(opened, 4), days(days(opened, 4), 14), None, end)
    wanted = days(since, 7)
    while visit.stage == "late" and (opened := awake(wanted)) < until:
        due = business_days(opened, 1)
        task = fate(visit, "weekly", opened, due, days(due, 2), None, end)
        yield task
        wanted = days(task[5] or end, 7)
    number = 1
    while visit.stage == "stuck" and (opened := months(since, number)) < until:
        due = business_days(opened, 2)
        yield fate(visit, "review", opened, due, days(due, 14), None, end)
        number += 1
