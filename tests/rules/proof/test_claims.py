"""The claims of docs/proof.md, held against histories that try to break them. How they are drawn stands in claims.py."""

from __future__ import annotations

from random import Random

import pytest

from lifecycle.rules.language.load import load_policy
from tests.rules.proof.claims import policy_text, refusing, tried
from tests.seeds import seeds

POLICIES, HISTORIES = 200, 5
"""A thousand histories; `python -m tests.rules.proof.claims 100000` tries more."""


@pytest.mark.parametrize("part", seeds(range(4)))
def test_no_history_breaks_what_is_claimed_of_a_policy_that_is_proved(part: int) -> None:
    """Somebody comes next, time leaves every stage that is no rest, and every loss is followed up within a year."""
    share = POLICIES // 4
    for seed in range(part * share, (part + 1) * share):
        assert list(tried(Random(seed), HISTORIES)) == [], f"seed {seed}"


def test_the_policies_that_are_drawn_are_proved_and_refused() -> None:
    """A law about policies that are proved needs both: some with a loss that are, and each kind of finding."""
    policies = [load_policy(policy_text(Random(seed))[0]) for seed in range(300)]
    codes = [refusing(policy) for policy in policies]
    assert {"loss", "no-date", "renewed", "loop-too-fast", "loop-without-task"} <= set().union(*codes)
    proved = [policy for policy, found in zip(policies, codes, strict=True) if not found]
    with_loss = [policy for policy in proved if any(stage.loss for stage in policy.tracks["thing"].stages.values())]
    assert len(with_loss) > 10
