"""The proof that nobody is forgotten: what would go wrong by a policy that is written right, before it runs.

Theory. A policy is finite: stages, ways between them, guards with finitely many classes of values. So it is decided,
not sampled, whether every stage that can be reached is left in time or looked at (rests.py), whether every loss
is followed up (losses.py), whether time alone can go round in silence (loops.py), whether two lines fit at
once or one never (lists.py, guards.py), and whether tasks can open (tasks.py). What is not decided
stands in docs/proof.md. The same policy has the same findings, in the order of their places; work is bounded by
MAX_COMBINATIONS, MAX_EFFORT and MAX_STEPS, beyond which a policy is refused rather than believed.

Callers: the command line (`policy check`), and whatever is about to run a policy (`require_proved`). Pure.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from lifecycle.errors import PolicyRefused
from lifecycle.rules.language.findings import MAX_FINDINGS
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.proof.asking import Asking
from lifecycle.rules.proof.begins import BeginChecker
from lifecycle.rules.proof.budgets import BudgetChecker
from lifecycle.rules.proof.findings import CheckFinding, Report
from lifecycle.rules.proof.guards import Decider
from lifecycle.rules.proof.lists import ListChecker
from lifecycle.rules.proof.loops import LoopChecker
from lifecycle.rules.proof.losses import LossChecker
from lifecycle.rules.proof.marks import MarkChecker
from lifecycle.rules.proof.paths import Ways
from lifecycle.rules.proof.rests import RestChecker
from lifecycle.rules.proof.tasks import TaskChecker

_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


def check_policy(policy: Policy) -> list[CheckFinding]:
    """Return everything that is wrong with a loaded policy, by place. Empty: proved, and nothing looks unmeant."""
    report = Report()
    decider = Decider(policy)
    ways = {name: Ways(policy, track, decider) for name, track in policy.tracks.items()}
    ListChecker(policy, decider, ways, report).check()
    rests = RestChecker(policy, decider, ways, report)
    rests.check()
    BeginChecker(policy, ways, report).check()
    asking = Asking(policy, ways)
    LossChecker(rests, asking, report).check()
    MarkChecker(policy, ways, report).check()
    LoopChecker(ways, asking, report).check()
    TaskChecker(policy, ways, report).check()
    BudgetChecker(policy, decider, ways, report).check()
    _check_lanes(policy, report)
    _check_hours(policy, report)
    return report.sorted()


def require_proved(policy: Policy, *, name: str = "") -> None:
    """Return if nothing refuses a policy. `name` stands for its file in messages; without it, the policy's name.

    Raises PolicyRefused with every finding that refuses it, each with file:line:column. Warnings do not refuse.
    """
    refusing = [each for each in check_policy(policy) if each.severity == "refuses"]
    if not refusing:
        return
    lines = [f"{each.file or name or policy.name}:{each}" for each in refusing[:MAX_FINDINGS]]
    if len(refusing) > MAX_FINDINGS:
        lines.append(f"... and {len(refusing) - MAX_FINDINGS} more")
    raise PolicyRefused("\n".join(lines))


def _check_lanes(policy: Policy, report: Report) -> None:
    """Warn of lanes that know no customers; that no customers stand behind others is seen when a policy is loaded."""
    if len(policy.lanes) > 1 and not any(lane.customers for lane in policy.lanes):
        message = "No lane is for customers, so nothing shows that they are served before others."
        advice = 'Write "customers: true" in the lanes of those who are with you already.'
        report.warn("no-customers", policy.lanes[0].place, message, advice)


def _check_hours(policy: Policy, report: Report) -> None:
    """Warn of working hours, and of quiet hours, that leave less than an hour a day."""
    calendar, day = policy.calendar, date(2026, 1, 1)
    at_work = datetime.combine(day, calendar.closes) - datetime.combine(day, calendar.opens)
    if at_work < _HOUR and "hours" in calendar.places:
        message = f"By these hours we work {at_work // _MINUTE} minutes a day, so business hours take weeks."
        report.warn("hardly-any-time", calendar.places["hours"], message, "Write when work begins and when it ends.")
    for kind in policy.contacts.values():
        if kind.quiet is None:
            continue
        begins, ends = (datetime.combine(day, clock) for clock in kind.quiet)
        heard = (begins - ends) % timedelta(days=1)
        if heard < _HOUR:
            message = f'By these quiet hours "{kind.name}" reaches people {heard // _MINUTE} minutes a day.'
            place = kind.places.get("quiet", kind.place)
            report.warn("hardly-any-time", place, message, "Write when quiet begins and when it ends.")
