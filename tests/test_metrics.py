"""The metrics: what their numbers say, and that their labels are bounded."""

from __future__ import annotations

from lifecycle.metrics import MISSING_FIELDS, Metrics
from lifecycle.record import LABEL_NAMES


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.text().decode().splitlines() if line.startswith(name)]


def test_every_label_of_the_accounting_is_there_before_it_comes() -> None:
    """At 0: a rate needs the first step too."""
    assert len(lines(Metrics(), "lifecycle_records_labelled_total")) == len(LABEL_NAMES) == 5


def test_what_is_read_as_missing_is_told_by_type_and_field() -> None:
    """Touchpoints and people; what is missing no more has no series."""
    metrics = Metrics()
    metrics.tell_missing({"need.stated.words": (5, 3), "gone.by.now": (1, 1)})
    metrics.tell_missing({"need.stated.words": (4, 2)})
    assert lines(metrics, "lifecycle_read_as_missing") == [
        'lifecycle_read_as_missing_touchpoints{field="words",type="need.stated"} 4.0',
        'lifecycle_read_as_missing_people{field="words",type="need.stated"} 2.0',
    ]


def test_the_fields_that_are_told_of_by_name_are_bounded() -> None:
    """The most touchpoints first; the others are one series."""
    metrics = Metrics()
    metrics.tell_missing({f"a.b.f{number:03}": (number + 1, 1) for number in range(MISSING_FIELDS + 2)})
    told = lines(metrics, "lifecycle_read_as_missing_touchpoints")
    assert len(told) == MISSING_FIELDS + 1
    assert 'lifecycle_read_as_missing_touchpoints{field="other",type="other"} 3.0' in told
