"""What retractions leave out: a function of their set, evaluated from the last in order to the first."""

from __future__ import annotations

import random
from itertools import permutations

from lifecycle.rules.fold.retractions import counted, name_of, retracted
from lifecycle.touchpoint import RETRACTED, Touchpoint
from tests.rules.histories import touchpoint


def retraction(name: str, hours: float, of: str, *, sequence: str | None = None) -> Touchpoint:
    return touchpoint(name, RETRACTED, hours, sequence=sequence, source="s", id=of)


def left_out(*touchpoints: Touchpoint) -> set[str]:
    """Return the ids of what is retracted."""
    return {name for _, name in retracted(touchpoints)}


def test_a_retraction_takes_out_what_it_names_whatever_comes_first() -> None:
    """Before or after it in order, and where nothing of that name is known."""
    early, late = touchpoint("a", "need.stated", 1), touchpoint("b", "need.stated", 9)
    both = [early, late, retraction("x", 5, "a"), retraction("y", 5, "b")]
    assert counted(both, retracted(both)) == []
    assert left_out(retraction("x", 5, "nothing")) == {"nothing"}


def test_a_retraction_of_a_retraction_gives_back_what_was_taken() -> None:
    """It was no mistake after all."""
    assert left_out(retraction("x", 5, "a"), retraction("y", 6, "x")) == {"x"}


def test_a_retraction_of_a_later_retraction_counts_for_nothing() -> None:
    """It cannot take back what had not been said."""
    assert left_out(retraction("x", 5, "a"), retraction("y", 4, "x")) == {"a", "x"}


def test_chains_are_evaluated_from_the_last_backwards() -> None:
    """Of three in a row the last undoes the second, so the first counts."""
    chain = [retraction("x", 1, "a"), retraction("y", 2, "x"), retraction("z", 3, "y")]
    for order in permutations(chain):
        assert left_out(*order) == {"a", "y"}


def test_at_one_instant_the_order_of_touchpoints_decides() -> None:
    """Sequence, then source, then id."""
    first, second = retraction("x", 1, "a", sequence="1"), retraction("w", 1, "x", sequence="2")
    assert left_out(first, second) == {"x"}
    assert left_out(first._replace(sequence="3"), second) == {"a", "x"}


def test_one_that_names_itself_counts_for_nothing() -> None:
    """It is not later than itself."""
    assert left_out(retraction("x", 1, "x")) == {"x"}
    assert left_out(retraction("x", 1, "x"), retraction("y", 0, "a")) == {"x", "a"}


def test_two_that_name_each_other_leave_the_later_in_force() -> None:
    """No circle is without an end."""
    assert left_out(retraction("x", 1, "y"), retraction("y", 2, "x")) == {"x"}


def test_what_names_nothing_is_no_retraction() -> None:
    """Stored when its type was not known to anybody: it stays out of the fold, and takes nothing out."""
    strange = touchpoint("x", RETRACTED, 1, of="a")
    assert counted([strange, touchpoint("a", "need.stated", 0)], retracted([strange])) == [
        touchpoint("a", "need.stated", 0)
    ]


def test_the_order_of_arrival_makes_no_difference() -> None:
    """Random sets of retractions of touchpoints and of each other."""
    source = random.Random(1)
    for _ in range(200):
        names = [f"r{number}" for number in range(8)]
        each = [retraction(name, source.randrange(4), source.choice([*names, "a", "b"])) for name in names]
        wanted = left_out(*each)
        source.shuffle(each)
        assert left_out(*each) == wanted
        assert all(name_of(touchpoint) != ("s", "") for touchpoint in each)
