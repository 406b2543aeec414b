"""The orders of a shop beside a calculation by hand: every stage, task and fact, as of the end and a year later.

The rows look like those that a Brazilian market place published: dates without an offset, over the nights in which clocks
are changed, missing, in the wrong order, at the same second; rows that come twice, in no order.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from lifecycle import Lifecycle, open_engine
from lifecycle.mapping import import_to_path, parse_mapping
from tests.by_hand.orders import MAPPING, ORDERS, Row, asked, visits
from tests.by_hand.shop_days import clock, instant

FORM = "%Y-%m-%d %H:%M:%S"
END = datetime(2018, 10, 1, 12, tzinfo=UTC)
A_YEAR_LATER = END + timedelta(days=365)
TIMES = ("requested_at", "due_at", "expires_at")
NIGHTS = (datetime.fromisoformat("2017-10-14T23:59:30"), datetime.fromisoformat("2018-02-17T23:10"))
"""The hour after the first never was, the one after the second was twice."""


def random_row(source: random.Random, number: int) -> Row:
    placed = datetime.fromisoformat("2017-01-05") + timedelta(seconds=source.randrange(86_400 * 600))
    placed = source.choice([placed] * 8 + [each + timedelta(seconds=source.randrange(20)) for each in NIGHTS])
    promised = placed.date() + timedelta(days=source.randrange(2, 30))
    sent = placed + source.choice([timedelta(0), timedelta(hours=source.randrange(-3, 400)), timedelta(days=7)])
    delivered = sent + source.choice([timedelta(0), timedelta(hours=source.randrange(900)), timedelta(days=14)])
    return Row(
        f"o{number:03}",
        f"c{source.randrange(40):02}",
        instant(placed),
        source.choice([None, instant(sent), instant(sent)]),
        source.choice([None, instant(delivered), instant(delivered)]),
        promised,
        f"{source.randrange(10_000) / 100:.2f}",
    )


def written(rows: list[Row], path: Path) -> Path:
    """Write the rows as the market place would, some twice."""

    def shown(at: datetime | None) -> str:
        return "" if at is None else clock(at).strftime(FORM)

    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["order_id", "customer", "purchased", "sent", "delivered", "promised", "paid"])
        for row in [*rows, *rows[::7]]:
            dates = [shown(at) for at in (row.placed, row.sent, row.delivered)]
            lines.writerow([row.order, row.customer, *dates, f"{row.promised} 00:00:00", row.paid])
    return path


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    source = random.Random(20180901)
    rows = [random_row(source, number) for number in range(160)]
    source.shuffle(rows)
    return rows


@pytest.fixture(scope="module", params=[END, A_YEAR_LATER], ids=["end", "a_year_later"])
def reached(
    request: pytest.FixtureRequest, rows: list[Row], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lifecycle, datetime]]:
    """Everybody as of the end, and as of a year later by way of the end."""
    folder = tmp_path_factory.mktemp("orders")
    (folder / "orders.yaml").write_text(ORDERS)
    out = folder / "touchpoints.jsonl"
    import_to_path(parse_mapping(MAPPING, name="map.yaml"), written(rows, folder / "orders.csv"), out)
    with open_engine(f"sqlite:///{folder / 'orders.db'}", folder / "orders.yaml") as opened:
        opened.ingest(out.read_bytes().splitlines())
        opened.advance(END)
        opened.advance(request.param)
        yield opened, request.param


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def customers(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.placed):
        found.setdefault(row.customer, []).append(row)
    return found


def test_stages_and_tasks_are_those_calculated_by_hand(reached: tuple[Lifecycle, datetime], rows: list[Row]) -> None:
    lifecycle, end = reached
    walks = {row: [*visits(row, end)] for row in rows}
    instances = [each for person in lifecycle.people() for each in person["tracks"]["order"]]
    assert sorted(
        (each["key"], each["stage"], moment(each["since"]), each["facts"]["promised_on"]) for each in instances
    ) == sorted((row.order, walk[-1].stage, walk[-1].since, str(row.promised)) for row, walk in walks.items())
    told = [
        (each["key"], each["kind"], *(moment(each[name]) for name in TIMES), each["state"], moment(each["closed_at"]))
        for each in lifecycle.tasks(include_closed=True)
    ]
    by_hand = [(row.order, *task) for row, walk in walks.items() for visit in walk for task in asked(visit, row, end)]
    assert len(told) > 500
    assert sorted(told, key=str) == sorted(by_hand, key=str)


def test_facts_and_lanes_are_as_of_the_moment(reached: tuple[Lifecycle, datetime], rows: list[Row]) -> None:
    """180 days are whole days by the clock of the shop, today included."""
    lifecycle, end = reached
    first_day = clock(end).date() - timedelta(days=179)
    expected = {}
    for name, orders in customers(rows).items():
        recent = sum(clock(row.placed).date() >= first_day for row in orders)
        spent = sum(Decimal(row.paid) for row in orders)
        expected[name] = ("regular" if recent >= 2 else "customer", recent, spent, orders[0].placed)
    found = {}
    for each in lifecycle.people():
        facts = each["facts"]
        spent = Decimal(str(facts["spent"]["BRL"]))
        found[each["person"]] = (each["lane"], facts["recent"], spent, moment(facts["first_order"]))
    assert found == expected
